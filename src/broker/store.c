/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store.c - the database, its layout, transactions and the revision counter */

#include "broker/store_backup.h"
#include "broker/store_statement.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/cleanup.h"

enum { REVISION_BLOCK = 10000, BUSY_MS = 5000, TABLES = 13 };

/*  Each entry migrates the layout from its index to the next one. A released entry is never changed; new
    entries follow it. */
static const char *const migrations[] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE releases (serial INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE,"
    " application TEXT NOT NULL, version TEXT NOT NULL, document BLOB NOT NULL, time TEXT NOT NULL,"
    " withdrawn INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX releases_application ON releases (application, serial);"
    "CREATE TABLE contents (release BLOB NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,"
    " PRIMARY KEY (release, digest)) WITHOUT ROWID;"
    "CREATE INDEX contents_digest ON contents (digest);"
    "CREATE TABLE nodes (id TEXT PRIMARY KEY, place TEXT, software TEXT, platform TEXT NOT NULL,"
    " last_seen TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE applications (node TEXT NOT NULL, name TEXT NOT NULL, epoch INTEGER NOT NULL,"
    " verb TEXT, told BLOB, trial INTEGER NOT NULL DEFAULT 0, running BLOB, previous BLOB, desired BLOB,"
    " PRIMARY KEY (node, name)) WITHOUT ROWID;"
    "CREATE INDEX applications_running ON applications (running);"
    "CREATE INDEX applications_previous ON applications (previous);"
    "CREATE TABLE reports (serial INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, "
    "application TEXT NOT NULL,"
    " epoch INTEGER NOT NULL, attempt INTEGER NOT NULL, step TEXT NOT NULL, told BLOB NOT NULL);"
    "CREATE UNIQUE INDEX reports_key ON reports (node, application, epoch, attempt, step);"
    "CREATE INDEX reports_node ON reports (node, serial);"
    "CREATE TABLE answers (serial INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,"
    " answer BLOB NOT NULL);",
    /* labels, facts, and the state of the nodes' journals */
    "ALTER TABLE nodes ADD COLUMN kernel TEXT;"
    "ALTER TABLE nodes ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE nodes ADD COLUMN journal_serial INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE nodes ADD COLUMN journal_head BLOB;"
    "ALTER TABLE nodes ADD COLUMN journal_fault TEXT;"
    "CREATE TABLE labels (node TEXT NOT NULL, name TEXT NOT NULL, own INTEGER NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (node, name, own)) WITHOUT ROWID;"
    "CREATE TABLE heads (serial INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, time TEXT NOT NULL,"
    " journal_serial INTEGER NOT NULL, journal_head BLOB NOT NULL, fleet BLOB NOT NULL);",
    /* rollouts */
    "CREATE TABLE rollouts (serial INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " application TEXT NOT NULL, live INTEGER NOT NULL, phase TEXT NOT NULL, paused INTEGER NOT NULL,"
    " wave INTEGER NOT NULL, phase_ms INTEGER NOT NULL, wave_ms INTEGER NOT NULL,"
    " stopped_ms INTEGER NOT NULL, stop_ms INTEGER NOT NULL, evidence TEXT NOT NULL, state BLOB NOT NULL,"
    " revision INTEGER NOT NULL);"
    "CREATE TABLE members (rollout INTEGER NOT NULL, idx INTEGER NOT NULL, node TEXT NOT NULL,"
    " wave INTEGER NOT NULL, state TEXT NOT NULL, since INTEGER NOT NULL, start INTEGER NOT NULL,"
    " revert_ms INTEGER NOT NULL, flags INTEGER NOT NULL, pending INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    " verb TEXT, update_id TEXT, ordered INTEGER NOT NULL, took INTEGER NOT NULL, step TEXT, reason TEXT,"
    " revision INTEGER NOT NULL, PRIMARY KEY (rollout, idx)) WITHOUT ROWID;"
    "CREATE INDEX members_took ON members (rollout, took) WHERE took > 0;"
    "CREATE TABLE turns (serial INTEGER PRIMARY KEY AUTOINCREMENT, rollout INTEGER NOT NULL,"
    " turn BLOB NOT NULL);"
    "CREATE INDEX turns_rollout ON turns (rollout, serial);"
    "CREATE TABLE given (node TEXT NOT NULL, application TEXT NOT NULL, epoch INTEGER NOT NULL,"
    " verb TEXT NOT NULL, update_id TEXT, rollout TEXT, wave INTEGER NOT NULL, place TEXT,"
    " time TEXT NOT NULL, PRIMARY KEY (node, application, epoch)) WITHOUT ROWID;",
    /* Times of rollouts were wall-clock times. The clock that they use now starts after the last of them,
       or at one day, as 0 means "never". */
    "ALTER TABLE members ADD COLUMN real INTEGER NOT NULL DEFAULT 0;"
    "UPDATE members SET real = since;"
    "INSERT OR REPLACE INTO meta (key, value) VALUES ('watched', max (86400000,"
    " coalesce ((SELECT max (max (phase_ms, wave_ms, stop_ms)) FROM rollouts), 0),"
    " coalesce ((SELECT max (max (since, ordered)) FROM members), 0)));",
};

