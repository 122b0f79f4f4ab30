/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/labels.c - labels, facts, and the count of restarts without a goodbye

    A broker in this process, with bus sockets as its nodes and its operator. */

#include "operator.h"

#include "origin/origin.h"

TestSuite (labels, .init = operator_set_up, .fini = operator_tear_down, .timeout = 120);

static struct wire_label label_make (const char *name, const char *value)
{
    return (struct wire_label){.name = name, .value = value, .own = true};
}

static void node_hello_with (struct node *node, struct wire_label *labels, size_t count)
{
    struct wire_hello hello = {.node = node->id,
                               .session = node->session,
                               .software = "1.0.0",
                               .platform = "linux/amd64",
                               .kernel = "6.1.0",
                               .trial = node->application.state == WIRE_STATE_TRIAL,
                               .labels = labels,
                               .n_labels = count};
    struct wire_welcome welcome;

    peer_send (node->control, &wire_hello_record, &hello);
    peer_expect (node->control, &wire_welcome_record, &welcome);
    cr_assert_eq (welcome.status, WIRE_STATUS_OK);
    wire_welcome_deinit (&welcome);
    cr_assert_eq (node_describe (node, &node->application), WIRE_STATUS_OK);
}

/*  Compares the labels as one text, such as "role=web! zone=a "; "!" marks the node's own. */
static void expect_labels (const char *id, const char *wanted)
{
    struct wire_node node = operator_node (operator, id);
    char text[512] = "";

    for (size_t i = 0; i < node.n_labels; i++)
        (void) snprintf (text + strlen (text), sizeof text - strlen (text), "%s=%s%s ", node.labels[i].name,
                         node.labels[i].value, node.labels[i].own ? "!" : "");
    cr_expect_str_eq (text, wanted);
    wire_node_deinit (&node);
}

static struct wire_orders label_order (const char *id, struct wire_label *labels, size_t count,
                                       const char *key)
{
    const char *nodes[] = {id};
    struct wire_label_nodes request = {
        .nodes = nodes, .n_nodes = id ? 1 : 0, .all = !id, .labels = labels, .n_labels = count, .key = key};

    return operator_ask (operator, label_nodes, orders, &request);
}

static void label_set (const char *id, const char *name, const char *value)
{
    struct wire_label one = label_make (name, value);
    struct wire_orders answer = label_order (id, &one, 1, NULL);

    cr_assert_eq (answer.status, WIRE_STATUS_OK, "%s", answer.reason);
    cr_assert_eq (answer.orders[0].status, WIRE_STATUS_OK, "%s", answer.orders[0].reason);
    wire_orders_deinit (&answer);
}

/*  Compares the ids of the nodes that a selector matches, such as "web-1 web-2 ". */
static void expect_selected (const char *selector, const char *wanted)
{
    struct wire_list_nodes request = {.selector = selector};
    struct wire_nodes answer = operator_ask (operator, list_nodes, nodes, &request);
    char ids[256] = "";

    cr_assert_eq (answer.status, WIRE_STATUS_OK, "%s", answer.reason);
    for (size_t i = 0; i < answer.n_nodes; i++)
        (void) snprintf (ids + strlen (ids), sizeof ids - strlen (ids), "%s ", answer.nodes[i].id);
    cr_expect_str_eq (ids, wanted, "%s: %s", selector, ids);
    wire_nodes_deinit (&answer);
}

Test (labels, an_operators_label_overrides_the_nodes_own_until_it_is_removed)
{
    struct wire_label own[] = {label_make ("role", "web"), label_make ("zone", "eu-1")};
    struct node node;

    node_init (&node, &fixture, "web-1");
    node_hello_with (&node, own, 2);
    expect_labels ("web-1", "role=web! zone=eu-1! ");
    label_set ("web-1", "zone", "eu-2");
    label_set ("web-1", "owner", "ops");
    expect_labels ("web-1", "owner=ops role=web! zone=eu-2 ");
    node_hello_with (&node, own, 1); /* removed from node.zpl */
    expect_labels ("web-1", "owner=ops role=web! zone=eu-2 ");
    node_hello_with (&node, own, 2);
    fixture_restart ();
    expect_labels ("web-1", "owner=ops role=web! zone=eu-2 ");
    label_set ("web-1", "zone", NULL);
    label_set ("web-1", "owner", NULL);
    expect_labels ("web-1", "role=web! zone=eu-1! ");
    peer_free (node.control);
}

