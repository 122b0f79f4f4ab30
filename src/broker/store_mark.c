/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store_mark.c - detects records that are not the latest

    If the write-ahead log is removed or truncated, acknowledged transactions are lost, and what is left is
    a sound database. So every transaction increases a counter in the database, and after its commit the
    counter is written to a file beside the database: the file is never ahead of the records. The file is
    made durable before an order is acknowledged to an operator. The file is a warning, not a record: if it
    is missing or damaged, it is created again. */

#include "broker/store_statement.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "broker/broker.h"
#include "broker/store_backup.h"
#include "disk/disk.h"

enum { TEXT_SIZE = 80 };

static int meta_get (struct broker_store *store, const char *key, uint64_t *ret_value,
                     struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (store, &row, error, "SELECT value FROM meta WHERE key = ?1", "t", key);

    if (r == 0)
        r = store_row (store, row, error);
    if (r < 0)
        return r;
    *ret_value = r == 1 ? store_number (row, 0) : 0;
    return 0;
}

static int meta_put (struct broker_store *store, const char *key, uint64_t value, struct base_error *error)
{
    return store_do (
        store, error,
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2", "tu", key,
        value);
}

int store_mark_count (struct broker_store *store, struct base_error *error)
{
    if (store->mark_fd < 0 || sqlite3_total_changes (store->database) == store->changes)
        return 0;
    return meta_put (store, "mark", store->mark + 1, error);
}

static void text_of (const struct broker_store *store, char text[TEXT_SIZE])
{
    (void) snprintf (text, TEXT_SIZE, "database %016" PRIx64 "\nmark %020" PRIu64 "\n", store->identity,
                     store->mark);
}

void store_mark_write (struct broker_store *store)
{
    char text[TEXT_SIZE];
    size_t size;

    if (store->mark_fd < 0 || sqlite3_total_changes (store->database) == store->changes)
        return;
    store->mark++;
    text_of (store, text);
    size = strlen (text);
    (void) !pwrite (store->mark_fd, text, size, 0);
}

void broker_store_mark_sync (struct broker_store *store)
{
    if (store->mark_fd < 0 || store->mark == store->mark_kept)
        return;
    (void) fdatasync (store->mark_fd);
    store->mark_kept = store->mark;
}

/*  Returns whether the file could be read. */
static bool file_read (int directory, const char *name, uint64_t *ret_identity, uint64_t *ret_mark)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    const char *rest;

    return disk_file_read (&disk_system, directory, name, TEXT_SIZE, &buffer) == 0 &&
           base_buffer_append (&buffer, "", 1) == 0 &&
           base_text_take_number ((const char *) buffer.data, "database", 16, ret_identity, &rest) &&
           base_text_take_number (rest, "mark", 10, ret_mark, NULL);
}

static int file_write (struct broker_store *store, int directory, const char *name, struct base_error *error)
{
    char text[TEXT_SIZE];
    int r;

    text_of (store, text);
    r = disk_file_write (&disk_system, directory, name, 0600, text, strlen (text), error);
    if (r != 0)
        return r;
    store->mark_fd = openat (directory, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (store->mark_fd < 0)
        return base_error_errno (error, -errno, "cannot open %s", name);
    store->mark_kept = store->mark;
    return 0;
}

static int identity_make (struct broker_store *store, struct base_error *error)
{
    char text[17];

    (void) base_random_hex (text, 8);
    store->identity = strtoull (text, NULL, 16) >> 1; /* SQLite's numbers have a sign */
    return meta_put (store, "identity", store->identity, error);
}

int broker_store_mark_attach (struct broker_store *store, int directory, const char *name, bool anew,
                              struct base_error *error)
{
    uint64_t identity, mark;
    int r = meta_get (store, "identity", &store->identity, error);

    if (r == 0)
        r = meta_get (store, "mark", &store->mark, error);
    if (r != 0)
        return r;
    if (!anew && file_read (directory, name, &identity, &mark) &&
        (identity != store->identity || mark > store->mark)) {
        if (identity != store->identity)
            return base_error_set (error, BROKER_E_OLDER,
                                   "%s is not the database that this broker used last: orders may be lost."
                                   " Put that one back; else " BROKER_REMEDY,
                                   broker_store_path (store));
        return base_error_set (error, BROKER_E_OLDER,
                               "%s is older than what this broker has acknowledged (%" PRIu64 " of %" PRIu64
                               " changes): its log was lost, or it is an older copy. Put the latest one"
                               " back, with broker.db-wal; else " BROKER_REMEDY,
                               broker_store_path (store), store->mark, mark);
    }
    if (store->identity == 0)
        r = identity_make (store, error);
    return r == 0 ? file_write (store, directory, name, error) : r;
}

/*  the files of an open database */

static bool log_is_lost (struct broker_store *store)
{
    const char *path = sqlite3_filename_wal (sqlite3_db_filename (store->database, "main"));
    struct stat status;

    if (!path || !*path)
        return false;
    if (stat (path, &status) != 0)
        return errno == ENOENT && store->log != 0;
    if (store->log == 0)
        store->log = status.st_ino;
    return store->log != status.st_ino;
}

int broker_store_is_lost (struct broker_store *store, struct base_error *error)
{
    int moved = 0;

    if (!store->is_lost) {
        (void) sqlite3_file_control (store->database, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
        store->is_lost = moved || log_is_lost (store);
    }
    return store->is_lost
               ? base_error_set (error, -ESTALE,
                                 "%s was removed or replaced while the broker ran: changes are refused."
                                 " Stop the broker, move the files broker.db* that are there now away, and"
                                 " restore the saved broker.db.rescued-*: noded-broker --root DIR"
                                 " --restore FILE",
                                 broker_store_path (store))
               : 0;
}
