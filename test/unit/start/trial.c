/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/start/trial.c - a trial ends, whatever the version does to its launcher and its records */

#include <signal.h>

#include "launcher.h"
#include "root/spent.h"

TestSuite (trial, .init = launcher_begin, .fini = launcher_end, .timeout = 240);

/*  After 12 starts without a rollback the version confirms itself, so that the test fails instead of
    hanging. */
#define CONFIRM_AFTER_12_STARTS                                                                              \
    "[ $(wc -l < $LOG) -le 12 ] || { mv -T $NODED_ROOT/.back $NODED_ROOT/previous; exit 7; };"

static void expect_failed (const char *what, const char *script, enum root_cause cause, const char *text)
{
    limits.starts = 2;
    version_put_on_trial (script);
    cr_expect_eq (launcher_run (), 0, "%s", what);
    cr_log_info ("%s", what);
    expect_log ("two two one ");
    expect_rolled_back (cause, text);
    cr_expect_not (scratch_exists ("root/.trial"), "%s", what);
    (void) unlink ("log");
}

Test (trial, a_version_that_sends_its_launcher_a_stop_signal_fails)
{
    static const char *const ways[] = {
        "kill -TERM $L",
        "kill -INT $L",
        "sh -c 'kill -TERM $0; exec sleep 100' $L &",
        "(setsid sh -c 'kill -TERM $0; exec sleep 100' $L &)",
        "(setsid sh -c 'while kill -TERM $0; do sleep 0.01; done' $L &)",
        "kill -TERM $L; exit 85",
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char *script = base_text_printf ("echo two >> $LOG; L=$PPID; %s\n" SHELL_STAYS, ways[i]);
        expect_failed (ways[i], script, ROOT_CAUSE_CRASHED, "sent its launcher a signal to stop");
        free (script);
    }
}

Test (trial, a_signal_to_the_group_of_a_version_does_not_reach_its_launcher)
{
    static const char *const ways[] = {"kill -TERM 0", "sh -c 'kill -TERM 0'", "(kill -TERM 0)&"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char *script = base_text_printf ("echo two >> $LOG; %s\n" SHELL_STAYS, ways[i]);
        expect_failed (ways[i], script, ROOT_CAUSE_CRASHED, "signal 15");
        free (script);
    }
}

Test (trial, a_version_that_requests_a_restart_on_trial_fails)
{
    expect_failed ("85", "echo two >> $LOG; exit 85", ROOT_CAUSE_CRASHED, "exited with status 85");
    expect_failed ("86", "echo two >> $LOG; exit 86", ROOT_CAUSE_CRASHED, "exited with status 86");
}

Test (trial, changed_records_do_not_change_the_number_of_starts)
{
    static const char *const ways[] = {
        "for i in 1 2 3 4 5 6 7 8 9; do echo 'starts 9' > .try.$i; done",
        "printf 'starts 9\\nready_ms 604800000\\nconfirm_ms 604800000\\npause_ms 604800000\\n' > .try.9",
        "rm -f .try.*; mkdir -p .try.1/x",
        "mkdir -p .try.9/x",
        "ln -sf /dev/zero .try.9",
        "mkfifo .try.9",
        "rm .trial",
        "rm .trial; mkdir -p .trial/x",
        "rm .trial; mkfifo .trial",
        "ln -sf /dev/zero .trial",
        "ln -sf /etc/passwd .trial",
        "ln -sf .trial .trial",
        ": > .trial",
        "dd if=/dev/urandom of=.trial bs=5000 count=1",
        "sed -i 's/^spent_ms.*/spent_ms -1/; s/^returned.*/returned -99/' .trial",
        "sed -i 's/^spent_ms.*/spent_ms 99999999999999999999/' .trial",
        "sed -i 's/^workspace.*/workspace 2001-01-01T00:00:00.000000000Z/' .trial",
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char *script = base_text_printf (
            "echo two >> $LOG; " CONFIRM_AFTER_12_STARTS "cd $NODED_ROOT; %s 2>/dev/null; exit 3", ways[i]);
        expect_failed (ways[i], script, ROOT_CAUSE_CRASHED, "exited with status 3");
        free (script);
    }
}

