/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/verify.c - verifies that blobs match their digests: requests, and remembered results */

#include "broker/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/verify_private.h"

/*  Results. */

/*  Asserts what always holds between two calls. */
static void verify_check (const struct broker_verify *verify)
{
    base_assert (verify->blobs && verify->known);
    base_assert (verify->n_waiting <= BROKER_VERIFY_QUEUE);
    base_assert ((verify->work != NULL) == (verify->job.fd >= 0));
    base_assert (verify->work || verify->n_waiting == 0);
}

static uint32_t result_slot (const struct base_digest *digest)
{
    uint32_t slot;

    memcpy (&slot, digest->bytes, sizeof slot);
    return slot % BROKER_VERIFIED_MOST;
}

static void result_remember (struct broker_verify *verify, const struct base_digest *digest,
                             const struct stat *status)
{
    /* Two blobs that share a slot are hashed more often than necessary. */
    verify->known[result_slot (digest)] = (struct broker_verified){.digest = *digest,
                                                                   .inode = status->st_ino,
                                                                   .size = status->st_size,
                                                                   .changed = status->st_ctim,
                                                                   .at_ms = base_time_boot_ms ()};
}

static bool blob_is_known (const struct broker_verify *verify, const struct base_digest *digest,
                           const struct stat *status, uint64_t age_ms)
{
    const struct broker_verified *known = &verify->known[result_slot (digest)];

    return base_digest_equal (&known->digest, digest) && known->inode == status->st_ino &&
           known->size == status->st_size && known->changed.tv_sec == status->st_ctim.tv_sec &&
           known->changed.tv_nsec == status->st_ctim.tv_nsec &&
           (age_ms == 0 || base_time_boot_ms () - known->at_ms <= age_ms);
}

/*  Returns whether the name of the blob still belongs to the hashed file: an upload may have replaced it. */
static bool blob_is_unchanged (struct broker_verify *verify, const struct broker_hashed *hashed)
{
    base_cleanup (base_close_p) int fd = -1;
    struct stat status;

    return disk_blobs_get (verify->blobs, &hashed->digest, &fd, NULL) == 0 && fstat (fd, &status) == 0 &&
           status.st_ino == hashed->status.st_ino && status.st_dev == hashed->status.st_dev;
}

void broker_verify_found (struct broker_verify *verify, const struct broker_hashed *hashed)
{
    base_assert (verify && hashed);
    base_assert (hashed->result <= 0);
    char text[BASE_DIGEST_TEXT];
    int r;

    if (hashed->result == 0 && base_digest_equal (&hashed->digest, &hashed->found)) {
        result_remember (verify, &hashed->digest, &hashed->status);
        return;
    }
    if (hashed->result != 0 && hashed->result != -EIO)
        return; /* out of memory or descriptors: the state of the blob is not known */
    if (!blob_is_unchanged (verify, hashed))
        return;
    (void) base_digest_format (&hashed->digest, text);
    r = disk_aside_put (verify->blobs, DISK_DAMAGED, &hashed->digest, 0);
    if (r == -ENOENT)
        return;
    base_log (BASE_LOG_ERROR,
              "the blob %s is damaged (%s)%s%s: publish its releases again from the same files", text,
              hashed->result ? strerror (-hashed->result) : "its bytes do not match its digest",
              r == 0 ? "; it was moved to blobs/damaged" : "; it could not be moved away: ",
              r == 0 ? "" : strerror (-r));
    if (r == 0 && verify->damaged)
        verify->damaged (verify->context, &hashed->digest);
}

/*  Hashing. */

/*  Hashes the whole file. fd stays the caller's. */
static void blob_hash (struct broker_hashed *hashed, int fd, const atomic_bool *stop)
{
    base_assert (fd >= 0);
    hashed->result =
        fstat (fd, &hashed->status) != 0 ? -errno : base_digest_of_fd_until (fd, stop, &hashed->found, NULL);
}

static int job_run (void *context)
{
    struct broker_verify *verify = context;

    blob_hash (&verify->job.hashed, verify->job.fd, &verify->job.stop);
    return 0;
}

static void job_fd_close (struct broker_verify *verify)
{
    base_close_p (&verify->job.fd);
    verify->job.fd = -1;
}

/*  Ends the job early, because the loop waits here, and a large blob takes many seconds. */
static void job_stop (struct broker_verify *verify)
{
    atomic_store (&verify->job.stop, true);
    verify->work = bus_work_free (verify->work);
    atomic_store (&verify->job.stop, false);
    job_fd_close (verify);
}

static void queue_advance (struct broker_verify *verify);

