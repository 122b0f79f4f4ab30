/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store_reports.c - reports of nodes, and answers to orders */

#include "broker/store_statement.h"

#include <errno.h>

#include "base/cleanup.h"

/*  Returns whether the report with this key is stored with the same content. */
static int report_is_known (struct broker_store *store, const struct wire_told *told,
                            const struct base_buffer *packed, bool *ret_known, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (
        store, &row, error,
        "SELECT 1 FROM reports WHERE node = ?1 AND application = ?2 AND epoch = ?3 AND attempt = ?4"
        " AND step = ?5 AND told = ?6",
        "ttuutb", told->node, told->application, told->epoch, told->attempt, told->step, packed);

    if (r == 0)
        r = store_row (store, row, error);
    if (r < 0)
        return r;
    *ret_known = r == 1;
    return 0;
}

/*  The record is packed with serial 0; the row's serial is filled in when it is read. */
int broker_store_report_put (struct broker_store *store, const struct wire_report *report, bool *ret_news,
                             struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    struct wire_told told = {.node = report->node,
                             .application = report->application->name,
                             .transaction = report->transaction,
                             .epoch = report->epoch,
                             .attempt = report->attempt,
                             .step = report->step,
                             .outcome = report->outcome,
                             .reason = report->reason,
                             .version = report->version,
                             .release = report->release,
                             .time = report->time};
    bool known = false;
    int r = store_pack (&wire_told_record, &told, &packed, error);

    if (r == 0)
        r = report_is_known (store, &told, &packed, &known, error);
    if (r != 0)
        return r;
    *ret_news = !known;
    if (known)
        return 0;
    /* A changed report gets a new serial, so that a reader that continues after a serial misses
       nothing. */
    r = store_do (store, error,
                  "INSERT OR REPLACE INTO reports (node, application, epoch, attempt, step, told)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                  "ttuutb", told.node, told.application, told.epoch, told.attempt, told.step, &packed);
    if (r == 0)
        r = store_do (
            store, error,
            "DELETE FROM reports WHERE node = ?1 AND serial <= (SELECT serial FROM reports WHERE node = ?1"
            " ORDER BY serial DESC LIMIT 1 OFFSET ?2)",
            "tu", told.node, (uint64_t) BROKER_REPORTS_MOST);
    return r;
}

static int text_read (sqlite3_stmt *row, int column, char **field)
{
    const char *text = store_text (row, column);

    free (*field);
    *field = text ? strdup (text) : NULL;
    return text && !*field ? -ENOMEM : 0;
}

/*  Reads the columns of the order, which follow those of the report. */
static int order_read (sqlite3_stmt *row, struct wire_told *told)
{
    const char *verb = store_text (row, 2);

    told->verb = verb ? wire_verb_parse (verb) : WIRE_VERB_NULL;
    told->wave = store_number (row, 4);
    return text_read (row, 3, &told->rollout) == 0 && text_read (row, 5, &told->place) == 0 &&
                   text_read (row, 6, &told->ordered) == 0
               ? 0
               : -ENOMEM;
}

static int reports_read (struct broker_store *store, sqlite3_stmt *row, broker_told_each *each, void *context,
                         struct base_error *error)
{
    int r;

    while ((r = store_row (store, row, error)) == 1) {
        base_cleanup (wire_told_deinit) struct wire_told told = {.serial = 0};
        r = store_record (row, 1, &wire_told_record, &told, error);
        if (r != 0)
            break;
        told.serial = store_number (row, 0);
        r = sqlite3_column_count (row) > 2 ? order_read (row, &told) : 0;
        if (r == 0)
            r = each (context, &told);
        if (r != 0)
            break;
    }
    return r;
}

int broker_store_reports (struct broker_store *store, const char *node, const char *application,
                          uint64_t after, broker_told_each *each, void *context, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (store, &row, error,
                         "SELECT r.serial, r.told, g.verb, g.rollout, g.wave, g.place, g.time FROM reports r"
                         " LEFT JOIN given g ON g.node = r.node AND g.application = r.application"
                         " AND g.epoch = r.epoch"
                         " WHERE r.node = ?1 AND (?2 IS NULL OR r.application = ?2) AND r.serial > ?3"
                         " ORDER BY r.serial",
                         "ttu", node, application, after);

    return r == 0 ? reports_read (store, row, each, context, error) : r;
}

int broker_store_reports_of (struct broker_store *store, const char *node, const char *application,
                             uint64_t epoch, broker_told_each *each, void *context, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r =
        store_query (store, &row, error,
                     "SELECT serial, told FROM reports WHERE node = ?1 AND application = ?2 AND epoch = ?3"
                     " ORDER BY serial DESC",
                     "ttu", node, application, epoch);

    return r == 0 ? reports_read (store, row, each, context, error) : r;
}

int broker_store_answer_put (struct broker_store *store, const char *key, const struct wire_answer *answer,
                             struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    int r = store_pack (&wire_answer_record, answer, &packed, error);

    if (r == 0)
        r = store_do (store, error, "INSERT OR REPLACE INTO answers (key, answer) VALUES (?1, ?2)", "tb", key,
                      &packed);
    if (r == 0)
        r = store_do (
            store, error,
            "DELETE FROM answers WHERE serial <= (SELECT serial FROM answers ORDER BY serial DESC LIMIT 1"
            " OFFSET ?1)",
            "u", (uint64_t) BROKER_ANSWERS_MOST);
    return r;
}

int broker_store_answer_get (struct broker_store *store, const char *key, struct wire_answer *ret_answer,
                             struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (store, &row, error, "SELECT answer FROM answers WHERE key = ?1", "t", key);

    if (r == 0)
        r = store_row (store, row, error);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    return store_record (row, 0, &wire_answer_record, ret_answer, error);
}
