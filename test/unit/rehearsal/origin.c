/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/origin.c - what the parent answers its candidate, and what it concludes from a report */

#include "fixture.h"

#include "base/cleanup.h"
#include "test/lib/log_lines.h"

TestSuite (origin, .init = fixture_setup, .fini = fixture_teardown, .timeout = 60);

static const struct base_digest unknown = {{9}};

/*  Hello. */

Test (origin, a_hello_is_accepted)
{
    struct wire_hello hello = {.node = "n1"};
    struct wire_welcome answer = {.status = WIRE_STATUS_NULL};
    cr_assert_eq (rehearsal_origin_ops.hello (&rehearsal, NULL, &hello, &answer), 0);
    cr_expect_eq (answer.status, WIRE_STATUS_OK);
    wire_welcome_deinit (&answer);
}

/*  Ask. */

Test (origin, an_ask_after_the_hint_gets_the_order)
{
    walk_to (PHASE_UPDATE);
    const struct rehearsal_offer *offer = rehearsal_offer (&rehearsal);
    struct wire_desired desired = candidate_asks ();
    cr_expect_eq (desired.status, WIRE_STATUS_OK);
    cr_expect_str_eq (desired.application, "noded");
    cr_expect_eq (desired.epoch, 1);
    cr_expect_eq (desired.release_epoch, 1);
    cr_expect_eq (desired.revert_epoch, 0);
    cr_expect (base_digest_equal (&desired.release, &offer->release));
    cr_expect_str_eq (desired.transaction, offer->transaction);
    cr_expect (rehearsal.asked);
    wire_desired_deinit (&desired);
}

Test (origin, the_second_update_offers_another_release)
{
    walk_to (PHASE_AGAIN);
    struct wire_desired desired = candidate_asks ();
    cr_expect_eq (desired.epoch, 2);
    cr_expect (base_digest_equal (&desired.release, &rehearsal.offers[1].release));
    cr_expect_str_eq (desired.transaction, rehearsal.offers[1].transaction);
    wire_desired_deinit (&desired);
}

Test (origin, a_revert_is_ordered_from_the_release_that_was_confirmed)
{
    walk_to (PHASE_REVERT);
    struct wire_desired desired = candidate_asks ();
    cr_expect_eq (desired.status, WIRE_STATUS_OK);
    cr_expect_eq (desired.epoch, 3);
    cr_expect_eq (desired.release_epoch, 2, "the update keeps its epoch");
    cr_expect_eq (desired.revert_epoch, 3);
    cr_expect (base_digest_equal (&desired.revert_from, &rehearsal.offers[1].release));
    wire_desired_deinit (&desired);
}

/*  Asks as if the last announcement that was received were this one; instance NULL: none was received. */
static void expect_no_order (const char *instance, uint64_t sequence, const char *why)
{
    struct wire_ask ask = {
        .node = "n1", .session = "s", .application = "noded", .instance = instance, .sequence = sequence};
    struct wire_desired answer = {.application = NULL};
    cr_assert_eq (rehearsal_origin_ops.ask (&rehearsal, NULL, &ask, &answer), 0);
    cr_expect_eq (answer.status, WIRE_STATUS_NONE, "%s", why);
    cr_expect_str_eq (answer.application, "noded");
    cr_expect_null (answer.transaction);
    cr_expect_not (rehearsal.asked, "%s", why);
    wire_desired_deinit (&answer);
}

Test (origin, a_candidate_that_did_not_hear_the_hint_gets_no_order)
{
    walk_to (PHASE_UPDATE);
    const char *instance = origin_instance (rehearsal.origin);
    uint64_t sequence = origin_sequence (rehearsal.origin);
    expect_no_order (NULL, sequence, "it received no announcement");
    expect_no_order ("another", sequence, "it received one of another origin");
    expect_no_order (instance, sequence - 1, "it received an earlier one");
    rehearsal.hint = 0;
    expect_no_order (instance, sequence, "none was sent");
}

Test (origin, the_hint_of_the_first_order_is_none_of_the_second)
{
    walk_to (PHASE_UPDATE);
    uint64_t first = origin_sequence (rehearsal.origin);
    walk_to (PHASE_AGAIN);
    expect_no_order (origin_instance (rehearsal.origin), first, "it heard the hint of the first order");
}

static const enum rehearsal_phase without_orders[] = {PHASE_READY, PHASE_RETURN, PHASE_CONFIRM, PHASE_STOP,
                                                      PHASE_FILES};

