/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/start/guard.c - the real guard: when it has ended, no process of its program is alive */

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/time.h"
#include "test/fault/scratch.h"
#include "test/lib/load.h"
#include "test/lib/await.h"
#include "test/lib/shell.h"

/*  All processes that a test starts inherit the variable GUARD_TEST, by which expect_no_process finds
    them. */
static void suite_begin (void)
{
    char mark[64];
    scratch_begin ();
    (void) snprintf (mark, sizeof mark, "%d.%s", (int) getpid (), scratch_path + strlen (scratch_path) - 6);
    cr_assert_eq (setenv ("GUARD_TEST", mark, 1), 0);
    cr_assert_eq (prctl (PR_SET_CHILD_SUBREAPER, 1UL), 0);
}

TestSuite (guard, .init = suite_begin, .fini = scratch_end, .timeout = 240);

struct guarded {
    pid_t pid;
    int report;
};

static struct guarded guard_start_with (const char *grace, const char *closed, const char *writable,
                                        const char *script)
{
    int ends[2];
    cr_assert_eq (pipe2 (ends, O_CLOEXEC), 0);
    scratch_write ("program", script, strlen (script), 0755);
    pid_t pid = fork ();
    if (pid == 0) {
        char number[16];
        (void) fcntl (ends[1], F_SETFD, 0);
        (void) snprintf (number, sizeof number, "%d", ends[1]);
        (void) prctl (PR_SET_PDEATHSIG, SIGHUP);
        execl (START_PROGRAM, START_PROGRAM, "guard", "--report", number, "--grace", grace,
               "--what-a-later-version-knows", "x", closed ? "--closed" : "--no", closed ? closed : "",
               closed ? "--writable" : "--no", closed ? writable : "", "--ask", "yes", "--", "./program",
               "an argument", (char *) NULL);
        _exit (99);
    }
    (void) close (ends[1]);
    return (struct guarded){.pid = pid, .report = ends[0]};
}

static struct guarded guard_start (const char *grace, const char *script)
{
    return guard_start_with (grace, NULL, NULL, script);
}

/*  Starts a guard whose program can write to only one directory below the scratch directory. */
static struct guarded guard_start_closed (const char *writable, const char *script)
{
    char path[256];
    (void) snprintf (path, sizeof path, "%s/%s", scratch_path, writable);
    return guard_start_with ("1000", scratch_path, path, script);
}

/*  Removes the first line that starts with `begin`. */
static void drop_line (char *report, const char *begin)
{
    char *at = report;
    while (at && *at && strncmp (at, begin, strlen (begin)) != 0)
        at = strchr (at, '\n') ? strchr (at, '\n') + 1 : NULL;
    char *behind = at && *at ? strchr (at, '\n') : NULL;
    if (behind)
        memmove (at, behind + 1, strlen (behind + 1) + 1);
}

/*  Waits until the guard has ended with status 0. Returns its report without the lines that contain pids. The
    caller frees it. */
static char *guard_finish (struct guarded guarded)
{
    struct base_buffer text = {0};
    char block[512];
    for (ssize_t got; (got = read (guarded.report, block, sizeof block)) > 0;)
        cr_assert_eq (base_buffer_append (&text, block, (size_t) got), 0);
    (void) close (guarded.report);
    int status = -1;
    cr_assert_eq (waitpid (guarded.pid, &status, 0), guarded.pid);
    cr_expect_eq (status, 0);
    char *report = base_buffer_take_text (&text);
    drop_line (report, "guard ");
    drop_line (report, "started ");
    return report;
}

static void expect_report (struct guarded guarded, const char *wanted)
{
    char *report = guard_finish (guarded);
    cr_expect_str_eq (report, wanted);
    free (report);
}

