/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/base/process.c - child processes: start, inheritance, end and cleanup */

#include "base/process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "test/lib/load.h"
#include "test/lib/shell.h"

/*  A NULL-terminated list of strings, as execve expects it. */
#define LIST(...) (base_list_const ((const char *const[]){__VA_ARGS__, NULL}))

#define SHELL(script)                                                                                        \
    ((struct base_process_spec){                                                                             \
        .program = "/bin/sh", .args = LIST ("sh", "-c", script), .standard_fds = {-1, -1, -1}})

static struct base_process_end shell_run (const char *script)
{
    struct base_process_spec spec = SHELL (script);
    struct base_process process = BASE_PROCESS_NULL;
    struct base_error error = {0};
    cr_assert_eq (base_process_spawn (&spec, &process, &error), 0, "%s", error.text);
    struct base_process_end end;
    cr_assert_eq (base_process_wait (&process, BASE_WAIT_FOR_END, &end), 0);
    cr_expect_eq (process.pid, 0);
    cr_expect_eq (process.fd, -1);
    return end;
}

static char *child_output (struct base_process_spec spec)
{
    static char text[4096];
    int ends[2];
    cr_assert_eq (pipe2 (ends, O_CLOEXEC), 0);
    spec.standard_fds[1] = ends[1];
    struct base_process process = BASE_PROCESS_NULL;
    struct base_error error = {0};
    cr_assert_eq (base_process_spawn (&spec, &process, &error), 0, "%s", error.text);
    (void) close (ends[1]);
    size_t size = 0;
    for (ssize_t got; (got = read (ends[0], text + size, sizeof text - 1 - size)) > 0;)
        size += (size_t) got;
    (void) close (ends[0]);
    text[size] = '\0';
    cr_assert_eq (base_process_wait (&process, BASE_WAIT_FOR_END, NULL), 0);
    return text;
}

Test (process, an_exit_status_and_a_signal_are_distinguished)
{
    struct base_process_end end = shell_run ("exit 3");
    char text[64];
    cr_expect (end.exited);
    cr_expect_eq (end.code, 3);
    cr_expect_str_eq (base_process_end_format (&end, text, sizeof text), "exited with status 3");
    end = shell_run ("kill -9 $$");
    cr_expect_not (end.exited);
    cr_expect_eq (end.code, 9);
    cr_expect_str_eq (base_process_end_format (&end, text, sizeof text), "was killed by signal 9 (Killed)");
}

Test (process, a_program_that_cannot_be_executed_is_an_error)
{
    struct base_process process = BASE_PROCESS_NULL;
    struct base_error error = {0};
    struct base_process_spec spec = SHELL ("true");
    spec.program = "/nowhere/to be found";
    cr_expect_eq (base_process_spawn (&spec, &process, &error), -ENOENT);
    cr_expect_str_eq (error.text, "cannot execute /nowhere/to be found: No such file or directory");
    spec.program = "/etc/passwd";
    cr_expect_eq (base_process_spawn (&spec, &process, &error), -EACCES);
    spec.program = "/bin/sh";
    spec.directory = "/nowhere";
    cr_expect_eq (base_process_spawn (&spec, &process, &error), -ENOENT);
    cr_expect_eq (process.pid, 0);
    cr_expect_eq (waitpid (-1, NULL, WNOHANG), -1, "no child is left over");
    cr_expect_eq (errno, ECHILD);
}

Test (process, waiting_for_a_child_does_not_block)
{
    int ends[2];
    cr_assert_eq (pipe2 (ends, O_CLOEXEC), 0);
    struct base_process_spec spec = SHELL ("read line");
    spec.standard_fds[0] = ends[0];
    struct base_process process = BASE_PROCESS_NULL;
    cr_assert_eq (base_process_spawn (&spec, &process, NULL), 0);
    cr_expect_eq (base_process_wait (&process, BASE_WAIT_NOT, NULL), -EAGAIN);
    cr_expect_neq (process.pid, 0);
    cr_assert_eq (write (ends[1], "x\n", 2), 2);
    struct pollfd ended = {.fd = process.fd, .events = POLLIN};
    cr_expect_eq (poll (&ended, 1, load_deadline_ms (30000)), 1);
    cr_expect_eq (base_process_wait (&process, BASE_WAIT_NOT, NULL), 0);
    cr_expect_eq (base_process_wait (&process, BASE_WAIT_NOT, NULL), -ESRCH);
    cr_expect_eq (base_process_signal (&process, SIGTERM), -ESRCH);
}

Test (process, a_child_inherits_only_the_listed_descriptors)
{
    int given = fcntl (open ("/dev/null", O_RDONLY | O_CLOEXEC), F_DUPFD_CLOEXEC, 40);
    int open_one = fcntl (0, F_DUPFD, 50);
    cr_assert_geq (open_one, 50);
    struct base_process_spec spec =
        SHELL ("for fd in $(seq 0 99); do [ ! -e /proc/$$/fd/$fd ] || echo $fd; done");
    spec.n_fds = 1;
    spec.fds[0] = given;
    char wanted[64];
    (void) snprintf (wanted, sizeof wanted, "0\n1\n2\n%d\n", given);
    cr_expect_str_eq (child_output (spec), wanted);
}

