/*  node/node.h - the node manager */

#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "node/settings.h"

/*  Runs until it is told to stop or hands over. Returns the exit status for the launcher: 0,
    ROOT_EXIT_RESTART, ROOT_EXIT_BY_INIT, or 1 with the reason logged. settings: where config is from; wrong:
    why not from node.zpl. */
int node_run (struct node_config *config, enum node_settings settings, const char *wrong);

#endif
