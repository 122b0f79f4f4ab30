/*  node/manager.h - what the parts of the node manager share; used inside this room only

    One application, noded itself, and its update procedure. The machine (update/procedure.h) decides; the
    parts carry out:

        node.c      start, signals, stop
        orders.c    what the origin wants, and what was left to do from before this process
        events.c    events into the machine
        actions.c   the actions of the machine
        later.c     an order that found this host unfit, until it is tried again
        trial.c     proving itself on trial
        places.c    the directories of the root
        unshare.c   giving each version files of its own
        stable.c    putting stable and previous back, and what the launcher did to it
        scrub.c     reading stable and previous, now and then
        reports.c   telling: reports to the origin, progress to the parent
        journal.c   telling: the journal, and whether it is still what was told of it

    Telling never changes doing: no function of reports.c can fail. */

#ifndef NODE_MANAGER_H
#define NODE_MANAGER_H

#include "base/log.h"
#include "base/time.h"
#include "bus/work.h"
#include "node/callback.h"
#include "node/config.h"
#include "node/fetch.h"
#include "node/lock.h"
#include "node/reach.h"
#include "node/rehearsal.h"
#include "node/scrub.h"
#include "node/self.h"
#include "node/session.h"
#include "node/settings.h"
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
    struct wire_installed candidate; /* once it is matched; envelope NULL before */
    char workspace[ROOT_NAME_SIZE];  /* once it is staged; empty before */
    bool distrust; /* files of the running version have rotted: each is looked at before it is copied */
    struct base_digest rotten; /* blob that the origin sent with other bytes than its name says; null: none */
    struct base_error failure; /* why the step under way failed */
    char step[65];             /* in which it failed, where that is finer than the state */
    char begun[BASE_TIME_TEXT]; /* when the step under way did, RFC 3339; empty before the first */
    char note[160];             /* what the next step's beginning tells of the one before it */
};

struct node_manager {
    /*  node_act: the parts that hand events in need not know who carries out what follows. */
    void (*act) (struct node_manager *node, const struct update_result *result, enum update_action action);
    struct bus_loop *loop;
    struct node_config *config;
    struct root root;
    struct disk_blobs contents;
    struct node_self self;
    struct wire_standing standing;
    struct update_procedure procedure;
    struct node_order order;

    struct node_session *session;
    struct node_reach *reach; /* NULL below a probe's parent */
    struct node_scrub *scrub; /* NULL below a probe's parent, or where it is switched off */
    struct node_callback *callback;
    struct node_fetch *fetch;
    struct bus_work *staging;    /* of the order's candidate */
    struct bus_work *sweeping;   /* of what earlier rehearsals left, where that is much: */
    char **left;                 /* its names */
    atomic_bool leave;           /* ends that */
    char staged[ROOT_NAME_SIZE]; /* what came of it */
    struct base_error stage_error;
    struct bus_work *unsharing; /* versions are being given files of their own */
    unsigned unshared;          /* what came of it */
    struct base_error unshare_error;
    struct node_rehearsal *rehearsal;
    struct node_rehearsal *ending;       /* one that is not wanted any more, until nothing of it runs */
    struct node_rehearsal_result blamed; /* the candidate's, while this version rehearses itself */
    unsigned tries;                      /* rehearsals of the candidate that were begun */
    bool control;                        /* the rehearsal under way is this version's own */
    bool staging_waits;                  /* for the end of unsharing */
    bool probe_waits;                    /* for the end of ending */

    struct root_journal_head journal_last; /* line of the journal that this process knows of */
    struct root_journal_head journal;      /* the last that is durable */
    struct node_journal_look *look;        /* at the journal, under way; NULL: none */
    struct root_journal_head look_for;     /* once that is over; serial 0: nothing */
    uint64_t looked_ms;
    char journal_fault[512];      /* what was found wrong with it; empty: nothing */
    char damage[NODE_SCRUB_TEXT]; /* as described last */

    struct update_proof proof;
    struct node_comparison *comparison; /* with a version that never confirmed itself; NULL: there is none */

    struct wire_installed previous;  /* as described last */
    struct wire_failure *quarantine; /* the same */
    size_t n_quarantine;

    enum update_event events[NODE_EVENTS_MOST];
    unsigned n_events;
    bool busy;

    uint64_t cancel_epoch; /* of the last cancellation that found an update under way */
    bool cancel_late;      /* and came behind its switch */

    uint64_t refused_epoch;    /* of a desired state that contradicts an earlier one; told once */
    struct base_log_limit log; /* of what an origin can cause */

    enum node_settings settings; /* where config is from */
    bool settings_wanted;        /* somebody asked to read node.zpl anew, once nothing is under way */
    struct base_digest loaded;   /* node.zpl when this process began */
    bool reached;                /* this process has been welcomed by its origin */
    unsigned judged;             /* how often it was asked whether the settings reach an origin */
    int looking, judging;        /* timers: at node.zpl, and whether it does */
    bool stable_told;            /* that stable leads nowhere, and could not be put back */
    bool previous_told;          /* the same of previous */

    uint64_t deadline_ms; /* when the timer `deadline` is due */
    unsigned late;        /* how often it was not held against the state */
    int deadline, proving, progress, watchdog, following;
    struct node_lock lock;
    int launcher; /* writing end of the pipe to it; -1: none */
    int status;   /* to exit with */
};

/*  Hands an event to the machine and carries out what it asks for. May be called from within. */
void node_event (struct node_manager *node, enum update_event event);

