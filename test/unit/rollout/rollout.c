/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rollout/rollout.c - every pair of phase and event of a rollout, its gates and its clocks

    An event that the table below does not list must not change the phase. */

#include "fixture.h"

#include <errno.h>
#include <signal.h>

enum event {
    CONFIRMED, /* node 0 */
    ROLLED_BACK,
    FAILED,       /* nodes 0 and 1 */
    LOST_CONTACT, /* node 0 alone loses contact */
    WORSE,        /* updated nodes fail more often than the others */
    SOAKED,       /* ten minutes pass */
    OVERDUE,      /* two hours pass */
    PAUSE,
    RESUME,
    APPROVE,
    ABORT,
    REVERT,
    RETRY, /* node 3 */
    EVENTS
};

static void story_event (struct story *story, enum event event)
{
    struct rollout *rollout = &story->rollout;
    static const enum wire_command commands[] = {WIRE_COMMAND_PAUSE,   WIRE_COMMAND_RESUME,
                                                 WIRE_COMMAND_APPROVE, WIRE_COMMAND_ABORT,
                                                 WIRE_COMMAND_REVERT,  WIRE_COMMAND_RETRY};
    switch (event) {
    case CONFIRMED:
        rollout_ended (rollout, 0, ROLLOUT_CONFIRMED, story->now_ms);
        break;
    case ROLLED_BACK:
        rollout_ended (rollout, 0, ROLLOUT_REVERTED, story->now_ms);
        break;
    case FAILED:
        rollout_ended (rollout, 0, ROLLOUT_FAILED, story->now_ms);
        rollout_ended (rollout, 1, ROLLOUT_FAILED, story->now_ms);
        break;
    case LOST_CONTACT:
        rollout_heard (rollout, 0, ROLLOUT_CONTACT_LOST, story->now_ms);
        story_advance (story, MINUTE);
        break;
    case WORSE:
        rollout->spec.significance = 10;
        rollout_compare (rollout, &(struct rollout_sample){100, 90, 100, 0}, story->now_ms);
        break;
    case SOAKED:
        story_advance (story, 10 * MINUTE);
        break;
    case OVERDUE:
        story_advance (story, 2 * HOUR);
        break;
    default:
        (void) story_command (story, commands[event - PAUSE], 3);
        break;
    }
    story_advance (story, 0);
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

    {WIRE_PHASE_HALTED, RESUME, WIRE_PHASE_SOAKING}, /* all nodes of the wave have ended */
    {WIRE_PHASE_HALTED, ABORT, WIRE_PHASE_ABORTED},
    {WIRE_PHASE_HALTED, REVERT, WIRE_PHASE_REVERTING},

    {WIRE_PHASE_REVERTING, OVERDUE, WIRE_PHASE_REVERTED},
    {WIRE_PHASE_REVERTING, FAILED, WIRE_PHASE_REVERTED}, /* both nodes that had to revert */

    {WIRE_PHASE_DONE, REVERT, WIRE_PHASE_REVERTING},
    {WIRE_PHASE_ABORTED, REVERT, WIRE_PHASE_REVERTING},

    {WIRE_PHASE_QUEUED, ABORT, WIRE_PHASE_ABORTED},
};

Test (rollout, listed_events_change_the_phase_and_others_do_not)
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
            story_bring_to (&story, (enum wire_phase) from);
            cr_assert_eq (story.rollout.phase, from, "%s was not reached",
                          wire_phase_word ((enum wire_phase) from));
            story_event (&story, (enum event) event);
            cr_expect_eq (story.rollout.phase, to, "%s, event %u: %s instead of %s",
                          wire_phase_word ((enum wire_phase) from), event,
                          wire_phase_word (story.rollout.phase), wire_phase_word (to));
            rollout_deinit (&story.rollout);
        }
    cr_expect_eq (fitting, sizeof cells / sizeof *cells);
}

