/*  node/session.h - the node's side of its connection to an origin: hello, heartbeats, asking, matching,
    reporting

    Two sockets, SUB announce and DEALER control, and a DEALER for content while something is downloaded:
    each connection costs the origin a descriptor, of which it has 20,000 or so. Every request is sent again
    until it is answered; reports wait in a bounded queue, oldest first, and when it is full the oldest that
    ends nothing gives way. Without an origin the session keeps trying with a random, growing pause, and the
    rest of the node goes on. */

#ifndef NODE_SESSION_H
#define NODE_SESSION_H

#include "bus/socket.h"
#include "node/config.h"

struct node_session;

/*  What the session tells its owner. Messages are valid during the call only. */
struct node_session_ops {
    /*  Fills the state of the application for hello; everything it points to stays the owner's. */
    void (*describe) (void *context, struct wire_application *ret_application);
    /*  Fills what hello tells of the journal. May be NULL. */
    void (*journal) (void *context, struct wire_hello *hello);
    /*  A moment at which this process is awake anyway: each heartbeat, each hello without an answer, and
        from time to time without an origin. May be NULL. */
    void (*awake) (void *context);
    void (*welcome) (void *context, const struct wire_welcome *welcome);
    void (*refused) (void *context, const char *reason); /* hello; may be NULL */
    void (*lost) (void *context); /* the origin has not been heard of for three heartbeats */
    void (*hint) (void *context, const struct wire_update *update);
    void (*desired) (void *context, const struct wire_desired *desired);
    void (*matched) (void *context, const struct wire_matched *matched);
    void (*chunk) (void *context, const struct wire_chunk *chunk, const void *payload, size_t size);
};

/*  Makes the sockets. What is asked and reported before node_session_open waits for it. */
int node_session_new (struct bus_loop *loop, const struct node_config *config,
                      const struct node_session_ops *ops, void *context, struct node_session **ret_session,
                      struct base_error *error);

/*  Says hello, and keeps at it. */
void node_session_open (struct node_session *session);

/*  Says hello once more, where the origin has answered: something that it tells has changed. */
void node_session_hello_again (struct node_session *session);

/*  Says goodbye and closes; what is queued is given linger. Accepts NULL. Returns NULL. */
struct node_session *node_session_free (struct node_session *session);

/*  Whether the origin has answered hello and is being heard of. */
bool node_session_is_open (const struct node_session *session);

/*  Random, of this process. */
const char *node_session_id (const struct node_session *session);

/*  Asks for the desired state; answered by ops->desired. Asking while an ask is under way asks once more
    after it. */
void node_session_ask (struct node_session *session);

/*  Whether what is asked from now on asks for an announcement, too. */
void node_session_hint_wanted (struct node_session *session, bool wanted);

/*  Asks for an envelope until it is answered or cancelled. node is filled in; copied. Returns 0 or
    -ENOMEM. */
int node_session_match (struct node_session *session, const struct wire_match *match);
void node_session_match_cancel (struct node_session *session);

/*  Queues a report. node and session are filled in, and the time where it has none; copied. Returns 0 or
    -ENOMEM. */
int node_session_report (struct node_session *session, const struct wire_report *report);

/*  Whether the content channel has a connection; begins to connect where it does not. What is asked for on
    a channel that was opened by this call never waits for a peer that is away. */
bool node_session_content_ready (struct node_session *session);

/*  Sends a get on the content channel, which is opened where it is not, and then keeps what it is given until
    its peer is there. As bus_send, or -errno of connecting. */
int node_session_get (struct node_session *session, const struct wire_get *get);

/*  Closes the content channel, with what was asked for and has not been answered. */
void node_session_content_close (struct node_session *session);

#endif
