/* SPDX-License-Identifier: MPL-2.0 */
/*  start/guard.c - runs a program and ends all its descendants */

#include "start/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "base/time.h"
#include "start/children.h"
#include "start/reap.h"
#include "start/log.h"
#include "start/view.h"

enum { EXIT_USAGE = 64, GRACE_MS = 2000, LINGER_MS = 100, FAST_ROUNDS = 32 };

struct guard {
    int report;
    int signals;
    uint64_t grace_ms;
    const char *closed;          /* root that the program must not write to; NULL: none */
    const char *writable;        /* except here */
    bool ask;                    /* ask before running the program with a writable root */
    struct base_process process; /* the program; null after it was reaped */
    uint64_t kill_ms;            /* CLOCK_BOOTTIME when everything is killed; 0: not set */
    bool at_once;
};

__attribute__ ((format (printf, 2, 3))) static void guard_report (const struct guard *guard,
                                                                  const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start (arguments, format);
    int length = vsnprintf (line, sizeof line - 1, format, arguments);
    va_end (arguments);
    if (length < 0)
        return;
    size_t size = (size_t) length < sizeof line - 2 ? (size_t) length : sizeof line - 2;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char) line[i] < ' ')
            line[i] = '?';
    line[size++] = '\n';
    /*  A reader that has stopped reading must not keep the guarded processes alive. */
    struct pollfd writable = {.fd = guard->report, .events = POLLOUT};
    if (poll (&writable, 1, 0) == 1 && (writable.revents & POLLOUT)) {
        ssize_t written = write (guard->report, line, size);
        (void) written;
    }
}

/*  Reports the program's end. Returns whether it has ended. */
static bool guard_read_end (struct guard *guard)
{
    struct base_process_end end;
    if (guard->process.pid == 0)
        return true;
    if (base_process_wait (&guard->process, BASE_WAIT_NOT, &end))
        return false;
    guard_report (guard, "ended %s %d", end.exited ? "exited" : "signal", end.code);
    return true;
}

/*  Kills until no child is left. The children of a killed process become ours, so every round makes progress;
    there is no other bound. */
static void guard_kill_all (struct guard *guard)
{
    (void) setpriority (PRIO_PROCESS, 0, -20); /* to be faster than forking processes; optional */
    start_children_freeze (NULL);
    for (unsigned round = 0;; round++) {
        start_descendants_kill ();
        for (int i = 0; i < FAST_ROUNDS; i++) {
            bool ended = guard_read_end (guard);
            if (!start_reap_others (guard->process.pid) && ended)
                return;
            (void) start_children_signal (NULL, SIGKILL);
        }
        struct pollfd polled = {.fd = guard->signals, .events = POLLIN};
        (void) poll (&polled, 1, round < 50 ? 1 : 10); /* a child ended, or one cannot be killed at present */
        while (start_signals_next (guard->signals))
            continue;
    }
}

static void guard_read_signals (struct guard *guard)
{
    for (int number; (number = start_signals_next (guard->signals));) {
        if (number == SIGHUP)
            guard->at_once = true;
        if (number != SIGTERM && number != SIGINT)
            continue;
        (void) base_process_signal (&guard->process, SIGTERM);
        if (guard->kill_ms == 0)
            guard->kill_ms = base_time_boot_ms () + guard->grace_ms;
    }
}

/*  Waits until everything is to be killed or nothing is left. Returns whether any process is left. */
static bool guard_watch (struct guard *guard)
{
    bool ended = false;
    for (;;) {
        bool now_ended = guard_read_end (guard);
        if (now_ended && !ended)
            guard->kill_ms = base_time_boot_ms () + LINGER_MS;
        ended = now_ended;
        bool any = start_reap_others (guard->process.pid);
        if (ended && !any)
            return false;
        uint64_t now = base_time_boot_ms ();
        if (guard->at_once || (guard->kill_ms && now >= guard->kill_ms))
            return true;
        struct pollfd polled[] = {
            {.fd = guard->signals, .events = POLLIN},
            {.fd = guard->report, .events = 0}, /* only to notice that the reader is gone */
            {.fd = guard->process.fd, .events = POLLIN},
        };
        (void) poll (polled, sizeof polled / sizeof *polled,
                     guard->kill_ms ? (int) (guard->kill_ms - now) : -1);
        if (polled[0].revents)
            guard_read_signals (guard);
        if (polled[1].revents & (POLLERR | POLLNVAL))
            guard->at_once = true;
    }
}

static int usage_print (void)
{
    start_log ("usage: start guard --report FD [--grace MS] [--closed ROOT --writable DIRECTORY [--ask yes]] "
               "-- PROGRAM [ARG...]");
    return EXIT_USAGE;
}

/*  Returns the number of option arguments, or -EINVAL. Ignores unknown options: a newer caller sees from the
    missing reports that this guard does not support them. */
