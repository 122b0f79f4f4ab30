/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store_rollouts.c - the records of rollouts */

#include "broker/store_rollouts.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "broker/store_backup.h"
#include "broker/store_statement.h"

enum { CONFIRMED = 1, WAS_BAD = 2, CHARGED = 4, EVIDENCE_SIZE = 256, TOOK_OF = 200 };

void broker_rollout_row_deinit (struct broker_rollout_row *row)
{
    wire_rollout_state_deinit (&row->state);
    *row = (struct broker_rollout_row){.serial = 0};
}

/*  Hexadecimal fractions are read back exactly. */
static void evidence_print (const struct rollout_evidence *evidence, char text[EVIDENCE_SIZE])
{
    _Static_assert(ROLLOUT_BETS == 4, "the bets are written one by one");
    (void) snprintf (text, EVIDENCE_SIZE, "%a %a %a %a %llu %llu %llu %llu %llu", evidence->logs[0],
                     evidence->logs[1], evidence->logs[2], evidence->logs[3],
                     (unsigned long long) evidence->rounds, (unsigned long long) evidence->updated,
                     (unsigned long long) evidence->updated_bad, (unsigned long long) evidence->others,
                     (unsigned long long) evidence->others_bad);
}

static int evidence_read (const char *text, struct rollout_evidence *ret_evidence)
{
    struct rollout_evidence evidence = {.rounds = 0};
    char *at = (char *) text;
    uint64_t *const counts[] = {&evidence.rounds, &evidence.updated, &evidence.updated_bad, &evidence.others,
                                &evidence.others_bad};

    if (!text)
        return -EBADMSG;
    for (size_t i = 0; i < ROLLOUT_BETS; i++)
        evidence.logs[i] = strtod (at, &at);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        *counts[i] = strtoull (at, &at, 10);
    if (*at)
        return -EBADMSG;
    *ret_evidence = evidence;
    return 0;
}

int broker_store_rollout_add (struct broker_store *store, struct broker_rollout_row *row,
                              struct base_error *error)
{
    int r = store_do (store, error,
                      "INSERT INTO rollouts (id, application, live, phase, paused, wave, phase_ms, wave_ms,"
                      " stopped_ms, stop_ms, evidence, state, revision)"
                      " VALUES (?1, ?2, 1, '', 0, 0, 0, 0, 0, 0, '', x'', 0)",
                      "tt", row->state.id, row->state.spec->application);

    if (r != 0)
        return r;
    row->serial = (uint64_t) sqlite3_last_insert_rowid (store->database);
    return broker_store_rollout_put (store, row, error);
}

int broker_store_rollout_put (struct broker_store *store, const struct broker_rollout_row *row,
                              struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer state = {.size = 0};
    char evidence[EVIDENCE_SIZE];
    int r = store_pack (&wire_rollout_state_record, &row->state, &state, error);

    evidence_print (&row->evidence, evidence);
    if (r != 0)
        return r;
    return store_do (store, error,
                     "UPDATE rollouts SET live = ?2, phase = ?3, paused = ?4, wave = ?5, phase_ms = ?6,"
                     " wave_ms = ?7, stopped_ms = ?8, stop_ms = ?9, evidence = ?10, state = ?11,"
                     " revision = ?12 WHERE serial = ?1",
                     "uutuuuuuutbu", row->serial, (uint64_t) row->live, wire_phase_word (row->state.phase),
                     (uint64_t) row->state.paused, (uint64_t) row->wave, row->phase_ms, row->wave_ms,
                     row->stopped_ms, row->stop_ms, evidence, &state, row->state.revision);
}

/*  The columns override the same values in the packed state. */
#define ROLLOUT_COLUMNS                                                                                      \
    "SELECT serial, live, phase, paused, wave, phase_ms, wave_ms, stopped_ms, stop_ms, evidence, state,"     \
    " revision FROM rollouts"

static int rollout_read (sqlite3_stmt *statement, struct broker_rollout_row *ret_row,
                         struct base_error *error)
{
    struct broker_rollout_row row = {.serial = store_number (statement, 0),
                                     .live = store_number (statement, 1) != 0,
                                     .wave = (uint32_t) store_number (statement, 4),
                                     .phase_ms = store_number (statement, 5),
                                     .wave_ms = store_number (statement, 6),
                                     .stopped_ms = store_number (statement, 7),
                                     .stop_ms = store_number (statement, 8)};
    int r;

    if (evidence_read (store_text (statement, 9), &row.evidence) != 0)
        return base_error_set (error, -EBADMSG, "the evidence of a rollout in the database cannot be read");
    r = store_record (statement, 10, &wire_rollout_state_record, &row.state, error);
    if (r != 0)
        return r;
    row.state.phase = wire_phase_parse (store_text (statement, 2));
    row.state.paused = store_number (statement, 3) != 0;
    row.state.revision = store_number (statement, 11);
    if (row.state.phase == WIRE_PHASE_NULL || row.wave >= ROLLOUT_WAVES) {
        broker_rollout_row_deinit (&row);
        return base_error_set (error, -EBADMSG, "a rollout in the database has an invalid phase or wave");
    }
    *ret_row = row;
    return 0;
}

