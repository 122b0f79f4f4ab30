/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/content.c - serves and receives blobs */

#include "broker/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/partials.h"
#include "broker/verify.h"
#include "bus/work.h"
#include "wire/text.h"

#define CONTENTS "contents"

enum {
    RETRY_MS = 1000,
    WRITE_BACK = 8 << 20,
    COLLECT_MS = 60 * 1000,       /* how often abandoned uploads are searched for */
    COLLECT_AGE_S = 24 * 60 * 60, /* their age */
    /* An upload of a blob that is here may be a repair: it is verified again after this time. */
    FRESH_MS = 10 * 60 * 1000,
};

struct upload {
    struct disk_partial partial;
    struct bus_peer peer;
    uint64_t put_ms;
    uint64_t rate_ms, rate_offset; /* when the current span of its rate began, and the offset then */
    bool is_slow;                  /* in the last complete span */
    uint64_t written_back;         /* offset up to which write-back was started */
    bool is_open;
    struct opening *opening; /* the partial file is being hashed; partial is not valid yet */
};

/*  The state of one hashing job. */
struct opening {
    struct broker_content *content;
    struct upload *upload;
    struct disk_blobs *blobs;
    struct base_digest digest;
    uint64_t size;
    struct disk_partial partial;
    struct base_error error;
    struct bus_work *work;
    atomic_bool stop;
};

struct broker_content {
    struct bus_loop *loop; /* NULL: no loop */
    int root;              /* the caller's */
    struct disk_blobs blobs;
    struct broker_trash trash;
    struct base_digest unopened; /* the last blob whose received part could not be hashed, and why */
    struct base_error unopened_error;
    struct broker_verify *verify;
    void (*damaged) (void *context, const struct base_digest *digest);
    void *context;
    uint64_t changes;
    struct base_log_limit log;
    struct upload uploads[BROKER_UPLOADS_MOST];
    uint64_t collect_ms; /* time of the next search */
};

static void on_damaged (void *context, const struct base_digest *digest)
{
    struct broker_content *content = context;

    content->changes++;
    if (content->damaged)
        content->damaged (content->context, digest);
}

int broker_content_open (struct bus_loop *loop, int root, struct broker_content **ret_content,
                         struct base_error *error)
{
    base_cleanup (base_free_p) struct broker_content *content = calloc (1, sizeof *content);
    int r;

    if (!content)
        return base_error_errno (error, -ENOMEM, "cannot open the blobs");
    content->loop = loop;
    content->root = root;
    r = disk_blobs_open (&disk_system, root, CONTENTS, &content->blobs, error);
    if (r != 0)
        return r;
    content->verify = broker_verify_new (loop, &content->blobs, on_damaged, content);
    if (!content->verify) {
        disk_blobs_deinit (&content->blobs);
        return base_error_errno (error, -ENOMEM, "cannot open the blobs");
    }
    broker_trash_init (&content->trash, &content->blobs, base_time_boot_ms ());
    *ret_content = base_take (content);
    return 0;
}

void broker_content_watch (struct broker_content *content,
                           void (*damaged) (void *context, const struct base_digest *digest), void *context)
{
    content->damaged = damaged;
    content->context = context;
}

void broker_content_rules (struct broker_content *content, const struct broker_trash_rules *rules,
                           uint64_t scrub_ms)
{
    content->trash.rules = *rules;
    broker_verify_scrub (content->verify, scrub_ms);
}

uint64_t broker_content_changes (const struct broker_content *content)
{
    return content->changes;
}

static void opening_free (struct opening *opening)
{
    atomic_store (&opening->stop, true); /* a job that still reads ends early */
    bus_work_free (opening->work);
    disk_partial_deinit (&opening->partial);
    free (opening);
}

/*  Keeps the received bytes for a resume, and releases the rest of the reserved space. */
static void upload_close (struct upload *upload)
{
    if (upload->opening)
        opening_free (upload->opening);
    if (upload->is_open) {
        broker_partials_shrink (&upload->partial);
        disk_partial_deinit (&upload->partial);
    }
    *upload = (struct upload){.is_open = false};
}

