/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/orders.c - each order is carried out once and ends, whatever interrupts it */

#include "wire/text.h"
#include "fixture.h"

TestSuite (orders, .init = fixture_setup, .fini = fixture_teardown);

Test (orders, a_revert_that_arrives_during_an_update_is_carried_out_after_it)
{
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&app, &desired);
    cr_assert_eq (app.procedure.state, WIRE_STATE_MATCHING);
    desired.epoch = desired.revert_epoch = desired.hold_epoch = 6;
    desired.revert_from = runs;
    desired.held = true;
    node_orders_desired (&app, &desired);
    cr_assert_eq (app.procedure.state, WIRE_STATE_IDLE, "the update has ended");
    cr_expect_eq (app.order_state.epoch, 5, "the revert has not");
    node_orders_desired (&app, &desired);
    cr_expect_gt (journal_count (wire_state_word (WIRE_STATE_REVERTING)), 0, "the revert was started");
}

Test (orders, a_waiting_update_is_not_lost_by_a_later_hold)
{
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&app, &desired);
    desired = desired_update (6);
    desired.epoch = desired.hold_epoch = 7;
    node_orders_desired (&app, &desired);
    node_fail (&app, UPDATE_EVENT_FAILED, "for the test");
    cr_expect_eq (app.order_state.epoch, 5);
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_MATCHING);
    cr_expect_eq (app.order.epoch, 6);
    node_fail (&app, UPDATE_EVENT_FAILED, "for the test");
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.order_state.epoch, 7, "the hold has ended after the update");
}

Test (orders, the_cancellation_of_an_interrupted_update_ends_once)
{
    struct wire_desired desired = desired_update (5);
    app.order_state.under_way = 5;
    app.order_state.attempt = 1;
    desired.epoch = desired.cancel_epoch = 6;
    for (unsigned i = 0; i < 3; i++)
        node_orders_desired (&app, &desired);
    cr_expect_eq (app.order_state.epoch, 6);
    cr_expect_eq (app.order_state.under_way, 0);
    cr_expect_eq (journal_count ("cancel"), 1);
}

Test (orders, a_cancellation_reports_what_it_has_done)
{
    const char *reason;
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&app, &desired);
    desired.epoch = desired.cancel_epoch = 6;
    for (unsigned i = 0; i < 3; i++)
        node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (journal_last ("cancel", &reason), WIRE_OUTCOME_PASSED);
    cr_expect (strstr (reason, "was ended"), "%s", reason);
    desired.epoch = desired.cancel_epoch = 7;
    node_orders_desired (&app, &desired);
    cr_expect_eq (journal_last ("cancel", &reason), WIRE_OUTCOME_PASSED);
    cr_expect_str_eq (reason, "no update is in progress");
}

Test (orders, a_cancellation_after_the_switch_is_refused_once_the_update_has_ended)
{
    const char *reason;
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&app, &desired);
    app.procedure.state = WIRE_STATE_CONFIRMED;
    desired.epoch = desired.cancel_epoch = 6;
    node_orders_desired (&app, &desired);
    cr_expect_eq (journal_count ("cancel"), 0);
    node_event (&app, UPDATE_EVENT_DONE);
    cr_assert_eq (app.procedure.state, WIRE_STATE_IDLE);
    for (unsigned i = 0; i < 3; i++)
        node_orders_desired (&app, &desired);
    cr_expect_eq (journal_count ("cancel"), 1);
    cr_expect_eq (journal_last ("cancel", &reason), WIRE_OUTCOME_REFUSED);
    cr_expect (strstr (reason, "too late"), "%s", reason);
    cr_expect_eq (app.order_state.epoch, 6);
}

/*  Returns the order of a revert as a broker gives it: it also holds. */
static struct wire_desired desired_revert (uint64_t epoch)
{
    struct wire_desired desired = desired_update (epoch - 1);
    desired.epoch = desired.revert_epoch = desired.hold_epoch = epoch;
    desired.revert_from = runs;
    desired.held = true;
    return desired;
}

Test (orders, a_failed_revert_gives_a_reason_and_does_not_hold)
{
    const char *reason;
    struct wire_desired desired = desired_revert (6);
    workspace_make (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, RUNNING, NULL), 0);
    for (unsigned i = 0; i < 3; i++)
        node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (journal_last (wire_state_word (WIRE_STATE_REVERTING), &reason), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (reason, "not held"), "%s", reason);
    cr_expect_eq (journal_count ("hold"), 0);
    cr_expect_not (app.order_state.held);
    cr_expect_eq (app.order_state.epoch, 6);
    desired.release = wanted;
    desired.epoch = desired.release_epoch = 7;
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_MATCHING, "the update that repairs it is accepted");
}

