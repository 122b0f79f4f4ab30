/* SPDX-License-Identifier: MPL-2.0 */
/*  node/fetch.c - downloads the missing blobs of an envelope */

#include "node/fetch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "bus/work.h"
#include "root/verified.h"

/*  Left free beyond what the update itself needs, for journal lines and the like. */
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
    struct base_digest rotten;
    bool downloading;      /* blob `at` is open, and its bytes are awaited */
    bool completing;       /* the current work completes blob `at` */
    struct bus_work *work; /* disk work between two blobs; nothing else touches partial meanwhile */
    struct base_error work_error;
    bool away; /* the content peer is away, since away_ms */
    uint64_t away_ms, look_ms;
    char note[BUS_ENDPOINT_SIZE + 64];
    int timer;
};

static void on_chunk (void *context, const struct wire_chunk *chunk, const void *payload, size_t size);
static void on_lost (void *context);
static const struct node_content_ops content_ops = {.chunk = on_chunk, .lost = on_lost};

struct node_fetch *node_fetch_new (const struct node_fetch_spec *spec, node_fetch_done *done, void *context)
{
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
static bool is_stored (struct node_fetch *fetch, const struct base_digest *digest)
{
    struct base_digest found;
    base_cleanup (base_close_p) int fd = -1;
    if (disk_blobs_get (fetch->spec.blobs, digest, &fd, NULL))
        return false;
    if (!fetch->distrust || (!base_digest_of_fd (fd, &found, NULL) && base_digest_equal (&found, digest)))
        return true;
    (void) disk_blobs_remove (fetch->spec.blobs, digest);
    return false;
}

static void blob_want (struct node_fetch *fetch, const struct base_digest *digest, uint64_t size)
{
    struct identity_place place;
    for (size_t i = 0; i < fetch->count; i++)
        if (base_digest_equal (&fetch->wanted[i].digest, digest)) {
            fetch->copied += size;
            return;
        }
    if (is_stored (fetch, digest))
        fetch->stored += size;
    else if (!identity_running_find (fetch->spec.root, fetch->spec.running, digest, fetch->distrust, &place))
        fetch->copied += size;
    else {
        fetch->wanted[fetch->count++] = (struct wanted){*digest, size};
        fetch->total += size;
        return;
    }
    fetch->counts.here += size;
}

static int reserve_in (const char *path, int directory, uint64_t needed, uint64_t files,
                       struct base_error *error)
{
    uint64_t bytes, inodes;
    int rc = disk_space (directory, &bytes, &inodes);
    if (rc)
        return base_error_errno (error, rc, "cannot read the free space in %s", path);
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

/*  Everything that the update will write must fit before the first request. Downloads may have a file system
    of their own; then the root needs room for their copies, too. */
static int space_reserve (struct node_fetch *fetch, struct base_error *error)
{
    uint64_t here = 0;
    struct stat root, contents;
    if (fstat (fetch->spec.root->fd, &root) || fstat (fetch->spec.blobs->fd, &contents))
        return base_error_errno (error, -errno, "cannot stat %s", fetch->spec.root->path);
    for (size_t i = 0; i < fetch->count; i++)
        here += disk_blobs_partial_size (fetch->spec.blobs, &fetch->wanted[i].digest);
    uint64_t missing = fetch->total - (here < fetch->total ? here : fetch->total);
    uint64_t files = fetch->spec.probe_files + INODE_MARGIN;
    if (root.st_dev == contents.st_dev)
        return reserve_in (fetch->spec.root->path, fetch->spec.root->fd,
                           missing + fetch->copied + fetch->spec.probe_bytes + SPACE_MARGIN,
                           fetch->count + files, error);
    char path[PATH_MAX];
    (void) snprintf (path, sizeof path, "%s/" ROOT_VAR, fetch->spec.root->path);
    int rc = reserve_in (path, fetch->spec.blobs->fd, missing + SPACE_MARGIN / 16, fetch->count, error);
    return rc ? rc
              : reserve_in (fetch->spec.root->path, fetch->spec.root->fd,
                            fetch->total + fetch->stored + fetch->copied + fetch->spec.probe_bytes +
                                SPACE_MARGIN,
                            fetch->count + files, error);
}

static void fetch_end (struct node_fetch *fetch, const struct base_error *error)
{
    bus_timer_cancel (fetch->spec.loop, fetch->timer);
    fetch->timer = 0;
    disk_partial_deinit (&fetch->partial);
    fetch->downloading = false;
    fetch->done (fetch->context, error);
}

static void go_on (void *context);

/*  A download was hashed on arrival; it need not be read again for staging. */
static void note_verified (const struct node_fetch *fetch, const struct base_digest *digest)
{
    base_cleanup (root_verified_deinit) struct root_verified verified = {.boot = ""};
    base_cleanup (base_close_p) int fd = -1;
    if (disk_blobs_get (fetch->spec.blobs, digest, &fd, NULL))
        return;
    root_verified_load (fetch->spec.root, &verified);
    root_verified_note (&verified, fd, digest);
    root_verified_save (fetch->spec.root, &verified);
}

/*  Runs on a thread: syncing a download, or hashing the bytes of an earlier attempt, may take minutes. */
static int turn_page (void *context)
{
    struct node_fetch *fetch = context;
    size_t next = fetch->at;
    if (fetch->completing) {
        char name[BASE_DIGEST_TEXT];
        int rc = disk_partial_finish (&fetch->partial, &fetch->work_error);
        disk_partial_deinit (&fetch->partial);
        if (rc == DISK_E_DIGEST)
            fetch->rotten = fetch->wanted[fetch->at].digest;
        if (rc == DISK_E_DIGEST)
            (void) base_error_set (
                &fetch->work_error, rc,
                "the origin sent a damaged blob %s, which was discarded: on the origin, remove "
                "that blob and publish the release again",
                base_digest_format (&fetch->wanted[fetch->at].digest, name));
        if (rc)
            return rc;
        if (fetch->wanted[next].size >= ROOT_VERIFIED_LARGE)
            note_verified (fetch, &fetch->wanted[next].digest);
        next++;
    }
    if (next == fetch->count)
        return 0;
    const struct wanted *wanted = &fetch->wanted[next];
    return disk_partial_open (fetch->spec.blobs, &wanted->digest, wanted->size, &fetch->partial,
                              &fetch->work_error);
}

static void on_page_turned (void *context, int rc)
{
    struct node_fetch *fetch = context;
    fetch->work = bus_work_free (fetch->work);
    if (!rc && fetch->completing) {
        fetch->before += fetch->wanted[fetch->at].size;
        fetch->at++;
        fetch->completing = false; /* it is counted; there may be no next one */
    }
    if (rc || fetch->at == fetch->count) {
        struct base_error error = fetch->work_error; /* done may free the fetch before it reads the error */
        fetch_end (fetch, rc ? &error : NULL);
        return;
    }
    const struct wanted *wanted = &fetch->wanted[fetch->at];
    fetch->downloading = true;
    fetch->counts.resumed += fetch->partial.offset;
    node_content_forget (&fetch->user); /* what is unanswered was asked twice, for the blob before */
    transfer_download_init (&fetch->download, &fetch->limits, &wanted->digest, wanted->size,
                            fetch->partial.offset);
    go_on (fetch);
}

/*  Completes the current blob, if there is one, and opens the next. */
static int next_content (struct node_fetch *fetch)
{
    fetch->completing = fetch->downloading;
    fetch->downloading = false;
    return bus_work_start (fetch->spec.loop, turn_page, on_page_turned, fetch, &fetch->work);
}

/*  Returns whether the content peer can be asked. While it is away, requests do not count as lost: its
    absence costs only time. */
static bool is_connected (struct node_fetch *fetch, uint64_t now)
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

/*  Looks for the connection again, until the peer has been away for too long. */
static void await_connection (struct node_fetch *fetch, uint64_t now)
{
    struct base_error error = {.code = 0};
    char name[BASE_DIGEST_TEXT];
    if (now - fetch->away_ms < fetch->spec.config->away_ms) {
        fetch->timer = bus_timer_start (fetch->spec.loop, fetch->look_ms, go_on, fetch);
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

/*  Returns the pause before the next action, at most until the next look at the connection. */
static uint64_t pause_of (const struct transfer_action *action, uint64_t now)
{
    uint64_t pause = action->until_ms > now ? action->until_ms - now : 0;
    return pause < LOOK_MOST_MS ? pause : LOOK_MOST_MS;
}

/*  Carries out the actions of the download until it waits. The fetch may be freed afterwards. */
static void go_on (void *context)
{
    struct node_fetch *fetch = context;
    struct base_error error = {.code = 0};
    bus_timer_cancel (fetch->spec.loop, fetch->timer);
    fetch->timer = 0;
    for (;;) {
        uint64_t now = base_time_boot_ms ();
        if (!fetch->download.done && !fetch->download.failed && !is_connected (fetch, now)) {
            await_connection (fetch, now);
            return;
        }
        unsigned losses = fetch->download.losses;
        struct transfer_action action = transfer_download_next (&fetch->download, now);
        if (fetch->download.losses > losses && losses > 0 && action.kind != TRANSFER_FAILED) {
            /* Nothing arrives over this connection: its other end may be gone without notice. After the first
               loss the line may only be slow. */
            node_content_reconnect (&fetch->user);
            transfer_download_lost (&fetch->download);
            continue;
        }
        char name[BASE_DIGEST_TEXT];
        int rc;
        switch (action.kind) {
        case TRANSFER_GET: {
            struct wire_get get = {
                .digest = fetch->download.digest, .offset = action.offset, .length = action.length};
            node_content_get (&fetch->user, &get);
            break;
        }
        case TRANSFER_DONE:
            rc = next_content (fetch);
            if (rc) {
                (void) base_error_errno (&error, rc, "cannot complete the blob %s",
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
            fetch->timer = bus_timer_start (fetch->spec.loop, pause_of (&action, now), go_on, fetch);
            return;
        }
    }
}

static void all_here (void *context)
{
    struct node_fetch *fetch = context;
    fetch->timer = 0;
    fetch_end (fetch, NULL);
}

/*  Fetches what is wanted, if there is room for it. */
static int wanted_fetch (struct node_fetch *fetch, struct base_error *error)
{
    int rc = space_reserve (fetch, error);
    if (rc)
        return rc;
    if (fetch->count == 0) {
        fetch->timer = bus_timer_start (fetch->spec.loop, 0, all_here, fetch);
        return 0;
    }
    node_content_join (fetch->spec.content, &fetch->user, &content_ops, fetch);
    rc = next_content (fetch);
    return rc ? base_error_errno (error, rc, "cannot start the download") : 0;
}

int node_fetch_start_blob (struct node_fetch *fetch, const struct base_digest *digest, uint64_t size,
                           struct base_error *error)
{
    fetch->distrust = true; /* it is read at once */
    fetch->wanted = calloc (1, sizeof *fetch->wanted);
    if (!fetch->wanted)
        return -ENOMEM;
    if (is_stored (fetch, digest))
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
    if (!fetch->downloading)
        return;
    fetch->counts.downloaded += size;
    if (transfer_download_chunk (&fetch->download, chunk, size, base_time_boot_ms ())) {
        struct base_error error = {.code = 0};
        if (disk_partial_write (&fetch->partial, payload, size, &error)) {
            fetch_end (fetch, &error);
            return;
        }
    }
    go_on (fetch);
}

static void on_lost (void *context)
{
    struct node_fetch *fetch = context;
    if (!fetch->downloading)
        return;
    transfer_download_lost (&fetch->download);
    go_on (fetch);
}

void node_fetch_progress (const struct node_fetch *fetch, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_done = fetch->before + (fetch->downloading  ? fetch->download.written
                                 : fetch->completing ? fetch->wanted[fetch->at].size
                                                     : 0);
    *ret_total = fetch->total;
}

struct base_digest node_fetch_rotten (const struct node_fetch *fetch)
{
    return fetch->rotten;
}

const char *node_fetch_note (const struct node_fetch *fetch)
{
    return *fetch->note ? fetch->note : fetch->downloading ? NULL : "checking or syncing the download";
}

struct node_fetch_counts node_fetch_counts (const struct node_fetch *fetch)
{
    return fetch->counts;
}
