/* SPDX-License-Identifier: MPL-2.0 */
/*  node/fetch.c - downloads the missing blobs of an envelope

    A fetch is in one of three states. downloading: blob `at` is open and chunks are written to it. working: a
    thread completes blob `at` or opens the next one; nothing else touches `partial`. Neither: not started, or
    ended. */

#include "node/fetch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "bus/work.h"
#include "root/verified.h"

/*  Bytes and inodes that stay free beyond what the update itself needs, for example for journal lines. */
#define SPACE_MARGIN (UINT64_C (1) << 20)

enum { INODE_MARGIN = 64 };

/*  The first and the longest pause between two looks for a connection. */
enum { LOOK_LEAST_MS = 1, LOOK_MOST_MS = 1000 };

struct wanted {
    struct base_digest digest;
    uint64_t size;
};

struct node_fetch {
    struct node_fetch_spec spec;
    struct node_content_user user;
    struct transfer_limits limits;
    node_fetch_done *done;
    void *context;
    bool distrust;

    struct wanted *wanted;
    size_t count, at;
    uint64_t stored;        /* bytes of blobs that the store already has */
    uint64_t copied;        /* bytes to copy from a workspace, or from another file of the new one */
    uint64_t before, total; /* bytes of the blobs before the current one, and of all */
    struct node_fetch_counts counts;
    struct transfer_download download;
    struct disk_partial partial;
    struct base_digest corrupt;
    bool downloading;
    bool completing;       /* `work` completes blob `at`; else it only opens it */
    struct bus_work *work; /* disk work between two blobs; NULL: none */
    struct base_error work_error;
    bool away; /* no connection to the content peer since away_ms */
    uint64_t away_ms, look_ms;
    char note[BUS_ENDPOINT_SIZE + 64];
    int timer;
};

static void on_chunk (void *context, const struct wire_chunk *chunk, const void *payload, size_t size);
static void on_lost (void *context);
static const struct node_content_ops content_ops = {.chunk = on_chunk, .lost = on_lost};

static void fetch_check (const struct node_fetch *fetch)
{
    base_assert (fetch && fetch->done);
    base_assert (fetch->wanted || fetch->count == 0);
    base_assert (fetch->at <= fetch->count);
    base_assert (!fetch->downloading || (!fetch->completing && !fetch->work));
    base_assert (!fetch->downloading || (fetch->at < fetch->count && fetch->partial.fd >= 0));
    base_assert (!fetch->completing || fetch->at < fetch->count);
    base_assert (!fetch->work || fetch->timer <= 0);
}

struct node_fetch *node_fetch_new (const struct node_fetch_spec *spec, node_fetch_done *done, void *context)
{
    base_assert (spec && spec->loop && spec->config);
    base_assert (root_is_open (spec->root) && spec->blobs && spec->running);
    base_assert (done);
    struct node_fetch *fetch = calloc (1, sizeof *fetch);
    if (!fetch)
        return NULL;
    fetch->spec = *spec;
    fetch->limits = transfer_limits_default;
    fetch->limits.chunk = spec->config->chunk;
    fetch->limits.window = spec->config->window;
    fetch->limits.answer_ms = spec->config->answer_ms;
    fetch->done = done;
    fetch->context = context;
    fetch->partial.fd = -1;
    return fetch;
}

struct node_fetch *node_fetch_free (struct node_fetch *fetch)
{
    if (!fetch)
        return NULL;
    bus_timer_cancel (fetch->spec.loop, fetch->timer);
    node_content_leave (&fetch->user);
    (void) bus_work_free (fetch->work);
    disk_partial_deinit (&fetch->partial);
    free (fetch->wanted);
    free (fetch);
    return NULL;
}

/*  Returns whether the store has a blob. With distrust the blob is read, and removed if it is damaged:
    staging takes files from the store first. */
static bool blob_is_stored (struct node_fetch *fetch, const struct base_digest *digest)
{
    struct base_digest found;
    base_cleanup (base_close_p) int fd = -1;
    if (disk_blobs_get (fetch->spec.blobs, digest, &fd, NULL) < 0)
        return false;
    if (!fetch->distrust || (base_digest_of_fd (fd, &found, NULL) == 0 && base_digest_equal (&found, digest)))
        return true;
    (void) disk_blobs_remove (fetch->spec.blobs, digest);
    return false;
}

