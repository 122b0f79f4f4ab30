/*  A case for every cell of phase and event: what is not expected here must change nothing. Then, what the
    gates take into account. */

#include "fixture.h"

/*  --- cells ----------------------------------------------------------------------------------------- */

enum event {
    CONFIRMED, /* node 0 */
    WENT_BACK,
    FAILED,  /* nodes 0 and 1 */
    DARK,    /* node 0, and it is alone with that */
    WORSE,   /* updated nodes, than the others */
    SOAKED,  /* ten minutes pass */
    OVERDUE, /* two hours pass */
    PAUSE,
    RESUME,
    APPROVE,
    ABORT,
    REVERT,
    RETRY, /* node 3 */
    EVENTS
};

static void happen (struct story *story, enum event event)
{
    struct rollout *rollout = &story->rollout;
    static const enum wire_command commands[] = {WIRE_COMMAND_PAUSE,   WIRE_COMMAND_RESUME,
                                                 WIRE_COMMAND_APPROVE, WIRE_COMMAND_ABORT,
                                                 WIRE_COMMAND_REVERT,  WIRE_COMMAND_RETRY};
    switch (event) {
    case CONFIRMED:
        rollout_ended (rollout, 0, ROLLOUT_CONFIRMED, story->now_ms);
        break;
    case WENT_BACK:
        rollout_ended (rollout, 0, ROLLOUT_REVERTED, story->now_ms);
        break;
    case FAILED:
        rollout_ended (rollout, 0, ROLLOUT_FAILED, story->now_ms);
        rollout_ended (rollout, 1, ROLLOUT_FAILED, story->now_ms);
        break;
    case DARK:
        rollout_heard (rollout, 0, false, story->now_ms);
        at (story, MINUTE);
        break;
    case WORSE:
        rollout->spec.false_halt = 10;
        rollout_compare (rollout, &(struct rollout_round){100, 90, 100, 0}, story->now_ms);
        break;
    case SOAKED:
        at (story, 10 * MINUTE);
        break;
    case OVERDUE:
        at (story, 2 * HOUR);
        break;
    default:
        (void) command (story, commands[event - PAUSE], 3);
        break;
    }
    at (story, 0);
}

struct expected {
    enum wire_phase from;
    enum event event;
    enum wire_phase to;
};

static const struct expected cells[] = {
    {WIRE_PHASE_APPROVAL, OVERDUE, WIRE_PHASE_HALTED},
    {WIRE_PHASE_APPROVAL, WORSE, WIRE_PHASE_HALTED},
    {WIRE_PHASE_APPROVAL, APPROVE, WIRE_PHASE_UPDATING},
    {WIRE_PHASE_APPROVAL, ABORT, WIRE_PHASE_ABORTED},
    {WIRE_PHASE_APPROVAL, REVERT, WIRE_PHASE_REVERTED},

    {WIRE_PHASE_UPDATING, FAILED, WIRE_PHASE_HALTED},
    {WIRE_PHASE_UPDATING, WORSE, WIRE_PHASE_HALTED},
    {WIRE_PHASE_UPDATING, OVERDUE, WIRE_PHASE_HALTED},
    {WIRE_PHASE_UPDATING, ABORT, WIRE_PHASE_ABORTED},
    {WIRE_PHASE_UPDATING, REVERT, WIRE_PHASE_REVERTING},

    {WIRE_PHASE_SOAKING, FAILED, WIRE_PHASE_HALTED},
    {WIRE_PHASE_SOAKING, WORSE, WIRE_PHASE_HALTED},
    {WIRE_PHASE_SOAKING, SOAKED, WIRE_PHASE_UPDATING},
    {WIRE_PHASE_SOAKING, OVERDUE, WIRE_PHASE_HALTED},
    {WIRE_PHASE_SOAKING, ABORT, WIRE_PHASE_ABORTED},
    {WIRE_PHASE_SOAKING, REVERT, WIRE_PHASE_REVERTING},

    {WIRE_PHASE_HALTED, RESUME, WIRE_PHASE_SOAKING}, /* everybody of the wave has ended */
    {WIRE_PHASE_HALTED, ABORT, WIRE_PHASE_ABORTED},
    {WIRE_PHASE_HALTED, REVERT, WIRE_PHASE_REVERTING},

    {WIRE_PHASE_REVERTING, OVERDUE, WIRE_PHASE_REVERTED},
    {WIRE_PHASE_REVERTING, FAILED, WIRE_PHASE_REVERTED}, /* both that were to go back */

    {WIRE_PHASE_DONE, REVERT, WIRE_PHASE_REVERTING},
    {WIRE_PHASE_ABORTED, REVERT, WIRE_PHASE_REVERTING},

    {WIRE_PHASE_QUEUED, ABORT, WIRE_PHASE_ABORTED},
};

