/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/quarantine.c - the broker collects the pages of a quarantine, and stores complete lists only */

#include "fixture.h"

#include "broker/state.h"
#include "wire/list.h"

enum { ENTRIES_MOST = WIRE_QUARANTINE_MOST, PAGE = 16 };

static struct fixture fixture;
static struct peer *operator;
static struct node node;
static struct wire_failure failures[ENTRIES_MOST];
static char versions[ENTRIES_MOST][16], reason[401]; /* so long that the operator's list has several pages */

static void set_up (void)
{
    fixture_init (&fixture);
    operator= fixture_control (&fixture);
    node_init (&node, &fixture, "web-1");
    memset (reason, 'r', sizeof reason - 1);
    for (unsigned i = 0; i < ENTRIES_MOST; i++) {
        (void) snprintf (versions[i], sizeof versions[i], "0.%u", i);
        failures[i] = (struct wire_failure){.transaction = "t",
                                            .release = digest_of (versions[i]),
                                            .version = versions[i],
                                            .step = "trial",
                                            .reason = reason,
                                            .time = "2026-01-01T00:00:00.000000000Z"};
    }
}

static void tear_down (void)
{
    operator= peer_free (operator);
    node.control = peer_free (node.control);
    fixture_deinit (&fixture);
}

TestSuite (quarantine, .init = set_up, .fini = tear_down, .timeout = 120);

/*  Sends the state of noded with the first entries as its quarantine. Returns whether the broker wants them. */
static bool described_with (size_t count)
{
    struct wire_described described;
    bool wanted;

    node.application.quarantined = count;
    node.application.quarantine_digest = wire_quarantine_digest (failures, count);
    node_describe_send (&node, &node.application);
    peer_expect (node.control, &wire_described_record, &described);
    cr_assert_eq (described.status, WIRE_STATUS_OK);
    wanted = described.quarantine;
    wire_described_deinit (&described);
    return wanted;
}

/*  Sends a page of the list of the first `total` entries. */
static enum wire_status page_send (struct node *from, size_t first, size_t count, size_t total,
                                   uint64_t *ret_next)
{
    struct wire_quarantine page = {.node = from->id,
                                   .session = from->session,
                                   .application = "noded",
                                   .list = wire_quarantine_digest (failures, total),
                                   .first = first,
                                   .total = total,
                                   .failures = &failures[first],
                                   .n_failures = count};
    struct wire_quarantined answer;
    enum wire_status status;

    peer_send (from->control, &wire_quarantine_record, &page);
    peer_expect (from->control, &wire_quarantined_record, &answer);
    cr_expect_eq (answer.first, first);
    cr_expect (base_digest_equal (&answer.list, &page.list));
    status = answer.status;
    *ret_next = answer.next;
    wire_quarantined_deinit (&answer);
    return status;
}

static void expect_page (size_t first, size_t count, size_t total, uint64_t next)
{
    uint64_t got;

    cr_assert_eq (page_send (&node, first, count, total, &got), WIRE_STATUS_OK);
    cr_expect_eq (got, next, "page %zu: next is %llu, not %llu", first, (unsigned long long) got,
                  (unsigned long long) next);
}

static void expect_listed (size_t count)
{
    struct wire_list_quarantine request = {.node = "web-1"};
    size_t seen = 0;
    bool more;

    do {
        struct wire_failures answer = operator_ask (operator, list_quarantine, failures, &request);
        cr_assert_eq (answer.status, WIRE_STATUS_OK);
        for (size_t i = 0; i < answer.n_failures && seen < count; i++, seen++)
            cr_expect (base_digest_equal (&answer.failures[i].release, &failures[seen].release));
        more = answer.more;
        cr_assert (!more || seen < count);
        static char after[65];
        (void) snprintf (after, sizeof after, "%s", answer.next ? answer.next : "");
        request.after = after;
        wire_failures_deinit (&answer);
    } while (more);
    cr_expect_eq (seen, count, "%zu are listed, not %zu", seen, count);
}

static enum wire_status update_order (const struct base_digest *release)
{
    struct wire_order_result ordered = operator_order (operator, WIRE_ORDER_UPDATE, "web-1", release);
    enum wire_status status = ordered.status;

    cr_expect (status != WIRE_STATUS_REFUSED ||
               strstr (ordered.reason, "quarantined because it failed in trial"));
    wire_order_result_deinit (&ordered);
    return status;
}

