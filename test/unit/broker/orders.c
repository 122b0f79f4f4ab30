/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/orders.c - the desired state of an application on a node, and the outcome of orders */

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "broker/orders.h"
#include "disk/disk.h"
#include "wire/list.h"

static char root[64];
static struct records *records;
static struct base_error error;
static struct records_application application; /* what the test reports, and what the records returned */
static struct wire_order_result ordered;
static uint64_t epoch, now_ms;

static struct base_digest digest_of (const char *text)
{
    return base_digest_of (text, strlen (text));
}

static struct base_digest release_publish (const char *version, const char *platform)
{
    struct wire_envelope envelope = {.application = "noded",
                                     .version = version,
                                     .platform = platform,
                                     .binary = digest_of (version),
                                     .size = 1};
    struct wire_release release = {
        .application = "noded", .version = version, .envelopes = &envelope, .n_envelopes = 1};
    struct base_digest digest = digest_of (version);

    cr_assert_eq (records_release_put (records, &digest, &release, "2026-11-22T15:00:00.000000000Z", &error),
                  0);
    return digest;
}

static void application_report (void)
{
    cr_assert (records_application_put (records, &application, &error) == 0, "%s", error.text);
}

/*  Reads the record again. The reported part stays as the test set it. */
static void application_reload (void)
{
    struct records_application found;

    cr_assert_eq (records_application_get (records, "web-1", "noded", &found, &error), 0);
    wire_desired_deinit (&application.desired);
    wire_application_deinit (&found.reported);
    found.reported = application.reported;
    application = found;
}

static enum wire_status order_of (enum wire_order verb, const struct base_digest *release, bool online)
{
    struct broker_order order = {.verb = verb,
                                 .application = "noded",
                                 .release = release,
                                 .node = "web-1",
                                 .platform = "linux/amd64",
                                 .online = online,
                                 .now_ms = now_ms};

    wire_order_result_deinit (&ordered);
    epoch = 0;
    cr_assert (broker_order_make (records, &order, &ordered, &epoch, &error) == 0, "%s", error.text);
    cr_assert (ordered.status == WIRE_STATUS_OK || ordered.reason, "a refusal gives a reason");
    application_reload ();
    return ordered.status;
}

static void set_up (void)
{
    char path[96];

    (void) snprintf (root, sizeof root, "/tmp/orders.XXXXXX");
    cr_assert_not_null (mkdtemp (root));
    (void) snprintf (path, sizeof path, "%s/broker.db", root);
    cr_assert_eq (records_open (path, &records, &error), 0);
    (void) snprintf (application.node, sizeof application.node, "web-1");
    (void) snprintf (application.name, sizeof application.name, "noded");
    application.is_reported = true;
    application.reported = (struct wire_application){.name = "noded",
                                                     .state = WIRE_STATE_IDLE,
                                                     .version = "1",
                                                     .release = digest_of ("1"),
                                                     .previous_version = "0",
                                                     .previous_release = digest_of ("0")};
    application_report ();
}

static void tear_down (void)
{
    wire_order_result_deinit (&ordered);
    wire_desired_deinit (&application.desired);
    records = records_free (records);
    (void) disk_tree_remove (&disk_system, AT_FDCWD, root, NULL);
}

TestSuite (orders, .init = set_up, .fini = tear_down, .timeout = 120);

Test (orders, an_update_takes_the_newest_release_that_fits_and_is_not_withdrawn)
{
    struct base_digest second, fourth;

    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, NULL, true), WIRE_STATUS_NONE);
    second = release_publish ("2", "linux/amd64");
    (void) release_publish ("3", "linux/arm64");
    fourth = release_publish ("4", NULL);
    cr_assert_eq (records_release_withdraw (records, &fourth, &error), 0);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, NULL, true), WIRE_STATUS_OK);
    cr_assert (base_digest_equal (&ordered.release, &second));
    cr_assert_str_eq (ordered.version, "2");
    cr_assert_eq (strncmp (ordered.transaction, "t-", 2), 0);
    cr_assert_eq (strlen (ordered.transaction), 18);
    cr_assert_eq (epoch, 1);
    cr_assert_eq (application.desired.epoch, 1);
    cr_assert_eq (application.desired.release_epoch, 1);
}

Test (orders, an_epoch_is_never_issued_again_by_restored_records)
{
    now_ms = 1795379369836;
    cr_assert_eq (order_of (WIRE_ORDER_HOLD, NULL, true), WIRE_STATUS_OK);
    cr_expect_eq (epoch, now_ms);
    cr_assert_eq (order_of (WIRE_ORDER_UNHOLD, NULL, true), WIRE_STATUS_OK);
    cr_expect_eq (epoch, now_ms + 1, "twice in a millisecond");
    now_ms -= 3600 * 1000;
    cr_assert_eq (order_of (WIRE_ORDER_HOLD, NULL, true), WIRE_STATUS_OK);
    cr_expect_eq (epoch, now_ms + 3600 * 1000 + 2, "a clock that is set back");
    now_ms += 24 * 3600 * 1000;
    cr_assert_eq (order_of (WIRE_ORDER_UNHOLD, NULL, true), WIRE_STATUS_OK);
    cr_expect_eq (epoch, now_ms);
    cr_expect_eq (application.desired.hold_epoch, now_ms);
}

