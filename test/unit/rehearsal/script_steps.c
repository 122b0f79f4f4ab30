/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/script_steps.c - what each step of a rehearsal requires, and who is at fault if it fails */

#include "fixture.h"

#include "base/cleanup.h"

TestSuite (script_steps, .init = fixture_setup, .fini = fixture_teardown, .timeout = 60);

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

/*  The update. */

Test (script_steps, a_probe_that_got_other_arguments_fails)
{
    walk_to (PHASE_UPDATE);
    struct wire_ready ready = ready_of_offered (rehearsal_offer (&rehearsal)->nonce);
    ready.n_args--;
    ready_send (&ready);
    expect_failed ("update", FAULT_CANDIDATE, "it rehearsed the offered version, but its arguments");
}

Test (script_steps, only_the_first_announcement_of_a_probe_counts)
{
    walk_to (PHASE_UPDATE);
    nested_announces ();
    struct wire_ready ready = ready_of_offered (rehearsal_offer (&rehearsal)->nonce);
    ready.n_args--;
    ready_send (&ready);
    cr_expect_eq (rehearsal.phase, PHASE_UPDATE);
}

Test (script_steps, a_probe_of_the_first_offer_is_none_of_the_second)
{
    walk_to (PHASE_AGAIN);
    struct wire_ready ready = ready_of_offered (rehearsal.offers[0].nonce);
    ready_send (&ready);
    cr_expect_not (rehearsal.nested_ready);
}

Test (script_steps, a_hand_over_to_another_program_fails)
{
    walk_to (PHASE_UPDATE);
    struct wire_ready ready = ready_of_offered (rehearsal.nonce);
    ready.binary.bytes[0] ^= 1;
    ready_send (&ready);
    expect_failed ("update", FAULT_CANDIDATE, "a program that was not offered");
}

Test (script_steps, a_hand_over_with_another_environment_fails)
{
    walk_to (PHASE_UPDATE);
    struct wire_ready ready = ready_of_offered (rehearsal.nonce);
    ready.n_env--;
    ready_send (&ready);
    expect_failed ("update", FAULT_CANDIDATE, "it handed over to the offered version, but the environment");
}

Test (script_steps, a_hand_over_without_a_rehearsal_is_late)
{
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    offered_announces ();
    expect_failed ("update", FAULT_LATE, "without having rehearsed it");
}

Test (script_steps, a_hand_over_without_an_update_in_the_rehearsal_is_late)
{
    walk_to (PHASE_AGAIN);
    nested_announces ();
    candidate_switches ();
    offered_announces ();
    expect_failed ("hand-over", FAULT_LATE, "without having rehearsed an update with it");
}

Test (script_steps, only_a_switch_to_the_candidate_itself_counts_as_rehearsed)
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

Test (script_steps, a_switch_that_is_not_on_the_disk_fails)
{
    walk_to (PHASE_UPDATE);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, ".back in its root should point to");
}

Test (script_steps, a_switch_that_leaves_no_stable_fails)
{
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    link_remove (ROOT_STABLE);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, "stable in its root is missing");
}

Test (script_steps, a_switch_without_a_way_back_to_the_candidate_fails)
{
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    link_set (ROOT_BACK, offered);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, "but points to ");
}

Test (script_steps, a_workspace_that_is_not_the_offer_fails)
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

Test (script_steps, another_program_with_a_manifest_that_matches_it_fails)
{
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    file_change (offered, ROOT_PROGRAM);
    manifest_write (offered);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, ROOT_PROGRAM " does not match the offered file");
}

Test (script_steps, another_file_with_a_manifest_that_matches_it_fails)
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

Test (script_steps, a_stable_that_still_points_to_the_candidate_is_not_the_offer)
{
    walk_to (PHASE_UPDATE);
    link_set (ROOT_BACK, candidate);
    hand_over_rehearsed ();
    expect_failed ("update", FAULT_CANDIDATE, "does not match the offered file");
}

/*  The rollback, the confirmation and the revert. */

Test (script_steps, a_candidate_that_returns_although_nothing_was_killed_fails)
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

Test (script_steps, a_candidate_that_runs_again_without_a_rollback_fails)
{
    walk_to (PHASE_RETURN);
    candidate_announces ();
    expect_failed ("hand-over", FAULT_CANDIDATE, "stable in its root should point to");
}

Test (script_steps, a_rollback_that_leaves_the_way_back_fails)
{
    walk_to (PHASE_RETURN);
    start_files_roll_back ();
    link_set (ROOT_BACK, candidate);
    candidate_announces ();
    expect_failed ("hand-over", FAULT_CANDIDATE, ".back in its root should not exist, but points to ");
}

Test (script_steps, a_candidate_that_changed_its_own_workspace_fails)
{
    walk_to (PHASE_RETURN);
    start_files_roll_back ();
    file_change (candidate, ROOT_PROGRAM);
    candidate_announces ();
    expect_failed ("hand-over", FAULT_CANDIDATE, "it changed the workspace that it runs from");
}

Test (script_steps, an_offered_version_that_is_started_twice_was_killed_by_somebody)
{
    walk_to (PHASE_CONFIRM);
    offered_announces ();
    expect_failed ("revert", FAULT_KILLED, "was started a second time");
}

Test (script_steps, an_offered_version_that_is_started_again_for_the_revert_was_killed_by_somebody)
{
    walk_to (PHASE_REVERT);
    offered_announces ();
    expect_failed ("revert", FAULT_KILLED, "was started a second time");
}

Test (script_steps, a_candidate_that_runs_again_without_a_revert_fails)
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

TEST_ROWS (script_steps, a_stop_that_is_not_clean_fails, stops)
{
    walk_to (PHASE_STOP);
    guard_ends (stops[*row].end);
    expect_failed ("stop", stops[*row].fault, stops[*row].words);
}

Test (script_steps, a_candidate_that_ends_before_it_is_ordered_to_fails)
{
    walk_to (PHASE_UPDATE);
    guard.said = "no such file";
    guard_ends_with_status (0);
    expect_failed ("update", FAULT_CANDIDATE, "it exited with status 0; its last output: no such file");
    cr_expect_eq (guard.frees, 1);
    cr_expect_null (rehearsal.guard);
}

Test (script_steps, a_candidate_that_this_host_cannot_start_is_not_at_fault)
{
    guard_ends (
        (struct rehearsal_guard_end){.ended = true, .how = {.exited = true, .code = 1}, .host = EMFILE});
    expect_failed ("readiness", FAULT_HOST, "cannot start it: ");
}

Test (script_steps, a_resource_that_the_candidate_may_have_used_up_is_not_held_against_the_host)
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

TEST_ROWS (script_steps, start_files_that_do_not_pass_fail_in_their_own_step, file_ends)
{
    walk_to (PHASE_CONFIRM);
    startcheck_ends (file_ends[*row].code, "the reason of the check");
    expect_failed ("start-files", file_ends[*row].fault, "the reason of the check");
    cr_expect_eq (guard.kills, 1, "what still runs is ended");
}

Test (script_steps, start_files_that_cannot_be_checked_here_are_not_at_fault)
{
    startcheck.start = -EMFILE;
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    hand_over_rehearsed ();
    expect_failed ("start-files", FAULT_HOST, "its start files cannot be opened");
}

Test (script_steps, missing_start_files_are_at_fault)
{
    startcheck.start = ROOT_E_DAMAGED;
    startcheck.fault = "noded.sh is missing";
    walk_to (PHASE_UPDATE);
    candidate_switches ();
    hand_over_rehearsed ();
    expect_failed ("start-files", FAULT_CANDIDATE, "noded.sh is missing");
}
