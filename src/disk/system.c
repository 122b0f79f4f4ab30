/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/system.c - the system calls behind struct disk_ops */

#include "disk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int system_openat (void *context, int directory, const char *path, int flags, mode_t mode)
{
    (void) context;
    return openat (directory, path, flags, mode);
}

static ssize_t system_write (void *context, int fd, const void *data, size_t size)
{
    (void) context;
    return write (fd, data, size);
}

static ssize_t system_pwrite (void *context, int fd, const void *data, size_t size, off_t offset)
{
    (void) context;
    return pwrite (fd, data, size, offset);
}

static int system_fsync (void *context, int fd)
{
    (void) context;
    return fsync (fd);
}

/*  Reserves beyond the end, so that the file size stays the number of bytes present. */
static int system_fallocate (void *context, int fd, off_t size)
{
    (void) context;
    return fallocate (fd, FALLOC_FL_KEEP_SIZE, 0, size);
}

static int system_clone (void *context, int from, int to)
{
    (void) context;
    return ioctl (to, FICLONE, from);
}

static int system_renameat (void *context, int from_directory, const char *from, int to_directory,
                            const char *to)
{
    (void) context;
    return renameat (from_directory, from, to_directory, to);
}

static int system_exchangeat (void *context, int directory, const char *one, const char *other)
{
    (void) context;
    return renameat2 (directory, one, directory, other, RENAME_EXCHANGE);
}

static int system_linkat (void *context, int from_directory, const char *from, int to_directory,
                          const char *to)
{
    (void) context;
    return linkat (from_directory, from, to_directory, to, 0);
}

static int system_symlinkat (void *context, const char *target, int directory, const char *path)
{
    (void) context;
    return symlinkat (target, directory, path);
}

static int system_unlinkat (void *context, int directory, const char *path, int flags)
{
    (void) context;
    return unlinkat (directory, path, flags);
}

static int system_mkdirat (void *context, int directory, const char *path, mode_t mode)
{
    (void) context;
    return mkdirat (directory, path, mode);
}

static const struct disk_ops system_ops = {
    .openat = system_openat,
    .write = system_write,
    .pwrite = system_pwrite,
    .fsync = system_fsync,
    .fallocate = system_fallocate,
    .clone = system_clone,
    .renameat = system_renameat,
    .exchangeat = system_exchangeat,
    .linkat = system_linkat,
    .symlinkat = system_symlinkat,
    .unlinkat = system_unlinkat,
    .mkdirat = system_mkdirat,
};

const struct disk disk_system = {.ops = &system_ops};

static int fsync_skip (void *context, int fd)
{
    (void) context;
    (void) fd;
    return 0;
}

static const struct disk_ops unsynced_ops = {
    .openat = system_openat,
    .write = system_write,
    .pwrite = system_pwrite,
    .fsync = fsync_skip,
    .fallocate = system_fallocate,
    .clone = system_clone,
    .renameat = system_renameat,
    .exchangeat = system_exchangeat,
    .linkat = system_linkat,
    .symlinkat = system_symlinkat,
    .unlinkat = system_unlinkat,
    .mkdirat = system_mkdirat,
};

const struct disk disk_unsynced = {.ops = &unsynced_ops};

static int call_refuse (void)
{
    errno = EROFS;
    return -1;
}

static int read_only_openat (void *context, int directory, const char *path, int flags, mode_t mode)
{
    bool reads = (flags & O_ACCMODE) == O_RDONLY && !(flags & (O_CREAT | O_TRUNC));
    return reads ? system_openat (context, directory, path, flags, mode) : call_refuse ();
}

static ssize_t read_only_write (void *context, int fd, const void *data, size_t size)
{
    (void) context, (void) fd, (void) data, (void) size;
    return call_refuse ();
}

static ssize_t read_only_pwrite (void *context, int fd, const void *data, size_t size, off_t offset)
{
    (void) offset;
    return read_only_write (context, fd, data, size);
}

static int read_only_fallocate (void *context, int fd, off_t size)
{
    (void) context, (void) fd, (void) size;
    return call_refuse ();
}

static int read_only_clone (void *context, int from, int to)
{
    (void) context, (void) from, (void) to;
    return call_refuse ();
}

static int read_only_renameat (void *context, int from_directory, const char *from, int to_directory,
                               const char *to)
{
    (void) context, (void) from_directory, (void) from, (void) to_directory, (void) to;
    return call_refuse ();
}

static int read_only_exchangeat (void *context, int directory, const char *one, const char *other)
{
    (void) context, (void) directory, (void) one, (void) other;
    return call_refuse ();
}

static int read_only_symlinkat (void *context, const char *target, int directory, const char *path)
{
    (void) context, (void) target, (void) directory, (void) path;
    return call_refuse ();
}

static int read_only_unlinkat (void *context, int directory, const char *path, int flags)
{
    (void) context, (void) directory, (void) path, (void) flags;
    return call_refuse ();
}

static int read_only_mkdirat (void *context, int directory, const char *path, mode_t mode)
{
    return read_only_unlinkat (context, directory, path, (int) mode);
}

static const struct disk_ops read_only_ops = {
    .openat = read_only_openat,
    .write = read_only_write,
    .pwrite = read_only_pwrite,
    .fsync = fsync_skip,
    .fallocate = read_only_fallocate,
    .clone = read_only_clone,
    .renameat = read_only_renameat,
    .exchangeat = read_only_exchangeat,
    .linkat = read_only_renameat,
    .symlinkat = read_only_symlinkat,
    .unlinkat = read_only_unlinkat,
    .mkdirat = read_only_mkdirat,
};

const struct disk disk_read_only = {.ops = &read_only_ops};
