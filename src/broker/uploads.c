/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/uploads.c - receives blobs */

#include "broker/uploads.h"

#include <errno.h>
#include <stdarg.h>
#include <time.h>

#include "base/assert.h"
#include "base/time.h"
#include "broker/partials.h"
#include "wire/text.h"

enum {
    RETRY_MS = 1000,
    COLLECT_MS = 60 * 1000,       /* how often abandoned uploads are searched for */
    COLLECT_AGE_S = 24 * 60 * 60, /* their age */
};

void broker_taken_say (struct wire_taken *answer, enum wire_status status, uint64_t offset,
                       const char *format, ...)
{
    base_assert (answer && !answer->reason);
    va_list arguments;

    answer->status = status;
    answer->offset = offset;
    if (format) {
        va_start (arguments, format);
        answer->reason = wire_reason_v (format, arguments);
        va_end (arguments);
    }
    if (status == WIRE_STATUS_BUSY)
        answer->retry_after_ms = RETRY_MS;
}

void broker_uploads_init (struct broker_uploads *uploads, struct bus_loop *loop, struct disk_blobs *blobs,
                          struct broker_trash *trash,
                          void (*completed) (void *context, const struct base_digest *digest), void *context)
{
    base_assert (uploads && blobs && trash && completed);
    *uploads = (struct broker_uploads){
        .loop = loop, .blobs = blobs, .trash = trash, .completed = completed, .context = context};
}

void broker_uploads_close (struct broker_uploads *uploads)
{
    base_assert (uploads);
    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++)
        broker_upload_close (&uploads->all[i]);
}

static void uploads_check (const struct broker_uploads *uploads)
{
    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++)
        broker_upload_check (&uploads->all[i]);
}

static struct broker_upload *upload_find (struct broker_uploads *uploads, const struct base_digest *digest)
{
    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++)
        if (broker_upload_is_of (&uploads->all[i], digest))
            return &uploads->all[i];
    return NULL;
}

static bool upload_is_under_way (void *context, const struct base_digest *digest)
{
    return upload_find (context, digest) != NULL;
}

/*  Returns a free upload for the peer, and closes one that yields if needed; NULL: none. A peer that has
    reached its limit can only get the slot of one of its own uploads. */
static struct broker_upload *upload_slot (struct broker_uploads *uploads, const struct bus_peer *peer,
                                          uint64_t now_ms)
{
    struct broker_upload *slot = NULL;
    unsigned of_peer = 0;

    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++) {
        const struct broker_upload *upload = &uploads->all[i];
        of_peer += !broker_upload_is_free (upload) && bus_peer_equal (&upload->peer, peer);
    }
    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++) {
        struct broker_upload *upload = &uploads->all[i];
        bool is_free = broker_upload_is_free (upload);
        bool is_own = !is_free && bus_peer_equal (&upload->peer, peer);
        if (of_peer >= BROKER_UPLOADS_PEER_MOST ? !is_own : false)
            continue;
        if (is_free)
            return upload;
        if (broker_upload_yields (upload, now_ms))
            slot = upload;
    }
    if (slot)
        broker_upload_close (slot);
    return slot;
}

struct wanted {
    struct broker_uploads *uploads;
    const struct base_digest *digest;
};

static bool partial_is_wanted (void *context, const struct base_digest *digest)
{
    const struct wanted *wanted = context;

    return base_digest_equal (digest, wanted->digest) || upload_is_under_way (wanted->uploads, digest);
}

/*  Returns whether the disk has room for the rest of a blob, after abandoned uploads and old trash were
    deleted. If not, the answer has the reason. */
static bool space_is_enough (struct broker_uploads *uploads, const struct wire_put *put,
                             struct wire_taken *answer)
{
    uint64_t here = broker_partials_allocated (uploads->blobs, &put->digest);
    uint64_t rest = put->size > here ? put->size - here : 0;
    uint64_t needed = rest + BROKER_SPACE_KEPT, bytes = 0, inodes;
    struct wanted wanted = {uploads, &put->digest};
    const struct broker_partials_kept kept = {partial_is_wanted, &wanted};

