/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/script.c - the steps of a rehearsal: what each requires, and who is at fault if it fails */

#include "fixture.h"

#include "base/cleanup.h"
#include "test/lib/log_lines.h"

TestSuite (script, .init = fixture_setup, .fini = fixture_teardown, .timeout = 60);

static bool is_in_scratch_root (const char *link, const char *name)
{
    return workspaces_link_is (&rehearsal.scratch.root, link, name);
}

static void link_remove (const char *link)
{
    cr_assert_eq (unlinkat (rehearsal.scratch.root.fd, link, 0), 0);
}

static void link_set (const char *link, const char *name)
{
    (void) unlinkat (rehearsal.scratch.root.fd, link, 0);
    cr_assert_eq (symlinkat (name, rehearsal.scratch.root.fd, link), 0);
}

/*  Changes a file of a workspace of the scratch root. */
static void file_change (const char *workspace, const char *file)
{
    char path[400];
    (void) snprintf (path, sizeof path, "%s/%s/%s", rehearsal.scratch.root.path, workspace, file);
    cr_assert_eq (chmod (path, 0755), 0, "%s: %m", path);
    scratch_write (path, "changed", 7, 0755);
}

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

/*  The update. */

Test (script, a_probe_that_got_other_arguments_fails)
{
    walk_to (PHASE_UPDATE);
    struct wire_ready ready = ready_of_offered (rehearsal_offer (&rehearsal)->nonce);
    ready.n_args--;
    ready_send (&ready);
    expect_failed ("update", FAULT_CANDIDATE, "it rehearsed the offered version, but its arguments");
}

Test (script, only_the_first_announcement_of_a_probe_counts)
{
    walk_to (PHASE_UPDATE);
    nested_announces ();
    struct wire_ready ready = ready_of_offered (rehearsal_offer (&rehearsal)->nonce);
    ready.n_args--;
    ready_send (&ready);
    cr_expect_eq (rehearsal.phase, PHASE_UPDATE);
}

Test (script, a_probe_of_the_first_offer_is_none_of_the_second)
{
    walk_to (PHASE_AGAIN);
    struct wire_ready ready = ready_of_offered (rehearsal.offers[0].nonce);
    ready_send (&ready);
    cr_expect_not (rehearsal.nested_ready);
}

Test (script, a_hand_over_to_another_program_fails)
{
    walk_to (PHASE_UPDATE);
    struct wire_ready ready = ready_of_offered (rehearsal.nonce);
    ready.binary.bytes[0] ^= 1;
    ready_send (&ready);
    expect_failed ("update", FAULT_CANDIDATE, "a program that was not offered");
}

Test (script, a_hand_over_with_another_environment_fails)
{
    walk_to (PHASE_UPDATE);
    struct wire_ready ready = ready_of_offered (rehearsal.nonce);
    ready.n_env--;
    ready_send (&ready);
    expect_failed ("update", FAULT_CANDIDATE, "it handed over to the offered version, but the environment");
}

Test (script, a_hand_over_without_a_rehearsal_is_late)
{
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    offered_announces ();
    expect_failed ("update", FAULT_LATE, "without having rehearsed it");
}

Test (script, a_hand_over_without_an_update_in_the_rehearsal_is_late)
{
    walk_to (PHASE_AGAIN);
    nested_announces ();
    candidate_switches ();
    offered_announces ();
    expect_failed ("hand-over", FAULT_LATE, "without having rehearsed an update with it");
}

Test (script, only_a_switch_to_the_candidate_itself_counts_as_rehearsed)
{
    struct wire_progress progress;
    walk_to (PHASE_UPDATE);
    progress = progress_of_nested ();
    progress.step = wire_state_word (WIRE_STATE_PROBING);
    progress_send (&progress);
    progress = progress_of_nested ();
    progress.binary.bytes[0] ^= 1;
    progress_send (&progress);
    progress = progress_of_nested ();
    progress.nonce = rehearsal.nonce;
    progress_send (&progress);
    cr_expect_not (rehearsal.nested_rehearsed);
    nested_rehearses ();
    cr_expect (rehearsal.nested_rehearsed);
}

