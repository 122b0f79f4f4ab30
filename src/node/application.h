/* SPDX-License-Identifier: MPL-2.0 */
/*  node/application.h - an application of this node: its orders and its update procedure; used inside this room only

    noded itself is one. The machine (update/procedure.h) decides; the parts carry out:

        application.c open, resume, close
        orders.c      what the origin wants
        resume.c      what an earlier process left unfinished
        events.c      events into the machine
        actions.c     the actions of the machine
        switch.c      switch, confirmation, revert
        kind.h        what differs between kinds of applications; noded itself: manager.c
        later.c       an order that found this host unfit, until it is retried
        trial.c       proves this version on trial
        blame.c     whether an unconfirmed version or its surroundings are to blame
        places.c      the directories of the root
        unshare.c     gives each version files of its own
        stable.c      restores stable and previous; reports what the launcher did to stable
        scrub.c       verifies stable and previous from time to time
        reports.c     reports to the origin, progress to the parent

    Reporting never changes state: no function of reports.c can fail. */

#ifndef NODE_APPLICATION_H
#define NODE_APPLICATION_H

#include "node/fetch.h"
#include "node/kind.h"
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
    uint64_t size;                   /* of the release document, in bytes; set when matched */
    struct base_buffer document;     /* the release document, verified; empty before it was fetched */
    struct wire_installed candidate; /* set when the document was fetched; envelope NULL before */
    char workspace[ROOT_NAME_SIZE];  /* set when staged; empty before */
    bool distrust; /* files of the running version are damaged: each is verified before it is copied */
    struct base_digest rotten; /* blob that the origin sent with other bytes than its name says; null: none */
    struct base_error failure; /* why the current step failed */
    char step[65];             /* the step that failed, if that is finer than the state */
    char begun[BASE_TIME_TEXT]; /* start of the current step, RFC 3339; empty before the first */
    char note[160];             /* about the last step; sent with the start of the next one */
};

struct node_application {
    const char *name;
    const struct node_kind *kind;
    void *own; /* of its kind */
    struct node_process *process;
    /*  node_act. As a pointer, the parts that hand events in do not depend on the parts that carry out
        actions. */
    void (*act) (struct node_application *app, const struct update_result *result, enum update_action action);
    struct root *root;                /* of noded: the node's root */
    struct identity_running *running; /* of noded: this process */
    struct root opened;               /* of another application: its root below ROOT/apps */
    struct identity_running runs;     /* and what runs of it */
    struct disk_blobs contents;
    struct wire_standing standing;
    struct update_procedure procedure;
    struct node_order order;

    struct node_subject subject;
    struct node_match match;
    struct node_fetch *fetch;
    struct bus_work *staging;    /* of the order's candidate */
    bool staging_waits;          /* staging waits until unsharing ends */
    char staged[ROOT_NAME_SIZE]; /* the workspace that staging made */
    struct base_error stage_error;
    struct bus_work *unsharing; /* gives versions files of their own */
    unsigned unshared;          /* its result: number of files */
    struct base_error unshare_error;

    struct update_proof proof; /* on trial */
    struct node_match proof_match;
    struct node_content_user proof_user;
    struct node_blame *blame; /* the blame check of a version that never confirmed itself; NULL: none */

    struct node_scrub *scrub;        /* NULL in a probe, or if scrubbing is off */
    char damage[NODE_SCRUB_TEXT];    /* as last described */
    struct wire_installed previous;  /* as last described */
    struct wire_failure *quarantine; /* as last described */
    size_t n_quarantine;

    enum update_event events[NODE_EVENTS_MOST];
    unsigned n_events;
    bool busy;

    uint64_t cancel_epoch;  /* of the last cancellation that found an update in progress */
    bool cancel_late;       /* that cancellation came after the switch */
    uint64_t refused_epoch; /* of a desired state that contradicts an earlier one; reported once */

    bool stable_reported;   /* stable is dangling and could not be restored */
    bool previous_reported; /* the same for previous */

    uint64_t deadline_ms; /* when the timer `deadline` is due */
    unsigned late;        /* how often the deadline was restarted because the host slept */
    int deadline, proving, progress, following;
};

/*  application.c */
/*  Opens the root of an application of that kind and reads its records. The application is zero before. On
    failure it can be closed. process must have its root, self and config. */
int node_application_open (struct node_application *app, struct node_process *process,
                           const struct node_kind *kind, struct base_error *error);
/*  Joins the session, and continues what an earlier process left. */
void node_application_start (struct node_application *app);
/*  `stable` was started, in this process: continues as a new process of the node manager would. */
void node_application_restarted (struct node_application *app);
/*  Accepts a zero application. */
void node_application_close (struct node_application *app);

/*  events.c */
/*  Hands an event to the machine and carries out the actions that follow. May be called from within an
    action. */
void node_event (struct node_application *app, enum update_event event);

/*  The same, with the reason for the report. */
__attribute__ ((format (printf, 3, 4))) void node_fail (struct node_application *app, enum update_event event,
                                                        const char *format, ...);

/*  actions.c */
/*  Carries out one action. */
void node_act (struct node_application *app, const struct update_result *result, enum update_action action);

