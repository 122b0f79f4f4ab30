/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/update/procedure.c - what must be true of the update procedure, in every state and for every event

    The tests state rules of the design, not the table: a rule holds for all states and events, or names its
    exceptions and their reason. */

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "update/order.h"
#include "update/procedure.h"

/*  A step of the machine: an event in a state, and what came of it. */
struct step {
    enum wire_state from;
    enum update_event event;
    enum wire_state to; /* of the machine, after the step */
    bool fits;
    struct update_result result;
    struct update_procedure after;
};

static struct step step_take (enum wire_state from, enum update_event event)
{
    struct update_procedure procedure = {.state = from};
    struct step step = {.from = from, .event = event};
    step.result = update_procedure_step (&procedure, event);
    step.to = procedure.state;
    step.fits = step.result.actions[0] != UPDATE_ACTION_LOG;
    step.after = procedure;
    return step;
}

/*  "state + event", for a failed expectation. */
static const char *step_text (const struct step *step)
{
    static char text[80];
    (void) snprintf (text, sizeof text, "%s + %s", wire_state_word (step->from),
                     update_event_word (step->event));
    return text;
}

/*  Calls check for every event in every state. */
static void steps_check (void (*check) (const struct step *step))
{
    for (unsigned state = WIRE_STATE_IDLE; state < WIRE_STATE_END; state++)
        for (unsigned event = 0; event < UPDATE_EVENT_END; event++) {
            struct step step = step_take ((enum wire_state) state, (enum update_event) event);
            check (&step);
        }
}

static unsigned action_count (const struct step *step, enum update_action action)
{
    unsigned count = 0;
    for (size_t i = 0; i < UPDATE_ACTIONS_MOST; i++)
        count += step->result.actions[i] == action;
    return count;
}

/*  Returns the index of an action; UPDATE_ACTIONS_MOST if the step has none. */
static size_t action_index (const struct step *step, enum update_action action)
{
    size_t i = 0;
    while (i < UPDATE_ACTIONS_MOST && step->result.actions[i] != action)
        i++;
    return i;
}

/*  A failure or a cancellation that the update does not survive. */
static bool is_lost (const struct step *step)
{
    return (step->result.outcome == WIRE_OUTCOME_FAILED || step->result.outcome == WIRE_OUTCOME_CANCELLED) &&
           (step->to == WIRE_STATE_IDLE || step->to == WIRE_STATE_UNFIT);
}

/*  The action that does the work of a state. */
static enum update_action work_of (enum wire_state state)
{
    static const enum update_action works[WIRE_STATE_END] = {
        [WIRE_STATE_MATCHING] = UPDATE_ACTION_MATCH,   [WIRE_STATE_FETCHING] = UPDATE_ACTION_FETCH,
        [WIRE_STATE_STAGING] = UPDATE_ACTION_STAGE,    [WIRE_STATE_PROBING] = UPDATE_ACTION_PROBE,
        [WIRE_STATE_SWITCHING] = UPDATE_ACTION_SWITCH, [WIRE_STATE_RESTARTING] = UPDATE_ACTION_RESTART,
        [WIRE_STATE_TRIAL] = UPDATE_ACTION_PROVE,      [WIRE_STATE_CONFIRMED] = UPDATE_ACTION_CONFIRM,
        [WIRE_STATE_REVERTING] = UPDATE_ACTION_REVERT, [WIRE_STATE_UNFIT] = UPDATE_ACTION_LATER,
    };
    return works[state];
}

static void check_unfitting (const struct step *step)
{
    if (step->fits)
        return;
    cr_expect_eq (step->result.actions[1], UPDATE_ACTION_NONE, "%s", step_text (step));
    cr_expect_eq (step->to, step->from, "%s", step_text (step));
    cr_expect_eq (step->result.to, step->from, "%s", step_text (step));
    cr_expect_eq (step->result.outcome, WIRE_OUTCOME_NULL, "%s", step_text (step));
    cr_expect_eq (step->after.unfit, 0, "%s", step_text (step));
}

Test (procedure, an_event_that_does_not_fit_is_only_logged)
{
    steps_check (check_unfitting);
}