Test (rollout, waves_run_in_order)
{
    struct story story;
    story_prepare (&story);
    story.spec.concurrency = 3;
    story_begin (&story);
    cr_expect_str_eq (story.sent, "order 0 order 1 order 2 ");
    rollout_ended (&story.rollout, 1, ROLLOUT_CONFIRMED, story.now_ms);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 3 ");
    story_end_members (&story, 0, 4, ROLLOUT_CONFIRMED);
    cr_expect_str_empty (story.sent);
    story_advance (&story, 10 * MINUTE - 1);
    cr_expect_str_empty (story.sent, "the soak time is not over");
    story_advance (&story, 1);
    cr_expect_str_eq (story.sent, "order 4 order 5 order 6 ");
    rollout_deinit (&story.rollout);
}

Test (rollout, an_exceeded_budget_halts_in_the_same_call_and_reverts_all_nodes)
{
    struct story story;
    story_prepare (&story);
    story.spec.on_halt = WIRE_ON_HALT_REVERT;
    story_begin (&story);
    rollout_ended (&story.rollout, 0, ROLLOUT_CONFIRMED, story.now_ms);
    rollout_ended (&story.rollout, 1, ROLLOUT_FAILED, story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING, "the budget allows one failed node");
    rollout_ended (&story.rollout, 2, ROLLOUT_FAILED, story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_REVERTING);
    cr_expect (strstr (story.rollout.reason, "wave 1: 2 of 4 nodes failed (allowed: 1)"), "%s",
               story.rollout.reason);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "revert 0 cancel 3 ");
    rollout_ended (&story.rollout, 3, ROLLOUT_CONFIRMED,
                   story.now_ms); /* it had switched before the cancellation */
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "revert 3 ");
    story_end_members (&story, 0, 4, ROLLOUT_REVERTED);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_REVERTED);
    rollout_deinit (&story.rollout);
}

Test (rollout, nodes_that_had_lost_contact_count_in_the_budget_and_are_not_waited_for)
{
    struct story story;
    story_prepare (&story);
    story.candidates[1].online = false;
    story_begin (&story);
    cr_expect_str_eq (story.sent, "order 0 order 2 order 3 ");
    cr_expect_eq (story.rollout.waves[0].lost_before, 1);
    rollout_ended (&story.rollout, 2, ROLLOUT_FAILED, story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED, "one node was bad before, one failed its update");
    rollout_deinit (&story.rollout);

    story_begin (&story);
    rollout_ended (&story.rollout, 0, ROLLOUT_CONFIRMED, story.now_ms);
    rollout_ended (&story.rollout, 2, ROLLOUT_CONFIRMED, story.now_ms);
    rollout_ended (&story.rollout, 3, ROLLOUT_CONFIRMED, story.now_ms);
    story_advance (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING);
    rollout_heard (&story.rollout, 1, ROLLOUT_CONTACT, story.now_ms);
    story_advance (&story, MINUTE);
    cr_expect_str_eq (story.sent, "order 1 ", "node 1 came back before the wave ended");
    rollout_deinit (&story.rollout);
}

Test (rollout, nodes_that_lose_contact_with_their_failure_domain_are_not_charged)
{
    struct story story;
    story_prepare (&story);
    story_begin (&story);
    story_end_members (&story, 0, 4, ROLLOUT_CONFIRMED);
    for (uint32_t i = 0; i < NODES; i += 2) /* 0 and 2 are updated, 4 and 6 are not */
        rollout_heard (&story.rollout, i, ROLLOUT_CONTACT_LOST, story.now_ms);
    story_advance (&story, 5 * MINUTE);
    cr_expect_eq (story.rollout.charged, 0);
    rollout_heard (&story.rollout, 4, ROLLOUT_CONTACT, story.now_ms);
    rollout_heard (&story.rollout, 6, ROLLOUT_CONTACT, story.now_ms);
    rollout_heard (&story.rollout, 0, ROLLOUT_CONTACT, story.now_ms);
    story_advance (&story, 2 * MINUTE);
    cr_expect_eq (story.rollout.members[2].state, WIRE_MEMBER_LOST_CONTACT,
                  "the others came back, node 2 did not");
    cr_expect_eq (story.rollout.charged, 1);
    rollout_heard (&story.rollout, 2, ROLLOUT_CONTACT, story.now_ms);
    cr_expect_eq (story.rollout.charged, 0, "node 2 is back");
    rollout_deinit (&story.rollout);
}

