/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store_backup.c - copies of the records, and records made from a copy */

#include "broker/store_backup.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "broker/documents.h"
#include "broker/store_rollouts.h"
#include "broker/store_statement.h"

enum {
    BUSY_MS = 5000,
    REVISIONS_SKIPPED = 1000 * 1000 * 1000 /* more than any broker uses between two backups */
};

const char *broker_store_path (const struct broker_store *store)
{
    return sqlite3_db_filename (store->database, "main");
}

static void database_close (sqlite3 **database)
{
    (void) sqlite3_close (*database);
}

static int database_fail (sqlite3 *database, struct base_error *error, const char *what, const char *path)
{
    return base_error_set (error, store_code (sqlite3_errcode (database), sqlite3_system_errno (database)),
                           "cannot %s %s: SQLite reports: %s", what, path, sqlite3_errmsg (database));
}

static int database_open (const char *path, int flags, sqlite3 **ret_database, struct base_error *error)
{
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

static int head_get (sqlite3 *database, const char *path, uint64_t *ret_turns, struct base_digest *ret_head,
                     struct base_error *error)
{
    base_cleanup (row_end) sqlite3_stmt *row = NULL;
    bool is_there;
    int r = row_get (database, "SELECT serial, fleet FROM heads ORDER BY serial DESC LIMIT 1", path, &row,
                     &is_there, error);

    *ret_turns = r == 0 && is_there ? store_number (row, 0) : 0;
    *ret_head = r == 0 && is_there ? store_digest (row, 1) : (struct base_digest){.bytes = {0}};
    return r;
}

static int copy_pages (sqlite3 *from, sqlite3 *to, const char *path, struct base_error *error)
{
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
    base_cleanup (row_end) sqlite3_stmt *row = NULL;
    bool is_there;
    int r = row_get (database, sql, path, &row, &is_there, error);

    *ret_number = r == 0 && is_there ? store_number (row, 0) : 0;
    return r;
}

int store_check_whole (sqlite3 *database, const char *path, struct base_error *error)
{
    base_cleanup (row_end) sqlite3_stmt *row = NULL;
    bool is_there;
    int r = row_get (database, "PRAGMA quick_check (1)", path, &row, &is_there, error);

    if (r == 0 && is_there && strcmp (store_text (row, 0), "ok") != 0)
        r = base_error_set (error, -EBADMSG, "%s is damaged (%.160s): " BROKER_REMEDY, path,
                            store_text (row, 0));
    return r;
}

/*  The tables whose row counts must match between a copy and its source. */
static const char *const counted[] = {"nodes",   "applications", "releases", "contents",
                                      "reports", "rollouts",     "members"};
enum { COUNTED = sizeof counted / sizeof counted[0] };

static int counts_get (sqlite3 *database, const char *path, uint64_t counts[COUNTED],
                       struct base_error *error)
{
    char sql[64];
    int r = 0;

    for (size_t i = 0; r == 0 && i < COUNTED; i++) {
        (void) snprintf (sql, sizeof sql, "SELECT count(*) FROM %s", counted[i]);
        r = number_get (database, sql, path, &counts[i], error);
    }
    return r;
}

/*  Reads the copy back from its file, through a new connection. */
static int copy_check (const char *path, const uint64_t counts[COUNTED], struct base_error *error)
{
    base_cleanup (database_close) sqlite3 *database = NULL;
    uint64_t found[COUNTED];
    int r = database_open (path, SQLITE_OPEN_READONLY, &database, error);

    if (r == 0)
        r = store_check_whole (database, path, error);
    if (r == 0)
        r = counts_get (database, path, found, error);
    for (size_t i = 0; r == 0 && i < COUNTED; i++)
        if (found[i] != counts[i])
            r = base_error_set (error, -EIO, "the copy %s has %llu rows of %s, but the records have %llu",
                                path, (unsigned long long) found[i], counted[i],
                                (unsigned long long) counts[i]);
    return r;
}

int broker_store_copy (const char *from, const char *to, uint64_t *ret_turns, struct base_digest *ret_head,
                       struct base_error *error)
{
    base_cleanup (database_close) sqlite3 *source = NULL;
    base_cleanup (database_close) sqlite3 *target = NULL;
    uint64_t counts[COUNTED];
    char note[160];
    int r = database_open (from, SQLITE_OPEN_READWRITE, &source, error);

    if (r == 0 && sqlite3_exec (source, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        r = database_fail (source, error, "read", from);
    if (r == 0)
        r = store_check_whole (source, from, error);
    if (r == 0)
        r = counts_get (source, from, counts, error);
    if (r == 0)
        r = database_open (to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &target, error);
    if (r == 0)
        r = copy_pages (source, target, to, error);
    if (r != 0)
        return r;
    /* The copy is a single file, and records its time. */
    (void) snprintf (note, sizeof note,
                     "PRAGMA journal_mode = DELETE;"
                     "INSERT OR REPLACE INTO meta (key, value) VALUES ('copied', %llu)",
                     (unsigned long long) (base_time_real_ns () / 1000000));
    if (sqlite3_exec (target, note, NULL, NULL, NULL) != SQLITE_OK)
        return database_fail (target, error, "write", to);
    r = head_get (target, to, ret_turns, ret_head, error);
    if (r != 0)
        return r;
    database_close (&target);
    target = NULL;
    return copy_check (to, counts, error);
}

int broker_store_rescue (struct broker_store *store, char ret_path[512], struct base_error *error)
{
    base_cleanup (database_close) sqlite3 *target = NULL;
    char time[BASE_TIME_TEXT];
    int r;

    (void) base_time_format (base_time_real_ns (), time);
    (void) snprintf (ret_path, 512, "%s.rescued-%.19sZ", broker_store_path (store), time);
    r = database_open (ret_path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &target, error);
    if (r == 0)
        r = copy_pages (store->database, target, ret_path, error);
    if (r == 0 && sqlite3_exec (target, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
        r = database_fail (target, error, "write", ret_path);
    return r;
}

/*  restoring */

/*  Checks that a file is a database of a broker: opening a store would create one in an empty file. */
static int database_check (const char *path, struct broker_restored *restored, uint64_t *ret_copied_ms,
                           struct base_error *error)
{
    base_cleanup (database_close) sqlite3 *database = NULL;
    uint64_t layout = 0;
    int r = database_open (path, SQLITE_OPEN_READONLY, &database, error);

    if (r == 0)
        r = store_check_whole (database, path, error);
    if (r == 0)
        r = number_get (database, "PRAGMA user_version", path, &layout, error);
    if (r == 0 && layout == 0)
        r = base_error_set (error, -EBADMSG,
                            "%s is an SQLite database, but not a copy of the records of noded-broker", path);
    if (r == 0)
        r = number_get (database, "SELECT count(*) FROM nodes", path, &restored->nodes, error);
    if (r == 0)
        r = number_get (database, "SELECT count(*) FROM releases", path, &restored->releases, error);
    if (r == 0)
        r = number_get (database, "SELECT value FROM meta WHERE key = 'copied'", path, ret_copied_ms, error);
    return r;
}

struct pausing {
    struct broker_store *store;
    struct broker_restored *restored;
    uint64_t copied_ms;
    struct base_error *error;
    struct broker_rollout_row *rows; /* those that were under way */
};

static int rollout_keep (void *context, const struct broker_rollout_row *row)
{
    struct pausing *pausing = context;
    struct broker_rollout_row *rows;

    if (row->state.paused ||
        (row->state.phase != WIRE_PHASE_APPROVAL && row->state.phase != WIRE_PHASE_UPDATING &&
         row->state.phase != WIRE_PHASE_SOAKING && row->state.phase != WIRE_PHASE_QUEUED))
        return 0;
    rows = reallocarray (pausing->rows, pausing->restored->paused + 1, sizeof *rows);
    if (!rows)
        return -ENOMEM;
    pausing->rows = rows;
    rows[pausing->restored->paused] = *row;
    if (wire_copy (&wire_rollout_state_record, &row->state, &rows[pausing->restored->paused].state) != 0)
        return -ENOMEM;
    pausing->restored->paused++;
    return 0;
}

/*  It is not known what happened between the copy and now: nothing new is started until an operator has
    looked. That time does not count against waves and nodes. */
static int row_pause (struct pausing *pausing, struct broker_rollout_row *row, uint64_t watched_ms)
{
    char now[BASE_TIME_TEXT], reason[200];
    struct wire_turn turn = {.rollout = row->state.id,
                             .time = now,
                             .phase = row->state.phase,
                             .wave = row->wave + 1,
                             .paused = true,
                             .command = WIRE_COMMAND_PAUSE,
                             .reason = reason};
    int r;

    (void) base_time_format (base_time_real_ns (), now);
    (void) snprintf (reason, sizeof reason,
                     "the broker's records were restored%s%s: check what the nodes run, then resume",
                     pausing->restored->time[0] ? " from a copy of " : "", pausing->restored->time);
    row->state.paused = true;
    free (row->state.reason);
    row->state.reason = strdup (reason);
    if (row->stop_ms == 0)
        row->stop_ms = watched_ms;
    r = broker_store_revision_next (pausing->store, &row->state.revision, pausing->error);
    if (r == 0)
        r = broker_store_rollout_put (pausing->store, row, pausing->error);
    if (r == 0)
        r = broker_store_turn_add (pausing->store, row->serial, &turn, pausing->error);
    return r;
}

static int rollouts_pause (struct pausing *pausing)
{
    uint64_t watched_ms = 0;
    int r = broker_store_watched_get (pausing->store, &watched_ms, pausing->error);

    if (r == 0)
        r = broker_store_rollouts (pausing->store, 0, 0, true, rollout_keep, pausing, pausing->error);

    for (size_t i = 0; r == 0 && i < pausing->restored->paused; i++)
        r = row_pause (pausing, &pausing->rows[i], watched_ms);
    for (size_t i = 0; i < pausing->restored->paused; i++)
        broker_rollout_row_deinit (&pausing->rows[i]);
    free (pausing->rows);
    if (r == 0)
        r = store_do (pausing->store, pausing->error,
                      "UPDATE members SET since = ?1 WHERE state IN ('ordered', 'reverting')"
                      " AND rollout IN (SELECT serial FROM rollouts WHERE live = 1)",
                      "u", watched_ms);
    return r;
}

static int revisions_skip (struct broker_store *store, struct base_error *error)
{
    int r = store_do (store, error,
                      "INSERT INTO meta (key, value) VALUES ('revision', ?1 + ?2)"
                      " ON CONFLICT (key) DO UPDATE SET value = value + ?1",
                      "uu", (uint64_t) REVISIONS_SKIPPED, store->revision);

    if (r == 0)
        r = store_do (store, error, "DELETE FROM meta WHERE key = 'copied'", "");
    store->revision += REVISIONS_SKIPPED;
    store->revision_end = store->revision;
    return r;
}

/*  Brings everything into the one file, without a log beside it: the file is about to be renamed. */
static int database_gather (struct broker_store *store, const char *path, struct base_error *error)
{
    base_cleanup (row_end) sqlite3_stmt *row = NULL;
    bool is_there;
    int r = row_get (store->database, "PRAGMA journal_mode = DELETE", path, &row, &is_there, error);

    if (r == 0 && (!is_there || strcmp (store_text (row, 0), "delete") != 0))
        r = base_error_set (error, -EIO, "cannot merge the log of %s into the file", path);
    return r;
}

int broker_store_check (const char *path, struct broker_restored *ret_restored, struct base_error *error)
{
    struct broker_restored restored = {.nodes = 0};
    uint64_t copied_ms = 0;
    int r = database_check (path, &restored, &copied_ms, error);

    if (r == 0 && copied_ms)
        (void) base_time_format (copied_ms * 1000000, restored.time);
    if (r == 0)
        *ret_restored = restored;
    return r;
}

int broker_store_renew (const char *path, int root, struct broker_restored *ret_restored,
                        struct base_error *error)
{
    struct broker_restored restored = {.nodes = 0};
    struct pausing pausing = {.restored = &restored, .error = error};
    struct broker_store *store = NULL;
    int r = broker_store_open (path, &store, error);

    if (r != 0)
        return r;
    r = number_get (store->database, "SELECT value FROM meta WHERE key = 'copied'", path, &pausing.copied_ms,
                    error);
    if (r == 0 && pausing.copied_ms)
        (void) base_time_format (pausing.copied_ms * 1000000, restored.time);
    pausing.store = store;
    if (r == 0)
        r = broker_documents_adopt (root, store, &restored.adopted, error);
    if (r == 0)
        r = broker_store_begin (store, error);
    if (r == 0)
        r = revisions_skip (store, error);
    if (r == 0)
        r = broker_store_watched_mend (store, error);
    if (r == 0)
        r = rollouts_pause (&pausing);
    if (r == 0)
        r = broker_store_commit (store, error);
    if (r == 0)
        r = number_get (store->database, "SELECT count(*) FROM nodes", path, &restored.nodes, error);
    if (r == 0)
        r = number_get (store->database, "SELECT count(*) FROM releases", path, &restored.releases, error);
    if (r == 0)
        r = database_gather (store, path, error);
    (void) broker_store_free (store);
    if (r == 0)
        *ret_restored = restored;
    return r;
}