Test (process, standard_descriptors_can_be_swapped)
{
    int ends[2];
    cr_assert_eq (pipe2 (ends, O_CLOEXEC), 0);
    /*  Descriptor 1 of the caller becomes 2 of the child, and 2 becomes 1. */
    int was_out = fcntl (1, F_DUPFD_CLOEXEC, 10), was_error = fcntl (2, F_DUPFD_CLOEXEC, 10);
    int to_null = open ("/dev/null", O_WRONLY | O_CLOEXEC);
    (void) dup2 (to_null, 1);
    (void) dup2 (ends[1], 2);
    struct base_process_spec spec = SHELL ("echo out; echo error >&2");
    spec.standard_fds[1] = 2;
    spec.standard_fds[2] = 1;
    struct base_process process = BASE_PROCESS_NULL;
    int rc = base_process_spawn (&spec, &process, NULL);
    (void) dup2 (was_out, 1);
    (void) dup2 (was_error, 2);
    (void) close (ends[1]);
    cr_assert_eq (rc, 0);
    cr_assert_eq (base_process_wait (&process, BASE_WAIT_FOR_END, NULL), 0);
    char text[64] = "";
    cr_expect_eq (read (ends[0], text, sizeof text - 1), 4);
    cr_expect_str_eq (text, "out\n");
}

Test (process, a_closed_standard_descriptor_becomes_dev_null_in_the_child)
{
    int secret = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_assert_geq (secret, 0);
    int was_error = fcntl (2, F_DUPFD_CLOEXEC, 20);
    (void) close (2);
    char *text = child_output (SHELL ("readlink /proc/$$/fd/2"));
    (void) dup2 (was_error, 2);
    cr_expect_str_eq (text, "/dev/null\n");
}

Test (process, a_child_starts_with_default_signals)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGTERM);
    cr_assert_eq (sigprocmask (SIG_BLOCK, &set, NULL), 0);
    (void) signal (SIGPIPE, SIG_IGN);
    (void) signal (SIGHUP, SIG_IGN);
    cr_expect_str_eq (child_output (SHELL ("grep -E 'Sig(Blk|Ign)' /proc/$$/status | tr -d '\\t'")),
                      "SigBlk:0000000000000000\nSigIgn:0000000000000000\n");
    cr_expect_eq (sigismember (&set, SIGTERM), 1);
    sigset_t now;
    cr_assert_eq (sigprocmask (SIG_SETMASK, NULL, &now), 0);
    cr_expect_eq (sigismember (&now, SIGTERM), 1, "the signal mask of the caller is unchanged");
}

Test (process, own_session_and_kill_first_are_applied)
{
    struct base_process_spec spec =
        SHELL ("cat /proc/self/oom_score_adj; cut -d' ' -f6 /proc/$$/stat; echo $$");
    spec.own_session = true;
    spec.kill_first = true;
    char *at = child_output (spec);
    cr_expect_eq (strtol (at, &at, 10), 1000);
    long session = strtol (at, &at, 10), pid = strtol (at, &at, 10);
    cr_expect_gt (pid, 0);
    cr_expect_eq (session, pid);
}

Test (process, a_child_has_exactly_the_given_environment)
{
    struct base_process_spec spec = {.program = "/usr/bin/env",
                                     .args = LIST ("env"),
                                     .env = LIST ("A.B=1 2", "QUOTE='\"$"),
                                     .standard_fds = {-1, -1, -1}};
    cr_expect_str_eq (child_output (spec), "A.B=1 2\nQUOTE='\"$\n");
}

Test (process, a_child_with_a_death_signal_ends_with_its_parent)
{
    int ends[2];
    cr_assert_eq (pipe2 (ends, O_CLOEXEC), 0);
    pid_t starter = fork ();
    if (starter == 0) {
        int keep[2]; /* the open write end keeps the child's standard input from ending */
        struct base_process_spec spec = SHELL ("echo x; while :; do read line; done");
        struct base_process process = BASE_PROCESS_NULL;
        if (pipe (keep))
            _exit (1);
        spec.standard_fds[0] = keep[0];
        spec.standard_fds[1] = ends[1];
        spec.death_signal = SIGKILL;
        if (base_process_spawn (&spec, &process, NULL))
            _exit (1);
        (void) close (ends[1]);
        for (;;)
            (void) pause ();
    }
    (void) close (ends[1]);
    char text[8];
    cr_assert_eq (read (ends[0], text, sizeof text), 2);
    (void) kill (starter, SIGKILL);
    (void) waitpid (starter, NULL, 0);
    struct pollfd gone = {.fd = ends[0], .events = POLLIN};
    cr_expect_eq (poll (&gone, 1, load_deadline_ms (30000)), 1);
    cr_expect_eq (read (ends[0], text, sizeof text), 0, "the child has closed its end of the pipe");
}

Test (process, deinit_kills_and_reaps_the_child)
{
    struct base_process_spec spec = SHELL ("trap '' TERM; " SHELL_STAYS);
    struct base_process process = BASE_PROCESS_NULL;
    cr_assert_eq (base_process_spawn (&spec, &process, NULL), 0);
    pid_t pid = process.pid;
    base_process_deinit (&process);
    cr_expect_eq (process.pid, 0);
    cr_expect_eq (kill (pid, 0), -1);
    base_process_deinit (&process);
}