struct broker_content *broker_content_free (struct broker_content *content)
{
    if (!content)
        return NULL;
    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++)
        upload_close (&content->uploads[i]);
    content->verify = broker_verify_free (content->verify);
    broker_trash_deinit (&content->trash);
    disk_blobs_deinit (&content->blobs);
    free (content);
    return NULL;
}

/*  Handles the removal or replacement of the directory while this process serves from it. */
static void place_check (struct broker_content *content)
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
    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++)
        upload_close (&content->uploads[i]);
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
    base_cleanup (base_close_p) int fd = -1;
    uint64_t size;
    int r;

    place_check (content);
    r = disk_blobs_get (&content->blobs, digest, &fd, &size);
    if (r == 0)
        r = broker_verify_check (content->verify, digest, fd, 0);
    if (r != 0)
        return r;
    *ret_fd = base_take_fd (&fd);
    *ret_size = size;
    /* A complete blob is only ever unlinked, never written to, and only this process uses the directory. */
    *ret_immutable = true;
    return 0;
}

bool broker_content_has (struct broker_content *content, const struct base_digest *digest, uint64_t *ret_size)
{
    base_cleanup (base_close_p) int fd = -1;

    return content_find (content, digest, &fd, ret_size) == 0;
}

int broker_content_remove (struct broker_content *content, const struct base_digest *digest)
{
    content->changes++;
    return disk_blobs_remove (&content->blobs, digest);
}

int broker_content_discard (struct broker_content *content, const struct base_digest *digest)
{
    content->changes++;
    return broker_trash_put (&content->trash, digest, base_time_boot_ms ());
}

bool broker_content_is_damaged (struct broker_content *content, const struct base_digest *digest)
{
    return disk_aside_has (&content->blobs, DISK_DAMAGED, digest);
}

int broker_content_verify (struct broker_content *content, const struct base_digest *digest)
{
    base_cleanup (base_close_p) int fd = -1;
    uint64_t size;
    int r;

    place_check (content);
    r = content_find (content, digest, &fd, &size);
    return r == 0 ? broker_verify_check (content->verify, digest, fd, FRESH_MS) : r;
}

int broker_content_each (struct broker_content *content,
                         int (*each) (void *context, const struct base_digest *digest, uint64_t size),
                         void *context)
{
    return disk_blobs_each (&content->blobs, each, context);
}

/*  The answer owns its reason. If memory is exhausted, there is no reason. */
__attribute__ ((format (printf, 4, 5))) static void
answer_fill (struct wire_taken *answer, enum wire_status status, uint64_t offset, const char *format, ...)
{
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

static bool upload_is (const struct upload *upload, const struct base_digest *digest)
{
    return (upload->is_open && base_digest_equal (&upload->partial.digest, digest)) ||
           (upload->opening && base_digest_equal (&upload->opening->digest, digest));
}

static struct upload *upload_find (struct broker_content *content, const struct base_digest *digest)
{
    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++)
        if (upload_is (&content->uploads[i], digest))
            return &content->uploads[i];
    return NULL;
}

static bool is_under_way (void *context, const struct base_digest *digest)
{
    return upload_find (context, digest) != NULL;
}

/*  Marks an upload as slow, so that other peers need not wait for a peer that sends just enough to stay
    active, or only asks for the offset. */
static void upload_measure (struct upload *upload, uint64_t now_ms)
{
    if (!upload->is_open || now_ms - upload->rate_ms < BROKER_UPLOAD_RATE_MS)
        return;
    upload->is_slow = upload->partial.offset - upload->rate_offset < BROKER_UPLOAD_RATE_LEAST;
    upload->rate_ms = now_ms;
    upload->rate_offset = upload->partial.offset;
}

static void rate_begin (struct upload *upload, uint64_t now_ms)
{
    upload->is_slow = false;
    upload->rate_ms = now_ms;
    upload->rate_offset = upload->is_open ? upload->partial.offset : 0;
}

