#include "disk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/directory.h"
#include "disk/attributes.h"
#include "disk/place.h"

/*  A tree may be deeper than descriptors last: what lies below this depth is moved up to the tree's top
    and removed from there. */
enum { DEPTH_MOST = 16 };

int disk_directory_make (const struct disk *disk, int directory, const char *path, mode_t mode,
                         struct base_error *error)
{
    base_cleanup (disk_place_deinit) struct disk_place place = DISK_PLACE_NULL;
    int rc = disk_place_find (disk, directory, path, &place);
    if (rc)
        return base_error_errno (error, rc, "cannot open the directory of %s", path);
    struct stat status;
    if (disk->ops->mkdirat (disk->context, place.fd, place.leaf, mode)) {
        if (errno != EEXIST)
            return base_error_errno (error, -errno, "cannot make the directory %s", path);
        if (fstatat (place.fd, place.leaf, &status, 0))
            return base_error_errno (error, -errno, "cannot look at %s", path);
        if (!S_ISDIR (status.st_mode))
            return base_error_errno (error, -ENOTDIR, "cannot make the directory %s", path);
        return 0;
    }
    if (fchmodat (place.fd, place.leaf, mode, 0)) /* whatever the umask is */
        return base_error_errno (error, -errno, "cannot set the mode of the directory %s", path);
    rc = disk_directory_sync (disk, place.fd);
    return rc ? base_error_errno (error, rc, "cannot sync the directory of %s", path) : 0;
}

struct removal {
    const struct disk *disk;
    dev_t device;
    int top;
    bool moved; /* something was moved up: the top needs another pass */
    unsigned serial;
};

/*  A directory to empty. One that forbids its owner to look into it is allowed again first. */
static int open_below (const struct removal *removal, int directory, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = removal->disk->ops->openat (removal->disk->context, directory, name, flags, 0);
    if (fd < 0 && errno == EACCES && fchmodat (directory, name, 0700, 0) == 0)
        fd = removal->disk->ops->openat (removal->disk->context, directory, name, flags, 0);
    if (fd < 0)
        return -errno;
    struct stat status;
    int rc = fstat (fd, &status) ? -errno : status.st_dev != removal->device ? -EBUSY : 0;
    if (rc == 0 && (status.st_mode & S_IRWXU) != S_IRWXU)
        (void) fchmod (fd, 0700);
    if (rc) {
        (void) close (fd);
        return rc;
    }
    return fd;
}

static int move_up (struct removal *removal, int directory, const char *name)
{
    char place[32];
    for (;;) {
        (void) snprintf (place, sizeof place, ".deep.%u", removal->serial++);
        struct stat status;
        if (fstatat (removal->top, place, &status, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        if (removal->disk->ops->renameat (removal->disk->context, directory, name, removal->top, place))
            return -errno;
        removal->moved = true;
        return 0;
    }
}

static int remove_below (struct removal *removal, int fd, unsigned depth);

static int remove_directory (struct removal *removal, int directory, const char *name, unsigned depth)
{
    const struct disk *disk = removal->disk;
    if (disk->ops->unlinkat (disk->context, directory, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST) /* EBUSY: something is mounted there */
        return -errno;
    int below = open_below (removal, directory, name);
    if (below < 0)
        return below;
    if (depth == DEPTH_MOST) {
        (void) close (below);
        return move_up (removal, directory, name);
    }
    int rc = remove_below (removal, below, depth + 1);
    return rc || disk->ops->unlinkat (disk->context, directory, name, AT_REMOVEDIR) == 0 ? rc : -errno;
}

static int try_entry (struct removal *removal, int directory, const struct dirent *entry, unsigned depth)
{
    const struct disk *disk = removal->disk;
    if (entry->d_type == DT_DIR)
        return remove_directory (removal, directory, entry->d_name, depth);
    if (disk->ops->unlinkat (disk->context, directory, entry->d_name, 0) == 0 || errno == ENOENT)
        return 0;
    int rc = -errno;
    if (rc != -EISDIR && (rc != -EPERM || entry->d_type != DT_UNKNOWN))
        return rc;
    return remove_directory (removal, directory, entry->d_name, depth);
}

/*  An attribute of the entry, or of its directory, keeps even root from removing it. */
static bool unlock (int directory, const char *name)
{
    bool cleared = disk_attributes_clear (directory, ".");
    cleared |= disk_attributes_clear (directory, name);
    return cleared;
}

static int remove_entry (struct removal *removal, int directory, const struct dirent *entry, unsigned depth)
{
    int rc = try_entry (removal, directory, entry, depth);
    return rc == -EPERM && unlock (directory, entry->d_name) ? try_entry (removal, directory, entry, depth)
                                                             : rc;
}

/*  Empties the directory; fd is consumed. What cannot be removed keeps nothing else: it may be one file among
    gigabytes. Returns the first error. */
static int remove_below (struct removal *removal, int fd, unsigned depth)
{
    base_cleanup (base_directory_close_p) DIR *entries = base_directory_list (fd);
    if (!entries)
        return -errno;
    int rc = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir (entries);
        if (!entry)
            return rc ? rc : -errno;
        if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
            continue;
        int one = remove_entry (removal, fd, entry, depth);
        rc = rc ? rc : one;
    }
}

/*  What is mounted is somebody else's, be it of the same file system. */
static bool is_mounted (int directory, const char *name)
{
    struct statx status;
    return statx (directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &status) == 0 &&
           (status.stx_attributes & status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT);
}

static int remove_tree (const struct disk *disk, int directory, const char *name)
{
    struct stat status;
    if (fstatat (directory, name, &status, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISDIR (status.st_mode))
        return disk->ops->unlinkat (disk->context, directory, name, 0) == 0 ||
                       (errno == EPERM && disk_attributes_clear (directory, name) &&
                        disk->ops->unlinkat (disk->context, directory, name, 0) == 0)
                   ? 0
                   : -errno;
    if (is_mounted (directory, name))
        return -EBUSY;
    struct removal removal = {.disk = disk, .device = status.st_dev, .top = -1};
    base_cleanup (base_close_p) int top = open_below (&removal, directory, name);
    if (top < 0)
        return top;
    removal.top = top;
    int rc;
    do {
        removal.moved = false;
        int fd = disk->ops->openat (disk->context, top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        rc = fd < 0 ? -errno : remove_below (&removal, fd, 1);
    } while (removal.moved);
    if (rc == 0 && disk->ops->unlinkat (disk->context, directory, name, AT_REMOVEDIR))
        rc = errno != EPERM || !disk_attributes_clear (directory, name) ||
                     disk->ops->unlinkat (disk->context, directory, name, AT_REMOVEDIR)
                 ? -errno
                 : 0;
    return rc;
}

int disk_tree_remove (const struct disk *disk, int directory, const char *path, struct base_error *error)
{
    base_cleanup (disk_place_deinit) struct disk_place place = DISK_PLACE_NULL;
    int rc = disk_place_find (disk, directory, path, &place);
    if (rc == 0)
        rc = remove_tree (disk, place.fd, place.leaf);
    if (rc == 0 || (rc == -ENOENT && place.fd < 0)) /* nothing there, not even the directory around it */
        return 0;
    return base_error_errno (error, rc, "cannot remove the directory %s", path);
}

int disk_space (int directory, uint64_t *ret_bytes, uint64_t *ret_inodes)
{
    struct statvfs status;
    if (fstatvfs (directory, &status))
        return -errno;
    *ret_bytes = (uint64_t) status.f_bavail * status.f_frsize;
    *ret_inodes = status.f_files ? status.f_favail : UINT64_MAX; /* a file system that does not count them */
    return 0;
}
