/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_quarantine.c - the releases that are quarantined on nodes */

#include "records/sqlite.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"

static int failure_put (struct records *records, const char *node, const char *application, size_t position,
                        const struct wire_failure *failure, struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    int r = records_pack (&wire_failure_record, failure, &packed, error);

    return r == 0 ? sqlite_do (records, error,
                               "INSERT INTO quarantine (node, application, position, release, failure)"
                               " VALUES (?1, ?2, ?3, ?4, ?5)",
                               "ttudb", node, application, (uint64_t) position, &failure->release, &packed)
                  : r;
}

/*  Returns 0, -ENOENT or another -errno. */
static int application_find (struct records *records, const char *node, const char *application,
                             struct base_error *error)
{
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (records, &row, error, "SELECT 1 FROM applications WHERE node = ?1 AND name = ?2",
                          "tt", node, application);

    if (r == 0)
        r = sqlite_row (records, row, error);
    return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

int records_quarantine_put (struct records *records, const char *node, const char *application,
                            const struct base_digest *digest, const struct wire_failure *failures,
                            size_t n_failures, struct base_error *error)
{
    int r;

    base_assert (node && application && digest && (failures || n_failures == 0));
    base_assert (records->in_transaction);
    r = application_find (records, node, application, error);
    if (r == 0)
        r = sqlite_do (records, error,
                       "UPDATE applications SET quarantine = ?3 WHERE node = ?1 AND name = ?2", "ttd", node,
                       application, digest);
    if (r == 0)
        r = sqlite_do (records, error, "DELETE FROM quarantine WHERE node = ?1 AND application = ?2", "tt",
                       node, application);
    for (size_t i = 0; r == 0 && i < n_failures; i++)
        r = failure_put (records, node, application, i, &failures[i], error);
    return r;
}

int records_quarantine_find (struct records *records, const char *node, const char *application,
                             const struct base_digest *release, struct wire_failure *ret_failure,
                             struct base_error *error)
{
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r =
        sqlite_query (records, &row, error,
                      "SELECT failure FROM quarantine WHERE node = ?1 AND application = ?2 AND release = ?3"
                      " LIMIT 1",
                      "ttd", node, application, release);

    if (r == 0)
        r = sqlite_row (records, row, error);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    return sqlite_unpack (row, 0, &wire_failure_record, ret_failure, error);
}

int records_quarantine (struct records *records, const char *node, const char *application,
                        const struct base_digest *after, records_failure_each *each, void *context,
                        struct base_error *error)
{
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    static const struct base_digest none;
    int r = sqlite_query (records, &row, error,
                          "SELECT failure FROM quarantine WHERE node = ?1 AND application = ?2"
                          " AND (?3 IS NULL OR position > (SELECT max (position) FROM quarantine"
                          " WHERE node = ?1 AND application = ?2 AND release = ?3)) ORDER BY position",
                          "ttd", node, application, after ? after : &none);

    if (r != 0)
        return r;
    while ((r = sqlite_row (records, row, error)) == 1) {
        base_cleanup (wire_failure_deinit) struct wire_failure failure = {.reason = NULL};
        r = sqlite_unpack (row, 0, &wire_failure_record, &failure, error);
        if (r == 0)
            r = each (context, &failure);
        if (r != 0)
            break;
    }
    return r;
}
