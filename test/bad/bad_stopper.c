/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_stopper.c - stops (SIGSTOP) the processes that could end it: with HOW=group its whole process
    group, with HOW=guards the two nearest guards above it

    Only the outermost probe does this: its own candidate, the same program, must behave, or it would fail
    first. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/node.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

static ssize_t read_of (pid_t pid, const char *what, char *text, size_t size)
{
    char path[64];
    (void) snprintf (path, sizeof path, "/proc/%d/%s", (int) pid, what);
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, text, size - 1);
    if (fd >= 0)
        (void) close (fd);
    text[got < 0 ? 0 : got] = '\0';
    return got;
}

static pid_t parent_of (pid_t pid)
{
    char text[512];
    const char *at = read_of (pid, "stat", text, sizeof text) > 0 ? strrchr (text, ')') : NULL;
    return at && strlen (at) > 4 ? (pid_t) strtol (at + 4, NULL, 10) : 0;
}

/*  The guard's command line is ".../start", "guard", ... */
static void stop_guards (void)
{
    int guards = 0;
    for (pid_t pid = parent_of (getpid ()); pid > 1 && guards < 2; pid = parent_of (pid)) {
        char text[4096];
        if (read_of (pid, "cmdline", text, sizeof text) <= 0 ||
            strcmp (text + strlen (text) + 1, "guard") != 0)
            continue;
        guards++;
        (void) kill (pid, SIGSTOP);
    }
}

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    const char *how = getenv ("HOW");
    if (config->depth == IDENTITY_DEPTH_MINTED && how) {
        if (strcmp (how, "group") == 0)
            (void) kill (0, SIGSTOP);
        else
            stop_guards ();
    }
    return __real_node_run (config, settings, wrong);
}
