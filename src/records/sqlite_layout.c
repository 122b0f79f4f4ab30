/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_layout.c - the tables, and how an older layout is migrated */

#include "records/sqlite.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { TABLES = 15 };

/*  Each entry migrates the layout from its index to the next one. A released entry is never changed; new
    entries follow it. */
static const char *const migrations[] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE releases (serial INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE,"
    " application TEXT NOT NULL, version TEXT NOT NULL, document BLOB NOT NULL, time TEXT NOT NULL,"
    " withdrawn INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX releases_application ON releases (application, serial);"
    "CREATE TABLE blobs (release BLOB NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,"
    " PRIMARY KEY (release, digest)) WITHOUT ROWID;"
    "CREATE INDEX blobs_digest ON blobs (digest);"
    "CREATE TABLE nodes (id TEXT PRIMARY KEY, host_pid TEXT, software TEXT, platform TEXT NOT NULL,"
    " last_seen TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE applications (node TEXT NOT NULL, name TEXT NOT NULL, epoch INTEGER NOT NULL,"
    " verb TEXT, reported BLOB, trial INTEGER NOT NULL DEFAULT 0, running BLOB, previous BLOB, desired BLOB,"
    " PRIMARY KEY (node, name)) WITHOUT ROWID;"
    "CREATE INDEX applications_running ON applications (running);"
    "CREATE INDEX applications_previous ON applications (previous);"
    "CREATE TABLE reports (serial INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL, "
    "application TEXT NOT NULL,"
    " epoch INTEGER NOT NULL, attempt INTEGER NOT NULL, step TEXT NOT NULL, report BLOB NOT NULL);"
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
    "CREATE TABLE transitions (serial INTEGER PRIMARY KEY AUTOINCREMENT, rollout INTEGER NOT NULL,"
    " transition BLOB NOT NULL);"
    "CREATE INDEX transitions_rollout ON transitions (rollout, serial);"
    "CREATE TABLE issued (node TEXT NOT NULL, application TEXT NOT NULL, epoch INTEGER NOT NULL,"
    " verb TEXT NOT NULL, update_id TEXT, rollout TEXT, wave INTEGER NOT NULL, user TEXT,"
    " time TEXT NOT NULL, PRIMARY KEY (node, application, epoch)) WITHOUT ROWID;",
    /* Times of rollouts were wall-clock times. The clock that they use now starts after the last of them,
       or at one day, as 0 means "never". */
    "ALTER TABLE members ADD COLUMN real INTEGER NOT NULL DEFAULT 0;"
    "UPDATE members SET real = since;"
    "INSERT OR REPLACE INTO meta (key, value) VALUES ('watched', max (86400000,"
    " coalesce ((SELECT max (max (phase_ms, wave_ms, stop_ms)) FROM rollouts), 0),"
    " coalesce ((SELECT max (max (since, ordered)) FROM members), 0)));",
    /* quarantined releases, which were a part of reported */
    "ALTER TABLE applications ADD COLUMN quarantine BLOB;"
    "CREATE TABLE quarantine (node TEXT NOT NULL, application TEXT NOT NULL, position INTEGER NOT NULL,"
    " release BLOB, failure BLOB NOT NULL, PRIMARY KEY (node, application, position)) WITHOUT ROWID;"
    "CREATE INDEX quarantine_release ON quarantine (node, application, release);",
    /* keys */
    "CREATE TABLE keys (serial INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint BLOB NOT NULL UNIQUE,"
    " public_key TEXT NOT NULL UNIQUE, role TEXT NOT NULL, name TEXT NOT NULL, applications TEXT NOT NULL,"
    " state TEXT NOT NULL, created TEXT NOT NULL, revoked TEXT);"
    "CREATE INDEX keys_name ON keys (name, serial);"
    "CREATE UNIQUE INDEX keys_node ON keys (name) WHERE role = 'node' AND state = 'active';",
    /* the address of a content peer */
    "ALTER TABLE keys ADD COLUMN address TEXT;",
};

enum { LAYOUT = sizeof migrations / sizeof migrations[0] };

static int layout_get (struct records *records, uint64_t *ret_layout, struct base_error *error)
{
    base_assert (ret_layout);
    base_cleanup (sqlite_end) sqlite3_stmt *statement = NULL;
    int r = sqlite_query (records, &statement, error, "PRAGMA user_version", "");

    if (r < 0)
        return r;
    r = sqlite_row (records, statement, error);
    if (r < 0)
        return r;
    *ret_layout = sqlite_number (statement, 0);
    return 0;
}

/*  One step, in one transaction; the caller rolls back. pragma: sets the number of the new layout. */
static int layout_migrate (struct records *records, const char *migration, const char *pragma,
                           struct base_error *error)
{
    base_assert (migration && pragma);
    int r = records_begin (records, error);

    if (r < 0)
        return r;
    r = sqlite_execute (records, migration, error);
    if (r < 0)
        return r;
    r = sqlite_execute (records, pragma, error);
    return r < 0 ? r : records_commit (records, error);
}

int sqlite_layout_migrate (struct records *records, const char *path, struct base_error *error)
{
    base_assert (records && path);
    uint64_t layout;
    int r = layout_get (records, &layout, error);

    if (r < 0)
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
        r = layout_migrate (records, migrations[layout], pragma, error);
        if (r < 0) {
            records_rollback (records);
            return base_error_prefix (error, "%s: cannot bring the layout to version %llu", path,
                                      (unsigned long long) layout + 1);
        }
    }
    return 0;
}

int sqlite_layout_check (struct records *records, const char *path, struct base_error *error)
{
    base_assert (records && path);
    base_cleanup (sqlite_end) sqlite3_stmt *statement = NULL;
    int r = sqlite_query (records, &statement, error,
                          "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('meta',"
                          " 'releases', 'blobs', 'nodes', 'applications', 'reports', 'answers', 'labels',"
                          " 'heads', 'rollouts', 'members', 'transitions', 'issued', 'quarantine', 'keys')",
                          "");

    if (r < 0)
        return r;
    r = sqlite_row (records, statement, error);
    if (r < 0)
        return r;
    return sqlite_number (statement, 0) == TABLES
               ? 0
               : base_error_set (error, -EBADMSG,
                                 "%s lacks some of the tables of its layout: " RECORDS_REMEDY, path);
}