Test (rollout, every_cell_goes_where_is_written_and_the_others_stay)
{
    size_t fitting = 0;
    for (unsigned from = WIRE_PHASE_APPROVAL; from < WIRE_PHASE_END; from++)
        for (unsigned event = 0; event < EVENTS; event++) {
            struct story story;
            enum wire_phase to = (enum wire_phase) from;
            for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
                if (cells[i].from == from && cells[i].event == event) {
                    to = cells[i].to;
                    fitting++;
                }
            bring_to (&story, (enum wire_phase) from);
            cr_assert_eq (story.rollout.phase, from, "%s was not reached",
                          wire_phase_word ((enum wire_phase) from));
            happen (&story, (enum event) event);
            cr_expect_eq (story.rollout.phase, to, "%s, event %u: %s instead of %s",
                          wire_phase_word ((enum wire_phase) from), event,
                          wire_phase_word (story.rollout.phase), wire_phase_word (to));
            rollout_deinit (&story.rollout);
        }
    cr_expect_eq (fitting, sizeof cells / sizeof *cells);
}

/*  --- gates ----------------------------------------------------------------------------------------- */

Test (rollout, goes_through_its_waves_in_order)
{
    struct story story;
    prepare (&story);
    story.spec.concurrency = 3;
    begin (&story);
    cr_expect_str_eq (story.told, "order 0 order 1 order 2 ");
    rollout_ended (&story.rollout, 1, ROLLOUT_CONFIRMED, story.now_ms);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 3 ");
    all (&story, 0, 4, ROLLOUT_CONFIRMED);
    cr_expect_str_empty (story.told);
    at (&story, 10 * MINUTE - 1);
    cr_expect_str_empty (story.told, "it is watched for the whole time");
    at (&story, 1);
    cr_expect_str_eq (story.told, "order 4 order 5 order 6 ");
    rollout_deinit (&story.rollout);
}

Test (rollout, a_broken_budget_halts_in_the_same_call_and_reverts_everybody_at_once)
{
    struct story story;
    prepare (&story);
    story.spec.on_halt = WIRE_ON_HALT_REVERT;
    begin (&story);
    rollout_ended (&story.rollout, 0, ROLLOUT_CONFIRMED, story.now_ms);
    rollout_ended (&story.rollout, 1, ROLLOUT_FAILED, story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING, "one may be bad");
    rollout_ended (&story.rollout, 2, ROLLOUT_FAILED, story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_REVERTING);
    cr_expect (strstr (story.rollout.reason, "wave 1: 2 of 4 nodes failed (allowed: 1)"), "%s",
               story.rollout.reason);
    at (&story, 0);
    cr_expect_str_eq (story.told, "back 0 cancel 3 ");
    rollout_ended (&story.rollout, 3, ROLLOUT_CONFIRMED, story.now_ms); /* it had switched already */
    at (&story, 0);
    cr_expect_str_eq (story.told, "back 3 ");
    all (&story, 0, 4, ROLLOUT_REVERTED);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_REVERTED);
    rollout_deinit (&story.rollout);
}

