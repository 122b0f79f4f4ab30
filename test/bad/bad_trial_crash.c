/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_trial_crash.c - passes its whole rehearsal, and crashes in service before it is ready */

#include <stdlib.h>

#include "node/node.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    if (!config->nonce[0]) /* as in bad_trial.c: in service */
        abort ();
    return __real_node_run (config, settings, wrong);
}