Test (orders, a_failed_revert_keeps_an_earlier_hold)
{
    const char *reason;
    struct wire_desired desired = desired_revert (6);
    app.order_state.held = true;
    node_orders_desired (&app, &desired);
    cr_expect_eq (journal_last (wire_state_word (WIRE_STATE_REVERTING), &reason), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (reason, "held as before"), "%s", reason);
    cr_expect (app.order_state.held);
}

Test (orders, a_revert_that_finds_another_release_still_holds)
{
    struct wire_desired desired = desired_revert (6);
    desired.revert_from = wanted;
    node_orders_desired (&app, &desired);
    cr_expect (app.order_state.held);
    cr_expect_eq (journal_count ("revert"), 1);
}

Test (orders, a_revert_on_the_host_ends_the_update_under_way)
{
    struct wire_desired desired = desired_update (5);
    struct wire_entry entry = {.application = "noded",
                               .step = "revert",
                               .time = "2026-01-01T00:00:00Z",
                               .outcome = WIRE_OUTCOME_REVERTED,
                               .reason = "by a person"};
    app.order_state = (struct wire_order_state){
        .epoch = 4, .seen_epoch = 5, .under_way = 5, .attempt = 1, .transaction = strdup ("t-1")};
    cr_assert_eq (root_reverted_note (&process.root, &entry, NULL), 0);
    node_resume (&app);
    cr_expect (app.order_state.held);
    cr_expect_eq (app.order_state.epoch, 5);
    node_orders_desired (&app, &desired);
    cr_expect_eq (journal_count (wire_state_word (WIRE_STATE_MATCHING)), 0,
                  "the update has ended and is not refused");
}

Test (orders, a_hold_ends_once_and_only_after_the_update)
{
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&app, &desired);
    desired.epoch = desired.hold_epoch = 6;
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.order_state.hold_epoch, 6);
    cr_expect_lt (app.order_state.epoch, 5, "otherwise an interrupted update would be lost");
    node_fail (&app, UPDATE_EVENT_FAILED, "for the test");
    for (unsigned i = 0; i < 3; i++)
        node_orders_desired (&app, &desired);
    cr_expect_eq (app.order_state.epoch, 6);
    cr_expect_eq (journal_count ("hold"), 2, "applied during the update, ended after it");
}

Test (orders, later_orders_end_after_a_revert_of_a_trial)
{
    struct wire_desired desired = {
        .application = "noded", .status = WIRE_STATUS_OK, .epoch = 7, .hold_epoch = 7};
    app.order_state = (struct wire_order_state){.epoch = 4,
                                                .hold_epoch = 6,
                                                .under_way = 5,
                                                .attempt = 1,
                                                .revert_epoch = 6,
                                                .revert_from = strdup (CANDIDATE)};
    trial_note ();
    node_resume (&app);
    cr_expect_eq (app.order_state.epoch, 6);
    cr_expect (app.order_state.held);
    cr_expect_eq (root_quarantine_find (&process.root, &wanted, &(struct wire_failure){0}), ROOT_E_NONE,
                  "a trial that an order ended does not quarantine its release");
    node_orders_desired (&app, &desired);
    struct wire_order_state order_state = order_state_read ();
    cr_expect_eq (order_state.epoch, 7);
    cr_expect_not (order_state.held);
    wire_order_state_deinit (&order_state);
}

Test (orders, a_revert_without_a_hold_does_not_hold_the_node)
{
    app.order_state = (struct wire_order_state){
        .epoch = 4, .hold_epoch = 3, .revert_epoch = 6, .revert_from = strdup (CANDIDATE)};
    node_resume (&app);
    cr_expect_eq (app.order_state.epoch, 6);
    cr_expect_not (app.order_state.held);
}

Test (orders, a_failure_of_the_host_before_the_switch_quarantines_no_release)
{
    struct wire_failure failure;
    workspace_make (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, RUNNING, NULL), 0);
    app.order_state.under_way = 5;
    app.order_state.attempt = 1;
    trial_note ();
    node_resume (&app);
    cr_expect_eq (root_quarantine_find (&process.root, &wanted, &failure), ROOT_E_NONE);
    cr_expect_eq (app.order_state.epoch, 0);
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_MATCHING, "the order is started again");
    cr_expect_eq (app.order.attempt, 2);
}

