/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/secret.c - an Ed25519 key that signs */

#include "trust/secret.h"

#include <sodium.h>

#include "base/assert.h"

_Static_assert(TRUST_SEED_BYTES == crypto_sign_ed25519_SEEDBYTES, "libsodium's seed");
_Static_assert(TRUST_PUBLIC_BYTES == crypto_sign_ed25519_PUBLICKEYBYTES, "libsodium's public key");
_Static_assert(TRUST_ED25519_SIGNATURE_BYTES == crypto_sign_ed25519_BYTES, "libsodium's signature");
_Static_assert(TRUST_SEED_BYTES + TRUST_PUBLIC_BYTES == crypto_sign_ed25519_SECRETKEYBYTES,
               "libsodium's secret key");

static void public_hex (const uint8_t *public, char text[2 * TRUST_PUBLIC_BYTES + 1])
{
    (void) sodium_bin2hex (text, 2 * TRUST_PUBLIC_BYTES + 1, public, TRUST_PUBLIC_BYTES);
}

struct base_digest trust_public_keyid (const uint8_t public[TRUST_PUBLIC_BYTES])
{
    base_assert (public);
    char hex[2 * TRUST_PUBLIC_BYTES + 1], text[256];
    public_hex (public, hex);
    /*  The canonical form of trust_public_json; the unit test compares them. */
    int size =
        snprintf (text, sizeof text,
                  "{\"keytype\":\"ed25519\",\"keyval\":{\"public\":\"%s\"},\"scheme\":\"ed25519\"}", hex);
    base_assert (size > 0 && (size_t) size < sizeof text);
    return base_digest_of (text, (size_t) size);
}

json_t *trust_public_json (const uint8_t public[TRUST_PUBLIC_BYTES])
{
    base_assert (public);
    char hex[2 * TRUST_PUBLIC_BYTES + 1];
    public_hex (public, hex);
    return json_pack ("{s:s, s:{s:s}, s:s}", "keytype", "ed25519", "keyval", "public", hex, "scheme",
                      "ed25519");
}

void trust_secret_init (struct trust_secret *secret, const uint8_t seed[TRUST_SEED_BYTES])
{
    base_assert (secret && seed);
    uint8_t public[TRUST_PUBLIC_BYTES];
    int r = crypto_sign_ed25519_seed_keypair (public, secret->pair, seed);
    base_assert (r == 0);
    base_assert (memcmp (public, trust_secret_public (secret), sizeof public) == 0);
    secret->keyid = trust_public_keyid (public);
    base_assert (!trust_secret_is_null (secret));
}

void trust_secret_deinit (struct trust_secret *secret)
{
    if (secret)
        explicit_bzero (secret, sizeof *secret);
}

bool trust_secret_is_null (const struct trust_secret *secret)
{
    base_assert (secret);
    return base_digest_is_null (&secret->keyid);
}

const uint8_t *trust_secret_seed (const struct trust_secret *secret)
{
    base_assert (secret);
    return secret->pair;
}

const uint8_t *trust_secret_public (const struct trust_secret *secret)
{
    base_assert (secret);
    return secret->pair + TRUST_SEED_BYTES;
}

void trust_secret_sign (const struct trust_secret *secret, const void *data, size_t size,
                        uint8_t ret_signature[TRUST_ED25519_SIGNATURE_BYTES])
{
    base_assert (secret && !trust_secret_is_null (secret));
    base_assert ((data || size == 0) && ret_signature);
    int r = crypto_sign_ed25519_detached (ret_signature, NULL, data, size, secret->pair);
    base_assert (r == 0);
}
