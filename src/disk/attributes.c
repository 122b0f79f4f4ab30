/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/attributes.c - reads and clears the attributes immutable and append-only */

#include "disk/attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { LOCKED = FS_IMMUTABLE_FL | FS_APPEND_FL };

/*  Opens regular files and directories only: opening anything else (a device, a fifo) may have side effects.
    Returns a descriptor or -errno. */
static int attributes_open (int directory, const char *path)
{
    struct stat status;
    if (fstatat (directory, path, &status, AT_SYMLINK_NOFOLLOW) ||
        (!S_ISREG (status.st_mode) && !S_ISDIR (status.st_mode)))
        return -EINVAL;
    int fd = openat (directory, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

bool disk_attributes_are_locked (int directory, const char *path)
{
    base_assert (path);
    int flags = 0;
    base_cleanup (base_close_p) int fd = attributes_open (directory, path);
    return fd >= 0 && ioctl (fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & LOCKED);
}

bool disk_attributes_clear_fd (int fd)
{
    int flags = 0, before = errno;
    bool cleared = ioctl (fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & LOCKED);
    if (cleared) {
        flags &= ~LOCKED;
        cleared = ioctl (fd, FS_IOC_SETFLAGS, &flags) == 0;
    }
    errno = before;
    return cleared;
}

bool disk_attributes_clear (int directory, const char *path)
{
    base_assert (path);
    int before = errno;
    base_cleanup (base_close_p) int fd = attributes_open (directory, path);
    bool cleared = fd >= 0 && disk_attributes_clear_fd (fd);
    errno = before;
    return cleared;
}