/*  Returns whether a retained workspace has a blob, so that staging copies it. */
static bool blob_is_installed (const struct node_fetch *fetch, const struct base_digest *digest)
{
    struct identity_source source;
    return identity_running_find (fetch->spec.root, fetch->spec.running, digest, fetch->distrust, &source) ==
           0;
}

static void blob_want (struct node_fetch *fetch, const struct base_digest *digest, uint64_t size)
{
    for (size_t i = 0; i < fetch->count; i++)
        if (base_digest_equal (&fetch->wanted[i].digest, digest)) {
            fetch->copied += size;
            return;
        }
    if (blob_is_stored (fetch, digest))
        fetch->stored += size;
    else if (blob_is_installed (fetch, digest))
        fetch->copied += size;
    else {
        fetch->wanted[fetch->count++] = (struct wanted){*digest, size};
        fetch->total += size;
        return;
    }
    fetch->counts.here += size;
}

static int space_reserve_in (const char *path, int directory, uint64_t needed, uint64_t files,
                             struct base_error *error)
{
    uint64_t bytes, inodes;
    int r = disk_space (directory, &bytes, &inodes);
    if (r < 0)
        return base_error_errno (error, r, "cannot read the free space in %s", path);
    if (bytes < needed)
        return base_error_set (
            error, -ENOSPC,
            "the update needs %llu bytes in %s, but %llu are free: make room and order it again",
            (unsigned long long) needed, path, (unsigned long long) bytes);
    if (inodes < files)
        return base_error_set (
            error, -ENOSPC,
            "the update needs %llu inodes in %s, but %llu are free: make room and order it again",
            (unsigned long long) files, path, (unsigned long long) inodes);
    return 0;
}

/*  Checks before the first request that there is room for everything that the update will write. The store
    may be a file system of its own; then the root needs room for copies of the downloads, too. */
static int space_reserve (struct node_fetch *fetch, struct base_error *error)
{
    uint64_t present = 0;
    struct stat root, blobs;
    if (fstat (fetch->spec.root->fd, &root) || fstat (fetch->spec.blobs->fd, &blobs))
        return base_error_errno (error, -errno, "cannot stat %s", fetch->spec.root->path);
    for (size_t i = 0; i < fetch->count; i++)
        present += disk_blobs_partial_size (fetch->spec.blobs, &fetch->wanted[i].digest);
    uint64_t missing = fetch->total - (present < fetch->total ? present : fetch->total);
    uint64_t files = fetch->spec.probe_files + INODE_MARGIN;
    if (root.st_dev == blobs.st_dev)
        return space_reserve_in (fetch->spec.root->path, fetch->spec.root->fd,
                                 missing + fetch->copied + fetch->spec.probe_bytes + SPACE_MARGIN,
                                 fetch->count + files, error);
    char path[PATH_MAX];
    (void) snprintf (path, sizeof path, "%s/" ROOT_VAR, fetch->spec.root->path);
    int r = space_reserve_in (path, fetch->spec.blobs->fd, missing + SPACE_MARGIN / 16, fetch->count, error);
    if (r < 0)
        return r;
    return space_reserve_in (fetch->spec.root->path, fetch->spec.root->fd,
                             fetch->total + fetch->stored + fetch->copied + fetch->spec.probe_bytes +
                                 SPACE_MARGIN,
                             fetch->count + files, error);
}

/*  done may free the fetch. */
static void fetch_end (struct node_fetch *fetch, const struct base_error *error)
{
    fetch_check (fetch);
    base_assert (!fetch->work);
    bus_timer_cancel (fetch->spec.loop, fetch->timer);
    fetch->timer = 0;
    disk_partial_deinit (&fetch->partial);
    fetch->downloading = false;
    fetch->done (fetch->context, error);
}

static void fetch_continue (void *context);

