/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/content.c - the blobs of a broker or content peer: serves them, and decides which uploads are
    needed

    Receiving an upload: broker/uploads.h. Blobs that nothing needs: broker/trash.h. Whether a blob matches
    its digest: broker/verify.h. */

#include "broker/content.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/uploads.h"
#include "broker/verify.h"

#define CONTENTS "contents"

enum {
    /* An upload of a blob that is here may be a repair: it is verified again after this time. */
    FRESH_MS = 10 * 60 * 1000,
};

struct broker_content {
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
    struct broker_content *content = context;

    content->changes++;
    if (content->damaged)
        content->damaged (content->context, digest);
}

/*  An upload is complete: deletes the damaged file of the same name. */
static void on_completed (void *context, const struct base_digest *digest)
{
    struct broker_content *content = context;
    char text[BASE_DIGEST_TEXT];

    content->changes++;
    broker_verify_note (content->verify, digest);
    if (!disk_aside_has (&content->blobs, DISK_DAMAGED, digest))
        return;
    if (disk_aside_remove (&content->blobs, DISK_DAMAGED, digest) == 0)
        base_log (BASE_LOG_INFO, "the damaged blob %s was uploaded again", base_digest_format (digest, text));
}

int broker_content_open (struct bus_loop *loop, int root, struct broker_content **ret_content,
                         struct base_error *error)
{
    base_assert (root >= 0 && ret_content);
    base_cleanup (base_free_p) struct broker_content *content = calloc (1, sizeof *content);
    int r;

    if (!content)
        return base_error_errno (error, -ENOMEM, "cannot open the blobs");
    content->root = root;
    r = disk_blobs_open (&disk_system, root, CONTENTS, &content->blobs, error);
    if (r < 0)
        return r;
    content->verify = broker_verify_new (loop, &content->blobs, on_damaged, content);
    if (!content->verify) {
        disk_blobs_deinit (&content->blobs);
        return base_error_errno (error, -ENOMEM, "cannot open the blobs");
    }
    broker_trash_init (&content->trash, &content->blobs, base_time_boot_ms ());
    broker_uploads_init (&content->uploads, loop, &content->blobs, &content->trash, on_completed, content);
    *ret_content = base_take (content);
    return 0;
}

void broker_content_watch (struct broker_content *content,
                           void (*damaged) (void *context, const struct base_digest *digest), void *context)
{
    base_assert (content && damaged);
    content->damaged = damaged;
    content->context = context;
}

void broker_content_rules (struct broker_content *content, const struct broker_trash_rules *rules,
                           uint64_t scrub_ms)
{
    base_assert (content && rules);
    content->trash.rules = *rules;
    broker_verify_scrub (content->verify, scrub_ms);
}

uint64_t broker_content_changes (const struct broker_content *content)
{
    base_assert (content);
    return content->changes;
}

struct broker_content *broker_content_free (struct broker_content *content)
{
    if (!content)
        return NULL;
    broker_uploads_close (&content->uploads);
    content->verify = broker_verify_free (content->verify);
    broker_trash_deinit (&content->trash);
    disk_blobs_deinit (&content->blobs);
    free (content);
    return NULL;
}

/*  Opens the directory again if it was removed or replaced while this process serves from it. */
static void directory_check (struct broker_content *content)
{
    struct stat named, open;
    struct disk_blobs blobs;
    struct base_error error = {.code = 0};

    if (fstat (content->blobs.fd, &open) != 0)
        return;
    if (fstatat (content->root, CONTENTS, &named, 0) == 0
            ? named.st_ino == open.st_ino && named.st_dev == open.st_dev
            : errno != ENOENT)
        return;
    if (disk_blobs_open (&disk_system, content->root, CONTENTS, &blobs, &error) != 0) {
        base_log_limited (&content->log, BASE_LOG_ERROR,
                          "the directory of the blobs was removed and cannot be created again: %s",
                          error.text);
        return;
    }
    base_log (BASE_LOG_ERROR,
              "the directory " CONTENTS " was removed or replaced while it was in use: publish again"
              " the releases whose blobs are missing");
    broker_uploads_close (&content->uploads);
    disk_blobs_deinit (&content->blobs);
    content->blobs = blobs;
    content->changes++;
    broker_verify_reset (content->verify);
}

