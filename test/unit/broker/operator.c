/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/operator.c - an operator's requests to a broker */

#include "operator.h"

#include "wire/record.h"
#include "wire/text.h"

TestSuite (operator, .init = operator_set_up, .fini = operator_tear_down, .timeout = 240);

/*  Connects nodes with a long failure reason, so that few nodes fit into one answer. */
static void nodes_connect (unsigned count)
{
    char reason[500];

    memset (reason, 'x', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    for (unsigned i = 0; i < count; i++) {
        struct wire_failure failure = {.transaction = "t-1",
                                       .step = "trial",
                                       .reason = reason,
                                       .time = "2026-11-22T15:00:00.000000000Z"};
        char id[32];
        struct node node = {.control = fixture_control (&fixture), .id = id};
        (void) snprintf (id, sizeof id, "node-%04u", i);
        (void) snprintf (node.session, sizeof node.session, "session-%u", i);
        node.application =
            (struct wire_application){.name = "noded", .state = WIRE_STATE_IDLE, .last_error = &failure};
        node_hello (&node);
        peer_free (node.control);
    }
}

Test (operator, an_update_of_all_nodes_is_refused_and_names_rollout_start)
{
    struct wire_order_update request = {.serial = 0};
    struct wire_orders answer = operator_ask (operator, order_update, orders, &request);

    cr_expect_eq (answer.status, WIRE_STATUS_REFUSED);
    cr_expect (strstr (answer.reason, "rollout start"));
    wire_orders_deinit (&answer);
}

Test (operator, a_list_of_nodes_comes_in_pages_and_misses_no_node)
{
    struct wire_list_nodes request = {.serial = 0};
    unsigned seen = 0, pages = 0;
    bool more;

    nodes_connect (300);
    do {
        struct wire_nodes answer = operator_ask (operator, list_nodes, nodes, &request);
        cr_assert_eq (answer.status, WIRE_STATUS_OK);
        for (size_t i = 0; i < answer.n_nodes; i++) {
            char id[32];
            (void) snprintf (id, sizeof id, "node-%04u", seen++);
            cr_assert_str_eq (answer.nodes[i].id, id);
        }
        more = answer.more;
        cr_assert_eq (wire_text_set (&request.after, answer.next), 0);
        pages++;
        wire_nodes_deinit (&answer);
    } while (more);
    cr_assert_eq (seen, 300);
    cr_assert (pages > 1);
}

Test (operator, an_order_to_all_nodes_comes_in_pages_and_orders_each_node_once)
{
    struct wire_order_hold request = {.all = true, .key = "once"};
    unsigned seen = 0, pages = 0;
    bool more;

    nodes_connect (600);
    do {
        struct wire_orders answer = operator_ask (operator, order_hold, orders, &request);
        struct wire_orders again = operator_ask (operator, order_hold, orders, &request);
        cr_assert_eq (again.n_orders, answer.n_orders);
        for (size_t i = 0; i < answer.n_orders; i++) {
            char id[32];
            (void) snprintf (id, sizeof id, "node-%04u", seen++);
            cr_assert_str_eq (answer.orders[i].node, id);
            cr_assert_gt (answer.orders[i].epoch, 0);
            cr_assert_eq (again.orders[i].epoch, answer.orders[i].epoch);
        }
        more = answer.more;
        cr_assert_eq (wire_text_set (&request.after, answer.next), 0);
        pages++;
        wire_orders_deinit (&answer);
        wire_orders_deinit (&again);
    } while (more);
    cr_assert_eq (seen, 600);
    cr_assert (pages > 1);
}

Test (operator, an_unknown_node_and_a_request_without_nodes_are_reported)
{
    const char *nodes[] = {"nobody"};
    struct wire_order_hold none = {.serial = 0};
    struct wire_list_nodes request = {.nodes = nodes, .n_nodes = 1};
    struct wire_order_result ordered = operator_order (operator, WIRE_ORDER_UPDATE, "nobody", NULL);
    struct wire_orders refused = operator_ask (operator, order_hold, orders, &none);
    struct wire_nodes answer = operator_ask (operator, list_nodes, nodes, &request);

    cr_assert_eq (ordered.status, WIRE_STATUS_NONE);
    cr_assert_not_null (ordered.reason);
    cr_assert_eq (refused.status, WIRE_STATUS_INVALID);
    cr_assert_eq (answer.status, WIRE_STATUS_NONE);
    cr_assert_not_null (strstr (answer.reason, "nobody"));
    wire_nodes_deinit (&answer);
    wire_orders_deinit (&refused);
    wire_order_result_deinit (&ordered);
}

/*  Sends the beginning of a request under another type, and expects the plain answer. */
static void expect_invalid (unsigned type)
{
    struct wire_record record = wire_request_record;
    struct wire_request request = {.serial = 7};
    struct wire_answer answer;

    record.type = type;
    peer_send (operator, & record, &request);
    peer_expect (operator, & wire_answer_record, &answer);
    cr_expect_eq (answer.serial, 7);
    cr_expect_eq (answer.status, WIRE_STATUS_INVALID);
    cr_expect_not_null (strstr (answer.reason, "unknown or malformed request"), "%s", answer.reason);
    wire_answer_deinit (&answer);
}

Test (operator, a_request_that_is_unknown_or_malformed_is_answered_as_invalid)
{
    expect_invalid (WIRE_REQUESTS_UNTIL);
    expect_invalid (wire_withdraw_release_record.type); /* without a release */
}

/*  The count of one reason; 0 if it is left out. */
static uint64_t reason_find (const struct wire_reason_count *reasons, size_t count, const char *reason)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp (reasons[i].reason, reason) == 0)
            return reasons[i].count;
    return 0;
}