/*  Returns whether another peer may take over this upload or its slot. */
static bool upload_yields (struct upload *upload, uint64_t now_ms)
{
    upload_measure (upload, now_ms);
    return upload->is_open && (upload->is_slow || now_ms - upload->put_ms >= BROKER_UPLOAD_TAKE_OVER_MS);
}

/*  Returns a slot for an upload of the peer. A peer that has reached its limit can only get one of its own
    slots. */
static struct upload *upload_place (struct broker_content *content, const struct bus_peer *peer,
                                    uint64_t now_ms)
{
    struct upload *place = NULL;
    unsigned of_peer = 0;

    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++) {
        const struct upload *upload = &content->uploads[i];
        of_peer += (upload->is_open || upload->opening) && bus_peer_equal (&upload->peer, peer);
    }
    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++) {
        struct upload *upload = &content->uploads[i];
        bool is_free = !upload->is_open && !upload->opening;
        bool is_own = !is_free && bus_peer_equal (&upload->peer, peer);
        if (of_peer >= BROKER_UPLOADS_PEER_MOST ? !is_own : false)
            continue;
        if (is_free)
            return upload;
        if (upload_yields (upload, now_ms))
            place = upload;
    }
    if (place)
        upload_close (place);
    return place;
}

struct kept_one {
    struct broker_content *content;
    const struct base_digest *digest;
};

static bool is_wanted (void *context, const struct base_digest *digest)
{
    const struct kept_one *one = context;

    return base_digest_equal (digest, one->digest) || is_under_way (one->content, digest);
}

/*  Returns whether the disk has room for the rest of a blob, after abandoned uploads and old trash were
    deleted. */
static bool space_is_enough (struct broker_content *content, const struct wire_put *put,
                             struct wire_taken *answer)
{
    uint64_t here = broker_partials_allocated (&content->blobs, &put->digest);
    uint64_t rest = put->size > here ? put->size - here : 0;
    uint64_t needed = rest + BROKER_SPACE_KEPT, bytes = 0, inodes;
    struct kept_one one = {content, &put->digest};
    const struct broker_partials_kept kept = {is_wanted, &one};

    if (rest == 0 || broker_partials_make_room (&content->blobs, &kept, needed, &bytes))
        return true;
    broker_trash_make_room (&content->trash, needed, base_time_boot_ms ());
    if (disk_space (content->blobs.fd, &bytes, &inodes) != 0 || bytes >= needed)
        return true;
    answer_fill (answer, WIRE_STATUS_REFUSED, 0,
                 "the content peer's disk has %llu bytes free; this blob needs %llu, and %llu are kept free",
                 (unsigned long long) bytes, (unsigned long long) rest,
                 (unsigned long long) BROKER_SPACE_KEPT);
    return false;
}

static int opening_run (void *context)
{
    struct opening *opening = context;

    return disk_partial_open_until (opening->blobs, &opening->digest, opening->size, &opening->stop,
                                    &opening->partial, &opening->error);
}

static void opening_done (void *context, int result)
{
    struct opening *opening = context;
    struct upload *upload = opening->upload;

    upload->opening = NULL;
    if (result == 0) {
        upload->partial = opening->partial;
        opening->partial = (struct disk_partial){.fd = -1};
        upload->is_open = true;
        upload->written_back = upload->partial.offset;
        rate_begin (upload, base_time_boot_ms ());
    } else {
        upload_close (upload);
        opening->content->unopened = opening->digest;
        opening->content->unopened_error = opening->error;
    }
    opening_free (opening);
}

/*  Hashes the received part on a thread: hashing runs at a gigabyte a second or less. */
static bool opening_start (struct broker_content *content, struct upload *upload, const struct wire_put *put)
{
    struct opening *opening = calloc (1, sizeof *opening);

    if (!opening)
        return false;
    *opening = (struct opening){.content = content,
                                .upload = upload,
                                .blobs = &content->blobs,
                                .digest = put->digest,
                                .size = put->size,
                                .partial = {.fd = -1}};
    if (bus_work_start (content->loop, opening_run, opening_done, opening, &opening->work) != 0) {
        free (opening);
        return false;
    }
    upload->opening = opening;
    return true;
}