static void fetch_continue_in (struct node_fetch *fetch, uint64_t delay_ms)
{
    base_assert (fetch->timer == 0 && !fetch->work);
    fetch->timer = bus_timer_start (fetch->spec.loop, delay_ms, fetch_continue, fetch);
}

/*  Records that a blob was hashed while it arrived, so that staging does not read it again. */
static void blob_note_verified (const struct node_fetch *fetch, const struct base_digest *digest)
{
    base_cleanup (root_verified_deinit) struct root_verified verified = {.boot = ""};
    base_cleanup (base_close_p) int fd = -1;
    if (disk_blobs_get (fetch->spec.blobs, digest, &fd, NULL) < 0)
        return;
    root_verified_load (fetch->spec.root, &verified);
    root_verified_note (&verified, fd, digest);
    root_verified_save (fetch->spec.root, &verified);
}

/*  Completes the downloaded blob, on the thread. Returns 0, DISK_E_DIGEST or -errno. */
static int blob_complete (struct node_fetch *fetch, const struct wanted *wanted)
{
    char name[BASE_DIGEST_TEXT];
    int r = disk_partial_finish (&fetch->partial, &fetch->work_error);
    disk_partial_deinit (&fetch->partial);
    if (r == DISK_E_DIGEST) {
        fetch->corrupt = wanted->digest;
        return base_error_set (
            &fetch->work_error, r,
            "the origin sent a damaged blob %s, which was discarded: on the origin, remove "
            "that blob and publish the release again",
            base_digest_format (&wanted->digest, name));
    }
    if (r < 0)
        return r;
    if (wanted->size >= ROOT_VERIFIED_LARGE)
        blob_note_verified (fetch, &wanted->digest);
    return 0;
}

/*  Completes the current blob and opens the next. Runs on a thread: syncing a download, or hashing the bytes
    of an earlier attempt, may take minutes. */
static int blob_advance (void *context)
{
    struct node_fetch *fetch = context;
    size_t next = fetch->at;
    if (fetch->completing) {
        int r = blob_complete (fetch, &fetch->wanted[next]);
        if (r)
            return r;
        next++;
    }
    if (next == fetch->count)
        return 0;
    const struct wanted *wanted = &fetch->wanted[next];
    return disk_partial_open (fetch->spec.blobs, &wanted->digest, wanted->size, &fetch->partial,
                              &fetch->work_error);
}

static void on_advanced (void *context, int r)
{
    struct node_fetch *fetch = context;
    fetch_check (fetch);
    base_assert (fetch->work && !fetch->downloading);
    fetch->work = bus_work_free (fetch->work);
    if (r == 0 && fetch->completing) {
        fetch->before += fetch->wanted[fetch->at].size;
        fetch->at++;
        fetch->completing = false; /* it is counted; there may be no next one */
    }
    if (r || fetch->at == fetch->count) {
        struct base_error error = fetch->work_error; /* done may free the fetch before it reads the error */
        fetch_end (fetch, r ? &error : NULL);
        return;
    }
    const struct wanted *wanted = &fetch->wanted[fetch->at];
    fetch->downloading = true;
    fetch->counts.resumed += fetch->partial.offset;
    node_content_forget (&fetch->user); /* only gets of the previous blob that were sent twice */
    transfer_download_init (&fetch->download, &fetch->limits, &wanted->digest, wanted->size,
                            fetch->partial.offset);
    fetch_continue (fetch);
}

/*  Starts to complete the current blob, if there is one, and to open the next. */
static int blob_advance_begin (struct node_fetch *fetch)
{
    base_assert (!fetch->work && !fetch->completing);
    fetch->completing = fetch->downloading;
    fetch->downloading = false;
    return bus_work_start (fetch->spec.loop, blob_advance, on_advanced, fetch, &fetch->work);
}

/*  Returns whether there is a connection to the content peer. Without one, no request counts as lost: the
    absence of the peer costs only time. */
