/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/commit.c - group commit: the reports of one round of the loop are written in one transaction */

#include "broker/commit.h"

#include <errno.h>

#include "base/assert.h"

int broker_storage_failed (struct broker *broker, const struct base_error *error)
{
    base_assert (broker && error);
    base_log_limited (&broker->log, BASE_LOG_ERROR, "%s", error->text[0] ? error->text : "out of memory");
    return error->code;
}

/*  Asserts what always holds between two calls. */
static void commit_check (const struct broker_commit *commit)
{
    base_assert (commit->count <= BROKER_COMMIT_MOST);
    base_assert (commit->open || commit->count == 0);
    for (size_t i = 0; i < commit->count; i++)
        base_assert (commit->open[i].ops && commit->open[i].item);
}

/*  The transaction has ended: calls `ended` for each item. */
static void commit_close (struct broker *broker, bool kept)
{
    struct broker_commit *commit = &broker->commit;
    struct broker_write *open = commit->open;
    size_t count = commit->count;

    bus_timer_cancel (broker->loop, commit->timer);
    *commit = (struct broker_commit){.open = NULL}; /* because `ended` may open the next one */
    for (size_t i = 0; i < count; i++) {
        base_assert (open[i].ops);
        open[i].ops->ended (broker, open[i].item, kept);
    }
    if (commit->open)
        free (open);
    else
        commit->open = open;
}

void broker_commit_flush (struct broker *broker)
{
    base_assert (broker);
    struct base_error error = {.code = 0};
    int r;

    if (broker->commit.count == 0)
        return;
    r = records_commit (broker->records, &error);
    if (r < 0)
        (void) broker_storage_failed (broker, &error);
    commit_close (broker, r == 0);
}

static void on_loop_end (void *context)
{
    struct broker *broker = context;

    broker->commit.timer = 0;
    broker_commit_flush (broker);
}

void broker_commit_deinit (struct broker *broker)
{
    base_assert (broker);
    if (broker->commit.open)
        broker_commit_flush (broker);
    free (broker->commit.open);
    broker->commit = (struct broker_commit){.open = NULL};
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
    commit_close (broker, false);
    return r < 0 ? r : -EIO;
}

int broker_commit_add (struct broker *broker, const struct broker_write_ops *ops, void *item,
                       struct base_error *error)
{
    base_assert (broker && ops && ops->store && ops->ended && item);
    struct broker_commit *commit = &broker->commit;
    int r;

    if (commit->count == BROKER_COMMIT_MOST)
        broker_commit_flush (broker);
    if (!commit->open && !(commit->open = calloc (BROKER_COMMIT_MOST, sizeof *commit->open)))
        return base_error_errno (error, -ENOMEM, "cannot process the reports of a node");
    if (commit->count == 0) {
        r = records_begin (broker->records, error);
        if (r < 0)
            return r;
    }
    r = item_write (broker, ops, item, error);
    if (r < 0) {
        if (commit->count == 0)
            records_rollback (broker->records);
        return r;
    }
    base_assert (commit->open && commit->count < BROKER_COMMIT_MOST);
    commit->open[commit->count] = (struct broker_write){.ops = ops, .item = item};
    if (commit->count++ == 0)
        commit->timer = bus_timer_start (broker->loop, 0, on_loop_end, broker);
    commit_check (commit);
    if (commit->timer < 0) { /* no memory for a timer */
        commit->timer = 0;
        broker_commit_flush (broker);
    }
    return 0;
}

bool broker_commit_has (const struct broker *broker, const struct broker_write_ops *ops,
                        bool (*is_it) (const void *item, const void *what), const void *what)
{
    base_assert (broker && ops && is_it);
    const struct broker_commit *commit = &broker->commit;

    for (size_t i = 0; i < commit->count; i++)
        if (commit->open[i].ops == ops && is_it (commit->open[i].item, what))
            return true;
    return false;
}
