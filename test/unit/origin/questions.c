/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/origin/questions.c - requests on the control channel, and announcements */

#include "fixture.h"
#include "wire/list.h"

TestSuite (questions, .init = rig_setup, .fini = rig_teardown, .timeout = 60);

static char node[] = "web-17", session[] = "s", platform[] = "linux/amd64", application[] = "app",
            transaction[] = "t", step[] = "probing", now[] = "2026-01-01T00:00:00.000000000Z";

static struct wire_application order_state = {.name = application, .state = WIRE_STATE_IDLE};
static const struct wire_hello HELLO = {.node = node, .session = session, .platform = platform};
static const struct wire_ask ASK = {.node = node, .session = session, .application = application};
static const struct wire_report REPORT = {.node = node,
                                          .session = session,
                                          .epoch = 3,
                                          .attempt = 2,
                                          .step = step,
                                          .outcome = WIRE_OUTCOME_PASSED,
                                          .time = now,
                                          .application = &order_state};
static const struct wire_list_nodes REQUEST = {.serial = 99};

static struct wire_match match_of (const char *content)
{
    return (struct wire_match){.node = node,
                               .application = application,
                               .release = base_digest_of (content, strlen (content)),
                               .platform = platform,
                               .transaction = transaction,
                               .attempt = 7};
}

Test (questions, every_request_gets_the_answer_of_its_operation)
{
    origin_serve (&OPS, (struct origin_config){.heartbeat_ms = 1234});
    struct bus_socket *client = client_new ("control");
    client_ask (client, &wire_hello_record, &HELLO);
    cr_assert_eq (received.welcome.status, WIRE_STATUS_OK);
    cr_assert_str_eq (received.welcome.instance, origin_instance (owner.origin));
    cr_assert_eq (received.welcome.heartbeat_ms, 1234);
    client_ask (client, &wire_ask_record, &ASK);
    cr_assert_eq (received.desired.status, WIRE_STATUS_OK);
    cr_assert_eq (received.desired.epoch, 12);
    struct wire_match match = match_of ("r");
    client_ask (client, &wire_match_record, &match);
    cr_assert_eq (received.matched.status, WIRE_STATUS_OK);
    cr_assert_str_eq (received.matched.transaction, "t");
    cr_assert_eq (received.matched.attempt, 7);
    cr_assert (base_digest_equal (&received.matched.release, &match.release));
    client_ask (client, &wire_report_record, &REPORT);
    cr_assert_eq (received.noted.status, WIRE_STATUS_OK);
    cr_assert_str_eq (received.noted.application, "app");
    cr_assert_str_eq (received.noted.step, "probing");
    cr_assert_eq (received.noted.epoch, 3);
    cr_assert_eq (received.noted.attempt, 2);
    client_ask (client, &wire_list_nodes_record, &REQUEST);
    cr_assert_eq (received.answer.serial, 99);
    cr_assert_str_eq (received.answer.reason, "put off");
    cr_assert_eq (owner.calls, 5);
    fixture_free (client);
}

Test (questions, an_operation_that_fails_is_answered_with_failed)
{
    owner.status = -EIO;
    origin_serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_new ("control");
    client_ask (client, &wire_hello_record, &HELLO);
    cr_assert_eq (received.welcome.status, WIRE_STATUS_FAILED);
    client_ask (client, &wire_ask_record, &ASK);
    cr_assert_eq (received.desired.status, WIRE_STATUS_FAILED);
    cr_assert_str_eq (received.desired.application, "app");
    cr_assert_eq (received.desired.epoch, 0);
    struct wire_match match = match_of ("r");
    client_ask (client, &wire_match_record, &match);
    cr_assert_eq (received.matched.status, WIRE_STATUS_FAILED);
    client_ask (client, &wire_report_record, &REPORT);
    cr_assert_eq (received.noted.status, WIRE_STATUS_FAILED);
    client_ask (client, &wire_list_nodes_record, &REQUEST);
    cr_assert_eq (received.answer.status, WIRE_STATUS_FAILED);
    cr_assert_eq (received.answer.serial, 99);
    fixture_free (client);
}

/*  As a parent in a rehearsal: the node goes on, and does not send them again. */
Test (questions, an_origin_that_keeps_no_states_says_so)
{
    static const char *const names[] = {"app", "noded"};
    struct wire_list list = {.node = node, .session = session, .names = names, .n_names = 2};
    struct wire_describe describe = {
        .node = node, .session = session, .serial = 7, .application = &order_state};
    struct wire_quarantine quarantine = {.node = node,
                                         .session = session,
                                         .application = application,
                                         .list = base_digest_of ("l", 1),
                                         .first = 16,
                                         .total = 17};
    struct base_digest digest = wire_list_digest (names, 2);
    origin_serve (&(struct origin_ops){0}, (struct origin_config){0});
    struct bus_socket *client = client_new ("control");
    client_ask (client, &wire_list_record, &list);
    cr_assert_eq (received.listed.status, WIRE_STATUS_NONE);
    cr_assert (base_digest_equal (&received.listed.list, &digest));
    client_ask (client, &wire_describe_record, &describe);
    cr_assert_eq (received.described.status, WIRE_STATUS_NONE);
    cr_assert_str_eq (received.described.application, "app");
    cr_assert_eq (received.described.serial, 7);
    client_ask (client, &wire_quarantine_record, &quarantine);
    cr_assert_eq (received.quarantined.status, WIRE_STATUS_NONE);
    cr_assert_str_eq (received.quarantined.application, "app");
    cr_assert_eq (received.quarantined.first, 16);
    cr_assert (base_digest_equal (&received.quarantined.list, &quarantine.list));
    fixture_free (client);
}

