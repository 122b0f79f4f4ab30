/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/trial_trust.c - a version on trial verifies its own release by signed metadata, if a root is pinned */

#include "signed_origin.h"

#include "root/outcome.h"

static struct node_kind_ops proving_ops;
static struct node_kind proving_kind;

static void setup (void)
{
    signed_setup ();
    proving_ops = counting_ops;
    proving_ops.prove = node_trial_begin;
    proving_ops.prove_end = node_trial_end;
    proving_kind = counting_kind;
    proving_kind.ops = &proving_ops;
    app.kind = &proving_kind;
    int fd = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    blob_size = (size_t) pread (fd, blob, sizeof blob, 0);
    close (fd);
    envelope.size = blob_size * 2;
    envelope.version = "2";
    process.self.running.installed.release = wanted;
    config.soak_ms = 0;
    config.resend_ms = 5;
    workspace_seal (BEFORE);
    workspace_seal (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, BEFORE, NULL), 0);
    cr_assert_eq (root_ok_set (&process.root, BEFORE, NULL), 0);
    cr_assert_eq (root_switch (&process.root, RUNNING, &root_limits_default, NULL), 0);
}

TestSuite (trial_trust, .init = setup, .fini = signed_teardown);

static void trial_begin (void)
{
    node_session_open (process.session);
    cr_assert (node_resume_trial (&app));
    cr_assert_eq (app.procedure.state, WIRE_STATE_TRIAL);
    node_trial_announced (&app);
}

Test (trial_trust, a_signed_release_is_confirmed_and_raises_the_least_counter)
{
    pin ();
    trial_begin ();
    run_until_state (WIRE_STATE_IDLE);
    cr_expect (root_ok_is (&process.root, RUNNING));
    cr_expect_eq (floor_now ("noded"), 7);
    cr_expect (is_stored ("timestamp.json"));
    cr_expect_null (process.trust);
}

Test (trial_trust, without_a_pinned_root_it_is_confirmed_without_metadata)
{
    trial_begin ();
    run_until_state (WIRE_STATE_IDLE);
    cr_expect (root_ok_is (&process.root, RUNNING));
    cr_expect_eq (wants, 0);
}

Test (trial_trust, it_is_not_confirmed_before_its_release_was_verified)
{
    pin ();
    answers_wants = false;
    trial_begin ();
    RUN_UNTIL (app.proof.matched && app.proof.fetched && app.proof.announced && wants >= 3);
    cr_expect_eq (app.procedure.state, WIRE_STATE_TRIAL);
    cr_expect_eq (app.proof.since_ms, 0);
    cr_expect_eq (floor_now ("noded"), 0);
    answers_wants = true;
    run_until_state (WIRE_STATE_IDLE);
    cr_expect (root_ok_is (&process.root, RUNNING));
}

Test (trial_trust, expired_metadata_is_tried_again_until_it_is_renewed)
{
    fleet_make (now_s - 3 * DAY);
    pin ();
    trial_begin ();
    RUN_UNTIL (app.proof.matched && app.proof.fetched && wants >= 6);
    cr_expect_eq (app.procedure.state, WIRE_STATE_TRIAL);
    cr_expect (node_trust_failed_on_trial (&app, RUNNING));
    cr_expect_not (node_trust_failed_on_trial (&app, BEFORE));
    renew (now_s);
    run_until_state (WIRE_STATE_IDLE);
    cr_expect (root_ok_is (&process.root, RUNNING));
    cr_expect_not (node_trust_failed_on_trial (&app, RUNNING));
}

Test (trial_trust, a_release_of_another_version_than_the_one_that_was_signed_is_not_confirmed)
{
    pin ();
    envelope.version = "3";
    trial_begin ();
    RUN_UNTIL (app.proof.matched && app.proof.fetched && wants >= 6);
    cr_expect_eq (app.procedure.state, WIRE_STATE_TRIAL);
    cr_expect_not (app.proof.verified);
}

Test (trial_trust, a_trial_that_ends_unverified_is_rolled_back_and_says_so)
{
    struct root_outcome outcome;
    fleet_make (now_s - 3 * DAY);
    pin ();
    trial_begin ();
    RUN_UNTIL (app.proof.matched && app.proof.fetched && wants >= 3);
    node_event (&app, UPDATE_EVENT_DEADLINE);
    cr_expect (link_is (ROOT_STABLE, BEFORE));
    cr_assert_eq (root_failed_read (&process.root, RUNNING, &outcome), 0);
    cr_expect (strstr (outcome.text, "not verified by signed metadata"), "%s", outcome.text);
    cr_expect_null (process.trust, "the check has ended with the trial");
    cr_expect_eq (app.verifying, 0);
    cr_expect_eq (floor_now ("noded"), 0);
}

Test (trial_trust, a_process_that_ended_between_confirmation_and_raise_is_completed_by_the_next_one)
{
    pin ();
    struct root_metadata files = stored ();
    cr_assert_eq (root_floor_note (&files, "noded", &wanted, 7, NULL), 0);
    cr_assert_eq (root_confirm (&process.root, NULL), 0);
    cr_expect_eq (floor_now ("noded"), 0);
    node_resume (&app);
    cr_expect_eq (floor_now ("noded"), 7);
}

Test (trial_trust, a_version_on_trial_does_not_raise_the_least_counter_when_it_starts_again)
{
    pin ();
    answers_wants = false;
    struct root_metadata files = stored ();
    cr_assert_eq (root_floor_note (&files, "noded", &wanted, 7, NULL), 0);
    node_session_open (process.session);
    node_resume (&app);
    cr_expect_eq (app.procedure.state, WIRE_STATE_TRIAL);
    cr_expect_eq (floor_now ("noded"), 0);
}

Test (trial_trust, the_first_version_of_an_application_raises_the_least_counter_without_a_trial)
{
    pin ();
    cr_assert_eq (root_confirm (&process.root, NULL), 0);
    cr_assert_eq (unlinkat (process.root.fd, ROOT_STABLE, 0), 0);
    *process.self.running.workspace = '\0';
    app.procedure.state = WIRE_STATE_SWITCHING;
    app.order.release = wanted;
    app.order.custom = calloc (1, sizeof *app.order.custom);
    app.order.custom->counter = 12;
    app.order.candidate.envelope = calloc (1, sizeof *app.order.candidate.envelope);
    app.order.candidate.envelope->version = strdup ("2");
    (void) base_text_copy (app.order.workspace, sizeof app.order.workspace, RUNNING);
    node_switch (&app);
    cr_expect_eq (floor_now ("noded"), 0);
    (void) base_text_copy (process.self.running.workspace, sizeof process.self.running.workspace, RUNNING);
    node_trust_confirmed (&app);
    cr_expect_eq (floor_now ("noded"), 12);
}