/*  The states in which an event has a meaning, as bits. */
#define IN(state) (1u << WIRE_STATE_##state)
static const unsigned meanings[UPDATE_EVENT_END] = {
    /* at rest; the wait of an unfit host is over if a new order comes */
    [UPDATE_EVENT_ORDER] = IN (IDLE) | IN (UNFIT),
    /* the node knows its envelope when it has fetched the release document */
    [UPDATE_EVENT_SAME] = IN (FETCHING),
    [UPDATE_EVENT_REFUSED] = IN (MATCHING) | IN (FETCHING),
    /* all that works and ends in this process */
    [UPDATE_EVENT_DONE] = IN (MATCHING) | IN (FETCHING) | IN (STAGING) | IN (PROBING) | IN (SWITCHING) |
                          IN (TRIAL) | IN (CONFIRMED) | IN (REVERTING),
    /* the same; but an error ends no trial, only its deadline does: it has time to recover */
    [UPDATE_EVENT_FAILED] = IN (MATCHING) | IN (FETCHING) | IN (STAGING) | IN (PROBING) | IN (SWITCHING) |
                            IN (CONFIRMED) | IN (REVERTING),
    /* only a rehearsal finds out whether the release or the host is at fault; at idle: before a restart */
    [UPDATE_EVENT_BLAMED] = IN (PROBING),
    [UPDATE_EVENT_UNFIT] = IN (PROBING) | IN (IDLE),
    [UPDATE_EVENT_MISSING] = IN (STAGING),
    [UPDATE_EVENT_DEADLINE] = ~(IN (NULL) | IN (IDLE)),
    /* from switching on it is too late */
    [UPDATE_EVENT_CANCEL] = IN (MATCHING) | IN (FETCHING) | IN (STAGING) | IN (PROBING) | IN (UNFIT),
    /* at rest; and on trial, where it is the quickest way back */
    [UPDATE_EVENT_REVERT] = IN (IDLE) | IN (UNFIT) | IN (TRIAL),
    /* a process finds that out when it starts */
    [UPDATE_EVENT_TRIAL] = IN (IDLE),
};

static void check_meaning (const struct step *step)
{
    cr_expect_eq (step->fits, meanings[step->event] >> step->from & 1, "%s", step_text (step));
}

Test (procedure, an_event_fits_only_where_it_has_a_meaning)
{
    steps_check (check_meaning);
}

static void check_at_rest (const struct step *step)
{
    if (step->event == UPDATE_EVENT_ORDER)
        cr_expect_eq (step->fits, update_order_at_rest (step->from), "%s", step_text (step));
}

Test (procedure, an_update_starts_exactly_where_orders_are_taken_up)
{
    steps_check (check_at_rest);
}

/*  Switching stable needs a rehearsal; confirming needs a trial; a trial needs a restart into it. */
static void check_promotion (const struct step *step)
{
    static const struct {
        enum wire_state to;
        unsigned from;
        unsigned events; /* as bits */
    } only[] = {
        {WIRE_STATE_PROBING, IN (STAGING), 1u << UPDATE_EVENT_DONE},
        {WIRE_STATE_SWITCHING, IN (PROBING), 1u << UPDATE_EVENT_DONE},
        {WIRE_STATE_RESTARTING, IN (SWITCHING) | IN (REVERTING), 1u << UPDATE_EVENT_DONE},
        {WIRE_STATE_CONFIRMED, IN (TRIAL), 1u << UPDATE_EVENT_DONE},
        {WIRE_STATE_TRIAL, IN (IDLE) | IN (CONFIRMED),
         1u << UPDATE_EVENT_TRIAL | 1u << UPDATE_EVENT_FAILED | 1u << UPDATE_EVENT_DEADLINE},
        {WIRE_STATE_REVERTING, IN (IDLE) | IN (UNFIT) | IN (TRIAL),
         1u << UPDATE_EVENT_REVERT | 1u << UPDATE_EVENT_DEADLINE},
    };
    for (size_t i = 0; i < sizeof only / sizeof *only; i++)
        if (step->to == only[i].to && step->from != step->to) {
            cr_expect (only[i].from >> step->from & 1, "%s", step_text (step));
            cr_expect (only[i].events >> step->event & 1, "%s", step_text (step));
        }
    if (step->result.outcome == WIRE_OUTCOME_CONFIRMED)
        cr_expect (step->from == WIRE_STATE_CONFIRMED && step->event == UPDATE_EVENT_DONE, "%s",
                   step_text (step));
}

