/*  node/lock.h - one manager a root */

#ifndef NODE_LOCK_H
#define NODE_LOCK_H

#include "root/root.h"

/*  The root's lock, and the manager's. The launcher holds the first one for the version that it runs; a manager
    that was started by hand (launcher < 0) takes both. Descriptors, or -1 where none is needed or could be had:
    a disk on which nothing can be locked is no reason not to serve. */
struct node_lock {
    int root;
    int manager;
};

#define NODE_LOCK_NULL ((struct node_lock){.root = -1, .manager = -1})

/*  Returns 0, or -EWOULDBLOCK with a sentence where another process serves the root. */
int node_lock_take (const struct root *root, int launcher, struct node_lock *ret_lock,
                    struct base_error *error);
void node_lock_deinit (struct node_lock *lock);

#endif