Test (quarantine, a_list_is_asked_for_stored_and_decides_until_it_is_empty)
{
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");

    failures[1].release = release;
    node_hello (&node);
    cr_assert (described_with (2));
    expect_listed (0);
    expect_page (0, 2, 2, 2);
    expect_listed (2);
    cr_expect_not (described_with (2), "the broker has it");
    node.application.quarantine_unknown = true;
    cr_expect_not (described_with (0), "the node could not read it");
    expect_listed (2);
    node.application.quarantine_unknown = false;
    cr_expect_eq (update_order (&release), WIRE_STATUS_REFUSED);
    expect_page (0, 2, 2, 2); /* repeated */
    cr_expect_not (described_with (0), "nothing is not asked for");
    expect_listed (0);
    cr_expect_eq (update_order (&release), WIRE_STATUS_OK);
}

Test (quarantine, a_report_asks_for_it_too)
{
    struct wire_report report = {.node = "web-1",
                                 .session = node.session,
                                 .epoch = 1,
                                 .attempt = 1,
                                 .step = "trial",
                                 .outcome = WIRE_OUTCOME_FAILED,
                                 .time = "2026-11-22T15:00:00.000000000Z",
                                 .application = &node.application};
    struct wire_noted noted;

    node_hello (&node);
    node.application.quarantined = 1;
    node.application.quarantine_digest = wire_quarantine_digest (failures, 1);
    peer_send (node.control, &wire_report_record, &report);
    peer_expect (node.control, &wire_noted_record, &noted);
    cr_expect (noted.quarantine);
    wire_noted_deinit (&noted);
}

Test (quarantine, pages_are_taken_in_order_once_and_a_list_is_replaced_when_it_is_complete)
{
    node_hello (&node);
    cr_assert (described_with (3));
    expect_page (0, 3, 3, 3);
    cr_assert (described_with (40));
    expect_page (16, 16, 40, 0); /* nothing is here yet */
    expect_page (0, 16, 40, 16);
    expect_page (0, 16, 40, 16); /* repeated */
    expect_page (32, 8, 40, 16); /* ahead */
    expect_listed (3);
    expect_page (16, 16, 40, 32);
    expect_page (32, 8, 40, 40);
    expect_listed (40);
    expect_page (16, 16, 40, 40); /* late */
    expect_listed (40);
    cr_assert (described_with (WIRE_QUARANTINE_MOST));
    for (size_t first = 0; first < WIRE_QUARANTINE_MOST; first += PAGE)
        expect_page (first, PAGE, WIRE_QUARANTINE_MOST, first + PAGE);
    expect_listed (WIRE_QUARANTINE_MOST);
}

Test (quarantine, a_list_that_changes_is_collected_from_its_beginning)
{
    node_hello (&node);
    cr_assert (described_with (40));
    expect_page (0, 16, 40, 16);
    cr_assert (described_with (39));
    expect_page (16, 16, 39, 0);
    expect_page (0, 16, 39, 16);
    expect_page (16, 16, 39, 32);
    expect_page (32, 7, 39, 39);
    expect_listed (39);
}

Test (quarantine, invalid_pages_store_nothing)
{
    struct wire_failure kept = failures[1];
    uint64_t next;

    cr_expect_eq (page_send (&node, 0, 2, 2, &next), WIRE_STATUS_REFUSED, "no session");
    node_hello (&node);
    cr_expect_eq (page_send (&node, 0, 0, 2, &next), WIRE_STATUS_INVALID, "an empty page");
    cr_expect_eq (page_send (&node, 1, 2, 2, &next), WIRE_STATUS_INVALID, "more entries than the total");
    failures[1].release = (struct base_digest){{0}};
    cr_expect_eq (page_send (&node, 0, 2, 2, &next), WIRE_STATUS_INVALID, "an entry without a release");
    failures[1] = kept;
    struct wire_quarantine lie = {.node = "web-1",
                                  .session = node.session,
                                  .application = "noded",
                                  .list = wire_quarantine_digest (failures, 3),
                                  .total = 2,
                                  .failures = failures,
                                  .n_failures = 2};
    struct wire_quarantined answer;
    peer_send (node.control, &wire_quarantine_record, &lie);
    peer_expect (node.control, &wire_quarantined_record, &answer);
    cr_expect_eq (answer.status, WIRE_STATUS_INVALID, "the digest is of another list");
    wire_quarantined_deinit (&answer);
    lie.list = wire_quarantine_digest (failures, 2);
    lie.application = "web";
    peer_send (node.control, &wire_quarantine_record, &lie);
    peer_expect (node.control, &wire_quarantined_record, &answer);
    cr_expect_eq (answer.status, WIRE_STATUS_INVALID, "an application without a state");
    wire_quarantined_deinit (&answer);
    expect_listed (0);
}