Test (orders, an_update_to_an_unsuitable_release_is_refused)
{
    struct base_digest arm = release_publish ("3", "linux/arm64"), gone = release_publish ("4", NULL),
                       unknown = digest_of ("5");

    cr_assert_eq (records_release_withdraw (records, &gone, &error), 0);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &arm, true), WIRE_STATUS_NONE);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &gone, true), WIRE_STATUS_GONE);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &unknown, true), WIRE_STATUS_NONE);
    cr_assert_not (application.is_desired, "a refusal leaves no desired state");
}

Test (orders, an_epoch_is_above_all_that_were_issued_or_reported)
{
    (void) release_publish ("2", NULL);
    application.reported.seen_epoch = 10;
    (void) broker_order_raise (&application, &application.reported, 0);
    application_report ();
    cr_assert_eq (order_of (WIRE_ORDER_HOLD, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (epoch, 11);
    cr_assert_eq (order_of (WIRE_ORDER_UNHOLD, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (epoch, 12);
    application.reported.seen_epoch = 5;
    (void) broker_order_raise (&application, &application.reported, 0);
    application_report ();
    cr_assert_eq (order_of (WIRE_ORDER_HOLD, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (epoch, 13);
}

Test (orders, a_reported_epoch_beyond_clock_and_record_is_not_accepted)
{
    application.reported.seen_epoch = application.reported.epoch = WIRE_EPOCH_MOST;
    cr_assert_not (broker_order_raise (&application, &application.reported, 1000));
    cr_assert_eq (application.reported.epoch, 0, "and no order counts as carried out");
    application_report ();
    cr_assert_eq (order_of (WIRE_ORDER_HOLD, NULL, true), WIRE_STATUS_OK);
    cr_assert_lt (epoch, 1000);
}

Test (orders, an_update_under_way_is_answered_again_and_another_release_is_busy)
{
    struct base_digest second = release_publish ("2", NULL), third;
    char transaction[RECORDS_ID_SIZE];

    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, true), WIRE_STATUS_OK);
    (void) snprintf (transaction, sizeof transaction, "%s", ordered.transaction);
    third = release_publish ("3", NULL);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, true), WIRE_STATUS_OK);
    cr_assert_eq (epoch, 0, "no new order");
    cr_assert_eq (ordered.epoch, 1);
    cr_assert_str_eq (ordered.transaction, transaction);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &third, true), WIRE_STATUS_BUSY);
    cr_assert_not_null (strstr (ordered.reason, transaction));

    application.reported.epoch = application.reported.seen_epoch = 1;
    application_report ();
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &third, true), WIRE_STATUS_OK, "the first has ended");
}

Test (orders, an_update_that_an_unfit_node_retries_later_can_be_cancelled_and_replaced)
{
    struct base_digest second = release_publish ("2", NULL), third = release_publish ("3", NULL);

    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, true), WIRE_STATUS_OK);
    application.reported.transaction = application.desired.transaction;
    application.reported.state = WIRE_STATE_UNFIT;
    application.reported.seen_epoch = 1;
    application.reported.retry = "2026-11-22T15:00:00.000000000Z";
    application_report ();
    cr_assert_eq (order_of (WIRE_ORDER_CANCEL, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &third, true), WIRE_STATUS_OK);
    application.reported.transaction = application.reported.retry = NULL;
}

Test (orders, an_absent_node_that_has_not_seen_an_order_gets_the_newer_one)
{
    struct base_digest second = release_publish ("2", NULL), third = release_publish ("3", NULL);

    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, false), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &third, false), WIRE_STATUS_OK);
    cr_assert (base_digest_equal (&application.desired.release, &third));
    application.reported.seen_epoch = application.desired.release_epoch;
    application_report ();
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, false), WIRE_STATUS_BUSY,
                  "the node may be carrying it out");
    cr_assert_eq (order_of (WIRE_ORDER_CANCEL, NULL, false), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, false), WIRE_STATUS_OK);
}

Test (orders, a_held_node_is_not_updated_until_it_is_unheld)
{
    (void) release_publish ("2", NULL);
    application.reported.held = true; /* by a command on the host itself */
    application_report ();
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, NULL, true), WIRE_STATUS_REFUSED);
    cr_assert_not_null (strstr (ordered.reason, "nodectl unhold web-1"));
    cr_assert_eq (order_of (WIRE_ORDER_UNHOLD, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, NULL, true), WIRE_STATUS_OK,
                  "the answer of the node is not awaited");
    application.reported.held = false;
    application.reported.epoch = 2;
    application_report ();
    cr_assert_eq (order_of (WIRE_ORDER_HOLD, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, NULL, true), WIRE_STATUS_REFUSED);
}

