/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/upload.c - the upload of one blob: its partial file, its rate, and its resume on a thread */

#include "broker/upload.h"

#include <errno.h>
#include <fcntl.h>

#include "base/assert.h"
#include "base/time.h"
#include "broker/partials.h"
#include "bus/work.h"

enum { WRITE_BACK = 8 << 20 };

/*  The state of one hashing job. */
struct broker_opening {
    struct broker_upload *upload;
    struct broker_upload_failure *failure;
    struct disk_blobs *blobs;
    struct base_digest digest;
    uint64_t size;
    struct disk_partial partial;
    struct base_error error;
    struct bus_work *work;
    atomic_bool stop;
};

static void opening_free (struct broker_opening *opening)
{
    base_assert (opening);
    atomic_store (&opening->stop, true); /* a job that still reads ends early */
    bus_work_free (opening->work);
    disk_partial_deinit (&opening->partial);
    free (opening);
}

void broker_upload_close (struct broker_upload *upload)
{
    base_assert (upload);
    if (upload->opening)
        opening_free (upload->opening);
    if (upload->is_open) {
        broker_partials_shrink (&upload->partial);
        disk_partial_deinit (&upload->partial);
    }
    *upload = (struct broker_upload){.is_open = false};
}

bool broker_upload_is_free (const struct broker_upload *upload)
{
    base_assert (upload);
    return !upload->is_open && !upload->opening;
}

bool broker_upload_is_of (const struct broker_upload *upload, const struct base_digest *digest)
{
    base_assert (upload && digest);
    return (upload->is_open && base_digest_equal (&upload->partial.digest, digest)) ||
           (upload->opening && base_digest_equal (&upload->opening->digest, digest));
}

void broker_upload_measure (struct broker_upload *upload, uint64_t now_ms)
{
    base_assert (upload);
    if (!upload->is_open || now_ms - upload->rate_ms < BROKER_UPLOAD_RATE_MS)
        return;
    upload->is_slow = upload->partial.offset - upload->rate_offset < BROKER_UPLOAD_RATE_LEAST;
    upload->rate_ms = now_ms;
    upload->rate_offset = upload->partial.offset;
}

void broker_upload_rate_begin (struct broker_upload *upload, uint64_t now_ms)
{
    base_assert (upload);
    upload->is_slow = false;
    upload->rate_ms = now_ms;
    upload->rate_offset = upload->is_open ? upload->partial.offset : 0;
}

bool broker_upload_yields (struct broker_upload *upload, uint64_t now_ms)
{
    base_assert (upload);
    broker_upload_measure (upload, now_ms);
    return upload->is_open && (upload->is_slow || now_ms - upload->put_ms >= BROKER_UPLOAD_TAKE_OVER_MS);
}

static void upload_opened (struct broker_upload *upload, uint64_t now_ms)
{
    base_assert (!upload->is_open && !upload->opening);
    upload->is_open = true;
    upload->written_back = upload->partial.offset;
    broker_upload_rate_begin (upload, now_ms);
}

int broker_upload_open (struct broker_upload *upload, struct disk_blobs *blobs,
                        const struct base_digest *digest, uint64_t size, uint64_t now_ms,
                        struct base_error *error)
{
    base_assert (upload && broker_upload_is_free (upload));
    base_assert (blobs && digest);
    int r = disk_partial_open (blobs, digest, size, &upload->partial, error);
    if (r < 0)
        return r;
    upload_opened (upload, now_ms);
    return 0;
}

static int opening_run (void *context)
{
    struct broker_opening *opening = context;

    return disk_partial_open_until (opening->blobs, &opening->digest, opening->size, &opening->stop,
                                    &opening->partial, &opening->error);
}

static void opening_done (void *context, int result)
{
    struct broker_opening *opening = context;
    struct broker_upload *upload = opening->upload;

    base_assert (upload->opening == opening && !upload->is_open);
    upload->opening = NULL;
    if (result == 0) {
        upload->partial = opening->partial;
        opening->partial = (struct disk_partial){.fd = -1};
        upload_opened (upload, base_time_boot_ms ());
    } else {
        broker_upload_close (upload);
        opening->failure->digest = opening->digest;
        opening->failure->error = opening->error;
    }
    opening_free (opening);
}

int broker_upload_resume (struct broker_upload *upload, struct bus_loop *loop, struct disk_blobs *blobs,
                          const struct base_digest *digest, uint64_t size,
                          struct broker_upload_failure *failure)
{
    base_assert (upload && broker_upload_is_free (upload));
    base_assert (loop && blobs && digest && failure);
    struct broker_opening *opening = calloc (1, sizeof *opening);
    if (!opening)
        return -ENOMEM;
    *opening = (struct broker_opening){.upload = upload,
                                       .failure = failure,
                                       .blobs = blobs,
                                       .digest = *digest,
                                       .size = size,
                                       .partial = {.fd = -1}};
    int r = bus_work_start (loop, opening_run, opening_done, opening, &opening->work);
    if (r < 0) {
        free (opening);
        return r;
    }
    upload->opening = opening;
    return 0;
}

static void write_back_start (struct broker_upload *upload)
{
    base_assert (upload->is_open && upload->written_back <= upload->partial.offset);
    uint64_t from = upload->written_back;

    if (upload->partial.offset - from < WRITE_BACK)
        return;
    upload->written_back = upload->partial.offset;
    (void) sync_file_range (upload->partial.fd, (off_t) from, (off_t) (upload->written_back - from),
                            SYNC_FILE_RANGE_WRITE);
}

int broker_upload_write (struct broker_upload *upload, const void *payload, size_t size,
                         struct base_error *error)
{
    base_assert (upload && upload->is_open);
    base_assert (payload && size > 0);
    base_assert (size <= upload->partial.size - upload->partial.offset);
    int r = disk_partial_write (&upload->partial, payload, size, error);
    if (r < 0)
        return r;
    write_back_start (upload);
    return 0;
}

void broker_upload_check (const struct broker_upload *upload)
{
    base_assert (upload);
    base_assert (!upload->is_open || !upload->opening);
    if (upload->opening)
        base_assert (upload->opening->upload == upload);
    if (!upload->is_open)
        return;
    base_assert (upload->partial.fd >= 0 && upload->partial.offset <= upload->partial.size);
    base_assert (upload->rate_offset <= upload->partial.offset);
    base_assert (upload->written_back <= upload->partial.offset);
}
