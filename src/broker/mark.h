/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/mark.h - detects records that are not the latest, by a file beside them

    A database whose write-ahead log was removed or truncated is sound, but lacks acknowledged transactions.
    So every transaction increases a counter in the records (records_mark_follow), and the counter is written
    to a file beside them after the commit. Records whose counter is lower than the file's are not the latest.
    The file is durable before an order is acknowledged. If it is missing or damaged, it is created again. */

#ifndef BROKER_MARK_FILE_H
#define BROKER_MARK_FILE_H

#include "records/records.h"

struct broker_mark;

enum broker_mark_mode {
    BROKER_MARK_CHECK,  /* refuse records with a lower count than the file's, or of another identity */
    BROKER_MARK_REPLACE /* accept the records as the latest */
};

/*  Opens the file `name` of a directory, which stays the caller's, and creates it if it is missing. Then the
    file follows the records: free the mark after them. The caller owns *ret_mark. Returns 0, -errno, or
    BROKER_E_OLDER. */
int broker_mark_open (struct records *records, int directory, const char *name, enum broker_mark_mode mode,
                      struct broker_mark **ret_mark, struct base_error *error);

/*  Accepts NULL. Returns NULL. */
struct broker_mark *broker_mark_free (struct broker_mark *mark);

/*  Makes the file durable. Call it before an order is acknowledged. A failure is ignored: an old file only
    notices less. */
void broker_mark_sync (struct broker_mark *mark);

#endif