enum { LAYOUT = sizeof migrations / sizeof migrations[0] };

int store_code (int code, int cause)
{
    switch (code & 0xff) {
    case SQLITE_FULL: /* SQLite returns this or the other code for a full disk */
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EROFS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_CANTOPEN:
        return cause > 0 ? -cause : -EACCES;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our statement fails: the tables are not as they were created */
        return -EBADMSG;
    default:
        return cause == ENOSPC ? -ENOSPC : -EIO;
    }
}

int store_fail (struct broker_store *store, struct base_error *error, const char *what)
{
    int code = sqlite3_errcode (store->database) & 0xff, cause = sqlite3_system_errno (store->database);
    int r = store_code (code, cause);
    bool has_cause = (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && cause > 0;
    return base_error_set (error, r, "%s: SQLite reports for %s: %s%s%s", what, broker_store_path (store),
                           sqlite3_errmsg (store->database), has_cause ? ": " : "",
                           has_cause ? strerror (cause) : "");
}

static int statement_prepare (struct broker_store *store, const char *sql, sqlite3_stmt **ret_statement,
                              struct base_error *error)
{
    sqlite3_stmt *statement;

    for (unsigned i = 0; i < store->n_statements; i++) {
        if (store->statements[i].sql == sql) {
            *ret_statement = store->statements[i].statement;
            return 0;
        }
    }
    if (store->n_statements == STORE_STATEMENTS_MOST)
        return base_error_set (error, -ENOBUFS, "more statements than the store has room for");
    if (sqlite3_prepare_v3 (store->database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK)
        return store_fail (store, error, "cannot prepare a statement");
    store->statements[store->n_statements].sql = sql;
    store->statements[store->n_statements].statement = statement;
    store->n_statements++;
    *ret_statement = statement;
    return 0;
}

static int arguments_bind (sqlite3_stmt *statement, const char *types, va_list arguments)
{
    int r = SQLITE_OK;

    for (int i = 1; types[i - 1] && r == SQLITE_OK; i++) {
        const struct base_digest *digest;
        const struct base_buffer *buffer;
        const char *text;
        switch (types[i - 1]) {
        case 't':
            text = va_arg (arguments, const char *);
            r = text ? sqlite3_bind_text (statement, i, text, -1, SQLITE_STATIC)
                     : sqlite3_bind_null (statement, i);
            break;
        case 'u':
            r = sqlite3_bind_int64 (statement, i, (sqlite3_int64) va_arg (arguments, uint64_t));
            break;
        case 'd':
            digest = va_arg (arguments, const struct base_digest *);
            r = !digest || base_digest_is_null (digest)
                    ? sqlite3_bind_null (statement, i)
                    : sqlite3_bind_blob (statement, i, digest->bytes, BASE_DIGEST_BYTES, SQLITE_STATIC);
            break;
        case 'b':
            buffer = va_arg (arguments, const struct base_buffer *);
            r = buffer->size == 0
                    ? sqlite3_bind_null (statement, i)
                    : sqlite3_bind_blob64 (statement, i, buffer->data, buffer->size, SQLITE_STATIC);
            break;
        }
    }
    return r;
}

static int query_v (struct broker_store *store, sqlite3_stmt **ret_statement, struct base_error *error,
                    const char *sql, const char *types, va_list arguments)
{
    sqlite3_stmt *statement = NULL;
    int r = statement_prepare (store, sql, &statement, error);

    if (r != 0)
        return r;
    if (arguments_bind (statement, types, arguments) != SQLITE_OK) {
        r = store_fail (store, error, "cannot bind a value");
        store_end (&statement);
        return r;
    }
    *ret_statement = statement;
    return 0;
}

int store_query (struct broker_store *store, sqlite3_stmt **ret_statement, struct base_error *error,
                 const char *sql, const char *types, ...)
{
    va_list arguments;
    int r;

    va_start (arguments, types);
    r = query_v (store, ret_statement, error, sql, types, arguments);
    va_end (arguments);
    return r;
}

int store_row (struct broker_store *store, sqlite3_stmt *statement, struct base_error *error)
{
    int code = sqlite3_step (statement);

    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE)
        return 0;
    return store_fail (store, error, "cannot read or write the records");
}

void store_end (sqlite3_stmt **statement)
{
    if (!*statement)
        return;
    (void) sqlite3_reset (*statement);
    (void) sqlite3_clear_bindings (*statement);
    *statement = NULL;
}

int store_do (struct broker_store *store, struct base_error *error, const char *sql, const char *types, ...)
{
    base_cleanup (store_end) sqlite3_stmt *statement = NULL;
    va_list arguments;
    int r;

    va_start (arguments, types);
    r = query_v (store, &statement, error, sql, types, arguments);
    va_end (arguments);
    return r == 0 ? store_row (store, statement, error) : r;
}

const char *store_text (sqlite3_stmt *statement, int column)
{
    return (const char *) sqlite3_column_text (statement, column);
}

uint64_t store_number (sqlite3_stmt *statement, int column)
{
    return (uint64_t) sqlite3_column_int64 (statement, column);
}

struct base_digest store_digest (sqlite3_stmt *statement, int column)
{
    struct base_digest digest = {.bytes = {0}};
    const void *blob = sqlite3_column_blob (statement, column);

    if (blob && sqlite3_column_bytes (statement, column) == BASE_DIGEST_BYTES)
        memcpy (digest.bytes, blob, BASE_DIGEST_BYTES);
    return digest;
}

int store_record (sqlite3_stmt *statement, int column, const struct wire_record *record, void *ret_message,
                  struct base_error *error)
{
    struct base_error why = {.code = 0};
    int r = wire_unpack (record, sqlite3_column_blob (statement, column),
                         (size_t) sqlite3_column_bytes (statement, column), ret_message, &why);

    if (r > 0)
        return base_error_set (error, -EBADMSG, "a %s in the broker's database does not fit its schema: %s",
                               wire_record_name (record), why.text);
    return r < 0 ? base_error_errno (error, r, "cannot read a %s", wire_record_name (record)) : 0;
}

int store_pack (const struct wire_record *record, const void *message, struct base_buffer *buffer,
                struct base_error *error)
{
    struct base_error why = {.code = 0};
    int r = wire_pack (record, message, buffer, &why);

    if (r > 0)
        return base_error_set (error, -EBADMSG, "a %s does not fit its schema: %s", wire_record_name (record),
                               why.text);
    return r < 0 ? base_error_errno (error, r, "cannot pack a %s", wire_record_name (record)) : 0;
}

int store_execute (struct broker_store *store, const char *sql, struct base_error *error)
{
    if (sqlite3_exec (store->database, sql, NULL, NULL, NULL) != SQLITE_OK)
        return store_fail (store, error, "cannot change the database");
    return 0;
}

int broker_store_begin (struct broker_store *store, struct base_error *error)
{
    int r = broker_store_is_lost (store, error);

    if (r == 0)
        r = store_execute (store, "BEGIN IMMEDIATE", error);
    if (r == 0) {
        store->in_transaction = true;
        store->changes = sqlite3_total_changes (store->database);
    }
    return r;
}

int broker_store_commit (struct broker_store *store, struct base_error *error)
{
    int r = store_mark_count (store, error);

    if (r == 0)
        r = store_execute (store, "COMMIT", error);
    if (r != 0) {
        broker_store_rollback (store);
        return r;
    }
    store->in_transaction = false;
    store_mark_write (store);
    /* A change that went into a file without a name is lost. */
    return broker_store_is_lost (store, error);
}

int broker_store_mark (struct broker_store *store, struct base_error *error)
{
    return store_execute (store, "SAVEPOINT mark", error);
}

int broker_store_mark_end (struct broker_store *store, bool keep)
{
    /* after some errors SQLite has already rolled back the whole transaction */
    if (sqlite3_get_autocommit (store->database))
        return -EIO;
    if (!keep && sqlite3_exec (store->database, "ROLLBACK TO mark", NULL, NULL, NULL) != SQLITE_OK)
        return -EIO;
    return sqlite3_exec (store->database, "RELEASE mark", NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
}

void broker_store_rollback (struct broker_store *store)
{
    if (!store->in_transaction)
        return;
    /* After some errors SQLite has already rolled back. A second rollback fails, which is harmless. */
    (void) sqlite3_exec (store->database, "ROLLBACK", NULL, NULL, NULL);
    store->in_transaction = false;
    /* The block of revisions may have been reserved in the transaction that was undone. */
    store->revision_end = store->revision;
}

int broker_store_revision_next (struct broker_store *store, uint64_t *ret_revision, struct base_error *error)
{
    if (store->revision == store->revision_end) {
        int r = store_do (store, error,
                          "INSERT INTO meta (key, value) VALUES ('revision', ?1)"
                          " ON CONFLICT (key) DO UPDATE SET value = ?1",
                          "u", store->revision + REVISION_BLOCK);
        if (r != 0)
            return r;
        store->revision_end = store->revision + REVISION_BLOCK;
    }
    *ret_revision = store->revision++;
    return 0;
}

static int revision_load (struct broker_store *store, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *statement = NULL;
    int r = store_query (store, &statement, error, "SELECT value FROM meta WHERE key = 'revision'", "");

    if (r == 0)
        r = store_row (store, statement, error);
    if (r < 0)
        return r;
    store->revision = r == 1 ? store_number (statement, 0) : 1;
    store->revision_end = store->revision;
    return 0;
}

static int layout_get (struct broker_store *store, uint64_t *ret_layout, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *statement = NULL;
    int r = store_query (store, &statement, error, "PRAGMA user_version", "");

    if (r == 0)
        r = store_row (store, statement, error);
    if (r < 0)
        return r;
    *ret_layout = store_number (statement, 0);
    return 0;
}

static int layout_migrate (struct broker_store *store, const char *path, struct base_error *error)
{
    uint64_t layout;
    int r = layout_get (store, &layout, error);

    if (r != 0)
        return r;
    if (layout > LAYOUT)
        return base_error_set (
            error, -EPROTO,
            "%s has layout %llu, made by a newer noded-broker; this one supports %d: start the newer"
            " one, or restore a backup",
            path, (unsigned long long) layout, LAYOUT);
    for (; layout < LAYOUT; layout++) {
        char pragma[64];
        (void) snprintf (pragma, sizeof pragma, "PRAGMA user_version = %llu",
                         (unsigned long long) layout + 1);
        r = broker_store_begin (store, error);
        if (r == 0)
            r = store_execute (store, migrations[layout], error);
        if (r == 0)
            r = store_execute (store, pragma, error);
        if (r == 0)
            r = broker_store_commit (store, error);
        if (r != 0) {
            broker_store_rollback (store);
            return base_error_prefix (error, "%s: cannot bring the layout to version %llu", path,
                                      (unsigned long long) layout + 1);
        }
    }
    return 0;
}

static void store_free_p (struct broker_store **store)
{
    broker_store_free (*store);
}

/*  SQLite opens a file that it cannot write to as read-only, without an error. */
static int check_writable (struct broker_store *store, const char *path, struct base_error *error)
{
    return sqlite3_db_readonly (store->database, "main") == 1
               ? base_error_set (error, -EROFS,
                                 "%s cannot be written to: give this user the right to write to it and its"
                                 " directory (chown, chmod, chattr -i)",
                                 path)
               : 0;
}

static int check_tables (struct broker_store *store, const char *path, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *statement = NULL;
    int r = store_query (store, &statement, error,
                         "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('meta',"
                         " 'releases', 'contents', 'nodes', 'applications', 'reports', 'answers', 'labels',"
                         " 'heads', 'rollouts', 'members', 'turns', 'given')",
                         "");

    if (r == 0)
        r = store_row (store, statement, error);
    if (r < 0)
        return r;
    return store_number (statement, 0) == TABLES
               ? 0
               : base_error_set (error, -EBADMSG, "%s lacks some of the tables of its layout: " BROKER_REMEDY,
                                 path);
}

/*  Adds the remedy to the error of a database that cannot be used. Returns r. */
static int remedy_append (int r, struct base_error *error)
{
    size_t size = error ? strlen (error->text) : 0;

    if (r == -EBADMSG && error && !strstr (error->text, BROKER_REMEDY) &&
        size + sizeof BROKER_REMEDY + 2 < sizeof error->text)
        (void) snprintf (error->text + size, sizeof error->text - size, ": %s", BROKER_REMEDY);
    return r;
}

int broker_store_open (const char *path, struct broker_store **ret_store, struct base_error *error)
{
    base_cleanup (store_free_p) struct broker_store *store = calloc (1, sizeof *store);
    struct stat status;
    int r;

    if (!store)
        return base_error_errno (error, -ENOMEM, "cannot open %s", path);
    store->mark_fd = -1;
    if (lstat (path, &status) == 0 && !S_ISREG (status.st_mode))
        return base_error_set (error, -EINVAL, "%s is not a file: move it away, then " BROKER_REMEDY, path);
    if (sqlite3_open_v2 (path, &store->database,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                         NULL) != SQLITE_OK) {
        if (!store->database)
            return base_error_errno (error, -ENOMEM, "cannot open %s", path);
        int cause = sqlite3_system_errno (store->database);
        return base_error_set (error, store_code (sqlite3_errcode (store->database), cause),
                               "cannot open %s: SQLite reports: %s%s%s", path,
                               sqlite3_errmsg (store->database), cause > 0 ? ": " : "",
                               cause > 0 ? strerror (cause) : "");
    }
    (void) sqlite3_busy_timeout (store->database, BUSY_MS);
    r = check_writable (store, path, error);
    if (r == 0)
        r = store_execute (store,
                           "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                           "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                           "PRAGMA cache_size = -8192;",
                           error);
    if (r == 0)
        r = store_check_whole (store->database, path, error);
    if (r == 0)
        r = layout_migrate (store, path, error);
    if (r == 0)
        r = check_tables (store, path, error);
    if (r == 0)
        r = revision_load (store, error);
    if (r != 0)
        return remedy_append (r, error);
    *ret_store = base_take (store);
    return 0;
}

struct broker_store *broker_store_free (struct broker_store *store)
{
    if (!store)
        return NULL;
    broker_store_rollback (store);
    for (unsigned i = 0; i < store->n_statements; i++)
        (void) sqlite3_finalize (store->statements[i].statement);
    (void) sqlite3_close (store->database);
    base_close_p (&store->mark_fd);
    free (store);
    return NULL;
}
