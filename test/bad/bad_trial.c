/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_trial.c - passes its whole rehearsal, and hangs in service before it is ready

    Only the nonce distinguishes the node.zpl of a probe from that of a node in service. */

#include <unistd.h>

#include "node/node.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    while (!config->nonce[0])
        (void) pause ();
    return __real_node_run (config, settings, wrong);
}
