/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/fleet.c - a broker in this process, with bus sockets as its nodes and its operator */

#include "operator.h"

#include <zmq.h>

#include "records/records.h"

TestSuite (fleet, .init = operator_set_up, .fini = operator_tear_down, .timeout = 120);

Test (fleet, a_node_without_an_order_has_no_desired_state)
{
    struct node node;
    struct wire_desired desired;

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    desired = node_ask (&node);
    cr_assert_eq (desired.status, WIRE_STATUS_NONE);
    cr_assert_str_eq (desired.application, "noded");
    wire_desired_deinit (&desired);
    peer_free (node.control);
}

Test (fleet, an_unknown_session_must_send_a_hello_first)
{
    struct node node;
    struct wire_desired desired;

    node_init (&node, &fixture, "web-1");
    desired = node_ask (&node);
    cr_assert_eq (desired.status, WIRE_STATUS_REFUSED);
    wire_desired_deinit (&desired);
    cr_assert_eq (node_report (&node, 1, "t-1", "start", WIRE_OUTCOME_PASSED, NULL), WIRE_STATUS_REFUSED);
    node_hello (&node);
    cr_assert_eq (node_report (&node, 1, "t-1", "start", WIRE_OUTCOME_PASSED, NULL), WIRE_STATUS_OK);
    peer_free (node.control);
}

/*  The line of a report is that of the time at which it was queued. */
Test (fleet, a_report_after_a_hello_with_a_later_line_is_not_a_journal_fault)
{
    struct node node;
    struct wire_node shown;
    struct wire_welcome welcome;
    struct wire_noted noted;

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    struct wire_hello hello = {.node = node.id,
                               .session = node.session,
                               .platform = "linux/amd64",
                               .journal_serial = 20,
                               .journal_head = digest_of ("line 20")};
    struct wire_report report = {.node = node.id,
                                 .session = node.session,
                                 .epoch = 1,
                                 .attempt = 1,
                                 .step = "start",
                                 .outcome = WIRE_OUTCOME_PASSED,
                                 .time = "2026-11-22T15:00:00.000000000Z",
                                 .application = &node.application,
                                 .journal_serial = 7,
                                 .journal_head = digest_of ("line 7")};
    peer_send (node.control, &wire_hello_record, &hello); /* both are written in one round */
    peer_send (node.control, &wire_report_record, &report);
    peer_expect (node.control, &wire_welcome_record, &welcome);
    wire_welcome_deinit (&welcome);
    peer_expect (node.control, &wire_noted_record, &noted);
    cr_expect_eq (noted.status, WIRE_STATUS_OK);
    wire_noted_deinit (&noted);
    shown = operator_node (operator, "web-1");
    cr_expect_null (shown.journal_fault, "%s", shown.journal_fault);
    cr_expect_eq (shown.journal_serial, 20);
    wire_node_deinit (&shown);
    peer_free (node.control);
}

Test (fleet, an_update_is_ordered_matched_reported_and_confirmed)
{
    struct node node;
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");
    struct wire_order_result ordered;
    struct wire_desired desired;
    struct wire_matched matched;
    struct wire_node shown;
    struct wire_match match = {.node = "web-1",
                               .application = "noded",
                               .release = release,
                               .platform = "linux/amd64",
                               .transaction = "t-x",
                               .attempt = 1};

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    ordered = operator_order (operator, WIRE_ORDER_UPDATE, "web-1", NULL);
    cr_assert (ordered.status == WIRE_STATUS_OK, "%s", ordered.reason);
    cr_assert_str_eq (ordered.version, "2.0.0");
    desired = node_ask (&node);
    cr_assert_eq (desired.status, WIRE_STATUS_OK);
    cr_assert_eq (desired.epoch, ordered.epoch);
    cr_assert_eq (desired.release_epoch, ordered.epoch);
    cr_assert_str_eq (desired.transaction, ordered.transaction);
    cr_assert (base_digest_equal (&desired.release, &release));

    peer_send (node.control, &wire_match_record, &match);
    peer_expect (node.control, &wire_matched_record, &matched);
    cr_assert_eq (matched.status, WIRE_STATUS_OK);
    cr_assert_gt (matched.size, 0, "of the release document");
    cr_assert_str_eq (matched.transaction, "t-x");
    wire_matched_deinit (&matched);

    node.application.state = WIRE_STATE_FETCHING;
    node.application.transaction = desired.transaction;
    node_report (&node, desired.epoch, desired.transaction, "fetching", WIRE_OUTCOME_STARTED, NULL);
    shown = operator_node (operator, "web-1");
    cr_assert (shown.online);
    cr_assert_eq (shown.application->state, WIRE_STATE_FETCHING);
    cr_assert_eq (shown.desired_epoch, desired.epoch);
    cr_assert_eq (shown.outcome, WIRE_OUTCOME_NULL, "an order under way has no outcome");
    wire_node_deinit (&shown);

    node.application.state = WIRE_STATE_CONFIRMED;
    node.application.epoch = desired.epoch;
    node.application.release = release;
    node.application.version = "2.0.0";
    node_report (&node, desired.epoch, desired.transaction, "trial", WIRE_OUTCOME_CONFIRMED, NULL);
    shown = operator_node (operator, "web-1");
    cr_assert_eq (shown.outcome, WIRE_OUTCOME_CONFIRMED);
    cr_assert_str_eq (shown.outcome_word, "confirmed");
    cr_assert_str_eq (shown.outcome_step, "trial");
    wire_node_deinit (&shown);
    wire_desired_deinit (&desired);
    wire_order_result_deinit (&ordered);
    peer_free (node.control);
}

