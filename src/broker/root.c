/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/root.c - the directory of a broker or a content peer */

#include "broker/root.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "broker/errors.h"

int broker_root_open (const char *path, int *ret_root, int *ret_lock, struct base_error *error)
{
    base_assert (path && ret_root && ret_lock);
    base_cleanup (base_close_p) int root = -1;
    base_cleanup (base_close_p) int lock = -1;

    if (mkdir (path, 0700) != 0 && errno != EEXIST)
        return base_error_errno (error, -errno, "cannot create the root %s", path);
    root = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return base_error_errno (error, -errno, "cannot open the root %s", path);
    lock = openat (root, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return base_error_errno (error, -errno, "cannot open %s/lock", path);
    if (flock (lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return base_error_set (error, BROKER_E_LOCKED,
                                   "another process serves the root %s: stop it first, or use another root",
                                   path);
        return base_error_errno (error, -errno, "cannot lock %s/lock", path);
    }
    *ret_root = base_take_fd (&root);
    *ret_lock = base_take_fd (&lock);
    return 0;
}
