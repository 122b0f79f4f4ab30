/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/blobs.c - a store of blobs named by their SHA-256

    A blob is written as partial/DIGEST and renamed to XX/DIGEST when it is complete, verified and synced.
    The size of a partial file is the number of bytes present: its space is reserved beyond its end. If a
    power cut damaged bytes that were never synced, the digest shows it at the end, and the download
    starts again. */

#include "disk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "disk/entry.h"

#define PARTIAL "partial"

enum { READ_SIZE = 256 * 1024, PATH_SIZE = 80, WRITE_OUT = 8 * 1024 * 1024 };

static const char *blob_path (const struct base_digest *digest, char path[PATH_SIZE])
{
    char text[BASE_DIGEST_TEXT];
    (void) base_digest_format (digest, text);
    (void) snprintf (path, PATH_SIZE, "%.2s/%s", text, text);
    return path;
}

static const char *partial_path (const struct base_digest *digest, char path[PATH_SIZE])
{
    char text[BASE_DIGEST_TEXT];
    (void) snprintf (path, PATH_SIZE, PARTIAL "/%s", base_digest_format (digest, text));
    return path;
}

int disk_blobs_open (const struct disk *disk, int directory, const char *path, struct disk_blobs *ret_blobs,
                     struct base_error *error)
{
    base_assert (disk && disk->ops);
    base_assert (path);
    base_assert (ret_blobs);
    int r = disk_directory_make (disk, directory, path, 0700, error);
    if (r < 0)
        return r;
    base_cleanup (base_close_p) int fd =
        disk->ops->openat (disk->context, directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot open the directory %s", path);
    r = disk_directory_make (disk, fd, PARTIAL, 0700, error);
    if (r < 0)
        return r;
    *ret_blobs = (struct disk_blobs){.disk = disk, .fd = base_take_fd (&fd)};
    return 0;
}

void disk_blobs_deinit (struct disk_blobs *blobs)
{
    base_assert (blobs);
    if (blobs->disk && blobs->fd >= 0)
        (void) close (blobs->fd);
    *blobs = (struct disk_blobs){.fd = -1};
}

int disk_blobs_get (struct disk_blobs *blobs, const struct base_digest *digest, int *ret_fd,
                    uint64_t *ret_size)
{
    base_assert (blobs && blobs->disk);
    base_assert (digest);
    base_assert (ret_fd);
    char path[PATH_SIZE];
    base_cleanup (base_close_p) int fd =
        blobs->disk->ops->openat (blobs->disk->context, blobs->fd, blob_path (digest, path),
                                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
    struct stat status;
    if (fd < 0 || fstat (fd, &status))
        return -errno;
    if (!S_ISREG (status.st_mode))
        return -ENOENT;
    if (ret_size)
        *ret_size = (uint64_t) status.st_size;
    *ret_fd = base_take_fd (&fd);
    return 0;
}

uint64_t disk_blobs_partial_size (struct disk_blobs *blobs, const struct base_digest *digest)
{
    base_assert (blobs);
    base_assert (digest);
    char path[PATH_SIZE];
    struct stat status;
    if (fstatat (blobs->fd, partial_path (digest, path), &status, AT_SYMLINK_NOFOLLOW) ||
        !S_ISREG (status.st_mode))
        return 0;
    return (uint64_t) status.st_size;
}

static int file_remove (struct disk_blobs *blobs, const char *path)
{
    if (blobs->disk->ops->unlinkat (blobs->disk->context, blobs->fd, path, 0))
        return errno == ENOENT ? 0 : -errno;
    return 0;
}

int disk_blobs_remove (struct disk_blobs *blobs, const struct base_digest *digest)
{
    base_assert (blobs && blobs->disk);
    base_assert (digest);
    char path[PATH_SIZE];
    int whole = disk_unlink (blobs->disk, blobs->fd, blob_path (digest, path));
    int partial = disk_unlink (blobs->disk, blobs->fd, partial_path (digest, path));
    if (whole && whole != -ENOENT)
        return whole;
    return partial && partial != -ENOENT ? partial : 0;
}

/*  Hashes the bytes already present. */
static int partial_hash_present (struct disk_partial *partial, uint64_t size, const atomic_bool *stop)
{
    base_cleanup (base_free_p) uint8_t *block = malloc (READ_SIZE);
    if (!block)
        return -ENOMEM;
    while (partial->offset < size) {
        if (stop && atomic_load (stop))
            return -ECANCELED;
        ssize_t got = pread (partial->fd, block, READ_SIZE, (off_t) partial->offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        base_hash_update (&partial->hash, block, (size_t) got);
        partial->offset += (uint64_t) got;
    }
    return 0;
}

static int partial_reserve (const struct disk_blobs *blobs, int fd, uint64_t size, uint64_t present,
                            struct base_error *error)
{
    if (size == 0 || blobs->disk->ops->fallocate (blobs->disk->context, fd, (off_t) size) == 0)
        return 0;
    int r = -errno;
    uint64_t bytes = 0, inodes;
    int known = disk_space (blobs->fd, &bytes, &inodes);
    uint64_t needed = size - present;
    if (r == -EOPNOTSUPP || r == -ENOSYS) { /* cannot reserve: check free space */
        if (known != 0 || bytes >= needed)
            return 0;
        r = -ENOSPC;
    }
    if (r == -ENOSPC || r == -EDQUOT)
        return base_error_set (error, -ENOSPC,
                               "too little space: %" PRIu64 " bytes are needed, %" PRIu64 " bytes are free",
                               needed, bytes);
    return base_error_errno (error, r, "cannot reserve %" PRIu64 " bytes", size);
}

static int partial_file (struct disk_blobs *blobs, const char *path)
{
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = blobs->disk->ops->openat (blobs->disk->context, blobs->fd, path, flags, 0600);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (disk_directory_make (blobs->disk, blobs->fd, PARTIAL, 0700, NULL)) { /* the directory was removed */
        errno = ENOENT;
        return -1;
    }
    return blobs->disk->ops->openat (blobs->disk->context, blobs->fd, path, flags, 0600);
}

int disk_partial_open (struct disk_blobs *blobs, const struct base_digest *digest, uint64_t size,
                       struct disk_partial *ret_partial, struct base_error *error)
{
    return disk_partial_open_until (blobs, digest, size, NULL, ret_partial, error);
}

/*  As disk_partial_open_until, with -EIO if the bytes that are present cannot be read. */
static int partial_open (struct disk_blobs *blobs, const struct base_digest *digest, uint64_t size,
                         uint64_t present, const atomic_bool *stop, struct disk_partial *ret_partial,
                         struct base_error *error)
{
    char path[PATH_SIZE];
    (void) partial_path (digest, path);
    int r = 0;
    base_cleanup (disk_partial_deinit) struct disk_partial partial = {
        .blobs = blobs, .digest = *digest, .size = size, .fd = partial_file (blobs, path)};
    if (partial.fd < 0)
        return base_error_errno (error, -errno, "cannot open %s", path);
    (void) fchmod (partial.fd, 0644);
    r = partial_reserve (blobs, partial.fd, size, present, error);
    if (r < 0) {
        if (present == 0)
            (void) file_remove (blobs, path);
        return r;
    }
    base_hash_init (&partial.hash);
    r = partial_hash_present (&partial, present, stop);
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s", path);
    *ret_partial = partial;
    partial = (struct disk_partial){.fd = -1};
    return 0;
}

static int partial_remove (struct disk_blobs *blobs, const struct base_digest *digest,
                           struct base_error *error)
{
    char path[PATH_SIZE];
    int r = file_remove (blobs, partial_path (digest, path));
    return r ? base_error_errno (error, r, "cannot remove %s", path) : 0;
}

/*  Earlier bytes are useless if they are more than the blob has, or cannot be read: the blob restarts. */
int disk_partial_open_until (struct disk_blobs *blobs, const struct base_digest *digest, uint64_t size,
                             const atomic_bool *stop, struct disk_partial *ret_partial,
                             struct base_error *error)
{
    base_assert (blobs && blobs->disk);
    base_assert (digest);
    base_assert (ret_partial);
    uint64_t present = disk_blobs_partial_size (blobs, digest);
    int r = -EIO;
    if (present <= size)
        r = partial_open (blobs, digest, size, present, stop, ret_partial, error);
    if (r != -EIO || present == 0)
        return r;
    r = partial_remove (blobs, digest, error);
    if (r < 0)
        return r;
    return partial_open (blobs, digest, size, 0, stop, ret_partial, error);
}

/*  Starts writeback in large pieces while the download continues, so the sync at the end has little left to
    wait for. */
static void partial_write_out (const struct disk_partial *partial, uint64_t from)
{
    uint64_t begin = from / WRITE_OUT * WRITE_OUT, end = partial->offset / WRITE_OUT * WRITE_OUT;
    if (end > begin)
        (void) sync_file_range (partial->fd, (off_t) begin, (off_t) (end - begin), SYNC_FILE_RANGE_WRITE);
}

int disk_partial_write (struct disk_partial *partial, const void *data, size_t size, struct base_error *error)
{
    base_assert (partial && partial->blobs && partial->fd >= 0);
    base_assert (partial->offset <= partial->size);
    base_assert (data || size == 0);
    const struct disk *disk = partial->blobs->disk;
    if (size > partial->size - partial->offset)
        return base_error_set (error, -EFBIG, "received more than the %" PRIu64 " bytes of the blob",
                               partial->size);
    const uint8_t *at = data;
    uint64_t from = partial->offset;
    while (size > 0) {
        ssize_t written = disk->ops->pwrite (disk->context, partial->fd, at, size, (off_t) partial->offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return base_error_errno (error, written < 0 ? -errno : -EIO,
                                     "cannot write a blob at byte %" PRIu64, partial->offset);
        base_hash_update (&partial->hash, at, (size_t) written);
        partial->offset += (uint64_t) written;
        at += written;
        size -= (size_t) written;
    }
    partial_write_out (partial, from);
    return 0;
}

int disk_partial_finish (struct disk_partial *partial, struct base_error *error)
{
    base_assert (partial && partial->blobs && partial->fd >= 0);
    base_assert (partial->offset <= partial->size);
    struct disk_blobs *blobs = partial->blobs;
    const struct disk *disk = blobs->disk;
    if (partial->offset != partial->size)
        return base_error_set (error, -EINVAL, "%" PRIu64 " of %" PRIu64 " bytes are stored", partial->offset,
                               partial->size);
    char from[PATH_SIZE], to[PATH_SIZE], text[BASE_DIGEST_TEXT];
    (void) partial_path (&partial->digest, from);
    (void) blob_path (&partial->digest, to);
    struct base_hash hash =
        partial->hash; /* final consumes a hash; if a step below fails, the partial must stay usable */
    struct base_digest digest = base_hash_final (&hash);
    int r = 0;
    if (!base_digest_equal (&digest, &partial->digest)) {
        (void) file_remove (blobs, from);
        disk_partial_deinit (partial);
        return base_error_set (error, DISK_E_DIGEST, "the digest of the blob is %s, not the requested one",
                               base_digest_format (&digest, text));
    }
    if (disk->ops->fsync (disk->context, partial->fd)) {
        r = -errno;
        (void) file_remove (blobs, from); /* a second fsync would wrongly succeed */
        disk_partial_deinit (partial);
        return base_error_errno (error, r, "cannot sync a blob");
    }
    char directory[3] = {to[0], to[1], '\0'};
    r = disk_directory_make (disk, blobs->fd, directory, 0755, error);
    if (r == 0)
        r = disk_rename (disk, blobs->fd, from, to, error);
    if (r == 0)
        disk_partial_deinit (partial);
    return r;
}

void disk_partial_deinit (struct disk_partial *partial)
{
    base_assert (partial);
    if (partial->blobs && partial->fd >= 0)
        (void) close (partial->fd);
    *partial = (struct disk_partial){.fd = -1};
}

static DIR *directory_open (struct disk_blobs *blobs, const char *path)
{
    return base_directory_list (blobs->disk->ops->openat (
        blobs->disk->context, blobs->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0));
}

void disk_blobs_collect (struct disk_blobs *blobs, time_t before)
{
    base_assert (blobs && blobs->disk);
    base_cleanup (base_directory_close_p) DIR *directory = directory_open (blobs, PARTIAL);
    const struct dirent *entry;
    while (directory && (entry = readdir (directory))) {
        struct base_digest digest;
        struct stat status;
        char path[PATH_SIZE];
        if (!base_digest_parse (entry->d_name, &digest) &&
            !fstatat (dirfd (directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) &&
            status.st_mtime < before)
            (void) file_remove (blobs, partial_path (&digest, path));
    }
}

static int directory_each (struct disk_blobs *blobs, const char *prefix,
                           int (*each) (void *context, const struct base_digest *digest, uint64_t size),
                           void *context)
{
    base_cleanup (base_directory_close_p) DIR *directory = directory_open (blobs, prefix);
    if (!directory)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir (directory);
        if (!entry)
            return -errno;
        struct base_digest digest;
        struct stat status;
        if (base_digest_parse (entry->d_name, &digest) || strncmp (entry->d_name, prefix, 2) != 0 ||
            fstatat (dirfd (directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG (status.st_mode))
            continue;
        int r = each (context, &digest, (uint64_t) status.st_size);
        if (r)
            return r;
    }
}

int disk_blobs_each (struct disk_blobs *blobs,
                     int (*each) (void *context, const struct base_digest *digest, uint64_t size),
                     void *context)
{
    base_assert (blobs && blobs->disk);
    base_assert (each);
    char prefix[3] = "";
    static const char hex[] = "0123456789abcdef";
    for (unsigned i = 0; i < 256; i++) {
        prefix[0] = hex[i >> 4];
        prefix[1] = hex[i & 15];
        int r = directory_each (blobs, prefix, each, context);
        if (r)
            return r;
    }
    return 0;
}

/*  Finds the first name of a directory after `after`. */
static int directory_next (struct disk_blobs *blobs, const char *prefix, const char *after,
                           char ret_name[BASE_DIGEST_TEXT], uint64_t *ret_size)
{
    base_cleanup (base_directory_close_p) DIR *directory = directory_open (blobs, prefix);
    const struct dirent *entry;
    bool found = false;
    if (!directory)
        return errno == ENOENT || errno == ENOTDIR ? -ENOENT : -errno;
    while ((entry = readdir (directory))) {
        struct base_digest digest;
        struct stat status;
        if (base_digest_parse (entry->d_name, &digest) || strncmp (entry->d_name, prefix, 2) != 0 ||
            (after && strcmp (entry->d_name, after) <= 0) ||
            (found && strcmp (entry->d_name, ret_name) >= 0) ||
            fstatat (dirfd (directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG (status.st_mode))
            continue;
        memcpy (ret_name, entry->d_name, BASE_DIGEST_TEXT);
        *ret_size = (uint64_t) status.st_size;
        found = true;
    }
    return found ? 0 : -ENOENT;
}

int disk_blobs_next (struct disk_blobs *blobs, const struct base_digest *after,
                     struct base_digest *ret_digest, uint64_t *ret_size)
{
    base_assert (blobs && blobs->disk);
    base_assert (ret_digest && ret_size);
    static const char hex[] = "0123456789abcdef";
    char behind[BASE_DIGEST_TEXT], name[BASE_DIGEST_TEXT];
    if (after)
        (void) base_digest_format (after, behind);
    for (unsigned i = after ? after->bytes[0] : 0; i < 256; i++) {
        const char prefix[3] = {hex[i >> 4], hex[i & 15], '\0'};
        int r = directory_next (blobs, prefix, after ? behind : NULL, name, ret_size);
        if (r == 0)
            return base_digest_parse (name, ret_digest);
        if (r != -ENOENT)
            return r;
    }
    return -ENOENT;
}
