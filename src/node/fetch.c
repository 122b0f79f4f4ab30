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
    struct bus_loop *loop;
    const struct root *root;
    struct disk_blobs *contents;
    const struct identity_self *self;
    struct node_session *session;
    struct transfer_limits limits;
    const char *peer; /* where blobs come from */
    uint64_t away_most_ms;
    node_fetch_done *done;
    void *context;
    bool distrust;

    struct wanted *wanted;
    size_t count, at;
    uint64_t stored;    /* bytes of blobs that the store already has */
    uint64_t copied;    /* bytes to copy from a workspace, or from another file of the new one */
    uint64_t rehearsal; /* bytes that the rehearsal will need at once */
    uint64_t rehearsal_files;
    int depth;              /* of the probe that will rehearse */
    uint64_t before, total; /* bytes of the blobs before the current one, and of all */
    struct node_fetch_counts counts;
    struct transfer_download download;
    struct disk_partial partial;
    struct base_digest rotten;
    bool running;          /* blob `at` is open, and its bytes are awaited */
    bool completing;       /* the current work completes blob `at` */
    struct bus_work *work; /* disk work between two blobs; nothing else touches partial meanwhile */
    struct base_error work_error;
    bool away; /* the content peer is away, since away_ms */
    uint64_t away_ms, look_ms;
    char note[BUS_ENDPOINT_SIZE + 64];
    int timer;
};

struct node_fetch *node_fetch_new (struct bus_loop *loop, const struct identity_config *config,
                                   const struct root *root, struct disk_blobs *contents,
                                   const struct identity_self *self, struct node_session *session,
                                   node_fetch_done *done, void *context)
{
    struct node_fetch *fetch = calloc (1, sizeof *fetch);
    if (!fetch)
        return NULL;
    fetch->loop = loop;
    fetch->root = root;
    fetch->contents = contents;
    fetch->self = self;
    fetch->session = session;
    fetch->limits = transfer_limits_default;
    fetch->limits.chunk = config->chunk;
    fetch->limits.window = config->window;
    fetch->limits.answer_ms = config->answer_ms;
    fetch->peer = config->endpoints.content;
    fetch->away_most_ms = config->away_ms;
    fetch->depth = config->depth == IDENTITY_DEPTH_SERVICE ? IDENTITY_DEPTH_MINTED : config->depth - 1;
    fetch->done = done;
    fetch->context = context;
    fetch->partial.fd = -1;
    return fetch;
}

struct node_fetch *node_fetch_free (struct node_fetch *fetch)
{
    if (!fetch)
        return NULL;
    bus_timer_cancel (fetch->loop, fetch->timer);
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
    if (disk_blobs_get (fetch->contents, digest, &fd, NULL))
        return false;
    if (!fetch->distrust || (!base_digest_of_fd (fd, &found, NULL) && base_digest_equal (&found, digest)))
        return true;
    (void) disk_blobs_remove (fetch->contents, digest);
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
    else if (!identity_self_find (fetch->root, fetch->self, digest, fetch->distrust, &place))
        fetch->copied += size;
    else {
        fetch->wanted[fetch->count++] = (struct wanted){*digest, size};
        fetch->total += size;
        return;
    }
    fetch->counts.here += size;
}

static uint64_t size_of (const struct wire_envelope *envelope)
{
    uint64_t size = envelope->size;
    for (size_t i = 0; i < envelope->n_files; i++)
        size += envelope->files[i].size;
    return size;
}

/*  Files of a workspace, and of the root around it, that its envelope does not list. */
enum { OWN_FILES = 24 };

static uint64_t files_of (const struct wire_envelope *envelope)
{
    return envelope->n_files + OWN_FILES;
}

/*  Returns the size of a rehearsal, in bytes or in files. A scratch root holds a copy of the candidate, each
    version that the candidate makes from the offer, and the scratch root in which the candidate rehearses
    that version. */
static uint64_t rehearsal_size (uint64_t candidate, uint64_t offered, int depth)
{
    uint64_t times = depth == IDENTITY_DEPTH_MINTED ? 2 : 1; /* it hands over twice: rehearsal/rehearsal.h */
    return candidate + (depth > 0 ? times * offered + rehearsal_size (offered, candidate, depth - 1) : 0);
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
    if (fstat (fetch->root->fd, &root) || fstat (fetch->contents->fd, &contents))
        return base_error_errno (error, -errno, "cannot stat %s", fetch->root->path);
    for (size_t i = 0; i < fetch->count; i++)
        here += disk_blobs_partial_size (fetch->contents, &fetch->wanted[i].digest);
    uint64_t missing = fetch->total - (here < fetch->total ? here : fetch->total);
    uint64_t files = fetch->rehearsal_files + INODE_MARGIN;
    if (root.st_dev == contents.st_dev)
        return reserve_in (fetch->root->path, fetch->root->fd,
                           missing + fetch->copied + fetch->rehearsal + SPACE_MARGIN, fetch->count + files,
                           error);
    char path[PATH_MAX];
    (void) snprintf (path, sizeof path, "%s/" ROOT_VAR, fetch->root->path);
    int rc = reserve_in (path, fetch->contents->fd, missing + SPACE_MARGIN / 16, fetch->count, error);
    return rc ? rc
              : reserve_in (fetch->root->path, fetch->root->fd,
                            fetch->total + fetch->stored + fetch->copied + fetch->rehearsal + SPACE_MARGIN,
                            fetch->count + files, error);
}

