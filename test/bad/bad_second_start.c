/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_second_start.c - passes its rehearsal and its trial, and crashes at each later start */

#include <stdlib.h>

#include "node/node.h"
#include "root/root.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    struct root root;
    struct root_trial trial = {.on_trial = true};
    if (!config->nonce[0] && !root_open (&disk_system, config->root, &root, NULL)) {
        (void) root_trial_read (&root, &trial, NULL);
        root_deinit (&root);
    }
    if (!trial.on_trial)
        abort ();
    return __real_node_run (config, settings, wrong);
}
