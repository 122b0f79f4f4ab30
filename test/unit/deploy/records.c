/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/deploy/records.c - how rollouts are started, recorded, and continued from the records */

#include "rollouts.h"

TestSuite (rollouts, .init = set_up, .fini = tear_down, .timeout = 600);

Test (rollouts, proceed_wave_by_wave_and_record_their_transitions)
{
    struct wire_list_transitions request = {.serial = 0};
    struct wire_rollout_state state;
    struct wire_transitions answer;
    char *id;

    nodes_hello (3);
    id = rollout_start_ok ();
    cr_expect_eq (nodes_pending (3), 1, "the canary alone");
    while (phase_of (id, NULL) != WIRE_PHASE_DONE)
        (void) nodes_obey (3, false);
    (void) phase_of (id, &state);
    cr_expect (state.over);
    cr_expect_eq (state.waves[0].updated + state.waves[1].updated, 3);
    cr_expect_not_null (state.waves[1].ended);
    wire_rollout_state_deinit (&state);
    request.rollout = id;
    answer = operator_ask (operator, list_transitions, transitions, &request);
    cr_assert_geq (answer.n_transitions, 5);
    cr_expect_str_eq (answer.transitions[0].user, "me@here");
    cr_expect_eq (answer.transitions[answer.n_transitions - 1].phase, WIRE_PHASE_DONE);
    cr_expect_eq (count_of ("SELECT count(*) FROM issued WHERE rollout IS NOT NULL"), 3);
    wire_transitions_deinit (&answer);
    free (id);
}

Test (rollouts, are_started_once_by_all_requests_with_one_key)
{
    struct wire_started first, again;

    nodes_hello (2);
    first = rollout_start ("key");
    again = rollout_start ("key");
    cr_assert_eq (first.status, WIRE_STATUS_OK, "%s", first.reason);
    cr_assert_eq (again.status, WIRE_STATUS_OK, "%s", again.reason);
    cr_expect_str_eq (first.rollout->id, again.rollout->id);
    cr_expect_eq (count_of ("SELECT count(*) FROM rollouts"), 1);
    wire_started_deinit (&first);
    wire_started_deinit (&again);
    again = rollout_start ("another");
    cr_expect_eq (again.status, WIRE_STATUS_BUSY);
    wire_started_deinit (&again);
}

/*  The plan that a client has shown may be out of date when the client sends the start request. */
Test (rollouts, are_started_as_they_were_planned_or_not_at_all)
{
    struct wire_plan_rollout plan = {.spec = &spec};
    struct wire_start_rollout request = {.spec = &spec};
    struct wire_planned planned;
    struct wire_started answer;

    nodes_hello (2);
    planned = operator_ask (operator, plan_rollout, planned, &plan);
    cr_assert_eq (planned.status, WIRE_STATUS_OK, "%s", planned.reason);
    request.plan = planned.plan->hash;
    wire_planned_deinit (&planned);
    nodes_hello (3); /* one node more */
    answer = operator_ask (operator, start_rollout, started, &request);
    cr_expect_eq (answer.status, WIRE_STATUS_REFUSED);
    cr_expect (answer.reason && strstr (answer.reason, "has changed"), "%s", answer.reason);
    cr_assert_not_null (answer.plan);
    request.plan = answer.plan->hash;
    wire_started_deinit (&answer);
    cr_expect_eq (count_of ("SELECT count(*) FROM rollouts"), 0);
    answer = operator_ask (operator, start_rollout, started, &request);
    cr_expect_eq (answer.status, WIRE_STATUS_OK, "%s", answer.reason);
    wire_started_deinit (&answer);
}

