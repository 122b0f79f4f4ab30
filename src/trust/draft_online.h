/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/draft_online.h - snapshot and timestamp in the making

    Made anew whenever a file below them changes, or before they expire. Their versions are the clock, or one more than
    the last: see trust_version_next.

    Returned: 0, -ENOMEM, or a code of errors.h. */

#ifndef TRUST_DRAFT_ONLINE_H
#define TRUST_DRAFT_ONLINE_H

#include "trust/draft.h"
#include "trust/log.h"

/*  A metadata file as it is served. */
struct trust_draft_file {
    const char *role; /* "targets", or the name of a delegated role */
    const void *data;
    size_t size;
};

/*  The snapshot after last (NULL: the first): the files given are those of now, all others stay as last has them, also
    roles that are gone, because a client refuses a snapshot that has lost one. TRUST_E_VERSION: a file is older than
    last has it, or another file of the same version. */
int trust_draft_snapshot_next (const struct trust_draft *last, const struct trust_draft_file *files,
                               size_t n_files, uint64_t now, uint64_t expires, struct trust_draft *ret_draft,
                               struct base_error *error);

/*  The timestamp after last (NULL: the first) of a signed snapshot. log: the head of the log; NULL: that of last.
    TRUST_E_PROOF: the log became shorter, or has another root at the same size. */
int trust_draft_timestamp_next (const struct trust_draft *last, const void *snapshot, size_t size,
                                const struct trust_log_head *log, uint64_t now, uint64_t expires,
                                struct trust_draft *ret_draft, struct base_error *error);

#endif
