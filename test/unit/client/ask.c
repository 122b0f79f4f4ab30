/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/ask.c - requests of a client to a broker in a thread

    What the client asks, how it repeats a request, and what it reports without an answer. */

#include <errno.h>

#include "base/cleanup.h"
#include "fake_broker.h"

static struct fake_broker broker;
static noded_client *client;

static void setup (void)
{
    broker = (struct fake_broker){.directory = ""};
    fake_start (&broker);
    client = fake_client (&broker, 20000);
}

static void teardown (void)
{
    noded_client_free (client);
    fake_end (&broker);
}

TestSuite (ask, .init = setup, .fini = teardown, .timeout = 60);

static struct wire_failure failure = {.transaction = "t-1",
                                      .version = "1.5.0",
                                      .step = "probing/hand-over",
                                      .reason = "said \"no\"\n",
                                      .time = "2026-11-22T15:00:00.000000001Z"};
static struct wire_application application = {.name = "noded",
                                              .state = WIRE_STATE_FETCHING,
                                              .version = "1.0.0",
                                              .release = {{1}},
                                              .binary = {{2}},
                                              .previous_version = "0.9.0",
                                              .previous_release = {{3}},
                                              .epoch = 7,
                                              .seen_epoch = 8,
                                              .held = true,
                                              .transaction = "t-2",
                                              .done = 5,
                                              .total = 10,
                                              .last_error = &failure,
                                              .quarantined = 1,
                                              .quarantine_digest = {{4}}};

static bool answer_nodes (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    static struct wire_node nodes[] = {{.id = "web-1",
                                        .online = true,
                                        .platform = "linux/amd64",
                                        .last_seen = "2026-11-22T15:00:00.000000002Z",
                                        .revision = 4,
                                        .desired_epoch = 8,
                                        .application = &application},
                                       {.id = "web-2", .revision = 5}};
    struct wire_nodes *answer = ret_answer;
    (void) fake;
    (void) request;
    answer->nodes = nodes;
    answer->n_nodes = 2;
    answer->revision = 9;
    return true;
}

static void expect_piece (const char *json, const char *piece)
{
    cr_expect_not_null (strstr (json, piece), "%s is not in %s", piece, json);
}

Test (ask, a_node_is_what_the_broker_sent_and_its_json_has_every_field)
{
    broker.answer = answer_nodes;
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    cr_assert_eq (noded_client_nodes (client, &(noded_nodes_query){.since = 0}, &nodes), 0, "%s",
                  noded_client_error (client));
    cr_assert_eq (nodes.count, 2);
    cr_expect_eq (nodes.revision, 9);
    cr_expect_str_eq (nodes.items[0].id, "web-1");
    cr_expect_eq (nodes.items[0].application->state, NODED_STATE_FETCHING);
    cr_expect_str_eq (nodes.items[0].application->last_error->step, "probing/hand-over");
    cr_expect_eq (nodes.items[0].application->quarantined, 1);
    cr_expect_null (nodes.items[1].application);
    base_cleanup (base_free_p) char *json = noded_nodes_json (nodes.items, nodes.count);
    expect_piece (json, "[\n  {\"id\":\"web-1\",\"online\":true,\"host_pid\":null,");
    expect_piece (json, "\"application\":{\"name\":\"noded\",\"state\":\"fetching\",\"version\":\"1.0.0\",");
    expect_piece (json, "\"previous_version\":\"0.9.0\",\"previous_release\":\"0300000000000000");
    expect_piece (json, "said \\\"no\\\"\\n");
    expect_piece (json, "\"outcome\":null");
    expect_piece (json, ",\n  {\"id\":\"web-2\",\"online\":false,");
    expect_piece (json, "\"application\":null,\"labels\":[],");
    cr_expect_eq (FAKE_REQUEST (&broker, 0, list_nodes)->n_nodes, 0);
    cr_expect_not_null (strchr (FAKE_REQUEST (&broker, 0, list_nodes)->user, '@'));
}

Test (ask, a_client_can_be_used_for_several_calls)
{
    for (int i = 0; i < 3; i++) {
        noded_releases releases;
        cr_assert_eq (noded_client_releases (client, NULL, &releases), 0);
        cr_expect_eq (releases.count, 0);
        noded_releases_free (&releases);
    }
    cr_expect_eq (broker.n_requests, 3);
    cr_expect_neq (fake_head (&broker.requests[0]).serial, fake_head (&broker.requests[1]).serial);
}

