/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/start/repair.c - damaged versions and lost links

    The launcher runs an intact version, repairs the links and records the reason. */

#include <signal.h>

#include "launcher.h"

TestSuite (repair, .init = launcher_begin, .fini = launcher_end, .timeout = 240);

Test (repair, a_damaged_version_is_rolled_back_before_it_runs)
{
    version_put_on_trial ("echo two >> $LOG; exit 3");
    char *path = base_text_printf ("root/%s/envelope.json", two);
    scratch_write_text (path, "{}");
    free (path);
    cr_expect_eq (launcher_run (), 0);
    expect_log ("one ");
    expect_rolled_back (ROOT_CAUSE_CORRUPT, "envelope.json does not match the manifest");
}

static void expect_repaired (enum root_cause cause, const char *workspace)
{
    struct root_outcome note = {0};
    cr_expect_eq (root_repaired_read (&root, &note), 0);
    cr_expect_str_eq (note.workspace, workspace);
    cr_expect_eq (note.cause, cause, "%s", root_cause_word (note.cause));
    cr_expect_eq (root_repaired_remove (&root), 0);
}

static void workspace_damage (const char *name)
{
    char *path = base_text_printf ("root/%s/further", name);
    scratch_write_text (path, "");
    free (path);
}

Test (repair, previous_replaces_a_damaged_stable)
{
    version_make ("echo one >> $LOG", NULL, NULL, one);
    version_make ("echo two >> $LOG", NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, two, &error), 0);
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, one, &error), 0);
    workspace_damage (two);
    cr_expect_eq (launcher_run (), 0);
    expect_log ("one ");
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, one));
    expect_message ("WARNING");
    cr_expect_not (failed_exists (), "no trial has ended");
    cr_expect_not (scratch_exists ("root/previous"), "previous would be the same as stable");
    expect_repaired (ROOT_CAUSE_DAMAGED, two);
    struct stat status;
    cr_expect_eq (fstatat (root.fd, two, &status, 0), 0, "the damaged workspace is kept");
}

Test (repair, a_damaged_version_runs_if_there_is_no_other)
{
    version_make ("echo one >> $LOG", NULL, NULL, one);
    version_make ("echo two >> $LOG", NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, two, &error), 0);
    workspace_damage (two);
    cr_expect_eq (launcher_run (), 0);
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, one, &error), 0);
    workspace_damage (one);
    cr_expect_eq (launcher_run (), 0);
    expect_log ("two two ");
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, two));
}

Test (repair, the_launcher_of_any_workspace_runs_stable)
{
    version_make ("echo one >> $LOG", NULL, NULL, one);
    version_make ("echo two >> $LOG", NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, two, &error), 0);
    char *path = base_text_printf ("root/%s/noded.sh", one);
    cr_expect_eq (launcher_finish (launcher_start_path (path)), 0);
    expect_log ("two ");
    free (path);
}

/*  Ways to lose stable: after each of them it points to no workspace. */
static const char *const losses[] = {"rm stable", "ln -sfnT 2001-01-01T00:00:00.000000000Z stable",
                                     "ln -sfnT /etc stable", "rm stable; echo > stable",
                                     "rm stable; mkdir -p stable/x"};
enum { N_LOSSES = sizeof losses / sizeof *losses };

static pid_t launcher_start_workspace (const char *name)
{
    char *path = base_text_printf ("root/%s/noded.sh", name);
    pid_t pid = launcher_start_path (path);
    free (path);
    return pid;
}

Test (repair, the_only_workspace_replaces_an_unusable_stable)
{
    version_make ("echo one >> $LOG", NULL, NULL, one);
    for (size_t i = 0; i < N_LOSSES; i++) {
        char *command = base_text_printf ("cd root; ln -sfnT %s stable; %s", one, losses[i]);
        free (scratch_shell (command, NULL));
        cr_expect_eq (launcher_finish (launcher_start_workspace (one)), 0);
        cr_expect (workspaces_link_is (&root, ROOT_STABLE, one), "%s", losses[i]);
        expect_repaired (ROOT_CAUSE_LOST, one);
        free (command);
    }
    expect_log ("one one one one one ");
    expect_message ("WARNING");
    cr_expect (scratch_exists ("root/stable.damaged/x"));
}

Test (repair, a_version_that_loses_stable_gets_it_back_when_it_ends)
{
    version_make ("echo one >> $LOG", NULL, NULL, one);
    for (size_t i = 0; i < N_LOSSES; i++) {
        static const char *const ends[] = {"exit 3", "exit 86", "exit 85"};
        static const int statuses[] = {3, 85, 0};
        char *script = base_text_printf ("[ -e $LOG ] && { echo again >> $LOG; exit 0; }; echo two >> $LOG;"
                                         "cd $NODED_ROOT; %s; %s",
                                         losses[i], ends[i % 3]);
        version_make (script, NULL, NULL, two);
        cr_assert_eq (root_stable_set (&root, two, &error), 0);
        cr_expect_eq (launcher_run (), statuses[i % 3], "%s", script);
        cr_expect (workspaces_link_is (&root, ROOT_STABLE, two), "%s", losses[i]);
        expect_repaired (ROOT_CAUSE_LOST, two);
        expect_log (i % 3 == 2 ? "two again " : "two ");
        cr_assert_eq (unlink ("log"), 0);
        free (script);
    }
}

