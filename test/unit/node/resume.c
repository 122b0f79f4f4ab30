/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/resume.c - a new process reports how the trial before it ended, and ends that order once

    orders.c has what a new process does with an order that was interrupted. */

#include "fixture.h"

static void setup (void)
{
    fixture_setup_counting ();
    workspace_seal (BEFORE);
    workspace_seal (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, RUNNING, NULL), 0);
    cr_assert_eq (root_ok_set (&process.root, RUNNING, NULL), 0);
}

TestSuite (resume, .init = setup, .fini = fixture_teardown);

/*  The launcher rolled back from CANDIDATE. */
static void rolled_back (enum root_cause cause, enum root_judged judged)
{
    struct root_outcome outcome = {
        .workspace = CANDIDATE, .cause = cause, .text = "why", .release = wanted, .judged = judged};
    cr_assert_eq (root_failed_write (&process.root, &outcome, NULL), 0);
}

static bool is_quarantined (void)
{
    struct wire_failure failure = {.transaction = NULL};
    bool is = root_quarantine_find (&process.root, &wanted, &failure) == 0;
    if (is)
        wire_failure_deinit (&failure);
    return is;
}

static bool trial_is_recorded (void)
{
    struct wire_trial trial = {.transaction = NULL};
    bool is = root_trial_recall (&process.root, &trial) == 0;
    if (is)
        wire_trial_deinit (&trial);
    return is;
}

Test (resume, a_process_with_nothing_to_resume_is_idle_and_reports_nothing)
{
    node_resume (&app);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (journal_count (wire_state_word (WIRE_STATE_TRIAL)), 0);
    cr_expect_eq (app.order_state.epoch, 0);
}

Test (resume, a_version_on_trial_continues_its_order)
{
    workspace_seal (CANDIDATE);
    cr_assert_eq (root_switch (&process.root, CANDIDATE, &root_limits_default, NULL), 0);
    (void) snprintf (process.self.running.workspace, ROOT_NAME_SIZE, CANDIDATE);
    trial_note ();
    node_resume (&app);
    cr_expect_eq (app.procedure.state, WIRE_STATE_TRIAL);
    cr_expect_eq (calls.proves, 1);
    cr_expect_eq (app.order.epoch, 5);
    cr_expect_str_eq (app.order.transaction, "t-1");
    cr_expect (base_digest_equal (&app.order.release, &wanted));
    cr_expect_eq (app.order_state.epoch, 0, "its order has not ended");
    cr_expect_neq (app.deadline, 0);
}

Test (resume, a_confirmation_that_was_not_reported_is_reported)
{
    const char *reason;
    struct wire_trial trial = {.transaction = "t-1",
                               .epoch = 5,
                               .attempt = 1,
                               .release = wanted,
                               .version = "2",
                               .workspace = RUNNING,
                               .previous = BEFORE};
    cr_assert_eq (root_trial_note (&process.root, &trial, NULL), 0);
    node_resume (&app);
    node_resume (&app);
    cr_expect_eq (journal_last (wire_state_word (WIRE_STATE_TRIAL), &reason), WIRE_OUTCOME_CONFIRMED);
    cr_expect_eq (journal_count (wire_state_word (WIRE_STATE_TRIAL)), 1);
    cr_expect_eq (app.order_state.epoch, 5);
    cr_expect_not (trial_is_recorded ());
}

Test (resume, a_version_that_is_to_blame_is_quarantined_and_its_order_has_ended)
{
    static const enum root_cause causes[] = {ROOT_CAUSE_CRASHED, ROOT_CAUSE_HUNG, ROOT_CAUSE_DAMAGED};
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        const char *reason;
        struct root_outcome outcome;
        unsigned cleared;
        rolled_back (causes[i], ROOT_JUDGED_NONE);
        trial_note ();
        node_resume (&app);
        cr_expect (is_quarantined (), "%s", root_cause_word (causes[i]));
        cr_expect_eq (app.order_state.epoch, 5);
        cr_expect_eq (journal_last (wire_state_word (WIRE_STATE_TRIAL), &reason), WIRE_OUTCOME_ROLLED_BACK);
        cr_assert_eq (root_failed_read (&process.root, CANDIDATE, &outcome), 0);
        cr_expect_eq (outcome.judged, ROOT_JUDGED_GUILTY);
        cr_expect_not (trial_is_recorded ());
        cr_assert_eq (root_quarantine_clear (&process.root, NULL, &cleared, NULL), 0);
        app.order_state.epoch = 0;
    }
}