Test (orders, a_version_that_crashed_on_trial_is_quarantined)
{
    struct root_outcome outcome = {.workspace = CANDIDATE, .cause = ROOT_CAUSE_CRASHED, .text = "ended \xff"};
    struct wire_failure failure = {.transaction = NULL};
    workspace_make (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, RUNNING, NULL), 0);
    cr_assert_eq (root_outcome_write (&process.root, &outcome, NULL), 0);
    trial_note ();
    node_resume (&app);
    cr_assert_eq (root_quarantine_find (&process.root, &wanted, &failure), 0);
    cr_expect_str_eq (failure.reason, "on trial it crashed: ended ?");
    cr_expect_eq (app.order_state.epoch, 5);
    wire_failure_deinit (&failure);
}

Test (orders, a_release_that_is_not_known_to_be_at_fault_is_not_quarantined)
{
    static const enum root_cause causes[] = {ROOT_CAUSE_INTERRUPTED, ROOT_CAUSE_LOST, ROOT_CAUSE_CORRUPT};
    workspace_make (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, RUNNING, NULL), 0);
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        struct root_outcome outcome = {.workspace = CANDIDATE, .cause = causes[i], .text = "why"};
        struct wire_failure failure;
        cr_assert_eq (root_outcome_write (&process.root, &outcome, NULL), 0);
        trial_note ();
        node_resume (&app);
        cr_expect_eq (root_quarantine_find (&process.root, &wanted, &failure), ROOT_E_NONE, "%s",
                      root_cause_word (causes[i]));
        cr_expect_eq (app.order_state.epoch, 5, "the order has ended");
        cr_expect_not_null (app.order_state.last_error);
    }
}

/*  Leaves the launcher's note of a failed trial and no record of its order, as when var/ was lost. */
static void failed_note (enum root_cause cause)
{
    struct root_outcome outcome = {.workspace = CANDIDATE, .cause = cause, .text = "why", .release = wanted};
    workspace_make (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, RUNNING, NULL), 0);
    cr_assert_eq (root_failed_write (&process.root, &outcome, NULL), 0);
}

Test (orders, a_failed_trial_is_known_without_a_record_of_its_order)
{
    const char *reason;
    struct wire_desired desired = desired_update (5);
    struct wire_application application;
    failed_note (ROOT_CAUSE_CRASHED);
    node_resume (&app);
    cr_expect_eq (journal_last (wire_state_word (WIRE_STATE_TRIAL), &reason), WIRE_OUTCOME_ROLLED_BACK);
    node_describe (&app, &application);
    cr_expect_eq (application.quarantined, 1);
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE, "the release is not tried again");
    cr_expect_eq (journal_last (wire_state_word (WIRE_STATE_MATCHING), &reason), WIRE_OUTCOME_REFUSED);
    cr_expect (strstr (reason, "quarantined since") && strstr (reason, "on trial it crashed: why"), "%s",
               reason);
    cr_expect_eq (app.order_state.epoch, 5, "and the order has ended");
    node_resume (&app);
    cr_expect_eq (journal_count (wire_state_word (WIRE_STATE_TRIAL)), 1, "the failure is reported once");
}

Test (orders, a_failed_trial_is_not_repeated_if_no_record_can_be_written)
{
    struct wire_desired desired = desired_update (5);
    failed_note (ROOT_CAUSE_HUNG);
    char *command = base_text_printf ("%s/var", directory);
    cr_assert_eq (disk_tree_remove (&disk_system, AT_FDCWD, command, NULL), 0);
    cr_assert_eq (symlink ("/nowhere/at/all", command), 0);
    for (unsigned i = 0; i < 3; i++) {
        node_resume (&app);
        node_orders_desired (&app, &desired);
        cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
        wire_order_state_deinit (&app.order_state);
        app.order_state = (struct wire_order_state){.epoch = 0}; /* as at the start of a manager */
    }
    free (command);
}

Test (orders, an_unknown_order_is_refused_once_if_the_release_is_not_at_fault)
{
    const char *reason;
    struct root_outcome outcome;
    struct wire_desired desired = desired_update (5);
    failed_note (ROOT_CAUSE_LOST);
    node_resume (&app);
    node_orders_desired (&app, &desired);
    cr_expect_eq (journal_last (wire_state_word (WIRE_STATE_MATCHING), &reason), WIRE_OUTCOME_REFUSED);
    cr_expect_not_null (strstr (reason, "order it again"), "%s", reason);
    cr_expect_eq (root_failed_find (&process.root, &wanted, &outcome), ROOT_E_NONE);
    desired = desired_update (6);
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_MATCHING, "a new order is accepted");
}