int broker_store_rollout_get (struct broker_store *store, const char *id, struct broker_rollout_row *ret_row,
                              struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *statement = NULL;
    int r = store_query (store, &statement, error, ROLLOUT_COLUMNS " WHERE id = ?1", "t", id);

    if (r == 0)
        r = store_row (store, statement, error);
    if (r < 0)
        return r;
    return r == 1 ? rollout_read (statement, ret_row, error) : -ENOENT;
}

int broker_store_rollouts (struct broker_store *store, uint64_t before, uint64_t since, bool only_live,
                           broker_rollout_each *each, void *context, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *statement = NULL;
    int r = store_query (store, &statement, error,
                         ROLLOUT_COLUMNS " WHERE (?1 = 0 OR serial < ?1) AND revision > ?2 AND live >= ?3"
                                         " ORDER BY serial DESC",
                         "uuu", before, since, (uint64_t) only_live);

    if (r != 0)
        return r;
    while ((r = store_row (store, statement, error)) == 1) {
        base_cleanup (broker_rollout_row_deinit) struct broker_rollout_row row = {.serial = 0};
        r = rollout_read (statement, &row, error);
        if (r == 0)
            r = each (context, &row);
        if (r != 0)
            break;
    }
    return r;
}

int broker_store_rollouts_prune (struct broker_store *store, struct base_error *error)
{
    int r = store_do (store, error,
                      "DELETE FROM rollouts WHERE live = 0 AND serial <= (SELECT serial FROM rollouts"
                      " ORDER BY serial DESC LIMIT 1 OFFSET ?1)",
                      "u", (uint64_t) BROKER_ROLLOUTS_MOST - 1);

    if (r != 0 || sqlite3_changes (store->database) == 0)
        return r;
    r = store_do (store, error, "DELETE FROM members WHERE rollout NOT IN (SELECT serial FROM rollouts)", "");
    if (r == 0)
        r = store_do (store, error, "DELETE FROM turns WHERE rollout NOT IN (SELECT serial FROM rollouts)",
                      "");
    return r;
}

/*  members */

int broker_store_member_put (struct broker_store *store, uint64_t rollout,
                             const struct broker_member_row *row, struct base_error *error)
{
    const struct rollout_member *member = &row->member;
    uint64_t flags = (member->confirmed ? CONFIRMED : 0) | (member->was_bad ? WAS_BAD : 0) |
                     (member->charged ? CHARGED : 0);
    enum rollout_kind pending = member->pending == ROLLOUT_KEEP ? ROLLOUT_WAIT : member->pending;

    return store_do (store, error,
                     "INSERT OR REPLACE INTO members (rollout, idx, node, wave, state, since, start,"
                     " revert_ms, flags, pending, epoch, verb, update_id, ordered, took, step, reason,"
                     " revision, real) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
                     " ?15, ?16, ?17, ?18, ?19)",
                     "uututuuuuuuttuuttuu", rollout, (uint64_t) row->index, row->node,
                     (uint64_t) member->wave, wire_member_word (member->state), member->since_ms,
                     member->start_ms, member->revert_ms, flags, (uint64_t) pending, row->epoch,
                     row->verb ? wire_verb_word (row->verb) : NULL, row->transaction, row->ordered_ms,
                     row->took_ms, row->step, row->reason, row->revision, row->real_ms);
}

int broker_store_members (struct broker_store *store, uint64_t rollout, uint64_t index, uint64_t since,
                          broker_member_each *each, void *context, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *statement = NULL;
    int r = store_query (store, &statement, error,
                         "SELECT idx, node, wave, state, since, start, revert_ms, flags, pending, epoch,"
                         " verb, update_id, ordered, took, step, reason, revision, real FROM members"
                         " WHERE rollout = ?1 AND idx >= ?2 AND revision > ?3 ORDER BY idx",
                         "uuu", rollout, index, since);

    if (r != 0)
        return r;
    while ((r = store_row (store, statement, error)) == 1) {
        uint64_t flags = store_number (statement, 7), pending = store_number (statement, 8);
        const char *verb = store_text (statement, 10);
        struct broker_member_row row = {
            .index = (uint32_t) store_number (statement, 0),
            .node = store_text (statement, 1),
            .member = {.wave = (uint32_t) store_number (statement, 2),
                       .state = wire_member_parse (store_text (statement, 3)),
                       .since_ms = store_number (statement, 4),
                       .start_ms = store_number (statement, 5),
                       .revert_ms = store_number (statement, 6),
                       .confirmed = flags & CONFIRMED,
                       .was_bad = flags & WAS_BAD,
                       .charged = flags & CHARGED,
                       .pending = pending < ROLLOUT_KEEP ? (enum rollout_kind) pending : ROLLOUT_WAIT},
            .epoch = store_number (statement, 9),
            .verb = verb ? wire_verb_parse (verb) : WIRE_VERB_NULL,
            .transaction = store_text (statement, 11),
            .ordered_ms = store_number (statement, 12),
            .took_ms = store_number (statement, 13),
            .step = store_text (statement, 14),
            .reason = store_text (statement, 15),
            .revision = store_number (statement, 16),
            .real_ms = store_number (statement, 17)};
        r = each (context, &row);
        if (r != 0)
            break;
    }
    return r;
}

