/* SPDX-License-Identifier: MPL-2.0 */
/*  node/session_private.h - the session, as its files share it

        session.c            its sockets, its applications, and the table of the messages of the origin
        session_hello.c      hello, welcome, heartbeats
        session_requests.c   asks and matches
        session_metadata.c   the request for signed metadata
        session_reports.c    the queue of reports
        states.c             the list of the applications, and the state of each
        pages.c              the quarantine of each, page by page */

#ifndef NODE_SESSION_PRIVATE_H
#define NODE_SESSION_PRIVATE_H

#include "base/log.h"
#include "bus/refusals.h"
#include "node/session.h"

enum {
    SUBJECTS_MOST = 64, /* as many as list may have */
    REPORTS_MOST = 64,
};

struct node_session {
    struct bus_loop *loop;
    const struct identity_config *config;
    const struct node_session_ops *ops;
    void *context;
    struct bus_socket *announce, *control;
    struct node_subject *subjects;
    struct node_match *matches; /* under way */
    struct node_part *part;     /* the same; NULL: none */
    char id[33];
    char host_pid[96];
    char kernel[65];

    bool open;
    char instance[65];       /* of the origin */
    uint64_t sequence;       /* of its last announcement that is known */
    char heard_instance[65]; /* the same, as received on the announce channel */
    uint64_t heard_sequence;
    uint64_t heartbeat_ms, heard_ms;
    uint64_t hello_pause_ms, report_pause_ms, connect_pause_ms;
    uint64_t hello_ms;                  /* when the last hello was sent */
    struct base_log_limit log;          /* for lines that the origin can cause */
    struct bus_refusals_of refusals[2]; /* of announce and control */

    struct wire_report reports[REPORTS_MOST];
    size_t n_reports;

    uint64_t described;     /* states that were sent */
    uint64_t list_pause_ms; /* until the list is sent again */

    int hello_timer, heartbeat_timer, ask_timer, report_timer, list_timer;
};

/*  session.c */
/*  Starts a timer anew. The handler gets the session. */
void node_session_timer_arm (struct node_session *session, int *timer, uint64_t delay_ms,
                             bus_handler *handler);
/*  Also for timers of the applications. */
void node_session_timer_disarm (struct node_session *session, int *timer);
/*  Returns the application of that name; NULL: there is none. */
struct node_subject *node_subject_find (const struct node_session *session, const char *application);

/*  session_hello.c */
/*  The origin does not know this session: says hello again. */
void node_session_unknown (struct node_session *session);
/*  A request, report or state was answered, and not refused. */
void node_session_answered (struct node_session *session);
void node_session_welcome (struct node_session *session, const struct wire_welcome *welcome);
void node_session_heartbeat (struct node_session *session, const struct wire_heartbeat *heartbeat);

/*  session_requests.c */
/*  Asks for the desired state of each application. */
void node_session_ask_all (struct node_session *session);
/*  The origin has answered hello: asks for each application, and sends what is under way. */
void node_session_requests_resume (struct node_session *session);
void node_session_desired (struct node_session *session, const struct wire_desired *desired);
void node_session_matched (struct node_session *session, const struct wire_matched *matched);

/*  session_metadata.c */
/*  The origin has answered hello: sends the request that is under way. */
void node_session_metadata_resume (struct node_session *session);
void node_session_metadata (struct node_session *session, const struct wire_metadata *metadata);

/*  session_reports.c */
/*  The origin has answered hello: sends the oldest report. */
void node_session_reports_resume (struct node_session *session);
void node_session_noted (struct node_session *session, const struct wire_noted *noted);

/*  states.c */
/*  The names of the applications. Returns their number. */
size_t node_states_names (const struct node_session *session, const char *names[SUBJECTS_MOST]);
/*  The origin has answered hello: sends all states, that of the node manager last. */
void node_states_send (struct node_session *session);
/*  The origin wants the list. */
void node_states_list (struct node_session *session);
/*  All reports were answered. */
void node_states_reported (struct node_session *session);
void node_states_listed (struct node_session *session, const struct wire_listed *listed);
void node_states_described (struct node_session *session, const struct wire_described *described);

/*  pages.c */
/*  The origin wants the quarantine of an application. */
void node_pages_wanted (struct node_session *session, const char *application);
void node_pages_answered (struct node_session *session, const struct wire_quarantined *quarantined);

#endif