Test (procedure, nothing_is_promoted_without_proof)
{
    steps_check (check_promotion);
}

/*  The work of a state starts when the state is entered, once, and no other work does. */
static void check_work (const struct step *step)
{
    for (unsigned state = WIRE_STATE_IDLE + 1; step->fits && state < WIRE_STATE_END; state++)
        cr_expect_eq (action_count (step, work_of ((enum wire_state) state)), state == step->to, "%s: %s",
                      step_text (step), update_action_word (work_of ((enum wire_state) state)));
}

Test (procedure, each_state_starts_its_own_work_and_no_other)
{
    steps_check (check_work);
}

static void check_deadline (const struct step *step)
{
    if (!step->fits)
        return;
    cr_expect_eq (action_count (step, UPDATE_ACTION_DEADLINE), 1, "%s", step_text (step));
    size_t work = action_index (step, work_of (step->to));
    if (step->to != WIRE_STATE_IDLE)
        cr_expect_lt (action_index (step, UPDATE_ACTION_DEADLINE), work,
                      "%s: work may end at once, so its deadline is set before", step_text (step));
}

Test (procedure, each_step_sets_the_deadline_of_the_state_that_it_enters)
{
    steps_check (check_deadline);
}

Test (procedure, each_state_except_idle_has_a_deadline_of_its_own)
{
    const struct update_limits limits = {.matching_ms = 1,
                                         .fetching_ms = 2,
                                         .staging_ms = 3,
                                         .probing_ms = 4,
                                         .switching_ms = 5,
                                         .restarting_ms = 6,
                                         .trial_ms = 7,
                                         .unfit_ms = 8};
    uint64_t seen = 0;
    for (unsigned state = WIRE_STATE_IDLE; state < WIRE_STATE_END; state++) {
        struct update_procedure procedure = {.state = (enum wire_state) state};
        uint64_t ms = update_procedure_deadline_ms (&procedure, &limits);
        /* a change of links is short, whatever it is for */
        bool shares = state == WIRE_STATE_CONFIRMED || state == WIRE_STATE_REVERTING;
        cr_expect_eq (ms == 0, state == WIRE_STATE_IDLE, "%s", wire_state_word (state));
        cr_expect_eq (state != WIRE_STATE_IDLE && (seen >> ms & 1), shares, "%s", wire_state_word (state));
        cr_expect (!shares || ms == limits.switching_ms, "%s", wire_state_word (state));
        seen |= UINT64_C (1) << ms;
        cr_expect_eq (update_procedure_deadline_ms (&procedure, &update_limits_default) == 0,
                      state == WIRE_STATE_IDLE, "%s", wire_state_word (state));
    }
    cr_expect_eq (seen, 0x1ff, "each setting is used");
}

Test (procedure, deadlines_alone_lead_from_every_state_to_idle_or_to_another_restart)
{
    for (unsigned state = WIRE_STATE_IDLE + 1; state < WIRE_STATE_END; state++) {
        struct update_procedure procedure = {.state = (enum wire_state) state};
        for (unsigned i = 0; i < WIRE_STATE_END && procedure.state != WIRE_STATE_IDLE; i++) {
            struct step step = step_take (procedure.state, UPDATE_EVENT_DEADLINE);
            cr_expect (step.fits, "%s", step_text (&step));
            cr_expect_eq (step.to == step.from, step.from == WIRE_STATE_RESTARTING, "%s", step_text (&step));
            procedure.state = step.to;
        }
        if (state != WIRE_STATE_RESTARTING)
            cr_expect_eq (procedure.state, WIRE_STATE_IDLE, "%s", wire_state_word (state));
    }
}

Test (procedure, a_trial_that_does_not_confirm_itself_in_time_has_failed_and_returns)
{
    struct step step = step_take (WIRE_STATE_TRIAL, UPDATE_EVENT_DEADLINE);
    cr_expect_eq (step.to, WIRE_STATE_REVERTING);
    cr_expect_eq (step.result.outcome, WIRE_OUTCOME_FAILED);
}

