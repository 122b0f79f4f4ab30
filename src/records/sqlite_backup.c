/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_backup.c - copies of a database, and what is read from a file */

#include "records/sqlite.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"

enum {
    BUSY_MS = 5000,
    REVISIONS_SKIPPED = 1000 * 1000 * 1000 /* more than any broker uses between two backups */
};

const char *records_path (const struct records *records)
{
    base_assert (records && records->database);
    return sqlite3_db_filename (records->database, "main");
}

static void database_close (sqlite3 **database)
{
    (void) sqlite3_close (*database);
}

static int database_fail (sqlite3 *database, struct base_error *error, const char *what, const char *path)
{
    base_assert (database && what && path);
    return base_error_set (error, sqlite_code (sqlite3_errcode (database), sqlite3_system_errno (database)),
                           "cannot %s %s: SQLite reports: %s", what, path, sqlite3_errmsg (database));
}

static int database_open (const char *path, int flags, sqlite3 **ret_database, struct base_error *error)
{
    base_assert (path && ret_database && !*ret_database);
    if (sqlite3_open_v2 (path, ret_database, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return *ret_database ? database_fail (*ret_database, error, "open", path)
                             : base_error_errno (error, -ENOMEM, "cannot open %s", path);
    (void) sqlite3_busy_timeout (*ret_database, BUSY_MS);
    return 0;
}

/*  Reads the first row of a query; *ret_is_there: there is one. The caller finalizes ret_row. */
static int row_get (sqlite3 *database, const char *sql, const char *path, sqlite3_stmt **ret_row,
                    bool *ret_is_there, struct base_error *error)
{
    base_assert (database && sql && path);
    base_assert (ret_row && !*ret_row);
    base_assert (ret_is_there);
    int code = sqlite3_prepare_v2 (database, sql, -1, ret_row, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step (*ret_row);
    *ret_is_there = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : database_fail (database, error, "read", path);
}

static void row_end (sqlite3_stmt **row)
{
    (void) sqlite3_finalize (*row);
}

static int head_get (sqlite3 *database, const char *path, uint64_t *ret_merges, struct base_digest *ret_head,
                     struct base_error *error)
{
    base_assert (ret_merges && ret_head);
    base_cleanup (row_end) sqlite3_stmt *row = NULL;
    bool is_there;
    int r = row_get (database, "SELECT serial, fleet FROM heads ORDER BY serial DESC LIMIT 1", path, &row,
                     &is_there, error);

    if (r < 0)
        return r;
    *ret_merges = is_there ? sqlite_number (row, 0) : 0;
    *ret_head = is_there ? sqlite_digest (row, 1) : (struct base_digest){.bytes = {0}};
    return 0;
}

static int pages_copy (sqlite3 *from, sqlite3 *to, const char *path, struct base_error *error)
{
    base_assert (from && to && from != to);
    sqlite3_backup *backup = sqlite3_backup_init (to, "main", from, "main");
    int code;

    if (!backup)
        return database_fail (to, error, "write", path);
    /* All pages in one step: a copy in several steps starts again whenever the broker writes. Readers and
       the writer do not block each other. */
    code = sqlite3_backup_step (backup, -1);
    /* finish does not report a busy database as an error, so the code of the step is checked, too */
    return sqlite3_backup_finish (backup) == SQLITE_OK && code == SQLITE_DONE
               ? 0
               : database_fail (to, error, "write", path);
}

static int number_get (sqlite3 *database, const char *sql, const char *path, uint64_t *ret_number,
                       struct base_error *error)
{
    base_assert (ret_number);
    base_cleanup (row_end) sqlite3_stmt *row = NULL;
    bool is_there;
    int r = row_get (database, sql, path, &row, &is_there, error);

    if (r < 0)
        return r;
    *ret_number = is_there ? sqlite_number (row, 0) : 0;
    return 0;
}

int sqlite_check_integrity (sqlite3 *database, const char *path, struct base_error *error)
{
    base_assert (database && path);
    base_cleanup (row_end) sqlite3_stmt *row = NULL;
    bool is_there;
    int r = row_get (database, "PRAGMA quick_check (1)", path, &row, &is_there, error);

    if (r < 0)
        return r;
    if (is_there && strcmp (sqlite_text (row, 0), "ok") != 0)
        return base_error_set (error, -EBADMSG, "%s is damaged (%.160s): " RECORDS_REMEDY, path,
                               sqlite_text (row, 0));
    return 0;
}

/*  The tables whose row counts must match between a copy and its source. */
static const char *const counted[] = {"nodes",   "applications", "releases", "blobs",
                                      "reports", "rollouts",     "members"};
enum { COUNTED = sizeof counted / sizeof counted[0] };

static int counts_get (sqlite3 *database, const char *path, uint64_t counts[COUNTED],
                       struct base_error *error)
{
    base_assert (database && counts);
    char sql[64];

    for (size_t i = 0; i < COUNTED; i++) {
        (void) snprintf (sql, sizeof sql, "SELECT count(*) FROM %s", counted[i]);
        int r = number_get (database, sql, path, &counts[i], error);
        if (r < 0)
            return r;
    }
    return 0;
}

/*  Reads the copy back from its file, through a new connection. */
static int copy_check (const char *path, const uint64_t counts[COUNTED], struct base_error *error)
{
    base_assert (path && counts);
    base_cleanup (database_close) sqlite3 *database = NULL;
    uint64_t found[COUNTED];
    int r = database_open (path, SQLITE_OPEN_READONLY, &database, error);

    if (r < 0)
        return r;
    r = sqlite_check_integrity (database, path, error);
    if (r < 0)
        return r;
    r = counts_get (database, path, found, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < COUNTED; i++)
        if (found[i] != counts[i])
            return base_error_set (error, -EIO, "the copy %s has %llu rows of %s, but the records have %llu",
                                   path, (unsigned long long) found[i], counted[i],
                                   (unsigned long long) counts[i]);
    return 0;
}

/*  Opens the database, checks it, and counts its rows, as of one moment that lasts until it is closed. */
static int source_open (const char *path, sqlite3 **ret_source, uint64_t counts[COUNTED],
                        struct base_error *error)
{
    base_assert (ret_source);
    int r = database_open (path, SQLITE_OPEN_READWRITE, ret_source, error);

    if (r < 0)
        return r;
    if (sqlite3_exec (*ret_source, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return database_fail (*ret_source, error, "read", path);
    r = sqlite_check_integrity (*ret_source, path, error);
    return r < 0 ? r : counts_get (*ret_source, path, counts, error);
}

int records_copy (const char *from, const char *to, uint64_t *ret_merges, struct base_digest *ret_head,
                  struct base_error *error)
{
    base_assert (from && to);
    base_assert (ret_merges && ret_head);
    base_cleanup (database_close) sqlite3 *source = NULL;
    base_cleanup (database_close) sqlite3 *target = NULL;
    uint64_t counts[COUNTED];
    char note[160];
    int r = source_open (from, &source, counts, error);

    if (r < 0)
        return r;
    r = database_open (to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &target, error);
    if (r < 0)
        return r;
    r = pages_copy (source, target, to, error);
    if (r < 0)
        return r;
    /* The copy is a single file, and records its time. */
    (void) snprintf (note, sizeof note,
                     "PRAGMA journal_mode = DELETE;"
                     "INSERT OR REPLACE INTO meta (key, value) VALUES ('copied', %llu)",
                     (unsigned long long) (base_time_real_ns () / 1000000));
    if (sqlite3_exec (target, note, NULL, NULL, NULL) != SQLITE_OK)
        return database_fail (target, error, "write", to);
    r = head_get (target, to, ret_merges, ret_head, error);
    if (r < 0)
        return r;
    database_close (&target);
    target = NULL;
    return copy_check (to, counts, error);
}

int records_rescue (struct records *records, char ret_path[512], struct base_error *error)
{
    base_assert (records && ret_path);
    base_cleanup (database_close) sqlite3 *target = NULL;
    char time[BASE_TIME_TEXT];
    int r;

    (void) base_time_format (base_time_real_ns (), time);
    (void) snprintf (ret_path, 512, "%s.rescued-%.19sZ", records_path (records), time);
    r = database_open (ret_path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &target, error);
    if (r < 0)
        return r;
    r = pages_copy (records->database, target, ret_path, error);
    if (r < 0)
        return r;
    if (sqlite3_exec (target, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
        return database_fail (target, error, "write", ret_path);
    return 0;
}

/*  restoring */

/*  Checks that a file is a database of a broker: records_open would create one in an empty file. */
static int database_check (const char *path, struct records_restored *restored, uint64_t *ret_copied_ms,
                           struct base_error *error)
{
    base_assert (restored && ret_copied_ms);
    base_cleanup (database_close) sqlite3 *database = NULL;
    uint64_t layout = 0;
    int r = database_open (path, SQLITE_OPEN_READONLY, &database, error);

    if (r < 0)
        return r;
    r = sqlite_check_integrity (database, path, error);
    if (r < 0)
        return r;
    r = number_get (database, "PRAGMA user_version", path, &layout, error);
    if (r < 0)
        return r;
    if (layout == 0)
        return base_error_set (
            error, -EBADMSG, "%s is an SQLite database, but not a copy of the records of noded-broker", path);
    r = number_get (database, "SELECT count(*) FROM nodes", path, &restored->nodes, error);
    if (r < 0)
        return r;
    r = number_get (database, "SELECT count(*) FROM releases", path, &restored->releases, error);
    if (r < 0)
        return r;
    return number_get (database, "SELECT value FROM meta WHERE key = 'copied'", path, ret_copied_ms, error);
}

int records_check (const char *path, struct records_restored *ret_restored, struct base_error *error)
{
    base_assert (path && ret_restored);
    struct records_restored restored = {.nodes = 0};
    uint64_t copied_ms = 0;
    int r = database_check (path, &restored, &copied_ms, error);

    if (r < 0)
        return r;
    if (copied_ms)
        (void) base_time_format (copied_ms * 1000000, restored.time);
    *ret_restored = restored;
    return 0;
}

int records_copied_get (struct records *records, uint64_t *ret_copied_ms, struct base_error *error)
{
    base_assert (records && ret_copied_ms);
    return number_get (records->database, "SELECT value FROM meta WHERE key = 'copied'",
                       records_path (records), ret_copied_ms, error);
}

int records_counts_get (struct records *records, uint64_t *ret_nodes, uint64_t *ret_releases,
                        struct base_error *error)
{
    base_assert (records && ret_nodes && ret_releases);
    const char *path = records_path (records);
    int r = number_get (records->database, "SELECT count(*) FROM nodes", path, ret_nodes, error);

    if (r < 0)
        return r;
    return number_get (records->database, "SELECT count(*) FROM releases", path, ret_releases, error);
}

int records_revisions_skip (struct records *records, struct base_error *error)
{
    base_assert (records && records->in_transaction);
    int r = sqlite_do (records, error,
                       "INSERT INTO meta (key, value) VALUES ('revision', ?1 + ?2)"
                       " ON CONFLICT (key) DO UPDATE SET value = value + ?1",
                       "uu", (uint64_t) REVISIONS_SKIPPED, records->revision);

    if (r < 0)
        return r;
    records->revision += REVISIONS_SKIPPED;
    records->revision_end = records->revision;
    return sqlite_do (records, error, "DELETE FROM meta WHERE key = 'copied'", "");
}

/*  The file is about to be renamed, and a log beside it would be lost. */
int records_gather (struct records *records, struct base_error *error)
{
    base_assert (records && !records->in_transaction);
    base_cleanup (row_end) sqlite3_stmt *row = NULL;
    const char *path = records_path (records);
    bool is_there;
    int r = row_get (records->database, "PRAGMA journal_mode = DELETE", path, &row, &is_there, error);

    if (r < 0)
        return r;
    if (!is_there || strcmp (sqlite_text (row, 0), "delete") != 0)
        return base_error_set (error, -EIO, "cannot merge the log of %s into the file", path);
    return 0;
}

bool records_file_has_tables (const char *path)
{
    base_assert (path);
    base_cleanup (database_close) sqlite3 *database = NULL;
    base_cleanup (row_end) sqlite3_stmt *row = NULL;

    /* Only reads: the log stays as it is. */
    return sqlite3_open_v2 (path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
               SQLITE_OK ||
           sqlite3_db_config (database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK ||
           sqlite3_prepare_v2 (database, "SELECT count(*) FROM sqlite_master WHERE type = 'table'", -1, &row,
                               NULL) != SQLITE_OK ||
           sqlite3_step (row) != SQLITE_ROW || sqlite3_column_int64 (row, 0) != 0;
}