Test (labels, a_selector_finds_nodes_by_labels_and_facts)
{
    struct wire_label web[] = {label_make ("role", "web")}, db[] = {label_make ("role", "db")};
    struct node one, two, three;

    node_init (&one, &fixture, "a-1");
    node_init (&two, &fixture, "a-2");
    node_init (&three, &fixture, "b-1");
    node_hello_with (&one, web, 1);
    node_hello_with (&two, db, 1);
    node_hello_with (&three, NULL, 0);
    expect_selected ("role=web", "a-1 ");
    expect_selected ("role!=web", "a-2 b-1 ");
    expect_selected ("a-*", "a-1 a-2 ");
    expect_selected ("kernel=6.* and platform=linux/amd64 and version=1.0.0", "a-1 a-2 b-1 ");
    label_set (NULL, "role", "db"); /* on all nodes */
    expect_selected ("role=db", "a-1 a-2 b-1 ");
    peer_free (one.control);
    peer_free (two.control);
    peer_free (three.control);
}

Test (labels, an_invalid_selector_is_reported)
{
    struct wire_list_nodes request = {.selector = "role="};
    struct wire_nodes answer = operator_ask (operator, list_nodes, nodes, &request);

    cr_expect_eq (answer.status, WIRE_STATUS_INVALID);
    cr_expect_not_null (strstr (answer.reason, "a value is missing"), "%s", answer.reason);
    wire_nodes_deinit (&answer);
}

Test (labels, invalid_labels_and_too_many_labels_are_refused)
{
    struct wire_label one = label_make ("version", "9");
    struct wire_orders answer;
    struct node node;

    node_init (&node, &fixture, "web-1");
    node_hello_with (&node, &one, 1); /* an invalid label does not keep the node out */
    expect_labels ("web-1", "");
    answer = label_order ("web-1", &one, 1, NULL);
    cr_expect_eq (answer.status, WIRE_STATUS_INVALID);
    cr_expect_not_null (strstr (answer.reason, "fact"), "%s", answer.reason);
    wire_orders_deinit (&answer);
    answer = label_order ("web-1", NULL, 0, NULL);
    cr_expect_eq (answer.status, WIRE_STATUS_INVALID);
    wire_orders_deinit (&answer);
    one = label_make ("role", "web");
    answer = label_order ("nobody", &one, 1, NULL);
    cr_expect_eq (answer.orders[0].status, WIRE_STATUS_NONE);
    wire_orders_deinit (&answer);
    for (int i = 0; i < 32; i++) {
        char name[16];
        (void) snprintf (name, sizeof name, "l%d", i);
        label_set ("web-1", name, "x");
    }
    answer = label_order ("web-1", &one, 1, NULL);
    cr_expect_eq (answer.orders[0].status, WIRE_STATUS_REFUSED);
    wire_orders_deinit (&answer);
    label_set ("web-1", "l7", "y"); /* an existing label can be changed */
    peer_free (node.control);
}

Test (labels, requests_with_one_key_are_one_order)
{
    struct wire_label web = label_make ("role", "web");
    struct wire_orders answer;
    struct node node;

    node_init (&node, &fixture, "web-1");
    node_hello_with (&node, NULL, 0);
    answer = label_order ("web-1", &web, 1, "k");
    wire_orders_deinit (&answer);
    label_set ("web-1", "role", "db");
    answer = label_order ("web-1", &web, 1, "k"); /* the same request, repeated late */
    cr_expect_eq (answer.status, WIRE_STATUS_OK);
    wire_orders_deinit (&answer);
    expect_labels ("web-1", "role=db ");
    peer_free (node.control);
}

static uint64_t restarts_of (const char *id)
{
    struct wire_node node = operator_node (operator, id);
    uint64_t restarts = node.restarts;

    cr_expect_str_eq (node.kernel, "6.1.0");
    wire_node_deinit (&node);
    return restarts;
}

/*  A new process of the node connects; the one before it is silent. */
static void node_process_start (struct node *node, enum wire_state state)
{
    (void) base_random_hex (node->session, 16);
    node->application.state = state;
    node_hello_with (node, NULL, 0);
}

static void node_bye (struct node *node)
{
    struct wire_bye bye = {.node = node->id, .session = node->session};

    peer_send (node->control, &wire_bye_record, &bye);
}