static bool answer_the_third (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    (void) request;
    (void) ret_answer;
    return fake->n_requests == 3;
}

Test (ask, an_order_without_an_answer_is_sent_again_under_the_same_key)
{
    static const char *const nodes[] = {"web-1"};
    const noded_targets targets = {.nodes = nodes, .n_nodes = 1};
    noded_orders orders;
    broker.answer = answer_the_third;
    cr_assert_eq (noded_client_hold (client, &targets, 1, &orders), 0, "%s", noded_client_error (client));
    noded_orders_free (&orders);
    cr_assert_eq (broker.n_requests, 3);
    const struct wire_order_hold *first = FAKE_REQUEST (&broker, 0, order_hold);
    for (size_t i = 0; i < 3; i++) {
        const struct wire_order_hold *request = FAKE_REQUEST (&broker, i, order_hold);
        cr_assert_not_null (request->key);
        cr_expect_str_eq (request->key, first->key);
        cr_expect_eq (request->serial, first->serial);
    }
}

Test (ask, two_orders_have_two_keys)
{
    for (int i = 0; i < 2; i++) {
        noded_orders orders;
        cr_assert_eq (noded_client_cancel (client, &(noded_targets){.nodes = NULL}, &orders), 0);
        noded_orders_free (&orders);
    }
    const struct wire_order_cancel *second = FAKE_REQUEST (&broker, 1, order_cancel);
    cr_expect_str_neq (FAKE_REQUEST (&broker, 0, order_cancel)->key, second->key);
    cr_expect (second->all);
}

static bool answer_another (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    static struct wire_release_state published = {
        .release = {{1}}, .application = "noded", .version = "1.0.0", .time = "x", .size = 3};
    struct wire_releases *answer = ret_answer;
    (void) request;
    if (fake->n_requests == 1) {
        answer->serial--;
        answer->releases = &published;
        answer->n_releases = 1;
    }
    return true;
}

Test (ask, an_answer_to_another_request_is_ignored)
{
    noded_releases releases;
    broker.answer = answer_another;
    cr_assert_eq (noded_client_releases (client, NULL, &releases), 0);
    cr_expect_eq (releases.count, 0);
    noded_releases_free (&releases);
}

Test (ask, the_plain_answer_of_a_broker_that_does_not_know_the_request_ends_it)
{
    noded_releases releases;
    broker.older = true;
    cr_assert_eq (noded_client_releases (client, NULL, &releases), -EINVAL);
    cr_expect_str_eq (noded_client_error (client), "cannot list the releases: unknown request");
    cr_expect_str_eq (noded_client_notice (client), "the disk is full");
}

static bool answer_pages (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    static struct wire_node nodes[] = {{.id = "a"}, {.id = "b"}, {.id = "c"}};
    const struct wire_list_nodes *asked = request->body;
    struct wire_nodes *answer = ret_answer;
    size_t page = !asked->after ? 0 : strcmp (asked->after, "a") == 0 ? 1 : 2;
    (void) fake;
    answer->nodes = &nodes[page];
    answer->n_nodes = 1;
    answer->revision = 10 + page;
    answer->more = page < 2;
    answer->next = answer->more ? nodes[page].id : NULL;
    return true;
}

static bool answer_reverts (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    static struct wire_order_result results[] = {{.node = "a", .status = WIRE_STATUS_OK},
                                                 {.node = "b", .status = WIRE_STATUS_OK}};
    const struct wire_order_revert *asked = request->body;
    struct wire_orders *answer = ret_answer;
    size_t page = asked->after ? 1 : 0;
    (void) fake;
    answer->orders = &results[page];
    answer->n_orders = 1;
    answer->more = page == 0;
    answer->next = answer->more ? results[page].node : NULL;
    return true;
}

