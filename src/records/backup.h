/* SPDX-License-Identifier: MPL-2.0 */
/*  records/backup.h - copies of the records, and records made from a copy

    Most of these calls work on files, not on open records: a copy is made on a thread beside the loop. */

#ifndef RECORDS_BACKUP_H
#define RECORDS_BACKUP_H

#include "records/records.h"

/*  Copies the database `from`, which may be in use, to a new file, as of one moment, and reads the copy
    back. Fails if the records are damaged. ret_merges, ret_head: of the copy, as records_fleet_head. */
int records_copy (const char *from, const char *to, uint64_t *ret_merges, struct base_digest *ret_head,
                  struct base_error *error);

struct records_restored {
    uint64_t nodes, releases, paused; /* paused: rollouts that were under way */
    uint64_t adopted;                 /* releases that only a release document knew */
    char time[40];                    /* when the copy was made; empty: not known */
};

/*  Checks that a file is a sound database of a broker. records_open would create one in an empty file or
    an empty database. */
int records_check (const char *path, struct records_restored *ret_restored, struct base_error *error);

/*  Adds what is known outside of the records: the releases whose documents are stored beside the blobs.
    *ret_adopted: how many releases the records did not have. */
struct records_filling {
    int (*fill) (void *context, struct records *records, uint64_t *ret_adopted, struct base_error *error);
    void *context;
};

/*  Makes new or restored records usable: migrates their layout, fills them (filling may be NULL), pauses
    rollouts that were under way, and skips revisions that clients may have seen. Afterwards everything is in
    the one file. */
int records_renew (const char *path, const struct records_filling *filling,
                   struct records_restored *ret_restored, struct base_error *error);

/*  Copies open records, even if their file has lost its name, to a new file in the same
    directory: PATH.rescued-TIME, which is written to ret_path. */
int records_rescue (struct records *records, char ret_path[512], struct base_error *error);

/*  Returns whether a database, which is not an empty file, has any table. If it cannot be read, it counts as
    having some. Changes nothing. */
bool records_file_has_tables (const char *path);

/*  Returns the path of the database. */
const char *records_path (const struct records *records);

#endif
