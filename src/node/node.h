/* SPDX-License-Identifier: MPL-2.0 */
/*  node/node.h - runs the node manager */

#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "identity/settings.h"

/*  Runs until a signal stops it or another version is to be started. settings: source of config. wrong: why
    node.zpl is not the source; not NULL unless it is. Returns the exit status for the launcher: 0,
    ROOT_EXIT_RESTART, ROOT_EXIT_BY_INIT, ROOT_EXIT_LOCKED, or 1 with the reason logged. */
int node_run (struct identity_config *config, enum identity_settings settings, const char *wrong);

#endif
