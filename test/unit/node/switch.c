/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/switch.c - a switch, a confirmation and a revert change stable as a whole or not at all */

#include "fixture.h"

TestSuite (switching, .init = fixture_setup_counting, .fini = fixture_teardown);

/*  RUNNING is stable and proven; CANDIDATE was rehearsed. */
static void candidate_put (void)
{
    workspace_seal (RUNNING);
    workspace_seal (CANDIDATE);
    cr_assert_eq (root_stable_set (&process.root, RUNNING, NULL), 0);
    cr_assert_eq (root_ok_set (&process.root, RUNNING, NULL), 0);
    app.procedure.state = WIRE_STATE_SWITCHING;
    app.order.epoch = 5;
    app.order.attempt = 1;
    app.order.release = wanted;
    app.order.candidate.envelope = calloc (1, sizeof *app.order.candidate.envelope);
    app.order.candidate.envelope->version = strdup ("2");
    (void) snprintf (app.order.transaction, sizeof app.order.transaction, "t-1");
    (void) snprintf (app.order.workspace, sizeof app.order.workspace, CANDIDATE);
}

/*  The process of CANDIDATE, after candidate_put and the switch. */
static void candidate_run (void)
{
    candidate_put ();
    cr_assert_eq (root_switch (&process.root, CANDIDATE, &root_limits_default, NULL), 0);
    (void) snprintf (process.self.running.workspace, ROOT_NAME_SIZE, CANDIDATE);
    app.procedure.state = WIRE_STATE_TRIAL;
}

Test (switching, a_switch_puts_the_candidate_on_trial_and_restarts)
{
    struct root_trial state;
    struct wire_trial trial = {.transaction = NULL};
    candidate_put ();
    node_switch (&app);
    cr_expect_eq (app.procedure.state, WIRE_STATE_RESTARTING);
    cr_expect_eq (calls.restarts, 1);
    cr_assert_eq (root_trial_read (&process.root, &state, NULL), 0);
    cr_expect (state.on_trial);
    cr_expect_str_eq (state.stable, CANDIDATE);
    cr_expect_str_eq (state.back, RUNNING);
    cr_expect_eq (state.tokens, config.trial.starts);
    cr_assert_eq (root_trial_recall (&process.root, &trial), 0);
    cr_expect_str_eq (trial.transaction, "t-1");
    cr_expect_str_eq (trial.workspace, CANDIDATE);
    cr_expect_str_eq (trial.previous, RUNNING);
    cr_expect_eq (trial.epoch, 5);
    cr_expect (base_digest_equal (&trial.release, &wanted));
    wire_trial_deinit (&trial);
}

Test (switching, a_switch_that_fails_leaves_stable_and_no_record_of_a_trial)
{
    const char *reason;
    struct wire_trial trial = {.transaction = NULL};
    candidate_put ();
    cr_assert_eq (unlinkat (process.root.fd, CANDIDATE "/start", 0), 0); /* it could not be started */
    node_switch (&app);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect (link_is (ROOT_STABLE, RUNNING));
    cr_expect_neq (root_trial_recall (&process.root, &trial), 0);
    cr_expect_eq (journal_last (wire_state_word (WIRE_STATE_SWITCHING), &reason), WIRE_OUTCOME_FAILED);
    cr_expect_gt (strlen (reason), 0);
    cr_expect_eq (calls.restarts, 0);
    cr_expect_eq (app.order_state.epoch, 5);
}

Test (switching, a_person_who_made_another_version_stable_is_not_overruled)
{
    candidate_put ();
    workspace_make (BEFORE);
    cr_assert_eq (root_stable_set (&process.root, BEFORE, NULL), 0);
    node_switch (&app);
    cr_expect (link_is (ROOT_STABLE, BEFORE));
    cr_expect_eq (calls.restarts, 1, "it is started");
    cr_expect_eq (app.procedure.state, WIRE_STATE_SWITCHING);
}

Test (switching, a_lost_stable_is_restored_before_the_switch)
{
    candidate_put ();
    cr_assert_eq (unlinkat (process.root.fd, ROOT_STABLE, 0), 0);
    node_switch (&app);
    cr_expect (link_is (ROOT_STABLE, CANDIDATE));
    cr_expect (link_is (ROOT_BACK, RUNNING), "a rollback has somewhere to return to");
    cr_expect_eq (journal_count (ROOT_STABLE), 1);
}

