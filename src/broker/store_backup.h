/*  broker/store_backup.h - copies of the records, and records made from one

    Both work on files by themselves, not on a store that is open: a copy is made on a thread beside the loop. */

#ifndef BROKER_STORE_BACKUP_H
#define BROKER_STORE_BACKUP_H

#include "broker/store.h"

/*  Copies the database `from`, which may be in use, as it stands at one moment, to a new file. ret_turns,
    ret_head: of the copy, as broker_store_fleet_head. */
int broker_store_copy (const char *from, const char *to, uint64_t *ret_turns, struct base_digest *ret_head,
                       struct base_error *error);

struct broker_restored {
    uint64_t nodes, releases, paused; /* rollouts that were under way */
    char time[40];                    /* when the copy was made; empty: it does not say */
};

/*  Makes a copy fit to go on from: checks it, brings its layout up to date, pauses rollouts that were under
    way, and takes revisions that nobody has been told. Everything is in the one file when it returns. */
int broker_store_restore (const char *path, struct broker_restored *ret_restored, struct base_error *error);

/*  Where the database of a store lies. */
const char *broker_store_path (const struct broker_store *store);

#endif
