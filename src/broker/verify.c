/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/verify.c - verifies that blobs match their digests: requests, and remembered results */

#include "broker/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/verify_private.h"

/*  results */

static uint32_t slot_of (const struct base_digest *digest)
{
    uint32_t slot;

    memcpy (&slot, digest->bytes, sizeof slot);
    return slot % BROKER_VERIFIED_MOST;
}

static void result_remember (struct broker_verify *verify, const struct base_digest *digest,
                             const struct stat *status)
{
    /* Two blobs that share a slot are hashed more often than necessary. */
    verify->known[slot_of (digest)] = (struct broker_verified){.digest = *digest,
                                                               .inode = status->st_ino,
                                                               .size = status->st_size,
                                                               .changed = status->st_ctim,
                                                               .at_ms = base_time_boot_ms ()};
}

static bool is_known (const struct broker_verify *verify, const struct base_digest *digest,
                      const struct stat *status, uint64_t age_ms)
{
    const struct broker_verified *known = &verify->known[slot_of (digest)];

    return base_digest_equal (&known->digest, digest) && known->inode == status->st_ino &&
           known->size == status->st_size && known->changed.tv_sec == status->st_ctim.tv_sec &&
           known->changed.tv_nsec == status->st_ctim.tv_nsec &&
           (age_ms == 0 || base_time_boot_ms () - known->at_ms <= age_ms);
}

/*  Returns whether the hashed file still has that name: an upload may have replaced it. */
static bool is_still_there (struct broker_verify *verify, const struct broker_hashed *hashed)
{
    base_cleanup (base_close_p) int fd = -1;
    struct stat status;

    return disk_blobs_get (verify->blobs, &hashed->digest, &fd, NULL) == 0 && fstat (fd, &status) == 0 &&
           status.st_ino == hashed->status.st_ino && status.st_dev == hashed->status.st_dev;
}

void broker_verify_found (struct broker_verify *verify, const struct broker_hashed *hashed)
{
    char text[BASE_DIGEST_TEXT];
    int r;

    if (hashed->result == 0 && base_digest_equal (&hashed->digest, &hashed->found)) {
        result_remember (verify, &hashed->digest, &hashed->status);
        return;
    }
    if (hashed->result != 0 && hashed->result != -EIO)
        return; /* out of memory or descriptors: the state of the blob is not known */
    if (!is_still_there (verify, hashed))
        return;
    (void) base_digest_format (&hashed->digest, text);
    r = disk_aside_put (verify->blobs, DISK_DAMAGED, &hashed->digest, 0);
    if (r == -ENOENT)
        return;
    base_log (BASE_LOG_ERROR,
              "the blob %s is damaged (%s)%s%s: publish its releases again from the same files", text,
              hashed->result ? strerror (-hashed->result) : "its bytes do not match its digest",
              r == 0 ? "; it was moved to contents/damaged" : "; it could not be moved away: ",
              r == 0 ? "" : strerror (-r));
    if (r == 0 && verify->damaged)
        verify->damaged (verify->context, &hashed->digest);
}

/*  hashing */

/*  Hashes the whole file. fd stays the caller's. */
static void hash_all (struct broker_hashed *hashed, int fd, const atomic_bool *stop)
{
    hashed->result =
        fstat (fd, &hashed->status) != 0 ? -errno : base_digest_of_fd_until (fd, stop, &hashed->found, NULL);
}

static int job_run (void *context)
{
    struct broker_verify *verify = context;

    hash_all (&verify->job.hashed, verify->job.fd, &verify->job.stop);
    return 0;
}

/*  Ends the job early: a large blob takes many seconds, and the loop would wait for it here. */
static void job_stop (struct broker_verify *verify)
{
    atomic_store (&verify->job.stop, true);
    verify->work = bus_work_free (verify->work);
    atomic_store (&verify->job.stop, false);
    base_close_p (&verify->job.fd);
    verify->job.fd = -1;
}

static void next_begin (struct broker_verify *verify);

static void job_done (void *context, int result)
{
    struct broker_verify *verify = context;

    (void) result;
    verify->work = bus_work_free (verify->work);
    base_close_p (&verify->job.fd);
    verify->job.fd = -1;
    broker_verify_found (verify, &verify->job.hashed);
    next_begin (verify);
}

/*  Starts the next waiting blob. One that cannot be opened or started is dropped: its client asks again. */
static void next_begin (struct broker_verify *verify)
{
    while (!verify->work && verify->n_waiting > 0) {
        struct base_digest digest = verify->waiting[0];
        verify->n_waiting--;
        memmove (&verify->waiting[0], &verify->waiting[1], verify->n_waiting * sizeof digest);
        if (disk_blobs_get (verify->blobs, &digest, &verify->job.fd, NULL) != 0)
            continue;
        verify->job.hashed = (struct broker_hashed){.digest = digest};
        verify->job.begun_ms = base_time_boot_ms ();
        if (bus_work_start (verify->loop, job_run, job_done, verify, &verify->work) != 0)
            base_close_p (&verify->job.fd);
    }
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
    next_begin (verify);
}

int broker_verify_check (struct broker_verify *verify, const struct base_digest *digest, int fd,
                         uint64_t age_ms)
{
    struct broker_hashed hashed = {.digest = *digest};
    struct stat status;

    if (fstat (fd, &status) != 0)
        return -errno;
    if (is_known (verify, digest, &status, age_ms))
        return 0;
    if (verify->loop && status.st_size > BROKER_VERIFY_INLINE) {
        digest_enqueue (verify, digest);
        return -EBUSY;
    }
    hash_all (&hashed, fd, NULL);
    broker_verify_found (verify, &hashed);
    if (hashed.result != 0)
        return hashed.result == -EIO ? -ENOENT : hashed.result;
    return base_digest_equal (&hashed.digest, &hashed.found) ? 0 : -ENOENT;
}

uint64_t broker_verify_retry_ms (const struct broker_verify *verify, uint64_t size)
{
    uint64_t retry_ms = size / BROKER_HASH_RATE;
    uint64_t since_ms = verify->work ? base_time_boot_ms () - verify->job.begun_ms : 0;

    if (retry_ms < since_ms)
        retry_ms = since_ms;
    return retry_ms < BROKER_RETRY_LEAST_MS  ? BROKER_RETRY_LEAST_MS
           : retry_ms > BROKER_RETRY_MOST_MS ? BROKER_RETRY_MOST_MS
                                             : retry_ms;
}

void broker_verify_note (struct broker_verify *verify, const struct base_digest *digest)
{
    base_cleanup (base_close_p) int fd = -1;
    struct stat status;

    if (disk_blobs_get (verify->blobs, digest, &fd, NULL) == 0 && fstat (fd, &status) == 0)
        result_remember (verify, digest, &status);
}

struct broker_verify *broker_verify_new (struct bus_loop *loop, struct disk_blobs *blobs,
                                         void (*damaged) (void *context, const struct base_digest *digest),
                                         void *context)
{
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
