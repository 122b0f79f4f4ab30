/* SPDX-License-Identifier: MPL-2.0 */
/*  node/lock.c - takes the locks of a root */

#include "node/lock.h"

#include <errno.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "root/lock.h"

int node_lock_take (const struct root *root, int launcher, struct node_lock *ret_lock,
                    struct base_error *error)
{
    base_assert (root_is_open (root) && ret_lock);
    struct node_lock lock = NODE_LOCK_NULL;
    if (launcher < 0)
        lock.root = root_lock_take (root);
    if (lock.root != -EWOULDBLOCK)
        lock.manager = root_manager_lock_take (root);
    if (lock.root == -EWOULDBLOCK || lock.manager == -EWOULDBLOCK) {
        node_lock_deinit (&lock);
        return base_error_set (
            error, -EWOULDBLOCK,
            "another manager serves %s: stop it first, or check it with noded status --root %s", root->path,
            root->path);
    }
    *ret_lock = lock;
    return 0;
}

void node_lock_deinit (struct node_lock *lock)
{
    base_assert (lock);
    base_close_p (&lock->root);
    base_close_p (&lock->manager);
    *lock = NODE_LOCK_NULL;
}