Test (questions, an_origin_without_signed_metadata_has_none)
{
    struct wire_want_metadata metadata = {.node = "n", .role = "root", .version = 2, .offset = 3};
    struct wire_want_consistency consistency = {.node = "n", .older = 4, .size = 5};
    origin_serve (&(struct origin_ops){0}, (struct origin_config){0});
    struct bus_socket *client = client_new ("control");
    client_ask (client, &wire_want_metadata_record, &metadata);
    cr_assert_eq (received.metadata.status, WIRE_STATUS_NONE);
    cr_assert_str_eq (received.metadata.role, "root");
    cr_assert_eq (received.metadata.version, 2);
    cr_assert_eq (received.metadata.offset, 3);
    client_ask (client, &wire_want_consistency_record, &consistency);
    cr_assert_eq (received.consistency.status, WIRE_STATUS_NONE);
    cr_assert_eq (received.consistency.older, 4);
    cr_assert_eq (received.consistency.size, 5);
    fixture_free (client);
}

Test (questions, requests_without_an_operation_are_refused)
{
    origin_serve (&(struct origin_ops){0}, (struct origin_config){0});
    struct bus_socket *client = client_new ("control");
    client_ask (client, &wire_hello_record, &HELLO);
    cr_assert_eq (received.welcome.status, WIRE_STATUS_REFUSED);
    cr_assert_eq (received.welcome.heartbeat_ms, 15000);
    client_ask (client, &wire_ask_record, &ASK);
    cr_assert_eq (received.desired.status, WIRE_STATUS_NONE);
    struct wire_match match = match_of ("r");
    client_ask (client, &wire_match_record, &match);
    cr_assert_eq (received.matched.status, WIRE_STATUS_REFUSED);
    client_ask (client, &wire_report_record, &REPORT);
    cr_assert_eq (received.noted.status, WIRE_STATUS_REFUSED);
    client_ask (client, &wire_list_nodes_record, &REQUEST);
    cr_assert_eq (received.answer.status, WIRE_STATUS_REFUSED);

    struct bus_socket *content = client_new ("content");
    struct wire_put put = {.digest = base_digest_of ("x", 1), .size = 1};
    client_ask (content, &wire_put_record, &put);
    cr_assert_eq (received.taken.status, WIRE_STATUS_REFUSED);
    struct wire_get get = {.digest = base_digest_of ("x", 1), .length = 1};
    client_ask (content, &wire_get_record, &get);
    cr_assert_eq (received.chunk.status, WIRE_STATUS_GONE);
    bus_socket_free (content);
    fixture_free (client);
}

Test (questions, an_answer_with_a_text_that_is_too_long_becomes_failed)
{
    owner.too_large = true;
    origin_serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_new ("control");
    struct wire_match match = match_of ("r");
    client_ask (client, &wire_match_record, &match);
    cr_assert_eq (received.matched.status, WIRE_STATUS_FAILED);
    cr_assert_str_eq (received.matched.application, "app");
    fixture_free (client);
}

static void answer_later (void *context)
{
    (void) context;
    struct wire_nodes answer = {.serial = 99, .status = WIRE_STATUS_OK};
    struct wire_desired desired = {.application = application, .status = WIRE_STATUS_NONE};
    if (owner.calls == 1)
        cr_assert_eq (origin_answer (owner.origin, &owner.later, &wire_nodes_record, &answer), 0);
    else
        cr_assert_eq (origin_answer (owner.origin, &owner.later, &wire_desired_record, &desired), 0);
}

Test (questions, an_answer_may_be_sent_later)
{
    owner.status = ORIGIN_LATER;
    origin_serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_new ("control");
    bus_timer_start (loop, 100, answer_later, NULL);
    client_ask (client, &wire_list_nodes_record, &REQUEST);
    cr_assert_eq (owner.calls, 1);
    cr_assert_eq (received.calls, 1);
    cr_assert_eq (received.answer.serial, 99);
    cr_assert_null (received.answer.reason);
    bus_timer_start (loop, 100, answer_later, NULL);
    client_ask (client, &wire_ask_record, &ASK);
    cr_assert_eq (received.desired.status, WIRE_STATUS_NONE);
    fixture_free (client);
}

