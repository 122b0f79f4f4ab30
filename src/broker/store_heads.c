/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store_heads.c - the heads of the nodes' journals, and their merged head */

#include "broker/store_statement.h"

#include <errno.h>

#include "base/cleanup.h"

void broker_journal_deinit (struct broker_journal *journal)
{
    free (journal->fault);
    *journal = (struct broker_journal){.serial = 0};
}

int broker_store_journal_get (struct broker_store *store, const char *node,
                              struct broker_journal *ret_journal, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    const char *fault;
    int r = store_query (store, &row, error,
                         "SELECT journal_serial, journal_head, journal_fault FROM nodes WHERE id = ?1", "t",
                         node);

    if (r == 0)
        r = store_row (store, row, error);
    if (r != 1)
        return r == 0 ? -ENOENT : r;
    fault = store_text (row, 2);
    *ret_journal = (struct broker_journal){.serial = store_number (row, 0),
                                           .head = store_digest (row, 1),
                                           .fault = fault ? strdup (fault) : NULL};
    return fault && !ret_journal->fault ? base_error_errno (error, -ENOMEM, "cannot read a journal's head")
                                        : 0;
}

int broker_store_journal_put (struct broker_store *store, const char *node,
                              const struct broker_journal *journal, struct base_error *error)
{
    return store_do (
        store, error,
        "UPDATE nodes SET journal_serial = ?2, journal_head = ?3, journal_fault = ?4 WHERE id = ?1", "tudt",
        node, journal->serial, &journal->head, journal->fault);
}

int broker_store_fleet_head (struct broker_store *store, uint64_t *ret_turns, struct base_digest *ret_head,
                             struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *row = NULL;
    int r =
        store_query (store, &row, error, "SELECT serial, fleet FROM heads ORDER BY serial DESC LIMIT 1", "");

    if (r == 0)
        r = store_row (store, row, error);
    if (r < 0)
        return r;
    *ret_turns = r == 1 ? store_number (row, 0) : 0;
    *ret_head = r == 1 ? store_digest (row, 1) : (struct base_digest){.bytes = {0}};
    return 0;
}

static struct base_digest head_merge (const struct base_digest *before, const char *node, uint64_t serial,
                                      const struct base_digest *head)
{
    struct base_hash hash;
    uint8_t number[8];

    for (unsigned i = 0; i < sizeof number; i++)
        number[i] = (uint8_t) (serial >> (56 - 8 * i));
    base_hash_init (&hash);
    base_hash_update (&hash, before->bytes, sizeof before->bytes);
    base_hash_update (&hash, node, strlen (node) + 1);
    base_hash_update (&hash, number, sizeof number);
    base_hash_update (&hash, head->bytes, sizeof head->bytes);
    return base_hash_final (&hash);
}

int broker_store_head_turn (struct broker_store *store, const char *node, uint64_t serial,
                            const struct base_digest *head, const char *time, struct base_error *error)
{
    struct base_digest fleet;
    uint64_t turns;
    int r = broker_store_fleet_head (store, &turns, &fleet, error);

    if (r != 0)
        return r;
    fleet = head_merge (&fleet, node, serial, head);
    r = store_do (store, error,
                  "INSERT INTO heads (node, journal_serial, journal_head, fleet, time)"
                  " VALUES (?1, ?2, ?3, ?4, ?5)",
                  "tuddt", node, serial, head, &fleet, time);
    if (r == 0 && turns >= BROKER_HEADS_MOST)
        r = store_do (store, error, "DELETE FROM heads WHERE serial <= ?1", "u",
                      turns + 1 - BROKER_HEADS_MOST);
    return r;
}
