/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/trial.c - a version on trial is confirmed by an announcement, a match, a chunk and the soak time */

#include "origin.h"

static void on_welcome (void *context, const struct wire_welcome *welcome)
{
    (void) context;
    (void) welcome;
}

static void on_desired (void *context, const struct wire_desired *desired)
{
    node_orders_desired (context, desired);
}

/*  The counting kind, which proves as noded does. */
static struct node_kind_ops proving_ops;
static struct node_kind proving_kind;
static const struct node_session_ops welcome_ops = {.welcome = on_welcome};
static const struct node_subject_ops asking_ops = {.describe = on_describe, .desired = on_desired};

static void setup (void)
{
    fixture_setup_counting ();
    proving_ops = counting_ops;
    proving_ops.prove = node_trial_begin;
    proving_ops.prove_end = node_trial_end;
    proving_kind = counting_kind;
    proving_kind.ops = &proving_ops;
    app.kind = &proving_kind;
    int fd = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    blob_size = (size_t) pread (fd, blob, sizeof blob, 0);
    close (fd);
    cr_assert_eq (blob_size, sizeof blob, "this program is larger than a chunk");
    envelope.size = blob_size * 2;
    config.soak_ms = 0;
    origin_start (&welcome_ops, &asking_ops);

    workspace_seal (BEFORE);
    workspace_seal (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, BEFORE, NULL), 0);
    cr_assert_eq (root_ok_set (&process.root, BEFORE, NULL), 0);
    cr_assert_eq (root_switch (&process.root, RUNNING, &root_limits_default, NULL), 0);
}

static void teardown (void)
{
    origin_end ();
    fixture_teardown ();
}

TestSuite (trial, .init = setup, .fini = teardown);

static void trial_begin (void)
{
    node_session_open (process.session);
    cr_assert (node_resume_trial (&app));
    cr_assert_eq (app.procedure.state, WIRE_STATE_TRIAL);
}

Test (trial, it_is_confirmed_by_an_announcement_a_match_and_a_chunk)
{
    trial_begin ();
    RUN_UNTIL (app.proof.matched && app.proof.fetched);
    cr_expect_eq (app.procedure.state, WIRE_STATE_TRIAL, "nothing was announced");
    node_trial_announced (&app);
    run_until_state (WIRE_STATE_IDLE);
    cr_expect (root_ok_is (&process.root, RUNNING));
    cr_expect (link_is (ROOT_PREVIOUS, BEFORE));
    cr_expect_eq (app.proving, 0);
    cr_expect_null (app.proof_user.content, "the connection is not needed any more");
}

Test (trial, the_order_of_the_proofs_does_not_matter)
{
    trial_begin ();
    node_trial_announced (&app);
    run_until_state (WIRE_STATE_IDLE);
    cr_expect (root_ok_is (&process.root, RUNNING));
}

Test (trial, without_an_answered_match_it_is_not_confirmed)
{
    answers_matches = false;
    trial_begin ();
    node_trial_announced (&app);
    RUN_UNTIL (app.proof.fetched && matches >= 3);
    cr_expect_eq (app.procedure.state, WIRE_STATE_TRIAL);
    answers_matches = true;
    run_until_state (WIRE_STATE_IDLE);
}

Test (trial, a_match_that_was_answered_proves_also_if_the_release_was_withdrawn)
{
    match_status = WIRE_STATUS_GONE;
    trial_begin ();
    node_trial_announced (&app);
    run_until_state (WIRE_STATE_IDLE);
    cr_expect (root_ok_is (&process.root, RUNNING));
}

Test (trial, a_chunk_with_other_bytes_does_not_prove)
{
    lies = true;
    trial_begin ();
    node_trial_announced (&app);
    RUN_UNTIL (app.proof.matched && chunks >= 3);
    cr_expect_not (app.proof.fetched);
    cr_expect_eq (app.procedure.state, WIRE_STATE_TRIAL);
    lies = false;
    run_until_state (WIRE_STATE_IDLE);
}

Test (trial, a_content_peer_that_does_not_answer_is_asked_again)
{
    serves = false;
    trial_begin ();
    node_trial_announced (&app);
    RUN_UNTIL (app.proof.matched && asks >= 1);
    cr_expect_not (app.proof.fetched);
    serves = true;
    run_until_state (WIRE_STATE_IDLE);
    cr_expect_geq (chunks, 1);
}

Test (trial, an_origin_that_announced_nothing_is_asked_again)
{
    trial_begin ();
    RUN_UNTIL (asks >= 4);
    cr_expect_not (app.proof.announced);
    cr_expect_eq (app.procedure.state, WIRE_STATE_TRIAL);
}

Test (trial, the_soak_time_starts_with_the_last_proof)
{
    config.soak_ms = 3600 * 1000;
    trial_begin ();
    RUN_UNTIL (app.proof.matched && app.proof.fetched);
    cr_expect_eq (app.proof.since_ms, 0);
    uint64_t before_ms = base_time_boot_ms ();
    node_trial_announced (&app);
    cr_expect_geq (app.proof.since_ms, before_ms);
    cr_expect_eq (app.procedure.state, WIRE_STATE_TRIAL, "it soaks");
    cr_expect_neq (app.proving, 0);
    uint64_t since_ms = app.proof.since_ms;
    node_trial_announced (&app);
    cr_expect_eq (app.proof.since_ms, since_ms, "a second announcement starts nothing");
}

Test (trial, after_its_end_nothing_proves)
{
    trial_begin ();
    RUN_UNTIL (app.proof.matched && app.proof.fetched);
    node_event (&app, UPDATE_EVENT_DEADLINE);
    cr_expect_eq (app.procedure.state, WIRE_STATE_RESTARTING, "it is rolled back");
    cr_expect_eq (app.proving, 0);
    cr_expect_null (app.proof_match.session);
    cr_expect_null (app.proof_user.content);
    node_trial_announced (&app);
    cr_expect_not (app.proof.announced);
    cr_expect (link_is (ROOT_STABLE, BEFORE));
}

Test (trial, a_trial_without_a_record_of_its_order_is_proven_all_the_same)
{
    app.order_state.under_way = 7; /* var/trial is lost */
    trial_begin ();
    cr_expect_eq (app.order.epoch, 7);
    node_trial_announced (&app);
    run_until_state (WIRE_STATE_IDLE);
    cr_expect_eq (app.order_state.epoch, 7);
}
