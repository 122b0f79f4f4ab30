/* SPDX-License-Identifier: MPL-2.0 */
/*  root/verified.c - the cache of file digests read since boot */

#include "root/verified.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

enum { FILES_MOST = 2048, LINE_MOST = 192, COARSE_SECONDS = 2, SETTLE_TRIES = 40 };
enum { HOLE_MOST = 1 << 30 };

static void boot_read (char boot[40])
{
    base_cleanup (base_close_p) int fd = open (BOOT_ID, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read (fd, boot, 39);
    boot[got > 0 ? got : 0] = '\0';
    boot[strcspn (boot, "\n")] = '\0';
}

static struct root_verified_file *file_add (struct root_verified *verified)
{
    if (verified->count == verified->capacity) {
        size_t capacity = verified->capacity ? 2 * verified->capacity : 64;
        struct root_verified_file *files = realloc (verified->files, capacity * sizeof *files);
        if (!files)
            return NULL;
        verified->files = files;
        verified->capacity = capacity;
    }
    return &verified->files[verified->count++];
}

/*  Parses "DEVICE INODE SIZE SECONDS NANOSECONDS DIGEST", numbers in decimal. Modifies the line. */
static bool line_parse (char *line, struct root_verified_file *ret_file)
{
    uint64_t numbers[5];
    struct root_verified_file file = {0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const char *word = strsep (&line, " ");
        if (!line || base_text_parse_u64 (word, INT64_MAX, &numbers[i]))
            return false;
    }
    if (base_digest_parse (line, &file.digest))
        return false;
    file.device = numbers[0];
    file.inode = numbers[1];
    file.size = numbers[2];
    file.changed = (struct timespec){.tv_sec = (time_t) numbers[3], .tv_nsec = (long) numbers[4]};
    *ret_file = file;
    return true;
}

void root_verified_load (const struct root *root, struct root_verified *ret_verified)
{
    base_assert (root_is_open (root));
    base_assert (ret_verified);
    struct root_verified verified = {.boot = ""};
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    boot_read (verified.boot);
    *ret_verified = verified;
    if (!*verified.boot ||
        disk_file_read (&disk_system, root->fd, ROOT_VERIFIED, FILES_MOST * LINE_MOST, &buffer) ||
        base_buffer_append (&buffer, "", 1))
        return;
    char *rest = (char *) buffer.data;
    char *line = strsep (&rest, "\n");
    if (strcmp (line, verified.boot) != 0)
        return;
    while ((line = strsep (&rest, "\n")) && *line) {
        struct root_verified_file file;
        struct root_verified_file *slot = line_parse (line, &file) ? file_add (ret_verified) : NULL;
        if (!slot)
            return;
        *slot = file;
    }
}

bool root_verified_make_room (const struct root *root, int r)
{
    base_assert (root_is_open (root));
    return (r == -ENOSPC || r == -EDQUOT) && disk_unlink (root->disk, root->fd, ROOT_VERIFIED) == 0;
}

void root_verified_deinit (struct root_verified *verified)
{
    base_assert (verified);
    free (verified->files);
    *verified = (struct root_verified){.boot = ""};
}

/*  Whether a later change would give another ctime: it advances by kernel ticks, on some file systems
    by seconds. */
static bool ctime_has_settled (const struct stat *status, const struct timespec *now)
{
    const struct timespec *changed = &status->st_ctim;
    if (changed->tv_nsec == 0)
        return changed->tv_sec + COARSE_SECONDS < now->tv_sec;
    return changed->tv_sec < now->tv_sec ||
           (changed->tv_sec == now->tv_sec && changed->tv_nsec < now->tv_nsec);
}

static bool file_is_same (const struct root_verified_file *file, const struct stat *status)
{
    return file->inode == status->st_ino && file->device == status->st_dev &&
           file->size == (uint64_t) status->st_size && file->changed.tv_sec == status->st_ctim.tv_sec &&
           file->changed.tv_nsec == status->st_ctim.tv_nsec;
}

static struct root_verified_file *file_find (struct root_verified *verified, const struct stat *status)
{
    for (size_t i = 0; i < verified->count; i++)
        if (file_is_same (&verified->files[i], status))
            return &verified->files[i];
    return NULL;
}

/*  Adds a file unless it changed between the two stats. */
static void file_take (struct root_verified *verified, const struct stat *before, const struct stat *after,
                       const struct base_digest *digest)
{
    struct root_verified_file file = {.device = before->st_dev,
                                      .inode = before->st_ino,
                                      .size = (uint64_t) before->st_size,
                                      .changed = before->st_ctim,
                                      .digest = *digest,
                                      .used = true};
    struct root_verified_file *slot = file_is_same (&file, after) ? file_add (verified) : NULL;
    if (!slot)
        return;
    *slot = file;
    verified->changed = true;
}

/*  A sparse file with a huge hole takes hours to read, and no real program has one. */
static bool file_is_hollow (int fd, const struct stat *status)
{
    off_t at = 0, end = status->st_size;
    while (end > HOLE_MOST && at < end) {
        off_t hole = lseek (fd, at, SEEK_HOLE);
        off_t data = hole < 0 ? -1 : lseek (fd, hole, SEEK_DATA);
        if (hole < 0 || hole >= end)
            break;
        if (data < 0)
            data = end;
        if (data - hole > HOLE_MOST)
            return true;
        at = data;
    }
    return false;
}

int root_verified_digest (struct root_verified *verified, int fd, struct base_digest *ret_digest)
{
    base_assert (fd >= 0);
    base_assert (ret_digest);
    struct stat before, after;
    struct timespec now;
    if (fstat (fd, &before))
        return -errno;
    if (S_ISREG (before.st_mode) && file_is_hollow (fd, &before))
        return -EFBIG;
    if (!verified || !*verified->boot || !S_ISREG (before.st_mode) ||
        clock_gettime (CLOCK_REALTIME_COARSE, &now))
        return base_digest_of_fd (fd, ret_digest, NULL);
    struct root_verified_file *known = file_find (verified, &before);
    if (known) {
        known->used = true;
        *ret_digest = known->digest;
        return 0;
    }
    int r = base_digest_of_fd (fd, ret_digest, NULL);
    if (r == 0 && ctime_has_settled (&before, &now) && !fstat (fd, &after))
        file_take (verified, &before, &after, ret_digest);
    return r;
}

void root_verified_note (struct root_verified *verified, int fd, const struct base_digest *digest)
{
    base_assert (verified && verified->count <= verified->capacity);
    base_assert (fd >= 0);
    base_assert (digest);
    const struct timespec half_a_millisecond = {.tv_nsec = 500000};
    struct stat before, after;
    struct timespec now;
    if (!*verified->boot || fstat (fd, &before) || !S_ISREG (before.st_mode) ||
        before.st_size < ROOT_VERIFIED_LARGE || file_find (verified, &before))
        return;
    for (unsigned i = 0; i < SETTLE_TRIES; i++) {
        if (clock_gettime (CLOCK_REALTIME_COARSE, &now))
            return;
        if (ctime_has_settled (&before, &now)) {
            if (!fstat (fd, &after))
                file_take (verified, &before, &after, digest);
            return;
        }
        (void) nanosleep (&half_a_millisecond, NULL);
    }
}

bool root_verified_knows (struct root_verified *verified, int fd, struct base_digest *ret_digest)
{
    base_assert (verified && verified->count <= verified->capacity);
    base_assert (fd >= 0);
    base_assert (ret_digest);
    struct stat status;
    if (!*verified->boot || fstat (fd, &status))
        return false;
    const struct root_verified_file *known = file_find (verified, &status);
    if (known)
        *ret_digest = known->digest;
    return known;
}

void root_verified_save (const struct root *root, struct root_verified *verified)
{
    base_assert (root_is_open (root));
    base_assert (verified);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    if (!verified->changed || base_buffer_printf (&buffer, "%s\n", verified->boot))
        return;
    size_t written = 0;
    for (int used = 1; used >= 0; used--)
        for (size_t i = 0; i < verified->count && written < FILES_MOST / 2; i++) {
            const struct root_verified_file *file = &verified->files[i];
            char digest[BASE_DIGEST_TEXT];
            if (file->used != (used == 1))
                continue;
            if (base_buffer_printf (&buffer, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %ld %s\n",
                                    file->device, file->inode, file->size, (int64_t) file->changed.tv_sec,
                                    file->changed.tv_nsec, base_digest_format (&file->digest, digest)))
                return;
            written++;
        }
    verified->changed = false;
    const struct disk *disk = root->disk == &disk_read_only ? root->disk : &disk_unsynced;
    (void) disk_file_write (disk, root->fd, ROOT_VERIFIED, 0600, buffer.data, buffer.size, NULL);
}