Test (ask, a_long_list_is_assembled_from_its_pages)
{
    broker.answer = answer_pages;
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    cr_assert_eq (noded_client_nodes (client, &(noded_nodes_query){.since = 5, .wait_ms = 100}, &nodes), 0,
                  "%s", noded_client_error (client));
    cr_assert_eq (broker.n_requests, 3);
    cr_assert_eq (nodes.count, 3);
    cr_expect_str_eq (nodes.items[0].id, "a");
    cr_expect_str_eq (nodes.items[2].id, "c");
    cr_expect_eq (nodes.revision, 10, "a change during the requests for later pages must not be missed");
    cr_expect_eq (FAKE_REQUEST (&broker, 0, list_nodes)->wait_ms, 100);
    cr_expect_eq (FAKE_REQUEST (&broker, 1, list_nodes)->wait_ms, 0);
    cr_expect_eq (FAKE_REQUEST (&broker, 2, list_nodes)->since, 5);
}

Test (ask, the_pages_of_one_order_share_its_key)
{
    broker.answer = answer_reverts;
    base_cleanup (noded_orders_free) noded_orders orders = {.count = 0};
    cr_assert_eq (noded_client_revert (client, &(noded_targets){.nodes = NULL}, &orders), 0, "%s",
                  noded_client_error (client));
    cr_assert_eq (broker.n_requests, 2);
    cr_expect_eq (orders.count, 2);
    cr_assert_not_null (FAKE_REQUEST (&broker, 1, order_revert)->key);
    cr_expect_str_eq (FAKE_REQUEST (&broker, 1, order_revert)->key,
                      FAKE_REQUEST (&broker, 0, order_revert)->key);
}

static bool answer_in_circles (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    struct wire_releases *answer = ret_answer;
    (void) fake;
    (void) request;
    answer->more = true;
    answer->next = "here";
    return true;
}

Test (ask, a_list_whose_pages_do_not_advance_is_an_error)
{
    noded_releases releases;
    broker.answer = answer_in_circles;
    cr_assert_eq (noded_client_releases (client, NULL, &releases), -EPROTO);
    cr_expect_eq (releases.count, 0);
    cr_expect_eq (broker.n_requests, 2);
}

static bool answer_each (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    static struct wire_order_result results[512];
    const struct wire_order_update *asked = request->body;
    struct wire_orders *answer = ret_answer;
    (void) fake;
    for (size_t i = 0; i < asked->n_nodes; i++)
        results[i] = (struct wire_order_result){.node = "n", .status = WIRE_STATUS_OK, .epoch = 1};
    answer->orders = results;
    answer->n_orders = asked->n_nodes;
    return true;
}

Test (ask, an_order_to_many_nodes_is_sent_in_portions)
{
    enum { MANY = 150 };
    char names[MANY][8];
    const char *nodes[MANY];
    for (int i = 0; i < MANY; i++) {
        (void) snprintf (names[i], sizeof names[i], "n%d", i);
        nodes[i] = names[i];
    }
    const noded_targets targets = {.nodes = nodes, .n_nodes = MANY};
    base_cleanup (noded_orders_free) noded_orders orders = {.count = 0};
    broker.answer = answer_each;
    cr_assert_eq (noded_client_update (client, &targets, NULL, &orders), 0, "%s",
                  noded_client_error (client));
    cr_assert_eq (broker.n_requests, 3);
    size_t named = 0;
    for (size_t i = 0; i < 3; i++)
        named += FAKE_REQUEST (&broker, i, order_update)->n_nodes;
    cr_expect_eq (named, MANY);
    cr_expect_eq (orders.count, MANY);
    cr_expect_str_neq (FAKE_REQUEST (&broker, 0, order_update)->key,
                       FAKE_REQUEST (&broker, 1, order_update)->key);
}

Test (ask, an_empty_list_of_nodes_does_not_mean_all_nodes)
{
    static const char *const none[] = {NULL};
    noded_orders orders;
    cr_assert_eq (noded_client_update (client, &(noded_targets){.nodes = none}, NULL, &orders), 0);
    cr_expect_eq (orders.count, 0);
    cr_expect_eq (broker.n_requests, 0);
}

static bool answer_refuse (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    struct wire_withdrawn *answer = ret_answer;
    (void) fake;
    (void) request;
    answer->status = WIRE_STATUS_REFUSED;
    answer->reason = "a node still runs it";
    return true;
}

Test (ask, a_refusal_is_reported_with_its_reason)
{
    char release[65];
    memset (release, 'a', 64);
    release[64] = '\0';
    broker.answer = answer_refuse;
    cr_assert_eq (noded_client_withdraw (client, release), -EPERM);
    cr_expect_str_eq (noded_client_error (client), "cannot withdraw the release: a node still runs it");
    cr_expect_eq (FAKE_REQUEST (&broker, 0, withdraw_release)->release.bytes[31], 0xAA);
}

