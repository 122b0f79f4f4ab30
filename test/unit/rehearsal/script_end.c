/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/script_end.c - the deadlines of the steps, hints, and the result of a rehearsal */

#include "fixture.h"

#include "test/lib/log_lines.h"

TestSuite (script_end, .init = fixture_setup, .fini = fixture_teardown, .timeout = 60);

/*  Deadlines. */

static void loop_stop (void *context)
{
    (void) context;
    bus_loop_stop (rehearsal.spec.loop);
}

/*  Runs the loop for that time. */
static void loop_run_ms (uint64_t ms)
{
    cr_assert_gt (bus_timer_start (rehearsal.spec.loop, ms, loop_stop, NULL), 0);
    cr_assert_eq (bus_loop_run (rehearsal.spec.loop), 0);
}

/*  Lets the deadline of this phase pass. */
static void deadline_pass (void)
{
    config.rehearsal_step_ms = 20;
    rehearsal_enter (&rehearsal, rehearsal.phase);
    rehearsal.guard = NULL; /* so that the end of the rehearsal ends the loop */
    rehearsal.startcheck = NULL;
    while (!dones)
        cr_assert_eq (bus_loop_run (rehearsal.spec.loop), 0);
}

static const struct {
    enum rehearsal_phase phase;
    const char *step, *words;
} deadlines[] = {
    {PHASE_READY, "readiness", "it did not announce its readiness within 20 ms"},
    {PHASE_UPDATE, "update", "it did not switch to the offered version within 20 ms: "},
    {PHASE_RETURN, "hand-over", "it did not run again after the offered version had failed on trial"},
    {PHASE_AGAIN, "hand-over", "it did not switch to the offered version a second time"},
    {PHASE_CONFIRM, "revert", "the offered version did not confirm itself in its place"},
    {PHASE_REVERT, "revert", "it did not run again after the offered version had been reverted"},
    {PHASE_STOP, "stop", "it did not stop when ordered"},
    {PHASE_FILES, "start-files", "the test of the start files that it staged did not end"},
};

TEST_ROWS (script_end, every_step_has_a_deadline, deadlines)
{
    walk_to (deadlines[*row].phase);
    deadline_pass ();
    expect_failed (deadlines[*row].step, FAULT_LATE, deadlines[*row].words);
}

Test (script_end, the_deadline_of_a_step_does_not_end_the_next_one)
{
    uint64_t step_ms = config.rehearsal_step_ms;
    config.rehearsal_step_ms = 20;
    rehearsal_enter (&rehearsal, PHASE_READY);
    config.rehearsal_step_ms = step_ms;
    walk_to (PHASE_UPDATE);
    loop_run_ms (60);
    cr_expect_eq (rehearsal.phase, PHASE_UPDATE, "%s", rehearsal.result.reason);
    cr_expect_gt (rehearsal.due_ms, base_time_boot_ms () + step_ms / 2);
}

/*  How far an update came before its deadline. */
static void progress_to (unsigned how_far)
{
    rehearsal.hint = how_far > 0 ? rehearsal.hint : 0;
    rehearsal.asked = how_far > 1;
    rehearsal.matched = how_far > 2;
    rehearsal.nested_ready = how_far > 3;
    rehearsal.nested_rehearsed = how_far > 4;
}

static const char *const hows[] = {"it did not subscribe",
                                   "it was sent hints, but did not ask",
                                   "it asked, but did not match",
                                   "it matched, but did not start the offered version",
                                   "but did not rehearse an update with it",
                                   "it did not switch and hand over"};

TEST_ROWS (script_end, a_late_update_says_how_far_it_came, hows)
{
    walk_to (*row % 2 ? PHASE_UPDATE : PHASE_AGAIN);
    bus_timer_cancel (rehearsal.spec.loop, rehearsal.hint_timer);
    rehearsal.hint_timer = 0;
    progress_to ((unsigned) *row);
    deadline_pass ();
    expect_failed (*row % 2 ? "update" : "hand-over", FAULT_LATE, hows[*row]);
}

Test (script_end, a_stopped_guard_is_the_cause_of_a_missed_deadline)
{
    config.rehearsal_step_ms = 20;
    rehearsal_enter (&rehearsal, PHASE_READY);
    guard.stopped = 77;
    while (rehearsal.phase != PHASE_END)
        loop_run_ms (20);
    expect_failed ("readiness", FAULT_KILLED, "its guard was stopped (pid 77, by SIGSTOP)");
}

Test (script_end, a_deadline_that_passed_while_the_host_slept_starts_again_but_not_for_ever)
{
    config.rehearsal_step_ms = 20;
    rehearsal_enter (&rehearsal, PHASE_READY);
    for (unsigned i = 0; i < BUS_TIMER_LATE_TIMES; i++) {
        cr_assert_eq (rehearsal.phase, PHASE_READY, "restart %u", i);
        rehearsal.due_ms -= BUS_TIMER_LATE_MS + 5000;
        while (rehearsal.times_late == i && rehearsal.phase != PHASE_END)
            loop_run_ms (20);
    }
    cr_assert_eq (rehearsal.phase, PHASE_READY);
    rehearsal.due_ms -= BUS_TIMER_LATE_MS + 5000;
    while (rehearsal.phase != PHASE_END)
        loop_run_ms (20);
    expect_failed ("readiness", FAULT_LATE, "it did not announce its readiness");
    cr_expect_eq (rehearsal.times_late, BUS_TIMER_LATE_TIMES);
}

Test (script_end, a_deadline_that_fires_a_little_late_is_enforced)
{
    config.rehearsal_step_ms = 20;
    rehearsal_enter (&rehearsal, PHASE_READY);
    rehearsal.due_ms -= BUS_TIMER_LATE_MS / 4;
    while (rehearsal.phase != PHASE_END && !rehearsal.times_late)
        loop_run_ms (20);
    cr_expect_eq (rehearsal.times_late, 0);
}