/*  The node has sent its quarantine. */
static void quarantine_put (const struct wire_failure *failure)
{
    struct base_digest digest = wire_quarantine_digest (failure, 1);

    cr_assert_eq (records_begin (records, &error), 0);
    cr_assert_eq (
        records_quarantine_put (records, application.node, application.name, &digest, failure, 1, &error), 0);
    cr_assert_eq (records_commit (records, &error), 0);
}

Test (orders, a_quarantined_release_is_refused_with_its_reason_until_it_is_cleared)
{
    struct base_digest second = release_publish ("2", NULL), third = release_publish ("3", NULL);
    struct wire_failure failure = {.transaction = "t-old",
                                   .release = second,
                                   .step = "probing/hand-over",
                                   .reason = "it stood still",
                                   .time = "2026-11-22T15:00:00.000000000Z"};

    application.reported.epoch = 1;
    application.epoch = 1;
    application_report ();
    quarantine_put (&failure);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, true), WIRE_STATUS_REFUSED);
    cr_assert_not_null (strstr (ordered.reason, "probing/hand-over"));
    cr_assert_not_null (strstr (ordered.reason, "it stood still"));
    cr_assert_not_null (strstr (ordered.reason, "nodectl quarantine clear web-1"));
    cr_assert_eq (order_of (WIRE_ORDER_CLEAR, &third, true), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, true), WIRE_STATUS_REFUSED,
                  "another release was cleared");
    cr_assert_eq (order_of (WIRE_ORDER_CLEAR, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, true), WIRE_STATUS_OK);
}

Test (orders, a_reason_that_is_cut_within_a_character_stays_valid_text)
{
    struct base_digest second = release_publish ("2", NULL);
    char reason[512];
    struct wire_failure failure = {.transaction = "t-old",
                                   .release = second,
                                   .step = "trial",
                                   .reason = reason,
                                   .time = "2026-11-22T15:00:00.000000000Z"};

    reason[0] = '\0';
    (void) snprintf (reason, sizeof reason, "x");
    for (size_t i = 1; i + 2 < 510; i += 2)
        (void) snprintf (reason + i, sizeof reason - i, "\xc3\xa9");
    application_report ();
    quarantine_put (&failure);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, true), WIRE_STATUS_REFUSED);
    struct base_buffer packed = {.size = 0};
    cr_assert (wire_pack (&wire_order_result_record, &ordered, &packed, &error) == 0, "%s", error.text);
    base_buffer_deinit (&packed);
}

Test (orders, a_revert_names_the_release_it_leaves_and_holds_the_application)
{
    cr_assert_eq (order_of (WIRE_ORDER_REVERT, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (application.desired.revert_epoch, 1);
    cr_assert (base_digest_equal (&application.desired.revert_from, &application.reported.release));
    cr_assert (application.desired.held);
    cr_assert_eq (application.desired.hold_epoch, 1);
    cr_assert_str_eq (ordered.version, "0");
    cr_assert_eq (order_of (WIRE_ORDER_REVERT, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (epoch, 0, "the same revert, still under way");
    application.reported.previous_version = NULL;
    application.reported.previous_release = (struct base_digest){.bytes = {0}};
    application_report ();
    cr_assert_eq (order_of (WIRE_ORDER_REVERT, NULL, true), WIRE_STATUS_NONE);
}

Test (orders, a_revert_from_a_release_is_kept_for_a_node_that_may_still_install_it)
{
    struct base_digest second = release_publish ("2", NULL);

    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, true), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_REVERT, &second, false), WIRE_STATUS_OK);
    cr_assert (base_digest_equal (&application.desired.revert_from, &second));
    cr_assert_gt (application.desired.revert_epoch, application.desired.release_epoch);
    cr_assert_eq (order_of (WIRE_ORDER_REVERT, &second, false), WIRE_STATUS_OK);
    cr_assert_eq (epoch, 0, "the same revert, still under way");
}

Test (orders, a_desired_state_is_cumulative)
{
    struct base_digest second = release_publish ("2", NULL);

    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, &second, true), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_HOLD, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_CANCEL, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_CLEAR, &second, true), WIRE_STATUS_OK);
    cr_assert_eq (application.desired.epoch, 4);
    cr_assert_eq (application.desired.release_epoch, 1);
    cr_assert_eq (application.desired.hold_epoch, 2);
    cr_assert_eq (application.desired.cancel_epoch, 3);
    cr_assert_eq (application.desired.clear_epoch, 4);
    cr_assert (base_digest_equal (&application.desired.clear_release, &second));
    cr_assert (application.desired.held);
}

