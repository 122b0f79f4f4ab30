/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rollout/beside.c - rollouts with common nodes: waiting in the queue, taking nodes over */

#include "fixture.h"

Test (rollout_beside, a_queued_rollout_orders_nothing_before_it_is_started)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_QUEUED);
    cr_expect_str_eq (story.sent, "");
    story_advance (&story, 100 * HOUR);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_QUEUED, "no deadline passes in the queue");
    cr_assert_eq (story_command (&story, WIRE_COMMAND_PAUSE, 0), 0);
    rollout_begin (&story.rollout, story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_QUEUED, "a paused rollout does not start");
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    cr_expect_neq (story_command (&story, WIRE_COMMAND_REVERT, 0), 0);
    rollout_begin (&story.rollout, story.now_ms);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 0 order 1 order 2 order 3 ");
    rollout_deinit (&story.rollout);

    story_bring_to (&story, WIRE_PHASE_QUEUED);
    rollout_halt (&story.rollout, "its release was withdrawn", story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_ABORTED);
    rollout_deinit (&story.rollout);
}

Test (rollout_beside, nodes_are_taken_only_from_a_halted_or_paused_rollout_and_never_under_way)
{
    struct story story;
    story_prepare (&story);
    story_begin (&story);
    cr_expect_not (rollout_take (&story.rollout, 4, "r-2", story.now_ms), "the rollout is running");
    cr_assert_eq (story_command (&story, WIRE_COMMAND_PAUSE, 0), 0);
    cr_expect_not (rollout_take (&story.rollout, 0, "r-2", story.now_ms), "the node is under way");
    cr_expect (rollout_take (&story.rollout, 4, "r-2", story.now_ms));
    cr_expect_not (rollout_take (&story.rollout, 4, "r-2", story.now_ms), "a node is taken only once");
    cr_expect_not (rollout_take (&story.rollout, NODES, "r-2", story.now_ms));
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    story_end_members (&story, 0, 4, ROLLOUT_CONFIRMED);
    story_advance (&story, 10 * MINUTE);
    cr_expect_str_eq (story.sent, "order 5 order 6 order 7 ");
    rollout_ended (&story.rollout, 4, ROLLOUT_FAILED, story.now_ms);
    rollout_heard (&story.rollout, 4, ROLLOUT_CONTACT_LOST, story.now_ms);
    story_advance (&story, 5 * MINUTE);
    cr_expect_eq (story.rollout.charged, 0, "the node belongs to another rollout");
    story_end_members (&story, 5, 8, ROLLOUT_CONFIRMED);
    story_advance (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_DONE);
    cr_expect_eq (story.rollout.members[4].state, WIRE_MEMBER_TAKEN);
    rollout_deinit (&story.rollout);
}

Test (rollout_beside, a_rollout_that_lost_all_nodes_is_over)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_SUPERSEDED);
    cr_expect (rollout_is_over (&story.rollout));
    cr_expect_eq (story.rollout.charged, 0);
    cr_expect (strstr (story.rollout.reason, "r-2"), "%s", story.rollout.reason);
    cr_expect_str_eq (story.sent, "", "the other rollout sends the orders now");
    rollout_deinit (&story.rollout);
}

Test (rollout_beside, a_queued_rollout_survives_a_restart_and_starts_with_nodes_that_returned)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_QUEUED);
    story.now_ms += 100 * HOUR;
    story_restart (&story);
    story_advance (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_QUEUED);
    cr_expect_str_empty (story.sent);
    rollout_begin (&story.rollout, story.now_ms);
    cr_expect_eq (story.rollout.waves[0].lost_before, 0, "no node was offline for long");
    rollout_heard (&story.rollout, 2, ROLLOUT_CONTACT, story.now_ms);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 2 ");
    rollout_begin (&story.rollout, story.now_ms);
    story_advance (&story, 0);
    cr_expect_str_empty (story.sent, "the rollout has started already");
    rollout_deinit (&story.rollout);
}

Test (rollout_beside, a_lost_node_can_be_taken_and_its_update_is_still_cancelled)
{
    struct story story;
    story_prepare (&story);
    story_begin (&story);
    rollout_heard (&story.rollout, 3, ROLLOUT_CONTACT_LOST, story.now_ms);
    rollout_ended (&story.rollout, 0, ROLLOUT_FAILED, story.now_ms);
    rollout_ended (&story.rollout, 1, ROLLOUT_FAILED, story.now_ms);
    story_advance (&story, 0);
    cr_assert_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_expect_str_eq (story.sent, "cancel 2 cancel 3 ");
    cr_expect_not (rollout_take (&story.rollout, 3, "r-2", story.now_ms), "the node may come back");
    story_advance (&story, 5 * MINUTE);
    cr_expect_eq (story.rollout.members[3].state, WIRE_MEMBER_LOST_CONTACT);
    cr_expect (rollout_take (&story.rollout, 3, "r-2", story.now_ms));
    rollout_heard (&story.rollout, 3, ROLLOUT_CONTACT, story.now_ms);
    cr_expect_eq (story.rollout.members[3].state, WIRE_MEMBER_TAKEN);
    rollout_deinit (&story.rollout);

    story_begin (&story);
    story.now_ms += HOUR;
    cr_assert_eq (rollout_next (&story.rollout, story.now_ms, story.now_ms).kind, ROLLOUT_TRANSITION);
    cr_assert_eq (story.rollout.phase, WIRE_PHASE_HALTED, "no node has ended");
    cr_expect (rollout_take (&story.rollout, 2, "r-2", story.now_ms));
    cr_expect_eq (story.rollout.charged, 3, "a node that was taken is not charged any more");
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "cancel 0 cancel 1 cancel 2 cancel 3 ");
    rollout_deinit (&story.rollout);
}

Test (rollout_beside, nodes_are_taken_from_a_queued_rollout_only_while_it_is_paused)
{
    struct story story;
    story_bring_to (&story, WIRE_PHASE_QUEUED);
    cr_expect_not (rollout_take (&story.rollout, 0, "r-2", story.now_ms));
    cr_assert_eq (story_command (&story, WIRE_COMMAND_PAUSE, 0), 0);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert (rollout_take (&story.rollout, i, "r-2", story.now_ms));
    cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
    rollout_begin (&story.rollout, story.now_ms);
    story_advance (&story, 10 * MINUTE);
    story_advance (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED, "a wave without nodes has proven nothing");
    cr_expect_str_empty (story.sent);
    cr_assert_eq (story_command (&story, WIRE_COMMAND_APPROVE, 0), 0);
    story_advance (&story, 0);
    cr_expect_str_eq (story.sent, "order 4 order 5 order 6 order 7 ");
    rollout_deinit (&story.rollout);
}