int broker_store_members_took (struct broker_store *store, uint64_t *ret_ms, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *statement = NULL;
    int r = store_query (store, &statement, error,
                         "SELECT coalesce (avg (took), 0) FROM (SELECT took FROM members WHERE took > 0"
                         " ORDER BY rollout DESC LIMIT ?1)",
                         "u", (uint64_t) TOOK_OF);

    if (r == 0)
        r = store_row (store, statement, error);
    if (r < 0)
        return r;
    *ret_ms = r == 1 ? store_number (statement, 0) : 0;
    return 0;
}

/*  the clock */

int broker_store_watched_get (struct broker_store *store, uint64_t *ret_ms, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *statement = NULL;
    int r = store_query (store, &statement, error, "SELECT value FROM meta WHERE key = 'watched'", "");

    if (r == 0)
        r = store_row (store, statement, error);
    if (r < 0)
        return r;
    if (r == 0)
        return base_error_set (error, -EBADMSG,
                               "%s lacks the time for which rollouts were watched: " BROKER_REMEDY,
                               broker_store_path (store));
    *ret_ms = store_number (statement, 0);
    return 0;
}

int broker_store_watched_mend (struct broker_store *store, struct base_error *error)
{
    return store_do (store, error,
                     "INSERT OR IGNORE INTO meta (key, value) VALUES ('watched', max (86400000,"
                     " coalesce ((SELECT max (max (phase_ms, wave_ms, stop_ms)) FROM rollouts), 0),"
                     " coalesce ((SELECT max (max (since, ordered)) FROM members), 0)))",
                     "");
}

int broker_store_watched_put (struct broker_store *store, uint64_t ms, struct base_error *error)
{
    return store_do (store, error, "UPDATE meta SET value = max (value, ?1) WHERE key = 'watched'", "u", ms);
}

/*  transitions */

int broker_store_turn_add (struct broker_store *store, uint64_t rollout, struct wire_turn *turn,
                           struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    int r;

    turn->serial = 0; /* the row's serial is filled in when it is read */
    r = store_pack (&wire_turn_record, turn, &packed, error);
    if (r == 0)
        r = store_do (store, error, "INSERT INTO turns (rollout, turn) VALUES (?1, ?2)", "ub", rollout,
                      &packed);
    if (r == 0)
        turn->serial = (uint64_t) sqlite3_last_insert_rowid (store->database);
    return r;
}

int broker_store_turns (struct broker_store *store, uint64_t rollout, uint64_t after, broker_turn_each *each,
                        void *context, struct base_error *error)
{
    base_cleanup (store_end) sqlite3_stmt *statement = NULL;
    int r = store_query (store, &statement, error,
                         "SELECT serial, turn FROM turns WHERE rollout = ?1 AND serial > ?2 ORDER BY serial",
                         "uu", rollout, after);

    if (r != 0)
        return r;
    while ((r = store_row (store, statement, error)) == 1) {
        base_cleanup (wire_turn_deinit) struct wire_turn turn = {.serial = 0};
        r = store_record (statement, 1, &wire_turn_record, &turn, error);
        if (r != 0)
            break;
        turn.serial = store_number (statement, 0);
        r = each (context, &turn);
        if (r != 0)
            break;
    }
    return r;
}

/*  orders that were given */

int broker_store_given_put (struct broker_store *store, const struct broker_given *given,
                            struct base_error *error)
{
    int r =
        store_do (store, error,
                  "INSERT OR REPLACE INTO given (node, application, epoch, verb, update_id, rollout,"
                  " wave, place, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                  "ttutttutt", given->node, given->application, given->epoch, wire_verb_word (given->verb),
                  given->transaction, given->rollout, given->wave, given->place, given->time);

    if (r == 0)
        r = store_do (store, error,
                      "DELETE FROM given WHERE node = ?1 AND application = ?2 AND epoch <= (SELECT epoch"
                      " FROM given WHERE node = ?1 AND application = ?2 ORDER BY epoch DESC LIMIT 1"
                      " OFFSET ?3)",
                      "ttu", given->node, given->application, (uint64_t) BROKER_GIVEN_MOST);
    return r;
}