Test (procedure, a_confirmation_that_cannot_be_recorded_keeps_the_version_on_trial)
{
    static const enum update_event events[] = {UPDATE_EVENT_FAILED, UPDATE_EVENT_DEADLINE};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        struct step step = step_take (WIRE_STATE_CONFIRMED, events[i]);
        cr_expect_eq (step.to, WIRE_STATE_TRIAL, "%s", step_text (&step));
        cr_expect_eq (step.result.outcome, WIRE_OUTCOME_STARTED, "%s", step_text (&step));
    }
}

/*  How an event that ends an update is reported. */
static enum wire_outcome outcome_of (enum update_event event)
{
    switch (event) {
    case UPDATE_EVENT_DONE:
        return WIRE_OUTCOME_CONFIRMED;
    case UPDATE_EVENT_SAME:
        return WIRE_OUTCOME_NOTHING;
    case UPDATE_EVENT_REFUSED:
        return WIRE_OUTCOME_REFUSED;
    case UPDATE_EVENT_CANCEL:
        return WIRE_OUTCOME_CANCELLED;
    case UPDATE_EVENT_FAILED:
    case UPDATE_EVENT_BLAMED:
    case UPDATE_EVENT_DEADLINE:
        return WIRE_OUTCOME_FAILED;
    case UPDATE_EVENT_ORDER:
    case UPDATE_EVENT_UNFIT:
    case UPDATE_EVENT_MISSING:
    case UPDATE_EVENT_REVERT:
    case UPDATE_EVENT_TRIAL:
    case UPDATE_EVENT_END:
        break;
    }
    return WIRE_OUTCOME_NULL;
}

/*  The epoch is stored before the report, so that a crash between them does not repeat the order; the origin
    is asked last. The end of an unfit host's wait ends nothing: the order is asked for again. */
static void check_end (const struct step *step)
{
    if (step->to != WIRE_STATE_IDLE || !step->fits)
        return;
    if (step->from == WIRE_STATE_UNFIT && step->event == UPDATE_EVENT_DEADLINE) {
        cr_expect_eq (step->result.outcome, WIRE_OUTCOME_NULL, "the order was reported already");
        cr_expect_eq (action_count (step, UPDATE_ACTION_ENDED), 0, "the order has not ended");
    } else {
        static const enum update_action end[] = {UPDATE_ACTION_ENDED, UPDATE_ACTION_REPORT,
                                                 UPDATE_ACTION_DEADLINE, UPDATE_ACTION_ASK,
                                                 UPDATE_ACTION_NONE};
        size_t first = action_index (step, UPDATE_ACTION_ENDED);
        for (size_t i = 0; i < sizeof end / sizeof *end && first + i < UPDATE_ACTIONS_MOST; i++)
            cr_expect_eq (step->result.actions[first + i], end[i], "%s", step_text (step));
        cr_expect_lt (first, UPDATE_ACTIONS_MOST, "%s", step_text (step));
        cr_expect_eq (step->result.outcome, outcome_of (step->event), "%s", step_text (step));
    }
    cr_expect_eq (action_count (step, UPDATE_ACTION_ASK), 1, "%s", step_text (step));
}

Test (procedure, the_end_of_an_order_is_stored_then_reported_then_the_origin_is_asked)
{
    steps_check (check_end);
}

/*  Before its end an order is not ended, and the origin is not asked for another one. */
static void check_no_end (const struct step *step)
{
    if (step->to == WIRE_STATE_IDLE)
        return;
    cr_expect_eq (action_count (step, UPDATE_ACTION_ENDED), 0, "%s", step_text (step));
    cr_expect_eq (action_count (step, UPDATE_ACTION_ASK), 0, "%s", step_text (step));
}

Test (procedure, an_order_ends_only_at_idle)
{
    steps_check (check_no_end);
}

/*  A repeated restart, a wait that an earlier process began, and the record of a confirmation are not news:
    the confirmation is reported when it is recorded. */
