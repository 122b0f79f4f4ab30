/* SPDX-License-Identifier: MPL-2.0 */
/*  node/content.h - a node's connection to its content peer, shared by all that get blobs over it

    Users are a download, the proof of a version on trial, a blame check; several at a time. All of them share
    one connection, because each connection costs the peer a descriptor. It is open while there are users. A
    get is identified by (digest, offset, length); its chunk goes to the user that sent it, and a chunk that
    nobody waits for is dropped. Nothing is queued for a peer that is away: a get waits here until there is a
    connection. */

#ifndef NODE_CONTENT_H
#define NODE_CONTENT_H

#include "bus/socket.h"
#include "identity/config.h"

struct node_content;

struct node_content_ops {
    /*  The answer to a get. Valid during the call only; the user may leave during it. */
    void (*chunk) (void *context, const struct wire_chunk *chunk, const void *payload, size_t size);
    /*  The connection was closed, and unanswered gets are forgotten. May be NULL. */
    void (*lost) (void *context);
};

enum { NODE_CONTENT_GETS_MOST = 64 /* of a user, as many as a download sends */ };

/*  A user. Null value: all zero, has not joined. Its members belong to content.c. */
struct node_content_user {
    struct node_content *content;
    struct node_content_user *next;
    const struct node_content_ops *ops;
    void *context;
    struct node_content_get {
        struct wire_get get;
        bool sent;
    } requests[NODE_CONTENT_GETS_MOST]; /* unanswered, oldest first */
    unsigned count;
    bool loses; /* is about to be told that the connection was closed */
};

/*  config must live as long as the result. Returns NULL if out of memory. */
struct node_content *node_content_new (struct bus_loop *loop, const struct identity_config *config);
/*  Nobody may be joined any more. Accepts NULL. Returns NULL. */
struct node_content *node_content_free (struct node_content *content);

void node_content_join (struct node_content *content, struct node_content_user *user,
                        const struct node_content_ops *ops, void *context);
/*  Forgets the user's gets. The last user closes the connection. Accepts a user that has not joined. */
void node_content_leave (struct node_content_user *user);

/*  Returns whether there is a connection, and connects if that was not begun. */
bool node_content_is_connected (struct node_content_user *user);

/*  Sends a get, or keeps it until it can be sent. A get that is unanswered already is sent again. Beyond
    NODE_CONTENT_GETS_MOST, the oldest get is forgotten. */
void node_content_get (struct node_content_user *user, const struct wire_get *get);

/*  Forgets the user's gets: their chunks are dropped. */
void node_content_forget (struct node_content_user *user);

/*  Closes the connection, over which nothing arrives, and forgets all gets. Calls `lost` of the other
    users. */
void node_content_reconnect (struct node_content_user *user);

/*  The same, with `lost` of all users: contact to the origin was lost. */
void node_content_lost (struct node_content *content);

#endif
