/* SPDX-License-Identifier: MPL-2.0 */
/*  node/manager.h - what the parts of the node manager share; used inside this room only

    The manager has one application, noded itself, and its update procedure. The machine (update/procedure.h)
    decides; the parts carry out:

        node.c      start, signals, stop
        orders.c    what the origin wants, and what an earlier process left unfinished
        events.c    events into the machine
        actions.c   the actions of the machine
        later.c     an order that found this host unfit, until it is retried
        trial.c     proves this version on trial
        compare.c   whether an unconfirmed version or its surroundings are to blame
        places.c    the directories of the root
        unshare.c   gives each version files of its own
        stable.c    restores stable and previous; reports what the launcher did to stable
        scrub.c     verifies stable and previous from time to time
        reports.c   reports to the origin, progress to the parent
        journal.c   the journal, and whether it still fits what was reported of it

    Reporting never changes state: no function of reports.c can fail. */

#ifndef NODE_MANAGER_H
#define NODE_MANAGER_H

#include "base/log.h"
#include "base/time.h"
#include "bus/work.h"
#include "node/callback.h"
#include "identity/config.h"
#include "node/fetch.h"
#include "node/lock.h"
#include "node/reach.h"
#include "rehearsal/rehearsal.h"
#include "node/scrub.h"
#include "identity/self.h"
#include "node/session.h"
#include "identity/settings.h"
#include "root/chain.h"
#include "root/outcome.h"
#include "root/record.h"
#include "update/order.h"
#include "update/procedure.h"
#include "update/proof.h"

enum { NODE_EVENTS_MOST = 8 };

/*  The order that the procedure works on. */
struct node_order {
    uint64_t epoch;
    unsigned attempt;
    char transaction[65];
    struct base_digest release;
    struct wire_installed candidate; /* set when matched; envelope NULL before */
    char workspace[ROOT_NAME_SIZE];  /* set when staged; empty before */
    bool distrust; /* files of the running version are damaged: each is verified before it is copied */
    struct base_digest rotten; /* blob that the origin sent with other bytes than its name says; null: none */
    struct base_error failure; /* why the current step failed */
    char step[65];             /* the step that failed, if that is finer than the state */
    char begun[BASE_TIME_TEXT]; /* start of the current step, RFC 3339; empty before the first */
    char note[160];             /* about the last step; sent with the start of the next one */
};

struct node_manager {
    /*  node_act. As a pointer, the parts that hand events in do not depend on the parts that carry out
        actions. */
    void (*act) (struct node_manager *node, const struct update_result *result, enum update_action action);
    struct bus_loop *loop;
    struct identity_config *config;
    struct root root;
    struct disk_blobs contents;
    struct identity_self self;
    struct wire_standing standing;
    struct update_procedure procedure;
    struct node_order order;

    struct node_session *session;
    struct node_reach *reach; /* NULL in a probe */
    struct node_scrub *scrub; /* NULL in a probe, or if scrubbing is off */
    struct node_callback *callback;
    struct node_fetch *fetch;
    struct bus_work *staging;    /* of the order's candidate */
    struct bus_work *sweeping;   /* removes what earlier rehearsals left, if that is much: */
    char **left;                 /* the names to remove */
    atomic_bool leave;           /* ends the sweeping */
    char staged[ROOT_NAME_SIZE]; /* the workspace that staging made */
    struct base_error stage_error;
    struct bus_work *unsharing; /* gives versions files of their own */
    unsigned unshared;          /* its result: number of files */
    struct base_error unshare_error;
    struct rehearsal *rehearsal;
    struct rehearsal *ending;       /* an aborted rehearsal, until none of its processes runs */
    struct rehearsal_result blamed; /* the candidate's result, while this version rehearses itself */
    unsigned tries;                 /* rehearsals of the candidate that were started */
    bool control;                   /* the current rehearsal is this version's own */
    bool staging_waits;             /* staging waits until unsharing ends */
    bool probe_waits;               /* probing waits until `ending` ends */