static void check_report (const struct step *step)
{
    bool silent = step->to == step->from || step->to == WIRE_STATE_CONFIRMED ||
                  (step->from == WIRE_STATE_IDLE && step->to == WIRE_STATE_UNFIT) ||
                  (step->from == WIRE_STATE_UNFIT && step->to == WIRE_STATE_IDLE &&
                   step->event == UPDATE_EVENT_DEADLINE);
    bool started = step->to != WIRE_STATE_IDLE && step->to != WIRE_STATE_UNFIT && !silent &&
                   !(step->from == WIRE_STATE_TRIAL && step->event == UPDATE_EVENT_DEADLINE);
    cr_expect_eq (action_count (step, UPDATE_ACTION_REPORT), !silent, "%s", step_text (step));
    cr_expect_eq (step->result.outcome != WIRE_OUTCOME_NULL, !silent, "%s", step_text (step));
    cr_expect_eq (step->result.outcome == WIRE_OUTCOME_STARTED, started, "%s", step_text (step));
    if (started)
        cr_expect_lt (action_index (step, UPDATE_ACTION_REPORT), action_index (step, work_of (step->to)),
                      "%s: the start is reported before the work can end", step_text (step));
}

Test (procedure, each_step_is_reported_once)
{
    steps_check (check_report);
}

static void check_quarantine (const struct step *step)
{
    cr_expect_eq (action_count (step, UPDATE_ACTION_QUARANTINE),
                  step->fits && step->event == UPDATE_EVENT_BLAMED, "%s", step_text (step));
    if (step->fits && step->event == UPDATE_EVENT_BLAMED)
        cr_expect_lt (action_index (step, UPDATE_ACTION_QUARANTINE), action_index (step, UPDATE_ACTION_ENDED),
                      "%s: after a crash in between, the release must not be tried again", step_text (step));
}

Test (procedure, a_release_is_quarantined_only_if_it_is_to_blame)
{
    steps_check (check_quarantine);
}

static void check_abort (const struct step *step)
{
    cr_expect_eq (action_count (step, UPDATE_ACTION_ABORT), is_lost (step), "%s", step_text (step));
    if (is_lost (step))
        cr_expect_eq (step->result.actions[0], UPDATE_ACTION_ABORT, "%s", step_text (step));
}

Test (procedure, a_step_under_way_is_stopped_before_anything_else_when_the_update_fails)
{
    steps_check (check_abort);
}

/*  Only an unfit host keeps its order; it does not report an end, and does not ask for another order. */
static void check_unfit (const struct step *step)
{
    if (step->from == WIRE_STATE_PROBING && step->event == UPDATE_EVENT_UNFIT) {
        cr_expect_eq (step->to, WIRE_STATE_UNFIT);
        cr_expect_eq (step->result.outcome, WIRE_OUTCOME_FAILED);
        cr_expect_lt (action_index (step, UPDATE_ACTION_LATER), action_index (step, UPDATE_ACTION_REPORT),
                      "the report says when it is tried again");
    }
    cr_expect_eq (step->to == WIRE_STATE_UNFIT && step->to != step->from,
                  step->fits && step->event == UPDATE_EVENT_UNFIT, "%s", step_text (step));
    cr_expect_eq (step->after.unfit, step->fits && step->event == UPDATE_EVENT_UNFIT, "%s", step_text (step));
}

Test (procedure, a_host_is_unfit_only_after_a_rehearsal_found_that)
{
    steps_check (check_unfit);
}

/*  Before the switch, nothing but the rehearsal's success leads to a state after it. */
static void check_before_switch (const struct step *step)
{
    if (step->from < WIRE_STATE_MATCHING || step->from > WIRE_STATE_PROBING || !step->fits ||
        step->event == UPDATE_EVENT_DONE)
        return;
    if (step->event == UPDATE_EVENT_MISSING)
        cr_expect_eq (step->to, WIRE_STATE_FETCHING);
    else
        cr_expect_eq (step->to, step->event == UPDATE_EVENT_UNFIT ? WIRE_STATE_UNFIT : WIRE_STATE_IDLE, "%s",
                      step_text (step));
}

Test (procedure, a_failure_before_the_switch_leads_to_idle_or_unfit)
{
    steps_check (check_before_switch);
}

