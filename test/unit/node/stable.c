/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/stable.c - the running version restores stable and previous, and follows a person's choice */

#include "fixture.h"

static void setup (void)
{
    fixture_setup_counting ();
    workspace_seal (BEFORE);
    workspace_seal (RUNNING);
    cr_assert_eq (root_stable_set (&process.root, RUNNING, NULL), 0);
    cr_assert_eq (root_ok_set (&process.root, RUNNING, NULL), 0);
}

TestSuite (stable, .init = setup, .fini = fixture_teardown);

static void link_remove (const char *link)
{
    cr_assert_eq (unlinkat (process.root.fd, link, 0), 0);
}

static void link_put (const char *link, const char *target)
{
    (void) unlinkat (process.root.fd, link, 0);
    cr_assert_eq (symlinkat (target, process.root.fd, link), 0);
}

Test (stable, an_intact_stable_is_left_alone)
{
    node_stable_keep (&app);
    cr_expect (link_is (ROOT_STABLE, RUNNING));
    cr_expect_eq (journal_count (ROOT_STABLE), 0);
}

Test (stable, a_lost_stable_is_restored_and_reported)
{
    const char *reason;
    link_remove (ROOT_STABLE);
    node_stable_keep (&app);
    cr_expect (link_is (ROOT_STABLE, RUNNING));
    cr_expect_eq (journal_last (ROOT_STABLE, &reason), WIRE_OUTCOME_PASSED);
    cr_expect (strstr (reason, "it now points to " RUNNING), "%s", reason);
    node_stable_keep (&app);
    cr_expect_eq (journal_count (ROOT_STABLE), 1);
    link_put (ROOT_STABLE, "2026-01-09T00:00:00.000000000Z"); /* lost again */
    node_stable_keep (&app);
    cr_expect_eq (journal_count (ROOT_STABLE), 2);
}

Test (stable, a_stable_that_cannot_be_restored_is_reported_once)
{
    const char *reason;
    link_remove (ROOT_STABLE);
    cr_assert_eq (unlinkat (process.root.fd, RUNNING "/start", 0), 0);
    cr_assert_eq (unlinkat (process.root.fd, BEFORE "/start", 0), 0);
    for (unsigned i = 0; i < 3; i++)
        node_stable_keep (&app);
    cr_expect_eq (journal_count (ROOT_STABLE), 1);
    cr_expect_eq (journal_last (ROOT_STABLE, &reason), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (reason, "cannot be restored"), "%s", reason);
}

Test (stable, a_version_that_may_be_on_trial_leaves_stable_to_the_launcher)
{
    const char *reason;
    link_put (ROOT_BACK, BEFORE);
    link_remove (ROOT_STABLE);
    node_stable_keep (&app);
    char found[ROOT_NAME_SIZE];
    cr_expect_eq (root_link (&process.root, ROOT_STABLE, found), ROOT_E_NONE);
    cr_expect_eq (journal_last (ROOT_STABLE, &reason), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (reason, "a trial is in progress"), "%s", reason);
}

Test (stable, from_the_restart_until_the_confirmation_stable_is_left_alone)
{
    static const enum wire_state states[] = {WIRE_STATE_RESTARTING, WIRE_STATE_TRIAL, WIRE_STATE_CONFIRMED,
                                             WIRE_STATE_REVERTING};
    char found[ROOT_NAME_SIZE];
    link_remove (ROOT_STABLE);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        app.procedure.state = states[i];
        node_stable_keep (&app);
        cr_expect_eq (root_link (&process.root, ROOT_STABLE, found), ROOT_E_NONE, "%s",
                      wire_state_word (states[i]));
    }
    cr_expect_eq (journal_count (ROOT_STABLE), 0);
    app.procedure.state = WIRE_STATE_SWITCHING;
    node_stable_keep (&app);
    cr_expect (link_is (ROOT_STABLE, RUNNING));
}

Test (stable, another_version_made_stable_by_hand_is_started)
{
    cr_expect_not (node_stable_is_elsewhere (&app));
    node_stable_follow (&app);
    cr_expect_eq (app.following, 0, "nothing to follow");
    link_put (ROOT_STABLE, BEFORE);
    cr_expect (node_stable_is_elsewhere (&app));
    node_stable_follow (&app);
    node_stable_follow (&app); /* once is enough */
    cr_expect_eq (calls.restarts, 0, "the command that did it has more to write");
    while (!calls.restarts)
        cr_assert_eq (bus_loop_run (process.loop), 0);
    cr_expect_eq (calls.restarts, 1);
    cr_expect_eq (app.following, 0);
}

static void loop_stop (void *context)
{
    (void) context;
    bus_loop_stop (process.loop);
}

Test (stable, a_version_that_is_stable_again_is_not_restarted)
{
    link_put (ROOT_STABLE, BEFORE);
    node_stable_follow (&app);
    cr_assert_neq (app.following, 0);
    link_put (ROOT_STABLE, RUNNING);
    while (app.following) { /* a timer that does nothing does not end the loop */
        (void) bus_timer_start (process.loop, 50, loop_stop, NULL);
        cr_assert_eq (bus_loop_run (process.loop), 0);
    }
    cr_expect_eq (calls.restarts, 0);
}

