/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/commit.h - group commit: the reports of one round of the loop are written in one transaction

    A sync for 256 reports takes as long as a sync for one, and a fleet that reconnects sends thousands of
    reports at once. Each item is answered, and published as an event, after it is on disk. If one item cannot
    be written, the others are; if SQLite rolls back the whole transaction, all its items fail.

    Any other code that writes records, or shows them to a person, must call broker_commit_flush first. */

#ifndef BROKER_COMMIT_H
#define BROKER_COMMIT_H

#include "broker/state.h"

enum { BROKER_COMMIT_MOST = 256 /* items in one transaction */ };

/*  Operations of one kind of item. */
struct broker_write_ops {
    /*  Writes the item, within the transaction. Returns 0 or -errno. */
    int (*store) (struct broker *broker, void *item, struct base_error *error);
    /*  Called after the transaction. kept: the item is on disk; else it was not written. Frees the item. */
    void (*ended) (struct broker *broker, void *item, bool kept);
};

struct broker_write {
    const struct broker_write_ops *ops;
    void *item;
};

/*  Writes an item into the open transaction, and opens one if needed. Returns 0: `ended` is called later;
    or -errno: nothing of the item was written, and the item stays the caller's. */
int broker_commit_add (struct broker *broker, const struct broker_write_ops *ops, void *item,
                       struct base_error *error);

/*  Returns whether the open transaction has an item of this kind for which is_it returns true. */
bool broker_commit_has (const struct broker *broker, const struct broker_write_ops *ops,
                        bool (*is_it) (const void *item, const void *what), const void *what);

/*  Commits the open transaction, if there is one, and calls `ended` for each item. */
void broker_commit_flush (struct broker *broker);

/*  Logs an error of the records. Returns the code in error. */
int broker_storage_failed (struct broker *broker, const struct base_error *error);

void broker_commit_deinit (struct broker *broker);

#endif