Test (quarantine, one_list_of_a_node_is_collected_at_a_time_and_one_of_a_page_at_once)
{
    struct wire_application web = {.name = "web", .state = WIRE_STATE_IDLE};
    struct wire_quarantine page = {.node = "web-1",
                                   .session = node.session,
                                   .application = "web",
                                   .list = wire_quarantine_digest (failures, 20),
                                   .total = 20,
                                   .failures = failures,
                                   .n_failures = 16};
    struct wire_quarantined answer;

    node_hello (&node);
    cr_assert_eq (node_describe (&node, &web), WIRE_STATUS_OK);
    cr_assert (described_with (40));
    expect_page (0, 16, 40, 16);
    peer_send (node.control, &wire_quarantine_record, &page);
    peer_expect (node.control, &wire_quarantined_record, &answer);
    cr_expect_eq (answer.status, WIRE_STATUS_BUSY);
    wire_quarantined_deinit (&answer);
    page.list = wire_quarantine_digest (failures, 16);
    page.total = 16;
    peer_send (node.control, &wire_quarantine_record, &page);
    peer_expect (node.control, &wire_quarantined_record, &answer);
    cr_expect_eq (answer.status, WIRE_STATUS_OK);
    cr_expect_eq (answer.next, 16);
    wire_quarantined_deinit (&answer);
    expect_page (16, 16, 40, 32);
    expect_page (32, 8, 40, 40);
    expect_listed (40);
}

/*  More nodes begin a list than are collected at a time. */
Test (quarantine, lists_that_are_started_and_abandoned_cost_only_their_nodes)
{
    enum { NODES = BROKER_COLLECTING_MOST };
    static struct node nodes[NODES];
    static char ids[NODES][16];
    uint64_t next;

    for (unsigned i = 0; i < NODES; i++) {
        (void) snprintf (ids[i], sizeof ids[i], "n-%u", i);
        node_init (&nodes[i], &fixture, ids[i]);
        node_hello (&nodes[i]);
        cr_assert_eq (page_send (&nodes[i], 0, 16, 40, &next), WIRE_STATUS_OK);
    }
    node_hello (&node);
    cr_assert (described_with (40));
    cr_expect_eq (page_send (&node, 0, 16, 40, &next), WIRE_STATUS_BUSY);
    cr_expect_eq (page_send (&nodes[0], 16, 16, 40, &next), WIRE_STATUS_OK);
    cr_expect_eq (page_send (&nodes[0], 32, 8, 40, &next), WIRE_STATUS_OK);
    expect_page (0, 16, 40, 16); /* that one has made room */
    for (unsigned i = 0; i < NODES; i++)
        peer_free (nodes[i].control);
}

Test (quarantine, pages_without_end_fail_after_a_while)
{
    unsigned failed = 0;
    uint64_t next;

    node_hello (&node);
    for (unsigned i = 0; i < 200; i++)
        failed += page_send (&node, 16, 16, 40, &next) == WIRE_STATUS_FAILED;
    cr_expect_gt (failed, 0);
    cr_expect_lt (failed, 100);
}

Test (quarantine, an_application_that_is_dropped_takes_its_quarantine_with_it)
{
    static const char *const noded[] = {"noded"};
    struct wire_application web = {.name = "web", .state = WIRE_STATE_IDLE, .quarantined = 1};
    struct wire_list list = {.node = "web-1", .session = node.session, .names = noded, .n_names = 1};
    struct wire_quarantine page = {.node = "web-1",
                                   .session = node.session,
                                   .application = "web",
                                   .list = wire_quarantine_digest (failures, 1),
                                   .total = 1,
                                   .failures = failures,
                                   .n_failures = 1};
    struct wire_list_quarantine request = {.node = "web-1", .application = "web"};
    struct wire_quarantined answer;
    struct wire_failures listed;
    struct wire_listed dropped;

    node_hello (&node);
    web.quarantine_digest = page.list;
    cr_assert_eq (node_describe (&node, &web), WIRE_STATUS_OK);
    peer_send (node.control, &wire_quarantine_record, &page);
    peer_expect (node.control, &wire_quarantined_record, &answer);
    cr_assert_eq (answer.status, WIRE_STATUS_OK);
    wire_quarantined_deinit (&answer);
    listed = operator_ask (operator, list_quarantine, failures, &request);
    cr_expect_eq (listed.n_failures, 1);
    wire_failures_deinit (&listed);
    peer_send (node.control, &wire_list_record, &list);
    peer_expect (node.control, &wire_listed_record, &dropped);
    wire_listed_deinit (&dropped);
    listed = operator_ask (operator, list_quarantine, failures, &request);
    cr_expect_eq (listed.n_failures, 0);
    wire_failures_deinit (&listed);
}
