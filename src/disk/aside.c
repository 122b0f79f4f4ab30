/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/aside.c - the store's trash/ and damaged/

    A blob is put aside, and taken back, by one rename. Both directories are synced: otherwise the blob could
    be in neither after a power cut. */

#include "disk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "disk/entry.h"

enum { PATH_SIZE = 80 };

static const char *const aside_names[] = {[DISK_TRASH] = "trash", [DISK_DAMAGED] = "damaged"};

enum { N_ASIDE = sizeof aside_names / sizeof *aside_names };

static void blob_paths (enum disk_aside aside, const struct base_digest *digest, char complete[PATH_SIZE],
                        char there[PATH_SIZE])
{
    char text[BASE_DIGEST_TEXT];
    (void) base_digest_format (digest, text);
    (void) snprintf (complete, PATH_SIZE, "%.2s/%s", text, text);
    (void) snprintf (there, PATH_SIZE, "%s/%s", aside_names[aside], text);
}

static int entry_sync (struct disk_blobs *blobs, const char *path)
{
    base_cleanup (disk_entry_deinit) struct disk_entry entry = DISK_ENTRY_NULL;
    int r = disk_entry_find (blobs->disk, blobs->fd, path, &entry);
    if (r < 0)
        return r;
    return disk_directory_sync (blobs->disk, entry.fd);
}

static int blob_move (struct disk_blobs *blobs, const char *from, const char *to)
{
    if (blobs->disk->ops->renameat (blobs->disk->context, blobs->fd, from, blobs->fd, to))
        return -errno;
    int r = entry_sync (blobs, to);
    if (r < 0)
        return r;
    return entry_sync (blobs, from);
}

int disk_aside_put (struct disk_blobs *blobs, enum disk_aside aside, const struct base_digest *digest,
                    time_t stamp)
{
    base_assert (blobs && blobs->disk);
    base_assert ((unsigned) aside < N_ASIDE);
    base_assert (digest);
    char complete[PATH_SIZE], there[PATH_SIZE];
    blob_paths (aside, digest, complete, there);
    int r = disk_directory_make (blobs->disk, blobs->fd, aside_names[aside], 0700, NULL);
    if (r < 0)
        return r;
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = stamp}};
    if (stamp && utimensat (blobs->fd, complete, times, AT_SYMLINK_NOFOLLOW))
        return -errno;
    return blob_move (blobs, complete, there);
}

int disk_aside_take_back (struct disk_blobs *blobs, const struct base_digest *digest)
{
    base_assert (blobs && blobs->disk);
    base_assert (digest);
    char complete[PATH_SIZE], there[PATH_SIZE];
    blob_paths (DISK_TRASH, digest, complete, there);
    if (utimensat (blobs->fd, there, NULL, AT_SYMLINK_NOFOLLOW))
        return -errno;
    char prefix[3] = {complete[0], complete[1], '\0'};
    int r = disk_directory_make (blobs->disk, blobs->fd, prefix, 0755, NULL);
    if (r < 0)
        return r;
    return blob_move (blobs, there, complete);
}

int disk_aside_remove (struct disk_blobs *blobs, enum disk_aside aside, const struct base_digest *digest)
{
    base_assert (blobs && blobs->disk);
    base_assert ((unsigned) aside < N_ASIDE);
    base_assert (digest);
    char complete[PATH_SIZE], there[PATH_SIZE];
    blob_paths (aside, digest, complete, there);
    int r = disk_unlink (blobs->disk, blobs->fd, there);
    return r == -ENOENT ? 0 : r;
}

bool disk_aside_has (struct disk_blobs *blobs, enum disk_aside aside, const struct base_digest *digest)
{
    base_assert (blobs);
    base_assert ((unsigned) aside < N_ASIDE);
    base_assert (digest);
    char complete[PATH_SIZE], there[PATH_SIZE];
    blob_paths (aside, digest, complete, there);
    return faccessat (blobs->fd, there, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int disk_aside_each (struct disk_blobs *blobs, enum disk_aside aside,
                     int (*each) (void *context, const struct base_digest *digest, const struct stat *status),
                     void *context)
{
    base_assert (blobs && blobs->disk);
    base_assert ((unsigned) aside < N_ASIDE);
    base_assert (each);
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (blobs->disk->ops->openat (blobs->disk->context, blobs->fd, aside_names[aside],
                                                       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0));
    const struct dirent *entry;
    if (!directory)
        return errno == ENOENT ? 0 : -errno;
    while ((entry = readdir (directory))) {
        struct base_digest digest;
        struct stat status;
        if (base_digest_parse (entry->d_name, &digest) ||
            fstatat (dirfd (directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG (status.st_mode))
            continue;
        int r = each (context, &digest, &status);
        if (r)
            return r;
    }
    return 0;
}
