/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/link.c - makes and replaces symbolic links, renames, unlinks */

#include "disk/disk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "disk/entry.h"

int disk_link_prepare (const struct disk *disk, int directory, const char *temporary, const char *target,
                       struct base_error *error)
{
    base_assert (disk && disk->ops);
    base_assert (temporary && target);
    base_cleanup (disk_entry_deinit) struct disk_entry entry = DISK_ENTRY_NULL;
    int r = disk_entry_find (disk, directory, temporary, &entry);
    if (r < 0)
        return base_error_errno (error, r, "cannot open the directory of %s", temporary);
    if (disk->ops->unlinkat (disk->context, entry.fd, entry.leaf, 0) && errno != ENOENT)
        return base_error_errno (error, -errno, "cannot remove %s", temporary);
    if (disk->ops->symlinkat (disk->context, target, entry.fd, entry.leaf))
        return base_error_errno (error, -errno, "cannot make the link %s to %s", temporary, target);
    /*  A symbolic link cannot be synced; syncing its directory makes it durable. */
    r = disk_directory_sync (disk, entry.fd);
    if (r == 0)
        return 0;
    (void) disk->ops->unlinkat (disk->context, entry.fd, entry.leaf, 0);
    return base_error_errno (error, r, "cannot sync the directory of %s", temporary);
}

int disk_link_replace (const struct disk *disk, int directory, const char *path, const char *target,
                       struct base_error *error)
{
    base_assert (disk && disk->ops);
    base_assert (path && target);
    base_cleanup (disk_entry_deinit) struct disk_entry entry = DISK_ENTRY_NULL;
    int r = disk_entry_find (disk, directory, path, &entry);
    if (r < 0)
        return base_error_errno (error, r, "cannot open the directory of %s", path);
    char temporary[DISK_TEMPORARY_SIZE];
    r = disk_link_prepare (disk, entry.fd, disk_temporary (temporary), target, error);
    if (r < 0)
        return r;
    r = disk_rename (disk, entry.fd, temporary, entry.leaf, error);
    if (r < 0)
        (void) disk->ops->unlinkat (disk->context, entry.fd, temporary, 0);
    return r;
}

int disk_link_read (int directory, const char *path, char *ret_target, size_t size)
{
    base_assert (path);
    base_assert (ret_target && size > 0);
    char target[4096];
    ssize_t length = readlinkat (directory, path, target, sizeof target);
    if (length < 0)
        return -errno;
    if ((size_t) length >= size || (size_t) length >= sizeof target)
        return -ENAMETOOLONG;
    memcpy (ret_target, target, (size_t) length);
    ret_target[length] = '\0';
    return 0;
}

int disk_rename (const struct disk *disk, int directory, const char *from, const char *to,
                 struct base_error *error)
{
    base_assert (disk && disk->ops);
    base_assert (from && to);
    base_cleanup (disk_entry_deinit) struct disk_entry source = DISK_ENTRY_NULL;
    base_cleanup (disk_entry_deinit) struct disk_entry target = DISK_ENTRY_NULL;
    int r = disk_entry_find (disk, directory, from, &source);
    if (r == 0)
        r = disk_entry_find (disk, directory, to, &target);
    if (r < 0)
        return base_error_errno (error, r, "cannot open the directories of %s and %s", from, to);
    if (disk->ops->renameat (disk->context, source.fd, source.leaf, target.fd, target.leaf))
        return base_error_errno (error, -errno, "cannot rename %s to %s", from, to);
    r = disk_directory_sync (disk, target.fd);
    if (r == 0 && source.fd != target.fd)
        r = disk_directory_sync (disk, source.fd);
    return r ? base_error_errno (error, r, "cannot sync the directory of %s", to) : 0;
}

int disk_unlink (const struct disk *disk, int directory, const char *path)
{
    base_assert (disk && disk->ops);
    base_assert (path);
    base_cleanup (disk_entry_deinit) struct disk_entry entry = DISK_ENTRY_NULL;
    int r = disk_entry_find (disk, directory, path, &entry);
    if (r < 0)
        return r;
    if (disk->ops->unlinkat (disk->context, entry.fd, entry.leaf, 0))
        return -errno;
    return disk_directory_sync (disk, entry.fd);
}