    struct root_journal_head journal_last; /* last line of the journal that this process knows */
    struct root_journal_head journal;      /* the last durable line */
    struct node_journal_look *look;        /* the running check of the journal; NULL: none */
    struct root_journal_head look_for;     /* what to check after that; serial 0: nothing */
    uint64_t looked_ms;
    char journal_fault[512];      /* what is wrong with the journal; empty: nothing */
    char damage[NODE_SCRUB_TEXT]; /* as last described */

    struct update_proof proof;
    struct node_comparison *comparison; /* with a version that never confirmed itself; NULL: none */

    struct wire_installed previous;  /* as last described */
    struct wire_failure *quarantine; /* as last described */
    size_t n_quarantine;

    enum update_event events[NODE_EVENTS_MOST];
    unsigned n_events;
    bool busy;

    uint64_t cancel_epoch; /* of the last cancellation that found an update in progress */
    bool cancel_late;      /* that cancellation came after the switch */

    uint64_t refused_epoch;    /* of a desired state that contradicts an earlier one; reported once */
    struct base_log_limit log; /* for lines that an origin can cause */

    enum identity_settings settings; /* source of config */
    bool settings_wanted;      /* somebody asked to reload node.zpl; done when no update is in progress */
    struct base_digest loaded; /* node.zpl when this process started */
    bool reached;              /* the origin has welcomed this process */
    unsigned judged;           /* number of checks whether the settings reach an origin */
    int looking, judging;      /* timers: next look at node.zpl; next check of the settings */
    bool stable_told;          /* reported: stable is dangling and could not be restored */
    bool previous_told;        /* the same for previous */

    uint64_t deadline_ms; /* when the timer `deadline` is due */
    unsigned late;        /* how often the deadline was restarted because the host slept */
    int deadline, proving, progress, watchdog, following;
    struct node_lock lock;
    int launcher; /* writing end of the pipe to it; -1: none */
    int status;   /* exit status */
};

/*  Hands an event to the machine and carries out the actions that follow. May be called from within an
    action. */
void node_event (struct node_manager *node, enum update_event event);

/*  The same, with the reason for the report. */
__attribute__ ((format (printf, 3, 4))) void node_fail (struct node_manager *node, enum update_event event,
                                                        const char *format, ...);

/*  Carries out one action. */
void node_act (struct node_manager *node, const struct update_result *result, enum update_action action);

/*  Ends this process so that stable is started again. */
void node_leave (struct node_manager *node);

/*  Opens the store of downloads as it is on disk now. Nothing in the store may be in use. */
int node_contents_open (struct node_manager *node, struct base_error *error);

/*  Makes the candidate's workspace, off the loop. */
void node_stage_begin (struct node_manager *node);

/*  unshare.c */
/*  If this version is stable and not on trial: makes sure that no other version shares a file with it. */
void node_unshare_begin (struct node_manager *node);

/*  scrub.c */
void node_scrub_begin (struct node_manager *node);
void node_scrub_end (struct node_manager *node);
/*  As node_scrub_read, from what this process knows. */
bool node_scrub_describe (const struct node_manager *node, char ret_text[NODE_SCRUB_TEXT]);

/*  orders.c */
/*  Removes old workspaces beyond the number to keep, except those that a revert or rollback needs. */
void node_collect (struct node_manager *node);
void node_orders_resume (struct node_manager *node);
/*  Resumes the trial if the disk has this version on trial. Returns whether it has. */
bool node_orders_resume_trial (struct node_manager *node);
/*  Refuses the order if that needs no question to the origin. Returns whether it refused. */
bool node_orders_refuse (struct node_manager *node);
void node_orders_desired (struct node_manager *node, const struct wire_desired *desired);
void node_orders_matched (struct node_manager *node, const struct wire_matched *matched);
void node_order_clear (struct node_manager *node);

/*  later.c */
/*  Returns whether an order is kept to be retried. */
bool node_later_waits (const struct node_manager *node);
void node_later_clear (struct node_manager *node);
/*  The order found this host unfit: records when it is retried. */
void node_later_begin (struct node_manager *node);
/*  Returns the time until then; never more than the state's deadline. */
uint64_t node_later_left_ms (const struct node_manager *node);
/*  Continues to wait if an earlier process waited. */
void node_later_resume (struct node_manager *node);

