/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/start/trust.c - a version on trial damages what a rollback needs

    The version before it runs, or the one before that. No version becomes stable without proof. */

#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>

#include "launcher.h"
#include "root/lock.h"
#include "root/links.h"

TestSuite (trust, .init = launcher_begin, .fini = launcher_end, .timeout = 240);

static char zero[ROOT_NAME_SIZE];

/*  two is on trial, one was stable before it, zero before one. */
static void put_on_trial_over_two (const char *script)
{
    version_make ("echo zero >> $LOG", NULL, NULL, zero);
    version_make ("echo one >> $LOG", NULL, NULL, one);
    version_make (script, NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, zero, &error), 0, "%s", error.text);
    cr_assert_eq (root_switch (&root, one, &limits, &error), 0, "%s", error.text);
    cr_assert_eq (root_confirm (&root, &error), 0, "%s", error.text);
    cr_assert_eq (root_switch (&root, two, &limits, &error), 0, "%s", error.text);
}

static void expect_runs (const char *wanted, const char *log, const char *misdeed)
{
    char *found = scratch_shell ("tr '\\n' ' ' < log", NULL), *said = scratch_shell ("cat said", NULL);
    struct root_outcome outcome = {.cause = ROOT_CAUSE_NONE};
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, wanted), "%s; the launcher printed: %s", misdeed,
               said);
    cr_expect_not (trial_read ().on_trial, "%s", misdeed);
    cr_expect_str_eq (found, log, "%s: %s; the launcher printed: %s", misdeed, found, said);
    cr_expect_eq (root_failed_read (&root, two, &outcome), 0, "%s", misdeed);
    cr_expect_not (base_digest_is_null (&outcome.release), "%s", misdeed);
    cr_expect_eq (root_tokens_count (&root), 0, "%s", misdeed);
    cr_expect_not (scratch_exists ("root/.back"), "%s", misdeed);
    free (found);
    free (said);
}

/*  For each command of the list: the version on trial runs it in the root, with the names of the workspaces
    in $ONE and $ZERO, and crashes. Then wanted () must be stable, and the log must be this one. */
static void misdeeds_run (const char *const list[], const char *(*wanted) (void), const char *log)
{
    limits.starts = 2;
    for (size_t i = 0; list[i]; i++) {
        free (scratch_shell (
            "chattr -R -i root 2>/dev/null; chmod -R u+rwx root; rm -rf root log log.names said", NULL));
        root_deinit (&root);
        root = workspaces_root (&disk_system);
        char *script =
            base_text_printf ("echo two >> $LOG; cd $NODED_ROOT; [ -e $LOG.names ] || ls -d 2*Z > $LOG.names;"
                              "ONE=$(sed -n 2p $LOG.names); ZERO=$(sed -n 1p $LOG.names);"
                              "exec 2>/dev/null; %s; exit 3",
                              list[i]);
        put_on_trial_over_two (script);
        cr_expect_eq (launcher_run (), 0, "%s", list[i]);
        expect_runs (wanted (), log, list[i]);
        free (script);
    }
}

static const char *workspace_one (void)
{
    return one;
}

static const char *workspace_zero (void)
{
    return zero;
}

Test (trust, changed_links_do_not_make_the_version_stable)
{
    static const char *const list[] = {"rm .back",
                                       "ln -sfnT $NODED_WORKSPACE .back",
                                       "ln -sfnT nonsense .back",
                                       "ln -sfnT 2001-01-01T00:00:00.000000000Z .back",
                                       "rm .back; mkdir .back",
                                       "rm .back .trial .failed",
                                       "rm .back previous .trial .failed",
                                       "rm .back .ok .ok.* .trial .failed",
                                       "ln -sfnT $ZERO .back",
                                       "rm -r var",
                                       NULL};
    misdeeds_run (list, workspace_one, "two two one ");
}

Test (trust, changed_modes_are_repaired)
{
    static const char *const list[] = {"chmod 0644 $ONE/start $ONE/noded.sh", "chmod 0 $ONE/noded $ONE/start",
                                       "chmod 0 $ONE", "chmod 0500 . $ONE", NULL};
    misdeeds_run (list, workspace_one, "two two one ");
}