/*  Reports, once, why the received part could not be hashed; the next request tries again. Returns whether there
    was such an error. */
static bool unopened_answer (struct broker_content *content, const struct wire_put *put,
                             struct wire_taken *answer)
{
    if (!content->unopened_error.code || !base_digest_equal (&content->unopened, &put->digest))
        return false;
    answer_fill (answer, WIRE_STATUS_FAILED, 0, "%s", content->unopened_error.text);
    content->unopened_error = (struct base_error){.code = 0};
    return true;
}

/*  Returns the upload that the put belongs to; NULL: the answer has the reason. */
static struct upload *upload_enter (struct broker_content *content, const struct bus_peer *peer,
                                    const struct wire_put *put, uint64_t now_ms, struct wire_taken *answer)
{
    struct upload *upload = upload_find (content, &put->digest);
    struct base_error error = {.code = 0};
    int r;

    if (upload && upload->opening) {
        answer_fill (answer, WIRE_STATUS_BUSY, 0,
                     "the part of this blob that was uploaded before is being read");
        return NULL;
    }
    if (upload) {
        if (!bus_peer_equal (&upload->peer, peer)) {
            if (!upload_yields (upload, now_ms)) {
                answer_fill (answer, WIRE_STATUS_BUSY, 0, "another peer is uploading this blob");
                return NULL;
            }
            rate_begin (upload, now_ms);
        }
        if (upload->partial.size == put->size)
            return upload;
        upload_close (upload);
    }
    upload = upload_place (content, peer, now_ms);
    if (!upload) {
        answer_fill (answer, WIRE_STATUS_BUSY, 0,
                     "too many uploads are under way: at most %d are accepted, %d from a peer",
                     BROKER_UPLOADS_MOST, BROKER_UPLOADS_PEER_MOST);
        return NULL;
    }
    if (!space_is_enough (content, put, answer))
        return NULL;
    if (content->loop && disk_blobs_partial_size (&content->blobs, &put->digest) > 0) {
        if (unopened_answer (content, put, answer))
            return NULL;
        upload->peer = *peer;
        upload->put_ms = now_ms;
        if (opening_start (content, upload, put))
            answer_fill (answer, WIRE_STATUS_BUSY, 0,
                         "the part of this blob that was uploaded before is being read");
        else
            answer_fill (answer, WIRE_STATUS_FAILED, 0, "cannot start a thread");
        return NULL;
    }
    r = disk_partial_open (&content->blobs, &put->digest, put->size, &upload->partial, &error);
    if (r != 0) {
        answer_fill (answer, r == -ENOSPC ? WIRE_STATUS_REFUSED : WIRE_STATUS_FAILED, 0, "%s", error.text);
        return NULL;
    }
    upload->is_open = true;
    upload->written_back = upload->partial.offset;
    rate_begin (upload, now_ms);
    return upload;
}

/*  Starts write-back early, so that the sync at the end has less to wait for. */
static void write_back (struct upload *upload)
{
    uint64_t from = upload->written_back;

    if (upload->partial.offset - from < WRITE_BACK)
        return;
    upload->written_back = upload->partial.offset;
    (void) sync_file_range (upload->partial.fd, (off_t) from, (off_t) (upload->written_back - from),
                            SYNC_FILE_RANGE_WRITE);
}

/*  Notes that a blob is complete, and deletes the damaged file of the same name. */
static void blob_completed (struct broker_content *content, const struct base_digest *digest)
{
    char text[BASE_DIGEST_TEXT];

    content->changes++;
    broker_verify_note (content->verify, digest);
    if (!disk_aside_has (&content->blobs, DISK_DAMAGED, digest))
        return;
    if (disk_aside_remove (&content->blobs, DISK_DAMAGED, digest) == 0)
        base_log (BASE_LOG_INFO, "the damaged blob %s was uploaded again", base_digest_format (digest, text));
}