/*  Finds a blob, and restores it from the trash if needed. */
static int content_find (struct broker_content *content, const struct base_digest *digest, int *ret_fd,
                         uint64_t *ret_size)
{
    int r = disk_blobs_get (&content->blobs, digest, ret_fd, ret_size);

    if (r == -ENOENT && broker_trash_take_back (&content->trash, digest) == 0) {
        content->changes++;
        r = disk_blobs_get (&content->blobs, digest, ret_fd, ret_size);
    }
    return r;
}

int broker_content_get (struct broker_content *content, const struct base_digest *digest, int *ret_fd,
                        uint64_t *ret_size, bool *ret_immutable)
{
    base_assert (content && digest);
    base_assert (ret_fd && ret_size && ret_immutable);
    base_cleanup (base_close_p) int fd = -1;
    uint64_t size;
    int r;

    directory_check (content);
    r = disk_blobs_get (&content->blobs, digest, &fd, &size);
    if (r < 0)
        return r;
    r = broker_verify_check (content->verify, digest, fd, 0);
    if (r < 0)
        return r;
    *ret_fd = base_take_fd (&fd);
    *ret_size = size;
    /* A complete blob is only ever unlinked, never written to, and only this process uses the directory. */
    *ret_immutable = true;
    return 0;
}

bool broker_content_has (struct broker_content *content, const struct base_digest *digest, uint64_t *ret_size)
{
    base_assert (content && digest && ret_size);
    base_cleanup (base_close_p) int fd = -1;

    return content_find (content, digest, &fd, ret_size) == 0;
}

int broker_content_remove (struct broker_content *content, const struct base_digest *digest)
{
    base_assert (content && digest);
    content->changes++;
    return disk_blobs_remove (&content->blobs, digest);
}

int broker_content_discard (struct broker_content *content, const struct base_digest *digest)
{
    base_assert (content && digest);
    content->changes++;
    return broker_trash_put (&content->trash, digest, base_time_boot_ms ());
}

bool broker_content_is_damaged (struct broker_content *content, const struct base_digest *digest)
{
    base_assert (content && digest);
    return disk_aside_has (&content->blobs, DISK_DAMAGED, digest);
}

int broker_content_verify (struct broker_content *content, const struct base_digest *digest)
{
    base_assert (content && digest);
    base_cleanup (base_close_p) int fd = -1;
    uint64_t size;
    int r;

    directory_check (content);
    r = content_find (content, digest, &fd, &size);
    if (r < 0)
        return r;
    return broker_verify_check (content->verify, digest, fd, FRESH_MS);
}

int broker_content_each (struct broker_content *content,
                         int (*each) (void *context, const struct base_digest *digest, uint64_t size),
                         void *context)
{
    base_assert (content && each);
    return disk_blobs_each (&content->blobs, each, context);
}

/*  Answers an upload of a blob that is here. The blob is not received again, unless it is damaged. Returns
    -ENOENT if it is not here; else the answer has its state. */
static int present_answer (struct broker_content *content, const struct wire_put *put,
                           struct wire_taken *answer)
{
    base_cleanup (base_close_p) int fd = -1;
    uint64_t here;
    int r = content_find (content, &put->digest, &fd, &here);

    if (r == 0)
        r = broker_verify_check (content->verify, &put->digest, fd, FRESH_MS);
    if (r == -ENOENT)
        return r;
    if (r == -EBUSY) {
        broker_taken_say (answer, WIRE_STATUS_BUSY, 0, "the blob exists and is being verified");
        answer->retry_after_ms = broker_verify_retry_ms (content->verify, here);
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

int broker_content_put (struct broker_content *content, const struct bus_peer *peer,
                        const struct wire_put *put, const void *payload, size_t size, uint64_t now_ms,
                        struct wire_taken *answer)
{
    base_assert (content && peer && put && answer);
    directory_check (content);
    if (present_answer (content, put, answer) == -ENOENT)
        broker_uploads_put (&content->uploads, peer, put, payload, size, now_ms, answer);
    return 0;
}

void broker_content_tick (struct broker_content *content, uint64_t now_ms)
{
    base_assert (content);
    broker_uploads_tick (&content->uploads, now_ms);
    directory_check (content);
    broker_trash_tick (&content->trash, now_ms);
    broker_uploads_collect (&content->uploads, now_ms);
}