Test (fleet, an_order_survives_a_restart_and_its_node_is_offline_until_its_hello)
{
    struct node node;
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");
    struct wire_order_result ordered;
    struct wire_desired desired;
    struct wire_node shown;

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    ordered = operator_order (operator, WIRE_ORDER_UPDATE, "web-1", &release);
    peer_free (node.control);
    fixture_restart ();
    shown = operator_node (operator, "web-1");
    cr_assert_not (shown.online);
    cr_assert_eq (shown.desired_epoch, ordered.epoch);
    cr_assert_str_eq (shown.host_pid, "testhost, pid 1");
    wire_node_deinit (&shown);
    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    desired = node_ask (&node);
    cr_assert_str_eq (desired.transaction, ordered.transaction);
    cr_assert_eq (desired.epoch, ordered.epoch);
    wire_desired_deinit (&desired);
    wire_order_result_deinit (&ordered);
    peer_free (node.control);
}

Test (fleet, epochs_continue_above_the_highest_that_a_node_has_seen)
{
    const uint64_t far = base_time_real_ns () / 1000000 + 3600 * 1000; /* of a clock that was an hour ahead */
    struct node node;
    struct wire_order_result ordered;

    (void) fixture_publish (&fixture, operator, "2.0.0");
    node_init (&node, &fixture, "web-1");
    node.application.seen_epoch = far + 1;
    node.application.epoch = far;
    node_hello (&node);
    ordered = operator_order (operator, WIRE_ORDER_UPDATE, "web-1", NULL);
    cr_assert_eq (ordered.epoch, far + 2);
    wire_order_result_deinit (&ordered);
    peer_free (node.control);
}

Test (fleet, a_confirmation_counts_only_with_the_release_and_the_program_of_the_order)
{
    struct node node;
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");
    struct wire_order_result ordered;
    struct wire_node shown;

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    ordered = operator_order (operator, WIRE_ORDER_UPDATE, "web-1", &release);
    node.application.state = WIRE_STATE_CONFIRMED;
    node.application.epoch = ordered.epoch;
    cr_expect_eq (
        node_report (&node, ordered.epoch, ordered.transaction, "trial", WIRE_OUTCOME_CONFIRMED, NULL),
        WIRE_STATUS_INVALID, "the node runs another release");
    node.application.release = release;
    node.binary = digest_of ("another program");
    cr_expect_eq (
        node_report (&node, ordered.epoch, ordered.transaction, "trial", WIRE_OUTCOME_CONFIRMED, NULL),
        WIRE_STATUS_INVALID, "another program");
    node.binary = digest_of ("2.0.0");
    cr_expect_eq (
        node_report (&node, ordered.epoch, ordered.transaction, "idle", WIRE_OUTCOME_CONFIRMED, NULL),
        WIRE_STATUS_INVALID, "another step");
    shown = operator_node (operator, "web-1");
    cr_expect_neq (shown.outcome, WIRE_OUTCOME_CONFIRMED);
    wire_node_deinit (&shown);
    cr_expect_eq (
        node_report (&node, ordered.epoch, ordered.transaction, "trial", WIRE_OUTCOME_CONFIRMED, NULL),
        WIRE_STATUS_OK);
    shown = operator_node (operator, "web-1");
    cr_expect_eq (shown.outcome, WIRE_OUTCOME_CONFIRMED);
    wire_node_deinit (&shown);
    wire_order_result_deinit (&ordered);
    peer_free (node.control);
}