    if (rest == 0 || broker_partials_make_room (uploads->blobs, &kept, needed, &bytes))
        return true;
    broker_trash_make_room (uploads->trash, needed, base_time_boot_ms ());
    if (disk_space (uploads->blobs->fd, &bytes, &inodes) != 0 || bytes >= needed)
        return true;
    broker_taken_say (
        answer, WIRE_STATUS_REFUSED, 0,
        "the content peer's disk has %llu bytes free; this blob needs %llu, and %llu are kept free",
        (unsigned long long) bytes, (unsigned long long) rest, (unsigned long long) BROKER_SPACE_KEPT);
    return false;
}

/*  Answers, once, why the received part of the blob could not be opened; the next request tries again.
    Returns whether there was such a failure. */
static bool failure_answer (struct broker_uploads *uploads, const struct wire_put *put,
                            struct wire_taken *answer)
{
    struct broker_upload_failure *failure = &uploads->failure;

    if (!failure->error.code || !base_digest_equal (&failure->digest, &put->digest))
        return false;
    broker_taken_say (answer, WIRE_STATUS_FAILED, 0, "%s", failure->error.text);
    failure->error = (struct base_error){.code = 0};
    return true;
}

/*  Lets the peer continue an open upload. Returns whether it may; if not, the answer has the reason. */
static bool upload_continue (struct broker_upload *upload, const struct bus_peer *peer, uint64_t now_ms,
                             struct wire_taken *answer)
{
    base_assert (upload->is_open);
    if (bus_peer_equal (&upload->peer, peer))
        return true;
    if (!broker_upload_yields (upload, now_ms)) {
        broker_taken_say (answer, WIRE_STATUS_BUSY, 0, "another peer is uploading this blob");
        return false;
    }
    broker_upload_rate_begin (upload, now_ms);
    return true;
}

/*  Opens the received part of a blob on a thread. The answer has the result so far. */
static void upload_resume (struct broker_uploads *uploads, struct broker_upload *upload,
                           const struct bus_peer *peer, const struct wire_put *put, uint64_t now_ms,
                           struct wire_taken *answer)
{
    base_assert (uploads->loop && broker_upload_is_free (upload));
    if (failure_answer (uploads, put, answer))
        return;
    upload->peer = *peer;
    upload->put_ms = now_ms;
    if (broker_upload_resume (upload, uploads->loop, uploads->blobs, &put->digest, put->size,
                              &uploads->failure) == 0)
        broker_taken_say (answer, WIRE_STATUS_BUSY, 0,
                          "the part of this blob that was uploaded before is being read");
    else
        broker_taken_say (answer, WIRE_STATUS_FAILED, 0, "cannot start a thread");
}

/*  Returns the open upload that the put belongs to; NULL: the answer has the reason. */
static struct broker_upload *upload_enter (struct broker_uploads *uploads, const struct bus_peer *peer,
                                           const struct wire_put *put, uint64_t now_ms,
                                           struct wire_taken *answer)
{
    struct broker_upload *upload = upload_find (uploads, &put->digest);
    struct base_error error = {.code = 0};
    int r;

    if (upload && upload->opening) {
        broker_taken_say (answer, WIRE_STATUS_BUSY, 0,
                          "the part of this blob that was uploaded before is being read");
        return NULL;
    }
    if (upload) {
        if (!upload_continue (upload, peer, now_ms, answer))
            return NULL;
        if (upload->partial.size == put->size)
            return upload;
        broker_upload_close (upload);
    }
    upload = upload_slot (uploads, peer, now_ms);
    if (!upload) {
        broker_taken_say (answer, WIRE_STATUS_BUSY, 0,
                          "too many uploads are under way: at most %d are accepted, %d from a peer",
                          BROKER_UPLOADS_MOST, BROKER_UPLOADS_PEER_MOST);
        return NULL;
    }
    if (!space_is_enough (uploads, put, answer))
        return NULL;
    if (uploads->loop && disk_blobs_partial_size (uploads->blobs, &put->digest) > 0) {
        upload_resume (uploads, upload, peer, put, now_ms, answer);
        return NULL;
    }
    r = broker_upload_open (upload, uploads->blobs, &put->digest, put->size, now_ms, &error);
    if (r < 0) {
        broker_taken_say (answer, r == -ENOSPC ? WIRE_STATUS_REFUSED : WIRE_STATUS_FAILED, 0, "%s",
                          error.text);
        return NULL;
    }
    return upload;
}