Test (rollout, canaries_rehearse_a_revert_and_update_again)
{
    struct story story;
    story_prepare (&story);
    story.spec.rehearse_revert = true;
    story_begin (&story);
    rollout_ended (&story.rollout, 0, ROLLOUT_CONFIRMED, story.now_ms);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "revert 0 ");
    story_advance (&story, 700);
    rollout_ended (&story.rollout, 0, ROLLOUT_REVERTED, story.now_ms);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 0 ");
    cr_expect_eq (story.rollout.members[0].revert_ms, 700);
    rollout_ended (&story.rollout, 0, ROLLOUT_CONFIRMED, story.now_ms);
    story_advance (&story, 0);
    cr_expect_str_empty (story.sent, "the revert is rehearsed only once");

    rollout_ended (&story.rollout, 1, ROLLOUT_CONFIRMED, story.now_ms);
    story_advance (&story, 61 * 1000);
    rollout_ended (&story.rollout, 1, ROLLOUT_REVERTED, story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED, "the revert took too long");
    cr_expect (strstr (story.rollout.reason, "61000 ms"), "%s", story.rollout.reason);
    rollout_deinit (&story.rollout);
}

Test (rollout, a_pause_starts_no_node_and_stops_the_deadline_of_the_wave)
{
    struct story story;
    story_prepare (&story);
    story.spec.concurrency = 1;
    story_begin (&story);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_PAUSE, 0), 0);
    story_end_members (&story, 0, 1, ROLLOUT_CONFIRMED);
    cr_expect_str_empty (story.sent);
    story_advance (&story, 10 * HOUR);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING);
    cr_expect_eq (story_command (&story, WIRE_COMMAND_PAUSE, 0), -EINVAL);
    cr_expect_str_eq (story.text, "nothing to pause: the rollout is paused, updating");
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 1 ");
    story_advance (&story, HOUR);
    cr_expect_eq (story.rollout.members[1].state, WIRE_MEMBER_OVERDUE);
    rollout_deinit (&story.rollout);
}

Test (rollout, nodes_are_started_only_in_the_window_and_staggered)
{
    struct story story;
    struct wire_window window = {.from = 60, .until = 120};
    story_prepare (&story);
    story.spec.window = &window;
    story.spec.stagger_ms = 8 * MINUTE;
    story_begin (&story);
    cr_expect_str_empty (story.sent);
    struct rollout_action action = rollout_next (&story.rollout, story.now_ms, story.now_ms);
    cr_expect_eq (action.until_ms, START_MS + HOUR);
    story_advance (&story, HOUR);
    cr_expect_str_eq (story.sent, "order 0 ", "nodes that waited for the window are staggered");
    story_advance (&story, 2 * MINUTE);
    cr_expect_str_eq (story.sent, "order 1 ");
    story_advance (&story, 4 * MINUTE);
    cr_expect_str_eq (story.sent, "order 2 order 3 ");
    story_end_members (&story, 0, 4, ROLLOUT_CONFIRMED);
    story_advance (&story, 10 * MINUTE);
    cr_expect_str_eq (story.sent, "order 4 ");
    story_advance (&story, 2 * MINUTE);
    cr_expect_str_eq (story.sent, "order 5 ");
    story_advance (&story, 2 * MINUTE);
    cr_expect_str_eq (story.sent, "order 6 ");
    rollout_deinit (&story.rollout);
}

Test (rollout, resuming_a_halt_forgives_failed_nodes)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_HALTED);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    cr_expect_eq (story.rollout.charged, 0);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RETRY, 3), 0, "%s", story.text);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 3 ");
    cr_expect_eq (story_command (&story, WIRE_COMMAND_RETRY, 0), -EINVAL, "node 0 is updated");
    rollout_deinit (&story.rollout);
}

