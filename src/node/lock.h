/* SPDX-License-Identifier: MPL-2.0 */
/*  node/lock.h - allows one manager for each root */

#ifndef NODE_LOCK_H
#define NODE_LOCK_H

#include "root/root.h"

/*  The root's lock, and the manager's. The launcher holds the root's lock for the version that it runs; a
    manager that was started by hand (launcher < 0) takes both. A descriptor is -1 if the lock is not needed
    or could not be taken: a disk that cannot lock is no reason not to run. */
struct node_lock {
    int root;
    int manager;
};

#define NODE_LOCK_NULL ((struct node_lock){.root = -1, .manager = -1})

/*  Returns 0, or -EWOULDBLOCK with a sentence if another process serves the root. */
int node_lock_take (const struct root *root, int launcher, struct node_lock *ret_lock,
                    struct base_error *error);
void node_lock_deinit (struct node_lock *lock);

#endif
