/*  update/procedure.h - the update procedure of one application, as a pure state machine

        idle -> matching -> fetching -> staging -> probing -> switching -> restarting
                                                     (a new process:)  -> trial -> confirmed -> idle

    Events go in, actions come out, in the order in which they are to be carried out. No socket, file,
    clock or randomness: what an action does is its owner's business, and its end comes back as an event.
    Every state but idle has a deadline, given in milliseconds with the action that sets it, and every
    failure before the switch leads back to idle.

    The whole machine is one table, state by event; test/unit/update/procedure.c has a case a cell. */

#ifndef UPDATE_PROCEDURE_H
#define UPDATE_PROCEDURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire.h"

enum update_event {
    UPDATE_EVENT_ORDER,    /* an order to update is taken up */
    UPDATE_EVENT_SAME,     /* what runs is what is wanted */
    UPDATE_EVENT_REFUSED,  /* quarantined, withdrawn, or nothing fits */
    UPDATE_EVENT_DONE,     /* the state's step ended well */
    UPDATE_EVENT_FAILED,   /* the state's step failed; nobody is to blame but host or origin */
    UPDATE_EVENT_BLAMED,   /* the state's step failed, and the release is to blame */
    UPDATE_EVENT_UNFIT,    /* the rehearsal failed, and so did that of the running version; at idle: it did
                              before this process began */
    UPDATE_EVENT_MISSING,  /* what was thought to be here is not, or has rotted: it is to be fetched after all
                            */
    UPDATE_EVENT_DEADLINE, /* the state's time is over */
    UPDATE_EVENT_CANCEL,   /* an operator ends the update */
    UPDATE_EVENT_REVERT,   /* an order to go back is taken up */
    UPDATE_EVENT_TRIAL,    /* this process finds itself on trial */
    UPDATE_EVENT_END
};

enum update_action {
    UPDATE_ACTION_NONE,
    UPDATE_ACTION_DEADLINE,   /* start the state's deadline in place of the one before */
    UPDATE_ACTION_MATCH,      /* ask for the envelope */
    UPDATE_ACTION_FETCH,      /* download what is not here */
    UPDATE_ACTION_STAGE,      /* build the workspace */
    UPDATE_ACTION_PROBE,      /* rehearse it */
    UPDATE_ACTION_SWITCH,     /* point stable to it */
    UPDATE_ACTION_RESTART,    /* leave, so that stable is started */
    UPDATE_ACTION_PROVE,      /* on trial: gather what confirms this version */
    UPDATE_ACTION_CONFIRM,    /* end the trial well */
    UPDATE_ACTION_GO_BACK,    /* point stable to the previous version */
    UPDATE_ACTION_ABORT,      /* stop the step that is under way and drop what it made */
    UPDATE_ACTION_QUARANTINE, /* never try this release again until a person clears it */
    UPDATE_ACTION_REPORT,     /* tell state and outcome */
    UPDATE_ACTION_ENDED,      /* the order has come to its end: remember its epoch */
    UPDATE_ACTION_ASK,        /* ask for the desired state: something may have come in the meantime */
    UPDATE_ACTION_LATER,      /* unfit: keep the order, to be tried again when the state's time is over */
    UPDATE_ACTION_TELL        /* the event does not fit the state: say so, change nothing */
};

enum { UPDATE_ACTIONS_MOST = 8 };

/*  What a step of the machine asks for. */
struct update_result {
    enum wire_state from, to;
    enum wire_outcome outcome;                       /* of the report; 0 where none is made */
    enum update_action actions[UPDATE_ACTIONS_MOST]; /* in order; UPDATE_ACTION_NONE behind the last */
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
    unsigned unfit; /* times in a row: the pause is 1, 5, 15, then 60 times unfit_ms */
};

void update_procedure_init (struct update_procedure *procedure);

/*  Takes an event. Never fails: an event that does not fit the state is answered with UPDATE_ACTION_TELL
    and no change. */
struct update_result update_procedure_step (struct update_procedure *procedure, enum update_event event);

/*  The deadline of the state that the machine is in; 0: none (idle). */
uint64_t update_procedure_deadline_ms (const struct update_procedure *procedure,
                                       const struct update_limits *limits);

/*  "order", "same", ... for a log line. */
const char *update_event_word (enum update_event event);
const char *update_action_word (enum update_action action);

#endif
