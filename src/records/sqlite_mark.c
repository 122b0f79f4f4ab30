/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_mark.c - the mark in the database, and whether the files of the database are still there */

#include "records/sqlite.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"

static int meta_get (struct records *records, const char *key, uint64_t *ret_value, struct base_error *error)
{
    base_assert (key && ret_value);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (records, &row, error, "SELECT value FROM meta WHERE key = ?1", "t", key);

    if (r < 0)
        return r;
    r = sqlite_row (records, row, error);
    if (r < 0)
        return r;
    *ret_value = r == SQLITE_E_ROW ? sqlite_number (row, 0) : 0;
    return 0;
}

static int meta_put (struct records *records, const char *key, uint64_t value, struct base_error *error)
{
    base_assert (key);
    return sqlite_do (
        records, error,
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2", "tu", key,
        value);
}

int sqlite_mark_count (struct records *records, struct base_error *error)
{
    if (!records->mark_changed || sqlite3_total_changes (records->database) == records->changes)
        return 0;
    return meta_put (records, "mark", records->mark.count + 1, error);
}

void sqlite_mark_publish (struct records *records)
{
    base_assert (!records->in_transaction);
    if (!records->mark_changed || sqlite3_total_changes (records->database) == records->changes)
        return;
    records->mark.count++;
    records->mark_changed (records->mark_context, &records->mark);
}

static int identity_make (struct records *records, struct base_error *error)
{
    base_assert (records->mark.identity == 0);
    char text[17];

    (void) base_random_hex (text, 8);
    records->mark.identity = strtoull (text, NULL, 16) >> 1; /* SQLite's numbers have a sign */
    return meta_put (records, "identity", records->mark.identity, error);
}

static bool log_is_lost (struct records *records)
{
    const char *path = sqlite3_filename_wal (sqlite3_db_filename (records->database, "main"));
    struct stat status;

    if (!path || !*path)
        return false;
    if (stat (path, &status) != 0)
        return errno == ENOENT && records->log != 0;
    if (records->log == 0)
        records->log = status.st_ino;
    return records->log != status.st_ino;
}

int records_is_lost (struct records *records, struct base_error *error)
{
    base_assert (records);
    int moved = 0;

    if (!records->is_lost) {
        (void) sqlite3_file_control (records->database, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
        records->is_lost = moved || log_is_lost (records);
    }
    return records->is_lost
               ? base_error_set (error, -ESTALE,
                                 "%s was removed or replaced while the broker ran: changes are refused."
                                 " Stop the broker, move the files broker.db* that are there now away, and"
                                 " restore the saved broker.db.rescued-*: noded-broker --root DIR"
                                 " --restore FILE",
                                 records_path (records))
               : 0;
}

int records_mark_get (struct records *records, struct records_mark *ret_mark, struct base_error *error)
{
    base_assert (records && ret_mark);
    struct records_mark mark;
    int r = meta_get (records, "identity", &mark.identity, error);

    if (r < 0)
        return r;
    r = meta_get (records, "mark", &mark.count, error);
    if (r < 0)
        return r;
    *ret_mark = mark;
    return 0;
}

int records_mark_follow (struct records *records, records_mark_changed *changed, void *context,
                         struct records_mark *ret_mark, struct base_error *error)
{
    base_assert (records && changed && ret_mark);
    int r = records_mark_get (records, &records->mark, error);

    if (r < 0)
        return r;
    r = records->mark.identity == 0 ? identity_make (records, error) : 0;
    if (r < 0)
        return r;
    records->mark_changed = changed;
    records->mark_context = context;
    *ret_mark = records->mark;
    return 0;
}

void records_mark_leave (struct records *records)
{
    base_assert (records);
    records->mark_changed = NULL;
}
