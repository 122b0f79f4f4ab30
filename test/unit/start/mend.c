/*  What the launcher finds damaged or lost: it goes on with what is whole, puts the links right, and notes why. */

#include <signal.h>

#include "launcher.h"

TestSuite (mend, .init = launcher_begin, .fini = launcher_end, .timeout = 240);

Test (mend, damaged_files_end_a_trial_before_they_run)
{
    put_on_trial ("echo two >> $LOG; exit 3");
    char *path = base_text_printf ("root/%s/envelope.json", two);
    scratch_write_text (path, "{}");
    free (path);
    cr_expect_eq (run (), 0);
    expect_log ("one ");
    expect_gone_back (ROOT_CAUSE_ROTTEN, "envelope.json does not fit the manifest");
}

static void expect_mended (enum root_cause cause, const char *workspace)
{
    struct root_outcome note = {0};
    cr_expect_eq (root_mended_read (&root, &note), 0);
    cr_expect_str_eq (note.workspace, workspace);
    cr_expect_eq (note.cause, cause, "%s", root_cause_word (note.cause));
    cr_expect_eq (root_mended_remove (&root), 0);
}

static void damage (const char *name)
{
    char *path = base_text_printf ("root/%s/further", name);
    scratch_write_text (path, "");
    free (path);
}

Test (mend, previous_takes_the_place_of_a_damaged_stable)
{
    make ("echo one >> $LOG", NULL, NULL, one);
    make ("echo two >> $LOG", NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, two, &error), 0);
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, one, &error), 0);
    damage (two);
    cr_expect_eq (run (), 0);
    expect_log ("one ");
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, one));
    expect_said ("WARNING");
    cr_expect_not (failed_any (), "no trial has ended");
    cr_expect_not (scratch_exists ("root/previous"), "a revert would not lead to what runs");
    expect_mended (ROOT_CAUSE_DAMAGED, two);
    struct stat status;
    cr_expect_eq (fstatat (root.fd, two, &status, 0), 0, "the damaged one is kept");
}

Test (mend, a_damaged_version_runs_where_there_is_no_other)
{
    make ("echo one >> $LOG", NULL, NULL, one);
    make ("echo two >> $LOG", NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, two, &error), 0);
    damage (two);
    cr_expect_eq (run (), 0);
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, one, &error), 0);
    damage (one);
    cr_expect_eq (run (), 0);
    expect_log ("two two ");
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, two));
}

Test (mend, whichever_workspace_is_called_stable_is_what_runs)
{
    make ("echo one >> $LOG", NULL, NULL, one);
    make ("echo two >> $LOG", NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, two, &error), 0);
    char *path = base_text_printf ("root/%s/noded.sh", one);
    cr_expect_eq (finish (start_path (path)), 0);
    expect_log ("two ");
    free (path);
}

/*  What may become of a link: each time stable leads nowhere. */
static const char *const losses[] = {"rm stable", "ln -sfnT 2001-01-01T00:00:00.000000000Z stable",
                                     "ln -sfnT /etc stable", "rm stable; echo > stable",
                                     "rm stable; mkdir -p stable/x"};
enum { N_LOSSES = sizeof losses / sizeof *losses };

static pid_t start_workspace (const char *name)
{
    char *path = base_text_printf ("root/%s/noded.sh", name);
    pid_t pid = start_path (path);
    free (path);
    return pid;
}

Test (mend, without_a_usable_stable_the_only_workspace_becomes_it_again)
{
    make ("echo one >> $LOG", NULL, NULL, one);
    for (size_t i = 0; i < N_LOSSES; i++) {
        char *command = base_text_printf ("cd root; ln -sfnT %s stable; %s", one, losses[i]);
        free (scratch_shell (command, NULL));
        cr_expect_eq (finish (start_workspace (one)), 0);
        cr_expect (workspaces_link_is (&root, ROOT_STABLE, one), "%s", losses[i]);
        expect_mended (ROOT_CAUSE_LOST, one);
        free (command);
    }
    expect_log ("one one one one one ");
    expect_said ("WARNING");
    cr_expect (scratch_exists ("root/stable.damaged/x"));
}

Test (mend, a_version_that_was_stable_has_it_again_before_init_is_to_start_it)
{
    make ("echo one >> $LOG", NULL, NULL, one);
    for (size_t i = 0; i < N_LOSSES; i++) {
        static const char *const ends[] = {"exit 3", "exit 86", "exit 85"};
        static const int statuses[] = {3, 85, 0};
        char *script = base_text_printf ("[ -e $LOG ] && { echo again >> $LOG; exit 0; }; echo two >> $LOG;"
                                         "cd $NODED_ROOT; %s; %s",
                                         losses[i], ends[i % 3]);
        make (script, NULL, NULL, two);
        cr_assert_eq (root_stable_set (&root, two, &error), 0);
        cr_expect_eq (run (), statuses[i % 3], "%s", script);
        cr_expect (workspaces_link_is (&root, ROOT_STABLE, two), "%s", losses[i]);
        expect_mended (ROOT_CAUSE_LOST, two);
        expect_log (i % 3 == 2 ? "two again " : "two ");
        cr_assert_eq (unlink ("log"), 0);
        free (script);
    }
}

Test (mend, a_version_that_is_told_to_stop_leaves_a_stable_behind)
{
    make ("trap 'exit 0' TERM; echo two >> $LOG; rm $NODED_ROOT/stable; while :; do sleep 0.02; done", NULL,
          NULL, two);
    cr_assert_eq (root_stable_set (&root, two, &error), 0);
    pid_t pid = start ();
    wait_for_log ("two");
    cr_assert_eq (kill (pid, SIGTERM), 0);
    cr_expect_eq (finish (pid), 0);
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, two));
}