Test (operator, the_broker_is_shown_with_what_it_has_and_what_it_refused)
{
    struct wire_show_broker request = {.serial = 0};
    struct wire_shown answer = operator_ask (operator, show_broker, shown, &request);
    uint64_t received, now_ns = base_time_real_ns (), since_ns;

    cr_assert_eq (answer.status, WIRE_STATUS_OK);
    cr_assert_not_null (answer.broker);
    cr_expect_str_eq (answer.broker->instance, answer.instance);
    cr_expect_gt (strlen (answer.broker->software), 0);
    cr_assert_eq (base_time_parse (answer.broker->since, &since_ns), 0);
    cr_expect_leq (since_ns, now_ns);
    cr_expect_leq (answer.broker->uptime_s, FIXTURE_DEADLINE_MS / 1000);
    cr_expect_eq (answer.broker->nodes, 0);
    cr_expect_eq (answer.broker->releases, 0);
    cr_expect_eq (answer.broker->n_refused, 0, "reasons that never occurred are left out");
    cr_expect_eq (answer.broker->n_ended, 0);
    received = answer.broker->received;
    wire_shown_deinit (&answer);

    nodes_connect (2);
    (void) fixture_publish (&fixture, operator, "1");
    expect_invalid (wire_withdraw_release_record.type);
    expect_invalid (wire_withdraw_release_record.type);
    answer = operator_ask (operator, show_broker, shown, &request);
    cr_expect_eq (answer.broker->nodes, 2);
    cr_expect_eq (answer.broker->online, 2);
    cr_expect_eq (answer.broker->releases, 1);
    cr_expect_eq (answer.broker->releases_missing, 0);
    cr_expect_eq (answer.broker->rollouts, 0);
    cr_expect_gt (answer.broker->received, received);
    cr_expect_eq (answer.broker->n_refused, 1);
    cr_expect_eq (reason_find (answer.broker->refused, answer.broker->n_refused, "violates the schema"), 2);
    wire_shown_deinit (&answer);
}

static struct wire_published release_publish (const char *version, const char *binary)
{
    struct wire_envelope envelope = {.application = "noded",
                                     .version = version,
                                     .platform = "linux/amd64",
                                     .binary = digest_of (binary),
                                     .size = strlen (binary)};
    struct wire_release release = {
        .application = "noded", .version = version, .envelopes = &envelope, .n_envelopes = 1};
    struct wire_publish_release request = {.release = &release};

    fixture_upload_document (&fixture, &release);
    return operator_ask (operator, publish_release, published, &request);
}

Test (operator, a_release_with_missing_blobs_is_refused_and_the_blob_is_named)
{
    struct wire_published answer = release_publish ("1", "binary one");
    char text[BASE_DIGEST_TEXT];
    struct base_digest digest = digest_of ("binary one");

    cr_assert_eq (answer.status, WIRE_STATUS_REFUSED);
    cr_assert_not_null (strstr (answer.reason, base_digest_format (&digest, text)));
    wire_published_deinit (&answer);
    (void) fixture_upload (&fixture, "binary one");
    answer = release_publish ("1", "binary one");
    cr_assert_eq (answer.status, WIRE_STATUS_OK);
    cr_assert_not (base_digest_is_null (&answer.release));
    wire_published_deinit (&answer);
}

