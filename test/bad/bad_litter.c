/*  test/bad/bad_litter.c - starts a process in a session of its own, and leaves it behind when it is told
    to stop

    Only where it has a candidate of its own to rehearse: that candidate, which is this program too, would
    be found out first. */

#include <spawn.h>

#include "node/node.h"

int __real_node_run (struct node_config *config);

int __wrap_node_run (struct node_config *config)
{
    if (config->depth == NODE_DEPTH_MINTED) {
        posix_spawnattr_t attributes;
        char *args[] = {(char *) "sleep", (char *) "600", NULL};
        pid_t pid;
        (void) posix_spawnattr_init (&attributes);
        (void) posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSID);
        (void) posix_spawn (&pid, "/bin/sleep", NULL, &attributes, args, NULL);
        (void) posix_spawnattr_destroy (&attributes);
    }
    return __real_node_run (config);
}