Test (orders, an_interrupted_revert_on_the_host_still_holds)
{
    struct wire_desired desired = desired_update (5);
    workspace_make (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, RUNNING, NULL), 0);
    cr_assert_eq (symlinkat (RUNNING, process.root.fd, ROOT_REVERT), 0);
    app.order_state = (struct wire_order_state){
        .epoch = 4, .seen_epoch = 5, .under_way = 5, .attempt = 1, .transaction = strdup ("t-1")};
    trial_note ();
    node_resume (&app);
    cr_expect (app.order_state.held);
    cr_expect_eq (app.order_state.epoch, 5);
    cr_expect_eq (journal_count ("revert"), 1);
    cr_expect_neq (faccessat (process.root.fd, ROOT_REVERT, F_OK, AT_SYMLINK_NOFOLLOW), 0);
    node_orders_desired (&app, &desired);
    cr_expect_eq (journal_count (wire_state_word (WIRE_STATE_MATCHING)), 0);
    app.order_state.held = false;
    cr_assert_eq (symlinkat (BEFORE, process.root.fd, ROOT_REVERT), 0);
    node_resume (&app);
    cr_expect_not (app.order_state.held, "a revert that did not reach its switch is dropped");
    cr_expect_neq (faccessat (process.root.fd, ROOT_REVERT, F_OK, AT_SYMLINK_NOFOLLOW), 0);
}

Test (orders, a_revert_that_fails_on_trial_does_not_change_the_trial)
{
    workspace_make (BEFORE); /* its manifest does not match its files */
    workspace_make (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, BEFORE, NULL), 0);
    cr_assert_eq (root_switch (&process.root, RUNNING, &root_limits_default, NULL), 0);
    file_put (BEFORE "/stray");
    node_resume (&app);
    cr_assert_eq (app.procedure.state, WIRE_STATE_TRIAL);
    struct wire_desired desired = desired_update (5);
    desired.release = runs;
    desired.epoch = desired.revert_epoch = 6;
    desired.revert_from = runs;
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_TRIAL);
    cr_expect_eq (app.order_state.epoch, 6);
    cr_expect_eq (app.order_state.revert_epoch, 0);
    cr_assert_not_null (app.order_state.last_error);
    cr_expect (strstr (app.order_state.last_error->reason, "cannot revert"));
}

Test (orders, an_order_whose_rehearsal_never_ended_is_refused_at_once)
{
    struct wire_desired desired = desired_update (5);
    app.order_state.under_way = 5;
    app.order_state.probes = 2;
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (app.order_state.epoch, 5);
    cr_expect (strstr (app.order_state.last_error->reason, "2 times"));
}

Test (orders, a_step_with_progress_is_recorded_in_the_journal_once)
{
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&app, &desired);
    for (unsigned i = 0; i < 100; i++)
        node_report_progress (&app, NULL);
    cr_expect_eq (journal_count ("matching"), 1);
}

Test (orders, a_description_names_the_previous_version_and_quarantined_releases)
{
    struct wire_failure failure = {.transaction = "t",
                                   .release = wanted,
                                   .step = "trial",
                                   .reason = "crashed",
                                   .time = "2026-01-01T00:00:00Z"};
    cr_assert_eq (root_quarantine_add (&process.root, &failure, NULL), 0);
    struct wire_application application;
    node_describe (&app, &application);
    cr_expect_eq (application.quarantined, 1);
    cr_expect_null (application.previous_version);
}

Test (orders, invalid_utf8_is_replaced_in_messages)
{
    char text[] = "a\xff"
                  "b\xc3\xa9"
                  "c\xe2\x82";
    base_text_clean (text);
    cr_expect_str_eq (text, "a?b\xc3\xa9"
                            "c??");
}

Test (orders, older_orders_are_ignored_and_a_changed_order_is_reported_once)
{
    struct wire_desired desired = desired_update (5), second = desired_update (5), older = desired_update (4);
    node_orders_desired (&app, &desired);
    node_fail (&app, UPDATE_EVENT_FAILED, "for the test");
    cr_assert_eq (app.order_state.epoch, 5);
    second.release = runs;
    for (unsigned i = 0; i < 3; i++) {
        node_orders_desired (&app, &second);
        node_orders_desired (&app, &older);
    }
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (app.order_state.seen_epoch, 5);
    cr_expect_eq (journal_count ("order"), 1);
    desired = desired_update (6);
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_MATCHING);
}

/*  Takes an order as far as its rehearsal, which finds the host unfit. */
static void order_find_unfit (uint64_t epoch)
{
    struct wire_desired desired = desired_update (epoch);
    node_orders_desired (&app, &desired);
    cr_assert_eq (app.procedure.state, WIRE_STATE_MATCHING);
    app.procedure.state = WIRE_STATE_PROBING;
    node_fail (&app, UPDATE_EVENT_UNFIT, "this host is short of everything");
    cr_assert_eq (app.procedure.state, WIRE_STATE_UNFIT);
}

