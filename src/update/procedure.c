/* SPDX-License-Identifier: MPL-2.0 */
/*  update/procedure.c - the update procedure as a table, state by event; pure */

#include "update/procedure.h"

#include "base/assert.h"

/*  Pauses before further tries on an unfit host, as multiples of unfit_ms. */
static const unsigned pauses[] = {1, 5, 15, 60};

const struct update_limits update_limits_default = {
    .matching_ms = 60 * 1000,
    .fetching_ms = 6 * 3600 * 1000,
    .staging_ms = 10 * 60 * 1000,
    .probing_ms = 10 * 60 * 1000,
    .switching_ms = 60 * 1000,
    .restarting_ms = 30 * 1000,
    .trial_ms = 10 * 60 * 1000,
    .unfit_ms = 60 * 1000,
};

struct cell {
    enum wire_state to; /* 0: the event does not fit the state */
    enum wire_outcome outcome;
    enum update_action actions[UPDATE_ACTIONS_MOST];
};

#define ST(name) WIRE_STATE_##name
#define OUT(name) WIRE_OUTCOME_##name
#define ACT(name) UPDATE_ACTION_##name

/*  Cells that several states share. */
#define FAIL                                                                                                 \
    {                                                                                                        \
        ST (IDLE), OUT (FAILED),                                                                             \
        {                                                                                                    \
            ACT (ABORT), ACT (ENDED), ACT (REPORT), ACT (DEADLINE), ACT (ASK)                                \
        }                                                                                                    \
    }
#define BLAME                                                                                                \
    {                                                                                                        \
        ST (IDLE), OUT (FAILED),                                                                             \
        {                                                                                                    \
            ACT (ABORT), ACT (QUARANTINE), ACT (ENDED), ACT (REPORT), ACT (DEADLINE), ACT (ASK)              \
        }                                                                                                    \
    }
#define CANCELLED                                                                                            \
    {                                                                                                        \
        ST (IDLE), OUT (CANCELLED),                                                                          \
        {                                                                                                    \
            ACT (ABORT), ACT (ENDED), ACT (REPORT), ACT (DEADLINE), ACT (ASK)                                \
        }                                                                                                    \
    }
#define NEXT(state, action)                                                                                  \
    {                                                                                                        \
        ST (state), OUT (STARTED),                                                                           \
        {                                                                                                    \
            ACT (DEADLINE), ACT (REPORT), ACT (action)                                                       \
        }                                                                                                    \
    }

/*  An event without a cell does not fit the state: its `to` is 0. From switching on, an update cannot be
    cancelled. A revert waits until the new version is on trial, where it is the quickest way back. */
