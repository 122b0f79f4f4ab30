/* SPDX-License-Identifier: MPL-2.0 */
/*  node/settings_wait.h - the process of a node without usable settings */

#ifndef NODE_SETTINGS_WAIT_H
#define NODE_SETTINGS_WAIT_H

#include "identity/settings.h"

/*  Runs without an origin until node.zpl can be used. It reports ready to the launcher and handles only
    signals. Returns the exit status. launcher: writing end of the pipe to it, or -1. */
int node_settings_wait (const struct identity_config *config, int launcher, const char *wrong);

#endif
