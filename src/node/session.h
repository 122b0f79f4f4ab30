/* SPDX-License-Identifier: MPL-2.0 */
/*  node/session.h - a node's session with its origin: hello, heartbeats, and for each of its applications its
    state, asking, matching and reporting

    It uses two sockets, SUB announce and DEALER control; blobs come over node/content.h. Every request is
    sent again until it is answered, and several matches may be under way at a time. Reports wait in a bounded
    queue, oldest first. When the queue is full, the oldest report that ends nothing is dropped. States do not
    wait in a queue: what is sent is always the newest. Without an
    origin the session retries after a random, growing pause, and the rest of the node continues. */

#ifndef NODE_SESSION_H
#define NODE_SESSION_H

#include "bus/socket.h"
#include "identity/config.h"

struct node_session;

/*  What the session reports to its owner. Messages are valid during the call only. */
struct node_session_ops {
    /*  Fills in the members of hello that the session does not know: those of the journal, and trial. May be
        NULL. */
    void (*hello) (void *context, struct wire_hello *hello);
    /*  Called when this process is awake anyway: at each heartbeat, at each hello without an answer, and from
        time to time without an origin. May be NULL. */
    void (*awake) (void *context);
    void (*welcome) (void *context, const struct wire_welcome *welcome);
    void (*refused) (void *context, const char *reason); /* hello was refused; may be NULL */
    void (*lost) (void *context);                        /* no message of the origin for three heartbeats */
};

/*  What it reports to one of the applications. */
struct node_subject_ops {
    /*  Fills in the state of the application; everything it points to stays the owner's. */
    void (*describe) (void *context, struct wire_application *ret_application);
    /*  Returns the list of quarantined releases that the last call of describe counted; it stays the owner's. May
        be NULL: there are none. */
    size_t (*quarantine) (void *context, const struct wire_failure **ret_failures);
    /*  An announcement was received that may be about this application; for any node. May be NULL. */
    void (*hint) (void *context, const struct wire_update *update);
    void (*desired) (void *context, const struct wire_desired *desired);
};

/*  An application in the session. Null value: all zero, in no session. Its members belong to the files of the session. */
struct node_subject {
    struct node_session *session;
    struct node_subject *next;
    const struct node_subject_ops *ops;
    void *context;
    const char *application;
    bool asking, ask_again, hint_wanted;
    int resend_timer;
    uint64_t state_serial;   /* of the state that was sent last, and is not answered; 0: none */
    uint64_t state_pause_ms; /* until it is sent again */
    bool state_again;        /* it is sent again when all reports are answered */
    int state_timer;
    uint64_t page_first; /* of the page of the quarantine that was sent last */
    uint64_t page_pause_ms;
    int page_timer; /* until it is sent again; 0: none is under way */
};

/*  A match under way. Null value: all zero, not under way. Its members belong to session_requests.c. */
typedef void (node_match_handler) (void *context, const struct wire_matched *matched);
struct node_match {
    struct node_session *session;
    struct node_match *next;
    struct wire_match *request;
    node_match_handler *answered;
    void *context;
    int timer;
};

/*  A request for a part of a metadata file. Null value: all zero, not under way. Its members belong to
    session_metadata.c. */
typedef void (node_part_handler) (void *context, const struct wire_metadata *part);
struct node_part {
    struct node_session *session;
    char role[WIRE_ROLE_NAME_MOST + 1];
    uint64_t version, offset;
    node_part_handler *answered;
    void *context;
    int timer;
};

/*  Makes the sockets. Requests and reports before node_session_open wait for it. */
int node_session_new (struct bus_loop *loop, const struct identity_config *config,
                      const struct node_session_ops *ops, void *context, struct node_session **ret_session,
                      struct base_error *error);

/*  Adds an application, before node_session_open; at most 64. The first is the node manager. application is its name, which must live as long as the
    subject. */
void node_subject_add (struct node_session *session, struct node_subject *subject, const char *application,
                       const struct node_subject_ops *ops, void *context);
/*  Accepts a subject that is in no session. */
void node_subject_remove (struct node_subject *subject);

/*  Sends hello, again and again until it is answered. */
void node_session_open (struct node_session *session);

/*  If the origin has answered hello: sends hello again, because something in it has changed. */
void node_session_hello_again (struct node_session *session);

/*  Sends goodbye and closes; queued messages get a linger time. Subjects and matches leave the session.
    Accepts NULL. Returns NULL. */
struct node_session *node_session_free (struct node_session *session);

/*  Returns whether the origin has answered hello and contact to it was not lost since. */
bool node_session_is_open (const struct node_session *session);

/*  The state of the application has changed, and no report says so: sends it, at once or when the session is
    open. */
void node_subject_changed (struct node_subject *subject);

/*  Asks for the desired state; ops->desired gets the answer. A call during an ask asks once more after it. */
void node_subject_ask (struct node_subject *subject);

/*  wanted: from now on, each ask requests an announcement, too. */
void node_subject_hint_wanted (struct node_subject *subject, bool wanted);

/*  Asks whether a release fits, until that is answered or cancelled; a match that is under way is cancelled first.
    Sends a copy of the request with node and profile filled in. answered is called once; the match is not
    under way any more then. Answers are matched to requests by application, transaction and attempt. Returns 0 or
    -ENOMEM. */
int node_match_begin (struct node_match *match, struct node_session *session,
                      const struct wire_match *request, node_match_handler *answered, void *context);
/*  Accepts a match that is not under way. */
void node_match_cancel (struct node_match *match);

/*  Asks for a part of a metadata file, until that is answered or cancelled. version 0: the newest file. One request at a
    time in a session. answered is called once, with any status but busy and failed; the request is not under way any more
    then. */
void node_part_begin (struct node_part *part, struct node_session *session, const char *role,
                      uint64_t version, uint64_t offset, node_part_handler *answered, void *context);
/*  Accepts a request that is not under way. */
void node_part_cancel (struct node_part *part);

/*  Queues a copy of a report, with node and session filled in, and the time if it has none. Returns 0 or
    -ENOMEM. */
int node_session_report (struct node_session *session, const struct wire_report *report);

#endif