/*  Opens the store of downloads as it is on disk now. Nothing in the store may be in use. */
int node_contents_open (struct node_application *app, struct base_error *error);

/*  Makes the candidate's workspace, off the loop. */
void node_stage_begin (struct node_application *app);

/*  switch.c; each ends with an event of its state. */
/*  Puts the candidate on trial. */
void node_switch (struct node_application *app);
/*  Ends the trial with success. */
void node_switch_confirm (struct node_application *app);
/*  Returns to the version before. */
enum node_back {
    NODE_BACK_ORDERED,    /* a revert was ordered */
    NODE_BACK_UNCONFIRMED /* this version did not confirm itself in time */
};
void node_switch_back (struct node_application *app, enum node_back why);

/*  unshare.c */
/*  If this version is stable and not on trial: makes sure that no other version shares a file with it. */
void node_unshare_begin (struct node_application *app);

/*  scrub.c */
void node_scrub_begin (struct node_application *app);
void node_scrub_end (struct node_application *app);
/*  As node_scrub_read, from what this process knows. */
bool node_scrub_describe (const struct node_application *app, char ret_text[NODE_SCRUB_TEXT]);

/*  orders.c */
/*  Removes old workspaces beyond the number to keep, except those that a revert or rollback needs. */
void node_collect (struct node_application *app);
/*  Refuses the order if that needs no question to the origin. Returns whether it refused. */
bool node_orders_refuse (struct node_application *app);
void node_orders_desired (struct node_application *app, const struct wire_desired *desired);
void node_orders_matched (struct node_application *app, const struct wire_matched *matched);
/*  The release document was fetched into app->order.document: takes the envelope for this node from it. Returns
    whether the update goes on; otherwise it has ended with an event. */
bool node_orders_choose (struct node_application *app);
void node_order_clear (struct node_application *app);

/*  resume.c */
/*  Continues what an earlier process left unfinished, and reports how it ended. */
void node_resume (struct node_application *app);
/*  Resumes the trial if the disk has the running version on trial. Returns whether it has. */
bool node_resume_trial (struct node_application *app);

/*  later.c */
/*  Returns whether an order is kept to be retried. */
bool node_later_waits (const struct node_application *app);
void node_later_clear (struct node_application *app);
/*  The order found this host unfit: records when it is retried. */
void node_later_begin (struct node_application *app);
/*  Returns the time until then; never more than the state's deadline. */
uint64_t node_later_left_ms (const struct node_application *app);
/*  Continues to wait if an earlier process waited. */
void node_later_resume (struct node_application *app);

/*  trial.c */
void node_trial_begin (struct node_application *app);
void node_trial_announced (struct node_application *app);
void node_trial_end (struct node_application *app);

/*  blame.c */
/*  This version runs after a rollback from the version of that order, which never confirmed itself. Starts
    the blame check: it finds out within `trial/confirm` whether the release is to blame, and calls judge. If
    it is not, the order waits for a while; then the origin is asked again. Without memory, none of this
    happens. */
typedef void node_judge (struct node_application *app, const struct wire_failure *failure, bool guilty);
void node_blame_begin (struct node_application *app, const struct wire_failure *failure,
                       const struct node_order *order, node_judge *judge);
/*  Returns whether the order of that epoch must not be taken up now. */
bool node_blame_waits (const struct node_application *app, uint64_t epoch);
void node_blame_welcome (struct node_application *app);
void node_blame_lost (struct node_application *app);
void node_blame_announced (struct node_application *app);
void node_blame_free (struct node_application *app);

/*  stable.c */
/*  If stable is dangling and this version is not on trial: restores it and reports that. */
void node_stable_keep (struct node_application *app);
/*  The same for previous. */
void node_previous_keep (struct node_application *app);
/*  If somebody made another workspace stable: starts that one. */
void node_stable_follow (struct node_application *app);
/*  Returns whether another workspace is stable. */
bool node_stable_is_elsewhere (const struct node_application *app);
/*  A version that is stable and not on trial is proven: marks it as confirmed. */
void node_stable_mark (struct node_application *app);
/*  Reports what the launcher noted that it did to stable. */
void node_stable_resume (struct node_application *app);

/*  places.c */
/*  Makes missing directories of the root, and removes what keeps their owner from using them. */
void node_places_keep (struct node_application *app);

/*  reports.c */
void node_report (struct node_application *app, const char *step, enum wire_outcome outcome,
                  const char *reason);
/*  The same for an order that the procedure does not work on. */
void node_report_order (struct node_application *app, uint64_t epoch, const char *step,
                        enum wire_outcome outcome, const char *reason);
/*  Reports a line that is already in the journal. */
void node_report_entry (struct node_application *app, const struct wire_entry *entry);
/*  Reports that a step continues, with the time at which it started. The journal gets no line: it has one for
    the start. note: what the step waits for; may be NULL. */
void node_report_progress (struct node_application *app, const char *note);
/*  Everything that ret_application points to stays valid until the next call. */
void node_describe (struct node_application *app, struct wire_application *ret_application);
/*  Returns whether the order state was written. */
bool node_standing_save (struct node_application *app);
/*  Stores a failure as the last error. Everything is copied. */
void node_remember_failure (struct node_application *app, const struct wire_failure *failure);
#endif
