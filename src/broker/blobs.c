/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/blobs.c - the blobs of a broker or content peer: serves them, and decides which uploads are
    needed

    Receiving an upload: broker/uploads.h. Blobs that nothing needs: broker/trash.h. Whether a blob matches
    its digest: broker/verify.h. */

#include "broker/blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/uploads.h"
#include "broker/verify.h"

#define BLOBS "blobs"

enum {
    /* An upload of a blob that is here may be a repair: it is verified again after this time. */
    FRESH_MS = 10 * 60 * 1000,
};

struct broker_blobs {
    int root; /* the caller's */
    struct disk_blobs blobs;
    struct broker_trash trash;
    struct broker_verify *verify;
    struct broker_uploads uploads;
    void (*damaged) (void *context, const struct base_digest *digest);
    void *context;
    uint64_t changes;
    struct base_log_limit log;
};

static void on_damaged (void *context, const struct base_digest *digest)
{
    struct broker_blobs *store = context;

    store->changes++;
    if (store->damaged)
        store->damaged (store->context, digest);
}

/*  An upload is complete: deletes the damaged file of the same name. */
static void on_completed (void *context, const struct base_digest *digest)
{
    struct broker_blobs *store = context;
    char text[BASE_DIGEST_TEXT];

    store->changes++;
    broker_verify_note (store->verify, digest);
    if (!disk_aside_has (&store->blobs, DISK_DAMAGED, digest))
        return;
    if (disk_aside_remove (&store->blobs, DISK_DAMAGED, digest) == 0)
        base_log (BASE_LOG_INFO, "the damaged blob %s was uploaded again", base_digest_format (digest, text));
}

int broker_blobs_open (struct bus_loop *loop, int root, struct broker_blobs **ret_store,
                       struct base_error *error)
{
    base_assert (root >= 0 && ret_store);
    base_cleanup (base_free_p) struct broker_blobs *store = calloc (1, sizeof *store);
    int r;

    if (!store)
        return base_error_errno (error, -ENOMEM, "cannot open the blobs");
    store->root = root;
    r = disk_blobs_open (&disk_system, root, BLOBS, &store->blobs, error);
    if (r < 0)
        return r;
    store->verify = broker_verify_new (loop, &store->blobs, on_damaged, store);
    if (!store->verify) {
        disk_blobs_deinit (&store->blobs);
        return base_error_errno (error, -ENOMEM, "cannot open the blobs");
    }
    broker_trash_init (&store->trash, &store->blobs, base_time_boot_ms ());
    broker_uploads_init (&store->uploads, loop, &store->blobs, &store->trash, on_completed, store);
    *ret_store = base_take (store);
    return 0;
}

void broker_blobs_watch (struct broker_blobs *store,
                         void (*damaged) (void *context, const struct base_digest *digest), void *context)
{
    base_assert (store && damaged);
    store->damaged = damaged;
    store->context = context;
}

void broker_blobs_rules (struct broker_blobs *store, const struct broker_trash_rules *rules,
                         uint64_t scrub_ms)
{
    base_assert (store && rules);
    store->trash.rules = *rules;
    broker_verify_scrub (store->verify, scrub_ms);
}

uint64_t broker_blobs_changes (const struct broker_blobs *store)
{
    base_assert (store);
    return store->changes;
}

struct broker_blobs *broker_blobs_free (struct broker_blobs *store)
{
    if (!store)
        return NULL;
    broker_uploads_close (&store->uploads);
    store->verify = broker_verify_free (store->verify);
    broker_trash_deinit (&store->trash);
    disk_blobs_deinit (&store->blobs);
    free (store);
    return NULL;
}

/*  Opens the directory again if it was removed or replaced while this process serves from it. */
static void directory_check (struct broker_blobs *store)
{
    struct stat named, open;
    struct disk_blobs blobs;
    struct base_error error = {.code = 0};

    if (fstat (store->blobs.fd, &open) != 0)
        return;
    if (fstatat (store->root, BLOBS, &named, 0) == 0
            ? named.st_ino == open.st_ino && named.st_dev == open.st_dev
            : errno != ENOENT)
        return;
    if (disk_blobs_open (&disk_system, store->root, BLOBS, &blobs, &error) != 0) {
        base_log_limited (&store->log, BASE_LOG_ERROR,
                          "the directory of the blobs was removed and cannot be created again: %s",
                          error.text);
        return;
    }
    base_log (BASE_LOG_ERROR,
              "the directory " BLOBS " was removed or replaced while it was in use: publish again"
              " the releases whose blobs are missing");
    broker_uploads_close (&store->uploads);
    disk_blobs_deinit (&store->blobs);
    store->blobs = blobs;
    store->changes++;
    broker_verify_reset (store->verify);
}

