/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/mark.h - detects records that are not the latest, by a file beside them

    If the write-ahead log is removed or truncated, acknowledged transactions are lost, and what is left is
    a sound database. So every transaction increases a counter in the records (records_mark_follow), and
    after its commit the counter is written to a file beside them: the file is never ahead of the records.
    The file is made durable before an order is acknowledged to an operator. The file is a warning, not a
    record: if it is missing or damaged, it is created again. */

#ifndef BROKER_MARK_FILE_H
#define BROKER_MARK_FILE_H

#include "records/records.h"

struct broker_mark;

/*  Opens the file `name` of the directory; creates it if it is missing. Records with a lower count than the
    file, or of another identity, are refused with BROKER_E_OLDER; or the file is replaced. From then on the file follows the records: free it after them. The caller owns *ret_mark. */
enum broker_mark_mode { BROKER_MARK_CHECK, BROKER_MARK_REPLACE };
int broker_mark_open (struct records *records, int directory, const char *name, enum broker_mark_mode mode,
                      struct broker_mark **ret_mark, struct base_error *error);

/*  Accepts NULL. Returns NULL. */
struct broker_mark *broker_mark_free (struct broker_mark *mark);

/*  Makes the file durable; to be called before an order is acknowledged. A failure is ignored: the mark is
    only a warning. */
void broker_mark_sync (struct broker_mark *mark);

#endif