/*  Two waves of one node, budgets of 0. The update of the first node ends with result. */
static void story_bring_canary_to (struct story *story, enum rollout_result result)
{
    story_prepare (story);
    story->waves[1].approval = true; /* approving a halt approves the wave that starts then, too */
    story->spec.wave_budget = story->spec.budget = 0;
    story_begin_with (story, story->candidates + 3, 2);
    story_end_members (story, 0, 1, result);
}

static void story_bring_to_failed_canary (struct story *story)
{
    story_bring_canary_to (story, ROLLOUT_FAILED);
    cr_assert_eq (story->rollout.phase, WIRE_PHASE_HALTED);
    cr_assert (rollout_is_unproven (&story->rollout));
}

Test (rollout, a_failed_canary_is_tried_again_after_a_resume)
{
    struct story story;
    story_bring_to_failed_canary (&story);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 0 ");
    story_end_members (&story, 0, 1, ROLLOUT_FAILED);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED, "the canary failed again");
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    story_advance (&story, 0);
    story_end_members (&story, 0, 1, ROLLOUT_CONFIRMED);
    story_advance (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_APPROVAL, "the canary is updated");
    rollout_deinit (&story.rollout);
}

Test (rollout, an_approval_continues_without_a_failed_canary)
{
    struct story story;
    story_bring_to_failed_canary (&story);
    cr_expect_eq (rollout_approves (&story.rollout), 1);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_APPROVE, 0), 0, "%s", story.text);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 1 ");
    cr_expect (rollout_is_forgiven (&story.rollout.members[0]));
    cr_expect_eq (story.rollout.charged, 0);
    story_end_members (&story, 1, 2, ROLLOUT_FAILED);
    cr_expect_eq (rollout_approves (&story.rollout), 2, "there is no next wave: the rollout ends");
    cr_assert_eq (story_command (&story, WIRE_COMMAND_APPROVE, 0), 0, "%s", story.text);
    story_advance (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_DONE);
    rollout_deinit (&story.rollout);
}

/*  A node that lost contact after its update does not count as updated, but it runs the release. */
Test (rollout, a_lost_canary_blocks_the_next_wave_and_is_still_reverted)
{
    struct story story;
    story_bring_canary_to (&story, ROLLOUT_CONFIRMED);
    rollout_heard (&story.rollout, 0, ROLLOUT_CONTACT_LOST, story.now_ms);
    story_advance (&story, 5 * MINUTE);
    cr_assert_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    story_advance (&story, 0);
    story_advance (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_expect_eq (story.rollout.wave, 0);
    cr_expect_not_null (strstr (story.rollout.reason, "no node was updated"), "%s", story.rollout.reason);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_REVERT, 0), 0);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "revert 0 ");
    rollout_deinit (&story.rollout);
}

Test (rollout, a_wave_without_updated_nodes_blocks_the_next_whatever_the_budget)
{
    struct story story;
    story_prepare (&story);
    story.spec.wave_budget = story.spec.budget = NODES;
    story_begin (&story);
    story_end_members (&story, 0, 2, ROLLOUT_FAILED);
    story_end_members (&story, 2, 4, ROLLOUT_SKIPPED);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING);
    story_advance (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_expect_eq (story.rollout.wave, 0);
    cr_expect_str_empty (story.sent);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 0 order 1 order 2 order 3 ");
    cr_expect_eq (rollout_approves (&story.rollout), ROLLOUT_NOBODY);
    rollout_deinit (&story.rollout);
}

Test (rollout, a_halt_before_an_approval_is_resumed_before_it)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_APPROVAL);
    story.rollout.spec.stagger_ms = 8 * MINUTE;
    story_advance (&story, 2 * HOUR);
    cr_assert_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    story_advance (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_APPROVAL, "the wave is not approved yet");
    cr_expect_str_empty (story.sent);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_APPROVE, 0), 0);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 0 ", "the wave is staggered");
    rollout_deinit (&story.rollout);
}