Test (rollout, what_was_bad_before_uses_the_budget_up_and_is_not_waited_for)
{
    struct story story;
    prepare (&story);
    story.candidates[1].online = false;
    begin (&story);
    cr_expect_str_eq (story.told, "order 0 order 2 order 3 ");
    cr_expect_eq (story.rollout.waves[0].already_bad, 1);
    rollout_ended (&story.rollout, 2, ROLLOUT_FAILED, story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED, "one before, one because of it");
    rollout_deinit (&story.rollout);

    begin (&story);
    rollout_ended (&story.rollout, 0, ROLLOUT_CONFIRMED, story.now_ms);
    rollout_ended (&story.rollout, 2, ROLLOUT_CONFIRMED, story.now_ms);
    rollout_ended (&story.rollout, 3, ROLLOUT_CONFIRMED, story.now_ms);
    at (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING);
    rollout_heard (&story.rollout, 1, true, story.now_ms);
    at (&story, MINUTE);
    cr_expect_str_eq (story.told, "order 1 ", "it has come back in time");
    rollout_deinit (&story.rollout);
}

Test (rollout, who_falls_silent_together_with_others_is_not_charged)
{
    struct story story;
    prepare (&story);
    begin (&story);
    all (&story, 0, 4, ROLLOUT_CONFIRMED);
    for (uint32_t i = 0; i < NODES; i += 2) /* 0 and 2 are updated, 4 and 6 are not */
        rollout_heard (&story.rollout, i, false, story.now_ms);
    at (&story, 5 * MINUTE);
    cr_expect_eq (story.rollout.charged, 0);
    rollout_heard (&story.rollout, 4, true, story.now_ms);
    rollout_heard (&story.rollout, 6, true, story.now_ms);
    rollout_heard (&story.rollout, 0, true, story.now_ms);
    at (&story, 2 * MINUTE);
    cr_expect_eq (story.rollout.members[2].state, WIRE_MEMBER_DARK, "the others have come back without it");
    cr_expect_eq (story.rollout.charged, 1);
    rollout_heard (&story.rollout, 2, true, story.now_ms);
    cr_expect_eq (story.rollout.charged, 0, "and now it is back, too");
    rollout_deinit (&story.rollout);
}

Test (rollout, canaries_go_forward_back_and_forward_again)
{
    struct story story;
    prepare (&story);
    story.spec.rehearse_revert = true;
    begin (&story);
    rollout_ended (&story.rollout, 0, ROLLOUT_CONFIRMED, story.now_ms);
    at (&story, 0);
    cr_expect_str_eq (story.told, "back 0 ");
    at (&story, 700);
    rollout_ended (&story.rollout, 0, ROLLOUT_REVERTED, story.now_ms);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 0 ");
    cr_expect_eq (story.rollout.members[0].revert_ms, 700);
    rollout_ended (&story.rollout, 0, ROLLOUT_CONFIRMED, story.now_ms);
    at (&story, 0);
    cr_expect_str_empty (story.told, "once is enough");

    rollout_ended (&story.rollout, 1, ROLLOUT_CONFIRMED, story.now_ms);
    at (&story, 61 * 1000);
    rollout_ended (&story.rollout, 1, ROLLOUT_REVERTED, story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED, "too slow");
    cr_expect (strstr (story.rollout.reason, "61000 ms"), "%s", story.rollout.reason);
    rollout_deinit (&story.rollout);
}

Test (rollout, a_pause_begins_with_nobody_and_stops_the_clock_of_the_wave)
{
    struct story story;
    prepare (&story);
    story.spec.concurrency = 1;
    begin (&story);
    cr_assert_eq (command (&story, WIRE_COMMAND_PAUSE, 0), 0);
    all (&story, 0, 1, ROLLOUT_CONFIRMED);
    cr_expect_str_empty (story.told);
    at (&story, 10 * HOUR);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING);
    cr_expect_eq (command (&story, WIRE_COMMAND_PAUSE, 0), -EINVAL);
    cr_expect_str_eq (story.text, "nothing to pause: the rollout is paused, updating");
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 1 ");
    at (&story, HOUR);
    cr_expect_eq (story.rollout.members[1].state, WIRE_MEMBER_OVERDUE);
    rollout_deinit (&story.rollout);
}