Test (ask, an_invalid_digest_is_not_sent)
{
    cr_assert_eq (noded_client_withdraw (client, "abc"), -EINVAL);
    cr_expect_eq (broker.n_requests, 0);
}

Test (ask, a_name_that_violates_the_schema_is_not_sent)
{
    char name[80];
    memset (name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    noded_releases releases;
    cr_assert_eq (noded_client_releases (client, name, &releases), -EINVAL);
    expect_piece (noded_client_error (client), "cannot list the releases: ");
    cr_expect_eq (broker.n_requests, 0);
}

static bool answer_none (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    (void) fake;
    (void) request;
    (void) ret_answer;
    return false;
}

Test (ask, a_call_to_a_silent_broker_ends_at_its_deadline)
{
    noded_client *hasty = fake_client (&broker, 300);
    noded_releases releases;
    broker.answer = answer_none;
    cr_assert_eq (noded_client_releases (hasty, NULL, &releases), -ETIMEDOUT);
    expect_piece (noded_client_error (hasty), "no answer from ipc://");
    expect_piece (noded_client_error (hasty), "within 300 ms: is noded-broker running there");
    broker.answer = NULL;
    cr_assert_eq (noded_client_releases (hasty, NULL, &releases), 0, "the client can make another call");
    noded_releases_free (&releases);
    noded_client_free (hasty);
}

Test (ask, events_arrive_as_they_are_published)
{
    broker.event =
        "{\"event\":\"connected\",\"instance\":\"i\",\"sequence\":1,\"time\":\"t\",\"node\":\"web-1\"}";
    for (int i = 0; i < 3; i++) {
        base_cleanup (noded_event_free) noded_event event = {.json = NULL};
        cr_assert_eq (noded_client_event (client, 20000, &event), 0, "%s", noded_client_error (client));
        cr_expect_str_eq (event.topic, "event/web-1/connected");
        cr_expect_str_eq (event.json, broker.event);
        cr_assert_not_null (event.node_event);
        cr_expect_eq (event.node_event->event, NODED_EVENT_CONNECTED);
        cr_expect_null (event.rollout_event);
    }
    cr_expect_eq (broker.n_requests, 1, "the client checks once whether the broker answers");
}

Test (ask, an_event_that_this_version_does_not_know_is_text)
{
    noded_event event;
    broker.event = "{\"new\":true}";
    cr_assert_eq (noded_client_event (client, 20000, &event), 0, "%s", noded_client_error (client));
    cr_expect_str_eq (event.json, broker.event);
    cr_expect (!event.node_event && !event.rollout_event);
    noded_event_free (&event);
}

Test (ask, a_wait_without_an_event_is_not_a_failure)
{
    noded_event event;
    broker.event = "no json";
    cr_assert_eq (noded_client_event (client, 50, &event), -EAGAIN);
    cr_assert_eq (noded_client_event (client, 50, &event), -EAGAIN);
}

Test (ask, a_wait_for_events_of_a_silent_broker_ends_early)
{
    noded_client *hasty = fake_client (&broker, 300);
    noded_event event;
    broker.answer = answer_none;
    cr_assert_eq (noded_client_event (hasty, 20000, &event), -ETIMEDOUT);
    noded_client_free (hasty);
}

Test (ask, an_answer_against_the_schema_is_reported_with_its_field)
{
    noded_client *impatient = fake_client (&broker, 300);
    noded_nodes nodes;
    broker.answers_float = true;
    cr_expect_eq (noded_client_nodes (impatient, &(noded_nodes_query){.since = 0}, &nodes), -EPROTO);
    cr_expect_not_null (strstr (noded_client_error (impatient),
                                "an answer was refused: nodes: serial: is a float, an unsigned integer is "
                                "expected"),
                        "%s", noded_client_error (impatient));
    noded_client_free (impatient);
}

Test (ask, an_error_has_a_text)
{
    cr_expect_str_eq (noded_error_text (NODED_E_TIMEOUT), "the broker did not answer in time");
    cr_expect_str_eq (noded_error_text (-ENOMEM), "out of memory");
    cr_expect_str_eq (noded_error_text (-ENOSPC), strerror (ENOSPC));
}
