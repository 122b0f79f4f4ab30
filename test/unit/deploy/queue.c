/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/deploy/queue.c - several rollouts that want the same nodes */

#include "rollouts.h"

TestSuite (rollouts, .init = set_up, .fini = tear_down, .timeout = 600);

static char *rollout_start_on (const char *selector, bool queue, bool supersede)
{
    spec.selector = selector;
    spec.queue = queue;
    spec.supersede = supersede;
    return rollout_start_ok ();
}

static void expect_waits (const char *id, const char *for_id, const char *node)
{
    struct wire_rollout_state state;

    cr_expect_eq (phase_of (id, &state), WIRE_PHASE_QUEUED);
    cr_expect (state.waiting_for && strstr (state.waiting_for, for_id) && strstr (state.waiting_for, node),
               "%s: %s, %s", for_id, node, state.waiting_for);
    wire_rollout_state_deinit (&state);
}

static void until_taken (const char *id, uint64_t taken)
{
    uint64_t until_ms = base_time_boot_ms () + FIXTURE_DEADLINE_MS, n;

    do {
        struct wire_rollout_state state;
        (void) phase_of (id, &state);
        n = 0;
        for (size_t i = 0; i < state.n_waves; i++)
            n += state.waves[i].taken;
        wire_rollout_state_deinit (&state);
        cr_assert (base_time_boot_ms () < until_ms, "%u taken", (unsigned) n);
    } while (n != taken);
}

static void node_fail (struct node *node)
{
    node->application.epoch = node->application.seen_epoch = node_pending (node, false);
    cr_assert_neq (node->application.epoch, 0);
    cr_assert_eq (
        node_report (node, node->application.epoch, "t", "trial", WIRE_OUTCOME_FAILED, "it crashed"),
        WIRE_STATUS_OK);
}

Test (rollouts, that_are_queued_start_in_the_order_of_their_requests_over_a_restart_too)
{
    struct wire_started answer;
    char *first, *second, *third;

    waves[0].count = 0;
    spec.n_waves = 1;
    spec.soak_ms = 3600 * 1000;
    nodes_hello (3);
    first = rollout_start_on ("n-000 or n-001", false, false);
    spec.selector = "n-001 or n-002";
    answer = rollout_start (NULL);
    cr_expect_eq (answer.status, WIRE_STATUS_BUSY);
    cr_expect (strstr (answer.reason, first) && strstr (answer.reason, "--queue"), "%s", answer.reason);
    wire_started_deinit (&answer);
    second = rollout_start_on ("n-001 or n-002", true, false);
    third = rollout_start_on ("n-002", true, false);
    cr_expect_eq (nodes_pending (3), 2, "a queued rollout orders no node");
    fixture_restart (3);
    cr_expect_eq (nodes_pending (3), 2);
    expect_waits (second, first, "n-001");
    expect_waits (third, second, "n-002");
    cr_expect_eq (nodes_obey (3, false), 2);
    until_phase (first, WIRE_PHASE_SOAKING);
    cr_expect_eq (rollout_steer (first, WIRE_COMMAND_ABORT), WIRE_STATUS_OK);
    until_phase (second, WIRE_PHASE_UPDATING);
    expect_waits (third, second, "n-002");
    cr_expect_eq (nodes_obey (3, false), 2);
    until_phase (second, WIRE_PHASE_SOAKING);
    cr_expect_eq (rollout_steer (second, WIRE_COMMAND_ABORT), WIRE_STATUS_OK);
    until_phase (third, WIRE_PHASE_UPDATING);
    cr_expect_eq (nodes_obey (3, false), 1);
    free (first);
    free (second);
    free (third);
}

Test (rollouts, that_are_halted_or_paused_hand_their_nodes_over_in_the_order_of_the_queue)
{
    char *first, *second, *third;

    spec.soak_ms = 3600 * 1000;
    nodes_hello (3);
    first = rollout_start_on (NULL, false, false);
    node_fail (node_pending (&nodes[0], false)   ? &nodes[0]
               : node_pending (&nodes[1], false) ? &nodes[1]
                                                 : &nodes[2]);
    until_phase (first, WIRE_PHASE_HALTED);
    waves[0].count = 0;
    spec.n_waves = 1;
    second = rollout_start_on ("n-002", true, false);
    expect_waits (second, first, "n-002");
    third = rollout_start_on (NULL, true, true);
    until_phase (first, WIRE_PHASE_SUPERSEDED);
    until_taken (first, 3);
    until_phase (second, WIRE_PHASE_UPDATING);
    expect_waits (third, second, "n-002");
    cr_expect_eq (nodes_obey (3, false), 1);
    until_phase (second, WIRE_PHASE_SOAKING);
    fixture_restart (3);
    expect_waits (third, second, "n-002");
    cr_expect_eq (rollout_steer (second, WIRE_COMMAND_PAUSE), WIRE_STATUS_OK);
    until_phase (second, WIRE_PHASE_SUPERSEDED);
    until_phase (third, WIRE_PHASE_UPDATING);
    cr_expect_eq (nodes_obey (3, false), 3);
    cr_expect_eq (rollout_steer (first, WIRE_COMMAND_REVERT), WIRE_STATUS_REFUSED);
    until_phase (third, WIRE_PHASE_SOAKING);
    free (first);
    free (second);
    free (third);
}

Test (rollouts, keep_a_node_under_way_until_its_update_has_ended_over_a_restart_too)
{
    char *first, *second;

    waves[0].count = 0;
    spec.n_waves = 1;
    spec.soak_ms = 3600 * 1000;
    nodes_hello (2);
    first = rollout_start_on (NULL, false, false);
    node_fail (&nodes[0]);
    until_phase (first, WIRE_PHASE_HALTED);
    second = rollout_start_on (NULL, false, true);
    until_taken (first, 1);
    expect_waits (second, first, "n-001");
    fixture_restart (2);
    until_taken (first, 1);
    expect_waits (second, first, "n-001");
    node_obey (&nodes[1], node_pending (&nodes[1], false), false);
    until_phase (first, WIRE_PHASE_SUPERSEDED);
    until_phase (second, WIRE_PHASE_UPDATING);
    cr_expect_eq (nodes_obey (2, false), 2);
    until_phase (second, WIRE_PHASE_SOAKING);
    free (first);
    free (second);
}
