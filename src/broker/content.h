/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/content.h - serves and receives blobs, for the broker and for a separate content peer

    A blob is served only once it is complete, verified and durable. How it is received: broker/uploads.h. No
    records are needed here, so that a content peer can run without a broker. */

#ifndef BROKER_CONTENT_H
#define BROKER_CONTENT_H

#include "broker/uploads.h"

struct broker_content;

/*  Opens root/contents. The directory is created if it is missing, also if it is removed later. root stays
    the caller's. Large blobs are hashed on a thread: before they are served, and when an upload resumes.
    loop NULL: no threads, everything is done during the call. */
int broker_content_open (struct bus_loop *loop, int root, struct broker_content **ret_content,
                         struct base_error *error);

/*  Calls damaged for each damaged blob after it was moved away. The caller must drop open descriptors of
    it. */
void broker_content_watch (struct broker_content *content,
                           void (*damaged) (void *context, const struct base_digest *digest), void *context);

/*  Sets the rules of the trash, and the period within which every blob is read (0: never). */
void broker_content_rules (struct broker_content *content, const struct broker_trash_rules *rules,
                           uint64_t scrub_ms);
struct broker_content *broker_content_free (struct broker_content *content);

/*  As the operations of an origin. A blob is verified before it is served; -EBUSY while that goes on. A
    blob in the trash is not served. */
int broker_content_get (struct broker_content *content, const struct base_digest *digest, int *ret_fd,
                        uint64_t *ret_size, bool *ret_immutable);
int broker_content_put (struct broker_content *content, const struct bus_peer *peer,
                        const struct wire_put *put, const void *payload, size_t size, uint64_t now_ms,
                        struct wire_taken *answer);

/*  Returns whether the complete blob is here. Restores it from the trash. Does not read the bytes. */
bool broker_content_has (struct broker_content *content, const struct base_digest *digest,
                         uint64_t *ret_size);
int broker_content_remove (struct broker_content *content, const struct base_digest *digest);

/*  Nothing needs the blob: moves it to the trash, from which it is restored when it is needed again. */
int broker_content_discard (struct broker_content *content, const struct base_digest *digest);

/*  Returns whether the blob was found damaged and has not been uploaded again. */
bool broker_content_is_damaged (struct broker_content *content, const struct base_digest *digest);

/*  A peer reports the blob as damaged: reads it, unless it was read in the last 10 minutes. Returns 0: it
    is intact; -EBUSY: it is being read; -ENOENT: it is missing, or was damaged; or another -errno. */
int broker_content_verify (struct broker_content *content, const struct base_digest *digest);

/*  Grows whenever a blob is added, removed, or found damaged. */
uint64_t broker_content_changes (const struct broker_content *content);

/*  Calls each for every complete blob. each may remove the blob that it is called for. */
int broker_content_each (struct broker_content *content,
                         int (*each) (void *context, const struct base_digest *digest, uint64_t size),
                         void *context);

/*  Closes idle uploads, and maintains the trash and the directory. To be called every few seconds. */
void broker_content_tick (struct broker_content *content, uint64_t now_ms);

#endif