/*  A hand-over whose switch the test made. */
static void hand_over_rehearsed (void)
{
    nested_announces ();
    nested_rehearses ();
    offered_announces ();
}

Test (script, a_switch_that_is_not_on_the_disk_fails)
{
    walk_to (PHASE_UPDATE);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, ".back in its root should point to");
}

Test (script, a_switch_that_leaves_no_stable_fails)
{
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    link_remove (ROOT_STABLE);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, "stable in its root is missing");
}

Test (script, a_switch_without_a_way_back_to_the_candidate_fails)
{
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    link_set (ROOT_BACK, offered);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, "but points to ");
}

Test (script, a_workspace_that_is_not_the_offer_fails)
{
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    file_change (offered, ROOT_PROGRAM);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, "that the candidate made");
}

/*  Writes the manifest of a workspace anew, so that it matches its files. */
static void manifest_write (const char *workspace)
{
    char path[400];
    base_cleanup (base_close_p) int fd = -1;
    base_cleanup (base_buffer_deinit) struct base_buffer manifest = {0};
    cr_assert_eq (root_workspace_open (&rehearsal.scratch.root, workspace, &fd), 0);
    cr_assert_eq (root_manifest_make (fd, NULL, &manifest, NULL), 0);
    (void) snprintf (path, sizeof path, "%s/%s/" ROOT_MANIFEST, rehearsal.scratch.root.path, workspace);
    (void) unlink (path);
    scratch_write (path, manifest.data, manifest.size, 0644);
}

Test (script, another_program_with_a_manifest_that_matches_it_fails)
{
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    file_change (offered, ROOT_PROGRAM);
    manifest_write (offered);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, ROOT_PROGRAM " does not match the offered file");
}

Test (script, another_file_with_a_manifest_that_matches_it_fails)
{
    char file[300];
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    (void) snprintf (file, sizeof file, ROOT_FILES "/%s",
                     rehearsal_offer (&rehearsal)->envelope.files[0].path);
    file_change (offered, file);
    manifest_write (offered);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, "does not match the offered file");
}

Test (script, a_stable_that_still_points_to_the_candidate_is_not_the_offer)
{
    walk_to (PHASE_UPDATE);
    link_set (ROOT_BACK, candidate);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, "does not match the offered file");
}

/*  The rollback, the confirmation and the revert. */

Test (script, a_candidate_that_returns_although_nothing_was_killed_fails)
{
    guard.kill_one = -ESRCH;
    walk_to (PHASE_RETURN);
    cr_expect_eq (rehearsal.killed, 0);
    offered_announces ();
    cr_expect_eq (rehearsal.killed, 0, "a process that was not killed does not count");
    start_files_roll_back ();
    candidate_announces ();
    expect_failed ("hand-over", FAULT_KILLED, "it ran again although");
}

Test (script, a_candidate_that_runs_again_without_a_rollback_fails)
{
    walk_to (PHASE_RETURN);
    candidate_announces ();
    expect_failed ("hand-over", FAULT_CANDIDATE, "stable in its root should point to");
}

Test (script, a_rollback_that_leaves_the_way_back_fails)
{
    walk_to (PHASE_RETURN);
    start_files_roll_back ();
    link_set (ROOT_BACK, candidate);
    candidate_announces ();
    expect_failed ("hand-over", FAULT_CANDIDATE, ".back in its root should not exist, but points to ");
}

Test (script, a_candidate_that_changed_its_own_workspace_fails)
{
    walk_to (PHASE_RETURN);
    start_files_roll_back ();
    file_change (candidate, ROOT_PROGRAM);
    candidate_announces ();
    expect_failed ("hand-over", FAULT_CANDIDATE, "it changed the workspace that it runs from");
}

Test (script, an_offered_version_that_is_started_twice_was_killed_by_somebody)
{
    walk_to (PHASE_CONFIRM);
    offered_announces ();
    expect_failed ("revert", FAULT_KILLED, "was started a second time");
}

Test (script, an_offered_version_that_is_started_again_for_the_revert_was_killed_by_somebody)
{
    walk_to (PHASE_REVERT);
    offered_announces ();
    expect_failed ("revert", FAULT_KILLED, "was started a second time");
}