/*  Expects that no other process with the variable is alive, and that this process has no children. */
static void expect_no_process (void)
{
    char *found = scratch_shell (
        "for p in /proc/[0-9]*; do [ $p = /proc/$$ ] || [ $p = /proc/$PPID ] || [ \"$p\" = /proc/self ] ||"
        "! grep -qz \"^GUARD_TEST=$GUARD_TEST$\" $p/environ 2>/dev/null ||"
        "tr '\\000' ' ' < $p/cmdline; done",
        NULL);
    cr_expect_str_empty (found);
    free (found);
    cr_expect_eq (waitpid (-1, NULL, WNOHANG), -1);
}

Test (guard, a_program_that_ends_cleanly_is_reported)
{
    expect_report (guard_start ("1000", "#!/bin/sh\n[ \"$1\" = 'an argument' ] && exit 3"),
                   "ended exited 3\nleft 0\ngone\n");
    expect_report (guard_start ("1000", "#!/bin/sh\nkill -9 $$"), "ended signal 9\nleft 0\ngone\n");
    expect_no_process ();
}

Test (guard, a_program_that_cannot_be_executed_is_reported)
{
    char *report = guard_finish (guard_start ("1000", "no program"));
    cr_expect_str_eq (report,
                      "failed cannot execute ./program: Exec format error\nended exited 127\nleft 0\ngone\n");
    free (report);
}

Test (guard, a_descendant_that_ends_within_the_delay_is_not_counted)
{
    expect_report (guard_start ("1000", "#!/bin/sh\n(setsid sleep 0.02 &)\nexit 0"),
                   "ended exited 0\nleft 0\ngone\n");
    expect_no_process ();
}

Test (guard, sessions_and_orphans_are_found)
{
    expect_report (
        guard_start ("1000",
                     "#!/bin/sh\n"
                     "(setsid sh -c ': > up.0; exec sleep 1000' &)\n"
                     "(setsid sh -c 'trap \"\" TERM HUP INT; (setsid sh -c \": > up.1; exec sleep 1001\" &);"
                     " (setsid sh -c \": > up.2; exec sleep 1002\" &); : > up.3; exec sleep 1003' &)\n"
                     "for i in 0 1 2 3; do " SHELL_UNTIL ("[ -e up.$i ]") "; done; exit 4"),
        "ended exited 4\nleft 4\ngone\n");
    expect_no_process ();
}

Test (guard, processes_that_fork_without_end_are_killed)
{
    /*  `on` forks itself and exits at once, so that each process is an orphan. `grow` makes a tree of 40
        processes. */
    char *report = guard_finish (guard_start (
        "1000",
        "#!/bin/sh\n"
        "cat > on <<'END'\n#!/bin/sh\n./on &\nEND\n"
        "cat > grow <<'END'\n#!/bin/sh\necho >> grown; n=$1; [ $n = 0 ] || for i in 1 2 3; do ./grow $((n-1)) & done; sleep 1000\nEND\n"
        "chmod 755 on grow; ./on & ./grow 3 & : >> grown; " SHELL_UNTIL (
            "[ $(wc -l < grown) -ge 40 ]") "; kill -9 $$"));
    cr_expect_eq (strncmp (report, "ended signal 9\nleft ", 20), 0, "%s", report);
    cr_expect_geq (strtol (report + 20, NULL, 10), 40, "%s", report);
    free (report);
    expect_no_process ();
}

Test (guard, nested_guards_are_ended)
{
    char script[1024];
    (void) snprintf (
        script, sizeof script,
        "#!/bin/sh\n[ -e inner ] && { (setsid sleep 1000 &); : > up; exec sleep 1001; }\ntouch inner\n"
        "setsid %s guard --report 1 -- ./program > inner.report &\n" SHELL_UNTIL ("[ -e up ]") "; exit 0\n",
        START_PROGRAM);
    char *report = guard_finish (guard_start ("1000", script));
    cr_expect_eq (strncmp (report, "ended exited 0\nleft ", 20), 0, "%s", report);
    cr_expect_geq (strtol (report + 20, NULL, 10), 2, "%s", report);
    free (report);
    expect_no_process ();
}