Test (labels, only_a_session_that_ended_without_a_goodbye_counts_as_a_restart)
{
    struct node node;

    node_init (&node, &fixture, "web-1");
    node_hello_with (&node, NULL, 0);
    node_hello_with (&node, NULL, 0); /* the same process */
    cr_expect_eq (restarts_of ("web-1"), 0);
    node_process_start (&node, WIRE_STATE_IDLE);
    cr_expect_eq (restarts_of ("web-1"), 1);
    node_bye (&node);
    node_process_start (&node, WIRE_STATE_IDLE);
    cr_expect_eq (restarts_of ("web-1"), 1);
    node_process_start (&node, WIRE_STATE_TRIAL); /* an update */
    node_process_start (&node, WIRE_STATE_TRIAL); /* it crashed on trial, and will be reported as failed */
    node_process_start (&node, WIRE_STATE_IDLE);
    cr_expect_eq (restarts_of ("web-1"), 1);
    fixture_restart ();
    peer_free (node.control);
    node.control = fixture_control (&fixture);
    node_process_start (&node, WIRE_STATE_IDLE); /* how the one before ended is unknown */
    cr_expect_eq (restarts_of ("web-1"), 1);
    node_process_start (&node, WIRE_STATE_IDLE);
    cr_expect_eq (restarts_of ("web-1"), 2);
    peer_free (node.control);
}

/*  Subscribes to all topics of these nodes. */
static void topics_subscribe (struct peer *ear, const char *const *nodes, size_t count)
{
    char ring[ORIGIN_TOPIC_SIZE];

    cr_assert_eq (bus_socket_subscribe (ear->socket, "update/all"), 0);
    cr_assert_eq (bus_socket_subscribe (ear->socket, "update/group/eu"), 0);
    cr_assert_eq (bus_socket_subscribe (ear->socket, "update/group/us"), 0);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq (bus_socket_subscribe (ear->socket, origin_ring_topic (nodes[i], ring)), 0);
}

/*  Orders nodes and compares the topics of the announcements, in the order of their arrival. */
static void expect_topics (const char *const *nodes, size_t count, const char *wanted)
{
    struct peer *ear = peer_new (fixture.loop, BUS_SUB, broker_endpoint_announce (fixture.broker));
    struct wire_orders answer;
    char topics[512] = "";
    unsigned quiet_ms = load_deadline_ms (300);
    int at;

    topics_subscribe (ear, nodes, count);
    while (peer_wait (ear, &wire_update_record, 100) < 0) { /* until the broker knows the subscription */
        answer = operator_orders (operator, WIRE_ORDER_HOLD, NULL, 0);
        wire_orders_deinit (&answer);
    }
    while ((at = peer_wait (ear, &wire_update_record, quiet_ms)) >= 0)
        peer_take (ear, (size_t) at);
    answer = operator_orders (operator, WIRE_ORDER_UNHOLD, nodes, count);
    wire_orders_deinit (&answer);
    while ((at = peer_wait (ear, &wire_update_record, topics[0] ? quiet_ms : FIXTURE_DEADLINE_MS)) >= 0) {
        (void) snprintf (topics + strlen (topics), sizeof topics - strlen (topics), "%s ",
                         ear->inbox[at].topic);
        peer_take (ear, (size_t) at);
    }
    cr_expect_str_eq (topics, wanted);
    peer_free (ear);
}

Test (labels, an_order_to_one_group_is_announced_to_the_group)
{
    struct wire_label eu = label_make ("group", "eu"), us = label_make ("group", "us");
    const char *names[] = {"a-1", "a-2", "b-1"};
    char rings[128];
    uint8_t first = digest_of ("a-1").bytes[0], second = digest_of ("b-1").bytes[0];
    struct node one, two, three;

    node_init (&one, &fixture, names[0]);
    node_init (&two, &fixture, names[1]);
    node_init (&three, &fixture, names[2]);
    node_hello_with (&one, &eu, 1);
    node_hello_with (&two, &eu, 1);
    node_hello_with (&three, &us, 1);
    label_set ("a-2", "group", "us"); /* the node does not know this label */
    expect_topics (names, 2, "update/group/eu ");
    names[1] = "b-1";
    cr_assert_neq (first, second);
    (void) snprintf (rings, sizeof rings, "update/ring/%02x update/ring/%02x ",
                     first < second ? first : second, first < second ? second : first);
    expect_topics (names, 2, rings);
    peer_free (one.control);
    peer_free (two.control);
    peer_free (three.control);
}
