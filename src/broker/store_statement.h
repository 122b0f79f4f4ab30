/*  broker/store_statement.h - statements of the store; for the files store*.c only

    A statement is known by the address of its SQL literal and prepared once. Between store_query and
    store_end it is in use; a second query with the same literal in the meantime is an error of ours. */

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
    uint64_t revision, revision_end; /* the next, and the end of the block that was taken */
    bool in_transaction;
    bool is_lost;       /* its file was removed or replaced: what is written goes nowhere */
    ino_t log;          /* inode of the write-ahead log; 0: not seen yet */
    int changes;        /* of the connection, when the transaction began */
    uint64_t mark;      /* how many transactions have changed something; in the database */
    uint64_t mark_kept; /* the last that is durable in the file beside it */
    uint64_t identity;  /* of the database, random */
    int mark_fd;        /* -1: none is kept */
};

/*  Binds arguments by types: 't' text or NULL, 'u' uint64_t, 'd' const struct base_digest * (null: NULL),
    'b' const struct base_buffer * (empty: NULL). They must live until store_end. */
int store_query (struct broker_store *store, sqlite3_stmt **ret_statement, struct base_error *error,
                 const char *sql, const char *types, ...);

/*  The next row. Returns 1, 0 at the end, or -errno. */
int store_row (struct broker_store *store, sqlite3_stmt *statement, struct base_error *error);
void store_end (sqlite3_stmt **statement);

/*  A statement without rows. */
int store_do (struct broker_store *store, struct base_error *error, const char *sql, const char *types, ...);

/*  Columns. Text and blobs are valid until the next row. */
const char *store_text (sqlite3_stmt *statement, int column);
uint64_t store_number (sqlite3_stmt *statement, int column);
struct base_digest store_digest (sqlite3_stmt *statement, int column);

/*  A packed record. Returns 0, or -EBADMSG where it does not fit its schema. */
int store_record (sqlite3_stmt *statement, int column, const struct wire_record *record, void *ret_message,
                  struct base_error *error);
int store_pack (const struct wire_record *record, const void *message, struct base_buffer *buffer,
                struct base_error *error);

/*  The code for what SQLite says, and the errno behind that (0: none): -EBADMSG where the database is damaged, -EACCES
    or the errno where it cannot be opened, -EIO where nothing better is known. */
int store_code (int code, int cause);

/*  Fills the error from what the database says last; returns it. */
int store_fail (struct broker_store *store, struct base_error *error, const char *what);
int store_execute (struct broker_store *store, const char *sql, struct base_error *error);

/*  Whether a database is sound: "quick_check". Returns 0, -EBADMSG with the path and what to do, -errno. */
int store_check_whole (sqlite3 *database, const char *path, struct base_error *error);

/*  store_mark.c: a transaction that changes something is counted in itself before it is committed. */
int store_mark_count (struct broker_store *store, struct base_error *error);
void store_mark_write (struct broker_store *store);

#endif
