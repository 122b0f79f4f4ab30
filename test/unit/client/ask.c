/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/ask.c - requests of a client to a broker in a thread

    What the client asks, how it repeats a request, and what it reports without an answer. */

#include <errno.h>

#include "base/cleanup.h"
#include "fake_broker.h"

/*  A literal for a member that packing only reads. */
#define T(text) ((char *) (text))

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

static struct wire_failure failure = {.transaction = T ("t-1"),
                                      .version = T ("1.5.0"),
                                      .step = T ("probing/hand-over"),
                                      .reason = T ("said \"no\"\n"),
                                      .time = T ("2026-11-22T15:00:00.000000001Z")};
static struct wire_application application = {.name = T ("noded"),
                                              .state = WIRE_STATE_FETCHING,
                                              .version = T ("1.0.0"),
                                              .release = {{1}},
                                              .binary = {{2}},
                                              .previous_version = T ("0.9.0"),
                                              .previous_release = {{3}},
                                              .epoch = 7,
                                              .seen_epoch = 8,
                                              .held = true,
                                              .transaction = T ("t-2"),
                                              .done = 5,
                                              .total = 10,
                                              .last_error = &failure,
                                              .quarantine = &failure,
                                              .n_quarantine = 1};

static bool answer_nodes (struct fake_broker *fake, const struct wire_request *request,
                          struct wire_answer *answer)
{
    static struct wire_node nodes[] = {{.id = T ("web-1"),
                                        .online = true,
                                        .platform = T ("linux/amd64"),
                                        .last_seen = T ("2026-11-22T15:00:00.000000002Z"),
                                        .revision = 4,
                                        .desired_epoch = 8,
                                        .application = &application},
                                       {.id = T ("web-2"), .revision = 5}};
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

Test (ask, a_node_is_one_flat_object_with_every_key)
{
    broker.answer = answer_nodes;
    base_cleanup (base_free_p) char *json = NULL;
    uint64_t revision = 0;
    cr_assert_eq (noded_client_nodes (client, NULL, NULL, 0, 0, 0, &revision, &json), 0, "%s",
                  noded_client_error (client));
    cr_expect_eq (revision, 9);
    expect_piece (json, "[\n  {\"id\":\"web-1\",\"online\":true,\"held\":true,\"application\":\"noded\","
                        "\"state\":\"fetching\",\"version\":\"1.0.0\",\"release\":\"0100000000000000");
    expect_piece (json, "\"previous\":{\"version\":\"0.9.0\",\"release\":\"0300000000000000");
    expect_piece (json, "\"epoch\":7,\"seen_epoch\":8,\"transaction\":\"t-2\",\"done\":5,\"total\":10");
    expect_piece (json, "\"step\":\"probing/hand-over\"");
    expect_piece (json, "said \\\"no\\\"\\n");
    expect_piece (json, "\"outcome\":null");
    expect_piece (json, ",\n  {\"id\":\"web-2\",\"online\":false,\"held\":false,\"application\":\"noded\","
                        "\"state\":null,\"version\":null,\"release\":null,\"binary\":null,\"previous\":null");
    expect_piece (json, "\"last_error\":null,\"quarantine\":[],");
    cr_expect (broker.requests[0].all);
    cr_expect_null (broker.requests[0].key, "a list needs no key");
}

Test (ask, a_client_can_be_used_for_several_calls)
{
    for (int i = 0; i < 3; i++) {
        base_cleanup (base_free_p) char *json = NULL;
        cr_assert_eq (noded_client_releases (client, NULL, &json), 0);
        cr_expect_str_eq (json, "[]\n");
    }
    cr_expect_eq (broker.n_requests, 3);
    cr_expect_neq (broker.requests[0].serial, broker.requests[1].serial);
}

static bool answer_the_third (struct fake_broker *fake, const struct wire_request *request,
                              struct wire_answer *answer)
{
    (void) request;
    (void) answer;
    return fake->n_requests == 3;
}

Test (ask, an_order_without_an_answer_is_sent_again_under_the_same_key)
{
    static const char *const nodes[] = {"web-1"};
    broker.answer = answer_the_third;
    base_cleanup (base_free_p) char *json = NULL;
    cr_assert_eq (noded_client_hold (client, NULL, nodes, 1, 1, &json), 0, "%s", noded_client_error (client));
    cr_assert_eq (broker.n_requests, 3);
    for (int i = 0; i < 3; i++) {
        cr_assert_not_null (broker.requests[i].key);
        cr_expect_str_eq (broker.requests[i].key, broker.requests[0].key);
        cr_expect_eq (broker.requests[i].serial, broker.requests[0].serial);
        cr_expect_eq (broker.requests[i].verb, WIRE_VERB_HOLD);
    }
}

Test (ask, two_orders_have_two_keys)
{
    for (int i = 0; i < 2; i++) {
        base_cleanup (base_free_p) char *json = NULL;
        cr_assert_eq (noded_client_cancel (client, NULL, NULL, 0, &json), 0);
    }
    cr_expect_str_neq (broker.requests[0].key, broker.requests[1].key);
    cr_expect (broker.requests[1].all);
}

static bool answer_another (struct fake_broker *fake, const struct wire_request *request,
                            struct wire_answer *answer)
{
    static struct wire_published published = {
        .release = {{1}}, .application = T ("noded"), .version = T ("1.0.0"), .time = T ("x"), .size = 3};
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
    broker.answer = answer_another;
    base_cleanup (base_free_p) char *json = NULL;
    cr_assert_eq (noded_client_releases (client, NULL, &json), 0);
    cr_expect_str_eq (json, "[]\n");
}

static bool answer_pages (struct fake_broker *fake, const struct wire_request *request,
                          struct wire_answer *answer)
{
    static struct wire_node nodes[] = {{.id = T ("a")}, {.id = T ("b")}, {.id = T ("c")}};
    size_t page = !request->after ? 0 : strcmp (request->after, "a") == 0 ? 1 : 2;
    (void) fake;
    answer->nodes = &nodes[page];
    answer->n_nodes = 1;
    answer->revision = 10 + page;
    answer->more = page < 2;
    answer->next = answer->more ? nodes[page].id : NULL;
    return true;
}

Test (ask, a_long_list_is_assembled_from_its_pages)
{
    broker.answer = answer_pages;
    base_cleanup (base_free_p) char *json = NULL;
    uint64_t revision;
    cr_assert_eq (noded_client_nodes (client, NULL, NULL, 0, 5, 100, &revision, &json), 0, "%s",
                  noded_client_error (client));
    cr_assert_eq (broker.n_requests, 3);
    expect_piece (json, "\"id\":\"a\"");
    expect_piece (json, "\"id\":\"b\"");
    expect_piece (json, "\"id\":\"c\"");
    cr_expect_eq (revision, 10, "a change during the requests for later pages must not be missed");
    cr_expect_eq (broker.requests[0].wait_ms, 100);
    cr_expect_eq (broker.requests[1].wait_ms, 0);
    cr_expect_eq (broker.requests[2].since, 5);
}

Test (ask, the_pages_of_one_order_share_its_key)
{
    broker.answer = answer_pages;
    base_cleanup (base_free_p) char *json = NULL;
    cr_assert_eq (noded_client_revert (client, NULL, NULL, 0, &json), 0, "%s", noded_client_error (client));
    cr_assert_eq (broker.n_requests, 3);
    cr_assert_not_null (broker.requests[2].key);
    cr_expect_str_eq (broker.requests[1].key, broker.requests[0].key);
    cr_expect_str_eq (broker.requests[2].key, broker.requests[0].key);
}

static bool answer_in_circles (struct fake_broker *fake, const struct wire_request *request,
                               struct wire_answer *answer)
{
    (void) fake;
    (void) request;
    answer->more = true;
    answer->next = T ("here");
    return true;
}

Test (ask, a_list_whose_pages_do_not_advance_is_an_error)
{
    broker.answer = answer_in_circles;
    char *json;
    cr_assert_eq (noded_client_releases (client, NULL, &json), -EPROTO);
    cr_expect_eq (broker.n_requests, 2);
}

static bool answer_each (struct fake_broker *fake, const struct wire_request *request,
                         struct wire_answer *answer)
{
    static struct wire_ordered ordered[512];
    (void) fake;
    for (size_t i = 0; i < request->n_nodes; i++)
        ordered[i] = (struct wire_ordered){.node = T ("n"), .status = WIRE_STATUS_OK, .epoch = 1};
    answer->ordered = ordered;
    answer->n_ordered = request->n_nodes;
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
    broker.answer = answer_each;
    base_cleanup (base_free_p) char *json = NULL;
    cr_assert_eq (noded_client_update (client, NULL, nodes, MANY, NULL, &json), 0, "%s",
                  noded_client_error (client));
    cr_assert_eq (broker.n_requests, 3);
    size_t named = 0, lines = 0;
    for (int i = 0; i < 3; i++)
        named += broker.requests[i].n_nodes;
    for (const char *at = json; (at = strstr (at, "\"status\":\"ok\"")); at++)
        lines++;
    cr_expect_eq (named, MANY);
    cr_expect_eq (lines, MANY);
    cr_expect_str_neq (broker.requests[0].key, broker.requests[1].key);
}

Test (ask, an_empty_list_of_nodes_does_not_mean_all_nodes)
{
    static const char *const none[] = {NULL};
    base_cleanup (base_free_p) char *json = NULL;
    cr_assert_eq (noded_client_update (client, NULL, none, 0, NULL, &json), 0);
    cr_expect_str_eq (json, "[]\n");
    cr_expect_eq (broker.n_requests, 0);
}

static bool answer_refuse (struct fake_broker *fake, const struct wire_request *request,
                           struct wire_answer *answer)
{
    (void) fake;
    (void) request;
    answer->status = WIRE_STATUS_REFUSED;
    answer->reason = T ("a node still runs it");
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
    cr_expect_eq (broker.requests[0].release.bytes[31], 0xAA);
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
    char *json;
    cr_assert_eq (noded_client_releases (client, name, &json), -EINVAL);
    expect_piece (noded_client_error (client), "cannot list the releases: ");
    cr_expect_eq (broker.n_requests, 0);
}

static bool answer_none (struct fake_broker *fake, const struct wire_request *request,
                         struct wire_answer *answer)
{
    (void) fake;
    (void) request;
    (void) answer;
    return false;
}

Test (ask, a_call_to_a_silent_broker_ends_at_its_deadline)
{
    noded_client *hasty = fake_client (&broker, 300);
    char *json;
    broker.answer = answer_none;
    cr_assert_eq (noded_client_releases (hasty, NULL, &json), -ETIMEDOUT);
    expect_piece (noded_client_error (hasty), "no answer from ipc://");
    expect_piece (noded_client_error (hasty), "within 300 ms: is noded-broker running there");
    broker.answer = NULL;
    cr_assert_eq (noded_client_releases (hasty, NULL, &json), 0, "the client can make another call");
    free (json);
    noded_client_free (hasty);
}

Test (ask, events_arrive_as_they_are_published)
{
    broker.event = T ("{\"event\":\"came\",\"node\":\"web-1\"}");
    for (int i = 0; i < 3; i++) {
        base_cleanup (base_free_p) char *topic = NULL;
        base_cleanup (base_free_p) char *json = NULL;
        cr_assert_eq (noded_client_event (client, 20000, &topic, &json), 0, "%s",
                      noded_client_error (client));
        cr_expect_str_eq (topic, "event/web-1/came");
        cr_expect_str_eq (json, broker.event);
    }
    cr_expect_eq (broker.n_requests, 1, "the client checks once whether the broker answers");
}

Test (ask, a_wait_without_an_event_is_no_failure)
{
    char *topic, *json;
    cr_assert_eq (noded_client_event (client, 50, &topic, &json), -EAGAIN);
    cr_assert_eq (noded_client_event (client, 50, &topic, &json), -EAGAIN);
}

Test (ask, a_wait_for_events_of_a_silent_broker_ends_early)
{
    noded_client *hasty = fake_client (&broker, 300);
    char *topic, *json;
    broker.answer = answer_none;
    cr_assert_eq (noded_client_event (hasty, 20000, &topic, &json), -ETIMEDOUT);
    noded_client_free (hasty);
}

Test (ask, an_answer_against_the_schema_is_reported_with_its_field)
{
    noded_client *impatient = fake_client (&broker, 300);
    char *json = NULL;
    broker.answers_float = true;
    cr_expect_eq (noded_client_nodes (impatient, NULL, NULL, 0, 0, 0, NULL, &json), -EPROTO);
    cr_expect_not_null (strstr (noded_client_error (impatient),
                                "an answer was refused: answer: serial: is a float, an unsigned integer is "
                                "expected"),
                        "%s", noded_client_error (impatient));
    noded_client_free (impatient);
}
