/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/start/launch.c - starts of versions by the launcher: arguments, deadlines, signals, counting */

#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "launcher.h"
#include "root/lock.h"

enum { NOBODY = 65533 }; /* a user without processes */

TestSuite (launch, .init = launcher_begin, .fini = launcher_end, .timeout = 240);

Test (launch, arguments_and_environment_arrive_unchanged)
{
    const char *const *args = LIST ("", "a  b", "quote'\"$HOME`x`\\", "new\nline", "\xff\xfe");
    const char *const *env = LIST ("A.B=1", "QUOTE='\"$HOME`x`\\", "NEW\nLINE=\n", "BYTES=\xff\xfe",
                                   "EMPTY=", "FROM_INIT=changed");
    version_make (
        "cat /proc/$$/cmdline > cmdline; tr '\\000' '\\n' < /proc/$$/cmdline >> $LOG; cat /proc/$$/environ > environ;"
        "readlink /proc/$$/fd/0 > stdin; ls /proc/$$/fd > fds",
        args, env, one);
    cr_assert_eq (root_stable_set (&root, one, &error), 0);
    cr_assert_eq (setenv ("FROM_INIT", "original", 1), 0);
    cr_assert_eq (setenv ("FROM_INIT_TOO", "kept", 1), 0);
    cr_expect_eq (launcher_run (), 0);

    struct base_buffer cmdline = {0}, environment = {0};
    cr_assert_eq (disk_file_read (&disk_system, AT_FDCWD, "cmdline", 1 << 20, &cmdline), 0);
    char *path = base_text_printf ("%s/%s/noded", root.path, one);
    const char *at = (const char *) cmdline.data;
    at += strlen (at) + 1; /* the interpreter */
    cr_expect_str_eq (at, path);
    at += strlen (at) + 1;
    cr_expect_str_eq (at, "run");
    for (size_t i = 0; args[i]; i++) {
        at += strlen (at) + 1;
        cr_expect_str_eq (at, args[i]);
    }
    cr_expect_eq (at + strlen (at) + 1, (const char *) cmdline.data + cmdline.size);

    cr_assert_eq (disk_file_read (&disk_system, AT_FDCWD, "environ", 1 << 20, &environment), 0);
    char *in_root = base_text_printf ("NODED_ROOT=%s", root.path),
         *in = base_text_printf ("NODED_WORKSPACE=%s", one);
    const char *const *wanted =
        LIST (env[0], env[1], env[2], env[3], env[4], env[5], "FROM_INIT_TOO=kept", in_root, in);
    for (size_t i = 0; wanted[i]; i++) {
        unsigned seen = 0;
        for (const char *entry = (char *) environment.data;
             entry < (char *) environment.data + environment.size; entry += strlen (entry) + 1)
            seen += strcmp (entry, wanted[i]) == 0;
        cr_expect_eq (seen, 1, "%s", wanted[i]);
    }
    cr_expect (scratch_holds ("stdin", "/dev/null\n"));
    base_buffer_deinit (&cmdline);
    base_buffer_deinit (&environment);
    free (path);
    free (in_root);
    free (in);
}

Test (launch, a_version_that_crashes_on_trial_is_rolled_back_after_three_starts)
{
    version_put_on_trial ("echo two >> $LOG; exit 3");
    cr_expect_eq (launcher_run (), 0);
    expect_log ("two two two one ");
    expect_rolled_back (ROOT_CAUSE_CRASHED, "exited with status 3");
}

Test (launch, exiting_with_status_0_on_trial_is_a_crash)
{
    limits.starts = 1;
    version_put_on_trial ("echo two >> $LOG; exit 0");
    cr_expect_eq (launcher_run (), 0);
    expect_log ("two one ");
    expect_rolled_back (ROOT_CAUSE_CRASHED, "exited with status 0");
}

Test (launch, a_version_that_hangs_is_killed_and_rolled_back)
{
    limits.starts = 2;
    limits.ready_ms = load_deadline_ms (300);
    version_put_on_trial ("echo two >> $LOG; kill -STOP $$");
    cr_expect_eq (launcher_run (), 0);
    expect_log ("two two one ");
    expect_rolled_back (ROOT_CAUSE_HUNG, "not ready");
}