Test (procedure, an_update_visits_its_states_in_order)
{
    static const enum wire_state path[] = {WIRE_STATE_MATCHING, WIRE_STATE_FETCHING,  WIRE_STATE_STAGING,
                                           WIRE_STATE_PROBING,  WIRE_STATE_SWITCHING, WIRE_STATE_RESTARTING};
    struct update_procedure procedure;
    update_procedure_init (&procedure);
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        (void) update_procedure_step (&procedure, i ? UPDATE_EVENT_DONE : UPDATE_EVENT_ORDER);
        cr_expect_eq (procedure.state, path[i], "%s", wire_state_word (procedure.state));
    }
    update_procedure_init (&procedure); /* a new process */
    (void) update_procedure_step (&procedure, UPDATE_EVENT_TRIAL);
    cr_expect_eq (procedure.state, WIRE_STATE_TRIAL);
    (void) update_procedure_step (&procedure, UPDATE_EVENT_DONE);
    cr_expect_eq (procedure.state, WIRE_STATE_CONFIRMED);
    cr_expect_eq (update_procedure_step (&procedure, UPDATE_EVENT_DONE).outcome, WIRE_OUTCOME_CONFIRMED);
    cr_expect_eq (procedure.state, WIRE_STATE_IDLE);
}

Test (procedure, a_revert_switches_and_restarts_from_wherever_it_is_taken_up)
{
    static const enum wire_state states[] = {WIRE_STATE_IDLE, WIRE_STATE_UNFIT, WIRE_STATE_TRIAL};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct update_procedure procedure = {.state = states[i]};
        struct update_result result = update_procedure_step (&procedure, UPDATE_EVENT_REVERT);
        cr_expect_eq (procedure.state, WIRE_STATE_REVERTING, "%s", wire_state_word (states[i]));
        cr_expect_eq (result.outcome, WIRE_OUTCOME_STARTED, "%s", wire_state_word (states[i]));
        (void) update_procedure_step (&procedure, UPDATE_EVENT_DONE);
        cr_expect_eq (procedure.state, WIRE_STATE_RESTARTING, "%s", wire_state_word (states[i]));
    }
}

/*  Returns the states that events lead to from one state, as bits. A restart leads to a new process, which is
    idle. */
static unsigned states_from (enum wire_state start)
{
    unsigned found = 1u << start, before = 0;
    while (found != before) {
        before = found;
        if (found & IN (RESTARTING))
            found |= IN (IDLE);
        for (unsigned state = WIRE_STATE_IDLE; state < WIRE_STATE_END; state++)
            for (unsigned event = 0; found >> state & 1 && event < UPDATE_EVENT_END; event++)
                found |= 1u << step_take ((enum wire_state) state, (enum update_event) event).to;
    }
    return found;
}

Test (procedure, every_state_is_reached_from_every_other)
{
    unsigned all = (1u << WIRE_STATE_END) - IN (IDLE);
    for (unsigned state = WIRE_STATE_IDLE; state < WIRE_STATE_END; state++)
        cr_expect_eq (states_from ((enum wire_state) state), all, "%s", wire_state_word (state));
}

Test (procedure, a_null_machine_is_idle)
{
    struct update_procedure procedure = {0};
    struct update_result result = update_procedure_step (&procedure, UPDATE_EVENT_ORDER);
    cr_expect_eq (result.from, WIRE_STATE_IDLE);
    cr_expect_eq (procedure.state, WIRE_STATE_MATCHING);
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

Test (procedure, each_event_and_action_has_a_word_of_its_own)
{
    for (unsigned i = 0; i < UPDATE_EVENT_END; i++)
        for (unsigned k = 0; k < i; k++)
            cr_expect_str_neq (update_event_word ((enum update_event) i),
                               update_event_word ((enum update_event) k));
    for (unsigned i = 0; i < UPDATE_N_ACTIONS; i++)
        for (unsigned k = 0; k < i; k++)
            cr_expect_str_neq (update_action_word ((enum update_action) i),
                               update_action_word ((enum update_action) k));
}

Test (procedure, a_state_that_cannot_be_ends_the_process, .signal = SIGABRT)
{
    struct update_procedure procedure = {.state = WIRE_STATE_END};
    (void) update_procedure_step (&procedure, UPDATE_EVENT_DONE);
}
