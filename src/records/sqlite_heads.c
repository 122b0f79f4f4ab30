/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_heads.c - the heads of the nodes' journals, and their merges */

#include "records/sqlite.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"

int records_journal_get (struct records *records, const char *node, struct records_journal *ret_journal,
                         struct base_error *error)
{
    base_assert (records && node && ret_journal);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    const char *fault;
    int r = sqlite_query (records, &row, error,
                          "SELECT journal_serial, journal_head, journal_fault FROM nodes WHERE id = ?1", "t",
                          node);

    if (r < 0)
        return r;
    r = sqlite_row (records, row, error);
    if (r < 0)
        return r;
    if (r != SQLITE_E_ROW)
        return -ENOENT;
    fault = sqlite_text (row, 2);
    *ret_journal = (struct records_journal){.serial = sqlite_number (row, 0),
                                            .head = sqlite_digest (row, 1),
                                            .fault = fault ? strdup (fault) : NULL};
    return fault && !ret_journal->fault ? base_error_errno (error, -ENOMEM, "cannot read a journal's head")
                                        : 0;
}

int records_journal_put (struct records *records, const char *node, const struct records_journal *journal,
                         struct base_error *error)
{
    base_assert (records && node && journal);
    return sqlite_do (
        records, error,
        "UPDATE nodes SET journal_serial = ?2, journal_head = ?3, journal_fault = ?4 WHERE id = ?1", "tudt",
        node, journal->serial, &journal->head, journal->fault);
}

int records_fleet_head (struct records *records, uint64_t *ret_merges, struct base_digest *ret_head,
                        struct base_error *error)
{
    base_assert (records && ret_merges && ret_head);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (records, &row, error,
                          "SELECT serial, fleet FROM heads ORDER BY serial DESC LIMIT 1", "");

    if (r < 0)
        return r;
    r = sqlite_row (records, row, error);
    if (r < 0)
        return r;
    *ret_merges = r == SQLITE_E_ROW ? sqlite_number (row, 0) : 0;
    *ret_head = r == SQLITE_E_ROW ? sqlite_digest (row, 1) : (struct base_digest){.bytes = {0}};
    return 0;
}

int records_head_add (struct records *records, const struct records_head *merged, uint64_t until,
                      struct base_error *error)
{
    base_assert (merged && merged->node && merged->head && merged->time);
    int r = sqlite_do (records, error,
                       "INSERT INTO heads (node, journal_serial, journal_head, fleet, time)"
                       " VALUES (?1, ?2, ?3, ?4, ?5)",
                       "tuddt", merged->node, merged->serial, merged->head, &merged->fleet, merged->time);

    if (r < 0 || until == 0)
        return r;
    return sqlite_do (records, error, "DELETE FROM heads WHERE serial <= ?1", "u", until);
}
