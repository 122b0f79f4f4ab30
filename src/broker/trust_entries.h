/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_entries.h - the releases that files of targets and of delegated roles list, as entries of the log

    Entries of one publication are sorted by the version of their file, its role, the release-counter, and the path. So
    the log can be made again from the files, if they were published in the order of their versions. */

#ifndef BROKER_TRUST_ENTRIES_H
#define BROKER_TRUST_ENTRIES_H

#include "broker/trust_log.h"
#include "trust/custom.h"

struct broker_trust_entry {
    char role[TRUST_NAME_TEXT];
    uint64_t version; /* of the file */
    struct trust_custom custom;
    uint64_t length; /* of the release document */
    char path[TRUST_RELEASE_PATH_TEXT];
    struct base_digest release, leaf;
};

/*  Null value: all zero. */
struct broker_trust_entries {
    struct broker_trust_entry *all;
    size_t count;
};

void broker_trust_entries_deinit (struct broker_trust_entries *entries);

/*  Adds the entries of a file that log does not have, and that are not there yet. Returns 0, -errno or a code of
    trust/errors.h. */
int broker_trust_entries_add (struct broker_trust_entries *entries, const struct broker_trust_log *log,
                              const char *role, const void *data, size_t size, struct base_error *error);

void broker_trust_entries_sort (struct broker_trust_entries *entries);

/*  The log and the entries, which are sorted. */
int broker_trust_entries_extend (const struct broker_trust_entries *entries,
                                 const struct broker_trust_log *log, struct broker_trust_log *ret_log,
                                 struct base_error *error);

/*  Makes the log again from all files in ROOT/trust. Returns 0, -errno, or BROKER_E_REFUSED: the log that is published
    (head; NULL: not known) does not come out of them. */
int broker_trust_entries_replay (const struct broker_trust_files *files, const struct trust_log_head *head,
                                 struct broker_trust_log *ret_log, struct base_error *error);

#endif
