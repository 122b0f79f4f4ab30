/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/key.c - public keys of metadata, and their signatures

    libsodium verifies Ed25519, because it refuses points of small order (one signature by such a key fits every message)
    and signatures that are not canonical. A key that is not in the main subgroup is unusable: with a point of small order
    added, it would be another key for the same secret. */

#include "trust/key.h"

#include <errno.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecdsa.h>
#include <nettle/rsa.h>
#include <sodium/crypto_core_ed25519.h>
#include <sodium/crypto_sign_ed25519.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "trust/canonical.h"
#include "trust/der.h"
#include "trust/errors.h"
#include "trust/hex.h"

void trust_key_deinit (struct trust_key *key)
{
    base_assert (key);
    json_decref (key->json);
    if (key->kind == TRUST_KEY_ECDSA_P256 || key->kind == TRUST_KEY_RSA_PSS)
        free (key->spki);
    *key = (struct trust_key){0};
}

void trust_keys_deinit (struct trust_keys *keys)
{
    base_assert (keys && (keys->items || keys->count == 0));
    for (size_t i = 0; i < keys->count; i++)
        trust_key_deinit (&keys->items[i]);
    free (keys->items);
    *keys = (struct trust_keys){0};
}

int trust_key_id (const json_t *key, struct base_digest *ret_keyid, struct base_error *error)
{
    base_assert (key && ret_keyid);
    base_cleanup (base_buffer_deinit) struct base_buffer canonical = {0};
    int r = trust_canonical_write (key, &canonical, error);
    if (r)
        return r;
    *ret_keyid = base_digest_of (canonical.data, canonical.size);
    return 0;
}

static struct base_digest material_of (enum trust_key_kind kind, const void *data, size_t size)
{
    struct base_hash hash;
    uint8_t tag = (uint8_t) kind;
    base_hash_init (&hash);
    base_hash_update (&hash, &tag, 1);
    base_hash_update (&hash, data, size);
    return base_hash_final (&hash);
}

static int ed25519_read (const char *public, struct trust_key *key, struct base_error *error)
{
    size_t size = 0;
    uint8_t material[TRUST_ED25519_BYTES];
    if (trust_hex_decode (public, sizeof key->ed25519, key->ed25519, &size) || size != sizeof key->ed25519)
        return base_error_set (error, TRUST_E_KEY, "the Ed25519 key is not 64 hexadecimal characters");
    if (crypto_core_ed25519_is_valid_point (key->ed25519) != 1)
        return base_error_set (error, TRUST_E_KEY, "the Ed25519 key is no point of the main subgroup");
    /*  The sign bit apart: who has the secret of a point has that of its negative, too. */
    memcpy (material, key->ed25519, sizeof material);
    material[sizeof material - 1] &= 0x7f;
    key->kind = TRUST_KEY_ED25519;
    key->material = material_of (key->kind, material, sizeof material);
    return 0;
}

static int pem_read (const char *public, enum trust_key_kind kind, struct trust_key *key,
                     struct base_error *error)
{
    base_cleanup (base_free_p) struct trust_spki *spki = malloc (sizeof *spki);
    if (!spki)
        return base_error_set (error, -ENOMEM, "no memory for a key");
    int r = trust_spki_parse_pem (public, spki, error);
    if (r)
        return r;
    if (spki->kind != (kind == TRUST_KEY_RSA_PSS ? TRUST_SPKI_RSA : TRUST_SPKI_P256))
        return base_error_set (error, TRUST_E_KEY, "the public key is of another kind than its scheme");
    /*  A coordinate or a modulus alone: the other coordinate, and the exponent, may differ for one secret. */
    key->material = spki->kind == TRUST_SPKI_RSA ? material_of (kind, spki->modulus, spki->modulus_size)
                                                 : material_of (kind, spki->x, sizeof spki->x);
    key->spki = base_take (spki);
    key->kind = kind;
    return 0;
}

