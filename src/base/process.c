/* SPDX-License-Identifier: MPL-2.0 */
/*  base/process.c - starts, signals and reaps child processes

    The child reports over a pipe that closes on execve, so a program that cannot be executed is distinguished
    from one that exits at once. Between fork and execve only async-signal-safe calls are made, because the
    caller may have threads. */

#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/assert.h"
#include "base/cleanup.h"

/*  The step in which the child failed. */
enum step { STEP_DESCRIPTORS, STEP_PARENT, STEP_DIRECTORY, STEP_EXECUTE };

struct report {
    int code; /* errno */
    enum step step;
};

__attribute__ ((noreturn)) static void child_fail (int fd, enum step step, int code)
{
    struct report report = {.code = code, .step = step};
    ssize_t written = write (fd, &report, sizeof report);
    _exit (written == (ssize_t) sizeof report ? 127 : 126);
}

/*  Duplicates a descriptor to a number above 2, so that it is not overwritten before it is read. */
static int child_raise (int fd)
{
    return fcntl (fd, F_DUPFD_CLOEXEC, 3);
}

/*  The descriptor for standard number i, duplicated above 2; -1 for /dev/null. */
static int child_source (const struct base_process_spec *spec, int i)
{
    if (spec->standard_fds[i] >= 0)
        return child_raise (spec->standard_fds[i]);
    /*  If the caller's own descriptor i is close-on-exec, it is not a standard stream but some other file,
        and must not be inherited. */
    int flags = i == 0 ? -1 : fcntl (i, F_GETFD);
    return flags < 0 || (flags & FD_CLOEXEC) ? -1 : child_raise (i);
}