TEST_ROWS (origin, a_step_without_an_order_answers_none, without_orders)
{
    walk_to (without_orders[*row]);
    rehearsal.asked = false;
    rehearsal.hint = 1;
    expect_no_order (origin_instance (rehearsal.origin), 1000, rehearsal_phase_word (without_orders[*row]));
}

/*  Match. */

/*  Matches, and expects what an answer repeats. Returns the status. */
static enum wire_status match_status (const char *transaction, const struct base_digest *release)
{
    struct wire_matched answer = match_ask (transaction, release);
    enum wire_status status = answer.status;
    cr_expect_str_eq (answer.application, "noded");
    cr_expect_str_eq (answer.transaction, transaction);
    cr_expect_eq (answer.attempt, 3);
    cr_expect (base_digest_equal (&answer.release, release));
    cr_expect_eq (answer.size, status == WIRE_STATUS_OK ? rehearsal_offer (&rehearsal)->document.size : 0);
    wire_matched_deinit (&answer);
    return status;
}

Test (origin, a_match_of_the_order_gets_the_size_of_its_document)
{
    walk_to (PHASE_UPDATE);
    const struct rehearsal_offer *offer = rehearsal_offer (&rehearsal);
    cr_expect_eq (match_status (offer->transaction, &offer->release), WIRE_STATUS_OK);
    cr_expect (rehearsal.matched);
}

Test (origin, another_release_does_not_match)
{
    walk_to (PHASE_UPDATE);
    cr_expect_eq (match_status (rehearsal_offer (&rehearsal)->transaction, &unknown), WIRE_STATUS_NONE);
    cr_expect_eq (match_status (rehearsal_offer (&rehearsal)->transaction, &rehearsal.offers[1].release),
                  WIRE_STATUS_NONE, "the offer of a later step");
    cr_expect_not (rehearsal.matched);
}

static const struct {
    enum rehearsal_phase phase;
    int depth;
    enum wire_status status;
} proofs[] = {
    {PHASE_UPDATE, 2, WIRE_STATUS_BUSY}, {PHASE_RETURN, 2, WIRE_STATUS_BUSY},
    {PHASE_AGAIN, 2, WIRE_STATUS_OK},    {PHASE_CONFIRM, 2, WIRE_STATUS_OK},
    {PHASE_REVERT, 2, WIRE_STATUS_OK},   {PHASE_STOP, 2, WIRE_STATUS_BUSY},
    {PHASE_UPDATE, 1, WIRE_STATUS_OK},   {PHASE_CONFIRM, 1, WIRE_STATUS_OK},
    {PHASE_STOP, 1, WIRE_STATUS_BUSY},
};

/*  The offered version matches to confirm itself, in a transaction of its own. */
TEST_ROWS (origin, the_offered_version_is_answered_only_where_it_may_confirm_itself, proofs)
{
    rehearsal.spec.depth = proofs[*row].depth;
    walk_to (proofs[*row].phase);
    rehearsal.matched = false;
    cr_expect_eq (match_status ("prove", &rehearsal_offer (&rehearsal)->release), proofs[*row].status,
                  "%s, depth %d", rehearsal_phase_word (proofs[*row].phase), proofs[*row].depth);
    cr_expect_not (rehearsal.matched, "the candidate itself did not ask");
}

/*  Reports. */

static struct wire_report report_of (struct wire_application *application, const char *step,
                                     enum wire_outcome result)
{
    const struct rehearsal_offer *offer = rehearsal_offer (&rehearsal);
    *application = (struct wire_application){
        .name = "noded", .release = offer->release, .binary = offer->envelope.binary};
    return (struct wire_report){.transaction = offer->transaction,
                                .step = step,
                                .outcome = result,
                                .epoch = 5,
                                .attempt = 2,
                                .reason = "its own reason",
                                .application = application};
}

Test (origin, the_answer_to_a_report_repeats_what_identifies_it)
{
    struct wire_application application;
    struct wire_report report = report_of (&application, "fetching", WIRE_OUTCOME_STARTED);
    struct wire_noted answer = {.application = NULL};
    cr_assert_eq (rehearsal_origin_ops.report (&rehearsal, NULL, &report, &answer), 0);
    cr_expect_eq (answer.status, WIRE_STATUS_OK);
    cr_expect_str_eq (answer.application, "noded");
    cr_expect_str_eq (answer.step, "fetching");
    cr_expect_eq (answer.epoch, 5);
    cr_expect_eq (answer.attempt, 2);
    wire_noted_deinit (&answer);
}