static void upload_finish (struct broker_content *content, struct upload *upload, struct wire_taken *answer)
{
    struct base_error error = {.code = 0};
    uint64_t size = upload->partial.size;
    struct base_digest digest = upload->partial.digest;
    int r = disk_partial_finish (&upload->partial, &error);

    if (r == 0) {
        blob_completed (content, &digest);
        answer_fill (answer, WIRE_STATUS_OK, size, NULL);
        answer->complete = true;
    } else if (r == DISK_E_DIGEST)
        answer_fill (answer, WIRE_STATUS_REFUSED, 0, "the digest does not match, upload again: %s",
                     error.text);
    else
        answer_fill (answer, WIRE_STATUS_FAILED, 0, "%s", error.text);
    upload_close (upload);
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
        answer_fill (answer, WIRE_STATUS_BUSY, 0, "the blob exists and is being verified");
        answer->retry_after_ms = broker_verify_retry_ms (content->verify, here);
    } else if (r != 0)
        answer_fill (answer, WIRE_STATUS_FAILED, 0, "the blob exists, but cannot be read: %s", strerror (-r));
    else if (here != put->size)
        answer_fill (answer, WIRE_STATUS_REFUSED, 0, "the blob with this digest has %llu bytes, not %llu",
                     (unsigned long long) here, (unsigned long long) put->size);
    else {
        answer_fill (answer, WIRE_STATUS_OK, here, NULL);
        answer->complete = true;
    }
    return r;
}

int broker_content_put (struct broker_content *content, const struct bus_peer *peer,
                        const struct wire_put *put, const void *payload, size_t size, uint64_t now_ms,
                        struct wire_taken *answer)
{
    struct base_error error = {.code = 0};
    struct upload *upload;
    uint64_t here;
    int r;

    place_check (content);
    r = present_answer (content, put, answer);
    if (r != -ENOENT)
        return 0;
    if (put->size > BROKER_CONTENT_MOST) {
        answer_fill (answer, WIRE_STATUS_REFUSED, 0, "a blob has at most %llu bytes",
                     (unsigned long long) BROKER_CONTENT_MOST);
        return 0;
    }
    /* A request without data only asks for the offset: it costs no file, no space and no hash. */
    here = disk_blobs_partial_size (&content->blobs, &put->digest);
    if (size == 0 && put->size > 0 && here < put->size && !upload_find (content, &put->digest)) {
        answer_fill (answer, WIRE_STATUS_OK, here, NULL);
        return 0;
    }
    upload = upload_enter (content, peer, put, now_ms, answer);
    if (!upload)
        return 0;
    upload->peer = *peer;
    upload->put_ms = now_ms;
    if (size > 0 && put->offset == upload->partial.offset) {
        if (size > upload->partial.size - upload->partial.offset) {
            answer_fill (answer, WIRE_STATUS_REFUSED, upload->partial.offset, "more bytes than the blob has");
            return 0;
        }
        r = disk_partial_write (&upload->partial, payload, size, &error);
        if (r != 0) {
            answer_fill (answer, r == -ENOSPC ? WIRE_STATUS_REFUSED : WIRE_STATUS_FAILED, 0, "%s",
                         error.text);
            upload_close (upload);
            return 0;
        }
        write_back (upload);
    }
    if (upload->partial.offset == upload->partial.size)
        upload_finish (content, upload, answer);
    else
        answer_fill (answer, WIRE_STATUS_OK, upload->partial.offset, NULL);
    return 0;
}

void broker_content_tick (struct broker_content *content, uint64_t now_ms)
{
    for (unsigned i = 0; i < BROKER_UPLOADS_MOST; i++) {
        upload_measure (&content->uploads[i], now_ms);
        if (content->uploads[i].is_open && now_ms - content->uploads[i].put_ms >= BROKER_UPLOAD_IDLE_MS)
            upload_close (&content->uploads[i]);
    }
    place_check (content);
    broker_trash_tick (&content->trash, now_ms);
    if (now_ms < content->collect_ms)
        return;
    content->collect_ms = now_ms + COLLECT_MS;
    broker_partials_collect (&content->blobs, &(struct broker_partials_kept){is_under_way, content},
                             time (NULL) - COLLECT_AGE_S);
}
