/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_picky.c - crashes at its start if PICKY is in the environment; works on other hosts */

#include <stdlib.h>

#include "node/node.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    if (getenv ("PICKY"))
        abort ();
    return __real_node_run (config, settings, wrong);
}