Test (fleet, an_order_that_is_sent_again_gets_the_same_answer)
{
    struct node node;
    const char *nodes[] = {"web-1"};
    struct wire_order_hold request = {.key = "key-1", .nodes = nodes, .n_nodes = 1};
    struct wire_orders first, second, third;

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    first = operator_ask (operator, order_hold, orders, &request);
    second = operator_ask (operator, order_hold, orders, &request);
    request.key = "key-2";
    third = operator_ask (operator, order_hold, orders, &request);
    cr_assert_eq (second.orders[0].epoch, first.orders[0].epoch);
    cr_assert_gt (third.orders[0].epoch, first.orders[0].epoch);
    wire_orders_deinit (&first);
    wire_orders_deinit (&second);
    wire_orders_deinit (&third);
    peer_free (node.control);
}

Test (fleet, an_order_is_announced_on_the_ring_of_its_node)
{
    struct node node;
    char topic[64];
    struct peer *ear = peer_new (fixture.loop, BUS_SUB, broker_endpoint_announce (fixture.broker));
    struct wire_order_result ordered;
    struct wire_update update;
    int index;

    (void) snprintf (topic, sizeof topic, "update/ring/%02x", digest_of ("web-1").bytes[0]);
    cr_assert (bus_socket_subscribe (ear->socket, topic) == 0);
    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    /* A subscription takes effect some time later: repeat the order until it is announced. */
    do {
        ordered = operator_order (operator, WIRE_ORDER_HOLD, "web-1", NULL);
        index = peer_wait (ear, &wire_update_record, 500);
        if (index < 0)
            wire_order_result_deinit (&ordered);
    } while (index < 0);
    cr_assert_str_eq (ear->inbox[index].topic, topic);
    peer_expect (ear, &wire_update_record, &update);
    cr_assert_str_eq (update.application, "noded");
    cr_assert_eq (update.epoch, ordered.epoch);
    wire_update_deinit (&update);
    wire_order_result_deinit (&ordered);
    peer_free (ear);
    peer_free (node.control);
}

Test (fleet, a_node_on_trial_gets_an_announcement_when_it_subscribes)
{
    struct node node;
    char topic[64];
    struct peer *ear;
    struct wire_update update;

    (void) snprintf (topic, sizeof topic, "update/ring/%02x", digest_of ("web-1").bytes[0]);
    node_init (&node, &fixture, "web-1");
    node.application.state = WIRE_STATE_TRIAL;
    node_hello (&node);
    ear = peer_new (fixture.loop, BUS_SUB, broker_endpoint_announce (fixture.broker));
    cr_assert (bus_socket_subscribe (ear->socket, topic) == 0);
    peer_expect (ear, &wire_update_record, &update);
    wire_update_deinit (&update);
    peer_free (ear);
    /* A second subscriber on the same ring gets one, too, although its subscription is not new to the
       socket. */
    ear = peer_new (fixture.loop, BUS_SUB, broker_endpoint_announce (fixture.broker));
    cr_assert (bus_socket_subscribe (ear->socket, topic) == 0);
    peer_expect (ear, &wire_update_record, &update);
    wire_update_deinit (&update);
    peer_free (ear);
    peer_free (node.control);
}

