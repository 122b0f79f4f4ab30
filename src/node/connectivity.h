/* SPDX-License-Identifier: MPL-2.0 */
/*  node/connectivity.h - reports on the host that the broker cannot be reached, since when and why

    The first check runs after update/answer without a welcome, then one every minute. A new reason is logged
    and written to var/unreached, which `noded status` prints. Nothing else depends on that file. */

#ifndef NODE_CONNECTIVITY_H
#define NODE_CONNECTIVITY_H

#include "identity/config.h"
#include "root/root.h"

struct node_connectivity;

/*  Starts to wait for a welcome. Returns NULL if out of memory: then nothing is reported. All functions
    accept NULL. */
struct node_connectivity *node_connectivity_new (struct bus_loop *loop, const struct identity_config *config,
                                                 const struct root *root);
struct node_connectivity *node_connectivity_free (struct node_connectivity *connectivity);

/*  The origin has welcomed this node; contact to it was lost; it has refused hello. */
void node_connectivity_welcome (struct node_connectivity *connectivity);
void node_connectivity_lost (struct node_connectivity *connectivity);
void node_connectivity_refused (struct node_connectivity *connectivity, const char *reason);

/*  Prints a line for `noded status` if the broker cannot be reached. */
void node_connectivity_print (const struct root *root);

#endif
