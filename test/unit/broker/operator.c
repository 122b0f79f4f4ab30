/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/operator.c - an operator's requests to a broker */

#include "fixture.h"

static struct fixture fixture;
static struct peer *operator;

static void set_up (void)
{
    fixture_init (&fixture);
    operator= fixture_control (&fixture);
}

static void tear_down (void)
{
    operator= peer_free (operator);
    fixture_deinit (&fixture);
}

TestSuite (operator, .init = set_up, .fini = tear_down, .timeout = 240);

/*  Connects nodes with a long failure reason, so that few nodes fit into one answer. */
static void nodes_connect (unsigned count)
{
    char reason[500];

    memset (reason, 'x', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    for (unsigned i = 0; i < count; i++) {
        struct wire_failure failure = {.transaction = (char *) "t-1",
                                       .step = (char *) "trial",
                                       .reason = reason,
                                       .time = (char *) "2026-11-22T15:00:00.000000000Z"};
        char id[32];
        struct node node = {.control = fixture_control (&fixture), .id = id};
        (void) snprintf (id, sizeof id, "node-%04u", i);
        (void) snprintf (node.session, sizeof node.session, "session-%u", i);
        node.application = (struct wire_application){
            .name = (char *) "noded", .state = WIRE_STATE_IDLE, .last_error = &failure};
        node_hello (&node);
        peer_free (node.control);
    }
}

Test (operator, an_update_of_all_nodes_is_refused_and_names_rollout_start)
{
    struct wire_request request = {.verb = WIRE_VERB_UPDATE, .all = true};
    struct wire_answer answer = operator_ask (operator, & request);

    cr_expect_eq (answer.status, WIRE_STATUS_REFUSED);
    cr_expect (strstr (answer.reason, "rollout start"));
    wire_answer_deinit (&answer);
}

Test (operator, a_list_of_nodes_comes_in_pages_and_misses_no_node)
{
    struct wire_request request = {.verb = WIRE_VERB_NODES};
    unsigned seen = 0, pages = 0;
    bool more;

    nodes_connect (300);
    do {
        struct wire_answer answer = operator_ask (operator, & request);
        cr_assert_eq (answer.status, WIRE_STATUS_OK);
        for (size_t i = 0; i < answer.n_nodes; i++) {
            char id[32];
            (void) snprintf (id, sizeof id, "node-%04u", seen++);
            cr_assert_str_eq (answer.nodes[i].id, id);
        }
        more = answer.more;
        free (request.after);
        request.after = answer.next ? strdup (answer.next) : NULL;
        pages++;
        wire_answer_deinit (&answer);
    } while (more);
    cr_assert_eq (seen, 300);
    cr_assert (pages > 1);
}

Test (operator, an_order_to_all_nodes_comes_in_pages_and_orders_each_node_once)
{
    struct wire_request request = {.verb = WIRE_VERB_HOLD, .all = true, .key = (char *) "once"};
    unsigned seen = 0, pages = 0;
    bool more;

    nodes_connect (600);
    do {
        struct wire_answer answer = operator_ask (operator, & request);
        struct wire_answer again = operator_ask (operator, & request);
        cr_assert_eq (again.n_ordered, answer.n_ordered);
        for (size_t i = 0; i < answer.n_ordered; i++) {
            char id[32];
            (void) snprintf (id, sizeof id, "node-%04u", seen++);
            cr_assert_str_eq (answer.ordered[i].node, id);
            cr_assert_gt (answer.ordered[i].epoch, 0);
            cr_assert_eq (again.ordered[i].epoch, answer.ordered[i].epoch);
        }
        more = answer.more;
        free (request.after);
        request.after = answer.next ? strdup (answer.next) : NULL;
        pages++;
        wire_answer_deinit (&answer);
        wire_answer_deinit (&again);
    } while (more);
    cr_assert_eq (seen, 600);
    cr_assert (pages > 1);
}

Test (operator, an_unknown_node_and_a_request_without_nodes_are_reported)
{
    struct wire_request request = {.verb = WIRE_VERB_HOLD};
    struct wire_ordered ordered = operator_order (operator, WIRE_VERB_UPDATE, "nobody", NULL);
    struct wire_answer answer = operator_ask (operator, & request);
    char *nodes[] = {(char *) "nobody"};

    cr_assert_eq (ordered.status, WIRE_STATUS_NONE);
    cr_assert_not_null (ordered.reason);
    cr_assert_eq (answer.status, WIRE_STATUS_INVALID);
    wire_answer_deinit (&answer);
    request = (struct wire_request){.verb = WIRE_VERB_NODES, .nodes = nodes, .n_nodes = 1};
    answer = operator_ask (operator, & request);
    cr_assert_eq (answer.status, WIRE_STATUS_NONE);
    cr_assert_not_null (strstr (answer.reason, "nobody"));
    wire_answer_deinit (&answer);
    wire_ordered_deinit (&ordered);
}

static struct wire_answer release_publish (const char *version, const char *binary)
{
    struct wire_envelope envelope = {.application = (char *) "noded",
                                     .version = (char *) version,
                                     .platform = (char *) "linux/amd64",
                                     .binary = digest_of (binary),
                                     .size = strlen (binary)};
    struct wire_release release = {.application = (char *) "noded",
                                   .version = (char *) version,
                                   .envelopes = &envelope,
                                   .n_envelopes = 1};
    struct wire_request request = {.verb = WIRE_VERB_PUBLISH, .publish = &release};

    fixture_upload_document (&fixture, &release);
    return operator_ask (operator, & request);
}

Test (operator, a_release_with_missing_blobs_is_refused_and_the_blob_is_named)
{
    struct wire_answer answer = release_publish ("1", "binary one");
    char text[BASE_DIGEST_TEXT];
    struct base_digest digest = digest_of ("binary one");

    cr_assert_eq (answer.status, WIRE_STATUS_REFUSED);
    cr_assert_not_null (strstr (answer.reason, base_digest_format (&digest, text)));
    wire_answer_deinit (&answer);
    (void) fixture_upload (&fixture, "binary one");
    answer = release_publish ("1", "binary one");
    cr_assert_eq (answer.status, WIRE_STATUS_OK);
    cr_assert_not (base_digest_is_null (&answer.release));
    wire_answer_deinit (&answer);
}

Test (operator, publishing_is_idempotent_and_a_withdrawal_is_final)
{
    struct base_digest first = fixture_publish (&fixture, operator, "1");
    struct base_digest again = fixture_publish (&fixture, operator, "1");
    struct wire_request request = {.verb = WIRE_VERB_WITHDRAW, .release = first};
    struct wire_answer answer;

    cr_assert (base_digest_equal (&first, &again));
    answer = operator_ask (operator, & request);
    cr_assert_eq (answer.status, WIRE_STATUS_OK);
    wire_answer_deinit (&answer);
    (void) fixture_upload (&fixture, "1");
    answer = release_publish ("1", "1");
    cr_assert_eq (answer.status, WIRE_STATUS_GONE);
    wire_answer_deinit (&answer);
    request = (struct wire_request){.verb = WIRE_VERB_RELEASES};
    answer = operator_ask (operator, & request);
    cr_assert_eq (answer.n_releases, 1);
    cr_assert (answer.releases[0].withdrawn);
    cr_assert_eq (answer.releases[0].size, 1);
    cr_assert_str_eq (answer.releases[0].platforms[0], "linux/amd64");
    wire_answer_deinit (&answer);
}

static bool blob_is_served (const char *text)
{
    struct peer *peer = peer_new (fixture.loop, BUS_DEALER, broker_endpoint_content (fixture.broker));
    struct wire_get get = {.digest = digest_of (text), .offset = 0, .length = 4096};
    struct wire_chunk chunk;
    bool is_there;

    peer_send (peer, &wire_get_record, &get);
    peer_expect (peer, &wire_chunk_record, &chunk);
    is_there = chunk.status == WIRE_STATUS_OK;
    wire_chunk_deinit (&chunk);
    peer_free (peer);
    return is_there;
}

Test (operator, the_blobs_of_a_withdrawn_release_are_not_served_any_more)
{
    struct wire_request request = {.verb = WIRE_VERB_WITHDRAW,
                                   .release = fixture_publish (&fixture, operator, "1")};
    struct wire_answer answer;

    (void) fixture_publish (&fixture, operator, "2");
    cr_assert (blob_is_served ("1"));
    answer = operator_ask (operator, & request);
    cr_assert_eq (answer.status, WIRE_STATUS_OK);
    wire_answer_deinit (&answer);
    /* The origin goes on serving a blob that it holds open; a new origin does not find it. */
    fixture_stop (&fixture);
    fixture_start (&fixture);
    cr_assert_not (blob_is_served ("1"));
    cr_assert (blob_is_served ("2"));
    (void) fixture_upload (&fixture, "1"); /* restores the blob from the trash */
    cr_assert (blob_is_served ("1"));
}

Test (operator, a_list_of_releases_comes_in_pages)
{
    struct wire_request request = {.verb = WIRE_VERB_RELEASES};
    struct wire_answer answer;
    size_t seen = 0;
    bool more;

    for (unsigned i = 0; i < 600; i++) {
        char version[16];
        (void) snprintf (version, sizeof version, "1.%u", i);
        (void) fixture_publish (&fixture, operator, version);
    }
    do {
        answer = operator_ask (operator, & request);
        for (size_t i = 0; i < answer.n_releases; i++) {
            char version[16];
            (void) snprintf (version, sizeof version, "1.%zu", 599 - seen++);
            cr_assert_str_eq (answer.releases[i].version, version);
        }
        more = answer.more;
        free (request.after);
        request.after = answer.next ? strdup (answer.next) : NULL;
        wire_answer_deinit (&answer);
    } while (more);
    cr_assert_eq (seen, 600);
}

Test (operator, the_reports_of_a_node_are_listed_oldest_first)
{
    struct node node;
    char *nodes[] = {(char *) "web-1"};
    struct wire_request request = {.verb = WIRE_VERB_WHY, .nodes = nodes, .n_nodes = 1};
    struct wire_answer answer;

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    node_report (&node, 1, "t-1", "fetching", WIRE_OUTCOME_STARTED, NULL);
    node_report (&node, 1, "t-1", "fetching", WIRE_OUTCOME_FAILED, "no route");
    node_report (&node, 2, "t-2", "matching", WIRE_OUTCOME_STARTED, NULL);
    answer = operator_ask (operator, & request);
    cr_assert_eq (answer.n_told, 2);
    cr_assert_str_eq (answer.told[0].reason, "no route");
    cr_assert_str_eq (answer.told[1].step, "matching");
    request.after = (char *) "nonsense";
    wire_answer_deinit (&answer);
    answer = operator_ask (operator, & request);
    cr_assert_eq (answer.status, WIRE_STATUS_INVALID);
    wire_answer_deinit (&answer);
    peer_free (node.control);
}

Test (operator, only_an_offline_node_can_be_forgotten)
{
    struct node node;
    struct wire_bye bye = {.node = (char *) "web-1"};
    struct wire_ordered ordered;
    struct wire_request request = {.verb = WIRE_VERB_NODES};
    struct wire_answer answer;

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    ordered = operator_order (operator, WIRE_VERB_FORGET, "web-1", NULL);
    cr_assert_eq (ordered.status, WIRE_STATUS_REFUSED);
    wire_ordered_deinit (&ordered);
    bye.session = node.session;
    peer_send (node.control, &wire_bye_record, &bye);
    for (bool online = true; online;) {
        struct wire_node shown = operator_node (operator, "web-1");
        online = shown.online;
        wire_node_deinit (&shown);
    }
    ordered = operator_order (operator, WIRE_VERB_FORGET, "web-1", NULL);
    cr_assert_eq (ordered.status, WIRE_STATUS_OK);
    wire_ordered_deinit (&ordered);
    answer = operator_ask (operator, & request);
    cr_assert_eq (answer.n_nodes, 0);
    wire_answer_deinit (&answer);
    peer_free (node.control);
}

Test (operator, a_wait_ends_without_a_change_when_its_time_has_run_out)
{
    struct wire_request request = {.verb = WIRE_VERB_NODES};
    struct wire_answer answer;
    uint64_t began_ms = base_time_boot_ms ();

    nodes_connect (2);
    answer = operator_ask (operator, & request);
    cr_assert_eq (answer.n_nodes, 2);
    request.since = answer.revision;
    request.wait_ms = 50;
    wire_answer_deinit (&answer);
    answer = operator_ask (operator, & request);
    cr_assert_eq (answer.n_nodes, 0);
    cr_assert_eq (answer.revision, request.since);
    cr_assert (base_time_boot_ms () - began_ms >= 50);
    wire_answer_deinit (&answer);
    request.since += 1000000; /* a revision of records that were lost */
    answer = operator_ask (operator, & request);
    cr_assert_eq (answer.n_nodes, 2, "a revision from the future is ignored");
    wire_answer_deinit (&answer);
}

Test (operator, a_second_broker_on_one_root_is_refused)
{
    struct broker *second;
    struct base_error error = {.text = ""};
    struct broker_config config = {.root = fixture.root, .bind = &fixture.endpoints};

    cr_assert_eq (broker_new (fixture.loop, &config, &second, &error), BROKER_E_LOCKED);
    cr_assert_not_null (strstr (error.text, fixture.root));
}