Test (fleet, events_are_lines_of_json_that_any_zeromq_tool_reads)
{
    void *context = zmq_ctx_new ();
    void *ear = zmq_socket (context, ZMQ_SUB);
    char topic[128] = "", line[2048] = "";
    struct wire_node_event node_event;

    cr_assert_eq (zmq_setsockopt (ear, ZMQ_SUBSCRIBE, "event/", 6), 0);
    cr_assert_eq (zmq_connect (ear, broker_endpoint_events (fixture.broker)), 0);
    /* A subscription takes effect some time later: connect nodes until an event arrives. */
    for (int i = 0; !topic[0]; i++) {
        struct node node;
        char id[16];
        cr_assert (i < 1000);
        (void) snprintf (id, sizeof id, "web-%d", i);
        node_init (&node, &fixture, id);
        node_hello (&node);
        (void) zmq_recv (ear, topic, sizeof topic - 1, ZMQ_DONTWAIT);
        peer_free (node.control);
    }
    cr_assert (zmq_recv (ear, line, sizeof line - 1, 0) > 0);
    cr_assert (wire_json_parse (&wire_node_event_record, line, strlen (line), &node_event, NULL) == 0, "%s",
               line);
    cr_assert_eq (strncmp (topic, "event/web-", 10), 0);
    cr_assert (node_event.sequence > 0);
    cr_assert_not_null (strstr (topic, node_event.node));
    wire_node_event_deinit (&node_event);
    zmq_close (ear);
    zmq_ctx_term (context);
}

Test (fleet, a_withdrawn_release_matches_only_on_a_node_that_runs_it)
{
    struct node node;
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");
    struct wire_match match = {.node = "web-1",
                               .application = "noded",
                               .release = release,
                               .platform = "linux/amd64",
                               .transaction = "t-x",
                               .attempt = 1};
    struct wire_matched matched;

    cr_assert_eq (operator_withdraw (operator, & release), WIRE_STATUS_OK);
    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    peer_send (node.control, &wire_match_record, &match);
    peer_expect (node.control, &wire_matched_record, &matched);
    cr_assert_eq (matched.status, WIRE_STATUS_GONE);
    wire_matched_deinit (&matched);
    node.application.release = release;
    node_report (&node, 1, "t-x", "start", WIRE_OUTCOME_PASSED, NULL);
    peer_send (node.control, &wire_match_record, &match);
    peer_expect (node.control, &wire_matched_record, &matched);
    cr_assert_eq (matched.status, WIRE_STATUS_OK);
    wire_matched_deinit (&matched);
    match.platform = "plan9/mips";
    peer_send (node.control, &wire_match_record, &match);
    peer_expect (node.control, &wire_matched_record, &matched);
    cr_assert_eq (matched.status, WIRE_STATUS_NONE);
    wire_matched_deinit (&matched);
    peer_free (node.control);
}

Test (fleet, a_second_live_session_is_refused_and_both_are_named)
{
    struct node first, second;
    struct wire_welcome welcome;
    struct wire_heartbeat heartbeat;
    struct wire_heartbeat alive = {.node = "web-1", .answer = true};

    node_init (&first, &fixture, "web-1");
    node_hello (&first);
    node_init (&second, &fixture, "web-1");
    node_hello_send (&second);
    peer_expect (first.control, &wire_heartbeat_record, &heartbeat);
    cr_assert_not (heartbeat.answer);
    wire_heartbeat_deinit (&heartbeat);
    alive.sender = first.session;
    peer_send (first.control, &wire_heartbeat_record, &alive);
    peer_expect (second.control, &wire_welcome_record, &welcome);
    cr_assert_eq (welcome.status, WIRE_STATUS_REFUSED);
    cr_assert_not_null (strstr (welcome.reason, "testhost, pid 1"));
    cr_assert_null (strstr (welcome.reason, first.session), "a session identifies its node and is not shown");
    cr_assert_null (strstr (welcome.reason, second.session));
    wire_welcome_deinit (&welcome);
    peer_free (first.control);
    peer_free (second.control);
}

Test (fleet, a_session_whose_connection_is_gone_is_replaced)
{
    struct node first, second;

    node_init (&first, &fixture, "web-1");
    node_hello (&first);
    peer_free (first.control);
    node_init (&second, &fixture, "web-1");
    node_hello (&second);
    peer_free (second.control);
}

Test (fleet, a_session_that_does_not_answer_is_replaced)
{
    struct node first, second;
    struct wire_desired desired;

    node_init (&first, &fixture, "web-1");
    node_hello (&first);
    node_init (&second, &fixture, "web-1");
    node_hello (&second);
    desired = node_ask (&first);
    cr_assert_eq (desired.status, WIRE_STATUS_REFUSED);
    wire_desired_deinit (&desired);
    peer_free (first.control);
    peer_free (second.control);
}

