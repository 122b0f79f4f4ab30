/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/file.c - reads, replaces and appends to files */

#include "disk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "disk/place.h"

int disk_file_read (const struct disk *disk, int directory, const char *path, size_t most,
                    struct base_buffer *buffer)
{
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
        int rc = base_buffer_reserve (buffer, room);
        if (rc) {
            buffer->size = before;
            return rc;
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
static int make_file (const struct disk *disk, int directory, const char *name, mode_t mode, const void *data,
                      size_t size)
{
    base_cleanup (base_close_p) int fd =
        disk->ops->openat (disk->context, directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int rc = disk_write_all (disk, fd, data, size);
    if (rc == 0 && (fchmod (fd, mode) || disk->ops->fsync (disk->context, fd))) /* independent of the umask */
        rc = -errno;
    if (rc)
        (void) disk->ops->unlinkat (disk->context, directory, name, 0);
    return rc;
}

int disk_file_write (const struct disk *disk, int directory, const char *path, mode_t mode, const void *data,
                     size_t size, struct base_error *error)
{
    base_cleanup (disk_place_deinit) struct disk_place place = DISK_PLACE_NULL;
    int rc = disk_place_find (disk, directory, path, &place);
    if (rc)
        return base_error_errno (error, rc, "cannot open the directory of %s", path);
    char temporary[DISK_TEMPORARY_SIZE];
    rc = make_file (disk, place.fd, disk_temporary (temporary), mode, data, size);
    if (rc)
        return base_error_errno (error, rc, "cannot write %s", path);
    if (disk->ops->renameat (disk->context, place.fd, temporary, place.fd, place.leaf)) {
        rc = -errno;
        (void) disk->ops->unlinkat (disk->context, place.fd, temporary, 0);
        return base_error_errno (error, rc, "cannot replace %s", path);
    }
    rc = disk_directory_sync (disk, place.fd);
    return rc ? base_error_errno (error, rc, "cannot sync the directory of %s", path) : 0;
}

/*  Opens for appending. *ret_new: the file was created, so its directory needs a sync. */
static int open_append (const struct disk *disk, const struct disk_place *place, mode_t mode, bool *ret_new)
{
    int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
    int fd = disk->ops->openat (disk->context, place->fd, place->leaf, flags, 0);
    *ret_new = fd < 0 && errno == ENOENT;
    if (*ret_new) {
        fd = disk->ops->openat (disk->context, place->fd, place->leaf, flags | O_CREAT, 0600);
        if (fd >= 0 && fchmod (fd, mode)) {
            int rc = -errno;
            (void) close (fd);
            return rc;
        }
    }
    return fd < 0 ? -errno : fd;
}

int disk_file_append (const struct disk *disk, int directory, const char *path, mode_t mode, const void *data,
                      size_t size, bool durable, struct base_error *error)
{
    base_cleanup (disk_place_deinit) struct disk_place place = DISK_PLACE_NULL;
    int rc = disk_place_find (disk, directory, path, &place);
    if (rc)
        return base_error_errno (error, rc, "cannot open the directory of %s", path);
    bool made;
    base_cleanup (base_close_p) int fd = open_append (disk, &place, mode, &made);
    if (fd < 0)
        return base_error_errno (error, fd, "cannot open %s", path);
    struct stat status;
    if (fstat (fd, &status))
        return base_error_errno (error, -errno, "cannot stat %s", path);
    if (!S_ISREG (status.st_mode))
        return base_error_set (error, -EINVAL, "cannot append to %s: it is not a regular file", path);

    char last = '\n';
    if (status.st_size > 0 && pread (fd, &last, 1, status.st_size - 1) != 1)
        return base_error_errno (error, errno ? -errno : -EIO, "cannot read the end of %s", path);
    if (last != '\n')
        rc = disk_write_all (disk, fd, "\n", 1);
    if (rc == 0)
        rc = disk_write_all (disk, fd, data, size);
    if (rc == 0 && durable && disk->ops->fsync (disk->context, fd))
        rc = -errno;
    if (rc) {
        int cut =
            ftruncate (fd, status.st_size); /* if this fails, the next record closes the incomplete line */
        (void) cut;
        return base_error_errno (error, rc, "cannot append to %s", path);
    }
    rc = made && durable ? disk_directory_sync (disk, place.fd) : 0;
    return rc ? base_error_errno (error, rc, "cannot sync the directory of %s", path) : 0;
}
