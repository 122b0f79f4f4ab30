/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/mark.c - detects records that are not the latest, by a file beside them */

#include "broker/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "broker/errors.h"
#include "disk/disk.h"
#include "records/backup.h"

enum { TEXT_SIZE = 80 };

struct broker_mark {
    int fd;
    uint64_t written, kept; /* count in the file, and the last one that is durable */
};

static void mark_format (const struct records_mark *mark, char text[TEXT_SIZE])
{
    (void) snprintf (text, TEXT_SIZE, "database %016" PRIx64 "\nmark %020" PRIu64 "\n", mark->identity,
                     mark->count);
}

static void on_changed (void *context, const struct records_mark *now)
{
    struct broker_mark *mark = context;
    char text[TEXT_SIZE];

    mark_format (now, text);
    (void) !pwrite (mark->fd, text, strlen (text), 0);
    mark->written = now->count;
}

void broker_mark_sync (struct broker_mark *mark)
{
    base_assert (mark && mark->fd >= 0);
    if (mark->written == mark->kept)
        return;
    (void) fdatasync (mark->fd);
    mark->kept = mark->written;
}

/*  Returns whether the file is there, readable and undamaged. */
static bool mark_read (int directory, const char *name, struct records_mark *ret_mark)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    const char *rest;

    return disk_file_read (&disk_system, directory, name, TEXT_SIZE, &buffer) == 0 &&
           base_buffer_append (&buffer, "", 1) == 0 &&
           base_text_take_number ((const char *) buffer.data, "database", 16, &ret_mark->identity, &rest) &&
           base_text_take_number (rest, "mark", 10, &ret_mark->count, NULL);
}

static int mark_write (struct broker_mark *mark, int directory, const char *name,
                       const struct records_mark *now, struct base_error *error)
{
    char text[TEXT_SIZE];
    int r;

    mark_format (now, text);
    r = disk_file_write (&disk_system, directory, name, 0600, text, strlen (text), error);
    if (r < 0)
        return r;
    mark->fd = openat (directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (mark->fd < 0)
        return base_error_errno (error, -errno, "cannot open %s", name);
    mark->written = mark->kept = now->count;
    return 0;
}

/*  Compares the records with the file. Returns 0, -errno, or BROKER_E_OLDER. */
static int mark_check (struct records *records, const struct records_mark *kept, struct base_error *error)
{
    struct records_mark now;
    int r = records_mark_get (records, &now, error);
    if (r < 0)
        return r;
    if (kept->identity != now.identity)
        return base_error_set (error, BROKER_E_OLDER,
                               "%s is not the database that this broker used last: orders may be lost."
                               " Put that one back; else " RECORDS_REMEDY,
                               records_path (records));
    if (kept->count > now.count)
        return base_error_set (error, BROKER_E_OLDER,
                               "%s is older than what this broker has acknowledged (%" PRIu64 " of %" PRIu64
                               " changes): its log was lost, or it is an older copy. Put the latest one"
                               " back, with broker.db-wal; else " RECORDS_REMEDY,
                               records_path (records), now.count, kept->count);
    return 0;
}

int broker_mark_open (struct records *records, int directory, const char *name, enum broker_mark_mode mode,
                      struct broker_mark **ret_mark, struct base_error *error)
{
    base_assert (records && directory >= 0 && name && ret_mark);
    base_assert (mode == BROKER_MARK_CHECK || mode == BROKER_MARK_REPLACE);
    struct broker_mark *mark;
    struct records_mark kept, now;
    int r;

    if (mode == BROKER_MARK_CHECK && mark_read (directory, name, &kept)) {
        r = mark_check (records, &kept, error);
        if (r)
            return r;
    }
    mark = calloc (1, sizeof *mark);
    if (!mark)
        return base_error_errno (error, -ENOMEM, "cannot open %s", name);
    mark->fd = -1;
    r = records_mark_follow (records, on_changed, mark, &now, error);
    if (r == 0)
        r = mark_write (mark, directory, name, &now, error);
    if (r < 0) {
        records_mark_leave (records);
        (void) broker_mark_free (mark);
        return r;
    }
    *ret_mark = mark;
    return 0;
}

struct broker_mark *broker_mark_free (struct broker_mark *mark)
{
    if (mark)
        base_close_p (&mark->fd);
    free (mark);
    return NULL;
}