Test (switching, damage_of_the_running_version_is_noted_with_the_next_step)
{
    const char *reason;
    candidate_put ();
    cr_assert_eq (unlinkat (process.root.fd, RUNNING "/manifest", 0), 0);
    node_switch (&app);
    (void) journal_last (wire_state_word (WIRE_STATE_RESTARTING), &reason);
    cr_expect (strstr (reason, RUNNING " is damaged"), "%s", reason);
    cr_expect (link_is (ROOT_STABLE, CANDIDATE), "the update is the repair");
}

Test (switching, the_first_version_of_an_application_gets_no_trial)
{
    struct root_trial state;
    candidate_put ();
    cr_assert_eq (unlinkat (process.root.fd, ROOT_STABLE, 0), 0);
    *process.self.running.workspace = '\0'; /* none runs */
    node_switch (&app);
    cr_expect_eq (calls.restarts, 1);
    cr_expect (link_is (ROOT_STABLE, CANDIDATE));
    char back[ROOT_NAME_SIZE];
    cr_expect_eq (root_link (&process.root, ROOT_BACK, back), ROOT_E_NONE);
    cr_assert_eq (root_trial_read (&process.root, &state, NULL), 0);
    cr_expect_eq (state.tokens, 0);
}

Test (switching, a_confirmation_makes_the_version_before_previous)
{
    struct root_trial state;
    candidate_run ();
    node_event (&app, UPDATE_EVENT_DONE);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_assert_eq (root_trial_read (&process.root, &state, NULL), 0);
    cr_expect_not (state.on_trial);
    cr_expect (link_is (ROOT_STABLE, CANDIDATE));
    cr_expect (link_is (ROOT_PREVIOUS, RUNNING));
    cr_expect (root_ok_is (&process.root, CANDIDATE));
    cr_expect_eq (calls.prove_ends, 1);
    cr_expect_eq (calls.confirmations, 1, "the launcher is notified");
    cr_expect_eq (app.order_state.epoch, 5);
}

Test (switching, a_version_that_is_not_confirmed_in_time_rolls_back_and_leaves_a_note)
{
    struct root_outcome outcome;
    candidate_run ();
    app.proof.announced = true;
    node_event (&app, UPDATE_EVENT_DEADLINE);
    cr_expect_eq (app.procedure.state, WIRE_STATE_RESTARTING);
    cr_expect (link_is (ROOT_STABLE, RUNNING));
    cr_assert_eq (root_failed_read (&process.root, CANDIDATE, &outcome), 0);
    cr_expect_eq (outcome.cause, ROOT_CAUSE_UNCONFIRMED);
    cr_expect (strstr (outcome.text, "no match was answered"), "%s", outcome.text);
    cr_assert_eq (root_outcome_read (&process.root, &outcome), 0, "for versions before");
    cr_expect_str_eq (outcome.workspace, CANDIDATE);
    cr_expect_eq (calls.restarts, 1);
}

Test (switching, an_ordered_revert_of_a_trial_blames_no_release)
{
    struct root_outcome outcome;
    struct wire_trial trial = {.transaction = NULL};
    candidate_run ();
    trial_note ();
    app.order.epoch = 6;
    node_event (&app, UPDATE_EVENT_REVERT);
    cr_expect_eq (app.procedure.state, WIRE_STATE_RESTARTING);
    cr_expect (link_is (ROOT_STABLE, RUNNING));
    cr_expect_eq (root_failed_read (&process.root, CANDIDATE, &outcome), ROOT_E_NONE);
    cr_expect_neq (root_trial_recall (&process.root, &trial), 0);
    cr_expect_eq (app.order_state.revert_epoch, 6, "for the process that is started");
    cr_expect_str_eq (app.order_state.revert_from, CANDIDATE);
}

Test (switching, a_revert_without_a_version_before_fails_and_changes_nothing)
{
    const char *reason;
    candidate_put ();
    cr_assert_eq (unlinkat (process.root.fd, CANDIDATE "/manifest", 0), 0);
    app.procedure.state = WIRE_STATE_IDLE;
    app.order.epoch = 6;
    node_event (&app, UPDATE_EVENT_REVERT);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect (link_is (ROOT_STABLE, RUNNING));
    cr_expect_eq (app.order_state.revert_epoch, 0);
    cr_expect_eq (journal_last (wire_state_word (WIRE_STATE_REVERTING), &reason), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (reason, "cannot revert"), "%s", reason);
    cr_expect_eq (calls.restarts, 0);
}