Test (script, a_candidate_that_runs_again_without_a_revert_fails)
{
    walk_to (PHASE_REVERT);
    candidate_announces ();
    expect_failed ("revert", FAULT_CANDIDATE, "stable in its root should point to");
    cr_expect (is_in_scratch_root (ROOT_STABLE, offered));
}

/*  The stop. */

static const struct {
    struct rehearsal_guard_end end;
    enum fault fault;
    const char *words;
} stops[] = {
    {{.ended = true, .how = {.exited = true, .code = 3}}, FAULT_CANDIDATE, "ordered to stop, it exited"},
    {{.ended = true, .how = {.exited = false, .code = SIGSEGV}}, FAULT_CANDIDATE, "ordered to stop, it was"},
    {{.ended = true, .how = {.exited = false, .code = SIGKILL}}, FAULT_KILLED, "ordered to stop, it was"},
    {{.ended = true, .how = {.exited = true, .code = 128 + SIGKILL}}, FAULT_KILLED, "to stop, it exited"},
    {{.ended = true, .how = {.exited = true, .code = ROOT_EXIT_KILLED}}, FAULT_LATE, "launcher had to kill"},
    {{.ended = true, .how = {.exited = true, .code = ROOT_EXIT_LEFT}}, FAULT_CANDIDATE, "left processes"},
    {{.ended = true, .how = {.exited = true}, .left = 2}, FAULT_CANDIDATE, "it left 2 processes behind"},
    {{.ended = false}, FAULT_KILLED, "was ended together with its guard"},
};

TEST_ROWS (script, a_stop_that_is_not_clean_fails, stops)
{
    walk_to (PHASE_STOP);
    guard_ends (stops[*row].end);
    expect_failed ("stop", stops[*row].fault, stops[*row].words);
}

Test (script, a_candidate_that_ends_before_it_is_ordered_to_fails)
{
    walk_to (PHASE_UPDATE);
    guard.said = "no such file";
    guard_ends_with_status (0);
    expect_failed ("update", FAULT_CANDIDATE, "it exited with status 0; its last output: no such file");
    cr_expect_eq (guard.frees, 1);
    cr_expect_null (rehearsal.guard);
}

Test (script, a_candidate_that_this_host_cannot_start_is_not_at_fault)
{
    guard_ends (
        (struct rehearsal_guard_end){.ended = true, .how = {.exited = true, .code = 1}, .host = EMFILE});
    expect_failed ("readiness", FAULT_HOST, "cannot start it: ");
}

Test (script, a_resource_that_the_candidate_may_have_used_up_is_not_held_against_the_host)
{
    guard_ends (
        (struct rehearsal_guard_end){.ended = true, .how = {.exited = true, .code = 1}, .host = ENOSPC});
    expect_failed ("readiness", FAULT_KILLED, "cannot start it: ");
}

/*  The start files. */

static const struct {
    int code;
    enum fault fault;
} file_ends[] = {{-ETIMEDOUT, FAULT_LATE}, {-EINTR, FAULT_KILLED},
                 {-EMFILE, FAULT_HOST},    {-EIO, FAULT_HOST},
                 {-ENOSPC, FAULT_KILLED},  {-EDQUOT, FAULT_KILLED},
                 {-EAGAIN, FAULT_KILLED},  {-ENOMEM, FAULT_KILLED},
                 {-ENFILE, FAULT_KILLED},  {ROOT_E_DAMAGED, FAULT_CANDIDATE}};

TEST_ROWS (script, start_files_that_do_not_pass_fail_in_their_own_step, file_ends)
{
    walk_to (PHASE_CONFIRM);
    startcheck_ends (file_ends[*row].code, "the reason of the check");
    expect_failed ("start-files", file_ends[*row].fault, "the reason of the check");
    cr_expect_eq (guard.kills, 1, "what still runs is ended");
}

Test (script, start_files_that_cannot_be_checked_here_are_not_at_fault)
{
    startcheck.start = -EMFILE;
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    hand_over_rehearsed ();
    expect_failed ("start-files", FAULT_HOST, "its start files cannot be opened");
}

