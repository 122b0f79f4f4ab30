/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/ctl/commands.c - the built nodectl against a broker in a thread

    The request, the output and the exit code of each command. */

#include "../client/fake_broker.h"
#include "printed.h"
#include "program.h"

#define DIGEST "1111111111111111111111111111111111111111111111111111111111111111"

static struct fake_broker broker;
static struct wire_application applications[2];
static struct wire_node nodes[2];
static struct wire_order_result orders[2];
static struct wire_release_state releases[2];
static struct wire_broker_state broker_state;
static struct wire_failure bad; /* the quarantine of each node */
static size_t lists;            /* requests for lists of nodes */

/*  The last request that was not for a list. all and release: as far as it has them. */
static struct {
    const struct wire_record *record;
    bool all;
    size_t n_nodes;
    struct base_digest release;
} last;

/*  Takes what orders have: the members of all of them have the same names. */
#define NOTE(name)                                                                                           \
    if (request->record == &wire_##name##_record)                                                            \
        last.n_nodes = ((const struct wire_##name *) request->body)->n_nodes;

static void request_note (const struct fake_request *request)
{
    last.record = request->record;
    last.release = (struct base_digest){{0}};
    NOTE (order_update)
    NOTE (order_revert)
    NOTE (order_hold)
    NOTE (order_unhold)
    NOTE (order_cancel)
    NOTE (order_clear)
    NOTE (forget_nodes)
    if (request->record == &wire_order_clear_record)
        last.release = ((const struct wire_order_clear *) request->body)->release;
    if (request->record == &wire_withdraw_release_record)
        last.release = ((const struct wire_withdraw_release *) request->body)->release;
}

static void nodes_list (const struct wire_list_nodes *request, struct wire_nodes *answer)
{
    /*  The first list after an order shows it under way, the next ones show its outcome. */
    lists++;
    for (size_t i = 0; i < 2; i++)
        nodes[i].outcome = lists > 1 ? (i ? WIRE_OUTCOME_FAILED : WIRE_OUTCOME_CONFIRMED) : 0;
    answer->nodes = nodes;
    answer->n_nodes = request->n_nodes == 1 ? 1 : 2;
    answer->revision = lists;
}

static bool commands_answer (struct fake_broker *fake, const struct fake_request *request, void *ret_answer)
{
    struct wire_orders *ordered = ret_answer;
    struct wire_releases *listed = ret_answer;
    (void) fake;
    if (request->record == &wire_list_nodes_record)
        nodes_list (request->body, ret_answer);
    else if (request->record == &wire_list_releases_record) {
        listed->releases = releases;
        listed->n_releases = 2;
    } else if (request->record == &wire_list_quarantine_record) {
        ((struct wire_failures *) ret_answer)->failures = &bad;
        ((struct wire_failures *) ret_answer)->n_failures = 1;
    } else if (request->record == &wire_show_broker_record)
        ((struct wire_shown *) ret_answer)->broker = &broker_state;
    else if (request->record != &wire_list_reports_record)
        request_note (request);
    if (wire_record_answer (request->record) == &wire_orders_record) {
        ordered->orders = orders;
        ordered->n_orders = last.n_nodes == 1 ? 1 : 2;
    }
    return true;
}

static void setup (void)
{
    bad = (struct wire_failure){.transaction = "t-9",
                                .release = {{0x22, 0x22, 0x22, 0x22}},
                                .version = "3.0.0",
                                .step = "trial",
                                .reason = "hung",
                                .time = "2026-11-22T15:00:00.000000000Z"};
    static const char *const names[] = {"web-1", "web-2"};
    for (size_t i = 0; i < 2; i++) {
        applications[i] = (struct wire_application){
            .name = "noded", .state = WIRE_STATE_IDLE, .epoch = 5, .quarantined = 1};
        nodes[i] = (struct wire_node){
            .id = names[i], .online = true, .desired_epoch = 5, .application = &applications[i]};
        orders[i] = (struct wire_order_result){
            .node = names[i], .status = WIRE_STATUS_OK, .epoch = 5, .transaction = "t-5"};
        releases[i] = (struct wire_release_state){
            .application = "noded", .version = "1.0.0", .time = "2026-11-22T15:00:00.000000000Z"};
        memset (releases[i].release.bytes, 0x11, BASE_DIGEST_BYTES);
    }
    nodes[1].outcome_step = "probing";
    nodes[1].outcome_reason = "no\033way";
    releases[1].release.bytes[4] = 0x77;
    lists = 0;
    broker = (struct fake_broker){.answer = commands_answer};
    fake_start (&broker);
}

static void teardown (void)
{
    fake_end (&broker);
}

TestSuite (commands, .init = setup, .fini = teardown, .timeout = 60);

static void expect_run (const char *const *words, int code, const char *out, const char *err)
{
    expect_program (words, broker.origin, code, out, err);
}

Test (commands, an_update_is_followed_until_every_node_has_ended)
{
    orders[0].status = WIRE_STATUS_OK;
    expect_run (WORDS ("update", "web-1", "web-1"), 0, "web-1  confirmed  -     -", NULL);
    cr_expect_eq (last.record, &wire_order_update_record);
    cr_expect_eq (last.n_nodes, 1, "a node that is named twice is ordered once");
    lists = 0;
    expect_run (WORDS ("update", "web-1", "web-2"), 1, "web-2  failed     probing  no\\x1bway", NULL);
    expect_run (WORDS ("update", "web-1", "--soak", "1s"), 2, NULL,
                "--soak needs --all, or nodectl rollout start");
}

Test (commands, a_timeout_names_the_nodes_that_have_not_ended)
{
    nodes[0].desired_epoch = 4;
    nodes[0].online = false;
    nodes[0].last_seen = "2026-11-22T15:00:00.000000000Z";
    expect_run (
        WORDS ("update", "web-1", "--timeout", "200ms"), 3, "under way",
        "1 of 1 nodes have not ended within 200ms and continue: web-1: offline, last seen 2026-11-22 15:00:00Z");
}

Test (commands, a_followed_update_with_json_prints_only_json_on_standard_output)
{
    expect_run (WORDS ("update", "web-1", "--json"), 0, "[\n  {\"node\":\"web-1\",\"ended\":true,", "web-1");
}

Test (commands, orders_are_printed_one_by_one_and_a_refused_one_fails)
{
    static const struct {
        const char *word;
        const struct wire_record *record;
    } commands[] = {{"hold", &wire_order_hold_record},
                    {"unhold", &wire_order_unhold_record},
                    {"cancel", &wire_order_cancel_record},
                    {"forget", &wire_forget_nodes_record}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        expect_run (WORDS (commands[i].word, "web-1", "web-2"), 0, "web-2  ordered t-5\n", NULL);
        cr_expect_eq (last.record, commands[i].record);
    }
    expect_run (WORDS ("update", "web-1", "--no-wait"), 0, "web-1  ordered t-5\n", NULL);
    expect_run (WORDS ("revert", "web-1", "--no-wait", "--json"), 0, "\"transaction\":\"t-5\"", NULL);
    orders[0].status = WIRE_STATUS_REFUSED;
    orders[0].reason = "it is online";
    expect_run (WORDS ("forget", "web-1"), 1, "web-1  refused: it is online\n", NULL);
    expect_run (WORDS ("update", "web-1"), 1, "it is online", NULL);
}

Test (commands, a_release_is_named_by_a_unique_prefix)
{
    expect_run (WORDS ("withdraw", "1111111177"), 0, "withdrawn 1111111177", NULL);
    cr_expect_eq (last.release.bytes[4], 0x77);
    last.record = NULL;
    expect_run (WORDS ("withdraw", "111111"), 1, NULL, "2 releases begin with 111111: give more digits");
    expect_run (WORDS ("withdraw", "abcdef"), 1, NULL, "no release begins with abcdef");
    cr_expect_null (last.record, "nothing was withdrawn");
    expect_run (WORDS ("withdraw", DIGEST), 0, "withdrawn " DIGEST, NULL);
}

Test (commands, a_quarantine_is_listed_and_cleared)
{
    expect_run (WORDS ("quarantine", "list", "web-1"), 0, "222222220000  3.0.0", NULL);
    expect_run (WORDS ("quarantine", "list", "web-1", "--json"), 0, "\"reason\":\"hung\"", NULL);
    expect_run (WORDS ("quarantine", "clear", "web-1", "222222"), 0, "web-1  cleared 22222222", NULL);
    cr_expect_eq (last.record, &wire_order_clear_record);
    cr_expect_eq (last.release.bytes[0], 0x22, "a quarantined release need not be among the published ones");
    expect_run (WORDS ("quarantine", "clear", "web-1"), 0, "every release", NULL);
    cr_expect (base_digest_is_null (&last.release));
    nodes[0].online = false;
    applications[0].epoch = 4;
    expect_run (WORDS ("quarantine", "clear", "web-1"), 0,
                "ordered to clear every release; the node has not cleared it yet", NULL);
}

Test (commands, records_are_printed_as_text_and_as_json)
{
    expect_run (WORDS ("nodes"), 0, "web-2  yes     idle", NULL);
    expect_run (WORDS ("nodes", "--json"), 0, "[\n  {\"id\":\"web-1\",", NULL);
    expect_run (WORDS ("status", "web-1"), 0, "quarantine   1 releases", NULL);
    expect_run (WORDS ("status", "web-1", "--json"), 0, "{\n  \"id\": \"web-1\"", NULL);
    expect_run (WORDS ("why", "web-1"), 0, "Nothing has been reported.", NULL);
    expect_run (WORDS ("why", "web-1", "--json"), 0, "[]\n", NULL);
    expect_run (WORDS ("releases"), 0, "111111117711  noded", NULL);
    expect_run (WORDS ("releases", "--json"), 0, "\"release\":\"1111111177", NULL);
}

Test (commands, the_broker_itself_is_shown_with_what_it_refused_by_reason)
{
    struct wire_reason_count refused[] = {{.reason = "wrong frames", .count = 2},
                                          {.reason = "violates the schema", .count = 17}};
    broker_state = (struct wire_broker_state){.instance = "5e0c",
                                              .software = "1.0.0",
                                              .since = "2026-11-22T15:00:00.000000000Z",
                                              .uptime_s = 192,
                                              .nodes = 3,
                                              .online = 2,
                                              .releases = 4,
                                              .releases_missing = 1,
                                              .rollouts = 1,
                                              .received = 1234,
                                              .refused = refused,
                                              .n_refused = 2,
                                              .foreign = 5};
    struct run got = run_program (WORDS ("status", "--broker"), broker.origin);
    cr_expect_eq (got.code, 0);
    cr_expect_str_empty (got.err);
    expect_value (got.out, "instance", "5e0c");
    expect_value (got.out, "software", "1.0.0");
    expect_value (got.out, "runs since", "2026-11-22 15:00:00Z, for 3m12s");
    expect_value (got.out, "nodes", "3 known, 2 online");
    expect_value (got.out, "releases", "4 offered");
    expect_value (got.out, "cannot be served", "1 of these releases: see nodectl releases");
    expect_value (got.out, "rollouts", "1 under way");
    expect_value (got.out, "accepted messages", "1234");
    expect_value (got.out, "refused messages", "2: wrong frames");
    expect_value (got.out, "refused messages", "17: violates the schema");
    expect_value (got.out, "ended connections", "0");
    expect_value (got.out, "refused new nodes", "0");
    expect_value (got.out, "ignored messages", "5 in a node's name from another connection");
    free (got.out);
    free (got.err);
    expect_run (WORDS ("status", "--broker", "--json"), 0, "\"reason\": \"violates the schema\"", NULL);
    expect_run (WORDS ("--json", "status", "--broker"), 0, "\"ended\": [],\n  \"new_nodes_refused\": 0",
                NULL);
}

/*  A C1 control character and a mark that reverses the text direction: JSON allows both unescaped. */
#define UNSAFE                                                                                               \
    "a\xC2\x9B"                                                                                              \
    "2J\xE2\x80\xAE"                                                                                         \
    "b\x7f"
#define ESCAPED "a\\u009b2J\\u202eb\\u007f"

Test (commands, texts_of_a_node_cannot_control_a_terminal_in_json_either)
{
    nodes[0].outcome_reason = UNSAFE;
    bad.reason = UNSAFE;
    orders[0].status = WIRE_STATUS_REFUSED;
    orders[0].reason = UNSAFE;
    expect_run (WORDS ("nodes", "--json"), 0, "\"outcome_reason\":\"" ESCAPED "\"", NULL);
    expect_run (WORDS ("status", "web-1", "--json"), 0, "\"outcome_reason\": \"" ESCAPED "\"", NULL);
    expect_run (WORDS ("quarantine", "list", "web-1", "--json"), 0, "\"reason\":\"" ESCAPED "\"", NULL);
    expect_run (WORDS ("hold", "web-1", "--json"), 1, "\"reason\":\"" ESCAPED "\"", NULL);
    broker.event = "{\"event\":\"failed\",\"reason\":\"" UNSAFE "\"}";
    expect_run (WORDS ("events", "--count", "1", "--json"), 0,
                "{\"event\":\"failed\",\"reason\":\"" ESCAPED "\"}\n", NULL);
    broker.event = "no json\033[2J";
    expect_run (WORDS ("events", "--count", "1", "--json", "--timeout", "500ms"), 3, NULL, NULL);
}

Test (commands, a_name_that_a_shell_would_execute_is_not_completed)
{
    struct run got;
    nodes[0].id = "$(reboot)";
    nodes[1].id = "web-2";
    got = run_program (WORDS ("completion", "words", "--", "status", ""), broker.origin);
    cr_expect_null (strstr (got.out, "reboot"), "%s", got.out);
    cr_expect_not_null (strstr (got.out, "web-2\n"), "%s", got.out);
    free (got.out);
    free (got.err);
}

Test (commands, events_are_printed_as_they_arrive)
{
    broker.event = "{\"event\":\"connected\",\"instance\":\"i\",\"sequence\":1,\"node\":\"web-1\","
                   "\"time\":\"2026-11-22T15:00:00.000000000Z\"}";
    expect_run (WORDS ("events", "--count", "2"), 0, "2026-11-22 15:00:00Z  web-1  connected\n2026-", NULL);
    expect_run (WORDS ("events", "--count", "1", "--json"), 0, broker.event, NULL);
    broker.event =
        "{\"instance\":\"i\",\"sequence\":1,\"transition\":{\"serial\":3,\"rollout\":\"r-1\",\"time\":"
        "\"2026-11-22T15:00:00.000000000Z\",\"phase\":\"soaking\",\"wave\":2},\"application\":"
        "\"noded\",\"version\":\"2.0.0\",\"release\":\"" DIGEST "\"}";
    expect_run (WORDS ("events", "--count", "1"), 0,
                "2026-11-22 15:00:00Z  r-1  noded 2.0.0  wave 2 finished, soaking\n", NULL);
    broker.event = NULL;
    expect_run (WORDS ("events", "--count", "1", "--timeout", "100ms"), 3, NULL, NULL);
    expect_run (WORDS ("events", "--timeout", "100ms"), 0, NULL, NULL);
}