/*  Opens /dev/null. If /dev has none (something is mounted over it), returns an empty sealed file. */
static int child_null (void)
{
    int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0 || errno == EMFILE || errno == ENFILE)
        return null;
    null = memfd_create ("null", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (null >= 0)
        (void) fcntl (null, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    return null;
}

static int child_standard (const struct base_process_spec *spec)
{
    int sources[3];
    for (int i = 0; i < 3; i++) {
        sources[i] = child_source (spec, i);
        if (sources[i] < 0 && spec->standard_fds[i] >= 0)
            return -1;
    }
    for (int i = 0; i < 3; i++) {
        if (sources[i] < 0) {
            int null = child_null ();
            sources[i] = null < 0 ? -1 : child_raise (null);
        }
        if (sources[i] < 0 || dup2 (sources[i], i) < 0)
            return -1;
    }
    return 0;
}

static int child_close_others (const struct base_process_spec *spec)
{
    if (close_range (3, UINT_MAX, CLOSE_RANGE_CLOEXEC)) {
        long most = sysconf (_SC_OPEN_MAX); /* kernel before 5.11 */
        for (int fd = 3; fd < (most < 0 ? 65536 : most); fd++)
            (void) fcntl (fd, F_SETFD, FD_CLOEXEC);
    }
    for (int i = 0; i < spec->n_fds; i++)
        if (spec->fds[i] >= 3 && fcntl (spec->fds[i], F_SETFD, 0))
            return -1;
    return 0;
}

static void child_signals (void)
{
    for (int number = 1; number < NSIG; number++)
        (void) signal (number, SIG_DFL); /* fails for signals that cannot be caught */
    sigset_t none;
    sigemptyset (&none);
    (void) sigprocmask (SIG_SETMASK, &none, NULL);
}

static void child_kill_first (void)
{
    int fd = open ("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t written = write (fd, "1000", 4); /* optional: the child starts without it */
    (void) written;
    (void) close (fd);
}

__attribute__ ((noreturn)) static void child_run (const struct base_process_spec *spec, pid_t parent, int fd)
{
    int report_fd = child_raise (fd);
    if (report_fd < 0)
        _exit (126);
    if (spec->death_signal &&
        (prctl (PR_SET_PDEATHSIG, (unsigned long) spec->death_signal) || getppid () != parent))
        child_fail (report_fd, STEP_PARENT, ESRCH);
    if (spec->own_session)
        (void) setsid ();
    if (spec->kill_first)
        child_kill_first ();
    if (child_standard (spec) || child_close_others (spec))
        child_fail (report_fd, STEP_DESCRIPTORS, errno);
    if (spec->directory && chdir (spec->directory))
        child_fail (report_fd, STEP_DIRECTORY, errno);
    child_signals ();
    execve (spec->program, spec->args, spec->env ? spec->env : environ);
    child_fail (report_fd, STEP_EXECUTE, errno);
}

static int report_read (int fd, struct report *ret_report)
{
    ssize_t got;
    do
        got = read (fd, ret_report, sizeof *ret_report);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t) sizeof *ret_report;
}

static int spawn_failed (const struct base_process_spec *spec, const struct report *report,
                         struct base_error *error)
{
    switch (report->step) {
    case STEP_DESCRIPTORS:
        return base_error_errno (error, -report->code, "cannot hand descriptors to %s", spec->program);
    case STEP_PARENT:
        return base_error_errno (error, -report->code, "the parent of %s has exited", spec->program);
    case STEP_DIRECTORY:
        return base_error_errno (error, -report->code, "cannot start %s in directory %s", spec->program,
                                 spec->directory);
    case STEP_EXECUTE:
        break;
    }
    return base_error_errno (error, -report->code, "cannot execute %s", spec->program);
}

int base_process_spawn (const struct base_process_spec *spec, struct base_process *ret_process,
                        struct base_error *error)
{
    base_assert (spec && spec->program);
    base_assert (spec->args && spec->args[0]);
    base_assert (spec->n_fds >= 0 && spec->n_fds <= BASE_PROCESS_FDS);
    base_assert (ret_process);
    int ends[2];
    if (pipe2 (ends, O_CLOEXEC))
        return base_error_errno (error, -errno, "cannot make a pipe to start %s", spec->program);
    base_cleanup (base_close_p) int reading = ends[0];
    base_cleanup (base_close_p) int writing = ends[1];

    /*  The caller's signal handlers must not run in the child. */
    sigset_t all, before;
    sigfillset (&all);
    (void) pthread_sigmask (SIG_SETMASK, &all, &before);
    pid_t parent = getpid ();
    pid_t pid = fork ();
    if (pid == 0)
        child_run (spec, parent, writing);
    int code = -errno;
    (void) pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return base_error_errno (error, code, "cannot start a process for %s", spec->program);

    (void) close (base_take_fd (&writing));
    struct report report;
    if (report_read (reading, &report)) {
        (void) waitpid (pid, NULL, 0);
        return spawn_failed (spec, &report, error);
    }
    int fd = pidfd_open (pid, 0); /* always close-on-exec */
    if (fd < 0) {
        code = -errno;
        (void) kill (pid, SIGKILL);
        (void) waitpid (pid, NULL, 0);
        return base_error_errno (error, code, "cannot open a pidfd for %s", spec->program);
    }
    *ret_process = (struct base_process){.pid = pid, .fd = fd};
    return 0;
}

int base_process_signal (const struct base_process *process, int signal)
{
    base_assert (process);
    if (process->pid == 0)
        return -ESRCH;
    return pidfd_send_signal (process->fd, signal, NULL, 0) ? -errno : 0;
}

int base_process_wait (struct base_process *process, enum base_wait wait, struct base_process_end *ret_end)
{
    base_assert (process);
    if (process->pid == 0)
        return -ESRCH;
    siginfo_t info = {0};
    while (waitid (P_PIDFD, (id_t) process->fd, &info, WEXITED | (wait == BASE_WAIT_FOR_END ? 0 : WNOHANG)))
        if (errno != EINTR)
            return -errno;
    if (info.si_pid == 0)
        return -EAGAIN;
    if (ret_end)
        *ret_end = (struct base_process_end){.exited = info.si_code == CLD_EXITED, .code = info.si_status};
    (void) close (process->fd);
    *process = BASE_PROCESS_NULL;
    return 0;
}

const char *base_process_end_format (const struct base_process_end *end, char *text, size_t size)
{
    base_assert (end);
    base_assert (text && size > 0);
    if (end->exited)
        (void) snprintf (text, size, "exited with status %d", end->code);
    else
        (void) snprintf (text, size, "was killed by signal %d (%s)", end->code, strsignal (end->code));
    return text;
}

void base_process_deinit (struct base_process *process)
{
    base_assert (process);
    if (process->pid == 0)
        return;
    (void) base_process_signal (process, SIGKILL);
    (void) base_process_wait (process, BASE_WAIT_FOR_END, NULL);
    if (process->fd >= 0)
        (void) close (process->fd); /* already reaped elsewhere */
    *process = BASE_PROCESS_NULL;
}

static int system_spawn (void *context, const struct base_process_spec *spec,
                         struct base_process *ret_process, struct base_error *error)
{
    (void) context;
    return base_process_spawn (spec, ret_process, error);
}

static int system_signal (void *context, const struct base_process *process, int signal)
{
    (void) context;
    return base_process_signal (process, signal);
}

static int system_wait (void *context, struct base_process *process, enum base_wait wait,
                        struct base_process_end *ret_end)
{
    (void) context;
    return base_process_wait (process, wait, ret_end);
}

const struct base_process_ops base_process_system = {
    .spawn = system_spawn, .signal = system_signal, .wait = system_wait};
