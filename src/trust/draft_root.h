/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/draft_root.h - root metadata in the making

    A new root follows the last one by exactly one, and is signed by a threshold of the keys of both: those that it
    removes sign it a last time. Changes may pass through states in which a threshold cannot be reached;
    trust_draft_check judges the result.

    Returned: 0, -ENOMEM, or a code of errors.h. */

#ifndef TRUST_DRAFT_ROOT_H
#define TRUST_DRAFT_ROOT_H

#include "trust/draft.h"

/*  The keys of a role at its beginning: public keys as TUF objects. */
struct trust_draft_keys {
    json_t *const *keys; /* copied */
    size_t count;
    uint64_t threshold;
};

/*  Version 1, with consistent snapshots. keys by enum trust_kind. */
int trust_draft_root_new (const struct trust_draft_keys keys[TRUST_KINDS], uint64_t expires,
                          struct trust_draft *ret_draft, struct base_error *error);

/*  The root after last, with the same keys. */
int trust_draft_root_next (const struct trust_draft *last, uint64_t expires, struct trust_draft *ret_draft,
                           struct base_error *error);

int trust_draft_root_add_key (struct trust_draft *root, enum trust_kind role, const json_t *key,
                              struct base_error *error);
int trust_draft_root_remove_key (struct trust_draft *root, enum trust_kind role,
                                 const struct base_digest *keyid, struct base_error *error);
int trust_draft_root_set_threshold (struct trust_draft *root, enum trust_kind role, uint64_t threshold,
                                    struct base_error *error);

/*  Replaces all keys of timestamp and of snapshot. Nodes that see it drop what they stored of both, which undoes a
    fast-forward by whoever had the old keys. TRUST_E_KEY for a key that one of the two roles had. */
int trust_draft_root_rotate_online (struct trust_draft *root, const struct trust_draft_keys *timestamp,
                                    const struct trust_draft_keys *snapshot, struct base_error *error);

/*  What is left to sign: by the keys of the last root (NULL: it is the first, ret_last is complete), and by its own. */
int trust_draft_root_missing (const struct trust_draft *root, const struct trust_draft *last,
                              struct trust_missing *ret_last, struct trust_missing *ret_own,
                              struct base_error *error);

#endif
