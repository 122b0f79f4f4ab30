/* SPDX-License-Identifier: MPL-2.0 */
/*  node/session.h - the node's side of its connection to an origin: hello, heartbeats, asking, matching,
    reporting

    It uses two sockets, SUB announce and DEALER control, and a DEALER for content during a download: each
    connection costs the origin one of its about 20,000 descriptors. Every request is sent again until it is
    answered. Reports wait in a bounded queue, oldest first. When the queue is full, the oldest report that
    ends nothing is dropped. Without an origin the session retries after a random, growing pause, and the rest
    of the node continues. */

#ifndef NODE_SESSION_H
#define NODE_SESSION_H

#include "bus/socket.h"
#include "identity/config.h"

struct node_session;

/*  What the session reports to its owner. Messages are valid during the call only. */
struct node_session_ops {
    /*  Fills in the state of the application for hello; everything it points to stays the owner's. */
    void (*describe) (void *context, struct wire_application *ret_application);
    /*  Fills in the journal's members of hello. May be NULL. */
    void (*journal) (void *context, struct wire_hello *hello);
    /*  Called when this process is awake anyway: at each heartbeat, at each hello without an answer, and from
        time to time without an origin. May be NULL. */
    void (*awake) (void *context);
    void (*welcome) (void *context, const struct wire_welcome *welcome);
    void (*refused) (void *context, const char *reason); /* hello was refused; may be NULL */
    void (*lost) (void *context);                        /* no message of the origin for three heartbeats */
    void (*hint) (void *context, const struct wire_update *update);
    void (*desired) (void *context, const struct wire_desired *desired);
    void (*matched) (void *context, const struct wire_matched *matched);
    void (*chunk) (void *context, const struct wire_chunk *chunk, const void *payload, size_t size);
};

/*  Makes the sockets. Requests and reports before node_session_open wait for it. */
int node_session_new (struct bus_loop *loop, const struct identity_config *config,
                      const struct node_session_ops *ops, void *context, struct node_session **ret_session,
                      struct base_error *error);

/*  Sends hello, again and again until it is answered. */
void node_session_open (struct node_session *session);

/*  If the origin has answered hello: sends hello again, because something in it has changed. */
void node_session_hello_again (struct node_session *session);

/*  Sends goodbye and closes; queued messages get a linger time. Accepts NULL. Returns NULL. */
struct node_session *node_session_free (struct node_session *session);

/*  Returns whether the origin has answered hello and contact to it was not lost since. */
bool node_session_is_open (const struct node_session *session);

/*  Returns the random id of this session. */
const char *node_session_id (const struct node_session *session);

/*  Asks for the desired state; ops->desired gets the answer. A call during an ask asks once more after it. */
void node_session_ask (struct node_session *session);

/*  wanted: from now on, each ask requests an announcement, too. */
void node_session_hint_wanted (struct node_session *session, bool wanted);

/*  Asks for an envelope until that is answered or cancelled. Sends a copy with node filled in. Returns 0 or
    -ENOMEM. */
int node_session_match (struct node_session *session, const struct wire_match *match);
void node_session_match_cancel (struct node_session *session);

/*  Queues a copy of a report, with node and session filled in, and the time if it has none. Returns 0 or
    -ENOMEM. */
int node_session_report (struct node_session *session, const struct wire_report *report);

/*  Returns whether the content channel has a connection; opens the channel if it is closed. A request on a
    channel that this call opened is never queued for a peer that is away. */
bool node_session_content_ready (struct node_session *session);

/*  Sends a get on the content channel. A channel that this call opens queues requests until its peer is
    there. Returns as bus_send, or -errno of connecting. */
int node_session_get (struct node_session *session, const struct wire_get *get);

/*  Closes the content channel and drops requests without an answer. */
void node_session_content_close (struct node_session *session);

#endif
