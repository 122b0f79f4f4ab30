/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/round.c - group commit: the reports of one round of the loop are written in one transaction */

#include "broker/round.h"

#include <errno.h>

#include "base/assert.h"

int broker_storage_failed (struct broker *broker, const struct base_error *error)
{
    base_assert (broker && error);
    base_log_limited (&broker->log, BASE_LOG_ERROR, "%s", error->text[0] ? error->text : "out of memory");
    return error->code;
}

/*  Asserts what always holds between two calls. */
static void round_check (const struct broker_round *round)
{
    base_assert (round->count <= BROKER_ROUND_MOST);
    base_assert (round->open || round->count == 0);
    for (size_t i = 0; i < round->count; i++)
        base_assert (round->open[i].ops && round->open[i].item);
}

/*  The transaction has ended: calls `ended` for each item. */
static void round_close (struct broker *broker, bool kept)
{
    struct broker_round *round = &broker->round;
    struct broker_write *open = round->open;
    size_t count = round->count;

    bus_timer_cancel (broker->loop, round->timer);
    *round = (struct broker_round){.open = NULL}; /* because `ended` may open the next one */
    for (size_t i = 0; i < count; i++)
        open[i].ops->ended (broker, open[i].item, kept);
    if (round->open)
        free (open);
    else
        round->open = open;
}

void broker_round_settle (struct broker *broker)
{
    base_assert (broker);
    struct base_error error = {.code = 0};
    int r;

    if (broker->round.count == 0)
        return;
    r = records_commit (broker->records, &error);
    if (r < 0)
        (void) broker_storage_failed (broker, &error);
    round_close (broker, r == 0);
}

static void on_round (void *context)
{
    struct broker *broker = context;

    broker->round.timer = 0;
    broker_round_settle (broker);
}

void broker_round_deinit (struct broker *broker)
{
    base_assert (broker);
    if (broker->round.open)
        broker_round_settle (broker);
    free (broker->round.open);
    broker->round = (struct broker_round){.open = NULL};
}

/*  Returns 0, or -errno: nothing of the item was written. */
static int item_write (struct broker *broker, const struct broker_write_ops *ops, void *item,
                       struct base_error *error)
{
    int ended, r = records_savepoint (broker->records, error);

    if (r == 0)
        r = ops->store (broker, item, error);
    ended = r == 0 ? records_savepoint_keep (broker->records) : records_savepoint_undo (broker->records);
    if (ended == 0)
        return r;
    /* SQLite has rolled back the transaction. */
    records_rollback (broker->records);
    round_close (broker, false);
    return r < 0 ? r : -EIO;
}

int broker_round_add (struct broker *broker, const struct broker_write_ops *ops, void *item,
                      struct base_error *error)
{
    base_assert (broker && ops && ops->store && ops->ended && item);
    struct broker_round *round = &broker->round;
    int r;

    if (round->count == BROKER_ROUND_MOST)
        broker_round_settle (broker);
    if (!round->open && !(round->open = calloc (BROKER_ROUND_MOST, sizeof *round->open)))
        return base_error_errno (error, -ENOMEM, "cannot process the reports of a node");
    if (round->count == 0) {
        r = records_begin (broker->records, error);
        if (r < 0)
            return r;
    }
    r = item_write (broker, ops, item, error);
    if (r < 0) {
        if (round->count == 0)
            records_rollback (broker->records);
        return r;
    }
    base_assert (round->open && round->count < BROKER_ROUND_MOST);
    round->open[round->count] = (struct broker_write){.ops = ops, .item = item};
    if (round->count++ == 0)
        round->timer = bus_timer_start (broker->loop, 0, on_round, broker);
    round_check (round);
    if (round->timer < 0) { /* no memory for a timer */
        round->timer = 0;
        broker_round_settle (broker);
    }
    return 0;
}

bool broker_round_has (const struct broker *broker, const struct broker_write_ops *ops,
                       bool (*is_it) (const void *item, const void *what), const void *what)
{
    base_assert (broker && ops && is_it);
    const struct broker_round *round = &broker->round;

    for (size_t i = 0; i < round->count; i++)
        if (round->open[i].ops == ops && is_it (round->open[i].item, what))
            return true;
    return false;
}
