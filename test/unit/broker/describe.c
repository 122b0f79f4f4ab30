/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/describe.c - the broker learns from lists and states which applications a node has */

#include "fixture.h"

#include "records/records.h"
#include "wire/list.h"

static struct fixture fixture;
static struct peer *operator;
static struct node node;

static void set_up (void)
{
    fixture_init (&fixture);
    operator= fixture_control (&fixture);
    node_init (&node, &fixture, "web-1");
}

static void tear_down (void)
{
    operator= peer_free (operator);
    peer_free (node.control);
    fixture_deinit (&fixture);
}

TestSuite (describe, .init = set_up, .fini = tear_down, .timeout = 120);

/*  Says hello with the digest of these names. Returns whether the broker asks for the list. */
static bool hello_with (const char *const *names, size_t count)
{
    struct wire_hello hello = {.node = node.id, .session = node.session, .platform = "linux/amd64"};
    struct wire_welcome welcome;
    bool wanted;

    if (names)
        hello.list = wire_list_digest (names, count);
    peer_send (node.control, &wire_hello_record, &hello);
    peer_expect (node.control, &wire_welcome_record, &welcome);
    cr_assert_eq (welcome.status, WIRE_STATUS_OK);
    wanted = welcome.list;
    wire_welcome_deinit (&welcome);
    return wanted;
}

static enum wire_status list_send (const char *const *names, size_t count)
{
    struct wire_list list = {.node = node.id, .session = node.session, .names = names, .n_names = count};
    struct base_digest digest = wire_list_digest (names, count);
    struct wire_listed listed;
    enum wire_status status;

    peer_send (node.control, &wire_list_record, &list);
    peer_expect (node.control, &wire_listed_record, &listed);
    cr_expect (base_digest_equal (&listed.list, &digest));
    status = listed.status;
    wire_listed_deinit (&listed);
    return status;
}

static enum wire_status describe_other (const char *name)
{
    struct wire_application application = {.name = name, .state = WIRE_STATE_IDLE, .version = "3.0.0"};

    return node_describe (&node, &application);
}

/*  Returns whether the broker has a state of an application. */
static bool is_described (const char *name)
{
    const char *nodes[] = {"web-1"};
    struct wire_list_nodes request = {.nodes = nodes, .n_nodes = 1, .application = name};
    struct wire_nodes answer = operator_ask (operator, list_nodes, nodes, &request);
    bool is;

    cr_assert_eq (answer.n_nodes, 1);
    is = answer.nodes[0].application != NULL;
    wire_nodes_deinit (&answer);
    return is;
}

static bool is_online (void)
{
    struct wire_node shown = operator_node (operator, "web-1");
    bool is = shown.online;

    wire_node_deinit (&shown);
    return is;
}

Test (describe, a_node_is_online_once_it_has_sent_the_state_of_noded)
{
    cr_assert_not (hello_with (NULL, 0));
    cr_expect_not (is_online ());
    cr_assert_eq (describe_other ("web"), WIRE_STATUS_OK);
    cr_expect_not (is_online ());
    cr_assert_eq (node_describe (&node, &node.application), WIRE_STATUS_OK);
    cr_expect (is_online ());
    cr_assert_not (hello_with (NULL, 0));
    cr_expect (is_online (), "another hello of the same session");
    (void) base_random_hex (node.session, 16);
    cr_assert_not (hello_with (NULL, 0));
    cr_expect_not (is_online (), "a new session: the record is of the one before");
}

Test (describe, the_list_is_asked_for_only_if_it_differs)
{
    static const char *const both[] = {"web", "noded"};

    cr_expect_not (hello_with (both, 2), "a new node: there is nothing to forget");
    cr_assert_eq (node_describe (&node, &node.application), WIRE_STATUS_OK);
    cr_assert_eq (describe_other ("web"), WIRE_STATUS_OK);
    cr_expect_not (hello_with (both, 2));
    cr_expect (hello_with (both, 1));
    cr_expect_not (hello_with (NULL, 0));
}

