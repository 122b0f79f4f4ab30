/*  A rollout beside others of the same nodes: it waits for them, and they take its nodes. */

#include "fixture.h"

Test (rollout_beside, one_that_is_queued_begins_when_it_is_told_to_and_tells_nobody_before)
{
    struct story story;
    bring_to (&story, WIRE_PHASE_QUEUED);
    cr_expect_str_eq (story.told, "");
    at (&story, 100 * HOUR);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_QUEUED, "nothing is held against who waits");
    cr_assert_eq (command (&story, WIRE_COMMAND_PAUSE, 0), 0);
    rollout_begin (&story.rollout, story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_QUEUED, "paused");
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    cr_expect_neq (command (&story, WIRE_COMMAND_REVERT, 0), 0);
    rollout_begin (&story.rollout, story.now_ms);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 0 order 1 order 2 order 3 ");
    rollout_deinit (&story.rollout);

    bring_to (&story, WIRE_PHASE_QUEUED);
    rollout_halt (&story.rollout, "its release was withdrawn", story.now_ms);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_ABORTED);
    rollout_deinit (&story.rollout);
}

Test (rollout_beside, nodes_are_taken_only_from_who_is_halted_or_paused_and_never_under_way)
{
    struct story story;
    prepare (&story);
    begin (&story);
    cr_expect_not (rollout_take (&story.rollout, 4, "r-2", story.now_ms), "it goes on");
    cr_assert_eq (command (&story, WIRE_COMMAND_PAUSE, 0), 0);
    cr_expect_not (rollout_take (&story.rollout, 0, "r-2", story.now_ms), "it is under way");
    cr_expect (rollout_take (&story.rollout, 4, "r-2", story.now_ms));
    cr_expect_not (rollout_take (&story.rollout, 4, "r-2", story.now_ms), "once");
    cr_expect_not (rollout_take (&story.rollout, NODES, "r-2", story.now_ms));
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    all (&story, 0, 4, ROLLOUT_CONFIRMED);
    at (&story, 10 * MINUTE);
    cr_expect_str_eq (story.told, "order 5 order 6 order 7 ");
    rollout_ended (&story.rollout, 4, ROLLOUT_FAILED, story.now_ms);
    rollout_heard (&story.rollout, 4, false, story.now_ms);
    at (&story, 5 * MINUTE);
    cr_expect_eq (story.rollout.charged, 0, "it is another one's");
    all (&story, 5, 8, ROLLOUT_CONFIRMED);
    at (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_DONE);
    cr_expect_eq (story.rollout.members[4].state, WIRE_MEMBER_TAKEN);
    rollout_deinit (&story.rollout);
}

Test (rollout_beside, one_that_has_lost_all_of_its_nodes_is_over)
{
    struct story story;
    bring_to (&story, WIRE_PHASE_SUPERSEDED);
    cr_expect (rollout_is_over (&story.rollout));
    cr_expect_eq (story.rollout.charged, 0);
    cr_expect (strstr (story.rollout.reason, "r-2"), "%s", story.rollout.reason);
    cr_expect_str_eq (story.told, "", "what was to be told is another one's to tell");
    rollout_deinit (&story.rollout);
}

Test (rollout_beside, one_that_is_queued_outlives_a_restart_and_begins_with_who_has_come_back)
{
    struct story story;
    bring_to (&story, WIRE_PHASE_QUEUED);
    story.now_ms += 100 * HOUR;
    restart (&story);
    at (&story, 0);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_QUEUED);
    cr_expect_str_empty (story.told);
    rollout_begin (&story.rollout, story.now_ms);
    cr_expect_eq (story.rollout.waves[0].already_bad, 0, "nobody has been silent for long");
    rollout_heard (&story.rollout, 2, true, story.now_ms);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 2 ");
    rollout_begin (&story.rollout, story.now_ms);
    at (&story, 0);
    cr_expect_str_empty (story.told, "it has begun");
    rollout_deinit (&story.rollout);
}

Test (rollout_beside, who_is_away_is_taken_once_it_is_given_up_and_its_update_is_cancelled_all_the_same)
{
    struct story story;
    prepare (&story);
    begin (&story);
    rollout_heard (&story.rollout, 3, false, story.now_ms);
    rollout_ended (&story.rollout, 0, ROLLOUT_FAILED, story.now_ms);
    rollout_ended (&story.rollout, 1, ROLLOUT_FAILED, story.now_ms);
    at (&story, 0);
    cr_assert_eq (story.rollout.phase, WIRE_PHASE_HALTED);
    cr_expect_str_eq (story.told, "cancel 2 cancel 3 ");
    cr_expect_not (rollout_take (&story.rollout, 3, "r-2", story.now_ms), "it may come back");
    at (&story, 5 * MINUTE);
    cr_expect_eq (story.rollout.members[3].state, WIRE_MEMBER_DARK);
    cr_expect (rollout_take (&story.rollout, 3, "r-2", story.now_ms));
    rollout_heard (&story.rollout, 3, true, story.now_ms);
    cr_expect_eq (story.rollout.members[3].state, WIRE_MEMBER_TAKEN);
    rollout_deinit (&story.rollout);

    begin (&story);
    story.now_ms += HOUR;
    cr_assert_eq (rollout_next (&story.rollout, story.now_ms, story.now_ms).kind, ROLLOUT_TURN);
    cr_assert_eq (story.rollout.phase, WIRE_PHASE_HALTED, "nobody has ended");
    cr_expect (rollout_take (&story.rollout, 2, "r-2", story.now_ms));
    cr_expect_eq (story.rollout.charged, 3, "what was taken is charged no more");
    at (&story, 0);
    cr_expect_str_eq (story.told, "cancel 0 cancel 1 cancel 2 cancel 3 ");
    rollout_deinit (&story.rollout);
}

Test (rollout_beside, nodes_are_taken_from_one_that_is_queued_only_while_it_is_paused)
{
    struct story story;
    bring_to (&story, WIRE_PHASE_QUEUED);
    cr_expect_not (rollout_take (&story.rollout, 0, "r-2", story.now_ms));
    cr_assert_eq (command (&story, WIRE_COMMAND_PAUSE, 0), 0);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert (rollout_take (&story.rollout, i, "r-2", story.now_ms));
    cr_assert_eq (command (&story, WIRE_COMMAND_RESUME, 0), 0);
    rollout_begin (&story.rollout, story.now_ms);
    at (&story, 10 * MINUTE);
    at (&story, 10 * MINUTE);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED, "a wave without nodes has proven nothing");
    cr_expect_str_empty (story.told);
    cr_assert_eq (command (&story, WIRE_COMMAND_APPROVE, 0), 0);
    at (&story, 0);
    cr_expect_str_eq (story.told, "order 4 order 5 order 6 order 7 ");
    rollout_deinit (&story.rollout);
}
