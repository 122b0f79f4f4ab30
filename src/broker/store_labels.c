/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store_labels.c - labels of nodes, set by the node or by an operator */

#include "broker/store_statement.h"

#include "base/cleanup.h"

int broker_store_labels (struct broker_store *store, const char *node, broker_label_each *each, void *context,
                         struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r = store_query (store, &row, error,
                         "SELECT name, value, own FROM labels WHERE node = ?1 ORDER BY name, own", "t", node);

    if (r != 0)
        return r;
    while ((r = store_row (store, row, error)) == 1) {
        struct wire_label label = {.name = (char *) store_text (row, 0),
                                   .value = (char *) store_text (row, 1),
                                   .own = store_number (row, 2) != 0};
        r = each (context, &label);
        if (r != 0)
            break;
    }
    return r;
}

int broker_store_label_put (struct broker_store *store, const char *node, const struct wire_label *label,
                            struct base_error *error)
{
    if (!label->value)
        return store_do (store, error, "DELETE FROM labels WHERE node = ?1 AND name = ?2 AND own = ?3", "ttu",
                         node, label->name, (uint64_t) label->own);
    return store_do (store, error,
                     "INSERT INTO labels (node, name, own, value) VALUES (?1, ?2, ?3, ?4)"
                     " ON CONFLICT (node, name, own) DO UPDATE SET value = ?4",
                     "ttut", node, label->name, (uint64_t) label->own, label->value);
}

int broker_store_labels_forget_own (struct broker_store *store, const char *node, struct base_error *error)
{
    return store_do (store, error, "DELETE FROM labels WHERE node = ?1 AND own = 1", "t", node);
}