Test (operator, publishing_is_idempotent_and_a_withdrawal_is_final)
{
    struct base_digest first = fixture_publish (&fixture, operator, "1");
    struct base_digest again = fixture_publish (&fixture, operator, "1");
    struct wire_list_releases request = {.serial = 0};
    struct wire_published refused;
    struct wire_releases answer;

    cr_assert (base_digest_equal (&first, &again));
    cr_assert_eq (operator_withdraw (operator, & first), WIRE_STATUS_OK);
    (void) fixture_upload (&fixture, "1");
    refused = release_publish ("1", "1");
    cr_assert_eq (refused.status, WIRE_STATUS_GONE);
    wire_published_deinit (&refused);
    answer = operator_ask (operator, list_releases, releases, &request);
    cr_assert_eq (answer.n_releases, 1);
    cr_assert (answer.releases[0].withdrawn);
    cr_assert_eq (answer.releases[0].size, 1);
    cr_assert_str_eq (answer.releases[0].platforms[0], "linux/amd64");
    wire_releases_deinit (&answer);
}

static bool digest_is_served (const struct base_digest *digest)
{
    struct peer *peer = peer_new (fixture.loop, BUS_DEALER, broker_endpoint_content (fixture.broker));
    struct wire_get get = {.digest = *digest, .offset = 0, .length = 4096};
    struct wire_chunk chunk;
    bool is_there;

    peer_send (peer, &wire_get_record, &get);
    peer_expect (peer, &wire_chunk_record, &chunk);
    is_there = chunk.status == WIRE_STATUS_OK;
    wire_chunk_deinit (&chunk);
    peer_free (peer);
    return is_there;
}

static bool blob_is_served (const char *text)
{
    struct base_digest digest = digest_of (text);

    return digest_is_served (&digest);
}

static void blob_lose (const struct base_digest *digest)
{
    char path[160], text[BASE_DIGEST_TEXT];

    (void) base_digest_format (digest, text);
    (void) snprintf (path, sizeof path, "%s/blobs/%.2s/%s", fixture.root, text, text);
    cr_assert_eq (unlink (path), 0, "%s", path);
}

Test (operator, a_lost_release_document_is_restored_from_the_records_and_a_lost_program_is_not)
{
    struct base_digest release = fixture_publish (&fixture, operator, "1"), program = digest_of ("1");
    struct wire_list_releases request = {.serial = 0};
    struct wire_releases answer;

    blob_lose (&release);
    cr_expect (digest_is_served (&release), "to a node that fetches it");
    fixture_stop (&fixture);
    blob_lose (&release);
    fixture_start (&fixture);
    operator= peer_free (operator);
    operator= fixture_control (&fixture);
    answer = operator_ask (operator, list_releases, releases, &request);
    cr_expect_null (answer.notice, "%s", answer.notice);
    wire_releases_deinit (&answer);
    cr_expect (digest_is_served (&release));
    fixture_stop (&fixture);
    blob_lose (&program);
    fixture_start (&fixture);
    operator= peer_free (operator);
    operator= fixture_control (&fixture);
    answer = operator_ask (operator, list_releases, releases, &request);
    cr_expect_not_null (answer.notice);
    wire_releases_deinit (&answer);
    cr_expect_not (digest_is_served (&program));
}

Test (operator, a_withdrawn_release_document_is_not_restored)
{
    struct base_digest release = fixture_publish (&fixture, operator, "1");

    (void) fixture_publish (&fixture, operator, "2");
    cr_assert_eq (operator_withdraw (operator, & release), WIRE_STATUS_OK);
    fixture_stop (&fixture);
    fixture_start (&fixture);
    cr_expect_not (digest_is_served (&release));
}