/*  Returns 0, -ENOMEM or TRUST_E_KEY; then key->kind stays UNUSABLE. */
static int key_read_public (const char *keytype, const char *scheme, const char *public,
                            struct trust_key *key, struct base_error *error)
{
    if (strcmp (keytype, "ed25519") == 0 && strcmp (scheme, "ed25519") == 0)
        return ed25519_read (public, key, error);
    if ((strcmp (keytype, "ecdsa") == 0 || strcmp (keytype, "ecdsa-sha2-nistp256") == 0) &&
        strcmp (scheme, "ecdsa-sha2-nistp256") == 0)
        return pem_read (public, TRUST_KEY_ECDSA_P256, key, error);
    if (strcmp (keytype, "rsa") == 0 && strcmp (scheme, "rsassa-pss-sha256") == 0)
        return pem_read (public, TRUST_KEY_RSA_PSS, key, error);
    return base_error_set (error, TRUST_E_KEY, "its type and scheme are not known here");
}

int trust_key_read (const char *keyid, json_t *json, struct trust_key *ret_key, struct base_error *error)
{
    base_assert (keyid && ret_key);
    base_cleanup (trust_key_deinit) struct trust_key key = {0};
    struct base_error why = {0};
    struct base_digest computed;
    const char *keytype = json_string_value (json_object_get (json, "keytype"));
    const char *scheme = json_string_value (json_object_get (json, "scheme"));
    const char *public = json_string_value (json_object_get (json_object_get (json, "keyval"), "public"));
    if (base_digest_parse (keyid, &key.keyid))
        return base_error_set (error, TRUST_E_FORMAT, "a keyid is not 64 hexadecimal characters");
    if (!keytype || !scheme || !json_is_object (json_object_get (json, "keyval")))
        return base_error_set (error, TRUST_E_FORMAT, "key %s has no keytype, scheme or keyval", keyid);
    int r = trust_key_id (json, &computed, error);
    if (r)
        return r;
    key.json = json_incref (json);
    if (!base_digest_equal (&computed, &key.keyid))
        r = base_error_set (&why, TRUST_E_KEY, "its keyid is not the SHA-256 of the key");
    else
        r = key_read_public (keytype, scheme, public ? public : "", &key, &why);
    if (r == -ENOMEM)
        return base_error_set (error, -ENOMEM, "no memory for a key");
    if (r) {
        base_assert (key.kind == TRUST_KEY_UNUSABLE);
        key.material = key.keyid;
        (void) snprintf (key.reason, sizeof key.reason, "%.*s", (int) sizeof key.reason - 1, why.text);
    }
    *ret_key = key;
    memset (&key, 0, sizeof key); /* owned by the caller now */
    return 0;
}

static int key_compare (const void *a, const void *b)
{
    const struct trust_key *one = a, *other = b;
    return memcmp (&one->keyid, &other->keyid, sizeof one->keyid);
}

int trust_keys_read (const json_t *json, struct trust_keys *ret_keys, struct base_error *error)
{
    base_assert (ret_keys);
    base_cleanup (trust_keys_deinit) struct trust_keys keys = {0};
    if (!json_is_object (json))
        return base_error_set (error, TRUST_E_FORMAT, "keys is no object");
    size_t count = json_object_size (json);
    if (count > TRUST_KEYS_MOST)
        return base_error_set (error, TRUST_E_TOO_LARGE, "more than %d keys", TRUST_KEYS_MOST);
    keys.items = calloc (count ? count : 1, sizeof *keys.items);
    if (!keys.items)
        return base_error_set (error, -ENOMEM, "no memory for %zu keys", count);
    const char *keyid;
    json_t *value;
    json_object_foreach ((json_t *) (uintptr_t) json, keyid, value)
    {
        base_assert (keys.count < count);
        int r = trust_key_read (keyid, value, &keys.items[keys.count], error);
        if (r)
            return r;
        keys.count++;
    }
    qsort (keys.items, keys.count, sizeof *keys.items, key_compare);
    for (size_t i = 1; i < keys.count; i++)
        if (key_compare (&keys.items[i - 1], &keys.items[i]) == 0)
            return base_error_set (error, TRUST_E_FORMAT, "a keyid stands twice among the keys");
    *ret_keys = keys;
    memset (&keys, 0, sizeof keys); /* owned by the caller now */
    return 0;
}

