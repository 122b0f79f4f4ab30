/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_trial_stuck.c - passes its whole rehearsal, announces readiness in service, and hangs: it
    neither confirms itself nor gives up */

#include <unistd.h>

#include "node/application.h"

void __real_node_trial_begin (struct node_application *app);

void __wrap_node_trial_begin (struct node_application *app)
{
    while (!app->process->config->nonce[0]) /* as in bad_trial.c: in service */
        (void) pause ();
    __real_node_trial_begin (app);
}
