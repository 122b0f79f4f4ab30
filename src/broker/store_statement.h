/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store_statement.h - statements of the store; for the files store*.c only

    A statement is identified by the address of its SQL literal, and prepared once. It is in use between
    store_query and store_end; a second query with the same literal in that time is a programming error. */

#ifndef BROKER_STORE_STATEMENT_H
#define BROKER_STORE_STATEMENT_H

#include <sqlite3.h>
#include <sys/types.h>

#include "broker/store.h"

enum { STORE_STATEMENTS_MOST = 128 };

struct broker_store {
    sqlite3 *database;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } statements[STORE_STATEMENTS_MOST];
    unsigned n_statements;
    uint64_t revision, revision_end; /* the next number, and the end of the reserved block */
    bool in_transaction;
    bool is_lost;       /* its file was removed or replaced: writes are lost */
    ino_t log;          /* inode of the write-ahead log; 0: not seen yet */
    int changes;        /* of the connection, at the start of the transaction */
    uint64_t mark;      /* number of transactions that changed something; in the database */
    uint64_t mark_kept; /* the last one that is durable in the file */
    uint64_t identity;  /* random, of the database */
    int mark_fd;        /* -1: there is no file */
};

/*  Binds arguments by types: 't' text or NULL, 'u' uint64_t, 'd' const struct base_digest * (null: NULL),
    'b' const struct base_buffer * (empty: NULL). The arguments must live until store_end. */
int store_query (struct broker_store *store, sqlite3_stmt **ret_statement, struct base_error *error,
                 const char *sql, const char *types, ...);

/*  Steps to the next row. Returns 1, 0 at the end, or -errno. */
int store_row (struct broker_store *store, sqlite3_stmt *statement, struct base_error *error);
void store_end (sqlite3_stmt **statement);

/*  Runs a statement without rows. */
int store_do (struct broker_store *store, struct base_error *error, const char *sql, const char *types, ...);

/*  Columns. Text and blobs are valid until the next row. */
const char *store_text (sqlite3_stmt *statement, int column);
uint64_t store_number (sqlite3_stmt *statement, int column);
struct base_digest store_digest (sqlite3_stmt *statement, int column);

/*  A packed record. Returns 0, or -EBADMSG if it does not match its schema. */
int store_record (sqlite3_stmt *statement, int column, const struct wire_record *record, void *ret_message,
                  struct base_error *error);
int store_pack (const struct wire_record *record, const void *message, struct base_buffer *buffer,
                struct base_error *error);

/*  Converts an SQLite code and the errno behind it (0: none): -EBADMSG for a damaged database, that errno
    or -EACCES if it cannot be opened, -EIO if nothing better is known. */
int store_code (int code, int cause);

/*  Fills the error from the database's last error; returns its code. */
int store_fail (struct broker_store *store, struct base_error *error, const char *what);
int store_execute (struct broker_store *store, const char *sql, struct base_error *error);

/*  Checks a database with "quick_check". Returns 0, -EBADMSG with the path and what to do, or -errno. */
int store_check_whole (sqlite3 *database, const char *path, struct base_error *error);

/*  store_mark.c: before its commit, a transaction that changes something increases the mark. */
int store_mark_count (struct broker_store *store, struct base_error *error);
void store_mark_write (struct broker_store *store);

#endif
