/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trash.c - blobs that nothing needs */

#include "broker/trash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

#define CLOCK "trash/clock"

enum { SAVE_MS = 10 * 60 * 1000, LOOK_MS = 30 * 1000, TEXT_MOST = 64, OLDEST_MOST = 256, LOOKS_MOST = 4 };

struct oldest {
    struct base_digest digest;
    time_t stamp;
    uint64_t size;
};

static int stamp_note (void *context, const struct base_digest *digest, const struct stat *status)
{
    uint64_t *newest_ms = context;
    uint64_t stamp_ms = status->st_mtime > 0 ? (uint64_t) status->st_mtime * 1000 : 0;

    (void) digest;
    if (stamp_ms > *newest_ms &&
        stamp_ms < UINT64_C (1) << 40) /* a larger value is a time of day: 2^40 ms of running are 34 years */
        *newest_ms = stamp_ms;
    return 0;
}

/*  If the clock file is missing or damaged, the clock resumes from the newest stamp in the trash: blobs are
    kept longer rather than shorter. */
static void clock_load (struct broker_trash *trash, uint64_t now_ms)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    uint64_t clock_ms;

    trash->ticked_ms = now_ms;
    if (disk_file_read (trash->blobs->disk, trash->blobs->fd, CLOCK, TEXT_MOST, &buffer) == 0 &&
        base_buffer_append (&buffer, "", 1) == 0 &&
        base_text_take_number ((const char *) buffer.data, "ran_ms", 10, &clock_ms, NULL)) {
        trash->clock_ms = clock_ms;
        return;
    }
    trash->clock_ms = 0;
    (void) disk_aside_each (trash->blobs, DISK_TRASH, stamp_note, &trash->clock_ms);
}

static void clock_count (struct broker_trash *trash, uint64_t now_ms)
{
    if (now_ms > trash->ticked_ms)
        trash->clock_ms += now_ms - trash->ticked_ms;
    trash->ticked_ms = now_ms;
}

/*  If the file cannot be written, a restart loses the time since the last save: blobs are kept longer. */
static void clock_save (struct broker_trash *trash)
{
    char text[TEXT_MOST];

    (void) snprintf (text, sizeof text, "ran_ms %" PRIu64 "\n", trash->clock_ms);
    if (disk_directory_make (trash->blobs->disk, trash->blobs->fd, "trash", 0700, NULL) == 0)
        (void) disk_file_write (trash->blobs->disk, trash->blobs->fd, CLOCK, 0600, text, strlen (text), NULL);
    trash->saved_ms = trash->ticked_ms;
}

void broker_trash_init (struct broker_trash *trash, struct disk_blobs *blobs, uint64_t now_ms)
{
    base_assert (trash && blobs);
    *trash = (struct broker_trash){.blobs = blobs,
                                   .rules = BROKER_TRASH_RULES,
                                   .started_ms = now_ms,
                                   .saved_ms = now_ms,
                                   .looked_ms = now_ms};
    clock_load (trash, now_ms);
}

enum { ENTRY_FOUND = 1 /* ends the search */ };

static int entry_found (void *context, const struct base_digest *digest, const struct stat *status)
{
    (void) context;
    (void) digest;
    (void) status;
    return ENTRY_FOUND;
}

static bool trash_is_used (struct broker_trash *trash)
{
    return disk_aside_each (trash->blobs, DISK_TRASH, entry_found, NULL) == ENTRY_FOUND;
}

void broker_trash_deinit (struct broker_trash *trash)
{
    base_assert (trash);
    if (trash->blobs && trash_is_used (trash))
        clock_save (trash);
    *trash = (struct broker_trash){.blobs = NULL};
}

int broker_trash_put (struct broker_trash *trash, const struct base_digest *digest, uint64_t now_ms)
{
    base_assert (trash && trash->blobs && digest);
    char text[BASE_DIGEST_TEXT];
    time_t stamp;
    int r;

    clock_count (trash, now_ms);
    clock_save (trash);
    stamp = (time_t) (trash->clock_ms / 1000);
    r = disk_aside_put (trash->blobs, DISK_TRASH, digest, stamp > 0 ? stamp : 1);
    if (r == 0)
        base_log (BASE_LOG_INFO, "moved the blob %s, which is not needed any more, to blobs/trash",
                  base_digest_format (digest, text));
    else if (r != -ENOENT)
        base_log (BASE_LOG_WARNING, "cannot move the blob %s to blobs/trash, ignoring: %s",
                  base_digest_format (digest, text), strerror (-r));
    return r;
}

