/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/secret.c - signing against RFC 8032, and the key's own verifier */

#include <criterion/criterion.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "trust/canonical.h"
#include "trust/key.h"
#include "trust/secret.h"

static void from_hex (const char *hex, uint8_t *bytes, size_t size)
{
    size_t got = 0;
    cr_assert_eq (sodium_hex2bin (bytes, size, hex, strlen (hex), NULL, &got, NULL), 0);
    cr_assert_eq (got, size);
}

static const struct {
    const char *seed, *public, *message, *signature;
} vectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe"
     "24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302a"
     "eeb00d291612bb0c00"},
};

Test (secret, signatures_are_those_of_rfc_8032)
{
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint8_t seed[TRUST_SEED_BYTES], public[TRUST_PUBLIC_BYTES], message[1],
            expected[TRUST_ED25519_SIGNATURE_BYTES], signature[TRUST_ED25519_SIGNATURE_BYTES];
        size_t size = strlen (vectors[i].message) / 2;
        struct trust_secret secret = {0};
        from_hex (vectors[i].seed, seed, sizeof seed);
        from_hex (vectors[i].public, public, sizeof public);
        from_hex (vectors[i].message, message, size);
        from_hex (vectors[i].signature, expected, sizeof expected);
        trust_secret_init (&secret, seed);
        cr_assert_eq (memcmp (trust_secret_public (&secret), public, sizeof public), 0);
        cr_assert_eq (memcmp (trust_secret_seed (&secret), seed, sizeof seed), 0);
        trust_secret_sign (&secret, message, size, signature);
        cr_assert_eq (memcmp (signature, expected, sizeof expected), 0);
        trust_secret_deinit (&secret);
    }
}

Test (secret, its_public_key_is_one_that_a_client_reads_and_verifies_with)
{
    static const uint8_t seed[TRUST_SEED_BYTES] = {7};
    struct trust_secret secret = {0};
    trust_secret_init (&secret, seed);
    json_t *json = trust_public_json (trust_secret_public (&secret));
    char keyid[BASE_DIGEST_TEXT];
    struct trust_key key = {0};
    struct base_digest id;
    cr_assert_eq (trust_key_id (json, &id, NULL), 0);
    cr_assert (base_digest_equal (&id, &secret.keyid));
    cr_assert_eq (trust_key_read (base_digest_format (&secret.keyid, keyid), json, &key, NULL), 0);
    cr_assert_eq (key.kind, TRUST_KEY_ED25519);
    uint8_t signature[TRUST_ED25519_SIGNATURE_BYTES];
    trust_secret_sign (&secret, "abc", 3, signature);
    cr_assert (trust_key_verify (&key, "abc", 3, signature, sizeof signature));
    cr_assert_not (trust_key_verify (&key, "abd", 3, signature, sizeof signature));
    trust_key_deinit (&key);
    json_decref (json);
    trust_secret_deinit (&secret);
}

Test (secret, deinit_leaves_nothing)
{
    static const struct trust_secret null = {0};
    static const uint8_t seed[TRUST_SEED_BYTES] = {1, 2, 3};
    struct trust_secret secret = {0};
    cr_assert (trust_secret_is_null (&secret));
    trust_secret_init (&secret, seed);
    cr_assert_not (trust_secret_is_null (&secret));
    trust_secret_deinit (&secret);
    cr_assert_eq (memcmp (&secret, &null, sizeof null), 0);
    trust_secret_deinit (&secret);
    trust_secret_deinit (NULL);
}