static bool connection_look (struct node_fetch *fetch, uint64_t now)
{
    if (node_content_is_connected (&fetch->user)) {
        if (fetch->away)
            transfer_download_lost (&fetch->download);
        if (fetch->away && *fetch->note)
            base_log (BASE_LOG_INFO, "connected to the content peer %s",
                      fetch->spec.config->endpoints.content);
        fetch->away = false;
        *fetch->note = 0;
        return true;
    }
    if (!fetch->away) {
        fetch->away = true;
        fetch->away_ms = now;
        fetch->look_ms = LOOK_LEAST_MS;
    } else if (fetch->look_ms < LOOK_MOST_MS)
        fetch->look_ms = 2 * fetch->look_ms < LOOK_MOST_MS ? 2 * fetch->look_ms : LOOK_MOST_MS;
    if (fetch->look_ms == LOOK_MOST_MS && !*fetch->note) {
        (void) snprintf (fetch->note, sizeof fetch->note, "no connection to the content peer %s",
                         fetch->spec.config->endpoints.content);
        base_log (BASE_LOG_WARNING, "%s: waiting up to %llu s", fetch->note,
                  (unsigned long long) fetch->spec.config->away_ms / 1000);
    }
    return false;
}

/*  Looks for the connection again later. Ends the fetch if the peer has been away for too long. */
static void connection_await (struct node_fetch *fetch, uint64_t now)
{
    struct base_error error = {.code = 0};
    char name[BASE_DIGEST_TEXT];
    base_assert (fetch->away && fetch->look_ms >= LOOK_LEAST_MS && fetch->look_ms <= LOOK_MOST_MS);
    if (now - fetch->away_ms < fetch->spec.config->away_ms) {
        fetch_continue_in (fetch, fetch->look_ms);
        return;
    }
    (void) base_error_set (
        &error, -ENOTCONN,
        "cannot download the blob %s: no connection to the content peer %s for %llu s: start it, or "
        "name another one in node.zpl, and order the update again",
        base_digest_format (&fetch->download.digest, name), fetch->spec.config->endpoints.content,
        (unsigned long long) (now - fetch->away_ms) / 1000);
    fetch_end (fetch, &error);
}

/*  Returns the pause in ms before the next action, at most until the next look at the connection. */
static uint64_t action_pause_ms (const struct transfer_action *action, uint64_t now)
{
    uint64_t pause = action->until_ms > now ? action->until_ms - now : 0;
    return pause < LOOK_MOST_MS ? pause : LOOK_MOST_MS;
}

/*  Carries out the actions of the download until it waits. The fetch may be freed afterwards. */
static void fetch_continue (void *context)
{
    struct node_fetch *fetch = context;
    struct base_error error = {.code = 0};
    fetch_check (fetch);
    base_assert (fetch->downloading);
    bus_timer_cancel (fetch->spec.loop, fetch->timer);
    fetch->timer = 0;
    for (;;) {
        uint64_t now = base_time_boot_ms ();
        if (!fetch->download.done && !fetch->download.failed && !connection_look (fetch, now)) {
            connection_await (fetch, now);
            return;
        }
        unsigned losses = fetch->download.losses;
        struct transfer_action action = transfer_download_next (&fetch->download, now);
        if (fetch->download.losses > losses && losses > 0 && action.kind != TRANSFER_FAILED) {
            /* Nothing arrives over this connection: its other end may be gone without notice. A first loss
               may only mean that the line is slow. */
            node_content_reconnect (&fetch->user);
            transfer_download_lost (&fetch->download);
            continue;
        }
        char name[BASE_DIGEST_TEXT];
        int r;
        switch (action.kind) {
        case TRANSFER_GET: {
            struct wire_get get = {
                .digest = fetch->download.digest, .offset = action.offset, .length = action.length};
            node_content_get (&fetch->user, &get);
            break;
        }
        case TRANSFER_DONE:
            base_assert (fetch->partial.offset == fetch->download.size);
            r = blob_advance_begin (fetch);
            if (r < 0) {
                (void) base_error_errno (&error, r, "cannot complete the blob %s",
                                         base_digest_format (&fetch->download.digest, name));
                fetch_end (fetch, &error);
            }
            return;
        case TRANSFER_FAILED:
            (void) base_error_set (&error, -EIO, "cannot download the blob %s from %s: %s",
                                   base_digest_format (&fetch->download.digest, name),
                                   fetch->spec.config->endpoints.content, action.reason);
            fetch_end (fetch, &error);
            return;
        case TRANSFER_WAIT:
            fetch_continue_in (fetch, action_pause_ms (&action, now));
            return;
        }
    }
}

