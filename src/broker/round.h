/*  broker/round.h - what nodes tell in one round of the loop is written in one transaction

    A sync costs as much for one as for all, and a fleet that comes back tells thousands of things at once.
    Each thing is answered, and told as an event, once it is on disk. What cannot be written costs itself
    alone, unless SQLite gives the whole transaction up: then nothing of it is kept.

    Everything else that writes, or shows the records to a person, settles what is open first. */

#ifndef BROKER_ROUND_H
#define BROKER_ROUND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { BROKER_ROUND_MOST = 256 /* in one transaction */ };

struct broker;

/*  A kind of thing that is written. */
struct broker_write_ops {
    /*  Writes the item, within the transaction. */
    int (*store) (struct broker *broker, void *item, struct base_error *error);
    /*  The item is on disk, or it is not and will not be. Frees it. */
    void (*ended) (struct broker *broker, void *item, bool kept);
};

struct broker_write {
    const struct broker_write_ops *ops;
    void *item;
};

struct broker_round {
    struct broker_write *open; /* BROKER_ROUND_MOST of them; NULL until there was one */
    size_t count;
    int timer;
};

/*  Writes an item into the open transaction. Returns 0: ended is called later; or -errno: nothing of it is
    there, and the item is still the caller's. */
int broker_round_add (struct broker *broker, const struct broker_write_ops *ops, void *item,
                      struct base_error *error);

/*  Whether an item of this kind is in the open transaction for which is_it holds. */
bool broker_round_has (const struct broker *broker, const struct broker_write_ops *ops,
                       bool (*is_it) (const void *item, const void *what), const void *what);

/*  Ends the transaction that is open, if one is. */
void broker_round_settle (struct broker *broker);

/*  Logs what the records said. Returns the code in error. */
int broker_storage_failed (struct broker *broker, const struct base_error *error);

void broker_round_deinit (struct broker *broker);

#endif