static const struct {
    enum wire_outcome outcome;
    const char *words;
} ends[] = {
    {WIRE_OUTCOME_FAILED, "it could not update: fetching failed: its own reason"},
    {WIRE_OUTCOME_REFUSED, "it could not update: fetching refused: its own reason"},
    {WIRE_OUTCOME_NOTHING, "it could not update: fetching nothing: its own reason"},
};

TEST_ROWS (origin, a_reported_end_of_the_update_fails_at_once, ends)
{
    struct wire_application application;
    walk_to (*row ? PHASE_UPDATE : PHASE_AGAIN);
    struct wire_report report = report_of (&application, "fetching", ends[*row].outcome);
    report_send (&report);
    expect_failed (*row ? "update" : "hand-over", FAULT_CANDIDATE, ends[*row].words);
}

Test (origin, a_failure_without_a_reason_says_so)
{
    struct wire_application application;
    walk_to (PHASE_UPDATE);
    struct wire_report report = report_of (&application, "staging", WIRE_OUTCOME_FAILED);
    report.reason = NULL;
    report_send (&report);
    expect_failed ("update", FAULT_CANDIDATE, "staging failed: it gave no reason");
}

Test (origin, a_failure_after_the_deadline_of_its_own_rehearsal_is_late)
{
    struct wire_application application;
    walk_to (PHASE_UPDATE);
    rehearsal.entered_ms -= identity_config_probe_step_ms (&config);
    struct wire_report report = report_of (&application, "probing", WIRE_OUTCOME_FAILED);
    report_send (&report);
    expect_failed ("update", FAULT_LATE, "it could not update: probing failed");
}

Test (origin, other_reports_of_an_update_change_nothing)
{
    static const enum wire_outcome others[] = {WIRE_OUTCOME_STARTED, WIRE_OUTCOME_PASSED,
                                               WIRE_OUTCOME_CONFIRMED};
    struct wire_application application;
    walk_to (PHASE_UPDATE);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct wire_report report = report_of (&application, "fetching", others[i]);
        report_send (&report);
    }
    struct wire_report report = report_of (&application, "fetching", WIRE_OUTCOME_FAILED);
    report.transaction = "another";
    report_send (&report);
    report.transaction = NULL;
    report_send (&report);
    cr_expect_eq (rehearsal.phase, PHASE_UPDATE, "%s", rehearsal.result.reason);
}

Test (origin, a_failure_that_is_reported_after_the_hand_over_changes_nothing)
{
    struct wire_application application;
    walk_to (PHASE_RETURN);
    struct wire_report report = report_of (&application, "trial", WIRE_OUTCOME_FAILED);
    report_send (&report);
    cr_expect_eq (rehearsal.phase, PHASE_RETURN);
}

/*  Confirmations. */

Test (origin, a_confirmation_is_followed_by_the_order_to_revert)
{
    walk_to (PHASE_CONFIRM);
    offered_confirms ();
    offered_reports_confirmed ();
    cr_expect_eq (rehearsal.phase, PHASE_REVERT, "%s", rehearsal.result.reason);
    cr_expect_eq (guard.stops, 0);
}

Test (origin, in_depth_one_a_confirmation_is_followed_by_the_order_to_stop)
{
    rehearsal.spec.depth = 1;
    walk_to (PHASE_CONFIRM);
    offered_confirms ();
    offered_reports_confirmed ();
    cr_expect_eq (rehearsal.phase, PHASE_STOP, "%s", rehearsal.result.reason);
    cr_expect_eq (guard.stops, 1);
}

Test (origin, a_confirmation_of_another_program_fails)
{
    struct wire_application application;
    walk_to (PHASE_CONFIRM);
    offered_confirms ();
    struct wire_report report = report_of (&application, "confirmed", WIRE_OUTCOME_CONFIRMED);
    application.binary = unknown;
    report_send (&report);
    expect_failed ("revert", FAULT_CANDIDATE, "is not the offered one");
}

Test (origin, a_confirmation_of_another_update_changes_nothing)
{
    struct wire_application application;
    walk_to (PHASE_CONFIRM);
    offered_confirms ();
    struct wire_report report = report_of (&application, "confirmed", WIRE_OUTCOME_CONFIRMED);
    report.transaction = rehearsal.offers[0].transaction;
    report_send (&report);
    report = report_of (&application, "confirmed", WIRE_OUTCOME_CONFIRMED);
    application.release = rehearsal.offers[0].release;
    report_send (&report);
    report = report_of (&application, "trial", WIRE_OUTCOME_PASSED);
    report_send (&report);
    cr_expect_eq (rehearsal.phase, PHASE_CONFIRM, "%s", rehearsal.result.reason);
}

