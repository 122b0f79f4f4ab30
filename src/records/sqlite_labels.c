/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_labels.c - labels of nodes, set by the node or by an operator */

#include "records/sqlite.h"

#include "base/assert.h"
#include "base/cleanup.h"

int records_labels (struct records *records, const char *node, records_label_each *each, void *context,
                    struct base_error *error)
{
    base_assert (records && node && each);
    base_cleanup (sqlite_end) sqlite3_stmt *row = NULL;
    int r =
        sqlite_query (records, &row, error,
                      "SELECT name, value, own FROM labels WHERE node = ?1 ORDER BY name, own", "t", node);

    if (r < 0)
        return r;
    while ((r = sqlite_row (records, row, error)) == SQLITE_E_ROW) {
        struct wire_label label = {
            .name = sqlite_text (row, 0), .value = sqlite_text (row, 1), .own = sqlite_number (row, 2) != 0};
        r = each (context, &label);
        if (r != 0)
            return r;
    }
    return r;
}

int records_label_put (struct records *records, const char *node, const struct wire_label *label,
                       struct base_error *error)
{
    base_assert (records && node && label && label->name);
    if (!label->value)
        return sqlite_do (records, error, "DELETE FROM labels WHERE node = ?1 AND name = ?2 AND own = ?3",
                          "ttu", node, label->name, (uint64_t) label->own);
    return sqlite_do (records, error,
                      "INSERT INTO labels (node, name, own, value) VALUES (?1, ?2, ?3, ?4)"
                      " ON CONFLICT (node, name, own) DO UPDATE SET value = ?4",
                      "ttut", node, label->name, (uint64_t) label->own, label->value);
}

int records_labels_forget_own (struct records *records, const char *node, struct base_error *error)
{
    base_assert (records && node);
    return sqlite_do (records, error, "DELETE FROM labels WHERE node = ?1 AND own = 1", "t", node);
}
