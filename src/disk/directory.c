/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/directory.c - makes directories, removes trees, reports free space */

#include "disk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/time.h"
#include "disk/attributes.h"
#include "disk/entry.h"

/*  A tree may be deeper than the number of available descriptors. A directory at this depth is moved to the
    top of the tree and removed from there. */
enum { DEPTH_MOST = 16 };

int disk_directory_make (const struct disk *disk, int directory, const char *path, mode_t mode,
                         struct base_error *error)
{
    base_assert (disk && disk->ops);
    base_assert (path);
    base_cleanup (disk_entry_deinit) struct disk_entry entry = DISK_ENTRY_NULL;
    int r = disk_entry_find (disk, directory, path, &entry);
    if (r < 0)
        return base_error_errno (error, r, "cannot open the directory of %s", path);
    struct stat status;
    if (disk->ops->mkdirat (disk->context, entry.fd, entry.leaf, mode)) {
        if (errno != EEXIST)
            return base_error_errno (error, -errno, "cannot make the directory %s", path);
        if (fstatat (entry.fd, entry.leaf, &status, 0))
            return base_error_errno (error, -errno, "cannot stat %s", path);
        if (!S_ISDIR (status.st_mode))
            return base_error_errno (error, -ENOTDIR, "cannot make the directory %s", path);
        return 0;
    }
    if (fchmodat (entry.fd, entry.leaf, mode, 0)) /* independent of the umask */
        return base_error_errno (error, -errno, "cannot set the mode of the directory %s", path);
    r = disk_directory_sync (disk, entry.fd);
    return r ? base_error_errno (error, r, "cannot sync the directory of %s", path) : 0;
}

/*  Another mount is foreign, even a bind mount of the same file system. Kernels before 5.8 report no mount
    ID; then only the file system is compared. */
struct mount {
    dev_t device;
    uint64_t number;
};

static int mount_of (int fd, struct mount *ret_mount)
{
    struct statx wide = {.stx_mask = 0};
    struct stat status;
    if (fstat (fd, &status))
        return -errno;
    bool known = statx (fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &wide) == 0 && (wide.stx_mask & STATX_MNT_ID);
    *ret_mount = (struct mount){.device = status.st_dev, .number = known ? wide.stx_mnt_id : 0};
    return 0;
}

struct removal {
    const struct disk *disk;
    const struct disk_until *until;
    struct mount mount;
    int top;
    bool moved; /* something was moved to the top, which needs another pass */
    unsigned serial;
};

/*  With one of these attributes on the entry or its directory, even root cannot remove or rename the entry.
    Returns whether any was cleared. */
static bool entry_unlock (int directory, const char *name)
{
    bool cleared = disk_attributes_clear (directory, ".");
    cleared |= disk_attributes_clear (directory, name);
    return cleared;
}

/*  Returns 0 or -errno. */
static int name_remove (const struct disk *disk, int directory, const char *name, int flags)
{
    if (disk->ops->unlinkat (disk->context, directory, name, flags) == 0)
        return 0;
    int r = -errno;
    if (r != -EPERM || !entry_unlock (directory, name))
        return r;
    return disk->ops->unlinkat (disk->context, directory, name, flags) ? -errno : 0;
}

/*  Opens a directory to empty it. Gives the owner access first if the mode denies it. Returns -EBUSY on
    another mount. */
static int directory_open (const struct removal *removal, int directory, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = removal->disk->ops->openat (removal->disk->context, directory, name, flags, 0);
    if (fd < 0 && errno == EACCES && fchmodat (directory, name, 0700, 0) == 0)
        fd = removal->disk->ops->openat (removal->disk->context, directory, name, flags, 0);
    if (fd < 0)
        return -errno;
    struct stat status;
    struct mount mount = {.device = 0};
    int r = fstat (fd, &status) ? -errno : mount_of (fd, &mount);
    if (r == 0 && (mount.device != removal->mount.device || mount.number != removal->mount.number))
        r = -EBUSY;
    if (r < 0) {
        (void) close (fd);
        return r;
    }
    /* if the mode cannot be changed, emptying the directory reports it */
    if ((status.st_mode & S_IRWXU) != S_IRWXU && fchmod (fd, 0700) && disk_attributes_clear_fd (fd))
        (void) fchmod (fd, 0700);
    return fd;
}

