/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/records/rollouts.c - rollouts and their members, and the head of the fleet */

#include "database.h"

TestSuite (rollouts, .init = database_make, .fini = database_remove, .timeout = 60);

static struct wire_rollout spec = {.application = "noded"};
static struct wire_wave_state wave = {.count = 1};

static struct records_rollout rollout_make (const char *id)
{
    return (struct records_rollout){.live = true,
                                    .wave = 0,
                                    .phase_ms = 5,
                                    .evidence = {.logs = {0.1, -1.0 / 3, 1e-300, 12345.678},
                                                 .samples = 7,
                                                 .updated = 8,
                                                 .others_failed = 9},
                                    .state = {.id = id,
                                              .spec = &spec,
                                              .started = "2026-11-22T15:00:00.000000000Z",
                                              .since = "2026-11-22T15:00:00.000000000Z",
                                              .phase = WIRE_PHASE_UPDATING,
                                              .plan = base_digest_of ("p", 1),
                                              .wave = 1,
                                              .waves = &wave,
                                              .n_waves = 1,
                                              .revision = 3}};
}

static uint64_t rollout_add (const char *id)
{
    struct records_rollout row = rollout_make (id);

    cr_assert_eq (records_rollout_add (records, &row, &error), 0, "%s", error.text);
    return row.serial;
}

Test (rollouts, are_read_back_exactly)
{
    struct records_rollout put = rollout_make ("r-1"), found;

    (void) rollout_add ("r-1");
    cr_assert_eq (records_rollout_get (records, "r-1", &found, &error), 0, "%s", error.text);
    for (size_t i = 0; i < RECORDS_BETS; i++)
        cr_expect_eq (found.evidence.logs[i], put.evidence.logs[i]);
    cr_expect_eq (found.evidence.samples, put.evidence.samples);
    cr_expect_eq (found.evidence.updated, put.evidence.updated);
    cr_expect_eq (found.evidence.updated_failed, put.evidence.updated_failed);
    cr_expect_eq (found.evidence.others, put.evidence.others);
    cr_expect_eq (found.evidence.others_failed, put.evidence.others_failed);
    cr_expect_eq (found.phase_ms, 5);
    cr_expect (found.live);
    cr_expect_eq (found.state.phase, WIRE_PHASE_UPDATING);
    cr_expect_str_eq (found.state.spec->application, "noded");
    records_rollout_deinit (&found);
    cr_expect_eq (records_rollout_get (records, "r-2", &found, &error), -ENOENT);
}

static void expect_refused (const char *sql)
{
    struct records_rollout found;

    database_execute (sql);
    error.text[0] = '\0';
    cr_expect_eq (records_rollout_get (records, "r-1", &found, &error), -EBADMSG, "%s", sql);
    cr_expect_neq (error.text[0], '\0', "%s", sql);
}

Test (rollouts, with_values_that_no_broker_writes_are_refused)
{
    (void) rollout_add ("r-1");
    expect_refused ("UPDATE rollouts SET evidence = '1 2 3 four'");
    expect_refused ("UPDATE rollouts SET evidence = '0 0 0 0 0 0 0 0 0', wave = 32");
    expect_refused ("UPDATE rollouts SET wave = 0, phase = 'dancing'");
    expect_refused ("UPDATE rollouts SET phase = 'updating', state = x'00'");
}

static int member_take (void *context, const struct records_member *row)
{
    struct records_member *found = context;

    *found = *row;
    found->node = found->transaction = found->step = found->reason = NULL;
    cr_expect_str_eq (row->node, "a");
    cr_expect_str_eq (row->transaction, "t-1");
    cr_expect_str_eq (row->step, "probing");
    cr_expect_str_eq (row->reason, "why");
    return 0;
}

