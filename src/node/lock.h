/*  node/lock.h - one manager a root */

#ifndef NODE_LOCK_H
#define NODE_LOCK_H

#include "root/root.h"

/*  The launcher holds the lock for the version that it runs; who was started by hand (launcher < 0) takes it
    himself. *ret_lock: a descriptor for the caller, or -1 where none is needed or could be had: a disk on
    which nothing can be locked is no reason not to serve. Returns 0, or -EWOULDBLOCK with a sentence where
    another process serves the root. */
int node_lock_take (const struct root *root, int launcher, int *ret_lock, struct base_error *error);

#endif
