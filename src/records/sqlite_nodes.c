/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_nodes.c - nodes, and the last report and desired state of their applications */

#include "records/sqlite.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/text.h"

int records_node_put (struct records *records, const struct records_node *node, struct base_error *error)
{
    return sqlite_do (
        records, error,
        "INSERT INTO nodes (id, host_pid, software, platform, last_seen, kernel, restarts)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET"
        " host_pid = ?2, software = ?3, platform = ?4, last_seen = ?5, kernel = ?6, restarts = ?7",
        "ttttttu", node->id, node->host_pid, node->software, node->platform, node->last_seen, node->kernel,
        node->restarts);
}

int records_node_seen (struct records *records, const char *id, const char *last_seen,
                       struct base_error *error)
{
    return sqlite_do (records, error, "UPDATE nodes SET last_seen = ?2 WHERE id = ?1", "tt", id, last_seen);
}

int records_node_remove (struct records *records, const char *id, struct base_error *error)
{
    int r = sqlite_do (records, error, "DELETE FROM reports WHERE node = ?1", "t", id);

    if (r == 0)
        r = sqlite_do (records, error, "DELETE FROM applications WHERE node = ?1", "t", id);
    if (r == 0)
        r = sqlite_do (records, error, "DELETE FROM labels WHERE node = ?1", "t", id);
    if (r == 0)
        r = sqlite_do (records, error, "DELETE FROM issued WHERE node = ?1", "t", id);
    if (r == 0)
        r = sqlite_do (records, error, "DELETE FROM quarantine WHERE node = ?1", "t", id);
    if (r == 0)
        r = sqlite_do (records, error, "DELETE FROM nodes WHERE id = ?1", "t", id);
    return r;
}

int records_nodes (struct records *records, records_node_each *each, void *context, struct base_error *error)
{
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (records, &row, error,
                          "SELECT id, host_pid, software, platform, last_seen, kernel, restarts FROM nodes"
                          " ORDER BY id",
                          "");

    if (r != 0)
        return r;
    while ((r = sqlite_row (records, row, error)) == SQLITE_E_ROW) {
        struct records_node node = {.id = sqlite_text (row, 0),
                                    .host_pid = sqlite_text (row, 1),
                                    .software = sqlite_text (row, 2),
                                    .platform = sqlite_text (row, 3),
                                    .last_seen = sqlite_text (row, 4),
                                    .kernel = sqlite_text (row, 5),
                                    .restarts = sqlite_number (row, 6)};
        r = each (context, &node);
        if (r != 0)
            break;
    }
    return r;
}

int records_application_get (struct records *records, const char *node, const char *name,
                             struct records_application *ret_application, struct base_error *error)
{
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    const char *verb;
    int r = sqlite_query (records, &row, error,
                          "SELECT epoch, verb, reported, desired, quarantine FROM applications"
                          " WHERE node = ?1 AND name = ?2",
                          "tt", node, name);

    if (r == 0)
        r = sqlite_row (records, row, error);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    if (base_text_copy (application.node, sizeof application.node, node) != 0 ||
        base_text_copy (application.name, sizeof application.name, name) != 0)
        return base_error_set (error, -EINVAL, "the name of a node or application is too long");
    application.epoch = sqlite_number (row, 0);
    verb = sqlite_text (row, 1);
    application.verb = verb ? wire_order_parse (verb) : WIRE_ORDER_NULL;
    if (sqlite3_column_type (row, 2) != SQLITE_NULL) {
        r = sqlite_unpack (row, 2, &wire_application_record, &application.reported, error);
        if (r != 0)
            return r;
        application.is_reported = true;
    }
    if (sqlite3_column_type (row, 3) != SQLITE_NULL) {
        r = sqlite_unpack (row, 3, &wire_desired_record, &application.desired, error);
        if (r != 0)
            return r;
        application.is_desired = true;
    }
    application.quarantine = sqlite_digest (row, 4);
    *ret_application = application;
    memset (&application, 0, sizeof application); /* ownership moved to the caller */
    return 0;
}

int records_application_put (struct records *records, const struct records_application *application,
                             struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer reported = {.size = 0};
    base_cleanup (base_buffer_deinit) struct base_buffer desired = {.size = 0};
    const struct wire_application *now = &application->reported;
    const char *verb = application->verb ? wire_order_word (application->verb) : NULL;
    int r = 0;

    if (application->is_reported)
        r = records_pack (&wire_application_record, now, &reported, error);
    if (r == 0 && application->is_desired)
        r = records_pack (&wire_desired_record, &application->desired, &desired, error);
    if (r != 0)
        return r;
    return sqlite_do (
        records, error,
        "INSERT INTO applications (node, name, epoch, verb, reported, trial, running, previous, desired)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (node, name) DO UPDATE SET"
        " epoch = ?3, verb = ?4, reported = ?5, trial = ?6, running = ?7, previous = ?8, desired = ?9",
        "ttutbuddb", application->node, application->name, application->epoch, verb, &reported,
        (uint64_t) (application->is_reported && now->state == WIRE_STATE_TRIAL), &now->release,
        &now->previous_release, &desired);
}

int records_application_drop (struct records *records, const char *node, const char *name,
                              struct base_error *error)
{
    int r = sqlite_do (records, error,
                       "DELETE FROM applications WHERE node = ?1 AND name = ?2 AND desired IS NULL", "tt",
                       node, name);

    if (r == 0)
        r = sqlite_do (records, error,
                       "UPDATE applications SET reported = NULL, trial = 0, running = NULL, previous = NULL,"
                       " quarantine = NULL WHERE node = ?1 AND name = ?2",
                       "tt", node, name);
    if (r == 0)
        r = sqlite_do (records, error, "DELETE FROM quarantine WHERE node = ?1 AND application = ?2", "tt",
                       node, name);
    return r;
}

int records_applications_reported (struct records *records, const char *node, records_name_each *each,
                                   void *context, struct base_error *error)
{
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r =
        sqlite_query (records, &row, error,
                      "SELECT name FROM applications WHERE node = ?1 AND reported IS NOT NULL", "t", node);

    if (r != 0)
        return r;
    while ((r = sqlite_row (records, row, error)) == SQLITE_E_ROW) {
        r = each (context, sqlite_text (row, 0));
        if (r != 0)
            break;
    }
    return r;
}

int records_applications_count (struct records *records, const char *node, uint64_t *ret_count,
                                struct base_error *error)
{
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r =
        sqlite_query (records, &row, error, "SELECT count(*) FROM applications WHERE node = ?1", "t", node);

    if (r == 0)
        r = sqlite_row (records, row, error);
    if (r < 0)
        return r;
    *ret_count = r == SQLITE_E_ROW ? sqlite_number (row, 0) : 0;
    return 0;
}

int records_node_on_trial (struct records *records, const char *node, bool *ret_trial,
                           struct base_error *error)
{
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r = sqlite_query (records, &row, error,
                          "SELECT 1 FROM applications WHERE node = ?1 AND trial = 1 LIMIT 1", "t", node);

    if (r == 0)
        r = sqlite_row (records, row, error);
    if (r < 0)
        return r;
    *ret_trial = r == SQLITE_E_ROW;
    return 0;
}