Test (rollouts, have_members_that_are_read_back)
{
    uint64_t serial = rollout_add ("r-1"), took_ms;
    struct records_member put = {.index = 4,
                                 .node = "a",
                                 .wave = 2,
                                 .state = WIRE_MEMBER_UPDATED,
                                 .since_ms = 10,
                                 .start_ms = 11,
                                 .revert_ms = 12,
                                 .confirmed = true,
                                 .charged = true,
                                 .pending = 2,
                                 .epoch = 13,
                                 .verb = WIRE_ORDER_UPDATE,
                                 .transaction = "t-1",
                                 .ordered_ms = 14,
                                 .took_ms = 15,
                                 .real_ms = 16,
                                 .step = "probing",
                                 .reason = "why",
                                 .revision = 17},
                          found = {.index = 0};

    cr_assert_eq (records_member_put (records, serial, &put, &error), 0, "%s", error.text);
    cr_assert_eq (records_members (records, serial, 4, 16, member_take, &found, &error), 0);
    cr_expect (found.index == 4 && found.wave == 2 && found.state == WIRE_MEMBER_UPDATED);
    cr_expect (found.since_ms == 10 && found.start_ms == 11 && found.revert_ms == 12);
    cr_expect (found.confirmed && found.charged && !found.lost_before);
    cr_expect (found.pending == 2 && found.epoch == 13 && found.verb == WIRE_ORDER_UPDATE);
    cr_expect (found.ordered_ms == 14 && found.took_ms == 15 && found.real_ms == 16);
    cr_expect_eq (found.revision, 17);
    found.index = 99;
    cr_assert_eq (records_members (records, serial, 5, 0, member_take, &found, &error), 0);
    cr_assert_eq (records_members (records, serial, 0, 17, member_take, &found, &error), 0);
    cr_expect_eq (found.index, 99, "none has this index, or changed after this revision");
    cr_assert_eq (records_members_took (records, &took_ms, &error), 0);
    cr_expect_eq (took_ms, 15);
}

Test (rollouts, that_have_finished_make_room_for_new_ones)
{
    struct records_rollout found;
    char id[16];

    cr_assert_eq (records_begin (records, &error), 0);
    for (unsigned i = 0; i < RECORDS_ROLLOUTS_MOST; i++) {
        (void) snprintf (id, sizeof id, "r-%u", i);
        (void) rollout_add (id);
    }
    cr_assert_eq (records_commit (records, &error), 0);
    cr_assert_eq (records_rollouts_prune (records, &error), 0);
    cr_assert_eq (records_rollout_get (records, "r-0", &found, &error), 0, "it has not finished");
    records_rollout_deinit (&found);
    database_execute ("UPDATE rollouts SET live = 0 WHERE id IN ('r-0', 'r-1')");
    cr_assert_eq (records_rollouts_prune (records, &error), 0);
    cr_expect_eq (records_rollout_get (records, "r-0", &found, &error), -ENOENT);
    cr_assert_eq (records_rollout_get (records, "r-1", &found, &error), 0, "there is room for one");
    records_rollout_deinit (&found);
}

/*  As records.h defines it, and as others may compute it. */
Test (heads, of_nodes_are_merged_as_documented)
{
    struct base_digest head = base_digest_of ("line", 4), fleet = {.bytes = {0}}, found;
    uint8_t merged[32 + 6 + 8 + 32];
    uint64_t merges;

    for (uint64_t serial = 0x0102; serial <= 0x0103; serial++) {
        memcpy (merged, fleet.bytes, 32);
        memcpy (merged + 32, "web-1", 6);
        memcpy (merged + 38, (uint8_t[]){0, 0, 0, 0, 0, 0, 1, (uint8_t) serial}, 8);
        memcpy (merged + 46, head.bytes, 32);
        fleet = base_digest_of (merged, sizeof merged);
        cr_assert_eq (records_head_merge (records, "web-1", serial, &head, "now", &error), 0, "%s",
                      error.text);
    }
    cr_assert_eq (records_fleet_head (records, &merges, &found, &error), 0);
    cr_expect_eq (merges, 2);
    cr_expect (base_digest_equal (&found, &fleet));
}

TestSuite (heads, .init = database_make, .fini = database_remove, .timeout = 60);