static void upload_finish (struct broker_uploads *uploads, struct broker_upload *upload,
                           struct wire_taken *answer)
{
    base_assert (upload->is_open && upload->partial.offset == upload->partial.size);
    struct base_error error = {.code = 0};
    uint64_t size = upload->partial.size;
    struct base_digest digest = upload->partial.digest;
    int r = disk_partial_finish (&upload->partial, &error);

    if (r == 0) {
        uploads->completed (uploads->context, &digest);
        broker_taken_say (answer, WIRE_STATUS_OK, size, NULL);
        answer->complete = true;
    } else if (r == DISK_E_DIGEST)
        broker_taken_say (answer, WIRE_STATUS_REFUSED, 0, "the digest does not match, upload again: %s",
                          error.text);
    else
        broker_taken_say (answer, WIRE_STATUS_FAILED, 0, "%s", error.text);
    broker_upload_close (upload);
}

/*  Appends the bytes of a put to an open upload. Returns whether the upload is still open; if not, or if it
    has too many bytes, the answer has the reason. Bytes of another offset are ignored: the answer has the
    offset from which to continue. */
static bool upload_append (struct broker_upload *upload, const struct wire_put *put, const void *payload,
                           size_t size, struct wire_taken *answer)
{
    base_assert (upload->is_open);
    struct base_error error = {.code = 0};

    if (size == 0 || put->offset != upload->partial.offset)
        return true;
    if (size > upload->partial.size - upload->partial.offset) {
        broker_taken_say (answer, WIRE_STATUS_REFUSED, upload->partial.offset,
                          "more bytes than the blob has");
        return false;
    }
    int r = broker_upload_write (upload, payload, size, &error);
    if (r < 0) {
        broker_taken_say (answer, r == -ENOSPC ? WIRE_STATUS_REFUSED : WIRE_STATUS_FAILED, 0, "%s",
                          error.text);
        broker_upload_close (upload);
        return false;
    }
    return true;
}

void broker_uploads_put (struct broker_uploads *uploads, const struct bus_peer *peer,
                         const struct wire_put *put, const void *payload, size_t size, uint64_t now_ms,
                         struct wire_taken *answer)
{
    base_assert (uploads && peer && put && answer);
    base_assert (payload || size == 0);
    struct broker_upload *upload;
    uint64_t here;

    if (put->size > BROKER_BLOB_MOST) {
        broker_taken_say (answer, WIRE_STATUS_REFUSED, 0, "a blob has at most %llu bytes",
                          (unsigned long long) BROKER_BLOB_MOST);
        return;
    }
    /* A request without data only asks for the offset: it costs no file, no space and no hash. */
    here = disk_blobs_partial_size (uploads->blobs, &put->digest);
    if (size == 0 && put->size > 0 && here < put->size && !upload_find (uploads, &put->digest)) {
        broker_taken_say (answer, WIRE_STATUS_OK, here, NULL);
        return;
    }
    upload = upload_enter (uploads, peer, put, now_ms, answer);
    if (!upload)
        return;
    upload->peer = *peer;
    upload->put_ms = now_ms;
    if (!upload_append (upload, put, payload, size, answer))
        return;
    if (upload->partial.offset == upload->partial.size)
        upload_finish (uploads, upload, answer);
    else
        broker_taken_say (answer, WIRE_STATUS_OK, upload->partial.offset, NULL);
    uploads_check (uploads);
}

void broker_uploads_tick (struct broker_uploads *uploads, uint64_t now_ms)
{
    base_assert (uploads);
    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++) {
        struct broker_upload *upload = &uploads->all[i];
        broker_upload_measure (upload, now_ms);
        if (upload->is_open && now_ms - upload->put_ms >= BROKER_UPLOAD_IDLE_MS)
            broker_upload_close (upload);
    }
    uploads_check (uploads);
}

void broker_uploads_collect (struct broker_uploads *uploads, uint64_t now_ms)
{
    base_assert (uploads);
    if (now_ms < uploads->collect_ms)
        return;
    uploads->collect_ms = now_ms + COLLECT_MS;
    broker_partials_collect (uploads->blobs, &(struct broker_partials_kept){upload_is_under_way, uploads},
                             time (NULL) - COLLECT_AGE_S);
}
