/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/hashes.h - "hashes" of a file: SHA-256, SHA-512 or both

    Others are skipped, but a file that has only others cannot be checked, and is refused when it is. */

#ifndef TRUST_HASHES_H
#define TRUST_HASHES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/digest.h"
#include "base/error.h"

enum { TRUST_SHA512_BYTES = 64 };

struct trust_hashes {
    bool present; /* the file has "hashes" */
    bool has_sha256, has_sha512;
    struct base_digest sha256;
    uint8_t sha512[TRUST_SHA512_BYTES];
};

/*  json NULL: no hashes. Returns 0 or TRUST_E_FORMAT. */
int trust_hashes_read (const json_t *json, struct trust_hashes *ret_hashes, struct base_error *error);

/*  Of these bytes. */
void trust_hashes_of (const void *data, size_t size, struct trust_hashes *ret_hashes);

/*  Compares every hash that is known here. Returns 0 (also without "hashes") or TRUST_E_HASH. */
int trust_hashes_check (const struct trust_hashes *hashes, const void *data, size_t size, const char *what,
                        struct base_error *error);

#endif
