/* SPDX-License-Identifier: MPL-2.0 */
/*  client/file.c - new files of this user that appear complete and durable, or not at all */

#include "client/client.h"

#include <errno.h>
#include <fcntl.h>

#include "base/assert.h"
#include "disk/disk.h"

int client_file_begin (noded_client *client, const char *part, int *ret_fd)
{
    base_assert (client && part && ret_fd);
    int fd = disk_system.ops->openat (disk_system.context, AT_FDCWD, part,
                                      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return base_error_errno (&client->error, -errno, "cannot write %s", part);
    *ret_fd = fd;
    return 0;
}

int client_file_exists (noded_client *client, const char *path)
{
    return base_error_set (
        &client->error, -EEXIST,
        "cannot write %s: the file exists; choose another name, or allow it to be replaced", path);
}

int client_file_finish (noded_client *client, const char *part, int fd, const char *path, bool replace)
{
    base_assert (part && fd >= 0);
    const struct disk *disk = &disk_system;
    if (disk->ops->fsync (disk->context, fd) != 0)
        return base_error_errno (&client->error, -errno, "cannot write %s", part);
    if (replace)
        return disk_rename (disk, AT_FDCWD, part, path, &client->error);
    if (disk->ops->linkat (disk->context, AT_FDCWD, part, AT_FDCWD, path) != 0)
        return errno == EEXIST ? client_file_exists (client, path)
                               : base_error_errno (&client->error, -errno, "cannot create %s", path);
    int r = disk_unlink (disk, AT_FDCWD, part);
    return r < 0 ? base_error_errno (&client->error, r, "cannot remove %s", part) : 0;
}