/*  Each start lasts for 0.6 s, so that the third exceeds the deadline. */
Test (trial, the_confirm_deadline_covers_all_starts)
{
    limits.starts = 9;
    limits.confirm_ms = 1500;
    version_put_on_trial ("echo two >> $LOG; echo ready > /proc/$$/fd/$NODED_LAUNCHER; sleep 0.6; exit 3");
    cr_expect_eq (launcher_run (), 0);
    char *found = scratch_shell ("grep -c two log", NULL);
    cr_expect_leq (strtol (found, NULL, 10), 3, "it was started %s times", found);
    free (found);
    expect_rolled_back (ROOT_CAUSE_CRASHED, "exited with status 3");
}

static struct root_spent spent_read (void)
{
    struct root_spent found = {.returned = 99};
    cr_expect_eq (root_spent_read (&root, two, &found), 0);
    return found;
}

static void stop_a_start (void)
{
    pid_t pid = launcher_start ();
    wait_for_log ("two");
    cr_assert_eq (kill (pid, SIGTERM), 0);
    cr_expect_eq (launcher_finish (pid), 0);
    cr_assert_eq (unlink ("log"), 0);
}

static const char waits[] = "trap 'exit 0' TERM; echo two >> $LOG; " SHELL_STAYS;

Test (trial, a_version_stopped_a_third_time_is_rolled_back_and_not_blamed)
{
    char text[BASE_DIGEST_TEXT], stable[ROOT_NAME_SIZE];
    base_cleanup (wire_installed_deinit) struct wire_installed installed = {.envelope = NULL};
    version_put_on_trial (waits);
    cr_assert_eq (root_link (&root, ROOT_STABLE, stable), 0);
    cr_assert_eq (root_workspace_read (&root, stable, &installed, &error), 0, "%s", error.text);
    cr_expect_str_eq (spent_read ().release, base_digest_format (&installed.release, text));
    for (unsigned i = 1; i <= 2; i++) {
        stop_a_start ();
        cr_expect (trial_read ().on_trial);
        cr_expect_eq (trial_read ().tokens, 3);
        cr_expect_eq (spent_read ().returned, i);
        cr_expect_gt (spent_read ().spent_ms, 0);
        cr_expect_str_eq (spent_read ().release, text);
        cr_expect_gt (strlen (spent_read ().boot), 30);
    }
    stop_a_start ();
    expect_rolled_back (ROOT_CAUSE_STOPPED, "it was stopped more than");
    cr_expect_eq (launcher_run (), 0);
    expect_log ("one ");
}

Test (trial, time_counted_by_earlier_launchers_counts)
{
    static const char *const boots[] = {"", "11111111-2222-3333-4444-555555555555"};
    for (size_t i = 0; i < sizeof boots / sizeof *boots; i++) {
        version_put_on_trial (waits);
        struct root_spent before = spent_read ();
        before.spent_ms = limits.confirm_ms;
        (void) snprintf (before.boot, sizeof before.boot, "%s", boots[i]);
        cr_assert_eq (root_spent_write (&root, &before, &error), 0);
        cr_expect_eq (launcher_run (), 0);
        expect_log ("one ");
        expect_rolled_back (ROOT_CAUSE_UNCONFIRMED, "used up the time");
        cr_assert_eq (unlink ("log"), 0);
    }
}

Test (trial, without_a_valid_record_no_start_is_returned)
{
    static const char *const ways[] = {"rm .trial", "echo returned -1 > .trial", "rm .trial; mkdir .trial"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char *command = base_text_printf ("cd root; %s", ways[i]);
        version_put_on_trial (waits);
        free (scratch_shell (command, NULL));
        free (command);
        stop_a_start ();
        expect_rolled_back (ROOT_CAUSE_STOPPED, "it was stopped more than");
    }
}

Test (trial, a_suspended_version_receives_the_stop_signal)
{
    version_make_stable (
        "trap 'exit 5' TERM; (" SHELL_UNTIL ("grep -q T /proc/$$/stat") "; echo still >> $LOG) &\n"
                                                                        "kill -STOP $$; " SHELL_STAYS);
    pid_t pid = launcher_start ();
    wait_for_log ("still");
    cr_assert_eq (kill (pid, SIGTERM), 0);
    cr_expect_eq (launcher_finish (pid), 5);
}
