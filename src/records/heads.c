/* SPDX-License-Identifier: MPL-2.0 */
/*  records/heads.c - how the head of a node's journal is merged into the head of the fleet */

#include "records/driver.h"

#include "base/assert.h"

void records_journal_deinit (struct records_journal *journal)
{
    base_assert (journal);
    free (journal->fault);
    *journal = (struct records_journal){.serial = 0};
}

static struct base_digest head_merge (const struct base_digest *before, const char *node, uint64_t serial,
                                      const struct base_digest *head)
{
    base_assert (before && node && head);
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

int records_head_merge (struct records *records, const char *node, uint64_t serial,
                        const struct base_digest *head, const char *time, struct base_error *error)
{
    base_assert (records && node && head && time);
    struct records_head merged = {.node = node, .serial = serial, .head = head, .time = time};
    struct base_digest before;
    uint64_t merges;
    int r = records_fleet_head (records, &merges, &before, error);

    if (r < 0)
        return r;
    merged.fleet = head_merge (&before, node, serial, head);
    return records_head_add (records, &merged,
                             merges >= RECORDS_HEADS_MOST ? merges + 1 - RECORDS_HEADS_MOST : 0, error);
}
