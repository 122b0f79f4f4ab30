/* SPDX-License-Identifier: MPL-2.0 */
/*  records/renew.c - makes new or restored records usable */

#include "records/driver.h"

#include <errno.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "wire/text.h"

struct renewal {
    struct records *records;
    struct records_restored *restored;
    uint64_t copied_ms;
    struct base_error *error;
    struct records_rollout *rows; /* those that were under way; owned */
};

static void renewal_deinit (struct renewal *renewal)
{
    base_assert (renewal->rows || renewal->restored->paused == 0);
    for (size_t i = 0; i < renewal->restored->paused; i++)
        records_rollout_deinit (&renewal->rows[i]);
    free (renewal->rows);
}

static int rollout_collect (void *context, const struct records_rollout *row)
{
    struct renewal *renewal = context;
    struct records_rollout *rows;

    if (row->state.paused ||
        (row->state.phase != WIRE_PHASE_APPROVAL && row->state.phase != WIRE_PHASE_UPDATING &&
         row->state.phase != WIRE_PHASE_SOAKING && row->state.phase != WIRE_PHASE_QUEUED))
        return 0;
    rows = reallocarray (renewal->rows, renewal->restored->paused + 1, sizeof *rows);
    if (!rows)
        return -ENOMEM;
    renewal->rows = rows;
    rows[renewal->restored->paused] = *row;
    if (wire_copy (&wire_rollout_state_record, &row->state, &rows[renewal->restored->paused].state) != 0)
        return -ENOMEM;
    renewal->restored->paused++;
    return 0;
}

/*  It is not known what happened between the copy and now: nothing new is started until an operator has
    looked. That time does not count against waves and nodes. */
static int rollout_pause (struct renewal *renewal, struct records_rollout *row, uint64_t watched_ms)
{
    base_assert (renewal->records && !row->state.paused);
    char now[BASE_TIME_TEXT], reason[200];
    struct wire_transition transition = {.rollout = row->state.id,
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
                     renewal->restored->time[0] ? " from a copy of " : "", renewal->restored->time);
    row->state.paused = true;
    wire_text_give (&row->state.reason, strdup (reason));
    if (row->stop_ms == 0)
        row->stop_ms = watched_ms;
    r = records_revision_next (renewal->records, &row->state.revision, renewal->error);
    if (r < 0)
        return r;
    r = records_rollout_put (renewal->records, row, renewal->error);
    if (r < 0)
        return r;
    return records_transition_add (renewal->records, row->serial, &transition, renewal->error);
}

static int rollouts_pause (struct renewal *renewal)
{
    base_assert (renewal->records && renewal->restored->paused == 0);
    base_assert (!renewal->rows);
    uint64_t watched_ms = 0;
    int r = records_clock_get (renewal->records, &watched_ms, renewal->error);

    if (r < 0)
        return r;
    r = records_rollouts (renewal->records, 0, 0, RECORDS_LIVE, rollout_collect, renewal, renewal->error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < renewal->restored->paused; i++) {
        r = rollout_pause (renewal, &renewal->rows[i], watched_ms);
        if (r < 0)
            return r;
    }
    return records_members_restart (renewal->records, watched_ms, renewal->error);
}

/*  In one transaction. If it fails, closing the records rolls back. */
static int renewal_run (struct renewal *renewal)
{
    base_assert (renewal->records);
    int r = records_begin (renewal->records, renewal->error);

    if (r < 0)
        return r;
    r = records_revisions_skip (renewal->records, renewal->error);
    if (r < 0)
        return r;
    r = records_clock_repair (renewal->records, renewal->error);
    if (r < 0)
        return r;
    r = rollouts_pause (renewal);
    if (r < 0)
        return r;
    return records_commit (renewal->records, renewal->error);
}

static void records_free_p (struct records **records)
{
    records_free (*records);
}

int records_renew (const char *path, const struct records_filling *filling,
                   struct records_restored *ret_restored, struct base_error *error)
{
    base_assert (path && ret_restored);
    base_assert (!filling || filling->fill);
    struct records_restored restored = {.nodes = 0};
    base_cleanup (records_free_p) struct records *records = NULL;
    base_cleanup (renewal_deinit) struct renewal renewal = {.restored = &restored, .error = error};
    int r = records_open (path, &records, error);

    if (r < 0)
        return r;
    renewal.records = records;
    r = records_copied_get (records, &renewal.copied_ms, error);
    if (r < 0)
        return r;
    if (renewal.copied_ms)
        (void) base_time_format (renewal.copied_ms * 1000000, restored.time);
    if (filling) {
        r = filling->fill (filling->context, records, &restored.adopted, error);
        if (r < 0)
            return r;
    }
    r = renewal_run (&renewal);
    if (r < 0)
        return r;
    r = records_counts_get (records, &restored.nodes, &restored.releases, error);
    if (r < 0)
        return r;
    r = records_gather (records, error);
    if (r < 0)
        return r;
    *ret_restored = restored;
    return 0;
}
