/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/store_backup.h - copies of the records, and records made from a copy

    Most of these calls work on files, not on an open store: a copy is made on a thread beside the loop. */

#ifndef BROKER_STORE_BACKUP_H
#define BROKER_STORE_BACKUP_H

#include "broker/store.h"

/*  Copies the database `from`, which may be in use, to a new file, as of one moment, and reads the copy
    back. Fails if the records are damaged. ret_turns, ret_head: of the copy, as broker_store_fleet_head. */
int broker_store_copy (const char *from, const char *to, uint64_t *ret_turns, struct base_digest *ret_head,
                       struct base_error *error);

struct broker_restored {
    uint64_t nodes, releases, paused; /* paused: rollouts that were under way */
    uint64_t adopted;                 /* releases that only a release document knew */
    char time[40];                    /* when the copy was made; empty: not known */
};

/*  Checks that a file is a sound database of a broker. Opening a store would create one in an empty file or
    an empty database. */
int broker_store_check (const char *path, struct broker_restored *ret_restored, struct base_error *error);

/*  Makes records usable that are new, or not the latest: migrates their layout, adds the releases whose
    documents are below root, pauses rollouts that were under way, and skips revisions that clients may have
    seen. Afterwards everything is in the one file. */
int broker_store_renew (const char *path, int root, struct broker_restored *ret_restored,
                        struct base_error *error);

/*  Copies the records of an open store, even if its file has lost its name, to a new file in the same
    directory: PATH.rescued-TIME, which is written to ret_path. */
int broker_store_rescue (struct broker_store *store, char ret_path[512], struct base_error *error);

/*  Returns the path of the database of a store. */
const char *broker_store_path (const struct broker_store *store);

#endif
