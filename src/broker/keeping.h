/*  broker/keeping.h - opening the records of a root, and making them anew

    Records that are missing, damaged, or not the last that this root had do not let a broker start: without
    them it would know no node, and hold every blob for unused. The error says what to do. */

#ifndef BROKER_KEEPING_H
#define BROKER_KEEPING_H

#include "broker/store.h"

#define BROKER_RECORDS "broker.db"
#define BROKER_MARK "records.mark"

/*  path: of the root, for texts and SQLite; root: its descriptor. anew: there are none, and that is meant.
    Returns 0, -errno, BROKER_E_NO_RECORDS or BROKER_E_OLDER. */
int broker_keeping_open (const char *path, int root, bool anew, struct broker_store **ret_store,
                         struct base_error *error);

/*  Whether the file of the records is missing, empty, or without any table. */
int broker_keeping_is_empty (const char *path, int root, bool *ret_empty, struct base_error *error);

/*  Gives the records, with what SQLite keeps beside them, a name with the time. */
int broker_keeping_set_aside (int root, struct base_error *error);

/*  The records that now lie in the root are the last: makes the mark fit. */
int broker_keeping_settle (const char *path, int root, struct base_error *error);

#endif
