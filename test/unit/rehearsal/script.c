/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/script.c - the steps of a rehearsal in their order, and whose announcements count */

#include "fixture.h"

TestSuite (script, .init = fixture_setup, .fini = fixture_teardown, .timeout = 60);

/*  The way through. */

Test (script, a_full_rehearsal_requires_every_step_in_this_order)
{
    static const enum rehearsal_phase order[] = {PHASE_READY, PHASE_UPDATE,  PHASE_RETURN,
                                                 PHASE_AGAIN, PHASE_CONFIRM, PHASE_REVERT,
                                                 PHASE_STOP,  PHASE_FILES,   PHASE_END};
    for (size_t i = 0; order[i] != PHASE_END; i++) {
        cr_assert_eq (rehearsal.phase, order[i], "%zu: %s, %s", i, rehearsal_phase_word (rehearsal.phase),
                      rehearsal.result.reason);
        cr_expect_not (rehearsal.result.end.passed);
        phase_pass ();
    }
    cr_expect_eq (guard.stops, 1, "it was ordered to stop");
    run_to_the_result ();
    cr_expect (outcome.end.passed, "%s: %s", outcome.step, outcome.reason);
    cr_expect_not (outcome.end.killed || outcome.end.late || outcome.end.host);
    cr_expect_str_empty (outcome.reason);
}

Test (script, a_rehearsal_of_depth_one_requires_one_update_and_the_stop)
{
    static const enum rehearsal_phase order[] = {PHASE_READY, PHASE_UPDATE, PHASE_CONFIRM, PHASE_STOP};
    rehearsal.spec.depth = 1;
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq (rehearsal.phase, order[i], "%zu: %s", i, rehearsal.result.reason);
        phase_pass ();
    }
    run_to_the_result ();
    cr_expect (outcome.end.passed, "%s: %s", outcome.step, outcome.reason);
    cr_expect_eq (startcheck.starts, 0);
}

Test (script, a_rehearsal_of_depth_one_does_not_wait_for_the_rehearsal_below_it)
{
    rehearsal.spec.depth = 1;
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    offered_announces ();
    cr_expect_eq (rehearsal.phase, PHASE_CONFIRM, "%s", rehearsal.result.reason);
}

Test (script, a_rehearsal_of_depth_zero_requires_readiness_and_the_stop)
{
    rehearsal.spec.depth = 0;
    candidate_announces ();
    cr_assert_eq (rehearsal.phase, PHASE_STOP);
    cr_expect_eq (rehearsal.order, 0, "it was ordered something");
    guard_ends_with_status (0);
    run_to_the_result ();
    cr_expect (outcome.end.passed);
}

Test (script, each_order_has_a_higher_epoch_and_begins_without_what_came_before)
{
    walk_to (PHASE_UPDATE);
    cr_expect_eq (rehearsal.order, 1);
    cr_expect_eq (rehearsal.offer, 0);
    uint64_t hint = rehearsal.hint;
    walk_to (PHASE_AGAIN);
    cr_expect_gt (rehearsal.hint, hint, "it has a hint of its own");
    cr_expect_eq (rehearsal.order, 2);
    cr_expect_eq (rehearsal.offer, 1, "the second offer is another one");
    cr_expect_not (rehearsal.asked || rehearsal.matched || rehearsal.nested_ready ||
                   rehearsal.nested_rehearsed);
    walk_to (PHASE_REVERT);
    cr_expect_eq (rehearsal.order, 3);
    cr_expect_not (rehearsal.asked);
}

Test (script, the_offered_version_is_killed_until_the_candidate_runs_again)
{
    walk_to (PHASE_RETURN);
    cr_expect_eq (guard.killed_one, 200, "at its hand-over");
    cr_expect_eq (rehearsal.killed, 1);
    for (pid_t pid = 201; pid < 204; pid++) {
        struct wire_ready ready = ready_of_offered (rehearsal.nonce);
        ready.pid = (uint64_t) pid;
        ready_send (&ready);
        cr_expect_eq (guard.killed_one, pid, "at each start");
    }
    cr_expect_eq (rehearsal.killed, 4);
    cr_expect_eq (rehearsal.phase, PHASE_RETURN);
    walk_to (PHASE_AGAIN);
}

Test (script, the_offered_version_is_not_killed_at_its_second_hand_over)
{
    walk_to (PHASE_AGAIN);
    guard.killed_one = 0;
    walk_to (PHASE_CONFIRM);
    cr_expect_eq (guard.killed_one, 0);
    cr_expect_eq (startcheck.starts, 1, "its start files are checked once");
}

