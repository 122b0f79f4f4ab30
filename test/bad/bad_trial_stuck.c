/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_trial_stuck.c - passes its whole rehearsal, announces readiness in service, and hangs: it
    neither confirms itself nor gives up */

#include <unistd.h>

#include "node/manager.h"

void __real_node_trial_begin (struct node_manager *node);

void __wrap_node_trial_begin (struct node_manager *node)
{
    while (!node->config->nonce[0]) /* as in bad_trial.c: in service */
        (void) pause ();
    __real_node_trial_begin (node);
}
