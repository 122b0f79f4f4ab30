/*  What a version on trial does to what it would be gone back to: the version before it runs all the same, or the one
    before that, and nobody is promoted without a proof. */

#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>

#include "launcher.h"
#include "root/lock.h"
#include "root/mend.h"

TestSuite (trust, .init = launcher_begin, .fini = launcher_end, .timeout = 240);

static char zero[ROOT_NAME_SIZE];

/*  Zero ran before one, which ran before two. */
static void put_on_trial_over_two (const char *script)
{
    make ("echo zero >> $LOG", NULL, NULL, zero);
    make ("echo one >> $LOG", NULL, NULL, one);
    make (script, NULL, NULL, two);
    cr_assert_eq (root_stable_set (&root, zero, &error), 0, "%s", error.text);
    cr_assert_eq (root_switch (&root, one, &limits, &error), 0, "%s", error.text);
    cr_assert_eq (root_confirm (&root, &error), 0, "%s", error.text);
    cr_assert_eq (root_switch (&root, two, &limits, &error), 0, "%s", error.text);
}

static void expect_runs (const char *wanted, const char *log, const char *misdeed)
{
    char *found = scratch_shell ("tr '\\n' ' ' < log", NULL), *said = scratch_shell ("cat said", NULL);
    struct root_outcome outcome = {.cause = ROOT_CAUSE_NONE};
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, wanted), "%s; said: %s", misdeed, said);
    cr_expect_not (trial ().on_trial, "%s", misdeed);
    cr_expect_str_eq (found, log, "%s: %s; said: %s", misdeed, found, said);
    cr_expect_eq (root_failed_read (&root, two, &outcome), 0, "%s", misdeed);
    cr_expect_not (base_digest_is_null (&outcome.release), "%s", misdeed);
    cr_expect_eq (root_tokens_count (&root), 0, "%s", misdeed);
    cr_expect_not (scratch_exists ("root/.back"), "%s", misdeed);
    free (found);
    free (said);
}

/*  Each is done by the version on trial, in the root, with the names in $ONE and $ZERO; then it crashes. */
static void misdeeds (const char *const list[], const char *(*wanted) (void), const char *log)
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
        cr_expect_eq (run (), 0, "%s", list[i]);
        expect_runs (wanted (), log, list[i]);
        free (script);
    }
}

static const char *the_one (void)
{
    return one;
}

static const char *the_zero (void)
{
    return zero;
}

Test (trust, links_that_it_changes_do_not_promote_it)
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
    misdeeds (list, the_one, "two two one ");
}

Test (trust, modes_that_it_changes_are_put_right)
{
    static const char *const list[] = {"chmod 0644 $ONE/start $ONE/noded.sh", "chmod 0 $ONE/noded $ONE/start",
                                       "chmod 0 $ONE", "chmod 0500 . $ONE", NULL};
    misdeeds (list, the_one, "two two one ");
}

Test (trust, where_the_version_before_is_damaged_the_one_before_that_runs)
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
    misdeeds (list, the_zero, "two two zero ");
}

Test (trust, attributes_that_forbid_changes_are_taken_off)
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
    misdeeds (list, the_one, "two two one ");
}

Test (trust, a_mount_over_dev_keeps_no_version_from_starting)
{
    static const char *const list[] = {"mount -t tmpfs none /dev", NULL};
    if (unshare (CLONE_NEWNS) || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
        cr_skip_test ("this user may not mount");
    misdeeds (list, the_one, "two two one ");
}

/*  Once it is lost no second start is tried. */
Test (trust, what_takes_the_place_of_stable_gives_way)
{
    static const char *const list[] = {
        "rm stable; mkdir stable; touch stable/f; chattr -f +i stable/f stable",
        "rm stable; touch stable; chattr -f +i stable", "rm stable; mkfifo stable",
        "mkdir stable.damaged; touch stable.damaged/f; chattr -f -R +i stable.damaged; rm stable; mkdir stable",
        NULL};
    misdeeds (list, the_one, "two one ");
}

Test (trust, a_proven_version_that_takes_the_place_of_stable_is_not_on_trial)
{
    static const char *const list[] = {"rm $ONE/start; mkfifo $ONE/start; rm stable",
                                       "rm $ONE/start; mkdir $ONE/start; rm stable; mkfifo stable", NULL};
    misdeeds (list, the_zero, "two zero ");
}

Test (trust, a_version_on_trial_that_makes_a_proven_one_stable_puts_it_on_no_trial)
{
    put_on_trial_over_two ("cd $NODED_ROOT; ls -d 2*Z > $LOG.names; ln -sfnT $(sed -n 1p $LOG.names) stable;"
                           ": > $(sed -n 2p $LOG.names)/noded; exit 3");
    cr_expect_eq (run (), 3);
    cr_expect_eq (run (), 0);
    expect_log ("zero ");
    cr_expect_not (trial ().on_trial);
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, zero));
    cr_expect_eq (root_tidy (&root, NULL, &error), 0);
    make ("echo three >> $LOG", NULL, NULL, one);
    cr_expect_eq (root_switch (&root, one, &limits, &error), 0, "the next one gets through: %s", error.text);
}

