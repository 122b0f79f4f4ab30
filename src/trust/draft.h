/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/draft.h - a metadata file that is made, changed and signed

    A draft is begun (draft_root.h, draft_targets.h, draft_online.h), changed, and then signed, by one key after another
    and on different hosts: written, carried, read and signed again. A change removes the signatures. Fields that this
    version does not know are kept. A change that fails may be half done: begin again from the last file.

    Nothing here decides what is trusted; a draft proves nothing about its signatures. What must still be signed is
    asked with trust_draft_missing.

    Returned, unless stated otherwise: 0, -ENOMEM, or a code of errors.h. */

#ifndef TRUST_DRAFT_H
#define TRUST_DRAFT_H

#include "trust/metadata.h"
#include "trust/secret.h"

#define TRUST_SPEC_VERSION "1.0.34"

/*  Null value: all zero. */
struct trust_draft {
    enum trust_kind kind;
    json_t *json; /* {"signatures", "signed"}; owned */
};

void trust_draft_deinit (struct trust_draft *draft);

/*  A file that somebody made, perhaps with signatures. It has the form of its kind. */
int trust_draft_read (const void *data, size_t size, struct trust_draft *ret_draft, struct base_error *error);

/*  Appends the file: JSON, names in order, without white space. */
int trust_draft_write (const struct trust_draft *draft, struct base_buffer *buffer, struct base_error *error);

/*  "signed"; borrowed. */
json_t *trust_draft_content (const struct trust_draft *draft);
uint64_t trust_draft_version (const struct trust_draft *draft);

/*  Whether the file could be signed now: it has the form of its kind, the thresholds that it sets can be reached, and it
    expires after now (seconds). */
int trust_draft_check (const struct trust_draft *draft, uint64_t now, struct base_error *error);

/*  Appends the bytes that a key signs. */
int trust_draft_canonical (const struct trust_draft *draft, struct base_buffer *buffer,
                           struct base_error *error);

/*  Adds a signature; one by the same keyid is replaced. The second form is for keys that this process does not have:
    TRUST_E_KEY if it is not a signature of that key. */
int trust_draft_sign (struct trust_draft *draft, const struct trust_secret *secret, struct base_error *error);
int trust_draft_add (struct trust_draft *draft, const struct trust_key *key, const void *signature,
                     size_t size, struct base_error *error);

/*  What is left to sign for a role. Null value: all zero. */
struct trust_missing {
    uint64_t threshold;
    uint64_t have;              /* different keys of the role that signed */
    struct base_digest *keyids; /* of the role, not yet signed, one for each key; any of them may sign next */
    size_t n_keyids;
};

void trust_missing_deinit (struct trust_missing *missing);

static inline bool trust_missing_is_complete (const struct trust_missing *missing)
{
    return missing->have >= missing->threshold;
}

int trust_draft_missing (const struct trust_draft *draft, const struct trust_keys *keys,
                         const struct trust_role *role, struct trust_missing *ret_missing,
                         struct base_error *error);

/*  The version that follows last (0: none): the clock in seconds, but higher than last. So a repository that was
    restored from a backup is ahead of what its nodes saw. TRUST_E_VERSION: there is no higher version. */
int trust_version_next (uint64_t last, uint64_t now, uint64_t *ret_version, struct base_error *error);

#endif
