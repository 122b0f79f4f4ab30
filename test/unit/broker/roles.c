/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/roles.c - who may do what: every role and every request, and messages of nodes */

#include "keyed.h"

#include "broker/state.h"
#include "test/lib/random_message.h"
#include "wire/record.h"

TestSuite (roles, .init = keyed_set_up, .fini = keyed_tear_down, .timeout = 240);

/*  What the design says, apart from the code: which roles permit what a request needs. */
static bool is_permitted (enum wire_role role, enum wire_role needed)
{
    switch (role) {
    case WIRE_ROLE_CONTENT:
    case WIRE_ROLE_OBSERVER:
    case WIRE_ROLE_PUBLISHER:
        return needed == role;
    case WIRE_ROLE_DEPLOYER:
        return needed == WIRE_ROLE_OBSERVER || needed == WIRE_ROLE_DEPLOYER;
    case WIRE_ROLE_ADMIN:
        return true;
    default:
        return false;
    }
}

/*  Sends a request with random content, and returns the head of its answer: what a role permits must not depend
    on the content. */
static struct wire_answer request_try (struct peer *peer, const struct wire_record *record, uint64_t seed)
{
    const struct wire_record *answered = wire_record_answer (record);
    void *request = calloc (1, wire_record_size (record)), *answer = calloc (1, wire_record_size (answered));
    struct random random = {.state = seed};
    struct wire_answer head, copy;
    struct wire_request asked;
    uint64_t serial;
    int index;

    random_message (&random, record, request);
    memcpy (&asked, request, sizeof asked);
    serial = asked.serial = 1000 + seed;
    memcpy (request, &asked, sizeof asked);
    peer_send (peer, record, request);
    for (;;) { /* an answer to an earlier one may still come */
        index = peer_wait (peer, answered, FIXTURE_DEADLINE_MS);
        cr_assert_geq (index, 0, "%s is not answered", record->name);
        memcpy (&head, peer->inbox[index].message, sizeof head);
        if (head.serial == serial)
            break;
        peer_take (peer, (size_t) index);
    }
    cr_assert_eq (wire_copy (&wire_answer_record, &head, &copy), 0);
    peer_take (peer, (size_t) index);
    wire_deinit (record, request);
    free (request);
    free (answer);
    return copy;
}

static const struct {
    const struct wire_record *record;
    enum wire_role needed;
} requests[] = {
#define REQUEST(name, type, role, answer, doc) {&wire_##name##_record, WIRE_ROLE_##role},
#include "wire/schema_requests.h"
#undef REQUEST
};

/*  Every request of the table with one role. */
static void role_try (enum wire_role role)
{
    struct pair pair = keyed_pair (role, "probe");
    struct peer *peer = keyed_control (&pair);

    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        const struct wire_record *record = requests[i].record;
        char needs[128];
        struct wire_answer head;
        bool refused;
        if (requests[i].needed == WIRE_ROLE_NULL)
            continue;
        (void) snprintf (needs, sizeof needs, "of probe has the role %s; %s needs ", wire_role_word (role),
                         record->name);
        for (uint64_t seed = 1; seed <= 3; seed++) {
            head = request_try (peer, record, seed);
            refused = head.status == WIRE_STATUS_REFUSED && head.reason && strstr (head.reason, needs);
            cr_expect_eq (refused, !is_permitted (role, requests[i].needed), "%s, %s: %s, %s",
                          wire_role_word (role), record->name, wire_status_word (head.status),
                          head.reason ? head.reason : "no reason");
            wire_answer_deinit (&head);
        }
    }
    peer_free (peer);
}

Test (roles, a_node_may_send_no_request)
{
    role_try (WIRE_ROLE_NODE);
}
Test (roles, a_content_peer_may_follow_the_keys_and_nothing_else)
{
    role_try (WIRE_ROLE_CONTENT);
}
Test (roles, an_observer_may_read_and_nothing_else)
{
    role_try (WIRE_ROLE_OBSERVER);
}
Test (roles, a_deployer_may_read_and_order_but_not_publish_or_administer)
{
    role_try (WIRE_ROLE_DEPLOYER);
}
Test (roles, a_publisher_may_publish_and_nothing_else)
{
    role_try (WIRE_ROLE_PUBLISHER);
}
Test (roles, an_admin_may_send_every_request)
{
    role_try (WIRE_ROLE_ADMIN);
}

