/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_command.c - passes its whole rehearsal; in service it first runs the sh script whose path is
    in BAD_COMMAND, then continues as usual. It survives the death of its launcher. */

#include <spawn.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/node.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    char *script = getenv ("BAD_COMMAND");
    if (!config->nonce[0] && script) {
        char *args[] = {(char[]){"sh"}, script, NULL};
        pid_t pid;
        (void) prctl (PR_SET_PDEATHSIG, 0UL);
        if (posix_spawn (&pid, "/bin/sh", NULL, NULL, args, environ) == 0)
            (void) waitpid (pid, NULL, 0);
    }
    return __real_node_run (config, settings, wrong);
}
