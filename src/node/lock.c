#include "node/lock.h"

#include <errno.h>

#include "root/lock.h"

int node_lock_take (const struct root *root, int launcher, int *ret_lock, struct base_error *error)
{
    int lock = launcher < 0 ? root_lock_take (root) : -1;
    *ret_lock = lock < 0 ? -1 : lock;
    if (lock != -EWOULDBLOCK)
        return 0;
    return base_error_set (
        error, -EWOULDBLOCK,
        "another manager serves %s: stop it first, or look at it with noded status --root %s", root->path,
        root->path);
}