static void job_done (void *context, int result)
{
    struct broker_verify *verify = context;

    (void) result;
    verify->work = bus_work_free (verify->work);
    job_fd_close (verify);
    broker_verify_found (verify, &verify->job.hashed);
    queue_advance (verify);
}

/*  Starts the next waiting blob. One that cannot be opened or started is dropped: its client asks again. */
static void queue_advance (struct broker_verify *verify)
{
    while (!verify->work && verify->n_waiting > 0) {
        struct base_digest digest = verify->waiting[0];
        verify->n_waiting--;
        memmove (&verify->waiting[0], &verify->waiting[1], verify->n_waiting * sizeof digest);
        if (disk_blobs_get (verify->blobs, &digest, &verify->job.fd, NULL) != 0)
            continue;
        verify->job.hashed = (struct broker_hashed){.digest = digest};
        verify->job.started_ms = base_time_boot_ms ();
        if (bus_work_start (verify->loop, job_run, job_done, verify, &verify->work) != 0)
            job_fd_close (verify);
    }
    verify_check (verify);
}

static void digest_enqueue (struct broker_verify *verify, const struct base_digest *digest)
{
    if (verify->work && base_digest_equal (&verify->job.hashed.digest, digest))
        return;
    for (size_t i = 0; i < verify->n_waiting; i++)
        if (base_digest_equal (&verify->waiting[i], digest))
            return;
    if (verify->n_waiting < BROKER_VERIFY_QUEUE)
        verify->waiting[verify->n_waiting++] = *digest;
    queue_advance (verify);
}

int broker_verify_check (struct broker_verify *verify, const struct base_digest *digest, int fd,
                         uint64_t age_ms)
{
    base_assert (verify && digest && fd >= 0);
    struct broker_hashed hashed = {.digest = *digest};
    struct stat status;

    if (fstat (fd, &status) != 0)
        return -errno;
    if (blob_is_known (verify, digest, &status, age_ms))
        return 0;
    if (verify->loop && status.st_size > BROKER_VERIFY_INLINE) {
        digest_enqueue (verify, digest);
        return -EBUSY;
    }
    blob_hash (&hashed, fd, NULL);
    broker_verify_found (verify, &hashed);
    if (hashed.result != 0)
        return hashed.result == -EIO ? -ENOENT : hashed.result;
    return base_digest_equal (&hashed.digest, &hashed.found) ? 0 : -ENOENT;
}

uint64_t broker_verify_retry_ms (const struct broker_verify *verify, uint64_t size)
{
    base_assert (verify);
    uint64_t retry_ms = size / BROKER_HASH_RATE;
    uint64_t since_ms = verify->work ? base_time_boot_ms () - verify->job.started_ms : 0;

    if (retry_ms < since_ms)
        retry_ms = since_ms;
    return retry_ms < BROKER_RETRY_LEAST_MS  ? BROKER_RETRY_LEAST_MS
           : retry_ms > BROKER_RETRY_MOST_MS ? BROKER_RETRY_MOST_MS
                                             : retry_ms;
}

void broker_verify_note (struct broker_verify *verify, const struct base_digest *digest)
{
    base_assert (verify && digest);
    base_cleanup (base_close_p) int fd = -1;
    struct stat status;

    if (disk_blobs_get (verify->blobs, digest, &fd, NULL) == 0 && fstat (fd, &status) == 0)
        result_remember (verify, digest, &status);
}

struct broker_verify *broker_verify_new (struct bus_loop *loop, struct disk_blobs *blobs,
                                         void (*damaged) (void *context, const struct base_digest *digest),
                                         void *context)
{
    base_assert (blobs);
    struct broker_verify *verify = calloc (1, sizeof *verify);

    if (!verify)
        return NULL;
    verify->known = calloc (BROKER_VERIFIED_MOST, sizeof *verify->known);
    if (!verify->known) {
        free (verify);
        return NULL;
    }
    verify->loop = loop;
    verify->blobs = blobs;
    verify->damaged = damaged;
    verify->context = context;
    verify->job.fd = -1;
    broker_scrub_init (verify);
    return verify;
}

void broker_verify_reset (struct broker_verify *verify)
{
    base_assert (verify);
    job_stop (verify);
    verify->n_waiting = 0;
    memset (verify->known, 0, BROKER_VERIFIED_MOST * sizeof *verify->known);
    broker_scrub_reset (verify);
}

struct broker_verify *broker_verify_free (struct broker_verify *verify)
{
    if (!verify)
        return NULL;
    broker_scrub_deinit (verify);
    job_stop (verify);
    free (verify->known);
    free (verify);
    return NULL;
}