static void wait_for_file (const char *path)
{
    AWAIT (scratch_exists (path));
}

Test (guard, a_stop_request_is_passed_to_the_program)
{
    struct guarded guarded = guard_start ("60000", "#!/bin/sh\ntrap 'exit 5' TERM; : > up; " SHELL_STAYS);
    wait_for_file ("up");
    (void) kill (guarded.pid, SIGTERM);
    expect_report (guarded, "ended exited 5\nleft 0\ngone\n");
    expect_no_process ();
}

Test (guard, a_program_that_does_not_stop_is_killed_after_the_grace_period)
{
    struct guarded guarded =
        guard_start ("200", "#!/bin/sh\ntrap '' TERM; (setsid sleep 1000 &) ; : > up; " SHELL_STAYS);
    wait_for_file ("up");
    uint64_t before = base_time_boot_ms ();
    (void) kill (guarded.pid, SIGTERM);
    char *report = guard_finish (guarded);
    cr_expect_geq (base_time_boot_ms () - before, 200);
    cr_expect_eq (strncmp (report, "ended signal 9\nleft ", 20), 0, "%s", report);
    free (report);
    expect_no_process ();
}

Test (guard, the_death_signal_ends_everything_at_once)
{
    struct guarded guarded =
        guard_start ("60000", "#!/bin/sh\ntrap '' TERM HUP; (setsid sleep 1000 &) ; : > up; " SHELL_STAYS);
    wait_for_file ("up");
    (void) kill (guarded.pid, SIGHUP);
    free (guard_finish (guarded));
    expect_no_process ();
}

Test (guard, a_closed_report_ends_everything_at_once)
{
    struct guarded guarded = guard_start ("60000", "#!/bin/sh\n(setsid sleep 1000 &) ; : > up; " SHELL_STAYS);
    wait_for_file ("up");
    (void) close (guarded.report);
    int status = -1;
    cr_assert_eq (waitpid (guarded.pid, &status, 0), guarded.pid);
    cr_expect_eq (status, 0);
    expect_no_process ();
}

Test (guard, killing_the_guard_ends_the_program)
{
    struct guarded guarded = guard_start ("60000", "#!/bin/sh\n: > up; exec sleep 1000");
    wait_for_file ("up");
    (void) kill (guarded.pid, SIGKILL);
    int status;
    cr_assert_eq (waitpid (guarded.pid, &status, 0), guarded.pid);
    cr_assert_gt (waitpid (-1, NULL, 0), 0, "the program is a child of this process now, and ends");
    expect_no_process ();
}

/*  The script leaves two orphans in a session of their own, without descriptors of the guard. It writes the
    pid of its parent, the second process of the guard. */
static const char orphans[] =
    "#!/bin/sh\necho $PPID > parent\n"
    "(setsid sh -c 'exec </dev/null >/dev/null 2>&1; sleep 1000 & sleep 1001 & : > two' &)\n" SHELL_UNTIL (
        "[ -e two ]") "; : > up; exec sleep 1002";

Test (guard, killing_the_second_guard_process_ends_everything)
{
    struct guarded guarded = guard_start ("60000", orphans);
    wait_for_file ("up");
    char *parent = scratch_shell ("cat parent", NULL);
    cr_assert_neq (strtol (parent, NULL, 10), (long) guarded.pid, "the guard is two processes");
    (void) kill ((pid_t) strtol (parent, NULL, 10), SIGKILL);
    char rest[64];
    while (read (guarded.report, rest, sizeof rest) > 0)
        continue;
    int status = 0;
    cr_assert_eq (waitpid (guarded.pid, &status, 0), guarded.pid);
    cr_expect_eq (WEXITSTATUS (status), 128 + SIGKILL);
    expect_no_process ();
    free (parent);
}