Test (mend, a_rotten_version_that_lost_stable_leaves_it_to_the_previous_one)
{
    make ("echo one >> $LOG", NULL, NULL, one);
    make ("echo two >> $LOG; cd $NODED_ROOT; rm stable; echo > $NODED_WORKSPACE/further; exit 3", NULL, NULL,
          two);
    cr_assert_eq (root_stable_set (&root, two, &error), 0);
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, one, &error), 0);
    cr_expect_eq (run (), 3);
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, one));
    expect_mended (ROOT_CAUSE_LOST, one);
}

Test (mend, a_workspace_that_nobody_knows_to_be_proven_never_becomes_stable)
{
    make ("echo one >> $LOG", NULL, NULL, one);
    make ("echo two >> $LOG; while :; do sleep 0.02; done", NULL, NULL, two);
    pid_t pid = start_workspace (two);
    wait_for_log ("two");
    cr_assert_eq (kill (pid, SIGTERM), 0);
    (void) finish (pid);
    cr_expect_not (scratch_exists ("root/stable"), "it runs, since there is nothing else");
    expect_said ("ln -sfnT WORKSPACE");
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, one, &error), 0);
    cr_expect_eq (finish (start_workspace (two)), 0);
    expect_log ("two one ");
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, one));
}

Test (mend, whoever_takes_stable_away_on_trial_ends_the_trial)
{
    for (size_t i = 0; i < 2; i++) { /* each takes its seconds */
        char *script = base_text_printf ("echo two >> $LOG; cd $NODED_ROOT; %s; while :; do sleep 0.02; done",
                                         losses[i]);
        put_on_trial (script);
        cr_expect_eq (run (), 0, "%s", losses[i]);
        expect_log ("two one ");
        expect_gone_back (ROOT_CAUSE_LOST, "stable");
        cr_expect_eq (trial ().tokens, 0);
        cr_expect_not (scratch_exists ("root/var/mended"), "the outcome tells it");
        cr_assert_eq (unlink ("log"), 0);
        free (script);
    }
}

Test (mend, a_crash_on_trial_is_a_crash_without_stable_too)
{
    put_on_trial ("echo two >> $LOG; rm $NODED_ROOT/stable; exit 3");
    cr_expect_eq (run (), 0);
    expect_log ("two one ");
    expect_gone_back (ROOT_CAUSE_CRASHED, "exited with status 3");
}

/*  As a release may leave it that removes what it finds. */
Test (mend, on_trial_without_stable_and_way_back_previous_runs)
{
    static const char *const traces[] = {
        ":", "rm .try.*", "rm .try.*; echo '{\"workspace\":\"'$NODED_WORKSPACE'\"}' > var/trial"};
    for (size_t i = 0; i < sizeof traces / sizeof *traces; i++) {
        char *script =
            base_text_printf ("echo two >> $LOG; cd $NODED_ROOT; rm stable .back; %s; exit 3", traces[i]);
        put_on_trial (script);
        cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, one, &error), 0);
        cr_expect_eq (run (), 0, "%s", traces[i]);
        cr_expect (workspaces_link_is (&root, ROOT_STABLE, one), "%s", traces[i]);
        expect_log ("two one ");
        cr_assert_eq (unlink ("log"), 0);
        free (script);
    }
}

Test (mend, a_candidate_whose_start_files_cannot_start_is_left)
{
    put_on_trial ("echo two >> $LOG");
    char *command = base_text_printf ("cd root/%s; chmod 644 noded.sh start", two);
    free (scratch_shell (command, NULL));
    free (command);
    char *path = base_text_printf ("root/%s/noded.sh", one);
    cr_expect_eq (finish (start_path (path)), 0);
    free (path);
    expect_log ("one ");
    expect_gone_back (ROOT_CAUSE_DAMAGED, "start files");
}

Test (mend, a_stale_way_back_goes)
{
    make_stable ("echo one >> $LOG");
    cr_assert_eq (symlink (one, "root/.back"), 0);
    cr_expect_eq (run (), 0);
    cr_expect_not (scratch_exists ("root/.back"));
    expect_log ("one ");
}

Test (mend, a_way_back_that_leads_nowhere_is_not_taken)
{
    limits.starts = 1;
    put_on_trial ("echo two >> $LOG; exit 3");
    char *command = base_text_printf ("rm -r root/%s", one);
    free (scratch_shell (command, NULL));
    free (command);
    cr_expect_eq (run (), 3);
    expect_log ("two two ");
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, two), "a version that fails is better than none");
    expect_said ("cannot roll back");
}

Test (mend, nothing_in_var_keeps_it_from_going_back)
{
    static const char *const damages[] = {"rm -r var", "rm -r var; touch var",
                                          "mkdir var/outcome; touch var/outcome/x",
                                          "rm -r var; ln -s /nowhere var"};
    limits.starts = 1;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        put_on_trial ("exit 3");
        char *command = base_text_printf ("cd root; %s", damages[i]);
        free (scratch_shell (command, NULL));
        free (command);
        cr_expect_eq (run (), 0, "%s", damages[i]);
        cr_expect (workspaces_link_is (&root, ROOT_STABLE, one), "%s", damages[i]);
        free (scratch_shell ("cd root; rm -rf var; mkdir var", NULL));
    }
}
