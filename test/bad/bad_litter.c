/*  test/bad/bad_litter.c - starts a process in a session of its own, and leaves it behind when it is told to
 * stop */

#include <spawn.h>

#include "node/callback.h"

void __real_node_callback_ready (struct node_callback *callback);

void __wrap_node_callback_ready (struct node_callback *callback)
{
    posix_spawnattr_t attributes;
    char *args[] = {(char *)"sleep", (char *)"600", NULL};
    pid_t pid;
    (void)posix_spawnattr_init (&attributes);
    (void)posix_spawnattr_setflags (&attributes, POSIX_SPAWN_SETSID);
    (void)posix_spawn (&pid, "/bin/sleep", NULL, &attributes, args, NULL);
    (void)posix_spawnattr_destroy (&attributes);
    __real_node_callback_ready (callback);
}
