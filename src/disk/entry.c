/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/entry.c - opens the parent directory of a path; small helpers of this room */

#include "disk/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"

int disk_entry_find (const struct disk *disk, int directory, const char *path, struct disk_entry *ret_entry)
{
    base_assert (disk && disk->ops);
    base_assert (path);
    base_assert (ret_entry);
    const char *slash = strrchr (path, '/');
    const char *leaf = slash ? slash + 1 : path;
    if (!*leaf)
        return -EINVAL;
    if (!slash && directory >= 0) {
        *ret_entry = (struct disk_entry){.fd = directory, .owned = -1, .leaf = leaf};
        return 0;
    }
    base_cleanup (base_free_p) char *parent =
        !slash ? strdup (".") : strndup (path, slash == path ? 1 : (size_t) (slash - path));
    if (!parent)
        return -ENOMEM;
    int fd = disk->ops->openat (disk->context, directory, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    *ret_entry = (struct disk_entry){.fd = fd, .owned = fd, .leaf = leaf};
    return 0;
}

void disk_entry_deinit (struct disk_entry *entry)
{
    base_assert (entry);
    if (entry->owned >= 0)
        (void) close (entry->owned);
    *entry = DISK_ENTRY_NULL;
}

int disk_directory_sync (const struct disk *disk, int fd)
{
    base_assert (disk && disk->ops);
    base_assert (fd >= 0);
    if (disk->ops->fsync (disk->context, fd) == 0)
        return 0;
    return errno == EINVAL ? 0 : -errno; /* the file system cannot sync directories */
}

int disk_write_all (const struct disk *disk, int fd, const void *data, size_t size)
{
    base_assert (disk && disk->ops);
    base_assert (data || size == 0);
    const char *at = data;
    while (size > 0) {
        ssize_t written = disk->ops->write (disk->context, fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        at += written;
        size -= (size_t) written;
    }
    return 0;
}

const char *disk_temporary (char text[DISK_TEMPORARY_SIZE])
{
    base_assert (text);
    static const char head[] = ".tmp.";
    memcpy (text, head, sizeof head - 1);
    (void) base_random_hex (text + sizeof head - 1, 8);
    return text;
}