static int options_parse (int argc, char **argv, struct guard *guard)
{
    uint64_t report;
    bool reported = false;
    for (int i = 0; i < argc; i += 2) {
        if (strcmp (argv[i], "--") == 0)
            return reported && i + 1 < argc ? i + 1 : -EINVAL;
        if (i + 1 == argc)
            return -EINVAL;
        if (strcmp (argv[i], "--report") == 0) {
            if (base_text_parse_u64 (argv[i + 1], 1 << 20, &report) ||
                fcntl ((int) report, F_SETFD, FD_CLOEXEC))
                return -EINVAL;
            guard->report = (int) report;
            reported = true;
        } else if (strcmp (argv[i], "--grace") == 0) {
            if (base_text_parse_u64 (argv[i + 1], 24 * 3600 * 1000, &guard->grace_ms))
                return -EINVAL;
        } else if (strcmp (argv[i], "--closed") == 0)
            guard->closed = argv[i + 1];
        else if (strcmp (argv[i], "--writable") == 0)
            guard->writable = argv[i + 1];
        else if (strcmp (argv[i], "--ask") == 0)
            guard->ask = strcmp (argv[i + 1], "yes") == 0;
        else if (strncmp (argv[i], "--", 2) != 0)
            return -EINVAL;
    }
    return -EINVAL;
}

/*  Makes the root read-only for the program. Returns whether the program may run. */
static bool guard_close_root (struct guard *guard)
{
    struct base_error error = {0};
    if (!guard->closed || !guard->writable)
        return true;
    if (!start_view_close (guard->closed, guard->writable, &error)) {
        guard_report (guard, "view closed");
        return true;
    }
    guard_report (guard, "view open %s", error.text);
    while (guard->ask) {
        struct pollfd polled[] = {{.fd = guard->signals, .events = POLLIN}, {.fd = guard->report}};
        (void) poll (polled, 2, -1);
        for (int number; (number = start_signals_next (guard->signals));) {
            if (number == SIGUSR1)
                guard->ask = false;
            else if (number == SIGHUP || number == SIGTERM || number == SIGINT)
                return false;
        }
        if (polled[1].revents & (POLLERR | POLLNVAL))
            return false;
    }
    return true;
}

static int guard_program (struct guard *guard, char **args)
{
    const struct base_process_spec spec = {
        .program = args[0],
        .args = args,
        .env = environ,
        .death_signal = SIGKILL,
        .standard_fds = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
        .own_session = true, /* a signal to its process group must not reach the guard */
        .kill_first = true,
    };
    struct base_error error = {0};
    guard_report (guard, "guard %d", (int) getpid ());
    if (!guard_close_root (guard))
        (void) base_error_set (&error, -EINTR, "its parent has ended");
    if (error.code || base_process_spawn (&spec, &guard->process, &error)) {
        if (base_error_is_of_host (error.code))
            guard_report (guard, "host %d", -error.code);
        guard_report (guard, "failed %s", error.text);
        guard_report (guard, "ended exited 127");
        guard_report (guard, "left 0");
        guard_report (guard, "gone");
        return 0;
    }
    guard_report (guard, "started %d", (int) guard->process.pid);
    size_t left = 0;
    if (guard_watch (guard)) {
        if (!guard->at_once) /* otherwise they were not given the time to end */
            left = start_descendants_count (guard->process.pid);
        guard_kill_all (guard);
    }
    guard_report (guard, "left %zu", left);
    guard_report (guard, "gone");
    return 0;
}

/*  Passes on signals and waits for the other guard process. If that one was killed, its descendants become
    children of this process and are ended here. */
static int guard_stand_by (struct guard *guard)
{
    struct base_process_end end;
    while (base_process_wait (&guard->process, BASE_WAIT_NOT, &end)) {
        struct pollfd polled[] = {{.fd = guard->signals, .events = POLLIN},
                                  {.fd = guard->process.fd, .events = POLLIN}};
        (void) poll (polled, 2, -1);
        for (int number; (number = start_signals_next (guard->signals));)
            if (number != SIGCHLD)
                (void) base_process_signal (&guard->process, number);
        (void) start_reap_others (guard->process.pid);
    }
    guard_kill_all (guard);
    return end.exited ? end.code : 128 + end.code;
}

/*  Forks the process that guards. Returns true in the parent, which stands by. If the host lacks processes or
    descriptors, there is only one guard process. */
static bool guard_fork (struct guard *guard)
{
    pid_t first = getpid (), pid = fork ();
    if (pid == 0) {
        start_reap_begin ();
        guard->at_once = prctl (PR_SET_PDEATHSIG, (unsigned long) SIGHUP) || getppid () != first;
    }
    if (pid <= 0)
        return false;
    int fd = pidfd_open (pid, 0);
    if (fd < 0) {
        (void) kill (pid, SIGKILL);
        (void) waitpid (pid, NULL, 0);
        return false;
    }
    guard->process = (struct base_process){.pid = pid, .fd = fd};
    return true;
}

int start_guard (int argc, char **argv)
{
    struct guard guard = {.report = -1, .grace_ms = GRACE_MS, .process = BASE_PROCESS_NULL};
    int options = options_parse (argc, argv, &guard);
    if (options < 0)
        return usage_print ();
    guard.signals = start_signals_take ();
    start_reap_begin ();
    return guard_fork (&guard) ? guard_stand_by (&guard) : guard_program (&guard, argv + options);
}