static void fetch_end (struct node_fetch *fetch, const struct base_error *error)
{
    bus_timer_cancel (fetch->loop, fetch->timer);
    fetch->timer = 0;
    disk_partial_deinit (&fetch->partial);
    fetch->running = false;
    fetch->done (fetch->context, error);
}

static void go_on (void *context);

/*  A download was hashed on arrival; it need not be read again for staging. */
static void note_verified (const struct node_fetch *fetch, const struct base_digest *digest)
{
    base_cleanup (root_verified_deinit) struct root_verified verified = {.boot = ""};
    base_cleanup (base_close_p) int fd = -1;
    if (disk_blobs_get (fetch->contents, digest, &fd, NULL))
        return;
    root_verified_load (fetch->root, &verified);
    root_verified_note (&verified, fd, digest);
    root_verified_save (fetch->root, &verified);
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
    return disk_partial_open (fetch->contents, &wanted->digest, wanted->size, &fetch->partial,
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
    fetch->running = true;
    fetch->counts.resumed += fetch->partial.offset;
    transfer_download_init (&fetch->download, &fetch->limits, &wanted->digest, wanted->size,
                            fetch->partial.offset);
    go_on (fetch);
}

/*  Completes the current blob, if there is one, and opens the next. */
static int next_content (struct node_fetch *fetch)
{
    fetch->completing = fetch->running;
    fetch->running = false;
    return bus_work_start (fetch->loop, turn_page, on_page_turned, fetch, &fetch->work);
}

/*  Returns whether the content peer can be asked. While it is away, requests do not count as lost: its
    absence costs only time. */
static bool is_connected (struct node_fetch *fetch, uint64_t now)
{
    if (node_session_content_ready (fetch->session)) {
        if (fetch->away)
            transfer_download_lost (&fetch->download);
        if (fetch->away && *fetch->note)
            base_log (BASE_LOG_INFO, "connected to the content peer %s", fetch->peer);
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
                         fetch->peer);
        base_log (BASE_LOG_WARNING, "%s: waiting up to %llu s", fetch->note,
                  (unsigned long long) fetch->away_most_ms / 1000);
    }
    return false;
}

/*  Looks for the connection again, until the peer has been away for too long. */
static void await_connection (struct node_fetch *fetch, uint64_t now)
{
    struct base_error error = {.code = 0};
    char name[BASE_DIGEST_TEXT];
    if (now - fetch->away_ms < fetch->away_most_ms) {
        fetch->timer = bus_timer_start (fetch->loop, fetch->look_ms, go_on, fetch);
        return;
    }
    (void) base_error_set (
        &error, -ENOTCONN,
        "cannot download the blob %s: no connection to the content peer %s for %llu s: start it, or "
        "name another one in node.zpl, and order the update again",
        base_digest_format (&fetch->download.digest, name), fetch->peer,
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
    bus_timer_cancel (fetch->loop, fetch->timer);
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
            node_session_content_close (fetch->session);
            transfer_download_lost (&fetch->download);
            continue;
        }
        char name[BASE_DIGEST_TEXT];
        int rc;
        switch (action.kind) {
        case TRANSFER_GET: {
            struct wire_get get = {
                .digest = fetch->download.digest, .offset = action.offset, .length = action.length};
            (void) node_session_get (fetch->session,
                                     &get); /* a request that was not sent counts as lost and is repeated */
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
                                   base_digest_format (&fetch->download.digest, name), fetch->peer,
                                   action.reason);
            fetch_end (fetch, &error);
            return;
        case TRANSFER_WAIT:
            fetch->timer = bus_timer_start (fetch->loop, pause_of (&action, now), go_on, fetch);
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
    fetch->rehearsal =
        rehearsal_size (size_of (envelope), size_of (fetch->self->installed.envelope), fetch->depth);
    fetch->rehearsal_files =
        files_of (envelope) +
        rehearsal_size (files_of (envelope), files_of (fetch->self->installed.envelope), fetch->depth);
    int rc = space_reserve (fetch, error);
    if (rc)
        return rc;
    if (fetch->count == 0) {
        fetch->timer = bus_timer_start (fetch->loop, 0, all_here, fetch);
        return 0;
    }
    /*  An earlier user may have left a connection that queues requests for a peer that is away. */
    node_session_content_close (fetch->session);
    rc = next_content (fetch);
    return rc ? base_error_errno (error, rc, "cannot start the download") : 0;
}

void node_fetch_chunk (struct node_fetch *fetch, const struct wire_chunk *chunk, const void *payload,
                       size_t size)
{
    if (!fetch->running)
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

void node_fetch_lost (struct node_fetch *fetch)
{
    if (!fetch->running)
        return;
    transfer_download_lost (&fetch->download);
    go_on (fetch);
}

void node_fetch_progress (const struct node_fetch *fetch, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_done = fetch->before + (fetch->running      ? fetch->download.written
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
    return *fetch->note ? fetch->note : fetch->running ? NULL : "checking or syncing the download";
}

struct node_fetch_counts node_fetch_counts (const struct node_fetch *fetch)
{
    return fetch->counts;
}
