/*  broker/store_backup.h - copies of the records, and records made from one

    Both work on files by themselves, not on a store that is open: a copy is made on a thread beside the loop. */

#ifndef BROKER_STORE_BACKUP_H
#define BROKER_STORE_BACKUP_H

#include "broker/store.h"

/*  Copies the database `from`, which may be in use, as it stands at one moment, to a new file, and reads that back: records that
    are damaged give no copy. ret_turns, ret_head: of the copy, as broker_store_fleet_head. */
int broker_store_copy (const char *from, const char *to, uint64_t *ret_turns, struct base_digest *ret_head,
                       struct base_error *error);

struct broker_restored {
    uint64_t nodes, releases, paused; /* rollouts that were under way */
    uint64_t adopted;                 /* releases of which only a document beside the blobs knew */
    char time[40];                    /* when the copy was made; empty: it does not say */
};

/*  Whether a file is a sound database of a broker. Opening a store would make one of anything empty. */
int broker_store_check (const char *path, struct broker_restored *ret_restored, struct base_error *error);

/*  Makes records fit to go on from that are not the last that there were, or new ones: brings their layout up
    to date, takes the releases whose documents lie below root, pauses rollouts that were under way, and takes
    revisions that nobody has been told. Everything is in the one file when it returns. */
int broker_store_renew (const char *path, int root, struct broker_restored *ret_restored,
                        struct base_error *error);

/*  Makes a copy of records that are open, wherever their file is, under another name in the same directory:
    PATH.rescued-TIME, which is put into ret_path. */
int broker_store_rescue (struct broker_store *store, char ret_path[512], struct base_error *error);

/*  Where the database of a store lies. */
const char *broker_store_path (const struct broker_store *store);

#endif