Test (rollout, begins_with_nodes_only_while_the_window_is_open_and_over_its_spread)
{
    struct story story;
    struct wire_window window = {.from = 60, .until = 120};
    prepare (&story);
    story.spec.window = &window;
    story.spec.spread_ms = 8 * MINUTE;
    begin (&story);
    cr_expect_str_empty (story.told);
    struct rollout_action action = rollout_next (&story.rollout, story.now_ms, story.now_ms);
    cr_expect_eq (action.until_ms, BEGUN + HOUR);
    at (&story, HOUR);
    cr_expect_str_eq (story.told, "order 0 ", "who waited for the window is not begun with all at once");
    at (&story, 2 * MINUTE);
    cr_expect_str_eq (story.told, "order 1 ");
    at (&story, 4 * MINUTE);
    cr_expect_str_eq (story.told, "order 2 order 3 ");
    all (&story, 0, 4, ROLLOUT_CONFIRMED);
    at (&story, 10 * MINUTE);
    cr_expect_str_eq (story.told, "order 4 ");
    at (&story, 2 * MINUTE);
    cr_expect_str_eq (story.told, "order 5 ");
    at (&story, 2 * MINUTE);
    cr_expect_str_eq (story.told, "order 6 ");
    rollout_deinit (&story.rollout);
}

Test (rollout, a_halt_is_resumed_with_what_was_bad_forgiven)
{
    struct story story;
    bring_to (&story, WIRE_PHASE_HALTED);
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    cr_expect_eq (story.rollout.charged, 0);
    cr_assert_eq (command (&story, WIRE_COMMAND_RETRY, 3), 0, "%s", story.text);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 3 ");
    cr_expect_eq (command (&story, WIRE_COMMAND_RETRY, 0), -EINVAL, "it is updated");
    rollout_deinit (&story.rollout);
}

/*  One node a wave, and none may be bad. */
static void bring_canary_to (struct story *story, enum rollout_result result)
{
    prepare (story);
    story->waves[1].approval = true; /* who approves a halt has approved what is begun then */
    story->spec.wave_budget = story->spec.budget = 0;
    begin_with (story, story->candidates + 3, 2);
    all (story, 0, 1, result);
}

static void bring_to_failed_canary (struct story *story)
{
    bring_canary_to (story, ROLLOUT_FAILED);
    cr_assert_eq (story->rollout.phase, WIRE_PHASE_HALTED);
    cr_assert (rollout_is_unproven (&story->rollout));
}

Test (rollout, a_canary_that_failed_is_tried_again_when_it_is_resumed)
{
    struct story story;
    bring_to_failed_canary (&story);
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 0 ");
    all (&story, 0, 1, ROLLOUT_FAILED);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED, "and again");
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    at (&story, 0);
    all (&story, 0, 1, ROLLOUT_CONFIRMED);
    at (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_APPROVAL, "it has come through");
    rollout_deinit (&story.rollout);
}

Test (rollout, a_canary_that_failed_is_gone_on_without_where_a_person_says_so)
{
    struct story story;
    bring_to_failed_canary (&story);
    cr_expect_eq (rollout_approves (&story.rollout), 1);
    cr_assert_eq (command (&story, WIRE_COMMAND_APPROVE, 0), 0, "%s", story.text);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 1 ");
    cr_expect (rollout_is_forgiven (&story.rollout.members[0]));
    cr_expect_eq (story.rollout.charged, 0);
    all (&story, 1, 2, ROLLOUT_FAILED);
    cr_expect_eq (rollout_approves (&story.rollout), 2, "there is no next one: it ends");
    cr_assert_eq (command (&story, WIRE_COMMAND_APPROVE, 0), 0, "%s", story.text);
    at (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_DONE);
    rollout_deinit (&story.rollout);
}

