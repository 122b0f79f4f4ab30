/* SPDX-License-Identifier: MPL-2.0 */
/*  node/content.h - a node's connection to its content peer, shared by all its users

    Users are downloads, the proof of a version on trial, and a blame check; several at a time. They share one
    connection, because each connection costs the peer a descriptor. It is open while there are users. A get
    is identified by (digest, offset, length). Its chunk goes to the user that sent it; any other chunk is
    dropped. Without a connection a get waits here and is sent later. */

#ifndef NODE_CONTENT_H
#define NODE_CONTENT_H

#include "bus/socket.h"
#include "identity/config.h"

struct node_content;

struct node_content_ops {
    /*  The answer to a get. Valid during the call only; the user may leave during it. */
    void (*chunk) (void *context, const struct wire_chunk *chunk, const void *payload, size_t size);
    /*  The connection was closed, and unanswered gets are forgotten. May be NULL. Any user may leave during
        the call. */
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
    bool loses; /* `lost` is still to be called */
};

/*  config must live as long as the result. Returns NULL if out of memory. */
struct node_content *node_content_new (struct bus_loop *loop, const struct identity_config *config);
/*  All users must have left. Accepts NULL. Returns NULL. */
struct node_content *node_content_free (struct node_content *content);

/*  Adds a user, which must not have joined. ops and context must live until it leaves. */
void node_content_join (struct node_content *content, struct node_content_user *user,
                        const struct node_content_ops *ops, void *context);
/*  Forgets the user's gets. The last user closes the connection. Accepts a user that has not joined. */
void node_content_leave (struct node_content_user *user);

/*  Returns whether there is a connection, and starts to connect if it has not yet. */
bool node_content_is_connected (struct node_content_user *user);

/*  Sends a copy of a get, or keeps it until it can be sent. An unanswered get is sent again. If the user
    already has NODE_CONTENT_GETS_MOST gets, the oldest is forgotten. */
void node_content_get (struct node_content_user *user, const struct wire_get *get);

/*  Forgets the user's gets: their chunks are dropped. */
void node_content_forget (struct node_content_user *user);

/*  Closes the connection, because nothing arrives over it, and forgets all gets. Calls `lost` of the other
    users. A call from within a `lost` only forgets the user's gets: the connection is closed already. */
void node_content_reconnect (struct node_content_user *user);

/*  Contact to the origin was lost: closes the connection, forgets all gets and calls `lost` of all users.
    From within a `lost` it does nothing. */
void node_content_lost (struct node_content *content);

#endif
