/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/guard.c - a guard that does not end is continued, then killed, then given up

    No call waits for it. */

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"

#include "base/time.h"
#include "rehearsal/guard.h"
#include "test/lib/shell.h"

enum { PATIENCE_MS = 60000 };

static struct rehearsal_guard *guard;
static struct rehearsal_guard_end ended;
static bool gone;

static void on_gone (void *context, const struct rehearsal_guard_end *end)
{
    (void) context;
    ended = *end;
    gone = true;
    guard = rehearsal_guard_free (guard);
    bus_loop_stop (loop);
}

static void set_up (void)
{
    loop_begin ();
    gone = false;
    (void) prctl (PR_SET_CHILD_SUBREAPER, 1UL);
}

TestSuite (guard, .init = set_up, .fini = loop_end, .timeout = 240);

static void guard_start (const char *script, uint64_t end_ms, const struct base_process_ops *ops)
{
    char launcher[300];
    struct base_error error = {.code = 0};
    scratch_write ("launcher", script, strlen (script), 0755);
    (void) snprintf (launcher, sizeof launcher, "%s/launcher", scratch_path);
    struct rehearsal_guard_spec spec = {.loop = loop,
                                        .launcher = launcher,
                                        .script = "/bin/true",
                                        .env = environ,
                                        .grace_ms = 100,
                                        .end_ms = end_ms,
                                        .root = scratch_path,
                                        .scratch = scratch_path,
                                        .gone = on_gone,
                                        .process = ops};
    cr_assert_eq (rehearsal_guard_start (&spec, &guard, &error), 0, "%s", error.text);
}

/*  No signal has an effect, as on a process in uninterruptible sleep. */
static int signal_ignore (void *context, const struct base_process *process, int signal)
{
    (void) context;
    (void) process;
    (void) signal;
    return 0;
}

static int guard_spawn (void *context, const struct base_process_spec *spec, struct base_process *ret_process,
                        struct base_error *error)
{
    return base_process_system.spawn (context, spec, ret_process, error);
}

static int guard_wait (void *context, struct base_process *process, enum base_wait wait,
                       struct base_process_end *ret_end)
{
    cr_assert_eq (wait, BASE_WAIT_NOT, "the loop must not block for a guard");
    return base_process_system.wait (context, process, BASE_WAIT_NOT, ret_end);
}

Test (guard, a_guard_that_no_signal_ends_is_given_up_with_its_pid)
{
    static const struct base_process_ops ops = {
        .spawn = guard_spawn, .signal = signal_ignore, .wait = guard_wait};
    guard_start ("#!/bin/sh\nexec sleep 600\n", 200, &ops);
    rehearsal_guard_kill (guard);
    cr_assert_not (gone, "reported during the call");
    loop_run ();
    cr_expect (gone);
    cr_expect_gt (ended.stuck, 1);
    if (ended.stuck > 1)
        (void) kill (ended.stuck, SIGKILL);
}

static void kill_guard (void *context)
{
    (void) context;
    rehearsal_guard_kill (guard);
}

Test (guard, a_stopped_guard_is_continued_and_ends)
{
    guard_start ("#!/bin/sh\ntrap 'exit 0' HUP\nkill -STOP $$\n" SHELL_STAYS "\n", PATIENCE_MS, NULL);
    cr_assert_gt (bus_timer_start (loop, 300, kill_guard, NULL), 0);
    loop_run ();
    cr_expect (gone);
    cr_expect_eq (ended.stuck, 0);
}

Test (guard, a_guard_that_stops_again_and_again_is_killed)
{
    guard_start ("#!/bin/sh\ntrap 'kill -STOP $$' HUP\nkill -STOP $$\n" SHELL_STAYS "\n", 1500, NULL);
    cr_assert_gt (bus_timer_start (loop, 300, kill_guard, NULL), 0);
    loop_run ();
    cr_expect (gone);
    cr_expect_eq (ended.stuck, 0);
}

Test (guard, a_failure_of_the_host_is_distinguished_from_a_failing_program)
{
    guard_start (
        "#!/bin/sh\nprintf 'host 11\\nfailed for want of processes\\nended exited 127\\nleft 0\\ngone\\n' "
        ">/proc/self/fd/$3\n",
        PATIENCE_MS, NULL);
    loop_run ();
    cr_expect (gone);
    cr_expect_eq (ended.host, EAGAIN);
    cr_expect (ended.ended);
}

Test (guard, freeing_a_guard_that_does_not_end_takes_a_bounded_time)
{
    static const struct base_process_ops ops = {
        .spawn = guard_spawn, .signal = signal_ignore, .wait = guard_wait};
    guard_start ("#!/bin/sh\nexec sleep 600\n", 200, &ops);
    uint64_t before = base_time_boot_ms ();
    guard = rehearsal_guard_free (guard);
    cr_expect_lt (base_time_boot_ms () - before, PATIENCE_MS);
}

Test (guard, only_descendants_in_this_pid_name_space_belong_to_a_guard)
{
    struct base_error error = {.code = 0};
    guard_start ("#!/bin/sh\nexec sleep 600\n", 200, NULL);
    cr_expect_eq (rehearsal_guard_check (guard, 1, &error), -EPERM);
    cr_expect (strstr (error.text, "PID namespace") != NULL, "%s", error.text);
    cr_expect_eq (rehearsal_guard_check (guard, getpid (), &error), -EPERM);
    cr_expect_eq (rehearsal_guard_check (guard, 0x3fffff, &error), -ESRCH);
    guard = rehearsal_guard_free (guard);
}