Test (guard, killing_the_first_guard_process_ends_everything)
{
    struct guarded guarded = guard_start ("60000", orphans);
    wait_for_file ("up");
    (void) kill (guarded.pid, SIGKILL);
    char rest[64];
    while (read (guarded.report, rest, sizeof rest) >
           0) /* both processes hold the pipe: when it closes, no process is left */
        continue;
    while (waitpid (-1, NULL, 0) > 0)
        continue;
    expect_no_process ();
}

Test (guard, a_closed_root_is_writable_below_one_directory_only)
{
    if (geteuid () != 0)
        return;
    char *mounts = scratch_shell ("cat /proc/self/mountinfo; mkdir -p open/deep; mkdir other", NULL);
    free (mounts);
    char script[] = "#!/bin/sh\n: > open/deep/a && mv open/deep/a open/b && ln open/b open/deep/c || exit 1\n"
                    "(: > other/a) 2>/dev/null && exit 2; mv open/b other 2>/dev/null && exit 3; "
                    "rmdir other 2>/dev/null && exit 4; exit 0";
    char *report = guard_finish (guard_start_closed ("open", script));
    cr_expect_str_eq (report, "view closed\nended exited 0\nleft 0\ngone\n", "%s", report);
    free (report);
    char *left = scratch_shell ("grep -c \"$PWD\" /proc/self/mountinfo; rm -r open other && echo gone", NULL);
    cr_expect_str_eq (left, "0\ngone", "the mounts are not visible outside of the guard");
    free (left);
}

Test (guard, a_root_that_cannot_be_closed_is_reported_and_needs_consent)
{
    struct guarded guarded = guard_start_closed ("not-there", "#!/bin/sh\nexit 0");
    char line[512] = "";
    for (size_t size = 0; !strstr (line, "view ") || line[size - 1] != '\n';) {
        ssize_t got = read (guarded.report, line + size, sizeof line - 1 - size);
        cr_assert_gt (got, 0);
        size += (size_t) got;
        line[size] = '\0';
    }
    drop_line (line, "guard ");
    cr_expect_eq (strncmp (line, "view open cannot ", 17), 0, "%s", line);
    cr_expect_null (strstr (line, "started"), "the guard waits for SIGUSR1");
    (void) kill (guarded.pid, SIGUSR1);
    expect_report (guarded, "ended exited 0\nleft 0\ngone\n");
    expect_no_process ();
}

Test (guard, a_program_that_stops_its_process_group_does_not_stop_the_guard)
{
    struct guarded guarded = guard_start ("100", "#!/bin/sh\n: > up\nkill -STOP 0\n");
    wait_for_file ("up");
    (void) kill (guarded.pid, SIGTERM);
    expect_report (guarded, "ended signal 9\nleft 0\ngone\n");
    expect_no_process ();
}

Test (guard, the_out_of_memory_killer_prefers_the_program)
{
    struct guarded guarded =
        guard_start ("1000", "#!/bin/sh\ncat /proc/$$/oom_score_adj /proc/$PPID/oom_score_adj > scores");
    free (guard_finish (guarded));
    char *scores = scratch_shell ("cat scores; cat /proc/self/oom_score_adj", NULL);
    char *at = scores;
    cr_expect_eq (strtol (at, &at, 10), 1000);
    long over = strtol (at, &at, 10), own = strtol (at, &at, 10);
    cr_expect_eq (over, own);
    free (scores);
}

Test (guard, invalid_arguments_are_usage_errors)
{
    static const char *const calls[] = {"guard",
                                        "guard --report 1",
                                        "guard --report x -- true",
                                        "guard --report 77 -- true",
                                        "guard -- true",
                                        "guard --report 1 --grace -- true",
                                        "guard --report 1 --"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char command[512];
        int status;
        (void) snprintf (command, sizeof command, "%s %s", START_PROGRAM, calls[i]);
        char *text = scratch_shell (command, &status);
        cr_expect_eq (WEXITSTATUS (status), 64, "%s: %s", calls[i], text);
        free (text);
    }
}