Test (script, missing_start_files_are_at_fault)
{
    startcheck.start = ROOT_E_DAMAGED;
    startcheck.fault = "noded.sh is missing";
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    hand_over_rehearsed ();
    expect_failed ("start-files", FAULT_CANDIDATE, "noded.sh is missing");
}

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

TEST_ROWS (script, every_step_has_a_deadline, deadlines)
{
    walk_to (deadlines[*row].phase);
    deadline_pass ();
    expect_failed (deadlines[*row].step, FAULT_LATE, deadlines[*row].words);
}

Test (script, the_deadline_of_a_step_does_not_end_the_next_one)
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

TEST_ROWS (script, a_late_update_says_how_far_it_came, hows)
{
    walk_to (*row % 2 ? PHASE_UPDATE : PHASE_AGAIN);
    bus_timer_cancel (rehearsal.spec.loop, rehearsal.hint_timer);
    rehearsal.hint_timer = 0;
    progress_to ((unsigned) *row);
    deadline_pass ();
    expect_failed (*row % 2 ? "update" : "hand-over", FAULT_LATE, hows[*row]);
}

Test (script, a_stopped_guard_is_the_cause_of_a_missed_deadline)
{
    config.rehearsal_step_ms = 20;
    rehearsal_enter (&rehearsal, PHASE_READY);
    guard.stopped = 77;
    while (rehearsal.phase != PHASE_END)
        loop_run_ms (20);
    expect_failed ("readiness", FAULT_KILLED, "its guard was stopped (pid 77, by SIGSTOP)");
}

Test (script, a_deadline_that_passed_while_the_host_slept_starts_again_but_not_for_ever)
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

Test (script, a_deadline_that_fires_a_little_late_is_enforced)
{
    config.rehearsal_step_ms = 20;
    rehearsal_enter (&rehearsal, PHASE_READY);
    rehearsal.due_ms -= BUS_TIMER_LATE_MS / 4;
    while (rehearsal.phase != PHASE_END && !rehearsal.times_late)
        loop_run_ms (20);
    cr_expect_eq (rehearsal.times_late, 0);
}

/*  Hints. */

Test (script, an_order_is_announced_until_the_candidate_asks)
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

Test (script, the_offered_version_gets_announcements_to_confirm_itself)
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

Test (script, the_first_failure_stays)
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

Test (script, the_result_waits_for_every_process)
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

Test (script, the_scratch_root_is_empty_before_the_result)
{
    char path[300];
    (void) snprintf (path, sizeof path, "%s", rehearsal.scratch.root.path);
    rehearsal_fail (&rehearsal, "a reason");
    run_to_the_result ();
    cr_expect_not (scratch_exists (path));
    cr_expect (rehearsal.emptied);
}

Test (script, a_process_that_cannot_be_ended_is_named_and_keeps_its_root)
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

Test (script, a_stuck_guard_of_the_start_check_is_named)
{
    walk_to (PHASE_AGAIN);
    rehearsal_fail (&rehearsal, "a reason");
    startcheck.stuck = 4712;
    run_to_the_result ();
    cr_expect (strstr (outcome.reason, "(guard: pid 4712)"), "%s", outcome.reason);
}

Test (script, a_candidate_that_changed_its_parent_fails_whatever_it_passed)
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

Test (script, an_unchanged_parent_leaves_the_result_alone)
{
    rehearsal.snapshot = &snapshot;
    walk_to (PHASE_END);
    run_to_the_result ();
    cr_expect_eq (snapshot.restores, 1);
    cr_expect (outcome.end.passed);
}

Test (script, the_output_of_a_failed_candidate_is_logged_line_by_line)
{
    log_lines_begin ();
    guard.said = "one\n\ntwo\nthree";
    rehearsal_fail (&rehearsal, "a reason");
    cr_expect_eq (log_lines_count ("output of the probe: "), 3, "%s", log_lines ());
    cr_expect_eq (log_lines_count ("output of the probe: two\n"), 1, "%s", log_lines ());
}

/*  The candidate may hand over before the hint that was due then. */
Test (script, no_hint_is_sent_after_the_end)
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
