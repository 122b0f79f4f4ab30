/* SPDX-License-Identifier: MPL-2.0 */
/*  Each gate is shut by one case, halts the rollout, and is named in its state until it is resumed. */

#include "fixture.h"

TestSuite (gates, .timeout = 60);

static void wave_budget_shut (struct story *story)
{
    story_begin (story);
    story_end_members (story, 0, 2, ROLLOUT_FAILED);
}

/*  One node fails in each wave: each wave is within its budget, both together are not. */
static void budget_shut (struct story *story)
{
    story_begin (story);
    story_end_members (story, 0, 1, ROLLOUT_FAILED);
    story_end_members (story, 1, 4, ROLLOUT_CONFIRMED);
    story_advance (story, 10 * MINUTE);
    story_end_members (story, 4, 5, ROLLOUT_FAILED);
}

static void comparison_shut (struct story *story)
{
    static const struct rollout_sample sample = {.updated = 4, .updated_failed = 4, .others = 100};
    story->spec.significance = 50;
    story_begin (story);
    for (int i = 0; i < 100 && story->rollout.phase == WIRE_PHASE_UPDATING; i++)
        rollout_compare (&story->rollout, &sample, story->now_ms);
}

static void revert_shut (struct story *story)
{
    story->spec.rehearse_revert = true;
    story_begin (story);
    rollout_ended (&story->rollout, 0, ROLLOUT_CONFIRMED, story->now_ms);
    story_advance (story, 2 * MINUTE);
    rollout_ended (&story->rollout, 0, ROLLOUT_REVERTED, story->now_ms);
}

static void deadline_shut (struct story *story)
{
    story->spec.node_deadline_ms = 4 * HOUR;
    story_begin (story);
    story_advance (story, 2 * HOUR);
}

static void proof_shut (struct story *story)
{
    story_begin (story);
    story_end_members (story, 0, 4, ROLLOUT_SKIPPED);
    story_advance (story, 10 * MINUTE);
}

Test (gates, a_shut_gate_halts_the_rollout_and_is_named_until_it_is_resumed)
{
    static void (*const shut[WIRE_GATE_END]) (struct story * story) = {
        [WIRE_GATE_WAVE_BUDGET] = wave_budget_shut, [WIRE_GATE_BUDGET] = budget_shut,
        [WIRE_GATE_COMPARISON] = comparison_shut,   [WIRE_GATE_REVERT] = revert_shut,
        [WIRE_GATE_DEADLINE] = deadline_shut,       [WIRE_GATE_PROOF] = proof_shut};
    for (enum wire_gate gate = 1; gate < WIRE_GATE_END; gate++) {
        struct story story;
        if (gate == WIRE_GATE_WINDOW)
            continue; /* it does not halt */
        cr_assert_not_null (shut[gate], "no case for the gate %s", wire_gate_word (gate));
        story_prepare (&story);
        shut[gate](&story);
        cr_expect_eq (story.rollout.phase, WIRE_PHASE_HALTED, "%s", wire_gate_word (gate));
        cr_expect_eq (story.rollout.gate, gate, "%s instead of %s: %s", wire_gate_word (story.rollout.gate),
                      wire_gate_word (gate), story.rollout.reason);
        cr_expect_str_not_empty (story.rollout.reason);
        cr_assert_eq (story_command (&story, WIRE_COMMAND_RESUME, 0), 0);
        cr_expect_eq (story.rollout.gate, WIRE_GATE_NULL);
        cr_expect_str_empty (story.rollout.reason);
        rollout_deinit (&story.rollout);
    }
}

Test (gates, a_closed_window_delays_nodes_and_halts_nothing)
{
    struct story story;
    struct wire_window window = {.from = 60, .until = 120};
    story_prepare (&story);
    story.spec.window = &window;
    story_begin (&story);
    cr_expect_str_empty (story.sent);
    cr_expect_eq (story.rollout.phase, WIRE_PHASE_UPDATING);
    cr_expect_eq (story.rollout.gate, WIRE_GATE_NULL);
    story_advance (&story, HOUR);
    cr_expect_str_eq (story.sent, "order 0 order 1 order 2 order 3 ");
    rollout_deinit (&story.rollout);
}

Test (gates, a_node_without_contact_before_the_wave_is_named_separately)
{
    struct story story;
    story_prepare (&story);
    story.candidates[1].online = false;
    story_begin (&story);
    story_end_members (&story, 2, 3, ROLLOUT_FAILED);
    cr_expect_str_eq (story.rollout.reason,
                      "wave 1: 1 of 4 nodes failed, and 1 had lost contact before (allowed: 1)");
    rollout_deinit (&story.rollout);
}