Test (script, the_start_files_that_the_candidate_staged_are_checked)
{
    struct base_digest manifest;
    walk_to (PHASE_RETURN);
    cr_expect_eq (startcheck.starts, 1);
    cr_assert_eq (root_manifest_digest (&rehearsal.scratch.root, offered, &manifest), 0);
    cr_expect (base_digest_equal (&manifest, &startcheck.checked));
}

Test (script, start_files_that_pass_early_are_not_waited_for)
{
    walk_to (PHASE_AGAIN);
    startcheck_ends (0, NULL);
    cr_expect_eq (rehearsal.phase, PHASE_AGAIN, "a check that passes does not advance another step");
    walk_to (PHASE_STOP);
    guard_ends_with_status (0);
    run_to_the_result ();
    cr_expect (outcome.end.passed);
}

Test (script, the_longest_step_is_measured_and_also_the_last_one)
{
    rehearsal.entered_ms -= 5000;
    rehearsal.started_ms -= 6000;
    walk_to (PHASE_UPDATE);
    cr_expect (rehearsal.result.end.slowest_ms >= 5000 && rehearsal.result.end.slowest_ms < 6000, "%lu ms",
               (unsigned long) rehearsal.result.end.slowest_ms);
    walk_to (PHASE_FILES);
    rehearsal.entered_ms -= 7000;
    walk_to (PHASE_END);
    run_to_the_result ();
    cr_expect_geq (outcome.end.slowest_ms, 7000);
    cr_expect_geq (outcome.took_ms, 6000);
}

/*  Announcements. */

Test (script, an_announcement_with_an_unknown_nonce_is_ignored)
{
    struct wire_ready ready = ready_of_candidate ();
    ready.nonce = "another nonce";
    guard.check = -EPERM;
    ready_send (&ready);
    cr_expect_eq (rehearsal.phase, PHASE_READY);
}

Test (script, an_announcement_with_the_digest_of_another_program_fails)
{
    struct wire_ready ready = ready_of_candidate ();
    ready.binary.bytes[0] ^= 1;
    ready_send (&ready);
    expect_failed ("readiness", FAULT_CANDIDATE, "digest of another program");
}

Test (script, an_announcement_from_outside_the_guard_fails)
{
    guard.check = -EPERM;
    candidate_announces ();
    expect_failed ("readiness", FAULT_KILLED, "it is not below its guard");
}

Test (script, an_announcement_of_a_probe_outside_the_guard_fails)
{
    walk_to (PHASE_UPDATE);
    guard.check = -EPERM;
    nested_announces ();
    expect_failed ("update", FAULT_KILLED, "it is not below its guard");
}

Test (script, readiness_of_a_process_that_does_not_exist_fails)
{
    guard.check = -ESRCH;
    candidate_announces ();
    expect_failed ("readiness", FAULT_KILLED, "process 100, which does not exist");
}

Test (script, after_readiness_a_process_may_have_ended_before_its_announcement_arrives)
{
    walk_to (PHASE_UPDATE);
    guard.check = -ESRCH;
    nested_announces ();
    cr_expect (rehearsal.nested_ready);
    cr_expect_eq (rehearsal.phase, PHASE_UPDATE);
}

Test (script, a_guard_that_cannot_check_is_not_a_fault_of_the_candidate)
{
    guard.check = -EIO;
    candidate_announces ();
    cr_expect_eq (rehearsal.phase, PHASE_UPDATE);
}

static const struct {
    enum rehearsal_phase phase;
    const char *step, *words;
} restarts[] = {
    {PHASE_UPDATE, "update", "it was restarted during the update"},
    {PHASE_AGAIN, "hand-over", "it was restarted during the update"},
    {PHASE_CONFIRM, "revert", "it ran again although the version that it had handed over to did not fail"},
};

TEST_ROWS (script, a_restart_of_the_candidate_that_nobody_ordered_fails, restarts)
{
    walk_to (restarts[*row].phase);
    candidate_announces ();
    expect_failed (restarts[*row].step, FAULT_KILLED, restarts[*row].words);
}

Test (script, an_announcement_after_the_order_to_stop_means_nothing)
{
    walk_to (PHASE_STOP);
    candidate_announces ();
    offered_announces ();
    cr_expect_eq (rehearsal.phase, PHASE_STOP);
    walk_to (PHASE_FILES);
    candidate_announces ();
    offered_announces ();
    cr_expect_eq (rehearsal.phase, PHASE_FILES);
}