Test (roles, requests_that_change_a_fleet_or_its_keys_need_the_roles_of_the_design)
{
    static const struct {
        const struct wire_record *record;
        enum wire_role needed;
    } pinned[] = {
        {&wire_publish_release_record, WIRE_ROLE_PUBLISHER}, {&wire_withdraw_release_record, WIRE_ROLE_ADMIN},
        {&wire_forget_nodes_record, WIRE_ROLE_ADMIN},        {&wire_backup_records_record, WIRE_ROLE_ADMIN},
        {&wire_list_keys_record, WIRE_ROLE_ADMIN},           {&wire_add_key_record, WIRE_ROLE_ADMIN},
        {&wire_revoke_key_record, WIRE_ROLE_ADMIN},          {&wire_follow_keys_record, WIRE_ROLE_CONTENT}};

    for (size_t i = 0; i < sizeof pinned / sizeof *pinned; i++)
        cr_expect_eq (wire_record_role (pinned[i].record), pinned[i].needed, "%s", pinned[i].record->name);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        if (wire_record_is_change (requests[i].record))
            cr_expect_gt (wire_record_role (requests[i].record), WIRE_ROLE_OBSERVER, "%s",
                          requests[i].record->name);
}

Test (roles, a_publisher_publishes_only_the_applications_that_are_named_with_its_key)
{
    struct pair pair = keyed_pair (WIRE_ROLE_PUBLISHER, "ci");
    struct peer *peer = keyed_control (&pair);
    struct wire_envelope envelope = {
        .application = "hello", .version = "1", .binary = digest_of ("1"), .size = 1};
    struct wire_release release = {
        .application = "hello", .version = "1", .envelopes = &envelope, .n_envelopes = 1};
    struct wire_publish_release request = {.release = &release};
    struct wire_published answer = operator_ask (peer, publish_release, published, &request);

    cr_expect_eq (answer.status, WIRE_STATUS_REFUSED);
    cr_expect (strstr (answer.reason, "of ci has the role publisher; it may publish noded, not hello"), "%s",
               answer.reason);
    wire_published_deinit (&answer);
    release.application = envelope.application = "noded";
    answer = operator_ask (peer, publish_release, published, &request);
    cr_expect (strstr (answer.reason, "has not been uploaded"), "%s", answer.reason);
    wire_published_deinit (&answer);
    peer_free (peer);
}

/*  Messages of nodes. */

