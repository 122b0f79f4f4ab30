/* SPDX-License-Identifier: MPL-2.0 */
/*  records/sqlite_rollouts.c - rollouts, their members and transitions, and the orders that were given */

#include "records/sqlite.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { CONFIRMED = 1, LOST_BEFORE = 2, CHARGED = 4, TOOK_OF = 200 };

int records_rollout_add (struct records *records, struct records_rollout *row, struct base_error *error)
{
    base_assert (records && row && row->state.id && row->state.spec);
    int r = sqlite_do (records, error,
                       "INSERT INTO rollouts (id, application, live, phase, paused, wave, phase_ms, wave_ms,"
                       " stopped_ms, stop_ms, evidence, state, revision)"
                       " VALUES (?1, ?2, 1, '', 0, 0, 0, 0, 0, 0, '', x'', 0)",
                       "tt", row->state.id, row->state.spec->application);

    if (r < 0)
        return r;
    row->serial = (uint64_t) sqlite3_last_insert_rowid (records->database);
    return records_rollout_put (records, row, error);
}

int records_rollout_put (struct records *records, const struct records_rollout *row, struct base_error *error)
{
    base_assert (records && row);
    base_cleanup (base_buffer_deinit) struct base_buffer state = {.size = 0};
    char evidence[RECORDS_EVIDENCE_TEXT];
    int r = records_pack (&wire_rollout_state_record, &row->state, &state, error);

    if (r < 0)
        return r;
    return sqlite_do (records, error,
                      "UPDATE rollouts SET live = ?2, phase = ?3, paused = ?4, wave = ?5, phase_ms = ?6,"
                      " wave_ms = ?7, stopped_ms = ?8, stop_ms = ?9, evidence = ?10, state = ?11,"
                      " revision = ?12 WHERE serial = ?1",
                      "uutuuuuuutbu", row->serial, (uint64_t) row->live, wire_phase_word (row->state.phase),
                      (uint64_t) row->state.paused, (uint64_t) row->wave, row->phase_ms, row->wave_ms,
                      row->stopped_ms, row->stop_ms, records_evidence_print (&row->evidence, evidence),
                      &state, row->state.revision);
}

/*  The columns override the same values in the packed state. */
#define ROLLOUT_COLUMNS                                                                                      \
    "SELECT serial, live, phase, paused, wave, phase_ms, wave_ms, stopped_ms, stop_ms, evidence, state,"     \
    " revision FROM rollouts"

static int rollout_read (sqlite3_stmt *statement, struct records_rollout *ret_row, struct base_error *error)
{
    base_assert (ret_row);
    struct records_rollout row = {.serial = sqlite_number (statement, 0),
                                  .live = sqlite_number (statement, 1) != 0,
                                  .wave = (uint32_t) sqlite_number (statement, 4),
                                  .phase_ms = sqlite_number (statement, 5),
                                  .wave_ms = sqlite_number (statement, 6),
                                  .stopped_ms = sqlite_number (statement, 7),
                                  .stop_ms = sqlite_number (statement, 8)};
    int r;

    if (records_evidence_parse (sqlite_text (statement, 9), &row.evidence) != 0)
        return base_error_set (error, -EBADMSG, "the evidence of a rollout in the database cannot be read");
    r = sqlite_unpack (statement, 10, &wire_rollout_state_record, &row.state, error);
    if (r < 0)
        return r;
    row.state.phase = wire_phase_parse (sqlite_text (statement, 2));
    row.state.paused = sqlite_number (statement, 3) != 0;
    row.state.revision = sqlite_number (statement, 11);
    r = records_rollout_check (&row, error);
    if (r < 0) {
        records_rollout_deinit (&row);
        return r;
    }
    *ret_row = row;
    return 0;
}

int records_rollout_get (struct records *records, const char *id, struct records_rollout *ret_row,
                         struct base_error *error)
{
    base_assert (records && id && ret_row);
    base_cleanup (sqlite_end) sqlite3_stmt *statement = NULL;
    int r = sqlite_query (records, &statement, error, ROLLOUT_COLUMNS " WHERE id = ?1", "t", id);

    if (r < 0)
        return r;
    r = sqlite_row (records, statement, error);
    if (r < 0)
        return r;
    return r == SQLITE_E_ROW ? rollout_read (statement, ret_row, error) : -ENOENT;
}

int records_rollouts (struct records *records, uint64_t before, uint64_t since, enum records_liveness which,
                      records_rollout_each *each, void *context, struct base_error *error)
{
    base_assert (records && each);
    base_cleanup (sqlite_end) sqlite3_stmt *statement = NULL;
    int r = sqlite_query (records, &statement, error,
                          ROLLOUT_COLUMNS " WHERE (?1 = 0 OR serial < ?1) AND revision > ?2 AND live >= ?3"
                                          " ORDER BY serial DESC",
                          "uuu", before, since, (uint64_t) (which == RECORDS_LIVE));

    if (r < 0)
        return r;
    while ((r = sqlite_row (records, statement, error)) == SQLITE_E_ROW) {
        base_cleanup (records_rollout_deinit) struct records_rollout row = {.serial = 0};
        r = rollout_read (statement, &row, error);
        if (r < 0)
            return r;
        r = each (context, &row);
        if (r != 0)
            return r;
    }
    return r;
}

