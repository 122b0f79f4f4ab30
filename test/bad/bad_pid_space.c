/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_pid_space.c - runs as the first process of a new pid namespace

    It cannot end the processes that it starts, because the pids in /proc are those of the outer namespace. */

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/node.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

static pid_t inner;

static void signal_forward (int number)
{
    (void) kill (inner, number);
}

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2};
    int status;
    if (unshare (CLONE_NEWPID))
        return 77;
    inner = fork ();
    if (inner == 0) {
        (void) prctl (PR_SET_PDEATHSIG, (unsigned long) SIGKILL);
        return __real_node_run (config, settings, wrong);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void) signal (numbers[i], signal_forward);
    while (waitpid (inner, &status, 0) != inner)
        continue;
    return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
}
