/* SPDX-License-Identifier: MPL-2.0 */
/*  node/application.h - an application of this node: its orders and its update procedure; used inside this
    room only

    noded itself is one. The machine (update/procedure.h) decides what happens next; these files carry it out:

        application.c open, resume, close
        orders.c      the desired state that the origin sends
        resume.c      what an earlier process left unfinished
        events.c      passes events to the machine
        actions.c     the actions of the machine
        switch.c      switch, confirmation, revert, rollback
        kind.h        what differs between kinds of applications; noded itself: manager.c
        retry.c       an order that found this host unfit, until it is retried
        trial.c       collects the proof that confirms a version on trial
        blame.c       after a trial without confirmation: is the release to blame, or its surroundings?
        places.c      the directories of the root
        unshare.c     gives each version files of its own
        stable.c      restores stable and previous; reports what the launcher did to stable
        scrub.c       verifies stable and previous periodically
        reports.c     reports to the origin, progress to the parent

    Reporting never changes state: no function of reports.c can fail. */

#ifndef NODE_APPLICATION_H
#define NODE_APPLICATION_H

#include "node/fetch.h"
#include "node/kind.h"
#include "node/later.h"
#include "node/process.h"
#include "node/scrub.h"
#include "root/outcome.h"
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
    uint64_t size;               /* of the release document, in bytes; set when matched */
    struct trust_custom *custom; /* what was signed about the release; NULL: no trust root is pinned; owned */
    struct base_buffer document; /* the release document, verified; empty before it was fetched */
    struct wire_installed candidate; /* set when the document was fetched; envelope NULL before */
    char workspace[ROOT_NAME_SIZE];  /* set when staged; empty before */
    bool distrust; /* files of the running version are damaged: each is verified before it is copied */
    struct base_digest corrupt;   /* a blob that the origin sent damaged; null: none */
    struct base_error failure;    /* why the current step failed */
    char step[65];                /* name of the failed step, if more exact than the state; else empty */
    char started[BASE_TIME_TEXT]; /* start of the current step, RFC 3339; empty before the first */
    char note[160];               /* about the last step; sent with the start of the next one */
};

struct node_application {
    const char *name;
    const struct node_kind *kind;
    void *own; /* kind->own_size bytes for the kind; owned */
    struct node_process *process;
    /*  node_act. It is a pointer so that files that pass events in do not depend on those that carry out
        actions. */
    void (*act) (struct node_application *app, const struct update_result *result, enum update_action action);
    struct root *root;                /* noded: the node's root; else &opened */
    struct identity_running *running; /* the version that runs. noded: of this process; else &runs */
    struct root opened;               /* root of another application, below ROOT/apps */
    struct identity_running runs;     /* version of another application that runs */
    struct disk_blobs blobs;
    struct wire_order_state order_state;
    struct update_procedure procedure;
    struct node_order order;

    struct node_subject subject;
    struct node_match match;
    struct node_trust trust; /* matching: does signed metadata allow the release? */
    struct node_fetch *fetch;
    struct bus_work *staging;    /* makes the candidate's workspace; NULL: not running */
    bool staging_waits;          /* staging starts when unsharing has ended */
    char staged[ROOT_NAME_SIZE]; /* the workspace that staging made; empty: none */
    struct base_error stage_error;
    struct bus_work *unsharing; /* gives versions files of their own; NULL: not running */
    unsigned unshared;          /* its result: number of files */
    struct base_error unshare_error;

    struct update_proof proof; /* on trial */
    struct node_match proof_match;
    struct node_content_user proof_user;
    struct node_trust proof_trust; /* on trial: does it allow the running release? */
    struct node_blame *blame;      /* the blame check of a version that never confirmed itself; NULL: none */

    struct node_scrub *scrub; /* NULL in a probe, or if scrubbing is off */
    /*  storage for node_describe, from its last call */
    char damage[NODE_SCRUB_TEXT];
    struct wire_installed previous;
    struct wire_failure *quarantine;
    size_t n_quarantine;
    bool quarantine_read; /* at least once; until then it is unknown, not empty */

    enum update_event events[NODE_EVENTS_MOST]; /* queue; empty unless busy */
    unsigned n_events;
    bool busy; /* actions are being carried out */

    uint64_t cancel_epoch;  /* of the last cancellation that found an update in progress */
    bool cancel_late;       /* that cancellation came after the switch */
    uint64_t refused_epoch; /* of the last desired state that was reported as contradicting an earlier one */