Test (origin, a_confirmation_that_leaves_the_trial_open_fails)
{
    walk_to (PHASE_CONFIRM);
    offered_confirms ();
    cr_assert_eq (symlinkat (candidate, rehearsal.scratch.root.fd, ROOT_BACK), 0);
    offered_reports_confirmed ();
    expect_failed ("revert", FAULT_CANDIDATE, ".back in its root should not exist");
}

Test (origin, a_confirmation_without_a_way_to_revert_fails)
{
    walk_to (PHASE_CONFIRM);
    offered_confirms ();
    cr_assert_eq (unlinkat (rehearsal.scratch.root.fd, ROOT_PREVIOUS, 0), 0);
    offered_reports_confirmed ();
    expect_failed ("revert", FAULT_CANDIDATE, "previous in its root should point to");
}

/*  Subscriptions. */

/*  Returns whether this subscription was answered with a hint. */
static bool subscription_is_answered (const char *topic, bool subscribed)
{
    uint64_t before = origin_sequence (rehearsal.origin);
    rehearsal_origin_ops.subscription (&rehearsal, topic, subscribed);
    return origin_sequence (rehearsal.origin) > before;
}

Test (origin, a_new_subscriber_to_the_ring_of_the_node_gets_the_hint_at_once)
{
    char ring[ORIGIN_TOPIC_SIZE];
    (void) origin_ring_topic ("n1", ring);
    cr_expect_not (subscription_is_answered (ring, true), "there is no order");
    walk_to (PHASE_UPDATE);
    cr_expect (subscription_is_answered (ring, true));
    cr_expect_not (subscription_is_answered (ring, false), "it left");
    cr_expect_not (subscription_is_answered ("update/all", true), "another topic");
    candidate_receives_the_order ();
    cr_expect_not (subscription_is_answered (ring, true), "the candidate has the order");
}

Test (origin, the_offered_version_gets_its_announcement_when_it_subscribes)
{
    char ring[ORIGIN_TOPIC_SIZE];
    (void) origin_ring_topic ("n1", ring);
    walk_to (PHASE_CONFIRM);
    cr_expect (subscription_is_answered (ring, true));
}

/*  Content. */

static int blob_open (const struct base_digest *digest, struct base_digest *ret_found)
{
    uint64_t size = 0;
    bool immutable = true;
    base_cleanup (base_close_p) int fd = -1;
    int r = rehearsal_origin_ops.blob_open (&rehearsal, digest, &fd, &size, &immutable);
    if (r == 0) {
        struct stat status;
        cr_assert_eq (fstat (fd, &status), 0);
        cr_expect_eq (size, (uint64_t) status.st_size);
        cr_expect_not (immutable, "the candidate's parent may replace the file");
        cr_assert_eq (base_digest_of_fd (fd, ret_found, NULL), 0);
    }
    return r;
}

Test (origin, the_blobs_of_the_current_offer_are_served_and_no_others)
{
    const struct rehearsal_offer *offer = rehearsal_offer (&rehearsal);
    const struct base_digest blobs[] = {offer->release, offer->odd_digest, offer->envelope.binary};
    struct base_digest found;
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
        cr_assert_eq (blob_open (&blobs[i], &found), 0, "blob %zu", i);
        cr_expect (base_digest_equal (&found, &blobs[i]), "blob %zu has other bytes", i);
    }
    cr_expect_eq (blob_open (&unknown, &found), -ENOENT);
    cr_expect_eq (blob_open (&rehearsal.offers[1].release, &found), -ENOENT, "of the second offer");
    rehearsal.offer = 1;
    cr_expect_eq (blob_open (&rehearsal.offers[1].release, &found), 0);
}

/*  Refused messages. */

Test (origin, refused_messages_of_a_candidate_are_logged_but_not_each_of_them)
{
    struct bus_refusal refusal = {.text = "epoch is not a number"};
    log_lines_begin ();
    for (unsigned i = 0; i < 100; i++) {
        rehearsal_origin_ops.refused (&rehearsal, "control", &refusal);
        rehearsal_on_refused (&rehearsal, NULL, &refusal);
    }
    cr_expect_eq (log_lines_count ("on control: epoch is not a number"), 1, "%s", log_lines ());
    cr_expect_eq (log_lines_count ("epoch is not a number"), 1, "%s", log_lines ());
    cr_expect_eq (rehearsal.phase, PHASE_READY, "a refused message fails nothing");
}