Test (trust, if_the_version_before_is_damaged_the_one_before_that_runs)
{
    static const char *const list[] = {": > $ONE/start", ": > $ONE/noded", "rm $ONE/manifest",
                                       "echo >> $ONE/manifest", "rm -r $ONE",
                                       "mv $ONE elsewhere; ln -s elsewhere $ONE", "rm -r $ONE; touch $ONE",
                                       "rm -r $ONE .back", "rm -r $ONE previous", "rm -r $ONE previous .back",
                                       /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one command */
                                       "echo 'exit 0' > $ONE/start;"
                                       "cd $ONE; find . -type f ! -name manifest | cut -c3- | LC_ALL=C sort |"
                                       " xargs sha256sum > manifest",
                                       NULL};
    misdeeds_run (list, workspace_zero, "two two zero ");
}

Test (trust, immutable_and_append_only_attributes_are_removed)
{
    static const char *const list[] = {"chattr +i .",
                                       "chattr +i .try.*",
                                       "chattr +i .try.* .failed .ok .",
                                       "chattr +i $ONE",
                                       "chattr -R +i .",
                                       "chattr -R +a .",
                                       "rm .back; mkdir -p .back/a/b; chattr -R +i .back",
                                       "rm .try.*; mkdir -p .try.1/a; chattr +i .try.1; : > .try.2",
                                       NULL};
    int status;
    free (scratch_shell ("touch probe && chattr +i probe && chattr -i probe", &status));
    if (status)
        cr_skip_test ("this file system or this user has no such attributes");
    misdeeds_run (list, workspace_one, "two two one ");
}

Test (trust, a_mount_over_dev_does_not_prevent_a_start)
{
    static const char *const list[] = {"mount -t tmpfs none /dev", NULL};
    if (unshare (CLONE_NEWNS) || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        cr_skip_test ("this user may not mount");
    misdeeds_run (list, workspace_one, "two two one ");
}

/*  If stable is lost, no second start is tried. */
Test (trust, other_files_in_place_of_stable_are_replaced)
{
    static const char *const list[] = {
        "rm stable; mkdir stable; touch stable/f; chattr -f +i stable/f stable",
        "rm stable; touch stable; chattr -f +i stable", "rm stable; mkfifo stable",
        "mkdir stable.damaged; touch stable.damaged/f; chattr -f -R +i stable.damaged; rm stable; mkdir stable",
        NULL};
    misdeeds_run (list, workspace_one, "two one ");
}

Test (trust, a_proven_version_that_replaces_stable_is_not_on_trial)
{
    static const char *const list[] = {"rm $ONE/start; mkfifo $ONE/start; rm stable",
                                       "rm $ONE/start; mkdir $ONE/start; rm stable; mkfifo stable", NULL};
    misdeeds_run (list, workspace_zero, "two zero ");
}

Test (trust, a_proven_version_made_stable_by_one_on_trial_is_not_on_trial)
{
    put_on_trial_over_two ("cd $NODED_ROOT; ls -d 2*Z > $LOG.names; ln -sfnT $(sed -n 1p $LOG.names) stable;"
                           ": > $(sed -n 2p $LOG.names)/noded; exit 3");
    cr_expect_eq (launcher_run (), 3);
    cr_expect_eq (launcher_run (), 0);
    expect_log ("zero ");
    cr_expect_not (trial_read ().on_trial);
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, zero));
    cr_expect_eq (root_tidy (&root, NULL, &error), 0);
    version_make ("echo three >> $LOG", NULL, NULL, one);
    cr_expect_eq (root_switch (&root, one, &limits, &error), 0, "the next switch succeeds: %s", error.text);
}

Test (trust, a_file_that_is_mostly_a_hole_is_not_read)
{
    static const char *const list[] = {"truncate -s 8T $ONE/noded", "truncate -s 8T $ONE/start $ONE/noded.sh",
                                       "truncate -s 8T $ONE/manifest", NULL};
    misdeeds_run (list, workspace_zero, "two two zero ");
}