/*  Who fell silent after it was updated has not come through, and runs the release all the same. */
Test (rollout, a_canary_that_is_dark_lets_nobody_begin_and_still_goes_back)
{
    struct story story;
    bring_canary_to (&story, ROLLOUT_CONFIRMED);
    rollout_heard (&story.rollout, 0, false, story.now_ms);
    at (&story, 5 * MINUTE);
    cr_assert_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    at (&story, 0);
    at (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_expect_eq (story.rollout.wave, 0);
    cr_expect_not_null (strstr (story.rollout.reason, "no node was updated"), "%s", story.rollout.reason);
    cr_assert_eq (command (&story, WIRE_COMMAND_REVERT, 0), 0);
    at (&story, 0);
    cr_expect_str_eq (story.told, "back 0 ");
    rollout_deinit (&story.rollout);
}

Test (rollout, a_wave_of_which_nobody_is_updated_lets_nobody_begin_whatever_may_be_bad)
{
    struct story story;
    prepare (&story);
    story.spec.wave_budget = story.spec.budget = NODES;
    begin (&story);
    all (&story, 0, 2, ROLLOUT_FAILED);
    all (&story, 2, 4, ROLLOUT_SKIPPED);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING);
    at (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_expect_eq (story.rollout.wave, 0);
    cr_expect_str_empty (story.told);
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 0 order 1 order 2 order 3 ");
    cr_expect_eq (rollout_approves (&story.rollout), ROLLOUT_NOBODY);
    rollout_deinit (&story.rollout);
}

Test (rollout, a_halt_before_a_wave_is_resumed_before_it)
{
    struct story story;
    bring_to (&story, WIRE_PHASE_APPROVAL);
    story.rollout.spec.spread_ms = 8 * MINUTE;
    at (&story, 2 * HOUR);
    cr_assert_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    at (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_APPROVAL, "nobody let it begin yet");
    cr_expect_str_empty (story.told);
    cr_assert_eq (command (&story, WIRE_COMMAND_APPROVE, 0), 0);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 0 ", "over its spread");
    rollout_deinit (&story.rollout);
}

Test (rollout, impossible_ones_are_refused)
{
    struct story story;
    prepare (&story);
    cr_expect_eq (rollout_init (&story.rollout, &story.spec, story.candidates, 0, 2, BEGUN), -EINVAL);
    story.candidates[0].wave = 1;
    cr_expect_eq (rollout_init (&story.rollout, &story.spec, story.candidates, NODES, 2, BEGUN), -EINVAL);
    prepare (&story);
    story.candidates[7].wave = 3;
    cr_expect_eq (rollout_init (&story.rollout, &story.spec, story.candidates, NODES, 2, BEGUN), -EINVAL);
    story.candidates[7] = (struct rollout_candidate){.wave = 1, .neighbours = 2};
    cr_expect_eq (rollout_init (&story.rollout, &story.spec, story.candidates, NODES, 2, BEGUN), -EINVAL);
}

Test (rollout, a_wave_that_begins_after_a_restart_waits_for_its_nodes_to_come_back)
{
    struct story story;
    bring_to (&story, WIRE_PHASE_SOAKING);
    story.now_ms += 10 * MINUTE;
    restart (&story);
    at (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING);
    cr_expect_eq (story.rollout.wave, 1);
    cr_expect_eq (story.rollout.waves[1].already_bad, 0, "nobody has been silent for long");
    cr_expect_str_empty (story.told);
    rollout_heard (&story.rollout, 6, true, story.now_ms);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 6 ");
    all (&story, 6, 7, ROLLOUT_CONFIRMED);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING, "the others may still come");
    at (&story, 2 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING, "nobody is waited for without end");
    rollout_deinit (&story.rollout);
}

Test (rollout, what_is_pending_outlives_a_restart)
{
    struct story story;
    bring_to (&story, WIRE_PHASE_SOAKING);
    cr_assert_eq (command (&story, WIRE_COMMAND_REVERT, 0), 0);
    cr_assert_eq (rollout_next (&story.rollout, story.now_ms, story.now_ms).kind, ROLLOUT_TURN);
    while (rollout_next (&story.rollout, story.now_ms, story.now_ms).kind != ROLLOUT_BACK)
        continue;
    restart (&story);
    at (&story, 0);
    cr_expect_str_eq (story.told, "back 1 back 2 back 3 ", "node 0 was told before");
    rollout_deinit (&story.rollout);
}

