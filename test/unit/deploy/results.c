/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/deploy/results.c - what nodes report, and what becomes of their rollouts */

#include "rollouts.h"

TestSuite (rollouts, .init = set_up, .fini = tear_down, .timeout = 600);

Test (rollouts, take_an_unreported_result_from_the_state_of_the_node)
{
    uint64_t epoch;
    char *id;

    nodes_hello (1);
    id = rollout_start_ok ();
    epoch = node_pending (&nodes[0], false);
    nodes[0].application.epoch = nodes[0].application.seen_epoch = epoch;
    nodes[0].application.release = release;
    nodes_hello (1);
    cr_expect_eq (phase_of (id, NULL), WIRE_PHASE_UPDATING, "its report may still arrive");
    until_phase (id, WIRE_PHASE_DONE);
    free (id);
}

Test (rollouts, halt_when_an_updated_node_runs_another_release_again)
{
    struct wire_rollout_state state;
    char *id;

    spec.soak_ms = 3600 * 1000;
    nodes_hello (1);
    id = rollout_start_ok ();
    cr_expect_eq (nodes_obey (1, false), 1);
    until_phase (id, WIRE_PHASE_SOAKING);
    nodes[0].application.release = digest_of ("1.0.0");
    nodes_hello (1);
    until_phase (id, WIRE_PHASE_HALTED);
    (void) phase_of (id, &state);
    cr_assert_eq (state.n_causes, 1);
    cr_expect_str_eq (state.causes[0].nodes[0], "n-000");
    wire_rollout_state_deinit (&state);
    free (id);
}

Test (rollouts, report_why_an_update_failed_that_ended_after_its_deadline)
{
    struct wire_rollout_state state;
    struct wire_desired desired;
    char *id;

    spec.node_deadline_ms =
        load_deadline_ms (4000); /* for the revert, too; longer than a session of a node lives on */
    spec.on_halt = WIRE_ON_HALT_REVERT;
    nodes_hello (1);
    id = rollout_start_ok ();
    desired = node_ask (&nodes[0]);
    nodes[0].application.seen_epoch = desired.release_epoch;
    nodes[0].application.state = WIRE_STATE_TRIAL;
    nodes_hello (1);
    until_phase (id, WIRE_PHASE_REVERTING);
    nodes[0].application.state = WIRE_STATE_IDLE;
    nodes[0].application.epoch = nodes[0].application.seen_epoch = node_pending (&nodes[0], true);
    cr_assert_neq (nodes[0].application.epoch, 0);
    nodes[0].application.last_error = &(struct wire_failure){.transaction = desired.transaction,
                                                             .step = "trial",
                                                             .reason = "on trial it hung",
                                                             .time = "2026-01-01T00:00:00Z"};
    nodes_hello (1);
    cr_assert_eq (
        node_report (&nodes[0], nodes[0].application.epoch, "t", "revert", WIRE_OUTCOME_NOTHING, NULL),
        WIRE_STATUS_OK);
    until_cause (id, "on trial it hung"); /* the revert may have been too slow, too */
    cr_expect_eq (phase_of (id, &state), WIRE_PHASE_REVERTED);
    cr_assert_eq (state.n_causes, 1);
    cr_expect_str_eq (state.causes[0].step, "trial");
    wire_rollout_state_deinit (&state);
    wire_desired_deinit (&desired);
    free (id);
}

static void node_forget (struct node *node)
{
    struct wire_bye bye = {.node = node->id, .session = node->session};
    struct wire_order_result ordered;
    bool refused = true;

    peer_send (node->control, &wire_bye_record, &bye);
    while (refused) { /* until the broker has processed the goodbye */
        ordered = operator_forget (operator, node->id);
        refused = ordered.status == WIRE_STATUS_REFUSED;
        cr_assert (refused || ordered.status == WIRE_STATUS_OK, "%s", ordered.reason);
        wire_order_result_deinit (&ordered);
    }
}

