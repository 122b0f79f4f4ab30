/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/verify.h - verifies that blobs match their digests

    A blob is hashed before it is served for the first time since the process started, and again when its file
    has changed (inode, size or change time). A large blob is hashed on a thread; meanwhile clients are asked
    to retry. A scrubber reads every blob once in a period, slowly, also on a thread, and resumes after a
    restart.

    A blob that does not match its digest is damaged. It is moved to damaged/, counts as missing, and is
    deleted after the blob was uploaded again. */

#ifndef BROKER_VERIFY_H
#define BROKER_VERIFY_H

#include "bus/work.h"
#include "disk/disk.h"

enum {
    BROKER_VERIFY_INLINE = 256 * 1024, /* bytes: smaller blobs are hashed in the loop */
    BROKER_VERIFY_QUEUE = 256,         /* blobs that wait for the thread */
    BROKER_VERIFIED_MOST = 8192,       /* results that are remembered */
    BROKER_HASH_RATE = 500 * 1000,     /* bytes that a thread hashes in a millisecond, at least */
    BROKER_RETRY_LEAST_MS = 10,
    BROKER_RETRY_MOST_MS = 1000,
};

#define BROKER_SCRUB_MS (UINT64_C (7) * 24 * 3600 * 1000)

struct broker_verify;

/*  loop NULL: no thread and no scrubber; everything is hashed during the call. damaged (NULL: none) is called
    after a blob was moved away. blobs must outlive the result. Returns NULL if memory is exhausted. */
struct broker_verify *broker_verify_new (struct bus_loop *loop, struct disk_blobs *blobs,
                                         void (*damaged) (void *context, const struct base_digest *digest),
                                         void *context);
struct broker_verify *broker_verify_free (struct broker_verify *verify);

/*  Verifies an open blob. A result that is at most age_ms old is reused (0: any result since the process
    started). Returns 0; -EBUSY: it is being hashed; -ENOENT: it is damaged; or another -errno. fd stays the
    caller's. */
int broker_verify_check (struct broker_verify *verify, const struct base_digest *digest, int fd,
                         uint64_t age_ms);

/*  Returns when to ask again for a blob of this size that is being hashed: after the time that hashing takes
    at least, or after the time that the current job has already taken. */
uint64_t broker_verify_retry_ms (const struct broker_verify *verify, uint64_t size);

/*  Remembers a blob as intact, because it was hashed while it was received. */
void broker_verify_note (struct broker_verify *verify, const struct base_digest *digest);

/*  Reads every blob within period_ms, at no more than 10 MB/s and 5 % of a processor. 0: never. */
void broker_verify_scrub (struct broker_verify *verify, uint64_t period_ms);

/*  Forgets all results, and stops all jobs. To be called when the directory of the blobs was replaced. */
void broker_verify_reset (struct broker_verify *verify);

#endif