/*  Returns epoch and unfit of the order state on disk. */
static struct wire_order_state order_state_kept (void)
{
    struct wire_order_state order_state = order_state_read ();
    struct wire_order_state copy = {.epoch = order_state.epoch, .unfit = order_state.unfit};
    wire_order_state_deinit (&order_state);
    return copy;
}

/*  Starts again, as another process of this root does. */
static void manager_restart (void)
{
    bus_timer_cancel (process.loop, app.deadline);
    app.deadline = 0;
    node_order_clear (&app);
    update_procedure_init (&app.procedure);
    wire_order_state_deinit (&app.order_state);
    app.order_state = order_state_read ();
    node_resume (&app);
}

Test (orders, an_order_that_found_the_host_unfit_is_kept_and_tried_again)
{
    struct wire_application application;
    struct wire_desired desired = desired_update (5);
    order_find_unfit (5);
    cr_expect_eq (app.order_state.epoch, 0, "the order has not ended");
    node_describe (&app, &application);
    cr_expect_not_null (application.retry);
    cr_expect_not_null (application.last_error);
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_UNFIT, "not before the retry is due");
    for (unsigned i = 0; i < 8; i++) { /* without a limit */
        node_event (&app, UPDATE_EVENT_DEADLINE);
        cr_assert_eq (app.procedure.state, WIRE_STATE_IDLE);
        order_find_unfit (5);
        cr_expect_eq (order_state_kept ().unfit, i + 2);
    }
    node_describe (&app, &application);
    cr_expect_eq (application.quarantined, 0);
}

Test (orders, a_restart_keeps_an_order_and_the_time_of_its_retry)
{
    struct wire_desired desired = desired_update (5);
    order_find_unfit (5);
    node_event (&app, UPDATE_EVENT_DEADLINE);
    order_find_unfit (5);
    char *retry = strdup (app.order_state.retry);
    manager_restart ();
    cr_assert_eq (app.procedure.state, WIRE_STATE_UNFIT);
    cr_expect_eq (app.procedure.unfit, 2);
    cr_expect_str_eq (app.order_state.retry, retry);
    cr_expect_leq (node_retry_left_ms (&app), 5 * config.limits.unfit_ms);
    cr_expect_gt (node_retry_left_ms (&app), config.limits.unfit_ms);
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_UNFIT, "not before the retry is due");
    free (retry);

    wire_text_free (&app.order_state.retry); /* the clock was set, or the host was off */
    app.order_state.retry = strdup ("2020-01-01T00:00:00.000000000Z");
    node_order_state_save (&app);
    manager_restart ();
    cr_assert_eq (app.procedure.state, WIRE_STATE_IDLE);
    order_find_unfit (5);
    cr_expect_eq (app.procedure.unfit, 3);
    wire_text_free (&app.order_state.retry);
    app.order_state.retry = strdup ("2999-01-01T00:00:00.000000000Z");
    cr_expect_leq (node_retry_left_ms (&app), 15 * config.limits.unfit_ms);
}

Test (orders, a_newer_order_replaces_one_that_waits_for_its_retry)
{
    struct wire_desired desired = desired_update (6);
    order_find_unfit (5);
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_MATCHING);
    cr_expect_eq (app.order.epoch, 6);
    cr_expect_eq (app.procedure.unfit, 0);
    cr_expect_eq (order_state_kept ().unfit, 0);
}

Test (orders, an_order_that_waits_for_its_retry_ends_by_a_cancel_or_a_hold)
{
    struct wire_desired desired = desired_update (5);
    order_find_unfit (5);
    desired.epoch = desired.cancel_epoch = 6;
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (order_state_kept ().epoch, 5);
    cr_expect_eq (order_state_kept ().unfit, 0);

    desired = desired_update (7);
    order_find_unfit (7);
    desired.epoch = desired.hold_epoch = 8;
    desired.held = true;
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect (app.order_state.held);
    cr_expect_eq (order_state_kept ().unfit, 0);
}

Test (orders, clearing_the_quarantine_keeps_an_order_that_waits_for_its_retry)
{
    struct wire_desired desired = desired_update (5);
    order_find_unfit (5);
    desired.epoch = desired.clear_epoch = 6;
    node_orders_desired (&app, &desired);
    cr_expect_eq (app.procedure.state, WIRE_STATE_UNFIT);
    cr_expect_eq (app.order_state.epoch, 0);
    cr_expect_eq (journal_count ("clear"), 1);
}