Test (fleet, a_goodbye_and_silence_make_a_node_offline_and_end_a_wait)
{
    struct node node;
    const char *nodes[] = {"web-1"};
    struct wire_list_nodes request = {.nodes = nodes, .n_nodes = 1};
    struct wire_nodes answer;
    struct wire_bye bye = {.node = "web-1"};

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    answer = operator_ask (operator, list_nodes, nodes, &request);
    cr_assert (answer.nodes[0].online);
    request.since = answer.revision;
    request.wait_ms = 60000;
    wire_nodes_deinit (&answer);
    bye.session = node.session;
    request.serial++;
    peer_send (operator, & wire_list_nodes_record, &request);
    peer_send (node.control, &wire_bye_record, &bye);
    peer_expect (operator, & wire_nodes_record, &answer);
    cr_assert_eq (answer.n_nodes, 1);
    cr_assert_not (answer.nodes[0].online);
    wire_nodes_deinit (&answer);
    peer_free (node.control);

    fixture.heartbeat_ms = load_deadline_ms (100);
    fixture.liveness_ms = load_deadline_ms (400);
    fixture_restart ();
    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    request.since = 0;
    answer = operator_ask (operator, list_nodes, nodes, &request);
    request.since = answer.revision;
    wire_nodes_deinit (&answer);
    answer = operator_ask (operator, list_nodes, nodes, &request);
    cr_assert_eq (answer.n_nodes, 1);
    cr_assert_not (answer.nodes[0].online);
    wire_nodes_deinit (&answer);
    peer_free (node.control);
}

Test (fleet, a_result_that_is_never_reported_is_inferred_after_a_while)
{
    struct node node;
    const char *nodes[] = {"web-1"};
    struct wire_list_nodes request = {.nodes = nodes, .n_nodes = 1};
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");
    struct wire_order_result ordered;
    struct wire_node shown;
    struct wire_nodes answer;

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    ordered = operator_order (operator, WIRE_ORDER_UPDATE, "web-1", &release);
    node.application.epoch = ordered.epoch;
    node.application.release = release;
    node_hello (&node);
    shown = operator_node (operator, "web-1");
    cr_assert_eq (shown.outcome, WIRE_OUTCOME_NULL, "the report may be on its way");
    request.since = shown.revision;
    request.wait_ms = 60000;
    answer = operator_ask (operator, list_nodes, nodes, &request);
    cr_assert_eq (answer.n_nodes, 1);
    cr_assert_eq (answer.nodes[0].outcome, WIRE_OUTCOME_CONFIRMED);
    wire_nodes_deinit (&answer);
    wire_node_deinit (&shown);
    wire_order_result_deinit (&ordered);
    peer_free (node.control);
}

Test (fleet, reports_that_arrive_together_are_recorded_and_one_failure_affects_no_other)
{
    enum { MORE = 10, SENT = RECORDS_APPLICATIONS_MOST + MORE };
    struct node node;
    unsigned kept = 0, refused = 0;
    char name[32];

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    for (unsigned i = 0; i < SENT; i++) {
        struct wire_application application = node.application;
        struct wire_report report = {.node = node.id,
                                     .session = node.session,
                                     .epoch = 1,
                                     .attempt = 1,
                                     .step = "trial",
                                     .outcome = WIRE_OUTCOME_CONFIRMED,
                                     .time = "2026-11-22T15:00:00.000000000Z",
                                     .application = &application};
        (void) snprintf (name, sizeof name, "app-%u", i);
        application.name = name;
        peer_send (node.control, &wire_report_record, &report);
    }
    for (unsigned i = 0; i < SENT; i++) {
        struct wire_noted noted;
        peer_expect (node.control, &wire_noted_record, &noted);
        if (noted.status == WIRE_STATUS_OK)
            kept++;
        else if (noted.status == WIRE_STATUS_INVALID)
            refused++;
        wire_noted_deinit (&noted);
    }
    cr_assert_eq (kept, RECORDS_APPLICATIONS_MOST - 1, "in addition to noded itself");
    cr_assert_eq (refused, MORE + 1);

    /* acknowledged reports are on disk */
    fixture_restart ();
    struct wire_list_reports request = {.node = node.id, .application = name};
    (void) snprintf (name, sizeof name, "app-%u", RECORDS_APPLICATIONS_MOST - 2);
    struct wire_reports answer = operator_ask (operator, list_reports, reports, &request);
    cr_assert_eq (answer.n_reports, 1);
    wire_reports_deinit (&answer);
    peer_free (node.control);
}
