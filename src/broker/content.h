/*  broker/content.h - serving and taking contents, for the broker and for a content peer on its own

    Uploads go on where they stopped; one peer at a time uploads a content. A content is only served once
    all of it is here, verified and durable. Needs no records. */

#ifndef BROKER_CONTENT_H
#define BROKER_CONTENT_H

#include "bus/socket.h"
#include "disk/disk.h"

enum {
    BROKER_UPLOADS_MOST = 32,              /* under way at a time */
    BROKER_UPLOADS_PEER_MOST = 4,          /* of one peer */
    BROKER_UPLOAD_IDLE_MS = 30 * 1000,     /* after that, what is here is closed and waits for a resume */
    BROKER_UPLOAD_TAKE_OVER_MS = 5 * 1000, /* after that, another peer may go on with it */
};

#define BROKER_CONTENT_MOST (UINT64_C (16) << 30) /* bytes of one content */
#define BROKER_SPACE_KEPT (UINT64_C (64) << 20)   /* bytes of the disk that uploads leave free */

struct broker_content;

/*  The contents below root/contents; the directory is made where it is missing. root stays the caller's. */
int broker_content_open (int root, struct broker_content **ret_content, struct base_error *error);
struct broker_content *broker_content_free (struct broker_content *content);

/*  Has what is there of an upload hashed beside the loop, when it is gone on with; without a loop that is done at
    once. */
void broker_content_loop (struct broker_content *content, struct bus_loop *loop);

/*  As the operations of an origin. */
int broker_content_get (struct broker_content *content, const struct base_digest *digest, int *ret_fd,
                        uint64_t *ret_size, bool *ret_immutable);
int broker_content_put (struct broker_content *content, const struct bus_peer *peer,
                        const struct wire_put *put, const void *payload, size_t size, uint64_t now_ms,
                        struct wire_taken *answer);

/*  Whether all of a content is here. */
bool broker_content_has (struct broker_content *content, const struct base_digest *digest,
                         uint64_t *ret_size);
int broker_content_remove (struct broker_content *content, const struct base_digest *digest);

/*  Calls each for every complete content; it may remove the one that it is called for. */
int broker_content_each (struct broker_content *content,
                         int (*each) (void *context, const struct base_digest *digest, uint64_t size),
                         void *context);

/*  Closes uploads that nobody goes on with. To be called every few seconds. */
void broker_content_tick (struct broker_content *content, uint64_t now_ms);

#endif
