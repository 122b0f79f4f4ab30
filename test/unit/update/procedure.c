/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/update/procedure.c - every state and event of the update procedure

    An event that the table below does not list must only return the action "log" and keep the state. */

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "update/procedure.h"

struct expected {
    enum wire_state from;
    enum update_event event;
    enum wire_state to;
    enum wire_outcome outcome;
    const char *actions; /* in order, separated by spaces */
};

#define FAILED_END "abort ended report deadline ask"
#define CANCEL_END "abort ended report deadline ask"

static const struct expected cells[] = {
    {WIRE_STATE_IDLE, UPDATE_EVENT_ORDER, WIRE_STATE_MATCHING, WIRE_OUTCOME_STARTED, "deadline report match"},
    {WIRE_STATE_IDLE, UPDATE_EVENT_REVERT, WIRE_STATE_REVERTING, WIRE_OUTCOME_STARTED,
     "deadline report revert"},
    {WIRE_STATE_IDLE, UPDATE_EVENT_TRIAL, WIRE_STATE_TRIAL, WIRE_OUTCOME_STARTED, "deadline report prove"},

    {WIRE_STATE_MATCHING, UPDATE_EVENT_DONE, WIRE_STATE_FETCHING, WIRE_OUTCOME_STARTED,
     "deadline report fetch"},
    {WIRE_STATE_MATCHING, UPDATE_EVENT_REFUSED, WIRE_STATE_IDLE, WIRE_OUTCOME_REFUSED,
     "ended report deadline ask"},
    {WIRE_STATE_MATCHING, UPDATE_EVENT_FAILED, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},
    {WIRE_STATE_MATCHING, UPDATE_EVENT_DEADLINE, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},
    {WIRE_STATE_MATCHING, UPDATE_EVENT_CANCEL, WIRE_STATE_IDLE, WIRE_OUTCOME_CANCELLED, CANCEL_END},

    {WIRE_STATE_FETCHING, UPDATE_EVENT_DONE, WIRE_STATE_STAGING, WIRE_OUTCOME_STARTED,
     "deadline report stage"},
    {WIRE_STATE_FETCHING, UPDATE_EVENT_SAME, WIRE_STATE_IDLE, WIRE_OUTCOME_NOTHING,
     "ended report deadline ask"},
    {WIRE_STATE_FETCHING, UPDATE_EVENT_REFUSED, WIRE_STATE_IDLE, WIRE_OUTCOME_REFUSED,
     "ended report deadline ask"},
    {WIRE_STATE_FETCHING, UPDATE_EVENT_FAILED, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},
    {WIRE_STATE_FETCHING, UPDATE_EVENT_DEADLINE, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},
    {WIRE_STATE_FETCHING, UPDATE_EVENT_CANCEL, WIRE_STATE_IDLE, WIRE_OUTCOME_CANCELLED, CANCEL_END},

    {WIRE_STATE_STAGING, UPDATE_EVENT_DONE, WIRE_STATE_PROBING, WIRE_OUTCOME_STARTED,
     "deadline report probe"},
    {WIRE_STATE_STAGING, UPDATE_EVENT_MISSING, WIRE_STATE_FETCHING, WIRE_OUTCOME_STARTED,
     "deadline report fetch"},
    {WIRE_STATE_STAGING, UPDATE_EVENT_FAILED, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},
    {WIRE_STATE_STAGING, UPDATE_EVENT_DEADLINE, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},
    {WIRE_STATE_STAGING, UPDATE_EVENT_CANCEL, WIRE_STATE_IDLE, WIRE_OUTCOME_CANCELLED, CANCEL_END},

    {WIRE_STATE_PROBING, UPDATE_EVENT_DONE, WIRE_STATE_SWITCHING, WIRE_OUTCOME_STARTED,
     "deadline report switch"},
    {WIRE_STATE_PROBING, UPDATE_EVENT_FAILED, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},
    {WIRE_STATE_PROBING, UPDATE_EVENT_BLAMED, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED,
     "abort quarantine ended report deadline ask"},
    {WIRE_STATE_PROBING, UPDATE_EVENT_UNFIT, WIRE_STATE_UNFIT, WIRE_OUTCOME_FAILED,
     "abort deadline later report"},
    {WIRE_STATE_PROBING, UPDATE_EVENT_DEADLINE, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},
    {WIRE_STATE_PROBING, UPDATE_EVENT_CANCEL, WIRE_STATE_IDLE, WIRE_OUTCOME_CANCELLED, CANCEL_END},

    {WIRE_STATE_SWITCHING, UPDATE_EVENT_DONE, WIRE_STATE_RESTARTING, WIRE_OUTCOME_STARTED,
     "deadline report restart"},
    {WIRE_STATE_SWITCHING, UPDATE_EVENT_FAILED, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},
    {WIRE_STATE_SWITCHING, UPDATE_EVENT_DEADLINE, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},

    {WIRE_STATE_RESTARTING, UPDATE_EVENT_DEADLINE, WIRE_STATE_RESTARTING, 0, "deadline restart"},

    {WIRE_STATE_TRIAL, UPDATE_EVENT_DONE, WIRE_STATE_CONFIRMED, 0, "deadline confirm"},
    {WIRE_STATE_TRIAL, UPDATE_EVENT_DEADLINE, WIRE_STATE_REVERTING, WIRE_OUTCOME_FAILED,
     "deadline report revert"},
    {WIRE_STATE_TRIAL, UPDATE_EVENT_REVERT, WIRE_STATE_REVERTING, WIRE_OUTCOME_STARTED,
     "deadline report revert"},

    {WIRE_STATE_CONFIRMED, UPDATE_EVENT_DONE, WIRE_STATE_IDLE, WIRE_OUTCOME_CONFIRMED,
     "ended report deadline ask"},
    {WIRE_STATE_CONFIRMED, UPDATE_EVENT_FAILED, WIRE_STATE_TRIAL, WIRE_OUTCOME_STARTED,
     "deadline report prove"},
    {WIRE_STATE_CONFIRMED, UPDATE_EVENT_DEADLINE, WIRE_STATE_TRIAL, WIRE_OUTCOME_STARTED,
     "deadline report prove"},

    {WIRE_STATE_REVERTING, UPDATE_EVENT_DONE, WIRE_STATE_RESTARTING, WIRE_OUTCOME_STARTED,
     "deadline report restart"},
    {WIRE_STATE_REVERTING, UPDATE_EVENT_FAILED, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},
    {WIRE_STATE_REVERTING, UPDATE_EVENT_DEADLINE, WIRE_STATE_IDLE, WIRE_OUTCOME_FAILED, FAILED_END},

    {WIRE_STATE_UNFIT, UPDATE_EVENT_DEADLINE, WIRE_STATE_IDLE, 0, "deadline ask"},
    {WIRE_STATE_UNFIT, UPDATE_EVENT_CANCEL, WIRE_STATE_IDLE, WIRE_OUTCOME_CANCELLED,
     "abort ended report deadline ask"},
    {WIRE_STATE_IDLE, UPDATE_EVENT_UNFIT, WIRE_STATE_UNFIT, 0, "deadline later"},
    {WIRE_STATE_UNFIT, UPDATE_EVENT_ORDER, WIRE_STATE_MATCHING, WIRE_OUTCOME_STARTED,
     "deadline report match"},
    {WIRE_STATE_UNFIT, UPDATE_EVENT_REVERT, WIRE_STATE_REVERTING, WIRE_OUTCOME_STARTED,
     "deadline report revert"},
};