static const struct cell table[WIRE_STATE_END][UPDATE_EVENT_END] =
    {
        [ST (IDLE)] =
            {
                [UPDATE_EVENT_ORDER] = NEXT (MATCHING, MATCH),
                [UPDATE_EVENT_REVERT] = NEXT (REVERTING, REVERT),
                [UPDATE_EVENT_TRIAL] = NEXT (TRIAL, PROVE),
                [UPDATE_EVENT_UNFIT] = {ST (UNFIT), 0, {ACT (DEADLINE), ACT (LATER)}},
            },
        [ST (MATCHING)] =
            {
                [UPDATE_EVENT_DONE] = NEXT (FETCHING, FETCH),
                [UPDATE_EVENT_REFUSED] = {ST (IDLE),
                                          OUT (REFUSED),
                                          {ACT (ENDED), ACT (REPORT), ACT (DEADLINE), ACT (ASK)}},
                [UPDATE_EVENT_FAILED] = FAIL,
                [UPDATE_EVENT_DEADLINE] = FAIL,
                [UPDATE_EVENT_CANCEL] = CANCELLED,
            },
        [ST (FETCHING)] =
            {
                [UPDATE_EVENT_DONE] = NEXT (STAGING, STAGE),
                [UPDATE_EVENT_SAME] = {ST (IDLE),
                                       OUT (NOTHING),
                                       {ACT (ENDED), ACT (REPORT), ACT (DEADLINE), ACT (ASK)}},
                [UPDATE_EVENT_REFUSED] =
                    {ST (IDLE), OUT (REFUSED), {ACT (ENDED), ACT (REPORT), ACT (DEADLINE), ACT (ASK)}},
                [UPDATE_EVENT_FAILED] = FAIL,
                [UPDATE_EVENT_DEADLINE] = FAIL,
                [UPDATE_EVENT_CANCEL] = CANCELLED,
            },
        [ST (STAGING)] =
            {
                [UPDATE_EVENT_DONE] = NEXT (PROBING, PROBE),
                [UPDATE_EVENT_MISSING] = NEXT (FETCHING, FETCH),
                [UPDATE_EVENT_FAILED] = FAIL,
                [UPDATE_EVENT_DEADLINE] = FAIL,
                [UPDATE_EVENT_CANCEL] = CANCELLED,
            },
        [ST (PROBING)] =
            {
                [UPDATE_EVENT_DONE] = NEXT (SWITCHING, SWITCH),
                [UPDATE_EVENT_FAILED] = FAIL,
                [UPDATE_EVENT_BLAMED] = BLAME,
                [UPDATE_EVENT_UNFIT] = {ST (UNFIT),
                                        OUT (FAILED),
                                        {ACT (ABORT), ACT (DEADLINE), ACT (LATER), ACT (REPORT)}},
                [UPDATE_EVENT_DEADLINE] = FAIL,
                [UPDATE_EVENT_CANCEL] = CANCELLED,
            },
        [ST (SWITCHING)] =
            {
                [UPDATE_EVENT_DONE] = NEXT (RESTARTING, RESTART),
                [UPDATE_EVENT_FAILED] = FAIL,
                [UPDATE_EVENT_DEADLINE] = FAIL,
            },
        [ST (RESTARTING)] =
            {
                [UPDATE_EVENT_DEADLINE] = {ST (RESTARTING), 0, {ACT (DEADLINE), ACT (RESTART)}},
            },
        [ST (TRIAL)] =
            {
                [UPDATE_EVENT_DONE] = {ST (CONFIRMED), 0, {ACT (DEADLINE), ACT (CONFIRM)}},
                [UPDATE_EVENT_DEADLINE] = {ST (REVERTING),
                                           OUT (FAILED),
                                           {ACT (DEADLINE), ACT (REPORT), ACT (REVERT)}},
                [UPDATE_EVENT_REVERT] = NEXT (REVERTING, REVERT),
            },
        [ST (CONFIRMED)] =
            {
                [UPDATE_EVENT_DONE] = {ST (IDLE),
                                       OUT (CONFIRMED),
                                       {ACT (ENDED), ACT (REPORT), ACT (DEADLINE), ACT (ASK)}},
                [UPDATE_EVENT_FAILED] = NEXT (TRIAL, PROVE),
                [UPDATE_EVENT_DEADLINE] = NEXT (TRIAL, PROVE),
            },
        [ST (REVERTING)] =
            {
                [UPDATE_EVENT_DONE] = NEXT (RESTARTING, RESTART),
                [UPDATE_EVENT_FAILED] = FAIL,
                [UPDATE_EVENT_DEADLINE] = FAIL,
            },
        [ST (UNFIT)] =
            {
                [UPDATE_EVENT_DEADLINE] = {ST (IDLE), 0, {ACT (DEADLINE), ACT (ASK)}},
                [UPDATE_EVENT_ORDER] = NEXT (MATCHING, MATCH),
                [UPDATE_EVENT_CANCEL] = CANCELLED,
                [UPDATE_EVENT_REVERT] = NEXT (REVERTING, REVERT),
            },
};

void update_procedure_init (struct update_procedure *procedure)
{
    base_assert (procedure);
    *procedure = (struct update_procedure){.state = WIRE_STATE_IDLE};
}

/*  A state other than idle has its own deadline, so that every state ends. Actions have no gap. Each report
    says how far the order is, or how it ended; and a state that was left unfit counts it. */
static void update_machine_check (const struct update_procedure *procedure,
                                  const struct update_result *result)
{
    bool deadline = false, report = false, over = false;
    for (size_t i = 0; i < UPDATE_ACTIONS_MOST; i++) {
        enum update_action action = result->actions[i];
        base_assert ((unsigned) action < UPDATE_N_ACTIONS);
        base_assert (!over || action == UPDATE_ACTION_NONE);
        over |= action == UPDATE_ACTION_NONE;
        deadline |= action == UPDATE_ACTION_DEADLINE;
        report |= action == UPDATE_ACTION_REPORT;
    }
    base_assert (over);
    base_assert ((unsigned) procedure->state < WIRE_STATE_END);
    base_assert (result->to == result->from || result->to == procedure->state);
    base_assert (result->to == result->from || deadline);
    base_assert (!result->outcome || report);
    base_assert (result->to != WIRE_STATE_UNFIT || result->from == WIRE_STATE_UNFIT || procedure->unfit > 0);
}

