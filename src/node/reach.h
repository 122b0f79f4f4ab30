/* SPDX-License-Identifier: MPL-2.0 */
/*  node/reach.h - reports on the host that the broker cannot be reached, since when and why

    The first check runs after update/answer without a welcome, then one every minute. A new reason is logged
    and written to var/unreached, which `noded status` prints. Nothing else depends on that file. */

#ifndef NODE_REACH_H
#define NODE_REACH_H

#include "identity/config.h"
#include "root/root.h"

struct node_reach;

/*  Starts to wait for a welcome. Returns NULL if out of memory: then nothing is reported. All functions
    accept NULL. */
struct node_reach *node_reach_new (struct bus_loop *loop, const struct identity_config *config,
                                   const struct root *root);
struct node_reach *node_reach_free (struct node_reach *reach);

/*  The origin has welcomed this node; contact to it was lost; it has refused hello. */
void node_reach_welcome (struct node_reach *reach);
void node_reach_lost (struct node_reach *reach);
void node_reach_refused (struct node_reach *reach, const char *reason);

/*  Prints a line for `noded status` if the broker cannot be reached. */
void node_reach_print (const struct root *root);

#endif
