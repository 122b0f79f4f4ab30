/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/blobs.h - serves and receives blobs, for the broker and for a separate content peer

    A blob is served only once it is complete, verified and durable. How it is received: broker/uploads.h. No
    records are needed here, so that a content peer can run without a broker. */

#ifndef BROKER_BLOBS_H
#define BROKER_BLOBS_H

#include "broker/uploads.h"

struct broker_blobs;

/*  Opens root/blobs. The directory is created if it is missing, also if it is removed later. root stays
    the caller's; the caller owns *ret_store. Large blobs are hashed on a thread, before they are served and
    when an upload resumes. loop NULL: there are no threads, and blobs are hashed during the call. Returns 0
    or -errno. */
int broker_blobs_open (struct bus_loop *loop, int root, struct broker_blobs **ret_store,
                       struct base_error *error);

/*  Calls damaged for each damaged blob after it was moved away. The caller must drop open descriptors of
    it. */
void broker_blobs_watch (struct broker_blobs *store,
                         void (*damaged) (void *context, const struct base_digest *digest), void *context);

/*  Sets the rules of the trash, and the period within which every blob is read (0: never). */
void broker_blobs_rules (struct broker_blobs *store, const struct broker_trash_rules *rules,
                         uint64_t scrub_ms);
struct broker_blobs *broker_blobs_free (struct broker_blobs *store);

/*  As the operations of an origin. Returns -EBUSY while a blob is verified, which is done before it is
    served. A blob in the trash is not served. now_ms: since boot. */
int broker_blobs_get (struct broker_blobs *store, const struct base_digest *digest, int *ret_fd,
                      uint64_t *ret_size, bool *ret_immutable);
int broker_blobs_put (struct broker_blobs *store, const struct bus_peer *peer, const struct wire_put *put,
                      const void *payload, size_t size, uint64_t now_ms, struct wire_taken *answer);

/*  Returns whether the complete blob is here. Restores it from the trash. Does not read the bytes. */
bool broker_blobs_has (struct broker_blobs *store, const struct base_digest *digest, uint64_t *ret_size);

/*  Deletes a blob, not to the trash. Returns 0, also if it is not here, or -errno. */
int broker_blobs_remove (struct broker_blobs *store, const struct base_digest *digest);

/*  Moves a blob that nothing needs to the trash, from which it is restored when it is needed again. Returns
    0, -ENOENT, or another -errno. */
int broker_blobs_discard (struct broker_blobs *store, const struct base_digest *digest);

/*  Returns whether the blob was found damaged and has not been uploaded again. */
bool broker_blobs_is_damaged (struct broker_blobs *store, const struct base_digest *digest);

/*  Verifies a blob that a peer reports as damaged, unless it was read in the last 10 minutes. Returns 0 if it
    is intact, -EBUSY while it is being read, -ENOENT if it is missing or was damaged, or another -errno. */
int broker_blobs_verify (struct broker_blobs *store, const struct base_digest *digest);

/*  Grows whenever a blob is added, removed, or found damaged. */
uint64_t broker_blobs_changes (const struct broker_blobs *store);

/*  Calls each for every complete blob. each may remove the blob that it is called for. */
int broker_blobs_each (struct broker_blobs *store,
                       int (*each) (void *context, const struct base_digest *digest, uint64_t size),
                       void *context);

/*  Closes idle uploads, and maintains the trash and the directory. To be called every few seconds. */
void broker_blobs_tick (struct broker_blobs *store, uint64_t now_ms);

#endif