int records_rollouts_prune (struct records *records, struct base_error *error)
{
    base_assert (records);
    int r = sqlite_do (records, error,
                       "DELETE FROM rollouts WHERE live = 0 AND serial <= (SELECT serial FROM rollouts"
                       " ORDER BY serial DESC LIMIT 1 OFFSET ?1)",
                       "u", (uint64_t) RECORDS_ROLLOUTS_MOST - 1);

    if (r < 0 || sqlite3_changes (records->database) == 0)
        return r;
    r = sqlite_do (records, error, "DELETE FROM members WHERE rollout NOT IN (SELECT serial FROM rollouts)",
                   "");
    if (r < 0)
        return r;
    return sqlite_do (records, error,
                      "DELETE FROM transitions WHERE rollout NOT IN (SELECT serial FROM rollouts)", "");
}

/*  members */

int records_member_put (struct records *records, uint64_t rollout, const struct records_member *row,
                        struct base_error *error)
{
    base_assert (records && row && row->node);
    uint64_t flags = (row->confirmed ? CONFIRMED : 0) | (row->lost_before ? LOST_BEFORE : 0) |
                     (row->charged ? CHARGED : 0);

    return sqlite_do (records, error,
                      "INSERT OR REPLACE INTO members (rollout, idx, node, wave, state, since, start,"
                      " revert_ms, flags, pending, epoch, verb, update_id, ordered, took, step, reason,"
                      " revision, real) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
                      " ?15, ?16, ?17, ?18, ?19)",
                      "uututuuuuuuttuuttuu", rollout, (uint64_t) row->index, row->node, (uint64_t) row->wave,
                      wire_member_word (row->state), row->since_ms, row->start_ms, row->revert_ms, flags,
                      (uint64_t) row->pending, row->epoch, row->verb ? wire_order_word (row->verb) : NULL,
                      row->transaction, row->ordered_ms, row->took_ms, row->step, row->reason, row->revision,
                      row->real_ms);
}

int records_members (struct records *records, uint64_t rollout, uint64_t index, uint64_t since,
                     records_member_each *each, void *context, struct base_error *error)
{
    base_assert (records && each);
    base_cleanup (sqlite_end) sqlite3_stmt *statement = NULL;
    int r = sqlite_query (records, &statement, error,
                          "SELECT idx, node, wave, state, since, start, revert_ms, flags, pending, epoch,"
                          " verb, update_id, ordered, took, step, reason, revision, real FROM members"
                          " WHERE rollout = ?1 AND idx >= ?2 AND revision > ?3 ORDER BY idx",
                          "uuu", rollout, index, since);

    if (r < 0)
        return r;
    while ((r = sqlite_row (records, statement, error)) == SQLITE_E_ROW) {
        uint64_t flags = sqlite_number (statement, 7);
        const char *verb = sqlite_text (statement, 10);
        struct records_member row = {.index = (uint32_t) sqlite_number (statement, 0),
                                     .node = sqlite_text (statement, 1),
                                     .wave = (uint32_t) sqlite_number (statement, 2),
                                     .state = wire_member_parse (sqlite_text (statement, 3)),
                                     .since_ms = sqlite_number (statement, 4),
                                     .start_ms = sqlite_number (statement, 5),
                                     .revert_ms = sqlite_number (statement, 6),
                                     .confirmed = flags & CONFIRMED,
                                     .lost_before = flags & LOST_BEFORE,
                                     .charged = flags & CHARGED,
                                     .pending = sqlite_number (statement, 8),
                                     .epoch = sqlite_number (statement, 9),
                                     .verb = verb ? wire_order_parse (verb) : WIRE_ORDER_NULL,
                                     .transaction = sqlite_text (statement, 11),
                                     .ordered_ms = sqlite_number (statement, 12),
                                     .took_ms = sqlite_number (statement, 13),
                                     .step = sqlite_text (statement, 14),
                                     .reason = sqlite_text (statement, 15),
                                     .revision = sqlite_number (statement, 16),
                                     .real_ms = sqlite_number (statement, 17)};
        r = each (context, &row);
        if (r != 0)
            return r;
    }
    return r;
}

