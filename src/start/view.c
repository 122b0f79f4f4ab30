/* SPDX-License-Identifier: MPL-2.0 */
/*  start/view.c - makes a root read-only in a private mount namespace */

#include "start/view.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"

/*  Makes all mounts slaves. In a chroot "/" may be no mount point, and only a mount point can be made a
    slave. setns to the own namespace leaves the chroot for the duration of the call. */
static int mounts_make_slaves (void)
{
    if (!mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
        return 0;
    if (errno != EINVAL)
        return -errno;
    base_cleanup (base_close_p) int top = open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    base_cleanup (base_close_p) int here = open (".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    base_cleanup (base_close_p) int own = open ("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (top < 0 || here < 0 || own < 0 || setns (own, CLONE_NEWNS))
        return -errno;
    int r = mount (NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) ? -errno : 0;
    if (fchdir (top) || chroot (".") || fchdir (here))
        return r ? r : -errno;
    return r;
}

int start_view_close (const char *root, const char *writable, struct base_error *error)
{
    base_assert (root && writable);
    struct mount_attr closed = {.attr_set = MOUNT_ATTR_RDONLY}, opened = {.attr_clr = MOUNT_ATTR_RDONLY};
    if (unshare (CLONE_NEWNS))
        return base_error_errno (error, -errno, "cannot make a mount namespace");
    int r = mounts_make_slaves ();
    if (r < 0)
        return base_error_errno (error, r, "cannot stop mount propagation");
    /* recursive: mounts below the root, such as var, become read-only too */
    if (mount (root, root, NULL, MS_BIND | MS_REC, NULL))
        return base_error_errno (error, -errno, "cannot mount %s", root);
    if (mount (writable, writable, NULL, MS_BIND | MS_REC, NULL) ||
        mount_setattr (AT_FDCWD, root, AT_RECURSIVE, &closed, sizeof closed) ||
        mount_setattr (AT_FDCWD, writable, AT_RECURSIVE, &opened, sizeof opened)) {
        r = -errno;
        (void) umount2 (root, MNT_DETACH);
        return base_error_errno (error, r, "cannot make %s read-only", root);
    }
    /* a directory entered earlier stays writable, even through "..": enter it again */
    char here[PATH_MAX];
    if (getcwd (here, sizeof here) && chdir (here) && chdir ("/"))
        return base_error_errno (error, -errno, "cannot enter %s again", here);
    return 0;
}
