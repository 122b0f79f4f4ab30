/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/keeping.h - opens the records of a root, and sets them aside

    A broker does not start with records that are missing, damaged, or not the latest of this root, because it
    would know fewer nodes and treat blobs as unused. The error says what to do. */

#ifndef BROKER_KEEPING_H
#define BROKER_KEEPING_H

#include "broker/mark.h"

#define BROKER_RECORDS "broker.db"
#define BROKER_MARK "records.mark"

/*  path: of the root, for texts and SQLite; root: its descriptor. anew: the operator says that the root has
    no records yet. The caller owns *ret_records and *ret_mark, and frees them in this order. Returns 0,
    -errno, BROKER_E_NO_RECORDS or BROKER_E_OLDER. */
int broker_keeping_open (const char *path, int root, bool anew, struct records **ret_records,
                         struct broker_mark **ret_mark, struct base_error *error);

/*  *ret_empty: the file of the records is missing, empty, or has no table. Returns 0 or -errno. */
int broker_keeping_is_empty (const char *path, int root, bool *ret_empty, struct base_error *error);

/*  Renames the records and the files that SQLite keeps beside them: their names get the time. Returns 0 or
    -errno. */
int broker_keeping_set_aside (int root, struct base_error *error);

/*  Accepts the records in the root as the latest: rewrites the mark. Returns 0 or -errno. */
int broker_keeping_settle (const char *path, int root, struct base_error *error);

#endif
