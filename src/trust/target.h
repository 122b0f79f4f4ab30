/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/target.h - a target: what metadata says about a file */

#ifndef TRUST_TARGET_H
#define TRUST_TARGET_H

#include "base/buffer.h"
#include "trust/hashes.h"

enum { TRUST_PATH_MOST = 1024 /* bytes of a target's path */ };

#define TRUST_TARGET_MOST (UINT64_C (1) << 48) /* bytes of a target */

struct trust_target {
    char *path; /* a name, never used as a path on this host */
    uint64_t length;
    struct trust_hashes hashes;
    json_t *custom; /* NULL: absent; owned */
};

void trust_target_deinit (struct trust_target *target);

/*  Copies; json values are shared. Returns 0 or -ENOMEM. */
int trust_target_copy (const struct trust_target *target, struct trust_target *ret_copy);

/*  Returns 0, -ENOMEM, TRUST_E_FORMAT or TRUST_E_TOO_LARGE. */
int trust_target_read (const char *path, const json_t *json, struct trust_target *ret_target,
                       struct base_error *error);

/*  Compares length and hashes. Returns 0, TRUST_E_LENGTH or TRUST_E_HASH. */
int trust_target_check (const struct trust_target *target, const void *data, size_t size,
                        struct base_error *error);

/*  Appends the path below the repository's targets: with consistent snapshots HASH.NAME in the directory of the path.
    Not quoted. Returns 0, -ENOMEM or TRUST_E_HASH (no known hash). */
int trust_target_location (const struct trust_target *target, bool consistent, struct base_buffer *buffer);

#endif
