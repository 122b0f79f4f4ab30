/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_litter.c - leaves two processes behind when it stops: one in a session of its own, and one
    that is a daemon, that is, an orphan without open descriptors

    Only the outermost probe does this. It rehearses a candidate of its own, which is the same program: that
    one must behave, or it would fail first. */

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/node.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

static void leave_session (void)
{
    posix_spawnattr_t attributes;
    char *args[] = {(char[]){"sleep"}, (char[]){"600"}, NULL};
    pid_t pid;
    (void) posix_spawnattr_init (&attributes);
    (void) posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSID);
    (void) posix_spawn (&pid, "/bin/sleep", NULL, &attributes, args, NULL);
    (void) posix_spawnattr_destroy (&attributes);
}

static void leave_daemon (void)
{
    pid_t pid = fork ();
    if (pid == 0) {
        (void) setsid ();
        if (fork ())
            _exit (0);
        for (int fd = 0; fd < 256; fd++)
            (void) close (fd);
        for (;;)
            (void) pause ();
    }
    (void) waitpid (pid, NULL, 0);
}

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    if (config->depth == IDENTITY_DEPTH_MINTED) {
        leave_session ();
        leave_daemon ();
    }
    return __real_node_run (config, settings, wrong);
}