const struct trust_key *trust_keys_find (const struct trust_keys *keys, const struct base_digest *keyid)
{
    base_assert (keys && keyid);
    struct trust_key wanted = {.keyid = *keyid};
    return keys->count ? bsearch (&wanted, keys->items, keys->count, sizeof *keys->items, key_compare) : NULL;
}

static bool p256_verify (const struct trust_spki *spki, const struct base_digest *digest,
                         const uint8_t *signature, size_t size)
{
    struct trust_der der = {signature, size}, body, r, s;
    if (trust_der_take (&der, TRUST_DER_SEQUENCE, &body) || der.size || trust_der_take_positive (&body, &r) ||
        trust_der_take_positive (&body, &s) || body.size || r.size > TRUST_P256_BYTES ||
        s.size > TRUST_P256_BYTES)
        return false;
    struct ecc_point point;
    struct dsa_signature numbers;
    mpz_t x, y;
    mpz_init (x);
    mpz_init (y);
    dsa_signature_init (&numbers);
    ecc_point_init (&point, nettle_get_secp_256r1 ());
    mpz_import (x, sizeof spki->x, 1, 1, 1, 0, spki->x);
    mpz_import (y, sizeof spki->y, 1, 1, 1, 0, spki->y);
    mpz_import (numbers.r, r.size, 1, 1, 1, 0, r.data);
    mpz_import (numbers.s, s.size, 1, 1, 1, 0, s.data);
    bool valid = ecc_point_set (&point, x, y) == 1 &&
                 ecdsa_verify (&point, sizeof digest->bytes, digest->bytes, &numbers) == 1;
    ecc_point_clear (&point);
    dsa_signature_clear (&numbers);
    mpz_clear (x);
    mpz_clear (y);
    return valid;
}

/*  Signers write a salt as long as the hash, or as long as fits. */
static bool rsa_verify (const struct trust_spki *spki, const struct base_digest *digest,
                        const uint8_t *signature, size_t size)
{
    struct rsa_public_key public;
    mpz_t number;
    if (size != spki->modulus_size)
        return false;
    rsa_public_key_init (&public);
    mpz_init (number);
    mpz_import (public.n, spki->modulus_size, 1, 1, 1, 0, spki->modulus);
    mpz_set_ui (public.e, spki->exponent);
    mpz_import (number, size, 1, 1, 1, 0, signature);
    bool valid = false;
    if (rsa_public_key_prepare (&public) == 1) {
        size_t longest = (mpz_sizeinbase (public.n, 2) - 1 + 7) / 8 - BASE_DIGEST_BYTES - 2;
        valid = rsa_pss_sha256_verify_digest (&public, BASE_DIGEST_BYTES, digest->bytes, number) == 1 ||
                rsa_pss_sha256_verify_digest (&public, longest, digest->bytes, number) == 1;
    }
    rsa_public_key_clear (&public);
    mpz_clear (number);
    return valid;
}

bool trust_key_verify (const struct trust_key *key, const void *data, size_t size, const uint8_t *signature,
                       size_t signature_size)
{
    base_assert (key && (data || size == 0) && (signature || signature_size == 0));
    struct base_digest digest;
    switch (key->kind) {
    case TRUST_KEY_UNUSABLE:
        return false;
    case TRUST_KEY_ED25519:
        return signature_size == crypto_sign_ed25519_BYTES &&
               crypto_sign_ed25519_verify_detached (signature, data, size, key->ed25519) == 0;
    case TRUST_KEY_ECDSA_P256:
        digest = base_digest_of (data, size);
        return p256_verify (key->spki, &digest, signature, signature_size);
    case TRUST_KEY_RSA_PSS:
        digest = base_digest_of (data, size);
        return rsa_verify (key->spki, &digest, signature, signature_size);
    }
    return false;
}
