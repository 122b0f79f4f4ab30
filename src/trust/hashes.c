/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/hashes.c - "hashes" of a file */

#include "trust/hashes.h"

#include <sodium/crypto_hash_sha512.h>

#include "base/assert.h"
#include "trust/errors.h"
#include "trust/hex.h"

_Static_assert(TRUST_SHA512_BYTES == crypto_hash_sha512_BYTES, "one length");

int trust_hashes_read (const json_t *json, struct trust_hashes *ret_hashes, struct base_error *error)
{
    base_assert (ret_hashes);
    struct trust_hashes hashes = {.present = json != NULL};
    size_t size = 0;
    if (json && (!json_is_object (json) || json_object_size (json) == 0))
        return base_error_set (error, TRUST_E_FORMAT, "hashes is no object, or an empty one");
    const json_t *sha256 = json_object_get (json, "sha256"), *sha512 = json_object_get (json, "sha512");
    if (sha256) {
        if (!json_is_string (sha256) || base_digest_parse (json_string_value (sha256), &hashes.sha256))
            return base_error_set (error, TRUST_E_FORMAT, "a sha256 is not 64 hexadecimal characters");
        hashes.has_sha256 = true;
    }
    if (sha512) {
        if (!json_is_string (sha512) ||
            trust_hex_decode (json_string_value (sha512), sizeof hashes.sha512, hashes.sha512, &size) ||
            size != sizeof hashes.sha512)
            return base_error_set (error, TRUST_E_FORMAT, "a sha512 is not 128 hexadecimal characters");
        hashes.has_sha512 = true;
    }
    *ret_hashes = hashes;
    return 0;
}

void trust_hashes_of (const void *data, size_t size, struct trust_hashes *ret_hashes)
{
    base_assert ((data || size == 0) && ret_hashes);
    *ret_hashes = (struct trust_hashes){.present = true, .has_sha256 = true, .has_sha512 = true};
    ret_hashes->sha256 = base_digest_of (data, size);
    (void) crypto_hash_sha512 (ret_hashes->sha512, data, size);
}

int trust_hashes_check (const struct trust_hashes *hashes, const void *data, size_t size, const char *what,
                        struct base_error *error)
{
    base_assert (hashes && what);
    struct trust_hashes found;
    if (!hashes->present)
        return 0;
    if (!hashes->has_sha256 && !hashes->has_sha512)
        return base_error_set (error, TRUST_E_HASH,
                               "%s has only hashes that are not known here (neither "
                               "sha256 nor sha512)",
                               what);
    trust_hashes_of (data, size, &found);
    if ((hashes->has_sha256 && !base_digest_equal (&hashes->sha256, &found.sha256)) ||
        (hashes->has_sha512 && memcmp (hashes->sha512, found.sha512, sizeof found.sha512) != 0))
        return base_error_set (error, TRUST_E_HASH, "%s has another hash than its metadata says", what);
    return 0;
}