static void actions_of (const struct update_result *result, char *text, size_t size)
{
    *text = '\0';
    for (size_t i = 0; i < UPDATE_ACTIONS_MOST && result->actions[i]; i++) {
        size_t length = strlen (text);
        snprintf (text + length, size - length, "%s%s", i ? " " : "",
                  update_action_word (result->actions[i]));
    }
}

Test (procedure, every_listed_cell_acts_and_the_others_change_nothing)
{
    size_t fitting = 0;
    for (unsigned state = WIRE_STATE_IDLE; state < WIRE_STATE_END; state++)
        for (unsigned event = 0; event < UPDATE_EVENT_END; event++) {
            const struct expected *cell = NULL;
            for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
                if (cells[i].from == state && cells[i].event == event)
                    cell = &cells[i];
            struct update_procedure procedure = {.state = (enum wire_state) state};
            struct update_result result = update_procedure_step (&procedure, (enum update_event) event);
            char found[256];
            actions_of (&result, found, sizeof found);
            fitting += cell != NULL;
            cr_expect_str_eq (found, cell ? cell->actions : "log", "%s + %s", wire_state_word (state),
                              update_event_word (event));
            cr_expect_eq (procedure.state, cell ? cell->to : state, "%s + %s", wire_state_word (state),
                          update_event_word (event));
            cr_expect_eq (result.outcome, cell ? cell->outcome : 0, "%s + %s", wire_state_word (state),
                          update_event_word (event));
        }
    cr_expect_eq (fitting, sizeof cells / sizeof *cells, "each expected cell was met once");
}