/*  Forgets a node that waits for its wave and one that is under way; a queued rollout loses both. */
Test (rollouts, skip_forgotten_nodes_and_end_without_them)
{
    struct wire_rollout_state state;
    unsigned canary;
    char *first, *second;

    nodes_hello (3);
    first = rollout_start_ok ();
    spec.selector = "n-000 or n-001 or n-002";
    spec.queue = true;
    second = rollout_start_ok ();
    cr_expect_eq (phase_of (second, NULL), WIRE_PHASE_QUEUED);
    canary = node_pending (&nodes[0], false) ? 0 : node_pending (&nodes[1], false) ? 1 : 2;
    node_forget (&nodes[(canary + 1) % 3]);
    node_obey (&nodes[canary], node_pending (&nodes[canary], false), false);
    while (!node_pending (&nodes[(canary + 2) % 3], false))
        cr_assert_neq (phase_of (first, NULL), WIRE_PHASE_HALTED);
    node_forget (&nodes[(canary + 2) % 3]);
    until_phase (first, WIRE_PHASE_DONE);
    (void) phase_of (first, &state);
    cr_expect_eq (state.waves[0].updated, 1);
    cr_expect_eq (state.waves[1].updated + state.waves[1].failed + state.waves[1].lost_before, 0);
    wire_rollout_state_deinit (&state);
    while (phase_of (second, NULL) != WIRE_PHASE_DONE && phase_of (second, NULL) != WIRE_PHASE_HALTED) {
        uint64_t epoch = node_pending (&nodes[canary], false);
        if (epoch)
            node_obey (&nodes[canary], epoch, false);
    }
    (void) phase_of (second, &state);
    cr_expect_eq (state.waves[0].failed + state.waves[0].lost_before, 0);
    wire_rollout_state_deinit (&state);
    free (first);
    free (second);
}

/*  The host of the first node cannot rehearse. */
Test (rollouts, show_an_unfit_host_and_its_next_try_and_charge_no_failure_over_a_restart_too)
{
    struct wire_list_members members = {.serial = 0};
    struct wire_rollout_state state;
    struct wire_members answer;
    struct wire_desired desired;
    struct wire_failure failure = {
        .step = "probing/free", .reason = "no scratch root", .time = "2026-01-01T00:00:00Z"};
    char *id;

    spec.node_deadline_ms =
        load_deadline_ms (8000); /* longer than the sessions of both nodes live on, as they do under load */
    waves[0].count = 0;
    spec.n_waves = 1;
    nodes_hello (2);
    id = rollout_start_ok ();
    desired = node_ask (&nodes[0]);
    failure.transaction = desired.transaction;
    nodes[0].application.seen_epoch = desired.release_epoch;
    nodes[0].application.state = WIRE_STATE_UNFIT;
    nodes[0].application.transaction = desired.transaction;
    nodes[0].application.last_error = &failure;
    nodes[0].application.retry = "2026-01-01T00:05:00Z";
    node_obey (&nodes[1], node_pending (&nodes[1], false), false);
    nodes_hello (2);
    until_waits (id, "n-000: probing/free: no scratch root; next try at 2026-01-01T00:05:00Z");
    fixture_restart (2);
    until_waits (id, "2026-01-01T00:05:00Z");
    until_phase (id, WIRE_PHASE_DONE);
    members.rollout = id;
    answer = operator_ask (operator, list_members, members, &members);
    cr_assert_eq (answer.n_members, 2);
    for (size_t i = 0; i < answer.n_members; i++) {
        const struct wire_member_state *member = &answer.members[i];
        if (strcmp (member->node, "n-000") != 0)
            continue;
        cr_expect_eq (member->state, WIRE_MEMBER_SKIPPED);
        cr_expect_str_eq (member->step, "unfit");
        cr_expect (
            strstr (member->reason, "no scratch root; unfit until its deadline: nodectl rollout retry r-"),
            "%s", member->reason);
    }
    wire_members_deinit (&answer);
    (void) phase_of (id, &state);
    cr_expect_eq (state.waves[0].failed, 0);
    cr_expect_eq (state.waves[0].updated, 1);
    wire_rollout_state_deinit (&state);
    wire_desired_deinit (&desired);
    free (id);
}

Test (rollouts, halt_when_their_release_is_withdrawn)
{
    char *id;

    nodes_hello (2);
    id = rollout_start_ok ();
    cr_assert_eq (operator_withdraw (operator, & release), WIRE_STATUS_OK);
    until_phase (id, WIRE_PHASE_HALTED);
    cr_expect_eq (rollout_steer (id, WIRE_COMMAND_RESUME), WIRE_STATUS_GONE);
    cr_expect_eq (rollout_steer (id, WIRE_COMMAND_ABORT), WIRE_STATUS_OK);
    free (id);
}
