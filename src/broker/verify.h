/*  broker/verify.h - whether blobs are what their names say

    Who serves verifies: a blob is hashed before it is served for the first time since this process began, and
    again once its file has changed (inode, size or time of change); a large one on a thread, while whoever asks
    is told to ask again. Beside that a scrubber reads every blob once in a period, slowly, also on a thread,
    and goes on after a restart where it was. One that is not what its name says is moved to damaged/: it is
    missing then, an upload takes its place, and nothing is deleted before that. */

#ifndef BROKER_VERIFY_H
#define BROKER_VERIFY_H

#include "bus/work.h"
#include "disk/disk.h"

enum {
    BROKER_VERIFY_INLINE = 256 * 1024, /* bytes that are hashed at once, in the loop */
    BROKER_VERIFY_QUEUE = 256,         /* that wait for the thread */
    BROKER_VERIFIED_MOST = 8192,       /* that are remembered */
    BROKER_HASH_RATE = 500 * 1000,     /* bytes that a thread hashes in a millisecond; often more */
    BROKER_RETRY_LEAST_MS = 10,
    BROKER_RETRY_MOST_MS = 1000,
};

#define BROKER_SCRUB_MS (UINT64_C (7) * 24 * 3600 * 1000)

struct broker_verify;

/*  loop NULL: no thread and no scrubber; everything is hashed at once. damaged: a blob was moved away. */
struct broker_verify *broker_verify_new (struct bus_loop *loop, struct disk_blobs *blobs,
                                         void (*damaged) (void *context, const struct base_digest *digest),
                                         void *context);
struct broker_verify *broker_verify_free (struct broker_verify *verify);

/*  Whether an open blob is what its name says, as of at most age_ms ago (0: since this process began). Returns
    0; -EBUSY: it is being hashed; -ENOENT: it is damaged; or another -errno. */
int broker_verify_check (struct broker_verify *verify, const struct base_digest *digest, int fd,
                         uint64_t age_ms);

/*  When to ask again for a blob of so many bytes that is being hashed: as soon as that can be over, and later where
    it takes longer. */
uint64_t broker_verify_retry_ms (const struct broker_verify *verify, uint64_t size);

/*  It was hashed on its way here. */
void broker_verify_note (struct broker_verify *verify, const struct base_digest *digest);

/*  Reads every blob within period_ms, at no more than 10 MB/s and 5 % of a processor. 0: never. */
void broker_verify_scrub (struct broker_verify *verify, uint64_t period_ms);

/*  The directory of the blobs is another one now. */
void broker_verify_reset (struct broker_verify *verify);

#endif
