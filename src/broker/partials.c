/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/partials.c - abandoned uploads */

#include "broker/partials.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"

enum { BLOCK = 512 /* bytes a unit of st_blocks */, PATH_SIZE = 80 };

struct partial {
    struct base_digest digest;
    struct timespec time;
};

struct partials {
    struct partial *items;
    size_t count;
};

/*  The oldest first. */
static int partials_compare (const void *a, const void *b)
{
    const struct partial *one = a, *other = b;

    if (one->time.tv_sec != other->time.tv_sec)
        return one->time.tv_sec < other->time.tv_sec ? -1 : 1;
    return one->time.tv_nsec < other->time.tv_nsec ? -1 : one->time.tv_nsec > other->time.tv_nsec;
}

static const char *partial_path (const struct base_digest *digest, char path[PATH_SIZE])
{
    char text[BASE_DIGEST_TEXT];

    (void) snprintf (path, PATH_SIZE, "partial/%s", base_digest_format (digest, text));
    return path;
}

/*  Lists all partial files that need not be kept, the oldest first. */
static struct partials partials_list (const struct disk_blobs *blobs, const struct broker_partials_kept *kept)
{
    struct partials partials = {.count = 0};
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (blobs->fd, "partial", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    const struct dirent *entry;

    while (directory && (entry = readdir (directory))) {
        struct partial partial;
        struct stat status;
        struct partial *grown;

        if (base_digest_parse (entry->d_name, &partial.digest) != 0 ||
            fstatat (dirfd (directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            kept->is_kept (kept->context, &partial.digest))
            continue;
        partial.time = status.st_mtim;
        grown = reallocarray (partials.items, partials.count + 1, sizeof *grown);
        if (!grown)
            break;
        partials.items = grown;
        partials.items[partials.count++] = partial;
    }
    if (partials.count > 0)
        qsort (partials.items, partials.count, sizeof *partials.items, partials_compare);
    return partials;
}

static void partial_remove (const struct disk_blobs *blobs, const struct base_digest *digest)
{
    char path[PATH_SIZE];

    (void) unlinkat (blobs->fd, partial_path (digest, path), 0);
}

void broker_partials_collect (struct disk_blobs *blobs, const struct broker_partials_kept *kept,
                              time_t before)
{
    base_assert (blobs && kept && kept->is_kept);
    struct partials partials = partials_list (blobs, kept);

    for (size_t i = 0; i < partials.count; i++)
        if (partials.items[i].time.tv_sec < before || partials.count - i > BROKER_PARTIALS_MOST)
            partial_remove (blobs, &partials.items[i].digest);
    free (partials.items);
}

bool broker_partials_make_room (struct disk_blobs *blobs, const struct broker_partials_kept *kept,
                                uint64_t bytes, uint64_t *ret_free)
{
    base_assert (blobs && kept && kept->is_kept && ret_free);
    struct partials partials = {.count = 0};
    uint64_t inodes;
    bool is_enough = disk_space (blobs->fd, ret_free, &inodes) != 0 || *ret_free >= bytes;

    if (!is_enough)
        partials = partials_list (blobs, kept);
    for (size_t i = 0; i < partials.count && !is_enough; i++) {
        partial_remove (blobs, &partials.items[i].digest);
        is_enough = disk_space (blobs->fd, ret_free, &inodes) != 0 || *ret_free >= bytes;
    }
    free (partials.items);
    return is_enough;
}

uint64_t broker_partials_allocated (struct disk_blobs *blobs, const struct base_digest *digest)
{
    base_assert (blobs && digest);
    char path[PATH_SIZE];
    struct stat status;

    if (fstatat (blobs->fd, partial_path (digest, path), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    return (uint64_t) status.st_blocks * BLOCK;
}

void broker_partials_shrink (struct disk_partial *partial)
{
    base_assert (partial && partial->offset <= partial->size);
    if (partial->fd >= 0 && ftruncate (partial->fd, (off_t) partial->offset) != 0)
        return; /* the file is deleted later */
}
