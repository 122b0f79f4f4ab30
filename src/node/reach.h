/*  node/reach.h - tells on the host that the broker is not reached, since when and why

    In the log, and in var/unreached for noded status; nothing goes by it. The first time after
    update/answer without a welcome, then each minute, in the log only where the reason is another one. */

#ifndef NODE_REACH_H
#define NODE_REACH_H

#include "node/config.h"
#include "root/root.h"

struct node_reach;

/*  Begins to wait for a welcome. Returns NULL where memory is out: then nothing is told. All functions accept
    NULL. */
struct node_reach *node_reach_new (struct bus_loop *loop, const struct node_config *config,
                                   const struct root *root);
struct node_reach *node_reach_free (struct node_reach *reach);

/*  The origin has welcomed this node; has not been heard of; has answered hello with no. */
void node_reach_welcome (struct node_reach *reach);
void node_reach_lost (struct node_reach *reach);
void node_reach_refused (struct node_reach *reach, const char *reason);

/*  Prints a line for noded status, where there is something to tell. */
void node_reach_print (const struct root *root);

#endif