Test (trust, a_file_that_is_mostly_a_hole_is_not_read)
{
    static const char *const list[] = {"truncate -s 8T $ONE/noded", "truncate -s 8T $ONE/start $ONE/noded.sh",
                                       "truncate -s 8T $ONE/manifest", NULL};
    misdeeds (list, the_zero, "two two zero ");
}

Test (trust, what_is_mounted_on_trial_is_taken_off)
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
    misdeeds (twice, the_one, "two two one ");
    misdeeds (once, the_one, "two one ");
    int status;
    free (scratch_shell ("grep -F $PWD/ /proc/self/mountinfo", &status));
    cr_expect_neq (status, 0, "nothing is mounted there any more");
}

Test (trust, its_own_start_is_not_executed_once_it_was_changed)
{
    limits.starts = 2;
    put_on_trial_over_two ("echo two >> $LOG; cd $NODED_ROOT/$NODED_WORKSPACE; rm start;"
                           "printf '#!/bin/sh\\necho evil >> $LOG\\n' > start; chmod 755 start; exit 85");
    cr_expect_eq (run (), 0);
    char *found = scratch_shell ("grep -c evil log", NULL);
    cr_expect_str_eq (found, "0");
    free (found);
    expect_runs (one, "two one ", "start replaced");
}

Test (trust, what_is_confirmed_is_marked_and_the_mark_alone_counts)
{
    put_on_trial_over_two ("echo two >> $LOG; cd $NODED_ROOT; mv -T .ok .ok.$NODED_WORKSPACE;"
                           "mv -T .back previous; rm .try.*; exit 7");
    cr_expect_eq (run (), 7);
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, two) && root_ok_is (&root, two));
    cr_expect_not (trial ().on_trial);
    cr_assert_eq (root_ok_remove (&root, two), 0);
    cr_assert_eq (root_began_remove (&root), 0);
    cr_expect (trial ().on_trial, "nothing says that it was");
    cr_expect_str_eq (trial ().back, one);
}

/*  As a version does that knows no marks: upgrades from it, and downgrades to it. */
Test (trust, a_version_that_sets_no_mark_is_confirmed_all_the_same)
{
    put_on_trial_over_two (
        "echo two >> $LOG; mv -T $NODED_ROOT/.back $NODED_ROOT/previous; rm $NODED_ROOT/.try.*;"
        "exit 7");
    cr_expect_eq (run (), 7);
    cr_expect_eq (run (), 7, "and is started as what it is from then on");
    expect_log ("two two ");
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, two) && root_ok_is (&root, two));
}

Test (trust, a_root_without_marks_gets_them_and_nobody_in_it_goes_back)
{
    make ("echo zero >> $LOG", NULL, NULL, zero);
    make_stable ("echo one >> $LOG");
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_PREVIOUS, zero, &error), 0);
    free (scratch_shell ("rm root/.ok*", NULL));
    cr_expect_eq (run (), 0);
    expect_log ("one ");
    cr_expect (root_ok_is (&root, one) && root_ok_is (&root, zero));
}

Test (trust, a_full_root_is_told_how_a_trial_ended_by_what_was_prepared)
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

Test (trust, a_lock_that_was_removed_lets_nobody_else_in)
{
    make_stable ("trap 'exit 0' TERM; echo up >> $LOG; while :; do sleep 0.02; done");
    pid_t pid = start ();
    wait_for_log ("up");
    cr_assert_eq (unlink ("root/.lock"), 0);
    cr_expect_eq (run (), ROOT_EXIT_LOCKED);
    cr_expect (root_lock_is_held (&root));
    cr_expect_eq (root_lock_signal (&root, 0), 0, "and who serves is found");
    int lock = -1;
    cr_expect_eq (root_lock_renew (&root, &lock), 0, "a manager takes what is there now");
    cr_expect_eq (root_lock_renew (&root, &lock), 0);
    cr_assert_eq (kill (pid, SIGTERM), 0);
    cr_expect_eq (finish (pid), 0);
    (void) close (lock);
    cr_expect_not (root_lock_is_held (&root));
}
