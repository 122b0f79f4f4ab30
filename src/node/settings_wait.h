/* SPDX-License-Identifier: MPL-2.0 */
/*  node/settings_wait.h - the process of a node without usable settings */

#ifndef NODE_SETTINGS_WAIT_H
#define NODE_SETTINGS_WAIT_H

#include "identity/settings.h"

/*  Runs without an origin until node.zpl can be used. It reports ready to the launcher and handles only
    signals. launcher: writing end of the pipe to the launcher, or -1; not consumed. wrong: why node.zpl
    cannot be used. Returns the exit status: 0, ROOT_EXIT_RESTART, ROOT_EXIT_LOCKED, or 1 with the reason
    logged. */
int node_settings_wait (const struct identity_config *config, int launcher, const char *wrong);

#endif