Test (describe, a_list_drops_the_states_of_other_applications_and_keeps_what_was_ordered)
{
    static const char *const noded[] = {"noded"}, *const other[] = {"noded", "../web"},
                             *const web[] = {"web"};
    struct wire_desired desired;
    struct wire_order_hold hold = {.nodes = &node.id, .n_nodes = 1, .application = "web"};
    struct wire_orders orders;
    struct wire_ask ask = {.node = node.id, .session = node.session, .application = "web"};

    node_hello (&node);
    cr_assert_eq (describe_other ("web"), WIRE_STATUS_OK);
    cr_assert_eq (describe_other ("db"), WIRE_STATUS_OK);
    orders = operator_ask (operator, order_hold, orders, &hold);
    cr_assert_eq (orders.orders[0].status, WIRE_STATUS_OK);
    wire_orders_deinit (&orders);

    cr_expect_eq (list_send (NULL, 0), WIRE_STATUS_INVALID);
    cr_expect_eq (list_send (web, 1), WIRE_STATUS_INVALID);
    cr_expect_eq (list_send (other, 2), WIRE_STATUS_INVALID);
    cr_expect (is_described ("web") && is_described ("db") && is_described ("noded"));
    cr_assert_eq (list_send (noded, 1), WIRE_STATUS_OK);
    cr_expect_not (is_described ("web") || is_described ("db"));
    cr_expect (is_described ("noded"));
    peer_send (node.control, &wire_ask_record, &ask);
    peer_expect (node.control, &wire_desired_record, &desired);
    cr_expect_eq (desired.status, WIRE_STATUS_OK);
    cr_expect (desired.held);
    wire_desired_deinit (&desired);
}

Test (describe, lists_and_states_of_another_session_are_refused)
{
    static const char *const noded[] = {"noded"};
    char session[33];

    node_hello (&node);
    memcpy (session, node.session, sizeof session);
    (void) base_random_hex (node.session, 16);
    cr_expect_eq (list_send (noded, 1), WIRE_STATUS_REFUSED);
    cr_expect_eq (describe_other ("noded"), WIRE_STATUS_REFUSED);
    memcpy (node.session, session, sizeof session);
    cr_expect_eq (describe_other ("noded"), WIRE_STATUS_OK);
}

Test (describe, a_state_with_an_invalid_name_or_beyond_the_limit_is_never_stored)
{
    char name[32];

    node_hello (&node);
    cr_expect_eq (describe_other ("../web"), WIRE_STATUS_INVALID);
    for (unsigned i = 1; i < RECORDS_APPLICATIONS_MOST; i++) {
        (void) snprintf (name, sizeof name, "app-%u", i);
        cr_assert_eq (describe_other (name), WIRE_STATUS_OK);
    }
    cr_expect_eq (describe_other ("one-more"), WIRE_STATUS_INVALID);
    cr_expect_eq (describe_other ("app-1"), WIRE_STATUS_OK);
}

Test (describe, a_node_that_sends_states_without_end_costs_only_itself)
{
    enum { STATES = 600 };
    struct node second;
    unsigned stored = 0;

    node_hello (&node);
    for (unsigned i = 0; i < STATES; i++)
        node_describe_send (&node, &node.application);
    for (unsigned i = 0; i < STATES; i++) {
        struct wire_described described;
        peer_expect (node.control, &wire_described_record, &described);
        stored += described.status == WIRE_STATUS_OK;
        wire_described_deinit (&described);
    }
    cr_expect_gt (stored, 200);
    cr_expect_lt (stored, STATES, "the rest failed, and would be sent again later");
    node_init (&second, &fixture, "web-2");
    node_hello (&second);
    peer_free (second.control);
}

Test (describe, a_start_on_trial_is_no_restart)
{
    struct wire_hello hello = {.node = node.id, .session = node.session, .platform = "linux/amd64"};
    struct wire_welcome welcome;
    struct wire_node shown;

    node_hello (&node);
    for (unsigned i = 0; i < 2; i++) { /* the second is not on trial, but the one before was */
        (void) base_random_hex (node.session, 16);
        hello.trial = i == 0;
        peer_send (node.control, &wire_hello_record, &hello);
        peer_expect (node.control, &wire_welcome_record, &welcome);
        wire_welcome_deinit (&welcome);
        shown = operator_node (operator, "web-1");
        cr_expect_eq (shown.restarts, 0);
        wire_node_deinit (&shown);
    }
    (void) base_random_hex (node.session, 16);
    hello.trial = false;
    node_hello (&node);
    shown = operator_node (operator, "web-1");
    cr_expect_eq (shown.restarts, 1);
    wire_node_deinit (&shown);
}
