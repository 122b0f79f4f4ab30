/*  broker/content.h - serving and taking contents, for the broker and for a content peer on its own

    Uploads go on where they stopped; one peer at a time uploads a content. A content is only served once
    all of it is here, verified and durable. Needs no records. */

#ifndef BROKER_CONTENT_H
#define BROKER_CONTENT_H

#include "broker/trash.h"
#include "bus/socket.h"
#include "disk/disk.h"

enum {
    BROKER_UPLOADS_MOST = 32,              /* under way at a time */
    BROKER_UPLOADS_PEER_MOST = 4,          /* of one peer */
    BROKER_UPLOAD_IDLE_MS = 30 * 1000,     /* after that, what is here is closed and waits for a resume */
    BROKER_UPLOAD_TAKE_OVER_MS = 5 * 1000, /* after that, another peer may go on with it */
    BROKER_UPLOAD_RATE_MS = 10 * 1000,     /* in each of these spans ... */
    BROKER_UPLOAD_RATE_LEAST = 256 * 1024, /* ... these bytes come, or whoever needs its place may have it */
};

#define BROKER_CONTENT_MOST (UINT64_C (16) << 30) /* bytes of one content */
#define BROKER_SPACE_KEPT (UINT64_C (64) << 20)   /* bytes of the disk that uploads leave free */

struct broker_content;

/*  The contents below root/contents; the directory is made where it is missing, also when it is removed later.
    root stays the caller's. What is large is hashed beside the loop: what is served, and what is there of an upload
    that goes on. loop NULL: everything is done at once. */
int broker_content_open (struct bus_loop *loop, int root, struct broker_content **ret_content,
                         struct base_error *error);

/*  Calls damaged for a blob that turned out to be damaged, and was moved away: what is open of it has to go. */
void broker_content_watch (struct broker_content *content,
                           void (*damaged) (void *context, const struct base_digest *digest), void *context);

/*  How long and for what what nothing needs is kept; within which time every blob is read (0: never). */
void broker_content_rules (struct broker_content *content, const struct broker_trash_rules *rules,
                           uint64_t scrub_ms);
struct broker_content *broker_content_free (struct broker_content *content);

/*  As the operations of an origin. A content is verified before it is served: -EBUSY while that goes on.
    What is in the trash is not served. */
int broker_content_get (struct broker_content *content, const struct base_digest *digest, int *ret_fd,
                        uint64_t *ret_size, bool *ret_immutable);
int broker_content_put (struct broker_content *content, const struct bus_peer *peer,
                        const struct wire_put *put, const void *payload, size_t size, uint64_t now_ms,
                        struct wire_taken *answer);

/*  Whether all of a content is here; one that is in the trash comes back. It is not read for that. */
bool broker_content_has (struct broker_content *content, const struct base_digest *digest,
                         uint64_t *ret_size);
int broker_content_remove (struct broker_content *content, const struct base_digest *digest);

/*  Nothing needs it: into the trash, from which it comes back once something needs it. */
int broker_content_discard (struct broker_content *content, const struct base_digest *digest);

/*  Whether it was found damaged, and has not been uploaded again. */
bool broker_content_is_damaged (struct broker_content *content, const struct base_digest *digest);

/*  Somebody says that it is damaged: reads it, unless that was done lately. Returns 0: it is whole; -EBUSY: it is
    being read; -ENOENT: it is not here, or was damaged; or another -errno. */
int broker_content_verify (struct broker_content *content, const struct base_digest *digest);

/*  Grows whenever a content came, went, or was found damaged. */
uint64_t broker_content_changes (const struct broker_content *content);

/*  Calls each for every complete content; it may remove the one that it is called for. */
int broker_content_each (struct broker_content *content,
                         int (*each) (void *context, const struct base_digest *digest, uint64_t size),
                         void *context);

/*  Closes uploads that nobody goes on with, and looks after trash and directory. To be called every few
    seconds. */
void broker_content_tick (struct broker_content *content, uint64_t now_ms);

#endif