Test (rollouts, that_cannot_be_recorded_are_not_started)
{
    struct wire_started answer;
    char *id;

    nodes_hello (2);
    database_execute ("CREATE TRIGGER full BEFORE INSERT ON issued BEGIN SELECT RAISE (FAIL, 'full'); END");
    answer = rollout_start (NULL);
    cr_expect_eq (answer.status, WIRE_STATUS_FAILED);
    wire_started_deinit (&answer);
    cr_expect_eq (count_of ("SELECT count(*) FROM rollouts"), 0);
    cr_expect_eq (nodes_obey (2, false), 0, "no node has an order");
    database_execute ("DROP TRIGGER full");
    id = rollout_start_ok ();
    cr_expect_eq (nodes_pending (2), 1);
    free (id);
}

Test (rollouts, continue_once_they_can_be_recorded_again_and_order_no_node_twice)
{
    char *id;

    nodes_hello (3);
    id = rollout_start_ok ();
    database_execute ("CREATE TRIGGER full BEFORE INSERT ON issued BEGIN SELECT RAISE (FAIL, 'full'); END");
    cr_expect_eq (nodes_obey (3, false), 1);
    for (int i = 0; i < 50; i++) /* the next wave is tried, and cannot be recorded */
        cr_expect_eq (nodes_obey (3, false), 0);
    cr_expect_eq (rollout_steer (id, WIRE_COMMAND_PAUSE), WIRE_STATUS_OK, "a pause orders no node");
    cr_expect_eq (rollout_steer (id, WIRE_COMMAND_RESUME), WIRE_STATUS_FAILED);
    database_execute ("DROP TRIGGER full");
    while (rollout_steer (id, WIRE_COMMAND_RESUME) != WIRE_STATUS_OK)
        continue;
    while (phase_of (id, NULL) != WIRE_PHASE_DONE)
        (void) nodes_obey (3, false);
    cr_expect_eq (count_of ("SELECT count(*) FROM issued"), 3);
    free (id);
}

Test (rollouts, continue_after_a_restart_with_the_same_orders)
{
    uint64_t epoch, before;
    char *id;

    nodes_hello (1);
    id = rollout_start_ok ();
    before = node_pending (&nodes[0], false);
    cr_assert (before);
    fixture_restart (1);
    epoch = node_pending (&nodes[0], false);
    cr_expect_eq (epoch, before);
    node_obey (&nodes[0], epoch, false);
    until_phase (id, WIRE_PHASE_DONE);
    cr_expect_eq (node_pending (&nodes[0], false), 0);
    free (id);
}

/*  The path of a file in the broker's root: of the records, or beside them. */
static const char *root_path (const char *name, char path[96])
{
    (void) snprintf (path, 96, "%s/%s", fixture.root, name);
    return path;
}

static void records_set_back (const char *copy)
{
    char from[96], to[96];

    operator= peer_free (operator);
    nodes_leave ();
    fixture_stop (&fixture);
    (void) unlink (root_path ("broker.db-wal", to));
    (void) unlink (root_path ("broker.db-shm", to));
    (void) unlink (root_path ("records.mark", to)); /* as when the whole root is set back */
    cr_assert_eq (rename (root_path (copy, from), root_path ("broker.db", to)), 0);
    fixture_start (&fixture);
    operator= fixture_control (&fixture);
}

/*  The rollout was aborted with one node of the second wave updated. The copy knows only the canary. */
Test (rollouts, pause_for_an_operator_when_the_records_are_older_than_a_node)
{
    struct wire_rollout_state state;
    char *id, *sql;

    spec.concurrency = 1;
    nodes_hello (3);
    id = rollout_start_ok ();
    cr_assert_gt (asprintf (&sql, "VACUUM INTO '%s/copy'", fixture.root), 0);
    database_execute (sql);
    free (sql);
    for (unsigned i = 0, done = 0; done < 2; i = (i + 1) % 3) {
        uint64_t epoch = node_pending (&nodes[i], false);
        if (!epoch)
            continue;
        node_obey (&nodes[i], epoch, false);
        done++;
    }
    cr_assert_eq (rollout_steer (id, WIRE_COMMAND_ABORT), WIRE_STATUS_OK);

    records_set_back ("copy");
    nodes_hello (3);
    for (int i = 0; i < 50; i++)
        cr_expect_eq (nodes_pending (3), 0);
    (void) phase_of (id, &state);
    cr_expect (state.paused);
    cr_expect (state.reason && strstr (state.reason, "an older copy"), "%s", state.reason);
    wire_rollout_state_deinit (&state);
    cr_assert_eq (rollout_steer (id, WIRE_COMMAND_RESUME), WIRE_STATUS_OK);
    while (phase_of (id, &state) != WIRE_PHASE_DONE) {
        wire_rollout_state_deinit (&state);
        (void) nodes_obey (3, false);
    }
    cr_expect_null (state.reason);
    wire_rollout_state_deinit (&state);
    free (id);
}