int broker_trash_take_back (struct broker_trash *trash, const struct base_digest *digest)
{
    base_assert (trash && trash->blobs && digest);
    char text[BASE_DIGEST_TEXT];
    int r = disk_aside_take_back (trash->blobs, digest);

    if (r == 0)
        base_log (BASE_LOG_INFO, "restored the blob %s from blobs/trash: it is needed again",
                  base_digest_format (digest, text));
    return r;
}

/*  The oldest blobs found in the trash, the oldest first. */
struct looking {
    struct broker_trash *trash;
    struct oldest all[OLDEST_MOST];
    size_t count;
};

static int oldest_note (void *context, const struct base_digest *digest, const struct stat *status)
{
    struct looking *looking = context;
    struct broker_trash *trash = looking->trash;
    time_t now = (time_t) (trash->clock_ms / 1000);
    size_t at = looking->count;

    base_assert (at <= OLDEST_MOST);
    if (status->st_mtime < 0 || status->st_mtime > now + 1) { /* not a stamp of this clock: gets one */
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = now}};
        char text[BASE_DIGEST_TEXT], path[BASE_DIGEST_TEXT + 8];
        (void) snprintf (path, sizeof path, "trash/%s", base_digest_format (digest, text));
        (void) utimensat (trash->blobs->fd, path, times, AT_SYMLINK_NOFOLLOW);
        return 0;
    }
    if (at == OLDEST_MOST && status->st_mtime >= looking->all[at - 1].stamp)
        return 0;
    if (at == OLDEST_MOST)
        at--;
    else
        looking->count++;
    for (; at > 0 && looking->all[at - 1].stamp > status->st_mtime; at--)
        looking->all[at] = looking->all[at - 1];
    looking->all[at] =
        (struct oldest){.digest = *digest, .stamp = status->st_mtime, .size = (uint64_t) status->st_size};
    return 0;
}

/*  Deletes the blob if it has been in the trash long enough. */
static void oldest_delete (struct broker_trash *trash, const struct oldest *oldest)
{
    char text[BASE_DIGEST_TEXT];
    uint64_t stamp_ms = (uint64_t) oldest->stamp * 1000;
    int r;

    if (stamp_ms > trash->clock_ms || trash->clock_ms - stamp_ms < trash->rules.keep_ms)
        return;
    r = disk_aside_remove (trash->blobs, DISK_TRASH, &oldest->digest);
    if (r == 0)
        base_log (BASE_LOG_INFO,
                  "low disk space: deleted the blob %s, %" PRIu64 " bytes, not needed for %" PRIu64 " s",
                  base_digest_format (&oldest->digest, text), oldest->size,
                  (trash->clock_ms - stamp_ms) / 1000);
    else if (r != -ENOENT)
        base_log (BASE_LOG_WARNING, "cannot delete the blob %s from blobs/trash, ignoring: %s",
                  base_digest_format (&oldest->digest, text), strerror (-r));
}

static bool space_is_short (const struct broker_trash *trash, uint64_t bytes)
{
    uint64_t free, inodes;

    return disk_space (trash->blobs->fd, &free, &inodes) == 0 && free < bytes;
}

void broker_trash_make_room (struct broker_trash *trash, uint64_t bytes, uint64_t now_ms)
{
    base_assert (trash && trash->blobs);
    clock_count (trash, now_ms);
    if (now_ms - trash->started_ms < trash->rules.first_ms)
        return;
    for (unsigned look = 0; look < LOOKS_MOST && space_is_short (trash, bytes); look++) {
        struct looking looking = {.trash = trash, .count = 0};
        (void) disk_aside_each (trash->blobs, DISK_TRASH, oldest_note, &looking);
        for (size_t i = 0; i < looking.count && space_is_short (trash, bytes); i++)
            oldest_delete (trash, &looking.all[i]);
        if (looking.count < OLDEST_MOST)
            return;
    }
}

void broker_trash_tick (struct broker_trash *trash, uint64_t now_ms)
{
    base_assert (trash && trash->blobs);
    clock_count (trash, now_ms);
    if (now_ms - trash->saved_ms >= SAVE_MS && trash_is_used (trash))
        clock_save (trash);
    if (now_ms - trash->looked_ms < LOOK_MS && trash->rules.first_ms > LOOK_MS)
        return;
    trash->looked_ms = now_ms;
    broker_trash_make_room (trash, trash->rules.free, now_ms);
}