static void on_nothing_wanted (void *context)
{
    struct node_fetch *fetch = context;
    base_assert (fetch->count == 0);
    fetch->timer = 0;
    fetch_end (fetch, NULL);
}

/*  Starts to fetch the wanted blobs, if there is room for them. */
static int wanted_fetch (struct node_fetch *fetch, struct base_error *error)
{
    fetch_check (fetch);
    int r = space_reserve (fetch, error);
    if (r < 0)
        return r;
    if (fetch->count == 0) {
        fetch->timer = bus_timer_start (fetch->spec.loop, 0, on_nothing_wanted, fetch);
        return 0;
    }
    node_content_join (fetch->spec.content, &fetch->user, &content_ops, fetch);
    r = blob_advance_begin (fetch);
    return r < 0 ? base_error_errno (error, r, "cannot start the download") : 0;
}

int node_fetch_start_blob (struct node_fetch *fetch, const struct base_digest *digest, uint64_t size,
                           struct base_error *error)
{
    base_assert (fetch && !fetch->wanted);
    base_assert (digest);
    fetch->distrust = true; /* it is read at once */
    fetch->wanted = calloc (1, sizeof *fetch->wanted);
    if (!fetch->wanted)
        return -ENOMEM;
    if (blob_is_stored (fetch, digest))
        fetch->stored += size;
    else {
        fetch->wanted[fetch->count++] = (struct wanted){*digest, size};
        fetch->total += size;
    }
    return wanted_fetch (fetch, error);
}

int node_fetch_start (struct node_fetch *fetch, const struct wire_envelope *envelope, bool distrust,
                      struct base_error *error)
{
    base_assert (fetch && !fetch->wanted);
    base_assert (envelope);
    fetch->distrust = distrust;
    fetch->wanted = calloc (envelope->n_files + 1, sizeof *fetch->wanted);
    if (!fetch->wanted)
        return -ENOMEM;
    blob_want (fetch, &envelope->binary, envelope->size);
    for (size_t i = 0; i < envelope->n_files; i++)
        blob_want (fetch, &envelope->files[i].digest, envelope->files[i].size);
    return wanted_fetch (fetch, error);
}

static void on_chunk (void *context, const struct wire_chunk *chunk, const void *payload, size_t size)
{
    struct node_fetch *fetch = context;
    fetch_check (fetch);
    if (!fetch->downloading)
        return;
    fetch->counts.downloaded += size;
    if (transfer_download_chunk (&fetch->download, chunk, size, base_time_boot_ms ())) {
        struct base_error error = {.code = 0};
        int r = disk_partial_write (&fetch->partial, payload, size, &error);
        if (r < 0) {
            fetch_end (fetch, &error);
            return;
        }
        base_assert (fetch->partial.offset == fetch->download.written);
    }
    fetch_continue (fetch);
}

static void on_lost (void *context)
{
    struct node_fetch *fetch = context;
    if (!fetch->downloading)
        return;
    transfer_download_lost (&fetch->download);
    fetch_continue (fetch);
}

void node_fetch_progress (const struct node_fetch *fetch, uint64_t *ret_done, uint64_t *ret_total)
{
    base_assert (fetch && ret_done && ret_total);
    *ret_done = fetch->before + (fetch->downloading  ? fetch->download.written
                                 : fetch->completing ? fetch->wanted[fetch->at].size
                                                     : 0);
    *ret_total = fetch->total;
}

struct base_digest node_fetch_corrupt (const struct node_fetch *fetch)
{
    base_assert (fetch);
    return fetch->corrupt;
}

const char *node_fetch_note (const struct node_fetch *fetch)
{
    base_assert (fetch);
    return *fetch->note ? fetch->note : fetch->downloading ? NULL : "checking or syncing the download";
}

struct node_fetch_counts node_fetch_counts (const struct node_fetch *fetch)
{
    base_assert (fetch);
    return fetch->counts;
}