/*  Sends each message of a node in the name of a node, and returns how many were answered with refused. */
static unsigned node_messages_refused (struct peer *peer, const char *node)
{
    struct wire_application application = {.name = "noded", .state = WIRE_STATE_IDLE};
    struct wire_failure failure = {.transaction = "t", .step = "trial", .reason = "x", .time = "x"};
    const char *names[] = {"noded"};
    struct wire_hello hello = {.node = node, .session = "s", .platform = "linux/amd64"};
    struct wire_list list = {.node = node, .session = "s", .names = names, .n_names = 1};
    struct wire_describe describe = {.node = node, .session = "s", .serial = 1, .application = &application};
    struct wire_quarantine quarantine = {.node = node,
                                         .session = "s",
                                         .application = "noded",
                                         .list = digest_of ("list"),
                                         .total = 1,
                                         .failures = &failure,
                                         .n_failures = 1};
    struct wire_ask ask = {.node = node, .session = "s", .application = "noded"};
    struct wire_match match = {.node = node,
                               .application = "noded",
                               .release = digest_of ("r"),
                               .platform = "linux/amd64",
                               .transaction = "t",
                               .attempt = 1};
    struct wire_report report = {.node = node,
                                 .session = "s",
                                 .epoch = 1,
                                 .attempt = 1,
                                 .step = "trial",
                                 .outcome = WIRE_OUTCOME_FAILED,
                                 .time = "2026-11-22T15:00:00.000000000Z",
                                 .application = &application};
    unsigned refused = 0;

#define TRY(name, answer)                                                                                    \
    do {                                                                                                     \
        struct wire_##answer answered;                                                                       \
        peer_send (peer, &wire_##name##_record, &name);                                                      \
        peer_expect (peer, &wire_##answer##_record, &answered);                                              \
        refused += answered.status == WIRE_STATUS_REFUSED;                                                   \
        wire_##answer##_deinit (&answered);                                                                  \
    } while (0)
    TRY (hello, welcome);
    TRY (list, listed);
    TRY (describe, described);
    TRY (quarantine, quarantined);
    TRY (ask, desired);
    TRY (match, matched);
    TRY (report, noted);
#undef TRY
    return refused;
}
enum { NODE_MESSAGES = 7 };

Test (roles, a_node_cannot_speak_as_another_in_any_message)
{
    struct pair pair = keyed_pair (WIRE_ROLE_NODE, "web-1");
    struct peer *peer = keyed_control (&pair);
    struct wire_welcome welcome;
    struct wire_hello hello = {.node = "web-2", .session = "s", .platform = "linux/amd64"};

    (void) keyed_pair (WIRE_ROLE_NODE, "web-2");
    cr_expect_eq (node_messages_refused (peer, "web-2"), NODE_MESSAGES);
    peer_send (peer, &wire_hello_record, &hello);
    peer_expect (peer, &wire_welcome_record, &welcome);
    cr_expect (strstr (welcome.reason, "of web-1 has the role node; it may not speak for web-2"), "%s",
               welcome.reason);
    wire_welcome_deinit (&welcome);
    cr_expect_eq (fixture.broker->registry.n_nodes, 0, "nothing was recorded");
    peer_free (peer);
}

Test (roles, nobody_but_a_node_speaks_for_a_node)
{
    for (enum wire_role role = WIRE_ROLE_CONTENT; role < WIRE_ROLE_END; role++) {
        char name[32];
        (void) snprintf (name, sizeof name, "probe-%d", (int) role);
        struct pair pair = keyed_pair (role, name);
        struct peer *peer = keyed_control (&pair);
        cr_expect_eq (node_messages_refused (peer, name), NODE_MESSAGES, "%s", wire_role_word (role));
        peer_free (peer);
    }
    cr_expect_eq (fixture.broker->registry.n_nodes, 0);
}

Test (roles, a_node_speaks_for_itself)
{
    struct pair pair = keyed_pair (WIRE_ROLE_NODE, "web-1");
    struct node node = {.control = keyed_control (&pair), .id = "web-1", .session = "s"};
    struct wire_heartbeat heartbeat = {.sender = "s", .node = "web-1"}, answered;
    struct wire_node shown;

    node.application = (struct wire_application){.name = "noded", .state = WIRE_STATE_IDLE};
    node_hello (&node);
    peer_send (node.control, &wire_heartbeat_record, &heartbeat);
    peer_expect (node.control, &wire_heartbeat_record, &answered);
    wire_heartbeat_deinit (&answered);
    shown = operator_node (root, "web-1");
    cr_expect (shown.online);
    wire_node_deinit (&shown);
    peer_free (node.control);
}

Test (roles, another_node_can_neither_keep_a_node_online_nor_end_its_session)
{
    struct pair own = keyed_pair (WIRE_ROLE_NODE, "web-1"), other = keyed_pair (WIRE_ROLE_NODE, "web-2");
    struct node node = {.control = keyed_control (&own), .id = "web-1", .session = "s"};
    struct peer *peer = keyed_control (&other);
    struct wire_bye bye = {.node = "web-1", .session = "s"};
    struct wire_heartbeat heartbeat = {.sender = "s", .node = "web-1"};
    struct wire_ask ask = {.node = "web-2", .session = "s", .application = "noded"};
    struct wire_desired desired;
    uint64_t denied;

    node.application = (struct wire_application){.name = "noded", .state = WIRE_STATE_IDLE};
    node_hello (&node);
    denied = fixture.broker->denied;
    peer_send (peer, &wire_heartbeat_record, &heartbeat);
    peer_send (peer, &wire_bye_record, &bye);
    peer_send (peer, &wire_ask_record, &ask);
    peer_expect (peer, &wire_desired_record, &desired);
    wire_desired_deinit (&desired);
    cr_expect_eq (peer->n_inbox, 0, "the heartbeat was answered");
    cr_expect_eq (fixture.broker->denied, denied + 2);
    cr_expect (fixture.broker->registry.nodes[0]->online);
    peer_free (peer);
    peer_free (node.control);
}

/*  Content. */

static enum wire_status put_try (struct peer *peer)
{
    struct wire_put put = {.digest = digest_of ("blob"), .size = 4};
    struct wire_taken taken;
    enum wire_status status;

    cr_assert_eq (bus_send_payload (peer->socket, NULL, &wire_put_record, &put, (void *) (uintptr_t) "blob",
                                    4, NULL, NULL),
                  0);
    peer_expect (peer, &wire_taken_record, &taken);
    status = taken.status;
    wire_taken_deinit (&taken);
    return status;
}

static enum wire_status get_try (struct peer *peer, const struct base_digest *digest)
{
    struct wire_get get = {.digest = *digest, .length = 4};
    struct wire_chunk chunk;
    enum wire_status status;

    peer_send (peer, &wire_get_record, &get);
    peer_expect (peer, &wire_chunk_record, &chunk);
    status = chunk.status;
    wire_chunk_deinit (&chunk);
    return status;
}

Test (roles, only_publishers_and_admins_upload_and_only_nodes_content_peers_and_admins_download)
{
    static const struct {
        enum wire_role role;
        bool uploads, downloads;
    } rows[] = {{WIRE_ROLE_ADMIN, true, true},
                {WIRE_ROLE_PUBLISHER, true, false},
                {WIRE_ROLE_NODE, false, true},
                {WIRE_ROLE_CONTENT, false, true}};
    struct base_digest blob = digest_of ("blob");

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[32];
        (void) snprintf (name, sizeof name, "probe-%zu", i);
        struct pair pair = keyed_pair (rows[i].role, name);
        struct peer *peer = keyed_content (&pair);
        cr_expect_eq (put_try (peer), rows[i].uploads ? WIRE_STATUS_OK : WIRE_STATUS_REFUSED, "%s",
                      wire_role_word (rows[i].role));
        cr_expect_eq (get_try (peer, &blob), rows[i].downloads ? WIRE_STATUS_OK : WIRE_STATUS_REFUSED, "%s",
                      wire_role_word (rows[i].role));
        peer_free (peer);
    }
}

Test (roles, observers_and_deployers_are_not_admitted_to_content_nor_nodes_to_events)
{
    struct pair observer = keyed_pair (WIRE_ROLE_OBSERVER, "o"),
                deployer = keyed_pair (WIRE_ROLE_DEPLOYER, "d"), node = keyed_pair (WIRE_ROLE_NODE, "n"),
                publisher = keyed_pair (WIRE_ROLE_PUBLISHER, "p");
    const struct {
        const struct pair *pair;
        enum bus_kind kind;
        const char *endpoint;
    } refused[] = {{&observer, BUS_DEALER, broker_endpoint_content (fixture.broker)},
                   {&deployer, BUS_DEALER, broker_endpoint_content (fixture.broker)},
                   {&observer, BUS_SUB, broker_endpoint_announce (fixture.broker)},
                   {&publisher, BUS_SUB, broker_endpoint_events (fixture.broker)},
                   {&node, BUS_SUB, broker_endpoint_events (fixture.broker)}};

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct peer *peer =
            peer_new_with (fixture.loop, refused[i].kind, refused[i].endpoint, &refused[i].pair->keys);
        peer_expect_denied (peer);
        peer_free (peer);
    }
}

