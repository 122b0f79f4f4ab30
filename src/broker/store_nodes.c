/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store_nodes.c - nodes, and the last report and desired state of their applications */

#include "broker/store_statement.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/text.h"

int broker_store_node_put (struct broker_store *store, const struct broker_node_record *node,
                           struct base_error *error)
{
    return store_do (store, error,
                     "INSERT INTO nodes (id, place, software, platform, last_seen, kernel, restarts)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO UPDATE SET"
                     " place = ?2, software = ?3, platform = ?4, last_seen = ?5, kernel = ?6, restarts = ?7",
                     "ttttttu", node->id, node->place, node->software, node->platform, node->last_seen,
                     node->kernel, node->restarts);
}

int broker_store_node_seen (struct broker_store *store, const char *id, const char *last_seen,
                            struct base_error *error)
{
    return store_do (store, error, "UPDATE nodes SET last_seen = ?2 WHERE id = ?1", "tt", id, last_seen);
}

int broker_store_node_remove (struct broker_store *store, const char *id, struct base_error *error)
{
    int r = store_do (store, error, "DELETE FROM reports WHERE node = ?1", "t", id);

    if (r == 0)
        r = store_do (store, error, "DELETE FROM applications WHERE node = ?1", "t", id);
    if (r == 0)
        r = store_do (store, error, "DELETE FROM labels WHERE node = ?1", "t", id);
    if (r == 0)
        r = store_do (store, error, "DELETE FROM given WHERE node = ?1", "t", id);
    if (r == 0)
        r = store_do (store, error, "DELETE FROM given WHERE node = ?1", "t", id);
    if (r == 0)
        r = store_do (store, error, "DELETE FROM nodes WHERE id = ?1", "t", id);
    return r;
}

int broker_store_nodes (struct broker_store *store, broker_node_each *each, void *context,
                        struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (store, &row, error,
                         "SELECT id, place, software, platform, last_seen, kernel, restarts FROM nodes"
                         " ORDER BY id",
                         "");

    if (r != 0)
        return r;
    while ((r = store_row (store, row, error)) == 1) {
        struct broker_node_record node = {.id = store_text (row, 0),
                                          .place = store_text (row, 1),
                                          .software = store_text (row, 2),
                                          .platform = store_text (row, 3),
                                          .last_seen = store_text (row, 4),
                                          .kernel = store_text (row, 5),
                                          .restarts = store_number (row, 6)};
        r = each (context, &node);
        if (r != 0)
            break;
    }
    return r;
}

void broker_application_deinit (struct broker_application *application)
{
    wire_application_deinit (&application->told);
    wire_desired_deinit (&application->desired);
    *application = (struct broker_application){.epoch = 0};
}

int broker_store_application_get (struct broker_store *store, const char *node, const char *name,
                                  struct broker_application *ret_application, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    base_cleanup (broker_application_deinit) struct broker_application application = {.epoch = 0};
    const char *verb;
    int r = store_query (store, &row, error,
                         "SELECT epoch, verb, told, desired FROM applications WHERE node = ?1 AND name = ?2",
                         "tt", node, name);

    if (r == 0)
        r = store_row (store, row, error);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    if (base_text_copy (application.node, sizeof application.node, node) != 0 ||
        base_text_copy (application.name, sizeof application.name, name) != 0)
        return base_error_set (error, -EINVAL, "the name of a node or application is too long");
    application.epoch = store_number (row, 0);
    verb = store_text (row, 1);
    application.verb = verb ? wire_verb_parse (verb) : WIRE_VERB_NULL;
    if (sqlite3_column_type (row, 2) != SQLITE_NULL) {
        r = store_record (row, 2, &wire_application_record, &application.told, error);
        if (r != 0)
            return r;
        application.is_told = true;
    }
    if (sqlite3_column_type (row, 3) != SQLITE_NULL) {
        r = store_record (row, 3, &wire_desired_record, &application.desired, error);
        if (r != 0)
            return r;
        application.is_desired = true;
    }
    *ret_application = application;
    memset (&application, 0, sizeof application); /* ownership moved to the caller */
    return 0;
}

int broker_store_application_put (struct broker_store *store, const struct broker_application *application,
                                  struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer told = {.size = 0};
    base_cleanup (base_buffer_deinit) struct base_buffer desired = {.size = 0};
    const struct wire_application *now = &application->told;
    const char *verb = application->verb ? wire_verb_word (application->verb) : NULL;
    int r = 0;

    if (application->is_told)
        r = store_pack (&wire_application_record, now, &told, error);
    if (r == 0 && application->is_desired)
        r = store_pack (&wire_desired_record, &application->desired, &desired, error);
    if (r != 0)
        return r;
    return store_do (
        store, error,
        "INSERT INTO applications (node, name, epoch, verb, told, trial, running, previous, desired)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (node, name) DO UPDATE SET"
        " epoch = ?3, verb = ?4, told = ?5, trial = ?6, running = ?7, previous = ?8, desired = ?9",
        "ttutbuddb", application->node, application->name, application->epoch, verb, &told,
        (uint64_t) (application->is_told && now->state == WIRE_STATE_TRIAL), &now->release,
        &now->previous_release, &desired);
}

static bool is_among (const char *name, const char *const *names, size_t n_names)
{
    for (size_t i = 0; i < n_names; i++)
        if (strcmp (name, names[i]) == 0)
            return true;
    return false;
}

static int application_drop (struct broker_store *store, const char *node, const char *name,
                             struct base_error *error)
{
    int r =
        store_do (store, error, "DELETE FROM applications WHERE node = ?1 AND name = ?2 AND desired IS NULL",
                  "tt", node, name);

    if (r == 0)
        r = store_do (store, error,
                      "UPDATE applications SET told = NULL, trial = 0, running = NULL, previous = NULL"
                      " WHERE node = ?1 AND name = ?2",
                      "tt", node, name);
    return r;
}

int broker_store_applications_keep (struct broker_store *store, const char *node, const char *const *names,
                                    size_t n_names, struct base_error *error)
{
    char dropped[BROKER_APPLICATIONS_MOST][BROKER_ID_SIZE];
    size_t n_dropped = 0;
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (store, &row, error,
                         "SELECT name FROM applications WHERE node = ?1 AND told IS NOT NULL", "t", node);

    if (r != 0)
        return r;
    while (n_dropped < BROKER_APPLICATIONS_MOST && (r = store_row (store, row, error)) == 1) {
        const char *name = store_text (row, 0);
        if (!is_among (name, names, n_names) &&
            base_text_copy (dropped[n_dropped], BROKER_ID_SIZE, name) == 0)
            n_dropped++;
    }
    if (r < 0)
        return r;
    store_end (&row);
    for (size_t i = 0; i < n_dropped; i++) {
        r = application_drop (store, node, dropped[i], error);
        if (r != 0)
            return r;
    }
    return 0;
}

int broker_store_applications_count (struct broker_store *store, const char *node, uint64_t *ret_count,
                                     struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (store, &row, error, "SELECT count(*) FROM applications WHERE node = ?1", "t", node);

    if (r == 0)
        r = store_row (store, row, error);
    if (r < 0)
        return r;
    *ret_count = r == 1 ? store_number (row, 0) : 0;
    return 0;
}

int broker_store_node_on_trial (struct broker_store *store, const char *node, bool *ret_trial,
                                struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (store, &row, error,
                         "SELECT 1 FROM applications WHERE node = ?1 AND trial = 1 LIMIT 1", "t", node);

    if (r == 0)
        r = store_row (store, row, error);
    if (r < 0)
        return r;
    *ret_trial = r == 1;
    return 0;
}
