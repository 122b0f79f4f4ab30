/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/uploads.h - receives blobs, and limits the uploads of each peer

    One peer at a time uploads a blob, and an interrupted upload resumes where it stopped. The number of open
    uploads is limited, in all and for a peer; another peer takes over from a peer that is silent or slow.
    Uploads that are not resumed are deleted after a day. */

#ifndef BROKER_UPLOADS_H
#define BROKER_UPLOADS_H

#include "base/log.h"
#include "broker/trash.h"
#include "broker/upload.h"

enum {
    BROKER_UPLOADS_MOST = 32,     /* open at a time */
    BROKER_UPLOADS_PEER_MOST = 4, /* of one peer */
};

#define BROKER_BLOB_MOST (UINT64_C (16) << 30)  /* bytes of one blob */
#define BROKER_SPACE_KEPT (UINT64_C (64) << 20) /* bytes of the disk that uploads leave free */

struct broker_uploads {
    struct bus_loop *loop; /* NULL: no threads, everything is done during the call */
    struct disk_blobs *blobs;
    struct broker_trash *trash; /* asked for space */
    void (*completed) (void *context, const struct base_digest *digest);
    void *context;
    struct broker_upload all[BROKER_UPLOADS_MOST];
    struct broker_upload_failure failure; /* of the last resume that failed; cleared when it is answered */
    uint64_t collect_ms;                  /* time of the next search for abandoned uploads, since boot */
};

/*  completed is called after a blob is complete, verified and durable. loop, blobs and trash must outlive the
    uploads; what blobs has may be replaced after broker_uploads_close. */
void broker_uploads_init (struct broker_uploads *uploads, struct bus_loop *loop, struct disk_blobs *blobs,
                          struct broker_trash *trash,
                          void (*completed) (void *context, const struct base_digest *digest), void *context);

/*  Closes all uploads. What they received is kept. */
void broker_uploads_close (struct broker_uploads *uploads);

/*  Receives bytes of a blob that is not here. Fills status, offset, complete, reason and retry_after_ms of
    the answer; the caller owns the reason. now_ms: since boot. */
void broker_uploads_put (struct broker_uploads *uploads, const struct bus_peer *peer,
                         const struct wire_put *put, const void *payload, size_t size, uint64_t now_ms,
                         struct wire_taken *answer);

/*  Closes idle uploads. */
void broker_uploads_tick (struct broker_uploads *uploads, uint64_t now_ms);

/*  Once a minute, deletes abandoned uploads. */
void broker_uploads_collect (struct broker_uploads *uploads, uint64_t now_ms);

/*  Fills status, offset and reason (format NULL: none) of an answer. */
__attribute__ ((format (printf, 4, 5))) void broker_taken_say (struct wire_taken *answer,
                                                               enum wire_status status, uint64_t offset,
                                                               const char *format, ...);

#endif