struct update_result update_procedure_step (struct update_procedure *procedure, enum update_event event)
{
    base_assert (procedure);
    base_assert ((unsigned) event < UPDATE_EVENT_END);
    enum wire_state from = procedure->state ? procedure->state : WIRE_STATE_IDLE;
    base_assert ((unsigned) from < WIRE_STATE_END);
    const struct cell *cell = &table[from][event];
    struct update_result result = {.from = from, .to = from};
    if (!cell->to) {
        result.actions[0] = UPDATE_ACTION_LOG;
        return result;
    }
    if (cell->to == WIRE_STATE_UNFIT)
        procedure->unfit++;
    else if (cell->to != from && from == WIRE_STATE_PROBING)
        procedure->unfit = 0;
    procedure->state = cell->to;
    result.to = cell->to;
    result.outcome = cell->outcome;
    for (size_t i = 0; i < UPDATE_ACTIONS_MOST; i++)
        result.actions[i] = cell->actions[i];
    update_machine_check (procedure, &result);
    return result;
}

uint64_t update_procedure_deadline_ms (const struct update_procedure *procedure,
                                       const struct update_limits *limits)
{
    base_assert (procedure);
    base_assert (limits);
    switch (procedure->state) {
    case WIRE_STATE_MATCHING:
        return limits->matching_ms;
    case WIRE_STATE_FETCHING:
        return limits->fetching_ms;
    case WIRE_STATE_STAGING:
        return limits->staging_ms;
    case WIRE_STATE_PROBING:
        return limits->probing_ms;
    case WIRE_STATE_SWITCHING:
    case WIRE_STATE_REVERTING:
    case WIRE_STATE_CONFIRMED:
        return limits->switching_ms;
    case WIRE_STATE_RESTARTING:
        return limits->restarting_ms;
    case WIRE_STATE_TRIAL:
        return limits->trial_ms;
    case WIRE_STATE_UNFIT: {
        size_t last = sizeof pauses / sizeof *pauses - 1, times = procedure->unfit ? procedure->unfit - 1 : 0;
        return limits->unfit_ms * pauses[times < last ? times : last];
    }
    case WIRE_STATE_NULL:
    case WIRE_STATE_IDLE:
    case WIRE_STATE_END:
        break;
    }
    return 0;
}

const char *update_event_word (enum update_event event)
{
    static const char *const words[UPDATE_EVENT_END] = {
        [UPDATE_EVENT_ORDER] = "order",       [UPDATE_EVENT_SAME] = "same",
        [UPDATE_EVENT_REFUSED] = "refused",   [UPDATE_EVENT_DONE] = "done",
        [UPDATE_EVENT_FAILED] = "failed",     [UPDATE_EVENT_BLAMED] = "blamed",
        [UPDATE_EVENT_UNFIT] = "unfit",       [UPDATE_EVENT_MISSING] = "missing",
        [UPDATE_EVENT_DEADLINE] = "deadline", [UPDATE_EVENT_CANCEL] = "cancel",
        [UPDATE_EVENT_REVERT] = "revert",     [UPDATE_EVENT_TRIAL] = "trial",
    };
    return (unsigned) event < UPDATE_EVENT_END ? words[event] : "unknown";
}

const char *update_action_word (enum update_action action)
{
    static const char *const words[UPDATE_N_ACTIONS] = {
        [UPDATE_ACTION_NONE] = "none",
        [UPDATE_ACTION_DEADLINE] = "deadline",
        [UPDATE_ACTION_MATCH] = "match",
        [UPDATE_ACTION_FETCH] = "fetch",
        [UPDATE_ACTION_STAGE] = "stage",
        [UPDATE_ACTION_PROBE] = "probe",
        [UPDATE_ACTION_SWITCH] = "switch",
        [UPDATE_ACTION_RESTART] = "restart",
        [UPDATE_ACTION_PROVE] = "prove",
        [UPDATE_ACTION_CONFIRM] = "confirm",
        [UPDATE_ACTION_REVERT] = "revert",
        [UPDATE_ACTION_ABORT] = "abort",
        [UPDATE_ACTION_QUARANTINE] = "quarantine",
        [UPDATE_ACTION_REPORT] = "report",
        [UPDATE_ACTION_ENDED] = "ended",
        [UPDATE_ACTION_ASK] = "ask",
        [UPDATE_ACTION_LATER] = "later",
        [UPDATE_ACTION_LOG] = "log",
    };
    return (unsigned) action < UPDATE_N_ACTIONS ? words[action] : "unknown";
}
