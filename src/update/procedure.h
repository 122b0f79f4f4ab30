/* SPDX-License-Identifier: MPL-2.0 */
/*  update/procedure.h - the update procedure of one application, as a pure state machine

        idle -> matching -> fetching -> staging -> probing -> switching -> restarting
                                                     (a new process:)  -> trial -> confirmed -> idle

    Events go in, actions come out, in the order in which they are to be carried out. It uses no socket, file,
    clock or randomness: the owner carries out the actions and reports their end as an event. Every state
    except idle has a deadline, in milliseconds; the action DEADLINE sets it. Every failure before the switch
    leads back to idle.

    The whole machine is one table, state by event; test/unit/update/procedure.c has the rules that it must keep. */

#ifndef UPDATE_PROCEDURE_H
#define UPDATE_PROCEDURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

enum update_event {
    UPDATE_EVENT_ORDER,   /* an order to update is started */
    UPDATE_EVENT_SAME,    /* the wanted release runs already */
    UPDATE_EVENT_REFUSED, /* quarantined, withdrawn, or no envelope fits */
    UPDATE_EVENT_DONE,    /* the state's step succeeded */
    UPDATE_EVENT_FAILED,  /* the state's step failed; host or origin is at fault, not the release */
    UPDATE_EVENT_BLAMED,  /* the state's step failed, and the release is at fault */
    /*  the rehearsals of the candidate and of the running version failed; at idle: before this process
        started */
    UPDATE_EVENT_UNFIT,
    UPDATE_EVENT_MISSING,  /* a file that was expected here is missing or damaged: it must be downloaded */
    UPDATE_EVENT_DEADLINE, /* the state's time is over */
    UPDATE_EVENT_CANCEL,   /* an operator cancels the update */
    UPDATE_EVENT_REVERT,   /* an order to revert is started */
    UPDATE_EVENT_TRIAL,    /* this process has found that it is on trial */
    UPDATE_EVENT_END
};

enum update_action {
    UPDATE_ACTION_NONE,
    UPDATE_ACTION_DEADLINE,   /* start the state's deadline; it replaces the previous one */
    UPDATE_ACTION_MATCH,      /* ask for the envelope */
    UPDATE_ACTION_FETCH,      /* download the blobs that are not here */
    UPDATE_ACTION_STAGE,      /* build the workspace */
    UPDATE_ACTION_PROBE,      /* rehearse it */
    UPDATE_ACTION_SWITCH,     /* point stable to it */
    UPDATE_ACTION_RESTART,    /* exit, so that stable is started */
    UPDATE_ACTION_PROVE,      /* on trial: collect the proof that confirms this version */
    UPDATE_ACTION_CONFIRM,    /* end the trial with success */
    UPDATE_ACTION_REVERT,     /* point stable to the previous version */
    UPDATE_ACTION_ABORT,      /* stop the step under way and remove what it made */
    UPDATE_ACTION_QUARANTINE, /* do not try this release again until an operator clears it */
    UPDATE_ACTION_REPORT,     /* report state and outcome */
    UPDATE_ACTION_ENDED,      /* the order is completed: store its epoch */
    UPDATE_ACTION_ASK,        /* ask for the desired state: it may have changed in the meantime */
    UPDATE_ACTION_LATER,      /* unfit: keep the order, and try again when the state's time is over */
    UPDATE_ACTION_LOG         /* the event does not fit the state: log that, change nothing */
};

enum { UPDATE_ACTIONS_MOST = 8, UPDATE_N_ACTIONS = UPDATE_ACTION_LOG + 1 };

/*  The result of a step of the machine. */
struct update_result {
    enum wire_state from, to;
    enum wire_outcome outcome;                       /* of the report; 0: there is none */
    enum update_action actions[UPDATE_ACTIONS_MOST]; /* in order; UPDATE_ACTION_NONE after the last */
};

/*  How long a state may last, in milliseconds. */
struct update_limits {
    uint64_t matching_ms, fetching_ms, staging_ms, probing_ms, switching_ms, restarting_ms, trial_ms,
        unfit_ms;
};
extern const struct update_limits update_limits_default;

/*  The machine. Null value: idle. */
struct update_procedure {
    enum wire_state state;
    unsigned unfit; /* consecutive times: the pause is 1, 5, 15, then 60 times unfit_ms */
};

void update_procedure_init (struct update_procedure *procedure);

/*  Handles an event. Never fails: for an event that does not fit the state it returns UPDATE_ACTION_LOG and
    changes nothing. */
struct update_result update_procedure_step (struct update_procedure *procedure, enum update_event event);

/*  The deadline of the state that the machine is in; 0: none (idle). */
uint64_t update_procedure_deadline_ms (const struct update_procedure *procedure,
                                       const struct update_limits *limits);

/*  "order", "same", ... for a log line. */
const char *update_event_word (enum update_event event);
const char *update_action_word (enum update_action action);

#endif