/*  Finds a blob, and restores it from the trash if needed. */
static int blob_find (struct broker_blobs *store, const struct base_digest *digest, int *ret_fd,
                      uint64_t *ret_size)
{
    int r = disk_blobs_get (&store->blobs, digest, ret_fd, ret_size);

    if (r == -ENOENT && broker_trash_take_back (&store->trash, digest) == 0) {
        store->changes++;
        r = disk_blobs_get (&store->blobs, digest, ret_fd, ret_size);
    }
    return r;
}

int broker_blobs_get (struct broker_blobs *store, const struct base_digest *digest, int *ret_fd,
                      uint64_t *ret_size, bool *ret_immutable)
{
    base_assert (store && digest);
    base_assert (ret_fd && ret_size && ret_immutable);
    base_cleanup (base_close_p) int fd = -1;
    uint64_t size;
    int r;

    directory_check (store);
    r = disk_blobs_get (&store->blobs, digest, &fd, &size);
    if (r < 0)
        return r;
    r = broker_verify_check (store->verify, digest, fd, 0);
    if (r < 0)
        return r;
    *ret_fd = base_take_fd (&fd);
    *ret_size = size;
    /* A complete blob is only ever unlinked, never written to, and only this process uses the directory. */
    *ret_immutable = true;
    return 0;
}

bool broker_blobs_has (struct broker_blobs *store, const struct base_digest *digest, uint64_t *ret_size)
{
    base_assert (store && digest && ret_size);
    base_cleanup (base_close_p) int fd = -1;

    return blob_find (store, digest, &fd, ret_size) == 0;
}

int broker_blobs_remove (struct broker_blobs *store, const struct base_digest *digest)
{
    base_assert (store && digest);
    store->changes++;
    return disk_blobs_remove (&store->blobs, digest);
}

int broker_blobs_discard (struct broker_blobs *store, const struct base_digest *digest)
{
    base_assert (store && digest);
    store->changes++;
    return broker_trash_put (&store->trash, digest, base_time_boot_ms ());
}

bool broker_blobs_is_damaged (struct broker_blobs *store, const struct base_digest *digest)
{
    base_assert (store && digest);
    return disk_aside_has (&store->blobs, DISK_DAMAGED, digest);
}

int broker_blobs_verify (struct broker_blobs *store, const struct base_digest *digest)
{
    base_assert (store && digest);
    base_cleanup (base_close_p) int fd = -1;
    uint64_t size;
    int r;

    directory_check (store);
    r = blob_find (store, digest, &fd, &size);
    if (r < 0)
        return r;
    return broker_verify_check (store->verify, digest, fd, FRESH_MS);
}

int broker_blobs_each (struct broker_blobs *store,
                       int (*each) (void *context, const struct base_digest *digest, uint64_t size),
                       void *context)
{
    base_assert (store && each);
    return disk_blobs_each (&store->blobs, each, context);
}

/*  Answers an upload of a blob that is here. The blob is not received again, unless it is damaged. Returns
    -ENOENT if it is not here; else the answer has its state. */
static int present_answer (struct broker_blobs *store, const struct wire_put *put, struct wire_taken *answer)
{
    base_cleanup (base_close_p) int fd = -1;
    uint64_t here;
    int r = blob_find (store, &put->digest, &fd, &here);

    if (r == 0)
        r = broker_verify_check (store->verify, &put->digest, fd, FRESH_MS);
    if (r == -ENOENT)
        return r;
    if (r == -EBUSY) {
        broker_taken_say (answer, WIRE_STATUS_BUSY, 0, "the blob exists and is being verified");
        answer->retry_after_ms = broker_verify_retry_ms (store->verify, here);
    } else if (r < 0)
        broker_taken_say (answer, WIRE_STATUS_FAILED, 0, "the blob exists, but cannot be read: %s",
                          strerror (-r));
    else if (here != put->size)
        broker_taken_say (answer, WIRE_STATUS_REFUSED, 0,
                          "the blob with this digest has %llu bytes, not %llu", (unsigned long long) here,
                          (unsigned long long) put->size);
    else {
        broker_taken_say (answer, WIRE_STATUS_OK, here, NULL);
        answer->complete = true;
    }
    return r;
}

int broker_blobs_put (struct broker_blobs *store, const struct bus_peer *peer, const struct wire_put *put,
                      const void *payload, size_t size, uint64_t now_ms, struct wire_taken *answer)
{
    base_assert (store && peer && put && answer);
    directory_check (store);
    if (present_answer (store, put, answer) == -ENOENT)
        broker_uploads_put (&store->uploads, peer, put, payload, size, now_ms, answer);
    return 0;
}

void broker_blobs_tick (struct broker_blobs *store, uint64_t now_ms)
{
    base_assert (store);
    broker_uploads_tick (&store->uploads, now_ms);
    directory_check (store);
    broker_trash_tick (&store->trash, now_ms);
    broker_uploads_collect (&store->uploads, now_ms);
}