Test (rollout, invalid_rollouts_are_refused)
{
    struct story story;
    story_prepare (&story);
    cr_expect_eq (rollout_init (&story.rollout, &story.spec, story.candidates, 0, 2, START_MS), -EINVAL);
    story.candidates[0].wave = 1;
    cr_expect_eq (rollout_init (&story.rollout, &story.spec, story.candidates, NODES, 2, START_MS), -EINVAL);
    story_prepare (&story);
    story.candidates[7].wave = 3;
    cr_expect_eq (rollout_init (&story.rollout, &story.spec, story.candidates, NODES, 2, START_MS), -EINVAL);
    story.candidates[7] = (struct rollout_candidate){.wave = 1, .failure_domain = 2};
    cr_expect_eq (rollout_init (&story.rollout, &story.spec, story.candidates, NODES, 2, START_MS), -EINVAL);
}

Test (rollout, a_wave_that_starts_after_a_restart_waits_for_its_nodes)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_SOAKING);
    story.now_ms += 10 * MINUTE;
    story_restart (&story);
    story_advance (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING);
    cr_expect_eq (story.rollout.wave, 1);
    cr_expect_eq (story.rollout.waves[1].lost_before, 0, "no node was offline for long");
    cr_expect_str_empty (story.sent);
    rollout_heard (&story.rollout, 6, ROLLOUT_CONTACT, story.now_ms);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 6 ");
    story_end_members (&story, 6, 7, ROLLOUT_CONFIRMED);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING, "the other nodes may still come back");
    story_advance (&story, 2 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING, "the wait for nodes is limited");
    rollout_deinit (&story.rollout);
}

Test (rollout, pending_orders_survive_a_restart)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_SOAKING);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_REVERT, 0), 0);
    cr_assert_eq (rollout_next (&story.rollout, story.now_ms, story.now_ms).kind, ROLLOUT_TRANSITION);
    while (rollout_next (&story.rollout, story.now_ms, story.now_ms).kind != ROLLOUT_REVERT)
        continue;
    story_restart (&story);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "revert 1 revert 2 revert 3 ", "node 0 got its order before the restart");
    rollout_deinit (&story.rollout);
}

Test (rollout, a_stored_state_that_contradicts_itself_is_refused)
{
    struct story story;
    for (unsigned i = 0; i < 7; i++) {
        story_bring_to (&story, WIRE_PHASE_SOAKING);
        struct rollout *rollout = &story.rollout;
        switch (i) {
        case 0:
            rollout->wave = rollout->n_waves;
            break;
        case 1:
            rollout->waves[1].first++;
            break;
        case 2:
            rollout->waves[1].count = UINT32_MAX;
            break;
        case 3:
            rollout->members[0].wave = 1;
            break;
        case 4:
            rollout->members[1].failure_domain = rollout->n_failure_domains;
            break;
        case 5:
            rollout->members[2].state = WIRE_MEMBER_NULL;
            break;
        default:
            rollout->members[3].pending = ROLLOUT_TRANSITION;
        }
        cr_expect_eq (rollout_resume (rollout), -EBADMSG, "%u", i);
        rollout_deinit (rollout);
    }
}

Test (rollout, a_skipped_order_charges_no_node)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_UPDATING);
    for (uint32_t i = 0; i < 4; i++)
        rollout_ended (&story.rollout, i, ROLLOUT_SKIPPED, story.now_ms);
    story_advance (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING);
    cr_expect_eq (story.rollout.charged, 0);
    cr_expect_eq (story.rollout.members[0].state, WIRE_MEMBER_SKIPPED);
    rollout_deinit (&story.rollout);
}