int records_members_took (struct records *records, uint64_t *ret_ms, struct base_error *error)
{
    base_assert (records && ret_ms);
    base_cleanup (sqlite_end) sqlite3_stmt *statement = NULL;
    int r = sqlite_query (records, &statement, error,
                          "SELECT coalesce (avg (took), 0) FROM (SELECT took FROM members WHERE took > 0"
                          " ORDER BY rollout DESC LIMIT ?1)",
                          "u", (uint64_t) TOOK_OF);

    if (r < 0)
        return r;
    r = sqlite_row (records, statement, error);
    if (r < 0)
        return r;
    *ret_ms = r == SQLITE_E_ROW ? sqlite_number (statement, 0) : 0;
    return 0;
}

int records_members_restart (struct records *records, uint64_t since_ms, struct base_error *error)
{
    base_assert (records && records->in_transaction);
    return sqlite_do (records, error,
                      "UPDATE members SET since = ?1 WHERE state IN ('ordered', 'reverting')"
                      " AND rollout IN (SELECT serial FROM rollouts WHERE live = 1)",
                      "u", since_ms);
}

/*  the clock */

int records_clock_get (struct records *records, uint64_t *ret_ms, struct base_error *error)
{
    base_assert (records && ret_ms);
    base_cleanup (sqlite_end) sqlite3_stmt *statement = NULL;
    int r = sqlite_query (records, &statement, error, "SELECT value FROM meta WHERE key = 'watched'", "");

    if (r < 0)
        return r;
    r = sqlite_row (records, statement, error);
    if (r < 0)
        return r;
    if (r == 0)
        return base_error_set (error, -EBADMSG,
                               "%s lacks the time for which rollouts were watched: " RECORDS_REMEDY,
                               records_path (records));
    *ret_ms = sqlite_number (statement, 0);
    return 0;
}

int records_clock_repair (struct records *records, struct base_error *error)
{
    base_assert (records);
    return sqlite_do (records, error,
                      "INSERT OR IGNORE INTO meta (key, value) VALUES ('watched', max (86400000,"
                      " coalesce ((SELECT max (max (phase_ms, wave_ms, stop_ms)) FROM rollouts), 0),"
                      " coalesce ((SELECT max (max (since, ordered)) FROM members), 0)))",
                      "");
}

int records_clock_put (struct records *records, uint64_t ms, struct base_error *error)
{
    base_assert (records);
    return sqlite_do (records, error, "UPDATE meta SET value = max (value, ?1) WHERE key = 'watched'", "u",
                      ms);
}

/*  transitions */

int records_transition_add (struct records *records, uint64_t rollout, struct wire_transition *transition,
                            struct base_error *error)
{
    base_assert (records && transition);
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    int r;

    transition->serial = 0; /* the row's serial is filled in when it is read */
    r = records_pack (&wire_transition_record, transition, &packed, error);
    if (r < 0)
        return r;
    r = sqlite_do (records, error, "INSERT INTO transitions (rollout, transition) VALUES (?1, ?2)", "ub",
                   rollout, &packed);
    if (r < 0)
        return r;
    transition->serial = (uint64_t) sqlite3_last_insert_rowid (records->database);
    return 0;
}

int records_transitions (struct records *records, uint64_t rollout, uint64_t after,
                         records_transition_each *each, void *context, struct base_error *error)
{
    base_assert (records && each);
    base_cleanup (sqlite_end) sqlite3_stmt *statement = NULL;
    int r = sqlite_query (
        records, &statement, error,
        "SELECT serial, transition FROM transitions WHERE rollout = ?1 AND serial > ?2 ORDER BY serial", "uu",
        rollout, after);

    if (r < 0)
        return r;
    while ((r = sqlite_row (records, statement, error)) == SQLITE_E_ROW) {
        base_cleanup (wire_transition_deinit) struct wire_transition transition = {.serial = 0};
        r = sqlite_unpack (statement, 1, &wire_transition_record, &transition, error);
        if (r < 0)
            return r;
        transition.serial = sqlite_number (statement, 0);
        r = each (context, &transition);
        if (r != 0)
            return r;
    }
    return r;
}

/*  orders that were given */

int records_issued_put (struct records *records, const struct records_issued *issued,
                        struct base_error *error)
{
    base_assert (records && issued && issued->node && issued->application);
    int r = sqlite_do (records, error,
                       "INSERT OR REPLACE INTO issued (node, application, epoch, verb, update_id, rollout,"
                       " wave, user, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                       "ttutttutt", issued->node, issued->application, issued->epoch,
                       wire_order_word (issued->verb), issued->transaction, issued->rollout, issued->wave,
                       issued->user, issued->time);

    if (r < 0)
        return r;
    return sqlite_do (records, error,
                      "DELETE FROM issued WHERE node = ?1 AND application = ?2 AND epoch <= (SELECT epoch"
                      " FROM issued WHERE node = ?1 AND application = ?2 ORDER BY epoch DESC LIMIT 1"
                      " OFFSET ?3)",
                      "ttu", issued->node, issued->application, (uint64_t) RECORDS_ISSUED_MOST);
}