Test (launch, a_version_that_suspends_its_launcher_still_fails_its_trial)
{
    limits.starts = 2;
    limits.ready_ms = 300;
    version_put_on_trial ("echo two >> $LOG; kill -STOP $PPID; exit 3");
    cr_expect_eq (launcher_run (), 0);
    expect_log ("two two one ");
    expect_rolled_back (ROOT_CAUSE_CRASHED, "exited with status 3");
}

Test (launch, a_program_that_cannot_be_executed_is_a_crash)
{
    static const char *const wrong[] = {"", "no interpreter line", "#!/nowhere/interpreter\n"};
    limits.starts = 2;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        version_make ("echo one >> $LOG", NULL, NULL, one);
        workspaces_make (&root,
                         &(struct workspace_parts){
                             .program = wrong[i], .launcher = launcher, .launcher_size = launcher_size},
                         two);
        cr_assert_eq (root_stable_set (&root, one, &error), 0);
        cr_assert_eq (root_switch (&root, two, &limits, &error), 0);
        cr_expect_eq (launcher_run (), 0);
        expect_rolled_back (ROOT_CAUSE_CRASHED, "cannot execute");
    }
    expect_log ("one one one ");
}

/*  Starts the launcher as the user NOBODY, who may have this number of processes. */
static pid_t launcher_start_as_nobody (rlim_t processes)
{
    pid_t pid = fork ();
    if (pid == 0) {
        struct rlimit none = {.rlim_cur = processes, .rlim_max = processes};
        int fd = open ("said", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (dup2 (fd, 2) < 0 || setrlimit (RLIMIT_NPROC, &none) || setgid (NOBODY) || setuid (NOBODY))
            _exit (200);
        (void) setenv ("ASAN_OPTIONS", "detect_leaks=0", 1); /* LeakSanitizer starts a process itself */
        execl ("root/stable/start", "root/stable/start", (char *) NULL);
        _exit (99);
    }
    return pid;
}

Test (launch, a_host_that_cannot_start_processes_is_not_blamed_on_a_version)
{
    if (geteuid () != 0)
        cr_skip_test ("only root can start the launcher as another user");
    limits.starts = 2;
    version_put_on_trial ("echo two >> $LOG; exit 3");
    free (scratch_shell ("chmod 755 .; chown -R 65533:65533 root", NULL));
    cr_expect_eq (launcher_finish (launcher_start_as_nobody (1)), 126,
                  "the version before cannot be started either");
    cr_expect_not (scratch_exists ("log"));
    expect_rolled_back (ROOT_CAUSE_INTERRUPTED, "could not start it");
}

Test (launch, a_version_that_makes_the_root_inaccessible_is_rolled_back)
{
    if (geteuid () != 0)
        cr_skip_test ("only root can start the launcher as another user");
    limits.starts = 2;
    version_put_on_trial ("echo two >> $LOG; chmod 0 $NODED_ROOT; exit 3");
    free (scratch_shell ("touch log; chmod 666 log; chmod 755 .; chown -R 65533:65533 root", NULL));
    cr_expect_eq (launcher_finish (launcher_start_as_nobody (1000)), 0);
    expect_log ("two two one ");
    expect_rolled_back (ROOT_CAUSE_CRASHED, "exited with status 3");
}

Test (launch, a_version_that_never_confirms_is_rolled_back_after_one_start)
{
    limits.confirm_ms = load_deadline_ms (500);
    version_put_on_trial ("echo two >> $LOG; echo ready > /proc/$$/fd/$NODED_LAUNCHER; " SHELL_STAYS);
    cr_expect_eq (launcher_run (), 0);
    expect_log ("two one ");
    expect_rolled_back (ROOT_CAUSE_UNCONFIRMED, "not confirmed");
}

/*  In this test and the next two, the version sleeps for longer than the deadlines. */
Test (launch, reporting_ready_ends_the_ready_deadline)
{
    char script[512];
    limits.ready_ms = load_deadline_ms (400);
    (void) snprintf (
        script, sizeof script,
        "echo two >> $LOG; printf 'nonsense that is longer than any word the launcher knows\\nrea' > "
        "/proc/$$/fd/$NODED_LAUNCHER; echo dy > /proc/$$/fd/$NODED_LAUNCHER; sleep %u;"
        "mv -T $NODED_ROOT/.back $NODED_ROOT/previous; exit 7",
        load_factor ());
    version_put_on_trial (script);
    cr_expect_eq (launcher_run (), 7);
    expect_log ("two ");
}

Test (launch, a_confirmed_version_has_no_deadline)
{
    char script[256];
    limits.ready_ms = limits.confirm_ms = load_deadline_ms (700);
    (void) snprintf (script, sizeof script,
                     "echo two >> $LOG; mv -T $NODED_ROOT/.back $NODED_ROOT/previous;"
                     "echo confirmed > /proc/$$/fd/$NODED_LAUNCHER; sleep %u; exit 7",
                     load_factor ());
    version_put_on_trial (script);
    cr_expect_eq (launcher_run (), 7, "the exit status is passed to init");
    expect_log ("two ");
    cr_expect (workspaces_link_is (&root, ROOT_STABLE, two));
}

Test (launch, only_the_disk_decides_whether_a_version_is_confirmed)
{
    char script[256];
    limits.ready_ms = limits.confirm_ms = load_deadline_ms (700);
    (void) snprintf (script, sizeof script,
                     "echo two >> $LOG; mv -T $NODED_ROOT/.back $NODED_ROOT/previous; sleep %u; exit 7",
                     load_factor ());
    version_put_on_trial (script);
    cr_expect_eq (launcher_run (), 7, "nothing was written to the pipe");
    cr_assert_eq (root_stable_set (&root, one, &error), 0);
    version_put_on_trial (
        "echo liar >> $LOG; printf 'ready\\nconfirmed\\n' > /proc/$$/fd/$NODED_LAUNCHER; " SHELL_STAYS);
    cr_expect_eq (launcher_run (), 0);
    expect_log ("two liar one ");
    expect_rolled_back (ROOT_CAUSE_UNCONFIRMED, "not confirmed");
}

Test (launch, the_exit_status_of_a_stable_version_is_passed_to_init)
{
    static const struct {
        const char *script;
        int status;
    } cases[] = {{"exit 0", 0}, {"exit 3", 3}, {"kill -9 $$", 137}, {"kill -SEGV $$", 139}, {"exit 86", 85}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        version_make_stable (cases[i].script);
        cr_expect_eq (launcher_run (), cases[i].status, "%s", cases[i].script);
    }
}

Test (launch, a_restart_runs_stable_in_the_same_launcher_process)
{
    char *script;
    version_make ("echo two $PPID ${ONLY_ONE-clean} >> $LOG", NULL, NULL, two);
    script = base_text_printf ("echo one $PPID >> $LOG; touch $NODED_ROOT/.ok.%s; ln -s %s $NODED_ROOT/new;"
                               "mv -T $NODED_ROOT/new $NODED_ROOT/stable; exit 85",
                               two, two);
    version_make (script, NULL, LIST ("ONLY_ONE=set"), one);
    cr_assert_eq (root_stable_set (&root, one, &error), 0);
    pid_t pid = launcher_start ();
    cr_expect_eq (launcher_finish (pid), 0);
    char *wanted = base_text_printf ("one %d\ntwo %d clean\n", pid, pid), *found = scratch_read ("log");
    cr_expect_str_eq (found, wanted);
    free (wanted);
    free (found);
    free (script);
}

Test (launch, a_restart_keeps_the_lock)
{
    static const char next[] =
        "#!/bin/sh\nflock -n \"${0%/*}/../.lock\" true && echo free >> $LOG || echo held >> $LOG\n";
    workspaces_make (
        &root, &(struct workspace_parts){.program = "p", .launcher = next, .launcher_size = sizeof next - 1},
        two);
    char *script = base_text_printf ("touch $NODED_ROOT/.ok.%s; ln -s %s $NODED_ROOT/new;"
                                     "mv -T $NODED_ROOT/new $NODED_ROOT/stable; exit 85",
                                     two, two);
    version_make (script, NULL, NULL, one);
    cr_assert_eq (root_stable_set (&root, one, &error), 0);
    (void) launcher_run ();
    free (script);
    expect_log ("held ");
}

Test (launch, a_restart_passes_on_only_the_environment_of_init)
{
    static const char next[] = "#!/bin/sh\ngrep -E 'Sig(Blk|Ign)' /proc/$$/status | tr -d '\\t' >> $LOG;"
                               "ls /proc/$$/fd | tr '\\n' ' ' >> $LOG; echo >> $LOG;"
                               "tr '\\000' '\\n' < /proc/$$/environ | grep -E '^(NODED|ONLY)' >> $LOG\n";
    workspaces_make (
        &root, &(struct workspace_parts){.program = "p", .launcher = next, .launcher_size = sizeof next - 1},
        two);
    char *script = base_text_printf ("touch $NODED_ROOT/.ok.%s; ln -s %s $NODED_ROOT/new;"
                                     "mv -T $NODED_ROOT/new $NODED_ROOT/stable; exit 85",
                                     two, two);
    version_make (script, NULL, LIST ("ONLY_ONE=set"), one);
    cr_assert_eq (root_stable_set (&root, one, &error), 0);
    cr_assert_eq (unsetenv ("NODED_LOAD"), 0); /* if bin/test has set it, init would pass it on */
    (void) launcher_run ();
    free (script);
    char *found = scratch_read ("log");
    cr_assert_not_null (found);
    static const char clean[] = "SigBlk:0000000000000000\nSigIgn:0000000000000000\n";
    cr_expect_eq (strncmp (found, clean, sizeof clean - 1), 0, "%s", found);
    cr_expect_null (strstr (found, "NODED"), "%s", found);
    cr_expect_null (strstr (found, "ONLY"), "%s", found);
    free (found);
}

Test (launch, a_root_in_use_is_not_served)
{
    version_put_on_trial ("echo two >> $LOG");
    int fd = open ("root/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq (flock (fd, LOCK_EX), 0);
    cr_expect_eq (launcher_run (), ROOT_EXIT_LOCKED);
    cr_expect_eq (trial_read ().tokens, 3, "no start is counted");
    expect_message ("is in use");
    cr_expect_not (scratch_exists ("log"));
}

Test (launch, a_shared_lock_only_delays_the_launcher)
{
    version_make_stable ("echo one >> $LOG");
    int fd = open ("root/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_eq (flock (fd, LOCK_SH), 0);
    pid_t pid = launcher_start ();
    (void) poll (NULL, 0,
                 50); /* on a slow host the launcher tries later: then this shows nothing, and passes */
    cr_assert_eq (flock (fd, LOCK_UN), 0);
    cr_expect_eq (launcher_finish (pid), 0);
    expect_log ("one ");
}

Test (launch, a_version_does_not_inherit_the_lock)
{
    version_make_stable (
        "for fd in /proc/$$/fd/*; do case $(readlink $fd) in */root | */.lock) echo $fd;; esac; done "
        "> inherited; exit 4");
    cr_expect_eq (launcher_run (), 4);
    cr_expect (scratch_holds ("inherited", ""));
}

/*  The process that changed the link was killed before it signalled the launcher. */
Test (launch, a_version_that_stable_no_longer_points_to_is_ended)
{
    char next[ROOT_NAME_SIZE];
    static const char hangs[] = "echo up >> $LOG; " SHELL_STAYS;
    version_make_stable (hangs);
    version_make ("echo other >> $LOG", NULL, NULL, next);
    cr_assert_eq (root_ok_set (&root, next, &error), 0);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    cr_assert_eq (disk_link_replace (&disk_system, root.fd, ROOT_STABLE, next, &error), 0);
    cr_expect_eq (launcher_finish (pid), 0);
    expect_log ("up other ");
    expect_message ("which still runs");
}

Test (launch, a_version_that_was_reverted_on_trial_is_ended)
{
    version_put_on_trial ("echo up >> $LOG; echo ready > /proc/$$/fd/$NODED_LAUNCHER; " SHELL_STAYS);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    cr_assert_eq (rename ("root/.back", "root/stable"),
                  0); /* as `noded revert` does before it signals the launcher */
    cr_expect_eq (launcher_finish (pid), 0);
    expect_log ("up one ");
    expect_message ("which still runs");
}

/*  A launcher that did not leave it alone would do so within the second. */
Test (launch, a_version_that_requests_a_restart_is_not_interrupted)
{
    version_make ("echo two >> $LOG", NULL, NULL, two);
    cr_assert_eq (root_ok_set (&root, two, &error), 0);
    char *script = base_text_printf (
        "trap 'echo disturbed >> $LOG' TERM; ln -s %s $NODED_ROOT/new; mv -T $NODED_ROOT/new $NODED_ROOT/stable;"
        "sleep 1; echo bye >> $LOG; exit 85",
        two);
    version_make_stable (script);
    cr_expect_eq (launcher_run (), 0);
    expect_log ("bye two ");
    free (script);
}

Test (launch, a_stopped_start_is_not_counted)
{
    static const struct {
        const char *script;
        int status;
    } cases[] = {{"trap 'exit 0' TERM", 0},
                 {"trap 'exit 4' TERM", 4},
                 {"trap 'exit 85' TERM", 0},
                 {"trap 'sleep 2; exit 0' TERM", 0},
                 {":", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *script = base_text_printf ("%s; echo two >> $LOG; " SHELL_STAYS, cases[i].script);
        version_put_on_trial (script);
        pid_t pid = launcher_start ();
        wait_for_log ("two");
        cr_assert_eq (kill (pid, SIGTERM), 0);
        cr_expect_eq (launcher_finish (pid), cases[i].status, "%s", script);
        cr_expect (trial_read ().on_trial);
        cr_expect_eq (trial_read ().tokens, 3, "%s", script);
        cr_assert_eq (unlink ("log"), 0);
        cr_assert_eq (root_roll_back (&root, &error), 0);
        free (script);
    }
}

Test (launch, a_version_that_does_not_stop_on_sigterm_is_killed)
{
    version_put_on_trial ("trap '' TERM; echo up >> $LOG; " SHELL_STAYS);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    cr_assert_eq (kill (pid, SIGTERM), 0);
    cr_expect_eq (launcher_finish (pid), ROOT_EXIT_KILLED);
    expect_message ("did not end within");
    cr_expect_eq (trial_read ().tokens, 3, "a stop by init is not counted as a start");
}

Test (launch, a_suspended_host_restarts_the_stop_deadline)
{
    version_make_stable ("trap '' TERM; echo up >> $LOG; " SHELL_UNTIL ("[ -e awake ]") "; exit 0");
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    cr_assert_eq (kill (pid, SIGTERM), 0);
    wait_for_message ("asked to stop");
    cr_assert_eq (kill (pid, SIGSTOP), 0);
    (void) poll (NULL, 0, 4500); /* the deadline is 3 s; up to 1 s later it is merely late */
    cr_assert_eq (kill (pid, SIGCONT), 0);
    wait_for_message ("this host was suspended");
    scratch_write_text ("awake", "");
    cr_expect_eq (launcher_finish (pid), 0);
}

Test (launch, a_version_that_does_not_stop_for_another_is_killed)
{
    version_make ("echo other >> $LOG", NULL, NULL, two);
    version_make_stable ("trap '' TERM; echo up >> $LOG; " SHELL_STAYS);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    cr_assert_eq (root_stable_set (&root, two, &error), 0, "%s", error.text);
    cr_assert_eq (kill (pid, SIGUSR2), 0);
    cr_expect_eq (launcher_finish (pid), 0);
    expect_log ("up other ");
    expect_message ("did not end within");
}

Test (launch, a_suspended_launcher_receives_a_revert)
{
    version_make ("echo other >> $LOG", NULL, NULL, two);
    version_make_stable ("echo up >> $LOG; " SHELL_STAYS);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    cr_assert_eq (kill (pid, SIGSTOP), 0);
    cr_assert_eq (root_stable_set (&root, two, &error), 0, "%s", error.text);
    cr_assert_eq (root_lock_signal (&root, SIGUSR2), 0);
    cr_expect_eq (launcher_finish (pid), 0);
    expect_log ("up other ");
}

Test (launch, signals_are_passed_on)
{
    version_make_stable (
        "trap 'echo hup >> $LOG' HUP; trap 'echo usr1 >> $LOG' USR1; trap 'echo int >> $LOG; exit 5' INT;"
        "echo ready >&$NODED_LAUNCHER; echo up >> $LOG; " SHELL_STAYS);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    (void) kill (pid, SIGHUP);
    wait_for_log ("hup");
    (void) kill (pid, SIGUSR1);
    wait_for_log ("usr1");
    (void) kill (pid, SIGINT);
    cr_expect_eq (launcher_finish (pid), 5);
    expect_log ("up hup usr1 int ");
}

/*  Before a version reports ready, it may not handle signals yet. */
Test (launch, a_reload_waits_until_the_version_is_ready)
{
    version_put_on_trial ("echo up >> $LOG; " SHELL_UNTIL (
        "[ -e $(dirname $LOG)/on ]") ";"
                                     "trap 'echo hup >> $LOG; exit 3' HUP; echo ready >&$NODED_LAUNCHER;" SHELL_STAYS);
    pid_t pid = launcher_start ();
    wait_for_log ("up");
    (void) kill (pid, SIGHUP);
    wait_for_message ("asked to reload");
    scratch_write_text ("on", "");
    wait_for_log ("hup");
    (void) kill (pid, SIGTERM);
    (void) launcher_finish (pid);
}

Test (launch, a_stop_request_ends_the_pause_between_starts)
{
    limits.pause_ms = PATIENCE_MS;
    version_put_on_trial ("echo two >> $LOG; exit 3");
    pid_t pid = launcher_start ();
    wait_for_message ("exited with status 3");
    (void) kill (pid, SIGTERM);
    cr_expect_eq (launcher_finish (pid), 0);
    expect_log ("two ");
    cr_expect_eq (trial_read ().tokens, 2);
}

Test (launch, a_trial_without_starts_left_is_rolled_back)
{
    version_put_on_trial ("echo two >> $LOG");
    struct root_limits taken;
    while (root_token_take (&root, &taken, NULL, &error) == 0)
        continue;
    cr_expect_eq (launcher_run (), 0);
    expect_log ("one ");
    expect_rolled_back (ROOT_CAUSE_INTERRUPTED, "every start was interrupted");
}

Test (launch, killing_the_launcher_ends_its_version_and_counts_the_start)
{
    version_put_on_trial ("echo two $$ >> $LOG; " SHELL_STAYS);
    pid_t pid = launcher_start ();
    wait_for_log ("two");
    (void) kill (pid, SIGKILL);
    cr_expect_eq (launcher_finish (pid), 137);
    char *alive =
        scratch_shell (/* it is not a child of the test, which cannot wait for it */
                       "for i in $(seq 500); do kill -0 $(cut -d' ' -f2 log) 2>/dev/null || exit 0; sleep 0.02; done;"
                       "echo alive",
                       NULL);
    cr_expect_str_empty (alive);
    free (alive);
    cr_expect_eq (trial_read ().tokens, 2);
}

/*  The orphans end after their parents; a shell cannot wait for them. */
Test (launch, orphans_are_reaped)
{
    version_make_stable (
        "for i in 1 2 3 4 5; do (setsid sh -c 'sleep 0.1; exit 1' &); done;"
        "for i in $(seq 500); do n=$(ps -o pid= --ppid $PPID | wc -l); [ $n = 1 ] && break; sleep 0.02; done;"
        "echo $n >> $LOG; exit 0");
    cr_expect_eq (launcher_run (), 0);
    expect_log ("1 "); /* only this version */
}

#ifndef __SANITIZE_ADDRESS__

/*  It is measured when it has nothing left to do for this start. */
Test (launch, the_launcher_is_small_and_static)
{
    version_make_stable ("sleep 0.2; grep VmRSS /proc/$PPID/status | tr -dc 0-9 > $LOG");
    cr_expect_eq (launcher_run (), 0);
    char *rss = scratch_read ("log");
    cr_expect_leq (strtol (rss, NULL, 10), 1024, "%s KiB resident", rss);
    cr_expect_leq (launcher_size, 1100000);
    int status;
    char *interpreter = scratch_shell ("readelf -lW " START_PROGRAM " | grep INTERP", &status);
    cr_expect_neq (status, 0, "%s", interpreter);
    free (interpreter);
    free (rss);
}

#endif

/*  Tests that need privileges for name spaces and mounts. */

/*  Runs body in new name spaces and returns its status. Skips the test if the host does not allow them. */
static int namespaces_run (int flags, int (*body) (void))
{
    pid_t pid = fork ();
    if (pid == 0) {
        if (unshare (flags | CLONE_NEWNS) && unshare (flags | CLONE_NEWNS | CLONE_NEWUSER))
            _exit (200);
        if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
            _exit (200);
        pid_t inner = fork ();
        if (inner == 0)
            _exit (body ());
        int status;
        (void) waitpid (inner, &status, 0);
        _exit (WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status));
    }
    int status = launcher_finish (pid);
    if (status == 200)
        cr_skip_test ("this host allows no name spaces");
    return status;
}

static int on_full_disk (void)
{
    if (mkdir ("full", 0755) || mount ("tmpfs", "full", "tmpfs", 0, "size=16m,nr_inodes=64"))
        return 200;
    int status;
    char *text = scratch_shell (
        "cp -a root/. full/ && cat /dev/zero > full/filler 2>/dev/null;"
        "i=0; while touch full/filler.$i 2>/dev/null; do i=$((i+1)); done; cd full && ./stable/noded.sh",
        &status);
    bool back = false;
    char target[ROOT_NAME_SIZE];
    back = disk_link_read (AT_FDCWD, "full/stable", target, sizeof target) == 0 && strcmp (target, one) == 0;
    if (!back || status)
        (void) fprintf (stderr, "%s\n", text);
    return back && status == 0 && strstr (text, "No space left") ? 0 : 1;
}

Test (launch, a_rollback_works_on_a_disk_without_space_and_inodes)
{
    /*  The version fills the space that each removed token frees. */
    version_put_on_trial ("echo two >> $LOG; cd $NODED_ROOT; cat /dev/zero >> filler.$$; i=0;"
                          "while touch filler.$$.$i; do i=$((i+1)); done; exit 3");
    cr_expect_eq (namespaces_run (0, on_full_disk), 0);
    expect_log ("two two two one ");
}

static int on_read_only_disk (void)
{
    if (mount ("root", "root", NULL, MS_BIND, NULL) ||
        mount ("root", "root", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL))
        return 200;
    return launcher_run ();
}

Test (launch, on_a_read_only_disk_stable_runs)
{
    version_put_on_trial ("echo two >> $LOG; exit 3");
    scratch_write_text ("root/.lock", "");
    cr_expect_eq (namespaces_run (0, on_read_only_disk), 3);
    expect_log ("two ");
    expect_message ("not counted");
    cr_expect_eq (trial_read ().tokens, 3);
}

static int as_pid_1 (void)
{
    execl ("root/stable/noded.sh", "root/stable/noded.sh", (char *) NULL);
    return 99;
}

Test (launch, the_launcher_works_as_pid_1)
{
    limits.starts = 2;
    limits.ready_ms = load_deadline_ms (500);
    version_put_on_trial ("echo two $PPID >> $LOG; (setsid sleep 0.1 &); kill -STOP $$");
    cr_expect_eq (namespaces_run (CLONE_NEWPID, as_pid_1), 0);
    expect_log ("two 1 two 1 one ");
    expect_rolled_back (ROOT_CAUSE_HUNG, "not ready");
}