Test (rollout, an_external_pause_has_a_reason_until_it_is_resumed)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_SOAKING);
    rollout_pause (&story.rollout, "doubts");
    story_advance (&story, HOUR);
    cr_expect_str_empty (story.sent);
    cr_expect_str_eq (story.rollout.reason, "doubts");
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    cr_expect_str_empty (story.rollout.reason);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 4 order 5 order 6 order 7 ");
    rollout_deinit (&story.rollout);
    story_bring_to (&story, WIRE_PHASE_HALTED);
    rollout_pause (&story.rollout, "doubts");
    cr_expect_not (story.rollout.paused);
    rollout_deinit (&story.rollout);
}

Test (rollout, an_external_halt_has_a_reason)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_UPDATING);
    rollout_halt (&story.rollout, "withdrawn", story.now_ms);
    story_advance (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_expect_str_eq (story.rollout.reason, "withdrawn");
    cr_expect_str_eq (story.sent, "cancel 0 cancel 1 cancel 2 cancel 3 ");
    rollout_deinit (&story.rollout);
}

/*  An order to a node that then lost contact may have been carried out, or may still be carried out. */
Test (rollout, a_lost_node_that_may_be_updated_is_reverted_or_cancelled)
{
    static const enum wire_on_halt ends[] = {WIRE_ON_HALT_STAY, WIRE_ON_HALT_REVERT};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct story story;
        story_prepare (&story);
        story.spec.on_halt = ends[i];
        story.spec.wave_budget = story.spec.budget = 0;
        story_begin (&story);
        rollout_ended (&story.rollout, 0, ROLLOUT_CONFIRMED, story.now_ms);
        rollout_heard (&story.rollout, 1, ROLLOUT_CONTACT_LOST, story.now_ms);
        story_advance (&story, 5 * MINUTE);
        bool back = ends[i] == WIRE_ON_HALT_REVERT;
        cr_expect_eq (story.rollout.phase, back ? WIRE_PHASE_REVERTING : WIRE_PHASE_HALTED);
        cr_expect_not_null (strstr (story.sent, back ? "revert 1 " : "cancel 1 "), "%s", story.sent);
        cr_expect_eq (strstr (story.sent, "revert 0 ") != NULL, back, "%s", story.sent);
        if (back) {
            story_end_members (&story, 0, 1, ROLLOUT_REVERTED);
            story_end_members (&story, 2, 4, ROLLOUT_SKIPPED);
            cr_expect_eq (story.rollout.phase, WIRE_PHASE_REVERTING, "the rollout waits for the lost node");
            rollout_heard (&story.rollout, 1, ROLLOUT_CONTACT, story.now_ms);
            story_end_members (&story, 1, 2, ROLLOUT_REVERTED);
            cr_expect_eq (story.rollout.phase, WIRE_PHASE_REVERTED);
        }
        rollout_deinit (&story.rollout);
    }
}

Test (rollout, nodes_that_could_not_be_served_are_not_charged_and_ordered_again)
{
    struct story story;
    story_prepare (&story);
    story_begin (&story);
    rollout_pause (&story.rollout, "a blob is damaged");
    story_end_members (&story, 0, 4, ROLLOUT_UNSERVED);
    cr_expect_eq (story.rollout.charged, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING);
    cr_expect_str_empty (story.sent, "no order is sent while the rollout is paused: %s", story.sent);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 0 order 1 order 2 order 3 ");
    rollout_deinit (&story.rollout);
}