static int directory_move_up (struct removal *removal, int directory, const char *name)
{
    char entry[32];
    for (;;) {
        (void) snprintf (entry, sizeof entry, ".deep.%u", removal->serial++);
        struct stat status;
        if (fstatat (removal->top, entry, &status, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        if (removal->disk->ops->renameat (removal->disk->context, directory, name, removal->top, entry) &&
            (errno != EPERM || !entry_unlock (directory, name) ||
             removal->disk->ops->renameat (removal->disk->context, directory, name, removal->top, entry)))
            return -errno;
        removal->moved = true;
        return 0;
    }
}

static int directory_empty (struct removal *removal, int fd, unsigned depth);

static int directory_remove (struct removal *removal, int directory, const char *name, unsigned depth)
{
    int r = name_remove (removal->disk, directory, name, AT_REMOVEDIR);
    if (r != -ENOTEMPTY && r != -EEXIST) /* -EBUSY: a mount point */
        return r;
    int below = directory_open (removal, directory, name);
    if (below < 0)
        return below;
    if (depth == DEPTH_MOST) {
        (void) close (below);
        return directory_move_up (removal, directory, name);
    }
    r = directory_empty (removal, below, depth + 1);
    if (r < 0)
        return r;
    return name_remove (removal->disk, directory, name, AT_REMOVEDIR);
}

/*  Some file systems do not report the type of an entry. */
static int entry_remove (struct removal *removal, int directory, const struct dirent *entry, unsigned depth)
{
    int r = entry->d_type == DT_DIR ? -EISDIR : name_remove (removal->disk, directory, entry->d_name, 0);
    if (r == -EISDIR || (r == -EPERM && entry->d_type == DT_UNKNOWN))
        r = directory_remove (removal, directory, entry->d_name, depth);
    return r == -ENOENT ? 0 : r;
}

/*  Empties the directory; consumes fd. Continues after an entry that cannot be removed: it may be one file
    among gigabytes. Returns the first error. */
static int directory_empty (struct removal *removal, int fd, unsigned depth)
{
    base_cleanup (base_directory_close_p) DIR *entries = base_directory_list (fd);
    if (!entries)
        return -errno;
    int first = 0;
    for (;;) {
        if (disk_until_over (removal->until))
            return -ECANCELED;
        errno = 0;
        const struct dirent *entry = readdir (entries);
        if (!entry)
            return first < 0 ? first : -errno;
        if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
            continue;
        int r = entry_remove (removal, fd, entry, depth);
        if (first == 0)
            first = r;
    }
}

static int tree_remove (const struct disk *disk, int directory, const char *name,
                        const struct disk_until *until)
{
    struct stat status;
    if (fstatat (directory, name, &status, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISDIR (status.st_mode))
        return name_remove (disk, directory, name, 0);
    struct removal removal = {.disk = disk, .until = until, .top = -1};
    base_cleanup (base_close_p) int around =
        disk->ops->openat (disk->context, directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int r = around < 0 ? -errno : mount_of (around, &removal.mount);
    if (r < 0)
        return r;
    base_cleanup (base_close_p) int top = directory_open (&removal, directory, name);
    if (top < 0)
        return top;
    removal.top = top;
    do {
        removal.moved = false;
        int fd = disk->ops->openat (disk->context, top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        r = fd < 0 ? -errno : directory_empty (&removal, fd, 1);
    } while (removal.moved);
    if (r < 0)
        return r;
    return name_remove (disk, directory, name, AT_REMOVEDIR);
}

bool disk_until_over (const struct disk_until *until)
{
    return until && ((until->stop && atomic_load (until->stop)) ||
                     (until->boot_ms && base_time_boot_ms () >= until->boot_ms));
}

int disk_tree_remove (const struct disk *disk, int directory, const char *path, struct base_error *error)
{
    return disk_tree_remove_until (disk, directory, path, NULL, error);
}

int disk_tree_remove_until (const struct disk *disk, int directory, const char *path,
                            const struct disk_until *until, struct base_error *error)
{
    base_assert (disk && disk->ops);
    base_assert (path);
    base_cleanup (disk_entry_deinit) struct disk_entry entry = DISK_ENTRY_NULL;
    int r = disk_entry_find (disk, directory, path, &entry);
    if (r == 0)
        r = tree_remove (disk, entry.fd, entry.leaf, until);
    if (r == 0 || (r == -ENOENT && entry.fd < 0)) /* neither the directory nor its parent exists */
        return 0;
    return base_error_errno (error, r, "cannot remove the directory %s", path);
}

int disk_space (int directory, uint64_t *ret_bytes, uint64_t *ret_inodes)
{
    base_assert (ret_bytes && ret_inodes);
    struct statvfs status;
    if (fstatvfs (directory, &status))
        return -errno;
    *ret_bytes = (uint64_t) status.f_bavail * status.f_frsize;
    *ret_inodes = status.f_files ? status.f_favail : UINT64_MAX; /* the file system does not count inodes */
    return 0;
}
