/* SPDX-License-Identifier: MPL-2.0 */
/*  records/renew.c - records that are new, or not the latest, are made usable */

#include "records/driver.h"

#include <errno.h>
#include <stdio.h>

#include "base/time.h"
#include "wire/text.h"

struct pausing {
    struct records *records;
    struct records_restored *restored;
    uint64_t copied_ms;
    struct base_error *error;
    struct records_rollout *rows; /* those that were under way */
};

static int rollout_keep (void *context, const struct records_rollout *row)
{
    struct pausing *pausing = context;
    struct records_rollout *rows;

    if (row->state.paused ||
        (row->state.phase != WIRE_PHASE_APPROVAL && row->state.phase != WIRE_PHASE_UPDATING &&
         row->state.phase != WIRE_PHASE_SOAKING && row->state.phase != WIRE_PHASE_QUEUED))
        return 0;
    rows = reallocarray (pausing->rows, pausing->restored->paused + 1, sizeof *rows);
    if (!rows)
        return -ENOMEM;
    pausing->rows = rows;
    rows[pausing->restored->paused] = *row;
    if (wire_copy (&wire_rollout_state_record, &row->state, &rows[pausing->restored->paused].state) != 0)
        return -ENOMEM;
    pausing->restored->paused++;
    return 0;
}

/*  It is not known what happened between the copy and now: nothing new is started until an operator has
    looked. That time does not count against waves and nodes. */
static int row_pause (struct pausing *pausing, struct records_rollout *row, uint64_t watched_ms)
{
    char now[BASE_TIME_TEXT], reason[200];
    struct wire_transition turn = {.rollout = row->state.id,
                                   .time = now,
                                   .phase = row->state.phase,
                                   .wave = row->wave + 1,
                                   .paused = true,
                                   .command = WIRE_COMMAND_PAUSE,
                                   .reason = reason};
    int r;

    (void) base_time_format (base_time_real_ns (), now);
    (void) snprintf (reason, sizeof reason,
                     "the broker's records were restored%s%s: check what the nodes run, then resume",
                     pausing->restored->time[0] ? " from a copy of " : "", pausing->restored->time);
    row->state.paused = true;
    wire_text_give (&row->state.reason, strdup (reason));
    if (row->stop_ms == 0)
        row->stop_ms = watched_ms;
    r = records_revision_next (pausing->records, &row->state.revision, pausing->error);
    if (r == 0)
        r = records_rollout_put (pausing->records, row, pausing->error);
    if (r == 0)
        r = records_turn_add (pausing->records, row->serial, &turn, pausing->error);
    return r;
}

static int rollouts_pause (struct pausing *pausing)
{
    uint64_t watched_ms = 0;
    int r = records_clock_get (pausing->records, &watched_ms, pausing->error);

    if (r == 0)
        r = records_rollouts (pausing->records, 0, 0, RECORDS_LIVE, rollout_keep, pausing, pausing->error);

    for (size_t i = 0; r == 0 && i < pausing->restored->paused; i++)
        r = row_pause (pausing, &pausing->rows[i], watched_ms);
    for (size_t i = 0; i < pausing->restored->paused; i++)
        records_rollout_deinit (&pausing->rows[i]);
    free (pausing->rows);
    if (r == 0)
        r = records_members_restart (pausing->records, watched_ms, pausing->error);
    return r;
}

/*  In one transaction. */
static int all_renew (struct pausing *pausing)
{
    int r = records_begin (pausing->records, pausing->error);

    if (r == 0)
        r = records_revisions_skip (pausing->records, pausing->error);
    if (r == 0)
        r = records_clock_mend (pausing->records, pausing->error);
    if (r == 0)
        r = rollouts_pause (pausing);
    return r == 0 ? records_commit (pausing->records, pausing->error) : r;
}

int records_renew (const char *path, const struct records_filling *filling,
                   struct records_restored *ret_restored, struct base_error *error)
{
    struct records_restored restored = {.nodes = 0};
    struct pausing pausing = {.restored = &restored, .error = error};
    struct records *records = NULL;
    int r = records_open (path, &records, error);

    if (r != 0)
        return r;
    pausing.records = records;
    r = records_copied_get (records, &pausing.copied_ms, error);
    if (r == 0 && pausing.copied_ms)
        (void) base_time_format (pausing.copied_ms * 1000000, restored.time);
    if (r == 0 && filling)
        r = filling->fill (filling->context, records, &restored.adopted, error);
    if (r == 0)
        r = all_renew (&pausing);
    if (r == 0)
        r = records_counts_get (records, &restored.nodes, &restored.releases, error);
    if (r == 0)
        r = records_gather (records, error);
    (void) records_free (records);
    if (r == 0)
        *ret_restored = restored;
    return r;
}