/*  The same, with the reason that a report will give. */
__attribute__ ((format (printf, 3, 4))) void node_fail (struct node_manager *node, enum update_event event,
                                                        const char *format, ...);

/*  Carries out one action. */
void node_act (struct node_manager *node, const struct update_result *result, enum update_action action);

/*  Ends this process so that stable is started anew. */
void node_leave (struct node_manager *node);

/*  Opens the store of downloads, as it is now. Nothing of it may be in use. */
int node_contents_open (struct node_manager *node, struct base_error *error);

/*  Makes the candidate's workspace, off the loop. */
void node_stage_begin (struct node_manager *node);

/*  unshare.c */
/*  Where this version is stable, and not on trial: sees to it that no other one shares a file with it. */
void node_unshare_begin (struct node_manager *node);

/*  scrub.c */
void node_scrub_begin (struct node_manager *node);
void node_scrub_end (struct node_manager *node);
/*  As node_scrub_read, of what this process knows. */
bool node_scrub_describe (const struct node_manager *node, char ret_text[NODE_SCRUB_TEXT]);

/*  orders.c */
/*  Removes workspaces that are too many and too old to be gone back to. */
void node_collect (struct node_manager *node);
void node_orders_resume (struct node_manager *node);
/*  Where the disk has this version on trial: takes the trial up, and returns true. */
bool node_orders_resume_trial (struct node_manager *node);
/*  Where nothing need be asked about the order: refuses it, and returns true. */
bool node_orders_refuse (struct node_manager *node);
void node_orders_desired (struct node_manager *node, const struct wire_desired *desired);
void node_orders_matched (struct node_manager *node, const struct wire_matched *matched);
void node_order_clear (struct node_manager *node);

/*  later.c */
/*  Whether an order is kept to be tried again. */
bool node_later_waits (const struct node_manager *node);
void node_later_clear (struct node_manager *node);
/*  The order found this host unfit: writes when it is tried again. */
void node_later_begin (struct node_manager *node);
/*  Until then; never more than the state's deadline. */
uint64_t node_later_left_ms (const struct node_manager *node);
/*  Goes on waiting where an earlier process did. */
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
/*  This version was gone back to from the one of that order, which never confirmed itself: finds out which of
    them is to blame, within `trial/confirm`, and tells judge. Where nobody is, the order waits for a while, and
    is then asked for again. Out of memory, nothing of that happens. */
typedef void node_judge (struct node_manager *node, const struct wire_failure *failure, bool guilty);
void node_comparison_begin (struct node_manager *node, const struct wire_failure *failure,
                            const struct node_order *order, node_judge *judge);
/*  Whether the order of that epoch is not to be taken up now. */
bool node_comparison_waits (const struct node_manager *node, uint64_t epoch);
void node_comparison_welcome (struct node_manager *node);
void node_comparison_lost (struct node_manager *node);
void node_comparison_announced (struct node_manager *node);
/*  Returns whether the answer was for it. */
bool node_comparison_matched (struct node_manager *node, const struct wire_matched *matched);
/*  Returns whether the chunk was for it. */
bool node_comparison_chunk (struct node_manager *node, const struct wire_chunk *chunk, const void *payload,
                            size_t size);
void node_comparison_free (struct node_manager *node);

/*  stable.c */
/*  Where stable leads nowhere, and this version is not on trial: puts it back, and says so. */
void node_stable_keep (struct node_manager *node);
/*  The same for previous. */
void node_previous_keep (struct node_manager *node);
/*  Where somebody made another workspace stable: ends this process, for that one to be started. */
void node_stable_follow (struct node_manager *node);
/*  Whether that is so. */
bool node_stable_is_elsewhere (const struct node_manager *node);
/*  A version that is stable and not on trial is proven: marks it so. */
void node_stable_mark (struct node_manager *node);
/*  Takes up the launcher's word on what it did to stable. */
void node_stable_resume (struct node_manager *node);

/*  places.c */
/*  Makes what is missing of the directories of the root, and takes away what keeps their owner from using them. */
void node_places_keep (struct node_manager *node);

/*  journal.c */
void node_journal_open (struct node_manager *node);
void node_journal_close (struct node_manager *node);
void node_journal_append (struct node_manager *node, struct wire_entry *entry);
void node_journal_describe (const struct node_manager *node, struct wire_hello *hello);
/*  The origin says which line it was told of last; looks whether that is still there. */
void node_journal_welcome (struct node_manager *node, const struct wire_welcome *welcome);
/*  Looks from time to time. */
void node_journal_keep (struct node_manager *node);

/*  reports.c */
void node_report (struct node_manager *node, const char *step, enum wire_outcome outcome, const char *reason);
/*  The same for an order that the procedure does not work on. */
void node_report_order (struct node_manager *node, uint64_t epoch, const char *step,
                        enum wire_outcome outcome, const char *reason);
/*  A line that is in the journal already. */
void node_report_entry (struct node_manager *node, const struct wire_entry *entry);
/*  A step that goes on, told with the time at which it began. Not for the journal: there it has been told.
    note: what it waits for; may be NULL. */
void node_report_progress (struct node_manager *node, const char *note);
/*  Everything that it points to stays valid until the next call. */
void node_describe (struct node_manager *node, struct wire_application *ret_application);
/*  Returns whether it was written. */
bool node_standing_save (struct node_manager *node);
/*  Remembers a failure as the last error. Everything is copied. */
void node_remember_failure (struct node_manager *node, const struct wire_failure *failure);
/*  Writes a line to the launcher's pipe. */
void node_tell_launcher (struct node_manager *node, const char *line);

#endif
