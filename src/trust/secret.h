/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/secret.h - an Ed25519 key that signs

    Made from a seed of 32 random bytes, which the caller provides and wipes. Never copied: a struct trust_secret stays
    where it was made, and deinit wipes it.

    Nothing in this room calls sodium_init, which reads random numbers and is not needed here. A program that calls it at
    its start gets faster code for Argon2id. */

#ifndef TRUST_SECRET_H
#define TRUST_SECRET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

enum { TRUST_SEED_BYTES = 32, TRUST_PUBLIC_BYTES = 32, TRUST_ED25519_SIGNATURE_BYTES = 64 };

/*  Null value: all zero, no key. */
struct trust_secret {
    uint8_t pair[TRUST_SEED_BYTES + TRUST_PUBLIC_BYTES]; /* seed, public key */
    struct base_digest keyid;                            /* of the public key as a TUF key */
};

void trust_secret_init (struct trust_secret *secret, const uint8_t seed[TRUST_SEED_BYTES]);
void trust_secret_deinit (struct trust_secret *secret);

bool trust_secret_is_null (const struct trust_secret *secret);

const uint8_t *trust_secret_seed (const struct trust_secret *secret);
const uint8_t *trust_secret_public (const struct trust_secret *secret);

void trust_secret_sign (const struct trust_secret *secret, const void *data, size_t size,
                        uint8_t ret_signature[TRUST_ED25519_SIGNATURE_BYTES]);

/*  A public key as the object that metadata lists, and the digest that names it there. The caller owns the object;
    NULL if out of memory. */
json_t *trust_public_json (const uint8_t public[TRUST_PUBLIC_BYTES]);
struct base_digest trust_public_keyid (const uint8_t public[TRUST_PUBLIC_BYTES]);

#endif