Test (roles, a_backup_is_for_admins_only)
{
    struct pair admin = keyed_pair (WIRE_ROLE_ADMIN, "alice"), node = keyed_pair (WIRE_ROLE_NODE, "web-1");
    struct peer *asks = keyed_control (&admin), *as_admin = keyed_content (&admin),
                *as_node = keyed_content (&node);
    struct wire_backup_records request = {.serial = 0};
    struct wire_backed_up answer = operator_ask (asks, backup_records, backed_up, &request);

    cr_assert (answer.status == WIRE_STATUS_OK, "%s", answer.reason ? answer.reason : "");
    cr_expect_eq (get_try (as_node, &answer.backup->blob), WIRE_STATUS_REFUSED);
    cr_expect_eq (get_try (as_admin, &answer.backup->blob), WIRE_STATUS_OK);
    wire_backed_up_deinit (&answer);
    peer_free (as_node);
    peer_free (as_admin);
    peer_free (asks);
}

/*  Revocation. */

Test (roles, a_revoked_key_is_refused_at_once)
{
    struct pair pair = keyed_pair (WIRE_ROLE_OBSERVER, "bob");
    struct peer *peer = keyed_control (&pair);
    struct wire_show_broker request = {.serial = 0};
    struct wire_shown shown = operator_ask (peer, show_broker, shown, &request);

    cr_assert_eq (shown.status, WIRE_STATUS_OK);
    wire_shown_deinit (&shown);
    cr_assert_eq (keyed_revoke (&pair.fingerprint, NULL), WIRE_STATUS_OK);
    (void) bus_send (peer->socket, NULL, &wire_show_broker_record, &request);
    peer_expect_denied (peer); /* its connection was ended, and the next one is refused */
    cr_expect_eq (peer->n_inbox, 0, "the request was answered");
    peer_free (peer);
}

/*  The key as the broker has it in memory. */
static struct broker_key *key_of (const struct pair *pair)
{
    return (struct broker_key *) (uintptr_t) broker_keys_find (&fixture.broker->keys, &pair->fingerprint);
}