Test (procedure, a_null_machine_is_idle)
{
    struct update_procedure procedure = {0};
    struct update_result result = update_procedure_step (&procedure, UPDATE_EVENT_ORDER);
    cr_expect_eq (result.from, WIRE_STATE_IDLE);
    cr_expect_eq (procedure.state, WIRE_STATE_MATCHING);
}

Test (procedure, every_state_except_idle_has_a_deadline_that_acts)
{
    for (unsigned state = WIRE_STATE_IDLE; state < WIRE_STATE_END; state++) {
        struct update_procedure procedure = {.state = (enum wire_state) state};
        uint64_t ms = update_procedure_deadline_ms (&procedure, &update_limits_default);
        cr_expect_eq (ms == 0, state == WIRE_STATE_IDLE, "%s", wire_state_word (state));
        if (state == WIRE_STATE_IDLE)
            continue;
        struct update_result result = update_procedure_step (&procedure, UPDATE_EVENT_DEADLINE);
        cr_expect_neq (result.actions[0], UPDATE_ACTION_LOG, "%s", wire_state_word (state));
    }
}

Test (procedure, any_failure_before_the_switch_ends_idle_or_unfit)
{
    static const enum wire_state before[] = {WIRE_STATE_MATCHING, WIRE_STATE_FETCHING, WIRE_STATE_STAGING,
                                             WIRE_STATE_PROBING};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++)
        for (unsigned event = 0; event < UPDATE_EVENT_END; event++) {
            struct update_procedure procedure = {.state = before[i]};
            (void) update_procedure_step (&procedure, (enum update_event) event);
            bool onwards =
                procedure.state == before[i] || event == UPDATE_EVENT_DONE || event == UPDATE_EVENT_MISSING;
            cr_expect (onwards || procedure.state == WIRE_STATE_IDLE || procedure.state == WIRE_STATE_UNFIT);
        }
}

Test (procedure, an_unfit_host_retries_after_1_5_15_then_60_intervals_until_a_rehearsal_passes)
{
    struct update_procedure procedure = {.state = WIRE_STATE_PROBING};
    struct update_limits limits = update_limits_default;
    static const uint64_t wanted[] = {10, 50, 150, 600, 600, 600};
    limits.unfit_ms = 10;
    for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        procedure.state = WIRE_STATE_PROBING;
        (void) update_procedure_step (&procedure, UPDATE_EVENT_UNFIT);
        cr_expect_eq (update_procedure_deadline_ms (&procedure, &limits), wanted[i]);
    }
    procedure.state = WIRE_STATE_PROBING;
    (void) update_procedure_step (&procedure, UPDATE_EVENT_DONE);
    cr_expect_eq (procedure.unfit, 0);
}

Test (procedure, a_state_that_cannot_be_ends_the_process, .signal = SIGABRT)
{
    struct update_procedure procedure = {.state = WIRE_STATE_END};
    (void) update_procedure_step (&procedure, UPDATE_EVENT_DONE);
}
