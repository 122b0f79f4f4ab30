/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_statement.c - statements, their arguments and their rows */

#include "records/sqlite.h"

#include <errno.h>
#include <stdarg.h>

#include "base/assert.h"
#include "base/cleanup.h"

int sqlite_code (int code, int cause)
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

int sqlite_fail (struct records *records, struct base_error *error, const char *what)
{
    base_assert (what);
    int code = sqlite3_errcode (records->database) & 0xff, cause = sqlite3_system_errno (records->database);
    int r = sqlite_code (code, cause);
    bool has_cause = (code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && cause > 0;
    return base_error_set (error, r, "%s: SQLite reports for %s: %s%s%s", what, records_path (records),
                           sqlite3_errmsg (records->database), has_cause ? ": " : "",
                           has_cause ? strerror (cause) : "");
}

static int statement_prepare (struct records *records, const char *sql, sqlite3_stmt **ret_statement,
                              struct base_error *error)
{
    base_assert (sql && ret_statement);
    base_assert (records->n_statements <= SQLITE_STATEMENTS_MOST);
    sqlite3_stmt *statement;

    for (unsigned i = 0; i < records->n_statements; i++) {
        if (records->statements[i].sql == sql) {
            *ret_statement = records->statements[i].statement;
            return 0;
        }
    }
    if (records->n_statements == SQLITE_STATEMENTS_MOST)
        return base_error_set (error, -ENOBUFS, "more statements than the driver has room for");
    if (sqlite3_prepare_v3 (records->database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK)
        return sqlite_fail (records, error, "cannot prepare a statement");
    records->statements[records->n_statements].sql = sql;
    records->statements[records->n_statements].statement = statement;
    records->n_statements++;
    *ret_statement = statement;
    return 0;
}

static int arguments_bind (sqlite3_stmt *statement, const char *types, va_list arguments)
{
    base_assert (statement && types);
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

static int query_prepare (struct records *records, sqlite3_stmt **ret_statement, struct base_error *error,
                          const char *sql, const char *types, va_list arguments)
{
    base_assert (ret_statement && sql && types);
    sqlite3_stmt *statement = NULL;
    int r = statement_prepare (records, sql, &statement, error);

    if (r < 0)
        return r;
    if (arguments_bind (statement, types, arguments) != SQLITE_OK) {
        r = sqlite_fail (records, error, "cannot bind a value");
        sqlite_end (&statement);
        return r;
    }
    *ret_statement = statement;
    return 0;
}

int sqlite_query (struct records *records, sqlite3_stmt **ret_statement, struct base_error *error,
                  const char *sql, const char *types, ...)
{
    va_list arguments;
    int r;

    va_start (arguments, types);
    r = query_prepare (records, ret_statement, error, sql, types, arguments);
    va_end (arguments);
    return r;
}

int sqlite_row (struct records *records, sqlite3_stmt *statement, struct base_error *error)
{
    base_assert (statement);
    int code = sqlite3_step (statement);

    if (code == SQLITE_ROW)
        return SQLITE_E_ROW;
    if (code == SQLITE_DONE)
        return 0;
    return sqlite_fail (records, error, "cannot read or write the records");
}

void sqlite_end (sqlite3_stmt **statement)
{
    base_assert (statement);
    if (!*statement)
        return;
    (void) sqlite3_reset (*statement);
    (void) sqlite3_clear_bindings (*statement);
    *statement = NULL;
}

int sqlite_do (struct records *records, struct base_error *error, const char *sql, const char *types, ...)
{
    base_cleanup (sqlite_end) sqlite3_stmt *statement = NULL;
    va_list arguments;
    int r;

    va_start (arguments, types);
    r = query_prepare (records, &statement, error, sql, types, arguments);
    va_end (arguments);
    if (r < 0)
        return r;
    r = sqlite_row (records, statement, error);
    base_assert (r <= 0);
    return r;
}

const char *sqlite_text (sqlite3_stmt *statement, int column)
{
    base_assert (statement && column >= 0);
    return (const char *) sqlite3_column_text (statement, column);
}

uint64_t sqlite_number (sqlite3_stmt *statement, int column)
{
    base_assert (statement && column >= 0);
    return (uint64_t) sqlite3_column_int64 (statement, column);
}

struct base_digest sqlite_digest (sqlite3_stmt *statement, int column)
{
    base_assert (statement && column >= 0);
    struct base_digest digest = {.bytes = {0}};
    const void *blob = sqlite3_column_blob (statement, column);

    if (blob && sqlite3_column_bytes (statement, column) == BASE_DIGEST_BYTES)
        memcpy (digest.bytes, blob, BASE_DIGEST_BYTES);
    return digest;
}

int sqlite_unpack (sqlite3_stmt *statement, int column, const struct wire_record *record, void *ret_message,
                   struct base_error *error)
{
    base_assert (statement && record && ret_message);
    return records_unpack (record, sqlite3_column_blob (statement, column),
                           (size_t) sqlite3_column_bytes (statement, column), ret_message, error);
}

int sqlite_execute (struct records *records, const char *sql, struct base_error *error)
{
    base_assert (sql);
    if (sqlite3_exec (records->database, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_fail (records, error, "cannot change the database");
    return 0;
}