Test (trust, mounts_made_on_trial_are_removed)
{
    static const char *const twice[] = {"mount -t tmpfs none $ONE; mount -t tmpfs none $ZERO",
                                        "mount --bind /dev/null $ONE/start",
                                        "mount --bind /dev/null .try.1; mount --bind /dev/null .try.2",
                                        "mount --bind /dev/null .failed; mount --bind /dev/null .ok",
                                        "rm .back; mkdir .back; mount -t tmpfs none .back",
                                        "rm .back; mkdir .back; mount --bind $ONE .back",
                                        "mount --bind . .; mount -o remount,bind,ro .",
                                        "mount --bind $ONE $ONE; mount -o remount,bind,noexec $ONE",
                                        "mount -t tmpfs none var",
                                        NULL};
    static const char *const once[] = {"mount -t tmpfs none $NODED_ROOT",
                                       "rm stable; mkdir stable; mount -t tmpfs none stable", NULL};
    if (unshare (CLONE_NEWNS) || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        cr_skip_test ("this user may not mount");
    misdeeds_run (twice, workspace_one, "two two one ");
    misdeeds_run (once, workspace_one, "two one ");
    int status;
    free (scratch_shell ("grep -F $PWD/ /proc/self/mountinfo", &status));
    cr_expect_neq (status, 0, "no mount is left below the root");
}

Test (trust, a_changed_launcher_is_not_executed)
{
    limits.starts = 2;
    put_on_trial_over_two ("echo two >> $LOG; cd $NODED_ROOT/$NODED_WORKSPACE; rm start;"
                           "printf '#!/bin/sh\\necho evil >> $LOG\\n' > start; chmod 755 start; exit 85");
    cr_expect_eq (launcher_run (), 0);
    char *found = scratch_shell ("grep -c evil log", NULL);
    cr_expect_str_eq (found, "0");
    free (found);
    expect_runs (one, "two one ", "start replaced");
}

Test (trust, a_confirmed_version_is_marked_and_only_the_mark_counts)
{
    put_on_trial_over_two ("echo two >> $LOG; cd $NODED_ROOT; mv -T .ok .ok.$NODED_WORKSPACE;"
                           "mv -T .back previous; rm .try.*; exit 7");
    cr_expect_eq (launcher_run (), 7);
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, two) && root_ok_is (&root, two));
    cr_expect_not (trial_read ().on_trial);
    cr_assert_eq (root_ok_remove (&root, two), 0);
    cr_assert_eq (root_began_remove (&root), 0);
    cr_expect (trial_read ().on_trial, "no mark says that two was confirmed");
    cr_expect_str_eq (trial_read ().back, one);
}

/*  A version that knows no marks confirms itself so: in an upgrade from it and in a downgrade to it. */
Test (trust, a_version_that_sets_no_mark_is_still_confirmed)
{
    put_on_trial_over_two (
        "echo two >> $LOG; mv -T $NODED_ROOT/.back $NODED_ROOT/previous; rm $NODED_ROOT/.try.*;"
        "exit 7");
    cr_expect_eq (launcher_run (), 7);
    cr_expect_eq (launcher_run (), 7, "the second start is not on trial");
    expect_log ("two two ");
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, two) && root_ok_is (&root, two));
}

Test (trust, a_root_without_marks_gets_them_without_a_rollback)
{
    version_make ("echo zero >> $LOG", NULL, NULL, zero);
    version_make_stable ("echo one >> $LOG");
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, zero, &error), 0);
    free (scratch_shell ("rm root/.ok*", NULL));
    cr_expect_eq (launcher_run (), 0);
    expect_log ("one ");
    cr_expect (root_ok_is (&root, one) && root_ok_is (&root, zero));
}

Test (trust, the_prepared_file_is_a_valid_note_of_a_failed_trial)
{
    struct root_outcome outcome;
    struct root_began began;
    put_on_trial_over_two ("exit 3");
    cr_assert_eq (root_began_read (&root, &began), 0);
    cr_expect_str_eq (began.back, one);
    char *command = base_text_printf ("mv -T root/.failed root/.failed.%s", two);
    free (scratch_shell (command, NULL));
    cr_expect_eq (root_failed_read (&root, two, &outcome), 0);
    cr_expect_eq (outcome.cause, ROOT_CAUSE_INTERRUPTED);
    cr_expect_not (base_digest_is_null (&outcome.release));
    free (command);
}

Test (trust, removing_the_lock_file_does_not_release_the_lock)
{
    version_make_stable ("trap 'exit 0' TERM; echo up >> $LOG; " SHELL_STAYS);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    cr_assert_eq (unlink ("root/.lock"), 0);
    cr_expect_eq (launcher_run (), ROOT_EXIT_LOCKED);
    cr_expect (root_lock_is_held (&root));
    cr_expect_eq (root_lock_signal (&root, 0), 0, "the launcher that serves the root is found");
    int lock = -1;
    cr_expect_eq (root_lock_renew (&root, &lock), 0, "a manager takes the new lock file");
    cr_expect_eq (root_lock_renew (&root, &lock), 0);
    cr_assert_eq (kill (pid, SIGTERM), 0);
    cr_expect_eq (launcher_finish (pid), 0);
    (void) close (lock);
    cr_expect_not (root_lock_is_held (&root));
}
