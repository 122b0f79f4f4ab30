/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite.h - the SQLite driver: its state and its statements; for the files sqlite*.c only

    A statement is identified by the address of its SQL literal, and prepared once. It is in use between
    sqlite_query and sqlite_end; a second query with the same literal in that time is a programming error. */

#ifndef RECORDS_SQLITE_H
#define RECORDS_SQLITE_H

#include <sqlite3.h>
#include <sys/types.h>

#include "records/driver.h"

enum { SQLITE_STATEMENTS_MOST = 128 };

struct records {
    sqlite3 *database;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } statements[SQLITE_STATEMENTS_MOST];
    unsigned n_statements;
    uint64_t revision, revision_end; /* the next number, and the end of the reserved block */
    bool in_transaction;
    bool is_lost;                       /* its file was removed or replaced: writes are lost */
    ino_t log;                          /* inode of the write-ahead log; 0: not seen yet */
    int changes;                        /* of the connection, at the start of the transaction */
    struct records_mark mark;           /* in the database */
    records_mark_changed *mark_changed; /* NULL: the mark is not counted */
    void *mark_context;
};

/*  Binds arguments by types: 't' text or NULL, 'u' uint64_t, 'd' const struct base_digest * (null: NULL),
    'b' const struct base_buffer * (empty: NULL). The arguments must live until sqlite_end. */
int sqlite_query (struct records *records, sqlite3_stmt **ret_statement, struct base_error *error,
                  const char *sql, const char *types, ...);

/*  Steps to the next row. Returns SQLITE_E_ROW, 0 at the end, or -errno. */
enum { SQLITE_E_ROW = 1 /* there is a row to read */ };
int sqlite_row (struct records *records, sqlite3_stmt *statement, struct base_error *error);
void sqlite_end (sqlite3_stmt **statement);

/*  Runs a statement without rows. */
int sqlite_do (struct records *records, struct base_error *error, const char *sql, const char *types, ...);

/*  Columns. Text and blobs are valid until the next row. */
const char *sqlite_text (sqlite3_stmt *statement, int column);
uint64_t sqlite_number (sqlite3_stmt *statement, int column);
struct base_digest sqlite_digest (sqlite3_stmt *statement, int column);

/*  A packed message. Returns 0, or -EBADMSG if it does not match its schema. */
int sqlite_unpack (sqlite3_stmt *statement, int column, const struct wire_record *record, void *ret_message,
                   struct base_error *error);

/*  Converts an SQLite code and the errno behind it (0: none): -EBADMSG for a damaged database, that errno
    or -EACCES if it cannot be opened, -EIO if nothing better is known. */
int sqlite_code (int code, int cause);

/*  Fills the error from the database's last error; returns its code. */
int sqlite_fail (struct records *records, struct base_error *error, const char *what);
int sqlite_execute (struct records *records, const char *sql, struct base_error *error);

/*  Checks a database with "quick_check". Returns 0, -EBADMSG with the path and what to do, or -errno. */
int sqlite_check_integrity (sqlite3 *database, const char *path, struct base_error *error);

/*  sqlite_mark.c: before its commit, a transaction that changes something increases the mark; after it, the
    follower is called. */
int sqlite_mark_count (struct records *records, struct base_error *error);
void sqlite_mark_publish (struct records *records);

/*  sqlite_layout.c: creates the tables, or migrates those of an older layout. */
int sqlite_layout_migrate (struct records *records, const char *path, struct base_error *error);
/*  Returns 0, -EBADMSG if the database lacks a table of its layout, or another -errno. */
int sqlite_layout_check (struct records *records, const char *path, struct base_error *error);

#endif