Test (questions, a_late_answer_to_a_disconnected_peer_returns_ehostunreach)
{
    origin_serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_new ("control");
    client_ask (client, &wire_list_nodes_record, &REQUEST);
    (void) bus_socket_free (client);
    struct wire_nodes answer = {.serial = 99, .status = WIRE_STATUS_OK};
    int r = 0;
    while (r == 0) {
        r = origin_answer (owner.origin, &owner.later, &wire_nodes_record, &answer);
        rig_run_for (1);
    }
    cr_assert_eq (r, -EHOSTUNREACH);
    cr_assert_geq (origin_counts (owner.origin).unroutable, 1);
    fixture_free (NULL);
}

Test (questions, a_heartbeat_is_answered_and_an_answer_is_not)
{
    origin_serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_new ("control");
    struct wire_heartbeat heartbeat = {.sender = session, .node = node};
    client_ask (client, &wire_heartbeat_record, &heartbeat);
    cr_assert_str_eq (received.heartbeat.sender, origin_instance (owner.origin));
    cr_assert (received.heartbeat.answer);
    heartbeat.answer = true;
    cr_assert_eq (bus_send (client, NULL, &wire_heartbeat_record, &heartbeat), 0);
    struct wire_bye bye = {.node = node, .session = session};
    cr_assert_eq (bus_send (client, NULL, &wire_bye_record, &bye), 0);
    while (owner.byes == 0)
        rig_run_for (5);
    cr_assert_eq (owner.heartbeats, 2);
    cr_assert_eq (received.calls, 1);
    fixture_free (client);
}

Test (questions, messages_on_the_wrong_channel_are_counted_and_dropped)
{
    origin_serve (&OPS, (struct origin_config){0});
    struct bus_socket *client = client_new ("control"), *content = client_new ("content");
    struct wire_get get = {.digest = base_digest_of ("x", 1), .length = 1};
    struct wire_put put = {.digest = base_digest_of ("x", 1), .size = 1};
    cr_assert_eq (bus_send (client, NULL, &wire_get_record, &get), 0);
    cr_assert_eq (bus_send (client, NULL, &wire_put_record, &put), 0);
    cr_assert_eq (bus_send (content, NULL, &wire_ask_record, &ASK), 0);
    client_ask (client, &wire_hello_record, &HELLO);
    client_ask (content, &wire_get_record, &get);
    struct origin_counts counts = origin_counts (owner.origin);
    cr_assert_eq (counts.malformed, 3);
    cr_assert_eq (counts.refused[BUS_REFUSED_TYPE], 3);
    cr_assert_eq (owner.refused, 3);
    cr_assert_str_eq (owner.refusal, "ask: belongs to another channel");
    bus_socket_free (content);
    fixture_free (client);
}

Test (questions, announcements_are_numbered_within_an_instance)
{
    origin_serve (&OPS, (struct origin_config){0});
    char topic[ORIGIN_TOPIC_SIZE];
    struct bus_socket *sub = rig_socket (BUS_SUB, &(struct bus_socket_options){.on_message = on_message});
    cr_assert_eq (bus_socket_subscribe (sub, origin_ring_topic ("web-17", topic)), 0);
    rig_connect (sub, rig_ipc ("announce"));
    rig_run ();
    cr_assert_eq (owner.subscriptions, 1);
    cr_assert_eq (received.update.sequence, 1);
    cr_assert_eq (received.update.epoch, 4);
    cr_assert_str_eq (received.update.instance, origin_instance (owner.origin));
    struct wire_update anything = {.epoch = 0};
    cr_assert_eq (origin_announce (owner.origin, "update/group/other", &anything), 0);
    cr_assert_eq (origin_announce (owner.origin, topic, &anything), 0);
    rig_run ();
    cr_assert_eq (received.update.sequence, 3);
    cr_assert_null (received.update.application);
    cr_assert_eq (origin_sequence (owner.origin), 3);
    fixture_free (sub);
}

Test (questions, the_ring_is_the_first_byte_of_the_digest_of_the_id)
{
    char text[ORIGIN_TOPIC_SIZE];
    /* echo -n abc | sha256sum: ba7816bf... */
    cr_assert_str_eq (origin_ring_topic ("abc", text), "update/ring/ba");
}

Test (questions, each_origin_has_its_own_instance_and_real_endpoints)
{
    struct origin *first = NULL, *second = NULL;
    struct base_error error = {0};
    struct origin_config config = {.control = "tcp://127.0.0.1:*"};
    cr_assert_eq (origin_new (loop, &config, &OPS, &owner, &first, &error), 0);
    cr_assert_eq (origin_new (loop, &config, &OPS, &owner, &second, &error), 0);
    cr_assert_str_neq (origin_instance (first), origin_instance (second));
    cr_assert_null (origin_endpoint_announce (first));
    cr_assert_null (origin_endpoint_content (first));
    cr_assert_null (strchr (origin_endpoint_control (first), '*'));
    cr_assert_eq (origin_announce (first, "update/all", &(struct wire_update){.epoch = 0}), -ENOTSUP);
    config.control = origin_endpoint_control (first);
    struct origin *third = NULL;
    cr_assert_lt (origin_new (loop, &config, &OPS, &owner, &third, &error), 0);
    cr_assert_null (third);
    origin_free (first);
    origin_free (second);
}
