/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/key.h - public keys of metadata, and their signatures

    Verification only. Three schemes: ed25519, ecdsa-sha2-nistp256, rsassa-pss-sha256. A key of another scheme, a
    malformed key, and a key whose keyid is not the SHA-256 of its canonical form stay in the list, but no signature by
    them counts: a repository may name keys that only newer clients understand, but must still reach its thresholds.

    `material` is the same for all forms of a key that one secret can sign for, however it is written: other PEM, other
    keyid, other fields. Thresholds count materials. */

#ifndef TRUST_KEY_H
#define TRUST_KEY_H

#include <jansson.h>
#include <stdbool.h>

#include "base/digest.h"
#include "base/error.h"
#include "trust/spki.h"

enum { TRUST_KEYS_MOST = 1024, TRUST_ED25519_BYTES = 32, TRUST_SIGNATURE_MOST = TRUST_RSA_BYTES_MOST };

enum trust_key_kind {
    TRUST_KEY_UNUSABLE, /* reason says why */
    TRUST_KEY_ED25519,
    TRUST_KEY_ECDSA_P256,
    TRUST_KEY_RSA_PSS,
};

struct trust_key {
    struct base_digest keyid;
    json_t *json; /* the key object as received, unknown fields included */
    enum trust_key_kind kind;
    struct base_digest material;
    union {
        uint8_t ed25519[TRUST_ED25519_BYTES];
        struct trust_spki *spki; /* P-256 and RSA; owned */
    };
    char reason[128];
};

/*  A list of keys, sorted by keyid. Null value: all zero. */
struct trust_keys {
    struct trust_key *items;
    size_t count;
};

void trust_key_deinit (struct trust_key *key);
void trust_keys_deinit (struct trust_keys *keys);

/*  The digest that names a key. Returns 0, -ENOMEM or TRUST_E_FORMAT. */
int trust_key_id (const json_t *key, struct base_digest *ret_keyid, struct base_error *error);

/*  Reads one key; unusable keys are no error. Returns 0, -ENOMEM, or TRUST_E_FORMAT if it is no key object at all. */
int trust_key_read (const char *keyid, json_t *json, struct trust_key *ret_key, struct base_error *error);

/*  Reads an object of keyids and keys. Returns 0, -ENOMEM, TRUST_E_FORMAT or TRUST_E_TOO_LARGE. */
int trust_keys_read (const json_t *json, struct trust_keys *ret_keys, struct base_error *error);

/*  The key with this keyid; NULL: there is none. */
const struct trust_key *trust_keys_find (const struct trust_keys *keys, const struct base_digest *keyid);

/*  Whether signature is one of key over data. */
bool trust_key_verify (const struct trust_key *key, const void *data, size_t size, const uint8_t *signature,
                       size_t signature_size);

#endif