Test (rollout, nobody_is_charged_for_an_order_that_was_not_carried_out)
{
    struct story story;
    bring_to (&story, WIRE_PHASE_UPDATING);
    for (uint32_t i = 0; i < 4; i++)
        rollout_ended (&story.rollout, i, ROLLOUT_SKIPPED, story.now_ms);
    at (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING);
    cr_expect_eq (story.rollout.charged, 0);
    cr_expect_eq (story.rollout.members[0].state, WIRE_MEMBER_LEFT);
    rollout_deinit (&story.rollout);
}

Test (rollout, a_pause_from_outside_says_why_until_it_is_resumed)
{
    struct story story;
    bring_to (&story, WIRE_PHASE_SOAKING);
    rollout_pause (&story.rollout, "doubts");
    at (&story, HOUR);
    cr_expect_str_empty (story.told);
    cr_expect_str_eq (story.rollout.reason, "doubts");
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    cr_expect_str_empty (story.rollout.reason);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 4 order 5 order 6 order 7 ");
    rollout_deinit (&story.rollout);
    bring_to (&story, WIRE_PHASE_HALTED);
    rollout_pause (&story.rollout, "doubts");
    cr_expect_not (story.rollout.paused);
    rollout_deinit (&story.rollout);
}

Test (rollout, a_halt_from_outside_says_why)
{
    struct story story;
    bring_to (&story, WIRE_PHASE_UPDATING);
    rollout_halt (&story.rollout, "withdrawn", story.now_ms);
    at (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_expect_str_eq (story.rollout.reason, "withdrawn");
    cr_expect_str_eq (story.told, "cancel 0 cancel 1 cancel 2 cancel 3 ");
    rollout_deinit (&story.rollout);
}

/*  What was told to a node before it fell silent may have been carried out, or may be carried out yet. */
Test (rollout, who_may_have_been_updated_unseen_goes_back_too_or_is_cancelled)
{
    static const enum wire_on_halt ends[] = {WIRE_ON_HALT_STAY, WIRE_ON_HALT_REVERT};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct story story;
        prepare (&story);
        story.spec.on_halt = ends[i];
        story.spec.wave_budget = story.spec.budget = 0;
        begin (&story);
        rollout_ended (&story.rollout, 0, ROLLOUT_CONFIRMED, story.now_ms);
        rollout_heard (&story.rollout, 1, false, story.now_ms);
        at (&story, 5 * MINUTE);
        bool back = ends[i] == WIRE_ON_HALT_REVERT;
        cr_expect_eq (story.rollout.phase, back ? WIRE_PHASE_REVERTING : WIRE_PHASE_HALTED);
        cr_expect_not_null (strstr (story.told, back ? "back 1 " : "cancel 1 "), "%s", story.told);
        cr_expect_eq (strstr (story.told, "back 0 ") != NULL, back, "%s", story.told);
        if (back) {
            all (&story, 0, 1, ROLLOUT_REVERTED);
            all (&story, 2, 4, ROLLOUT_SKIPPED);
            cr_expect_eq (story.rollout.phase, WIRE_PHASE_REVERTING, "it waits for the silent one");
            rollout_heard (&story.rollout, 1, true, story.now_ms);
            all (&story, 1, 2, ROLLOUT_REVERTED);
            cr_expect_eq (story.rollout.phase, WIRE_PHASE_REVERTED);
        }
        rollout_deinit (&story.rollout);
    }
}

Test (rollout, who_could_not_be_served_is_charged_to_nobody_and_ordered_again)
{
    struct story story;
    prepare (&story);
    begin (&story);
    rollout_pause (&story.rollout, "a blob is damaged");
    all (&story, 0, 4, ROLLOUT_UNSERVED);
    cr_expect_eq (story.rollout.charged, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING);
    cr_expect_str_empty (story.told, "nothing is ordered while it is paused: %s", story.told);
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 0 order 1 order 2 order 3 ");
    rollout_deinit (&story.rollout);
}

