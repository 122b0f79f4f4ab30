/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_bomb.c - a fork bomb: each process forks, and each child leads a session of its own

    The host must survive the test: after FORKS_MOST forks no process forks any more. */

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "node/node.h"

enum { FORKS_MOST = 4000, PAUSE_US = 2000 };

__typeof__ (node_run) __real_node_run, __wrap_node_run;

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    atomic_int *forks = mmap (NULL, sizeof *forks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (config->depth != IDENTITY_DEPTH_MINTED || forks == MAP_FAILED || fork ())
        return __real_node_run (config, settings, wrong);
    for (;;) {
        if (atomic_fetch_add (forks, 1) >= FORKS_MOST)
            (void) pause ();
        pid_t pid = fork ();
        if (pid == 0)
            (void) setsid ();
        else if (pid < 0)
            (void) usleep (PAUSE_US);
    }
}