/*  The nodes with an order stay away for longer than the liveness time. */
Test (rollouts, wait_after_a_restart_for_nodes_that_reconnect_late)
{
    bool ordered[3];
    char *id;

    fixture.heartbeat_ms = load_deadline_ms (100);
    fixture.liveness_ms = load_deadline_ms (300);
    nodes_hello (3);
    id = rollout_start_ok ();
    for (unsigned i = 0; i < 3; i++)
        ordered[i] = node_pending (&nodes[i], false) != 0;
    fixture_restart (0);
    for (unsigned i = 0; i < 3; i++) {
        nodes[i].control = fixture_control (&fixture);
        if (!ordered[i])
            node_hello (&nodes[i]);
    }
    for (uint64_t until_ms = base_time_boot_ms () + load_deadline_ms (1500);
         base_time_boot_ms () < until_ms;) {
        for (unsigned i = 0; i < 3; i++) {
            struct wire_heartbeat beat = {.sender = nodes[i].session, .node = ids[i]};
            if (!ordered[i])
                peer_send (nodes[i].control, &wire_heartbeat_record, &beat);
        }
        (void) peer_wait (nodes[0].control, &wire_chunk_record, 50);
    }
    cr_assert_eq (phase_of (id, NULL), WIRE_PHASE_UPDATING);
    nodes_hello (3);
    while (phase_of (id, NULL) != WIRE_PHASE_DONE)
        (void) nodes_obey (3, false);
    free (id);
}

Test (rollouts, revert_every_node_once_when_the_broker_dies_meanwhile)
{
    char *id;

    spec.n_waves = 1;
    waves[0].count = 0;
    nodes_hello (MANY);
    id = rollout_start_ok ();
    for (unsigned done = 0; done < MANY;)
        done += nodes_obey (MANY, false);
    until_phase (id, WIRE_PHASE_DONE);
    database_execute (
        "CREATE TRIGGER full BEFORE INSERT ON issued WHEN (SELECT count(*) FROM issued WHERE verb ="
        " 'revert') >= 280 BEGIN SELECT RAISE (FAIL, 'full'); END");
    cr_assert_eq (rollout_steer (id, WIRE_COMMAND_REVERT), WIRE_STATUS_OK,
                  "as many as fit into one transaction");
    cr_expect_eq (count_of ("SELECT count(*) FROM issued WHERE verb = 'revert'"), DEPLOY_ORDERS_MOST);
    fixture_restart (MANY);
    database_execute ("DROP TRIGGER full");
    fixture_restart (MANY);
    for (unsigned done = 0; done < MANY;)
        done += nodes_obey (MANY, true);
    until_phase (id, WIRE_PHASE_REVERTED);
    cr_expect_eq (count_of ("SELECT count(*) FROM issued WHERE verb = 'revert'"), MANY);
    cr_expect_eq (count_of ("SELECT count(DISTINCT node) FROM issued WHERE verb = 'revert'"), MANY);
    cr_expect_eq (count_of ("SELECT count(*) FROM members WHERE state = 'reverted'"), MANY);
    free (id);
}