    bool stable_reported;   /* stable is dangling and could not be restored */
    bool previous_reported; /* the same for previous */

    uint64_t deadline_ms; /* when the timer `deadline` is due */
    unsigned late;        /* how often the deadline was restarted because the host slept */
    int deadline, proving, progress, following, verifying; /* timers */
};

/*  application.c */
/*  Opens the root of an application of that kind and reads its records. process must have its root, self and
    config. Returns 0 or -errno; on failure the application can be closed. */
int node_application_open (struct node_application *app, struct node_process *process,
                           const struct node_kind *kind, struct base_error *error);
/*  Joins the session, and continues what an earlier process left. */
void node_application_start (struct node_application *app);
/*  For a kind that starts versions within this process: `stable` was started. Ends the step that is in
    progress and continues as a new process of the node manager would. */
void node_application_restarted (struct node_application *app);
/*  Accepts a zero application, and one that could not be opened. */
void node_application_close (struct node_application *app);
/*  Asserts what always holds for an open application; steps that have ended left nothing behind. */
void node_application_check (const struct node_application *app);

/*  events.c */
/*  Passes an event to the machine and carries out the actions that follow. During an action the event is
    queued. */
void node_event (struct node_application *app, enum update_event event);

/*  The same, with a reason for the report. */
__attribute__ ((format (printf, 3, 4))) void node_fail (struct node_application *app, enum update_event event,
                                                        const char *format, ...);

/*  actions.c */
/*  Carries out one action. */
void node_act (struct node_application *app, const struct update_result *result, enum update_action action);

/*  Opens the store of downloads as it is on disk now, and removes what is too old. Nothing in the store may
    be in use. Returns 0 or -errno. */
int node_blobs_open (struct node_application *app, struct base_error *error);

/*  Makes the candidate's workspace on a thread; at once, or when unsharing has ended. State: staging. */
void node_stage_begin (struct node_application *app);

/*  Stops what the current step does: match, download, staging, probe. Removes nothing; no event follows. */
void node_step_stop (struct node_application *app);

/*  switch.c; each passes an event to the machine when it ends. */
/*  Puts the candidate on trial. The first version of an application becomes stable without a trial. */
void node_switch (struct node_application *app);
/*  Ends the trial with success. */
void node_switch_confirm (struct node_application *app);
/*  Reverts or rolls back to the previous version. */
enum node_return {
    NODE_RETURN_ORDERED,    /* a revert was ordered */
    NODE_RETURN_UNCONFIRMED /* this version did not confirm itself in time */
};
void node_switch_return (struct node_application *app, enum node_return why);

/*  unshare.c */
/*  If this version is stable: makes sure that no other version shares a file with it, on a thread. Not in a
    probe. */
void node_unshare_begin (struct node_application *app);

/*  scrub.c */
/*  Starts the scrub, which ends with node_scrub_end. Not in a probe, or if scrubbing is off. */
void node_scrub_begin (struct node_application *app);
/*  Accepts an application without a scrub. */
void node_scrub_end (struct node_application *app);
/*  Like node_scrub_read, but uses what this process knows instead of var/scrub. */
bool node_scrub_describe (const struct node_application *app, char ret_text[NODE_SCRUB_TEXT]);

/*  orders.c */
/*  Removes old workspaces beyond the number to keep, except those that a revert or rollback needs. */
void node_collect (struct node_application *app);
/*  Refuses the order if this node can decide that alone. Returns whether it refused; then the event REFUSED
    has been passed on. */
bool node_orders_refuse (struct node_application *app);
/*  Carries out what a desired state changes. */
void node_orders_desired (struct node_application *app, const struct wire_desired *desired);
/*  Handles the answer to the match of the current order. Ignored in other states than matching. */
void node_orders_matched (struct node_application *app, const struct wire_matched *matched);
/*  Takes the envelope for this node from app->order.document, the fetched release document. Returns whether
    the update continues; if not, an event has been passed on. */
bool node_orders_choose (struct node_application *app);
/*  Forgets the current order. */
void node_order_clear (struct node_application *app);
/*  Records that the order of an epoch has ended, and that no order is in progress. Does not save. */
void node_order_close (struct node_application *app, uint64_t epoch);
static inline void node_epoch_raise (uint64_t *epoch, uint64_t least)
{
    if (*epoch < least)
        *epoch = least;
}
/*  Copies text (NULL: none) to a field that is only shown to people. Without memory the field is NULL. */
void node_text_set (const char **field, const char *text);