Test (repair, a_lost_stable_is_restored_after_a_stop)
{
    version_make ("trap 'exit 0' TERM; echo two >> $LOG; rm $NODED_ROOT/stable; " SHELL_STAYS, NULL, NULL,
                  two);
    cr_assert_eq (root_stable_set (&root, two, &error), 0);
    pid_t pid = launcher_start ();
    wait_for_log ("two");
    cr_assert_eq (kill (pid, SIGTERM), 0);
    cr_expect_eq (launcher_finish (pid), 0);
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, two));
}

Test (repair, a_damaged_version_that_loses_stable_is_replaced_by_previous)
{
    version_make ("echo one >> $LOG", NULL, NULL, one);
    version_make ("echo two >> $LOG; cd $NODED_ROOT; rm stable; echo > $NODED_WORKSPACE/further; exit 3",
                  NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, two, &error), 0);
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, one, &error), 0);
    cr_expect_eq (launcher_run (), 3);
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, one));
    expect_repaired (ROOT_CAUSE_LOST, one);
}

Test (repair, an_unproven_workspace_never_becomes_stable)
{
    version_make ("echo one >> $LOG", NULL, NULL, one);
    version_make ("echo two >> $LOG; " SHELL_STAYS, NULL, NULL, two);
    pid_t pid = launcher_start_workspace (two);
    wait_for_log ("two");
    cr_assert_eq (kill (pid, SIGTERM), 0);
    (void) launcher_finish (pid);
    cr_expect_not (scratch_exists ("root/stable"), "two runs only because there is no other version");
    expect_message ("ln -sfnT WORKSPACE");
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, one, &error), 0);
    cr_expect_eq (launcher_finish (launcher_start_workspace (two)), 0);
    expect_log ("two one ");
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, one));
}

Test (repair, removing_stable_on_trial_fails_the_trial)
{
    for (size_t i = 0; i < 2; i++) { /* only two of them, since each takes several seconds */
        char *script = base_text_printf ("echo two >> $LOG; cd $NODED_ROOT; %s; " SHELL_STAYS, losses[i]);
        version_put_on_trial (script);
        cr_expect_eq (launcher_run (), 0, "%s", losses[i]);
        expect_log ("two one ");
        expect_rolled_back (ROOT_CAUSE_LOST, "stable");
        cr_expect_eq (trial_read ().tokens, 0);
        cr_expect_not (scratch_exists ("root/var/repaired"), "the outcome of the trial says it");
        cr_assert_eq (unlink ("log"), 0);
        free (script);
    }
}

Test (repair, a_crash_without_stable_is_still_a_crash)
{
    version_put_on_trial ("echo two >> $LOG; rm $NODED_ROOT/stable; exit 3");
    cr_expect_eq (launcher_run (), 0);
    expect_log ("two one ");
    expect_rolled_back (ROOT_CAUSE_CRASHED, "exited with status 3");
}

/*  The state that a release leaves if it removes files of the root. */
Test (repair, without_stable_and_back_on_trial_previous_runs)
{
    static const char *const traces[] = {
        ":", "rm .try.*", "rm .try.*; echo '{\"workspace\":\"'$NODED_WORKSPACE'\"}' > var/trial"};
    for (size_t i = 0; i < sizeof traces / sizeof *traces; i++) {
        char *script =
            base_text_printf ("echo two >> $LOG; cd $NODED_ROOT; rm stable .back; %s; exit 3", traces[i]);
        version_put_on_trial (script);
        cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, one, &error), 0);
        cr_expect_eq (launcher_run (), 0, "%s", traces[i]);
        cr_expect (workspaces_link_is (&root, ROOT_STABLE, one), "%s", traces[i]);
        expect_log ("two one ");
        cr_assert_eq (unlink ("log"), 0);
        free (script);
    }
}

Test (repair, a_version_with_unusable_start_files_is_rolled_back)
{
    version_put_on_trial ("echo two >> $LOG");
    char *command = base_text_printf ("cd root/%s; chmod 644 noded.sh start", two);
    free (scratch_shell (command, NULL));
    free (command);
    char *path = base_text_printf ("root/%s/noded.sh", one);
    cr_expect_eq (launcher_finish (launcher_start_path (path)), 0);
    free (path);
    expect_log ("one ");
    expect_rolled_back (ROOT_CAUSE_DAMAGED, "start files");
}

Test (repair, a_stale_back_link_is_removed)
{
    version_make_stable ("echo one >> $LOG");
    cr_assert_eq (symlink (one, "root/.back"), 0);
    cr_expect_eq (launcher_run (), 0);
    cr_expect_not (scratch_exists ("root/.back"));
    expect_log ("one ");
}

Test (repair, a_rollback_to_a_missing_workspace_is_not_made)
{
    limits.starts = 1;
    version_put_on_trial ("echo two >> $LOG; exit 3");
    char *command = base_text_printf ("rm -r root/%s", one);
    free (scratch_shell (command, NULL));
    free (command);
    cr_expect_eq (launcher_run (), 3);
    expect_log ("two two ");
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, two), "a version that fails is better than none");
    expect_message ("cannot roll back");
}

Test (repair, a_damaged_var_does_not_prevent_a_rollback)
{
    static const char *const damages[] = {"rm -r var", "rm -r var; touch var",
                                          "mkdir var/outcome; touch var/outcome/x",
                                          "rm -r var; ln -s /nowhere var"};
    limits.starts = 1;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        version_put_on_trial ("exit 3");
        char *command = base_text_printf ("cd root; %s", damages[i]);
        free (scratch_shell (command, NULL));
        free (command);
        cr_expect_eq (launcher_run (), 0, "%s", damages[i]);
        cr_expect (workspaces_link_is (&root, ROOT_STABLE, one), "%s", damages[i]);
        free (scratch_shell ("cd root; rm -rf var; mkdir var", NULL));
    }
}