Test (resume, an_unconfirmed_version_is_judged_by_a_blame_check)
{
    struct root_outcome outcome;
    rolled_back (ROOT_CAUSE_UNCONFIRMED, ROOT_JUDGED_NONE);
    trial_note ();
    node_resume (&app);
    cr_expect_not_null (app.blame);
    cr_expect_not (is_quarantined ());
    cr_expect_eq (app.order_state.epoch, 0, "its order waits for the verdict");
    cr_expect_eq (app.order_state.under_way, 5);
    cr_assert_eq (root_failed_read (&process.root, CANDIDATE, &outcome), 0);
    cr_expect_eq (outcome.judged, ROOT_JUDGED_PENDING);
    cr_expect (node_blame_waits (&app, 5));
    cr_expect_not (node_blame_waits (&app, 6), "another order does not wait");
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
}

Test (resume, a_blame_check_that_was_interrupted_starts_again)
{
    rolled_back (ROOT_CAUSE_UNCONFIRMED, ROOT_JUDGED_PENDING);
    node_resume (&app); /* without a record of the trial */
    cr_expect_not_null (app.blame);
}

Test (resume, a_note_that_was_judged_is_not_judged_again)
{
    static const enum root_judged judged[] = {ROOT_JUDGED_GUILTY, ROOT_JUDGED_INNOCENT};
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++) {
        rolled_back (ROOT_CAUSE_CRASHED, judged[i]);
        node_resume (&app);
        cr_expect_eq (journal_count (wire_state_word (WIRE_STATE_TRIAL)), 0);
        cr_expect_null (app.order_state.last_error);
        cr_expect_eq (is_quarantined (), judged[i] == ROOT_JUDGED_GUILTY, "the note itself counts");
    }
}

Test (resume, a_note_names_the_order_of_the_workspace_if_the_record_is_lost)
{
    struct wire_installed installed = {.envelope = NULL};
    workspace_seal (CANDIDATE);
    cr_assert_eq (root_workspace_read (&process.root, CANDIDATE, &installed, NULL), 0);
    struct root_outcome outcome = {
        .workspace = CANDIDATE, .cause = ROOT_CAUSE_CRASHED, .text = "why", .release = installed.release};
    cr_assert_eq (root_failed_write (&process.root, &outcome, NULL), 0);
    app.order_state.under_way = 5;
    app.order_state.transaction = strdup ("t-seal");
    node_resume (&app);
    cr_assert_not_null (app.order_state.last_error);
    cr_expect_str_eq (app.order_state.last_error->transaction, "t-seal");
    cr_expect_str_eq (app.order_state.last_error->version, CANDIDATE);
    cr_expect_eq (app.order_state.epoch, 5, "the order under way was its");
    wire_installed_deinit (&installed);
}

Test (resume, a_note_is_left_while_another_version_is_stable)
{
    rolled_back (ROOT_CAUSE_CRASHED, ROOT_JUDGED_NONE);
    trial_note ();
    cr_assert_eq (root_stable_set (&process.root, BEFORE, NULL), 0);
    node_resume (&app);
    cr_expect_eq (journal_count (wire_state_word (WIRE_STATE_TRIAL)), 0);
    cr_expect (trial_is_recorded (), "the version that is stable resumes it");
    cr_expect_eq (app.order_state.epoch, 0);
}

Test (resume, a_revert_that_did_not_change_the_version_is_forgotten)
{
    app.order_state = (struct wire_order_state){
        .epoch = 4, .hold_epoch = 6, .revert_epoch = 6, .revert_from = strdup (RUNNING)};
    node_resume (&app);
    cr_expect_eq (app.order_state.epoch, 4, "it is ordered again");
    cr_expect_eq (app.order_state.revert_epoch, 0);
    cr_expect_not (app.order_state.held);
    cr_expect_eq (journal_count ("revert"), 0);
}

Test (resume, old_versions_are_removed_but_not_the_one_before)
{
    config.keep = 1;
    workspace_seal (CANDIDATE);
    cr_assert_eq (symlinkat (BEFORE, process.root.fd, ROOT_PREVIOUS), 0);
    node_resume (&app);
    cr_expect_eq (root_startable (&process.root, BEFORE, NULL), 0);
    cr_expect_eq (root_startable (&process.root, RUNNING, NULL), 0);
    cr_expect_neq (root_startable (&process.root, CANDIDATE, NULL), 0);
}
