/* SPDX-License-Identifier: MPL-2.0 */
/*  node/process.h - the process of the node manager: what all its applications share; used inside this room
    only

        node.c        start, stop
        reload.c      reloads node.zpl, and judges whether new settings reach an origin
        journal.c     the journal, and whether it still matches what was reported
        session.c     the session with the origin; its parts: session_hello.c, session_requests.c,
                      session_metadata.c, session_reports.c
        states.c      the part of it that sends the states of the applications
        pages.c       the part of it that sends their quarantines
        content.c     the connection to the content peer
        trust.c       whether signed metadata allows a release, over metadata.c
        callback.c    readiness and progress, to the process that started this one

    Each application has its own orders and its own update procedure: node/application.h. */

#ifndef NODE_PROCESS_H
#define NODE_PROCESS_H

#include "base/log.h"
#include "base/time.h"
#include "bus/work.h"
#include "identity/config.h"
#include "identity/self.h"
#include "identity/settings.h"
#include "node/callback.h"
#include "node/content.h"
#include "node/lock.h"
#include "node/connectivity.h"
#include "node/session.h"
#include "node/trust.h"
#include "root/chain.h"
#include "root/record.h"

struct node_process {
    struct bus_loop *loop;
    struct identity_config *config;
    struct root root;
    struct identity_self self;
    struct node_lock lock;

    struct node_application *applications; /* noded is the first */
    size_t n_applications;

    struct node_session *session;
    struct node_content *content;
    struct node_connectivity *connectivity; /* NULL in a probe */
    struct node_callback *callback;

    struct bus_work *sweeping; /* removes on a thread what earlier rehearsals left; NULL: not running */
    char **left;               /* what it removes: names of scratch roots; owned */
    atomic_bool leave;         /* ends the sweeping */

    struct root_journal_head journal_last; /* last line of the journal that this process knows */
    struct root_journal_head journal;      /* the last durable line of these; the one that is reported */
    struct node_journal_look *look;        /* the running check of the journal; NULL: none */
    struct root_journal_head look_for;     /* the next check, for this line; serial 0: none */
    uint64_t looked_ms;                    /* start of the last check */
    char journal_fault[512];               /* what is wrong with the journal; empty: nothing */

    struct node_trust *trust; /* checks of releases, in their order; the first one runs */
    char *trust_fault;        /* of the last hello; NULL: none; owned */

    enum identity_settings settings; /* source of config */
    bool settings_wanted;            /* a reload of node.zpl was requested and not done yet */
    struct base_digest loaded;       /* node.zpl when this process started */
    bool welcomed;                   /* the origin has welcomed this process */
    unsigned judged;                 /* number of checks whether the settings reach an origin */
    int looking, judging;            /* timers: next look at node.zpl; next check of the settings */

    struct base_log_limit log; /* for lines that an origin or a person can cause again and again */
    int watchdog;              /* timer */
    int launcher;              /* writing end of the pipe to it; -1: none */
    int status;                /* exit status */
};

/*  node.c */
/*  Ends this process so that stable is started again. */
void node_process_leave (struct node_process *process);
/*  Returns whether no application has an update in progress. */
bool node_process_is_at_rest (const struct node_process *process);
/*  Writes a line to the launcher's pipe. */
void node_process_notify_launcher (struct node_process *process, const char *line);

/*  reload.c */
/*  Restarts this version with node.zpl, as soon as the file can be used and no update is in progress. */
void node_reload_look (struct node_process *process);
/*  SIGHUP: does that, and also tries a file again that was given up. */
void node_reload_hangup (struct node_process *process);
/*  Starts to judge whether the settings reach an origin. */
void node_reload_begin (struct node_process *process);
/*  The origin has welcomed this process. */
void node_reload_welcome (struct node_process *process);
void node_reload_end (struct node_process *process);

/*  journal.c; failures are logged */
/*  Repairs the end of the journal and reads its last line. process must have its root. */
void node_journal_open (struct node_process *process);
/*  Ends a running check. */
void node_journal_close (struct node_process *process);
/*  Appends a copy of an entry, and sets its serial and its digest of the line before it. */
void node_journal_append (struct node_process *process, struct wire_entry *entry);
/*  Fills in the journal's members of hello; what they point to stays the process's. */
void node_journal_describe (const struct node_process *process, struct wire_hello *hello);
/*  The origin has sent the last journal line that it knows: checks that this line still exists. */
void node_journal_welcome (struct node_process *process, const struct wire_welcome *welcome);
/*  Checks the journal if the last check is long ago. */
void node_journal_keep (struct node_process *process);

#endif