Test (operator, the_blobs_of_a_withdrawn_release_are_not_served_any_more)
{
    struct base_digest release = fixture_publish (&fixture, operator, "1");

    (void) fixture_publish (&fixture, operator, "2");
    cr_assert (blob_is_served ("1"));
    cr_assert_eq (operator_withdraw (operator, & release), WIRE_STATUS_OK);
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
    struct wire_list_releases request = {.serial = 0};
    struct wire_releases answer;
    size_t seen = 0;
    bool more;

    for (unsigned i = 0; i < 600; i++) {
        char version[16];
        (void) snprintf (version, sizeof version, "1.%u", i);
        (void) fixture_publish (&fixture, operator, version);
    }
    do {
        answer = operator_ask (operator, list_releases, releases, &request);
        for (size_t i = 0; i < answer.n_releases; i++) {
            char version[16];
            (void) snprintf (version, sizeof version, "1.%zu", 599 - seen++);
            cr_assert_str_eq (answer.releases[i].version, version);
        }
        more = answer.more;
        cr_assert_eq (wire_text_set (&request.after, answer.next), 0);
        wire_releases_deinit (&answer);
    } while (more);
    cr_assert_eq (seen, 600);
}

Test (operator, the_reports_of_a_node_are_listed_oldest_first)
{
    struct node node;
    struct wire_list_reports request = {.node = "web-1"};
    struct wire_reports answer;

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    node_report (&node, 1, "t-1", "fetching", WIRE_OUTCOME_STARTED, NULL);
    node_report (&node, 1, "t-1", "fetching", WIRE_OUTCOME_FAILED, "no route");
    node_report (&node, 2, "t-2", "matching", WIRE_OUTCOME_STARTED, NULL);
    answer = operator_ask (operator, list_reports, reports, &request);
    cr_assert_eq (answer.n_reports, 2);
    cr_assert_str_eq (answer.reports[0].reason, "no route");
    cr_assert_str_eq (answer.reports[1].step, "matching");
    request.after = "nonsense";
    wire_reports_deinit (&answer);
    answer = operator_ask (operator, list_reports, reports, &request);
    cr_assert_eq (answer.status, WIRE_STATUS_INVALID);
    wire_reports_deinit (&answer);
    peer_free (node.control);
}

Test (operator, only_an_offline_node_can_be_forgotten)
{
    struct node node;
    struct wire_bye bye = {.node = "web-1"};
    struct wire_order_result ordered;
    struct wire_list_nodes request = {.serial = 0};
    struct wire_nodes answer;

    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    ordered = operator_forget (operator, "web-1");
    cr_assert_eq (ordered.status, WIRE_STATUS_REFUSED);
    wire_order_result_deinit (&ordered);
    bye.session = node.session;
    peer_send (node.control, &wire_bye_record, &bye);
    for (bool online = true; online;) {
        struct wire_node shown = operator_node (operator, "web-1");
        online = shown.online;
        wire_node_deinit (&shown);
    }
    ordered = operator_forget (operator, "web-1");
    cr_assert_eq (ordered.status, WIRE_STATUS_OK);
    wire_order_result_deinit (&ordered);
    answer = operator_ask (operator, list_nodes, nodes, &request);
    cr_assert_eq (answer.n_nodes, 0);
    wire_nodes_deinit (&answer);
    peer_free (node.control);
}

Test (operator, a_wait_ends_without_a_change_when_its_time_has_run_out)
{
    struct wire_list_nodes request = {.serial = 0};
    struct wire_nodes answer;
    uint64_t began_ms = base_time_boot_ms ();

    nodes_connect (2);
    answer = operator_ask (operator, list_nodes, nodes, &request);
    cr_assert_eq (answer.n_nodes, 2);
    request.since = answer.revision;
    request.wait_ms = 50;
    wire_nodes_deinit (&answer);
    answer = operator_ask (operator, list_nodes, nodes, &request);
    cr_assert_eq (answer.n_nodes, 0);
    cr_assert_eq (answer.revision, request.since);
    cr_assert (base_time_boot_ms () - began_ms >= 50);
    wire_nodes_deinit (&answer);
    request.since += 1000000; /* a revision of records that were lost */
    answer = operator_ask (operator, list_nodes, nodes, &request);
    cr_assert_eq (answer.n_nodes, 2, "a revision from the future is ignored");
    wire_nodes_deinit (&answer);
}

Test (operator, a_second_broker_on_one_root_is_refused)
{
    struct broker *second;
    struct base_error error = {.text = ""};
    struct broker_config config = {.root = fixture.root, .bind = &fixture.endpoints};

    cr_assert_eq (broker_new (fixture.loop, &config, &second, &error), BROKER_E_LOCKED);
    cr_assert_not_null (strstr (error.text, fixture.root));
}