/*  Hints. */

Test (script_end, an_order_is_announced_until_the_candidate_asks)
{
    walk_to (PHASE_UPDATE);
    uint64_t first = rehearsal.hint;
    cr_expect_eq (first, origin_sequence (rehearsal.origin), "announced at once");
    while (origin_sequence (rehearsal.origin) < first + 2)
        loop_run_ms (20);
    cr_expect_eq (rehearsal.hint, first);
    struct wire_desired desired = candidate_asks ();
    wire_desired_deinit (&desired);
    uint64_t last = origin_sequence (rehearsal.origin);
    loop_run_ms (250);
    cr_expect_eq (origin_sequence (rehearsal.origin), last, "announced although it had asked");
}

Test (script_end, the_offered_version_gets_announcements_to_confirm_itself)
{
    walk_to (PHASE_AGAIN);
    candidate_receives_the_order ();
    uint64_t last = origin_sequence (rehearsal.origin);
    nested_announces ();
    nested_rehearses ();
    candidate_switches ();
    offered_announces ();
    cr_expect_eq (rehearsal.phase, PHASE_CONFIRM);
    cr_expect_gt (origin_sequence (rehearsal.origin), last);
}

/*  The end. */

Test (script_end, the_first_failure_stays)
{
    walk_to (PHASE_UPDATE);
    candidate_announces ();
    expect_failed ("update", FAULT_KILLED, "it was restarted during the update");
    unsigned checks = guard.checks;
    guard.check = -EPERM;
    candidate_announces ();
    offered_announces ();
    rehearsal_fail (&rehearsal, "another reason");
    cr_expect_eq (guard.checks, checks, "announcements are not looked at any more");
    expect_failed ("update", FAULT_KILLED, "it was restarted during the update");
    run_to_the_result ();
    cr_expect_str_eq (outcome.reason, rehearsal.result.reason);
}

Test (script_end, the_result_waits_for_every_process)
{
    walk_to (PHASE_AGAIN);
    rehearsal_fail (&rehearsal, "a reason");
    cr_expect_eq (guard.kills, 1);
    cr_expect_eq (startcheck.ends, 1);
    guard_ends ((struct rehearsal_guard_end){.ended = true, .how = {.code = SIGKILL}});
    loop_run_ms (20);
    cr_expect_eq (dones, 0, "the check of the start files still runs");
    run_to_the_result ();
    cr_expect_str_eq (outcome.reason, "a reason", "how the processes end changes nothing");
    cr_expect_not (outcome.end.killed);
}

Test (script_end, the_scratch_root_is_empty_before_the_result)
{
    char path[300];
    (void) snprintf (path, sizeof path, "%s", rehearsal.scratch.root.path);
    rehearsal_fail (&rehearsal, "a reason");
    run_to_the_result ();
    cr_expect_not (scratch_exists (path));
    cr_expect (rehearsal.emptied);
}

Test (script_end, a_process_that_cannot_be_ended_is_named_and_keeps_its_root)
{
    walk_to (PHASE_UPDATE);
    rehearsal_fail (&rehearsal, "a reason");
    guard_ends ((struct rehearsal_guard_end){.stuck = 4711});
    while (!dones)
        cr_assert_eq (bus_loop_run (rehearsal.spec.loop), 0);
    cr_expect (strstr (outcome.reason, "a reason; its processes could not be ended (guard: pid 4711)"), "%s",
               outcome.reason);
    cr_expect (scratch_exists (rehearsal.scratch.root.path));
}

Test (script_end, a_stuck_guard_of_the_start_check_is_named)
{
    walk_to (PHASE_AGAIN);
    rehearsal_fail (&rehearsal, "a reason");
    startcheck.stuck = 4712;
    run_to_the_result ();
    cr_expect (strstr (outcome.reason, "(guard: pid 4712)"), "%s", outcome.reason);
}

Test (script_end, a_candidate_that_changed_its_parent_fails_whatever_it_passed)
{
    rehearsal.snapshot = &snapshot;
    snapshot.found = ROOT_E_DAMAGED;
    walk_to (PHASE_END);
    cr_expect (rehearsal.result.end.passed);
    run_to_the_result ();
    cr_expect_eq (snapshot.restores, 1);
    cr_expect_not (outcome.end.passed || outcome.end.killed || outcome.end.host);
    cr_expect_str_eq (outcome.step, "root");
    cr_expect_str_eq (outcome.reason, "stable was changed");
}

Test (script_end, an_unchanged_parent_leaves_the_result_alone)
{
    rehearsal.snapshot = &snapshot;
    walk_to (PHASE_END);
    run_to_the_result ();
    cr_expect_eq (snapshot.restores, 1);
    cr_expect (outcome.end.passed);
}

Test (script_end, the_output_of_a_failed_candidate_is_logged_line_by_line)
{
    log_lines_begin ();
    guard.said = "one\n\ntwo\nthree";
    rehearsal_fail (&rehearsal, "a reason");
    cr_expect_eq (log_lines_count ("output of the probe: "), 3, "%s", log_lines ());
    cr_expect_eq (log_lines_count ("output of the probe: two\n"), 1, "%s", log_lines ());
}

/*  The candidate may hand over before the hint that was due then. */
Test (script_end, no_hint_is_sent_after_the_end)
{
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    rehearsal.spec.depth = 1; /* its hand-over within 100 ms of the last hint */
    offered_announces ();
    cr_assert_eq (rehearsal.phase, PHASE_CONFIRM);
    rehearsal_fail (&rehearsal, "a reason");
    run_to_the_result ();
    loop_run_ms (250);
}