/*  resume.c */
/*  Continues what an earlier process left unfinished, and reports how it ended. */
void node_resume (struct node_application *app);
/*  Resumes the trial if the running version is on trial on disk. Returns whether it is. */
bool node_resume_trial (struct node_application *app);

/*  retry.c */
/*  Returns whether an order is kept to be retried. */
bool node_retry_waits (const struct node_application *app);
void node_retry_clear (struct node_application *app);
/*  The order found this host unfit: records when it is retried. */
void node_retry_begin (struct node_application *app);
/*  Returns the time until the retry in ms; never more than the state's deadline. */
uint64_t node_retry_left_ms (const struct node_application *app);
/*  Continues the wait of an earlier process. */
void node_retry_resume (struct node_application *app);

/*  trial.c */
/*  Starts to collect the proof that confirms the running version. */
void node_trial_begin (struct node_application *app);
/*  An announcement was received. */
void node_trial_announced (struct node_application *app);
/*  Stops that. May be called without node_trial_begin. */
void node_trial_end (struct node_application *app);
/*  The chunk by which a proof verifies the content peer: the first bytes of a program. */
enum { NODE_PROOF_CHUNK_MOST = 64 * 1024 };
/*  Returns whether a file (fd -1: none) begins with these bytes, at most NODE_PROOF_CHUNK_MOST. */
bool node_trial_chunk_fits (int fd, const void *bytes, size_t size);

/*  blame.c */
/*  Starts the blame check, after a rollback from the version of that order, which never confirmed itself.
    Within `trial/confirm` the check decides whether the release is to blame, and calls judge. If it is not,
    the order is retried after a wait. Everything is copied. If memory is exhausted, nothing happens. */
typedef void node_judge (struct node_application *app, const struct wire_failure *failure, bool guilty);
void node_blame_begin (struct node_application *app, const struct wire_failure *failure,
                       const struct node_order *order, node_judge *judge);
/*  Returns whether the order of that epoch must not be started now. */
bool node_blame_waits (const struct node_application *app, uint64_t epoch);
/*  The origin has welcomed this node; contact to it was lost; an announcement was received. */
void node_blame_welcome (struct node_application *app);
void node_blame_lost (struct node_application *app);
void node_blame_announced (struct node_application *app);
/*  Ends the check without a verdict. Accepts an application without one. */
void node_blame_free (struct node_application *app);

/*  stable.c */
/*  If stable is dangling and this version is not on trial: restores it and reports that. */
void node_stable_keep (struct node_application *app);
/*  The same for previous. */
void node_previous_keep (struct node_application *app);
/*  If somebody made another workspace stable: restarts into it after a moment. */
void node_stable_follow (struct node_application *app);
/*  Returns whether another workspace is stable. */
bool node_stable_is_elsewhere (const struct node_application *app);
/*  A version that is stable and not on trial is proven: marks it as confirmed. */
void node_stable_mark (struct node_application *app);
/*  Reports what the launcher noted that it did to stable. */
void node_stable_resume (struct node_application *app);

/*  places.c */
/*  Makes missing directories of the root, and restores their owner's permissions. */
void node_directories_keep (struct node_application *app);

/*  reports.c; to the origin, the journal and the parent. All texts are copied. */
/*  Reports a step of the current order. reason: may be NULL. */
void node_report (struct node_application *app, const char *step, enum wire_outcome outcome,
                  const char *reason);
/*  The same for an order that the procedure does not work on. */
void node_report_order (struct node_application *app, uint64_t epoch, const char *step,
                        enum wire_outcome outcome, const char *reason);
/*  Reports a line that is already in the journal. */
void node_report_entry (struct node_application *app, const struct wire_entry *entry);
/*  Reports to the origin alone that the current step continues. note: what it waits for; may be NULL. */
void node_report_progress (struct node_application *app, const char *note);
/*  Describes the application for a message. What ret_application points to is valid until the next call. */
void node_describe (struct node_application *app, struct wire_application *ret_application);
/*  Writes the order state. Returns whether it was written; a failure is logged. */
bool node_order_state_save (struct node_application *app);
/*  Stores a copy of a failure as the last error. */
void node_remember_failure (struct node_application *app, const struct wire_failure *failure);
#endif