/*  A host that cannot rehearse says nothing of the release. */
Test (rollout_members, that_find_their_host_unfit_are_left_out_at_their_deadline_and_charged_to_nobody)
{
    struct story story;
    prepare (&story);
    begin (&story);
    rollout_unfit (&story.rollout, 0, true);
    rollout_unfit (&story.rollout, 1, true);
    rollout_unfit (&story.rollout, 2, true);
    all (&story, 3, 4, ROLLOUT_CONFIRMED);
    at (&story, 29 * MINUTE);
    cr_expect_str_empty (story.told);
    rollout_unfit (&story.rollout, 1, false);
    rollout_unfit (&story.rollout, 2, false);
    at (&story, 2 * MINUTE);
    cr_expect_str_eq (story.told, "cancel 0 ", "%s", story.told);
    cr_expect_eq (story.rollout.members[0].state, WIRE_MEMBER_LEFT);
    cr_expect_eq (story.rollout.members[1].state, WIRE_MEMBER_ORDERED, "it tries");
    all (&story, 1, 2, ROLLOUT_CONFIRMED);
    cr_expect_eq (story.rollout.charged, 0);
    at (&story, 30 * MINUTE);
    cr_expect_str_eq (story.told, "cancel 2 ", "%s", story.told);
    cr_expect_eq (story.rollout.members[2].state, WIRE_MEMBER_OVERDUE, "a try has a deadline, too");
    cr_expect_eq (story.rollout.charged, 1);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING);
    rollout_deinit (&story.rollout);
}

/*  --- clocks ---------------------------------------------------------------------------------------------- */

static const uint64_t wall_jumps[] = {400 * 24 * HOUR, UINT64_C (0) - 2 * HOUR,
                                      UINT64_C (0) - 400 * 24 * HOUR};

Test (rollout_clocks, whoever_sets_the_wall_clock_charges_nobody)
{
    for (unsigned i = 0; i < sizeof wall_jumps / sizeof *wall_jumps; i++) {
        struct story story;
        prepare (&story);
        begin (&story);
        at (&story, MINUTE);
        story.wall_off_ms = wall_jumps[i];
        at (&story, MINUTE);
        cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING);
        cr_expect_eq (story.rollout.charged, 0);
        all (&story, 0, 4, ROLLOUT_CONFIRMED);
        story.wall_off_ms = 0;
        at (&story, MINUTE);
        cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING, "a soak is not shortened");
        rollout_deinit (&story.rollout);
    }
}

Test (rollout_clocks, whoever_sets_the_wall_clock_stops_no_deadline)
{
    for (unsigned i = 0; i < sizeof wall_jumps / sizeof *wall_jumps; i++) {
        struct story story;
        prepare (&story);
        begin (&story);
        story.wall_off_ms = wall_jumps[i];
        at (&story, 29 * MINUTE);
        cr_expect_eq (story.rollout.charged, 0);
        at (&story, MINUTE);
        cr_expect_eq (story.rollout.charged, 4, "nodes that do not end");
        rollout_deinit (&story.rollout);

        prepare (&story);
        begin (&story);
        all (&story, 0, 4, ROLLOUT_CONFIRMED);
        story.wall_off_ms = wall_jumps[i];
        at (&story, 10 * MINUTE);
        cr_expect_eq (story.rollout.wave, 1, "a soak ends");
        rollout_deinit (&story.rollout);
    }
}

Test (rollout_clocks, a_window_opens_and_closes_by_the_wall_clock)
{
    struct wire_window window = {.from = 2 * 60, .until = 4 * 60};
    struct story story;
    prepare (&story); /* at midnight */
    story.spec.window = &window;
    begin (&story);
    cr_expect_str_eq (story.told, "");
    story.wall_off_ms = 3 * HOUR;
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 0 order 1 order 2 order 3 ");
    all (&story, 0, 4, ROLLOUT_CONFIRMED);
    story.wall_off_ms = 5 * HOUR;
    at (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.wave, 1);
    cr_expect_str_eq (story.told, "", "it has closed");
    rollout_deinit (&story.rollout);
}