Test (orders, a_cancel_needs_an_update_under_way)
{
    cr_assert_eq (order_of (WIRE_ORDER_CANCEL, NULL, true), WIRE_STATUS_NONE);
    (void) release_publish ("2", NULL);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (order_of (WIRE_ORDER_CANCEL, NULL, true), WIRE_STATUS_OK);
    cr_assert_eq (application.desired.cancel_epoch, 2);
}

Test (orders, a_cancel_after_the_switch_is_refused_unless_the_node_is_offline)
{
    (void) release_publish ("2", NULL);
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, NULL, true), WIRE_STATUS_OK);
    application.reported.transaction = application.desired.transaction;
    application.reported.state = WIRE_STATE_TRIAL;
    application_report ();
    cr_assert_eq (order_of (WIRE_ORDER_CANCEL, NULL, true), WIRE_STATUS_REFUSED);
    cr_assert (strstr (ordered.reason, "too late") && strstr (ordered.reason, "nodectl revert web-1"), "%s",
               ordered.reason);
    cr_assert_eq (order_of (WIRE_ORDER_CANCEL, NULL, false), WIRE_STATUS_OK);
    application.reported.transaction = NULL;
}

static void report_put (uint64_t of, const char *step, enum wire_outcome outcome)
{
    struct wire_report reported = {.node = "web-1",
                                   .session = "s",
                                   .epoch = of,
                                   .attempt = 1,
                                   .step = step,
                                   .outcome = outcome,
                                   .reason = "why",
                                   .time = "2026-11-22T15:00:00.000000000Z",
                                   .application = &application.reported};
    bool news;

    cr_assert_eq (records_report_put (records, &reported, &news, &error), 0);
}

static enum wire_outcome outcome_find (bool may_come, bool *ret_missing)
{
    struct wire_node node = {.revision = 0};
    enum wire_outcome found;

    cr_assert_eq (broker_order_outcome (records, &application, may_come, &node, ret_missing, &error), 0);
    found = node.outcome;
    wire_node_deinit (&node);
    return found;
}

Test (orders, the_outcome_is_that_of_the_last_report_that_ends_the_order)
{
    (void) release_publish ("2", NULL);
    cr_assert_eq (outcome_find (false, NULL), WIRE_OUTCOME_NULL, "nothing was ordered");
    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, NULL, true), WIRE_STATUS_OK);
    report_put (1, "fetching", WIRE_OUTCOME_PASSED);
    cr_assert_eq (outcome_find (false, NULL), WIRE_OUTCOME_NULL, "the update is under way");
    report_put (1, "trial", WIRE_OUTCOME_ROLLED_BACK);
    cr_assert_eq (outcome_find (false, NULL), WIRE_OUTCOME_NULL,
                  "the node has not reported the order as carried out");
    application.reported.epoch = 1;
    cr_assert_eq (outcome_find (false, NULL), WIRE_OUTCOME_ROLLED_BACK);
}

Test (orders, the_hold_of_a_revert_does_not_replace_its_outcome)
{
    cr_assert_eq (order_of (WIRE_ORDER_REVERT, NULL, true), WIRE_STATUS_OK);
    application.reported.epoch = 1;
    report_put (1, "revert", WIRE_OUTCOME_REVERTED);
    report_put (1, "hold", WIRE_OUTCOME_PASSED);
    cr_assert_eq (outcome_find (false, NULL), WIRE_OUTCOME_REVERTED);
    cr_assert_eq (order_of (WIRE_ORDER_UNHOLD, NULL, true), WIRE_STATUS_OK);
    application.reported.epoch = 2;
    report_put (2, "unhold", WIRE_OUTCOME_PASSED);
    cr_assert_eq (outcome_find (false, NULL), WIRE_OUTCOME_PASSED);
}

Test (orders, a_result_that_was_never_reported_follows_from_the_state_of_the_node)
{
    struct base_digest second = release_publish ("2", NULL);
    struct wire_failure failure = {.step = "fetching", .reason = "the content is gone"};
    bool missing;

    cr_assert_eq (order_of (WIRE_ORDER_UPDATE, NULL, true), WIRE_STATUS_OK);
    application.reported.epoch = 1;
    cr_assert_eq (outcome_find (true, &missing), WIRE_OUTCOME_NULL, "the report may still arrive");
    cr_assert (missing);
    failure.transaction = application.desired.transaction;
    application.reported.last_error = &failure;
    cr_assert_eq (outcome_find (false, &missing), WIRE_OUTCOME_FAILED);
    application.reported.last_error = NULL;
    application.reported.release = second;
    cr_assert_eq (outcome_find (false, &missing), WIRE_OUTCOME_CONFIRMED);
}
