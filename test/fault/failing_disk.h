/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fault/failing_disk.h - a disk that fails, or kills the process, at its Nth system call */

#ifndef TEST_FAILING_DISK_H
#define TEST_FAILING_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "disk/disk.h"

enum { FAILING_KILLED = 137 };

struct failing_disk {
    struct disk disk;  /* pass this to the code under test */
    unsigned calls;    /* number of calls so far */
    unsigned at;       /* the call that fails, from 1; 0: none */
    int code;          /* its errno; 0: the process exits with FAILING_KILLED instead */
    const char *only;  /* count only calls of this name; NULL: all */
    size_t write_most; /* most bytes that one write accepts; 0: no limit */
    bool exchanges;    /* whether the file system can exchange names; not all can */
};

/*  Counts a call. Returns whether it must fail; errno is set then. */
static inline bool failing_now (void *context, const char *name)
{
    struct failing_disk *failing = context;
    const char *only = failing->only;
    if (only && strcmp (only, name) != 0)
        return false;
    if (++failing->calls != failing->at)
        return false;
    if (failing->code == 0)
        _exit (FAILING_KILLED);
    errno = failing->code;
    return true;
}

static inline size_t failing_size (void *context, size_t size)
{
    const struct failing_disk *failing = context;
    return failing->write_most && failing->write_most < size ? failing->write_most : size;
}

static inline int failing_openat (void *context, int directory, const char *path, int flags, mode_t mode)
{
    return failing_now (context, "openat") ? -1
                                           : disk_system.ops->openat (NULL, directory, path, flags, mode);
}

static inline ssize_t failing_write (void *context, int fd, const void *data, size_t size)
{
    return failing_now (context, "write")
               ? -1
               : disk_system.ops->write (NULL, fd, data, failing_size (context, size));
}

static inline ssize_t failing_pwrite (void *context, int fd, const void *data, size_t size, off_t offset)
{
    return failing_now (context, "pwrite")
               ? -1
               : disk_system.ops->pwrite (NULL, fd, data, failing_size (context, size), offset);
}

static inline int failing_fsync (void *context, int fd)
{
    return failing_now (context, "fsync") ? -1 : disk_system.ops->fsync (NULL, fd);
}

static inline int failing_fallocate (void *context, int fd, off_t size)
{
    return failing_now (context, "fallocate") ? -1 : disk_system.ops->fallocate (NULL, fd, size);
}

static inline int failing_clone (void *context, int from, int to)
{
    return failing_now (context, "clone") ? -1 : disk_system.ops->clone (NULL, from, to);
}

static inline int failing_renameat (void *context, int from_directory, const char *from, int to_directory,
                                    const char *to)
{
    return failing_now (context, "renameat")
               ? -1
               : disk_system.ops->renameat (NULL, from_directory, from, to_directory, to);
}

static inline int failing_exchangeat (void *context, int directory, const char *one, const char *other)
{
    const struct failing_disk *failing = context;
    if (!failing->exchanges) {
        errno = EINVAL;
        return -1;
    }
    return failing_now (context, "exchangeat") ? -1
                                               : disk_system.ops->exchangeat (NULL, directory, one, other);
}

static inline int failing_linkat (void *context, int from_directory, const char *from, int to_directory,
                                  const char *to)
{
    return failing_now (context, "linkat")
               ? -1
               : disk_system.ops->linkat (NULL, from_directory, from, to_directory, to);
}

static inline int failing_symlinkat (void *context, const char *target, int directory, const char *path)
{
    return failing_now (context, "symlinkat") ? -1
                                              : disk_system.ops->symlinkat (NULL, target, directory, path);
}

static inline int failing_unlinkat (void *context, int directory, const char *path, int flags)
{
    return failing_now (context, "unlinkat") ? -1 : disk_system.ops->unlinkat (NULL, directory, path, flags);
}

static inline int failing_mkdirat (void *context, int directory, const char *path, mode_t mode)
{
    return failing_now (context, "mkdirat") ? -1 : disk_system.ops->mkdirat (NULL, directory, path, mode);
}

static const struct disk_ops failing_ops = {
    .openat = failing_openat,
    .write = failing_write,
    .pwrite = failing_pwrite,
    .fsync = failing_fsync,
    .fallocate = failing_fallocate,
    .clone = failing_clone,
    .renameat = failing_renameat,
    .exchangeat = failing_exchangeat,
    .linkat = failing_linkat,
    .symlinkat = failing_symlinkat,
    .unlinkat = failing_unlinkat,
    .mkdirat = failing_mkdirat,
};

/*  Returns the disk. failing must not move while the disk is used. */
static inline const struct disk *failing_init (struct failing_disk *failing, unsigned at, int code)
{
    *failing = (struct failing_disk){.at = at, .code = code};
    failing->disk = (struct disk){.ops = &failing_ops, .context = failing};
    return &failing->disk;
}

#endif
