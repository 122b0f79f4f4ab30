/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/log.h - the transparency log of published releases, as metadata knows it

    Each published release is one entry, in the order of publication. The head (size and root) stands in the signed
    timestamp:

        "log": {"root": "64 hexadecimal digits", "size": 12}

    A timestamp without it has the empty log. Two heads that no proof connects show that somebody was shown another
    history. */

#ifndef TRUST_LOG_H
#define TRUST_LOG_H

#include "trust/merkle.h"
#include "trust/target.h"

struct trust_log_head {
    uint64_t size; /* at most TRUST_MERKLE_MOST */
    struct base_digest root;
};

struct trust_log_head trust_log_head_of (const struct trust_merkle *merkle);
bool trust_log_head_equal (const struct trust_log_head *a, const struct trust_log_head *b);

/*  The object; the caller owns it. NULL if out of memory. */
json_t *trust_log_head_json (const struct trust_log_head *head);

/*  From "signed" of a timestamp. Returns 0 or TRUST_E_FORMAT. */
int trust_log_head_read (const json_t *timestamp, struct trust_log_head *ret_head, struct base_error *error);

/*  The entry of a release: the canonical form of {"custom", "length", "path", "sha256"} of its target. Its leaf:
    trust_merkle_leaf. Returns 0, -ENOMEM or TRUST_E_FORMAT (trust_release_of_target refuses the target). */
int trust_log_entry (const struct trust_target *target, struct base_buffer *buffer, struct base_error *error);

#endif