Test (stable, a_stable_without_start_files_is_not_followed)
{
    cr_assert_eq (unlinkat (process.root.fd, BEFORE "/start", 0), 0);
    link_put (ROOT_STABLE, BEFORE);
    cr_expect_not (node_stable_is_elsewhere (&app));
}

Test (stable, a_proven_stable_is_marked_as_confirmed)
{
    cr_assert_eq (root_ok_remove (&process.root, RUNNING), 0);
    node_stable_mark (&app);
    cr_expect (root_ok_is (&process.root, RUNNING));
}

Test (stable, a_version_on_trial_is_not_marked_as_confirmed)
{
    workspace_seal (CANDIDATE);
    cr_assert_eq (root_switch (&process.root, CANDIDATE, &root_limits_default, NULL), 0);
    (void) snprintf (process.self.running.workspace, ROOT_NAME_SIZE, CANDIDATE);
    node_stable_mark (&app);
    cr_expect_not (root_ok_is (&process.root, CANDIDATE));
}

Test (stable, a_lost_previous_is_restored_to_where_it_was_known_to_point)
{
    const char *reason;
    link_put (ROOT_PREVIOUS, BEFORE);
    node_previous_keep (&app);
    cr_assert_str_eq (app.order_state.previous, BEFORE);
    cr_expect_eq (journal_count (ROOT_PREVIOUS), 0);
    link_remove (ROOT_PREVIOUS);
    node_previous_keep (&app);
    cr_expect (link_is (ROOT_PREVIOUS, BEFORE));
    cr_expect_eq (journal_last (ROOT_PREVIOUS, &reason), WIRE_OUTCOME_PASSED);
    cr_expect (strstr (reason, BEFORE), "%s", reason);
}

Test (stable, a_previous_that_cannot_be_restored_is_reported_once)
{
    const char *reason;
    link_put (ROOT_PREVIOUS, BEFORE);
    node_previous_keep (&app);
    link_remove (ROOT_PREVIOUS);
    cr_assert_eq (unlinkat (process.root.fd, BEFORE "/noded", 0), 0);
    for (unsigned i = 0; i < 3; i++)
        node_previous_keep (&app);
    cr_expect_eq (journal_count (ROOT_PREVIOUS), 1);
    cr_expect_eq (journal_last (ROOT_PREVIOUS, &reason), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (reason, "no revert is possible"), "%s", reason);
}

Test (stable, a_root_that_never_had_a_previous_misses_nothing)
{
    node_previous_keep (&app);
    cr_expect_eq (journal_count (ROOT_PREVIOUS), 0);
    cr_expect_null (app.order_state.previous);
}

Test (stable, previous_is_left_alone_on_trial_and_while_stable_is_elsewhere)
{
    char found[ROOT_NAME_SIZE];
    link_put (ROOT_PREVIOUS, BEFORE);
    node_previous_keep (&app);
    link_remove (ROOT_PREVIOUS);
    link_put (ROOT_STABLE, BEFORE);
    node_previous_keep (&app);
    cr_expect_eq (root_link (&process.root, ROOT_PREVIOUS, found), ROOT_E_NONE);
    link_put (ROOT_STABLE, RUNNING);
    link_put (ROOT_BACK, BEFORE);
    node_previous_keep (&app);
    cr_expect_eq (root_link (&process.root, ROOT_PREVIOUS, found), ROOT_E_NONE);
    cr_expect_eq (journal_count (ROOT_PREVIOUS), 0);
}

Test (stable, what_the_launcher_restored_is_reported_once)
{
    const char *reason;
    struct root_outcome note = {.cause = ROOT_CAUSE_LOST, .workspace = RUNNING, .text = "stable was missing"};
    cr_assert_eq (root_repaired_write (&process.root, &note, NULL), 0);
    node_stable_resume (&app);
    node_stable_resume (&app);
    cr_expect_eq (journal_count (ROOT_STABLE), 1);
    cr_expect_eq (journal_last (ROOT_STABLE, &reason), WIRE_OUTCOME_PASSED);
    cr_expect (strstr (reason, "stable was missing"), "%s", reason);
    cr_expect_null (app.order_state.last_error);
}

Test (stable, a_damaged_version_that_the_launcher_left_is_the_last_error)
{
    const char *reason;
    struct root_outcome note = {
        .cause = ROOT_CAUSE_DAMAGED, .workspace = BEFORE, .text = "noded does not match its manifest"};
    cr_assert_eq (root_repaired_write (&process.root, &note, NULL), 0);
    node_stable_resume (&app);
    cr_expect_eq (journal_last (ROOT_STABLE, &reason), WIRE_OUTCOME_ROLLED_BACK);
    cr_expect (strstr (reason, "rolled back to " RUNNING), "%s", reason);
    cr_assert_not_null (app.order_state.last_error);
    cr_expect_str_eq (app.order_state.last_error->version, BEFORE, "the version that is damaged");
    cr_expect_str_eq (app.order_state.last_error->transaction, "t-seal");
    struct wire_order_state kept = order_state_read ();
    cr_expect_not_null (kept.last_error);
    wire_order_state_deinit (&kept);
}
