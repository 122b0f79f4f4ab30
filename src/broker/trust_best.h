/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_best.h - the newest files of targets and of delegated roles that can be trusted, without a snapshot

    For a snapshot that was lost, or whose keys were replaced. */

#ifndef BROKER_TRUST_BEST_H
#define BROKER_TRUST_BEST_H

#include "broker/trust_check.h"

struct broker_trust_best_file;

/*  Null value: all zero. */
struct broker_trust_best {
    struct broker_trust_best_file *all;
    size_t count;
};

void broker_trust_best_deinit (struct broker_trust_best *best);

/*  Finds them in ROOT/trust and in set, whose files come first. Returns 0 or -errno; best is empty if no targets can be
    trusted. */
int broker_trust_best_find (struct broker_trust_best *best, const struct trust_root *root,
                            const struct broker_trust_files *files, const struct broker_trust_set *set,
                            struct base_error *error);

/*  One of them; borrowed. */
const struct broker_trust_file *broker_trust_best_get (const struct broker_trust_best *best, size_t index);

#endif
