/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_reports.c - reports of nodes, and answers to orders */

#include "records/sqlite.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "wire/text.h"

int records_report_is_known (struct records *records, const struct wire_stored_report *stored,
                             const struct base_buffer *packed, bool *ret_known, struct base_error *error)
{
    base_assert (records && packed && ret_known);
    base_assert (stored && stored->node && stored->application && stored->step);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (
        records, &row, error,
        "SELECT 1 FROM reports WHERE node = ?1 AND application = ?2 AND epoch = ?3 AND attempt = ?4"
        " AND step = ?5 AND report = ?6",
        "ttuutb", stored->node, stored->application, stored->epoch, stored->attempt, stored->step, packed);

    if (r < 0)
        return r;
    r = sqlite_row (records, row, error);
    if (r < 0)
        return r;
    *ret_known = r == SQLITE_E_ROW;
    return 0;
}

int records_report_add (struct records *records, const struct wire_stored_report *stored,
                        const struct base_buffer *packed, uint64_t most, struct base_error *error)
{
    base_assert (records && packed && most > 0);
    base_assert (stored && stored->node && stored->application && stored->step);
    /* A changed report gets a new serial, so that a reader that continues after a serial misses
       nothing. */
    int r = sqlite_do (records, error,
                       "INSERT OR REPLACE INTO reports (node, application, epoch, attempt, step, report)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                       "ttuutb", stored->node, stored->application, stored->epoch, stored->attempt,
                       stored->step, packed);

    if (r < 0)
        return r;
    return sqlite_do (
        records, error,
        "DELETE FROM reports WHERE node = ?1 AND serial <= (SELECT serial FROM reports WHERE node = ?1"
        " ORDER BY serial DESC LIMIT 1 OFFSET ?2)",
        "tu", stored->node, most);
}

/*  Reads the columns of the order, which follow those of the report. */
static int order_read (sqlite3_stmt *row, struct wire_stored_report *stored)
{
    base_assert (stored);
    const char *verb = sqlite_text (row, 2);

    stored->order = verb ? wire_order_parse (verb) : WIRE_ORDER_NULL;
    stored->wave = sqlite_number (row, 4);
    return wire_text_set (&stored->rollout, sqlite_text (row, 3)) == 0 &&
                   wire_text_set (&stored->user, sqlite_text (row, 5)) == 0 &&
                   wire_text_set (&stored->ordered, sqlite_text (row, 6)) == 0
               ? 0
               : -ENOMEM;
}

static int reports_read (struct records *records, sqlite3_stmt *row, records_report_each *each, void *context,
                         struct base_error *error)
{
    base_assert (row && each);
    int r;

    while ((r = sqlite_row (records, row, error)) == SQLITE_E_ROW) {
        base_cleanup (wire_stored_report_deinit) struct wire_stored_report stored = {.serial = 0};
        r = sqlite_unpack (row, 1, &wire_stored_report_record, &stored, error);
        if (r < 0)
            return r;
        stored.serial = sqlite_number (row, 0);
        r = sqlite3_column_count (row) > 2 ? order_read (row, &stored) : 0;
        if (r < 0)
            return r;
        r = each (context, &stored);
        if (r != 0)
            return r;
    }
    return r;
}

int records_reports (struct records *records, const char *node, const char *application, uint64_t after,
                     records_report_each *each, void *context, struct base_error *error)
{
    base_assert (records && node && each);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r =
        sqlite_query (records, &row, error,
                      "SELECT r.serial, r.report, g.verb, g.rollout, g.wave, g.user, g.time FROM reports r"
                      " LEFT JOIN issued g ON g.node = r.node AND g.application = r.application"
                      " AND g.epoch = r.epoch"
                      " WHERE r.node = ?1 AND (?2 IS NULL OR r.application = ?2) AND r.serial > ?3"
                      " ORDER BY r.serial",
                      "ttu", node, application, after);

    return r < 0 ? r : reports_read (records, row, each, context, error);
}

int records_reports_of (struct records *records, const char *node, const char *application, uint64_t epoch,
                        records_report_each *each, void *context, struct base_error *error)
{
    base_assert (records && node && application && each);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r =
        sqlite_query (records, &row, error,
                      "SELECT serial, report FROM reports WHERE node = ?1 AND application = ?2 AND epoch = ?3"
                      " ORDER BY serial DESC",
                      "ttu", node, application, epoch);

    return r < 0 ? r : reports_read (records, row, each, context, error);
}

int records_answer_put (struct records *records, const char *key, const struct wire_record *record,
                        const void *answer, struct base_error *error)
{
    base_assert (records && key && record && answer);
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    int r = records_pack (record, answer, &packed, error);

    if (r < 0)
        return r;
    r = sqlite_do (records, error, "INSERT OR REPLACE INTO answers (key, answer) VALUES (?1, ?2)", "tb", key,
                   &packed);
    if (r < 0)
        return r;
    return sqlite_do (
        records, error,
        "DELETE FROM answers WHERE serial <= (SELECT serial FROM answers ORDER BY serial DESC LIMIT 1"
        " OFFSET ?1)",
        "u", (uint64_t) RECORDS_ANSWERS_MOST);
}

int records_answer_get (struct records *records, const char *key, const struct wire_record *record,
                        void *ret_answer, struct base_error *error)
{
    base_assert (records && key && record && ret_answer);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (records, &row, error, "SELECT answer FROM answers WHERE key = ?1", "t", key);

    if (r < 0)
        return r;
    r = sqlite_row (records, row, error);
    if (r < 0)
        return r;
    if (r != SQLITE_E_ROW)
        return -ENOENT;
    return sqlite_unpack (row, 0, record, ret_answer, error);
}
