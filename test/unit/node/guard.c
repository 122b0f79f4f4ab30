/*  A guard that does not answer is continued, killed, given up in the end; nobody waits for it. */

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "node/guard.h"
#include "test/fault/scratch.h"

enum { PATIENCE_MS = 60000 };

static struct bus_loop *loop;
static struct node_guard *guard;
static struct node_guard_end ended;
static bool gone;

static void on_gone (void *context, const struct node_guard_end *end)
{
    (void) context;
    ended = *end;
    gone = true;
    guard = node_guard_free (guard);
    bus_loop_stop (loop);
}

static void give_up (void *context)
{
    (void) context;
    bus_loop_stop (loop);
}

static void begin (void)
{
    scratch_begin ();
    loop = bus_loop_new ();
    cr_assert_not_null (loop);
    gone = false;
    (void) prctl (PR_SET_CHILD_SUBREAPER, 1UL);
}

static void end (void)
{
    (void) bus_loop_free (loop);
    scratch_end ();
}

TestSuite (guard, .init = begin, .fini = end, .timeout = 240);

static void start (const char *script, uint64_t end_ms, const struct base_process_ops *ops)
{
    char launcher[300];
    struct base_error error = {.code = 0};
    scratch_write ("launcher", script, strlen (script), 0755);
    (void) snprintf (launcher, sizeof launcher, "%s/launcher", scratch_path);
    struct node_guard_spec spec = {.loop = loop,
                                   .launcher = launcher,
                                   .script = "/bin/true",
                                   .env = environ,
                                   .grace_ms = 100,
                                   .end_ms = end_ms,
                                   .root = scratch_path,
                                   .scratch = scratch_path,
                                   .gone = on_gone,
                                   .process = ops};
    cr_assert_eq (node_guard_start (&spec, &guard, &error), 0, "%s", error.text);
}

static void run (void)
{
    int timer = bus_timer_start (loop, PATIENCE_MS, give_up, NULL);
    cr_assert_eq (bus_loop_run (loop), 0);
    bus_timer_cancel (loop, timer);
}

/*  As of a process in uninterruptible sleep. */
static int deaf (void *context, const struct base_process *process, int signal)
{
    (void) context;
    (void) process;
    (void) signal;
    return 0;
}

static int spawn (void *context, const struct base_process_spec *spec, struct base_process *ret_process,
                  struct base_error *error)
{
    return base_process_system.spawn (context, spec, ret_process, error);
}

static int wait_for (void *context, struct base_process *process, bool block,
                     struct base_process_end *ret_end)
{
    cr_assert_not (block, "a guard is waited for in the loop");
    return base_process_system.wait (context, process, false, ret_end);
}

Test (guard, one_that_no_signal_ends_is_given_up_with_its_pid)
{
    static const struct base_process_ops ops = {.spawn = spawn, .signal = deaf, .wait = wait_for};
    start ("#!/bin/sh\nexec sleep 600\n", 200, &ops);
    node_guard_kill (guard);
    cr_assert_not (gone, "told from within the call");
    run ();
    cr_expect (gone);
    cr_expect_gt (ended.stuck, 1);
    if (ended.stuck > 1)
        (void) kill (ended.stuck, SIGKILL);
}

static void kill_guard (void *context)
{
    (void) context;
    node_guard_kill (guard);
}

Test (guard, one_that_is_stopped_is_continued_and_ends)
{
    start ("#!/bin/sh\ntrap 'exit 0' HUP\nkill -STOP $$\nwhile :; do sleep 0.05; done\n", PATIENCE_MS, NULL);
    cr_assert_gt (bus_timer_start (loop, 300, kill_guard, NULL), 0);
    run ();
    cr_expect (gone);
    cr_expect_eq (ended.stuck, 0);
}

Test (guard, one_that_is_stopped_again_and_again_is_killed)
{
    start ("#!/bin/sh\ntrap 'kill -STOP $$' HUP\nkill -STOP $$\nwhile :; do sleep 0.05; done\n", 1500, NULL);
    cr_assert_gt (bus_timer_start (loop, 300, kill_guard, NULL), 0);
    run ();
    cr_expect (gone);
    cr_expect_eq (ended.stuck, 0);
}

Test (guard, a_host_that_cannot_start_the_program_is_told_from_a_program_that_fails)
{
    start ("#!/bin/sh\nprintf 'host 11\\nfailed for want of processes\\nended exited 127\\nleft 0\\ngone\\n' "
           ">/proc/self/fd/$3\n",
           PATIENCE_MS, NULL);
    run ();
    cr_expect (gone);
    cr_expect_eq (ended.host, EAGAIN);
    cr_expect (ended.ended);
}

Test (guard, freeing_one_that_does_not_end_takes_a_bounded_time)
{
    static const struct base_process_ops ops = {.spawn = spawn, .signal = deaf, .wait = wait_for};
    start ("#!/bin/sh\nexec sleep 600\n", 200, &ops);
    uint64_t before = base_time_boot_ms ();
    guard = node_guard_free (guard);
    cr_expect_lt (base_time_boot_ms () - before, PATIENCE_MS);
}

Test (guard, only_processes_below_it_in_this_pid_name_space_are_its)
{
    struct base_error error = {.code = 0};
    start ("#!/bin/sh\nexec sleep 600\n", 200, NULL);
    cr_expect_eq (node_guard_check (guard, 1, &error), -EPERM);
    cr_expect (strstr (error.text, "pid name space") != NULL, "%s", error.text);
    cr_expect_eq (node_guard_check (guard, getpid (), &error), -EPERM);
    cr_expect_eq (node_guard_check (guard, 0x3fffff, &error), -ESRCH);
    guard = node_guard_free (guard);
}
