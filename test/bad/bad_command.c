/*  test/bad/bad_command.c - passes its whole rehearsal, and in service does whatever a story has put into the file
    BAD_COMMAND, a script for sh, before it goes on. It outlives its launcher, should that be killed. */

#include <spawn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/node.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

int __wrap_node_run (struct node_config *config, enum node_settings settings, const char *wrong)
{
    char *script = getenv ("BAD_COMMAND");
    if (!config->nonce[0] && script) {
        char *args[] = {(char *) "sh", script, NULL};
        pid_t pid;
        (void) prctl (PR_SET_PDEATHSIG, 0UL);
        if (posix_spawn (&pid, "/bin/sh", NULL, NULL, args, environ) == 0)
            (void) waitpid (pid, NULL, 0);
    }
    return __real_node_run (config, settings, wrong);
}
