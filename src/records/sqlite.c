/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite.c - the database, its transactions and the revision counter */

#include "records/sqlite.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { REVISION_BLOCK = 10000, BUSY_MS = 5000 };

int records_begin (struct records *records, struct base_error *error)
{
    base_assert (records);
    int r = records_is_lost (records, error);

    if (r < 0)
        return r;
    r = sqlite_execute (records, "BEGIN IMMEDIATE", error);
    if (r < 0)
        return r;
    records->in_transaction = true;
    records->changes = sqlite3_total_changes (records->database);
    return 0;
}

static int transaction_commit (struct records *records, struct base_error *error)
{
    base_assert (records->in_transaction);
    int r = sqlite_mark_count (records, error);

    return r < 0 ? r : sqlite_execute (records, "COMMIT", error);
}

int records_commit (struct records *records, struct base_error *error)
{
    int r = transaction_commit (records, error);

    if (r < 0) {
        records_rollback (records);
        return r;
    }
    records->in_transaction = false;
    sqlite_mark_publish (records);
    /* A change that went into a file without a name is lost. */
    return records_is_lost (records, error);
}

int records_savepoint (struct records *records, struct base_error *error)
{
    base_assert (records && records->in_transaction);
    return sqlite_execute (records, "SAVEPOINT mark", error);
}

/*  After some errors SQLite has already rolled back the whole transaction. */
static bool transaction_is_lost (struct records *records)
{
    return sqlite3_get_autocommit (records->database) != 0;
}

int records_savepoint_keep (struct records *records)
{
    base_assert (records && records->in_transaction);
    if (transaction_is_lost (records))
        return -EIO;
    return sqlite3_exec (records->database, "RELEASE mark", NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
}

int records_savepoint_undo (struct records *records)
{
    base_assert (records && records->in_transaction);
    if (transaction_is_lost (records) ||
        sqlite3_exec (records->database, "ROLLBACK TO mark", NULL, NULL, NULL) != SQLITE_OK)
        return -EIO;
    return records_savepoint_keep (records);
}

void records_rollback (struct records *records)
{
    base_assert (records);
    if (!records->in_transaction)
        return;
    /* After some errors SQLite has already rolled back. A second rollback fails, which is harmless. */
    (void) sqlite3_exec (records->database, "ROLLBACK", NULL, NULL, NULL);
    records->in_transaction = false;
    /* The block of revisions may have been reserved in the transaction that was undone. */
    records->revision_end = records->revision;
}

int records_revision_next (struct records *records, uint64_t *ret_revision, struct base_error *error)
{
    base_assert (records && ret_revision);
    base_assert (records->revision <= records->revision_end);
    if (records->revision == records->revision_end) {
        int r = sqlite_do (records, error,
                           "INSERT INTO meta (key, value) VALUES ('revision', ?1)"
                           " ON CONFLICT (key) DO UPDATE SET value = ?1",
                           "u", records->revision + REVISION_BLOCK);
        if (r < 0)
            return r;
        records->revision_end = records->revision + REVISION_BLOCK;
    }
    *ret_revision = records->revision++;
    return 0;
}

static int revision_load (struct records *records, struct base_error *error)
{
    base_cleanup (sqlite_end) sqlite3_stmt *statement = NULL;
    int r = sqlite_query (records, &statement, error, "SELECT value FROM meta WHERE key = 'revision'", "");

    if (r < 0)
        return r;
    r = sqlite_row (records, statement, error);
    if (r < 0)
        return r;
    records->revision = r == SQLITE_E_ROW ? sqlite_number (statement, 0) : 1;
    if (records->revision > WIRE_EPOCH_MOST)
        return base_error_set (error, -EBADMSG, "the records are damaged: their revision is not a number");
    records->revision_end = records->revision;
    return 0;
}

static void records_free_p (struct records **records)
{
    records_free (*records);
}

/*  SQLite opens a file that it cannot write to as read-only, without an error. */
static int database_check_writable (struct records *records, const char *path, struct base_error *error)
{
    base_assert (path);
    return sqlite3_db_readonly (records->database, "main") == 1
               ? base_error_set (error, -EROFS,
                                 "%s cannot be written to: give this user the right to write to it and its"
                                 " directory (chown, chmod, chattr -i)",
                                 path)
               : 0;
}

/*  Adds the remedy to the error of a database that cannot be used. Returns r. */
static int remedy_append (int r, struct base_error *error)
{
    base_assert (r < 0);
    size_t size = error ? strlen (error->text) : 0;

    if (r == -EBADMSG && error && !strstr (error->text, RECORDS_REMEDY) &&
        size + sizeof RECORDS_REMEDY + 2 < sizeof error->text)
        (void) snprintf (error->text + size, sizeof error->text - size, ": %s", RECORDS_REMEDY);
    return r;
}

/*  Checks an open database, and brings its layout up to date. */
static int database_prepare (struct records *records, const char *path, struct base_error *error)
{
    base_assert (records->database && path);
    int r = database_check_writable (records, path, error);

    if (r < 0)
        return r;
    r = sqlite_execute (records,
                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                        "PRAGMA cache_size = -8192;",
                        error);
    if (r < 0)
        return r;
    r = sqlite_check_integrity (records->database, path, error);
    if (r < 0)
        return r;
    r = sqlite_layout_migrate (records, path, error);
    if (r < 0)
        return r;
    r = sqlite_layout_check (records, path, error);
    if (r < 0)
        return r;
    return revision_load (records, error);
}

int records_open (const char *path, struct records **ret_records, struct base_error *error)
{
    base_assert (path && ret_records);
    base_cleanup (records_free_p) struct records *records = calloc (1, sizeof *records);
    struct stat status;
    int r;

    if (!records)
        return base_error_errno (error, -ENOMEM, "cannot open %s", path);
    if (lstat (path, &status) == 0 && !S_ISREG (status.st_mode))
        return base_error_set (error, -EINVAL, "%s is not a file: move it away, then " RECORDS_REMEDY, path);
    if (sqlite3_open_v2 (path, &records->database,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                         NULL) != SQLITE_OK) {
        if (!records->database)
            return base_error_errno (error, -ENOMEM, "cannot open %s", path);
        int cause = sqlite3_system_errno (records->database);
        return base_error_set (error, sqlite_code (sqlite3_errcode (records->database), cause),
                               "cannot open %s: SQLite reports: %s%s%s", path,
                               sqlite3_errmsg (records->database), cause > 0 ? ": " : "",
                               cause > 0 ? strerror (cause) : "");
    }
    (void) sqlite3_busy_timeout (records->database, BUSY_MS);
    r = database_prepare (records, path, error);
    if (r < 0)
        return remedy_append (r, error);
    *ret_records = base_take (records);
    return 0;
}

struct records *records_free (struct records *records)
{
    if (!records)
        return NULL;
    records_rollback (records);
    for (unsigned i = 0; i < records->n_statements; i++)
        (void) sqlite3_finalize (records->statements[i].statement);
    (void) sqlite3_close (records->database);
    free (records);
    return NULL;
}