/*  A host that cannot rehearse is no evidence against the release. */
Test (rollout_members, nodes_on_unfit_hosts_are_skipped_at_the_deadline_and_not_charged)
{
    struct story story;
    story_prepare (&story);
    story_begin (&story);
    rollout_unfit (&story.rollout, 0, ROLLOUT_UNFIT);
    rollout_unfit (&story.rollout, 1, ROLLOUT_UNFIT);
    rollout_unfit (&story.rollout, 2, ROLLOUT_UNFIT);
    story_end_members (&story, 3, 4, ROLLOUT_CONFIRMED);
    story_advance (&story, 29 * MINUTE);
    cr_expect_str_empty (story.sent);
    rollout_unfit (&story.rollout, 1, ROLLOUT_TRIES);
    rollout_unfit (&story.rollout, 2, ROLLOUT_TRIES);
    story_advance (&story, 2 * MINUTE);
    cr_expect_str_eq (story.sent, "cancel 0 ", "%s", story.sent);
    cr_expect_eq (story.rollout.members[0].state, WIRE_MEMBER_SKIPPED);
    cr_expect_eq (story.rollout.members[1].state, WIRE_MEMBER_ORDERED, "node 1 is trying again");
    story_end_members (&story, 1, 2, ROLLOUT_CONFIRMED);
    cr_expect_eq (story.rollout.charged, 0);
    story_advance (&story, 30 * MINUTE);
    cr_expect_str_eq (story.sent, "cancel 2 ", "%s", story.sent);
    cr_expect_eq (story.rollout.members[2].state, WIRE_MEMBER_OVERDUE, "an attempt has a deadline, too");
    cr_expect_eq (story.rollout.charged, 1);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING);
    rollout_deinit (&story.rollout);
}

/*  Steps of the wall clock: forwards, and backwards by a little and by much. */
static const uint64_t wall_jumps[] = {400 * 24 * HOUR, UINT64_C (0) - 2 * HOUR,
                                      UINT64_C (0) - 400 * 24 * HOUR};

Test (rollout_clocks, a_step_of_the_wall_clock_charges_no_node)
{
    for (unsigned i = 0; i < sizeof wall_jumps / sizeof *wall_jumps; i++) {
        struct story story;
        story_prepare (&story);
        story_begin (&story);
        story_advance (&story, MINUTE);
        story.wall_off_ms = wall_jumps[i];
        story_advance (&story, MINUTE);
        cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING);
        cr_expect_eq (story.rollout.charged, 0);
        story_end_members (&story, 0, 4, ROLLOUT_CONFIRMED);
        story.wall_off_ms = 0;
        story_advance (&story, MINUTE);
        cr_expect_eq (story.rollout.phase, WIRE_PHASE_SOAKING, "the soak time is not shortened");
        rollout_deinit (&story.rollout);
    }
}

Test (rollout_clocks, a_step_of_the_wall_clock_stops_no_deadline)
{
    for (unsigned i = 0; i < sizeof wall_jumps / sizeof *wall_jumps; i++) {
        struct story story;
        story_prepare (&story);
        story_begin (&story);
        story.wall_off_ms = wall_jumps[i];
        story_advance (&story, 29 * MINUTE);
        cr_expect_eq (story.rollout.charged, 0);
        story_advance (&story, MINUTE);
        cr_expect_eq (story.rollout.charged, 4, "nodes that have not ended are charged");
        rollout_deinit (&story.rollout);

        story_prepare (&story);
        story_begin (&story);
        story_end_members (&story, 0, 4, ROLLOUT_CONFIRMED);
        story.wall_off_ms = wall_jumps[i];
        story_advance (&story, 10 * MINUTE);
        cr_expect_eq (story.rollout.wave, 1, "the soak time ends");
        rollout_deinit (&story.rollout);
    }
}

Test (rollout_clocks, a_window_opens_and_closes_by_the_wall_clock)
{
    struct wire_window window = {.from = 2 * 60, .until = 4 * 60};
    struct story story;
    story_prepare (&story); /* starts at midnight */
    story.spec.window = &window;
    story_begin (&story);
    cr_expect_str_eq (story.sent, "");
    story.wall_off_ms = 3 * HOUR;
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 0 order 1 order 2 order 3 ");
    story_end_members (&story, 0, 4, ROLLOUT_CONFIRMED);
    story.wall_off_ms = 5 * HOUR;
    story_advance (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.wave, 1);
    cr_expect_str_eq (story.sent, "", "the window has closed");
    rollout_deinit (&story.rollout);
}

Test (rollout, a_broken_invariant_ends_the_process, .signal = SIGABRT)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_UPDATING);
    story.rollout.under_way++;
    (void) rollout_next (&story.rollout, story.now_ms, story.now_ms);
}