/*  trial.c */
void node_trial_begin (struct node_manager *node);
void node_trial_announced (struct node_manager *node);
void node_trial_matched (struct node_manager *node, const struct wire_matched *matched);
/*  Returns whether the chunk was for the proof. */
bool node_trial_chunk (struct node_manager *node, const struct wire_chunk *chunk, const void *payload,
                       size_t size);
void node_trial_end (struct node_manager *node);

/*  compare.c */
/*  This version runs after a rollback from the version of that order, which never confirmed itself. Starts
    the blame check: it finds out within `trial/confirm` whether the release is to blame, and calls judge. If
    it is not, the order waits for a while; then the origin is asked again. Without memory, none of this
    happens. */
typedef void node_judge (struct node_manager *node, const struct wire_failure *failure, bool guilty);
void node_comparison_begin (struct node_manager *node, const struct wire_failure *failure,
                            const struct node_order *order, node_judge *judge);
/*  Returns whether the order of that epoch must not be taken up now. */
bool node_comparison_waits (const struct node_manager *node, uint64_t epoch);
void node_comparison_welcome (struct node_manager *node);
void node_comparison_lost (struct node_manager *node);
void node_comparison_announced (struct node_manager *node);
/*  Returns whether the answer was for the comparison. */
bool node_comparison_matched (struct node_manager *node, const struct wire_matched *matched);
/*  Returns whether the chunk was for the comparison. */
bool node_comparison_chunk (struct node_manager *node, const struct wire_chunk *chunk, const void *payload,
                            size_t size);
void node_comparison_free (struct node_manager *node);

/*  stable.c */
/*  If stable is dangling and this version is not on trial: restores it and reports that. */
void node_stable_keep (struct node_manager *node);
/*  The same for previous. */
void node_previous_keep (struct node_manager *node);
/*  If somebody made another workspace stable: ends this process, so that the launcher starts that one. */
void node_stable_follow (struct node_manager *node);
/*  Returns whether another workspace is stable. */
bool node_stable_is_elsewhere (const struct node_manager *node);
/*  A version that is stable and not on trial is proven: marks it as confirmed. */
void node_stable_mark (struct node_manager *node);
/*  Reports what the launcher noted that it did to stable. */
void node_stable_resume (struct node_manager *node);

/*  places.c */
/*  Makes missing directories of the root, and removes what keeps their owner from using them. */
void node_places_keep (struct node_manager *node);

/*  journal.c */
void node_journal_open (struct node_manager *node);
void node_journal_close (struct node_manager *node);
void node_journal_append (struct node_manager *node, struct wire_entry *entry);
void node_journal_describe (const struct node_manager *node, struct wire_hello *hello);
/*  The origin has sent the last journal line that it knows; checks whether that line is still there. */
void node_journal_welcome (struct node_manager *node, const struct wire_welcome *welcome);
/*  Checks the journal from time to time. */
void node_journal_keep (struct node_manager *node);

/*  reports.c */
void node_report (struct node_manager *node, const char *step, enum wire_outcome outcome, const char *reason);
/*  The same for an order that the procedure does not work on. */
void node_report_order (struct node_manager *node, uint64_t epoch, const char *step,
                        enum wire_outcome outcome, const char *reason);
/*  Reports a line that is already in the journal. */
void node_report_entry (struct node_manager *node, const struct wire_entry *entry);
/*  Reports that a step continues, with the time at which it started. The journal gets no line: it has one for
    the start. note: what the step waits for; may be NULL. */
void node_report_progress (struct node_manager *node, const char *note);
/*  Everything that ret_application points to stays valid until the next call. */
void node_describe (struct node_manager *node, struct wire_application *ret_application);
/*  Returns whether the order state was written. */
bool node_standing_save (struct node_manager *node);
/*  Stores a failure as the last error. Everything is copied. */
void node_remember_failure (struct node_manager *node, const struct wire_failure *failure);
/*  Writes a line to the launcher's pipe. */
void node_tell_launcher (struct node_manager *node, const char *line);

#endif
