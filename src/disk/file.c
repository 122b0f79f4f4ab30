/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/file.c - reads, replaces and appends to files */

#include "disk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "disk/entry.h"

int disk_file_read (const struct disk *disk, int directory, const char *path, size_t most,
                    struct base_buffer *buffer)
{
    base_assert (disk && disk->ops);
    base_assert (path);
    base_assert (buffer);
    /*  O_NONBLOCK: a fifo under this name must not block. */
    base_cleanup (base_close_p) int fd =
        disk->ops->openat (disk->context, directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    struct stat status;
    if (fd < 0 || fstat (fd, &status))
        return -errno;
    if (!S_ISREG (status.st_mode))
        return S_ISDIR (status.st_mode) ? -EISDIR : -EINVAL;
    if (status.st_size < 0 || (uint64_t) status.st_size > most)
        return -EFBIG;
    size_t before = buffer->size;
    size_t room = (size_t) status.st_size + 1;
    for (;;) {
        int r = base_buffer_reserve (buffer, room);
        if (r < 0) {
            buffer->size = before;
            return r;
        }
        ssize_t got = read (fd, buffer->data + buffer->size, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            buffer->size = before;
            return -errno;
        }
        if (got == 0)
            return 0;
        buffer->size += (size_t) got;
        if (buffer->size - before > most) { /* grew meanwhile */
            buffer->size = before;
            return -EFBIG;
        }
        room = 4096;
    }
}

/*  Writes and syncs a new file; removes it on failure. */
static int file_make (const struct disk *disk, int directory, const char *name, mode_t mode, const void *data,
                      size_t size)
{
    base_cleanup (base_close_p) int fd =
        disk->ops->openat (disk->context, directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = disk_write_all (disk, fd, data, size);
    if (r == 0 && (fchmod (fd, mode) || disk->ops->fsync (disk->context, fd))) /* independent of the umask */
        r = -errno;
    if (r < 0)
        (void) disk->ops->unlinkat (disk->context, directory, name, 0);
    return r;
}

int disk_file_write (const struct disk *disk, int directory, const char *path, mode_t mode, const void *data,
                     size_t size, struct base_error *error)
{
    base_assert (disk && disk->ops);
    base_assert (path);
    base_assert (data || size == 0);
    base_cleanup (disk_entry_deinit) struct disk_entry entry = DISK_ENTRY_NULL;
    int r = disk_entry_find (disk, directory, path, &entry);
    if (r < 0)
        return base_error_errno (error, r, "cannot open the directory of %s", path);
    char temporary[DISK_TEMPORARY_SIZE];
    r = file_make (disk, entry.fd, disk_temporary (temporary), mode, data, size);
    if (r < 0)
        return base_error_errno (error, r, "cannot write %s", path);
    if (disk->ops->renameat (disk->context, entry.fd, temporary, entry.fd, entry.leaf)) {
        r = -errno;
        (void) disk->ops->unlinkat (disk->context, entry.fd, temporary, 0);
        return base_error_errno (error, r, "cannot replace %s", path);
    }
    r = disk_directory_sync (disk, entry.fd);
    return r ? base_error_errno (error, r, "cannot sync the directory of %s", path) : 0;
}

/*  Opens for appending. *ret_new: the file was created, so its directory needs a sync. */
static int file_open_append (const struct disk *disk, const struct disk_entry *entry, mode_t mode,
                             bool *ret_new)
{
    int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
    int fd = disk->ops->openat (disk->context, entry->fd, entry->leaf, flags, 0);
    *ret_new = fd < 0 && errno == ENOENT;
    if (*ret_new) {
        fd = disk->ops->openat (disk->context, entry->fd, entry->leaf, flags | O_CREAT, 0600);
        if (fd >= 0 && fchmod (fd, mode)) {
            int r = -errno;
            (void) close (fd);
            return r;
        }
    }
    return fd < 0 ? -errno : fd;
}

int disk_file_append (const struct disk *disk, int directory, const char *path, const struct disk_line *line,
                      struct base_error *error)
{
    base_assert (disk && disk->ops);
    base_assert (path);
    base_assert (line && line->data && line->size > 0);
    base_assert (((const char *) line->data)[line->size - 1] == '\n');
    base_cleanup (disk_entry_deinit) struct disk_entry entry = DISK_ENTRY_NULL;
    int r = disk_entry_find (disk, directory, path, &entry);
    if (r < 0)
        return base_error_errno (error, r, "cannot open the directory of %s", path);
    bool made;
    base_cleanup (base_close_p) int fd = file_open_append (disk, &entry, line->mode, &made);
    if (fd < 0)
        return base_error_errno (error, fd, "cannot open %s", path);
    struct stat status;
    if (fstat (fd, &status))
        return base_error_errno (error, -errno, "cannot stat %s", path);
    if (!S_ISREG (status.st_mode))
        return base_error_set (error, -EINVAL, "cannot append to %s: it is not a regular file", path);

    char last = '\n';
    ssize_t got = status.st_size > 0 ? pread (fd, &last, 1, status.st_size - 1) : 1;
    if (got != 1)
        return base_error_errno (error, got < 0 ? -errno : -EIO, "cannot read the end of %s", path);
    if (last != '\n')
        r = disk_write_all (disk, fd, "\n", 1);
    if (r == 0)
        r = disk_write_all (disk, fd, line->data, line->size);
    if (r == 0 && line->durable && disk->ops->fsync (disk->context, fd))
        r = -errno;
    if (r < 0) {
        int cut =
            ftruncate (fd, status.st_size); /* if this fails, the next record closes the incomplete line */
        (void) cut;
        return base_error_errno (error, r, "cannot append to %s", path);
    }
    r = made && line->durable ? disk_directory_sync (disk, entry.fd) : 0;
    return r ? base_error_errno (error, r, "cannot sync the directory of %s", path) : 0;
}