Test (roles, the_key_is_looked_up_at_each_message)
{
    struct pair pair = keyed_pair (WIRE_ROLE_OBSERVER, "bob");
    struct peer *peer = keyed_control (&pair);
    struct wire_show_broker request = {.serial = 0};
    struct wire_shown shown = operator_ask (peer, show_broker, shown, &request);

    cr_assert_eq (shown.status, WIRE_STATUS_OK);
    wire_shown_deinit (&shown);
    key_of (&pair)->is_active = false; /* only here: the connection stays */
    shown = operator_ask (peer, show_broker, shown, &request);
    cr_expect_eq (shown.status, WIRE_STATUS_REFUSED);
    cr_expect (strstr (shown.reason, "of bob is revoked; show_broker needs observer, deployer or admin"),
               "%s", shown.reason);
    wire_shown_deinit (&shown);
    peer_free (peer);
}

Test (roles, a_request_that_waits_is_checked_again_when_it_is_answered)
{
    struct pair pair = keyed_pair (WIRE_ROLE_OBSERVER, "bob"), own = keyed_pair (WIRE_ROLE_NODE, "web-1");
    struct peer *peer = keyed_control (&pair);
    struct node node = {.control = keyed_control (&own), .id = "web-1", .session = "s"};
    struct wire_list_nodes first = {.serial = 0};
    struct wire_nodes answer = operator_ask (peer, list_nodes, nodes, &first);
    struct wire_list_nodes second = {.serial = 9, .since = answer.revision, .wait_ms = 60000};
    struct wire_show_broker show = {.serial = 0};
    struct wire_shown shown;

    cr_assert_eq (answer.status, WIRE_STATUS_OK);
    wire_nodes_deinit (&answer);
    peer_send (peer, &wire_list_nodes_record, &second);
    shown = operator_ask (peer, show_broker, shown, &show); /* the other one waits by now */
    wire_shown_deinit (&shown);
    key_of (&pair)->is_active = false;
    node.application = (struct wire_application){.name = "noded", .state = WIRE_STATE_IDLE};
    node_hello (&node);
    peer_expect (peer, &wire_nodes_record, &answer);
    cr_expect_eq (answer.status, WIRE_STATUS_REFUSED);
    cr_expect_eq (answer.n_nodes, 0);
    wire_nodes_deinit (&answer);
    peer_free (node.control);
    peer_free (peer);
}

Test (roles, the_session_of_a_node_ends_with_its_key)
{
    struct pair pair = keyed_pair (WIRE_ROLE_NODE, "web-1");
    struct node node = {.control = keyed_control (&pair), .id = "web-1", .session = "s"};
    struct wire_node shown;

    node.application = (struct wire_application){.name = "noded", .state = WIRE_STATE_IDLE};
    node_hello (&node);
    cr_assert_eq (keyed_revoke (NULL, "web-1"), WIRE_STATUS_OK);
    shown = operator_node (root, "web-1");
    cr_expect_not (shown.online);
    wire_node_deinit (&shown);
    peer_expect_denied (node.control);
    peer_free (node.control);
}

Test (roles, a_key_that_was_never_added_is_not_admitted)
{
    struct pair pair = pair_make ();
    struct peer *peer = keyed_control (&pair);

    peer_expect_denied (peer);
    peer_free (peer);
}

Test (roles, records_have_the_name_of_the_key_and_not_what_the_client_says)
{
    struct pair pair = keyed_pair (WIRE_ROLE_DEPLOYER, "carol"), own = keyed_pair (WIRE_ROLE_NODE, "web-1");
    struct peer *peer = keyed_control (&pair);
    struct node node = {.control = keyed_control (&own), .id = "web-1", .session = "s"};
    const char *nodes[] = {"web-1"};
    struct wire_order_hold request = {.user = "root@elsewhere", .nodes = nodes, .n_nodes = 1};
    struct wire_list_reports list = {.node = "web-1"};
    struct wire_reports reports;
    struct wire_orders ordered;

    node.application = (struct wire_application){.name = "noded", .state = WIRE_STATE_IDLE};
    node_hello (&node);
    ordered = operator_ask (peer, order_hold, orders, &request);
    cr_assert_eq (ordered.orders[0].status, WIRE_STATUS_OK);
    (void) node_report (&node, ordered.orders[0].epoch, NULL, "hold", WIRE_OUTCOME_PASSED, NULL);
    reports = operator_ask (peer, list_reports, reports, &list);
    cr_assert_eq (reports.n_reports, 1);
    cr_expect_str_eq (reports.reports[0].user, "carol");
    wire_reports_deinit (&reports);
    wire_orders_deinit (&ordered);
    peer_free (node.control);
    peer_free (peer);
}
