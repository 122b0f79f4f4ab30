/* SPDX-License-Identifier: MPL-2.0 */
/*  start/reap.c - signalfd, dispositions and reaping */

#include "start/reap.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"

/*  Processes that fork and exit continuously would keep this loop busy forever. */
enum { REAPED_MOST = 4096 };

static const int handled_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGCHLD};

static sigset_t handled_set (void)
{
    sigset_t set;
    sigemptyset (&set);
    for (size_t i = 0; i < sizeof handled_signals / sizeof *handled_signals; i++)
        sigaddset (&set, handled_signals[i]);
    return set;
}

void start_signals_hold (void)
{
    sigset_t set = handled_set ();
    (void) sigprocmask (SIG_SETMASK, &set, NULL);
    /*  With SIGCHLD ignored, as some init systems leave it, the kernel would reap the children itself. */
    for (size_t i = 0; i < sizeof handled_signals / sizeof *handled_signals; i++)
        (void) signal (handled_signals[i], SIG_DFL);
    (void) signal (SIGPIPE, SIG_IGN);
}

int start_signals_take (void)
{
    start_signals_hold ();
    sigset_t set = handled_set ();
    int fd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

void start_signals_give_back (void)
{
    sigset_t none;
    sigemptyset (&none);
    (void) signal (SIGPIPE, SIG_DFL);
    (void) sigprocmask (SIG_SETMASK, &none, NULL);
}

int start_signals_next (int fd)
{
    struct signalfd_siginfo info;
    return start_signals_read (fd, &info) ? (int) info.ssi_signo : 0;
}

bool start_signals_read (int fd, struct signalfd_siginfo *ret_info)
{
    base_assert (ret_info);
    return read (fd, ret_info, sizeof *ret_info) == (ssize_t) sizeof *ret_info;
}

void start_reap_begin (void)
{
    (void) prctl (PR_SET_CHILD_SUBREAPER, 1UL);
}

bool start_reap_others (pid_t keep)
{
    for (int i = 0; i < REAPED_MOST; i++) {
        siginfo_t info = {0};
        /*  WNOWAIT first: keep is reaped by its owner. Others behind it are reaped after that. */
        if (waitid (P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT))
            return errno != ECHILD;
        if (info.si_pid == 0 || info.si_pid == keep)
            return true;
        (void) waitpid (info.si_pid, NULL, WNOHANG);
    }
    return true;
}
