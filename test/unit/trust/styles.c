/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/styles.c - metadata as other repositories write it

    P-256 keys with fields of their own, empty signatures of those who have not signed, spec_version 1.0, versions far
    apart, and white space. The keys are made and used by hogweed, with numbers that are the same in each run. */

#include <nettle/ecc-curve.h>
#include <nettle/ecdsa.h>

#include "test/unit/trust/fixture.h"

struct p256_signer {
    struct ecc_scalar secret;
    struct ecc_point public;
    json_t *key;
    char keyid[65];
    uint64_t state;
};

static void numbers_next (void *context, size_t size, uint8_t *bytes)
{
    uint64_t *state = context;
    for (size_t i = 0; i < size; i++) {
        *state = *state * UINT64_C (6364136223846793005) + UINT64_C (1442695040888963407);
        bytes[i] = (uint8_t) (*state >> 56);
    }
}

static void number_export (const mpz_t number, uint8_t bytes[32])
{
    memset (bytes, 0, 32);
    size_t size = (mpz_sizeinbase (number, 2) + 7) / 8;
    mpz_export (bytes + 32 - size, NULL, 1, 1, 1, 0, number);
}

static void p256_init (struct p256_signer *signer, unsigned number, const char *owner)
{
    static const uint8_t head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    uint8_t der[sizeof head + 64];
    mpz_t x, y;
    base_cleanup (base_buffer_deinit) struct base_buffer pem = {0};
    struct base_digest keyid;
    *signer = (struct p256_signer){.state = number};
    ecc_scalar_init (&signer->secret, nettle_get_secp_256r1 ());
    ecc_point_init (&signer->public, nettle_get_secp_256r1 ());
    ecdsa_generate_keypair (&signer->public, &signer->secret, &signer->state, numbers_next);
    mpz_init (x);
    mpz_init (y);
    ecc_point_get (&signer->public, x, y);
    memcpy (der, head, sizeof head);
    number_export (x, der + sizeof head);
    number_export (y, der + sizeof head + 32);
    mpz_clear (x);
    mpz_clear (y);
    base_buffer_append_text (&pem, "-----BEGIN PUBLIC KEY-----\n");
    base_base64_encode (der, sizeof der, &pem);
    base_buffer_append_text (&pem, "\n-----END PUBLIC KEY-----\n");
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&pem);
    signer->key =
        json_pack ("{s:s,s:s,s:{s:s},s:[s,s],s:s}", "keytype", "ecdsa", "scheme", "ecdsa-sha2-nistp256",
                   "keyval", "public", text, "keyid_hash_algorithms", "sha256", "sha512", "x-owner", owner);
    cr_assert_eq (trust_key_id (signer->key, &keyid, NULL), 0);
    (void) base_digest_format (&keyid, signer->keyid);
}

static void p256_deinit (struct p256_signer *signer)
{
    ecc_scalar_clear (&signer->secret);
    ecc_point_clear (&signer->public);
    json_decref (signer->key);
}

static size_t number_der (const mpz_t number, uint8_t *der)
{
    uint8_t bytes[32];
    number_export (number, bytes);
    size_t skip = 0;
    while (skip < 31 && bytes[skip] == 0)
        skip++;
    size_t pad = bytes[skip] >> 7;
    der[0] = 0x02;
    der[1] = (uint8_t) (32 - skip + pad);
    der[2] = 0;
    memcpy (der + 2 + pad, bytes + skip, 32 - skip);
    return 2 + pad + 32 - skip;
}

static void p256_sign (struct p256_signer *signer, json_t *signatures, const json_t *content)
{
    base_cleanup (base_buffer_deinit) struct base_buffer canonical = {0};
    struct dsa_signature numbers;
    uint8_t der[80];
    char hex[161];
    cr_assert_eq (trust_canonical_write (content, &canonical, NULL), 0);
    struct base_digest digest = base_digest_of (canonical.data, canonical.size);
    dsa_signature_init (&numbers);
    ecdsa_sign (&signer->secret, &signer->state, numbers_next, 32, digest.bytes, &numbers);
    size_t size = 2 + number_der (numbers.r, der + 2);
    size += number_der (numbers.s, der + size);
    der[0] = 0x30;
    der[1] = (uint8_t) (size - 2);
    dsa_signature_clear (&numbers);
    for (size_t i = 0; i < size; i++)
        (void) snprintf (hex + 2 * i, 3, "%02x", der[i]);
    json_array_append_new (signatures, json_pack ("{s:s,s:s}", "keyid", signer->keyid, "sig", hex));
}

/*  Five keepers of keys, three must sign; one leaves and another comes. */
Test (styles, a_chain_of_roots_with_p256_keys_and_empty_signatures_is_followed)
{
    struct world world;
    struct p256_signer signers[6];
    static const bool member[3][6] = {{1, 1, 1, 1, 1, 0}, {1, 1, 1, 1, 0, 1}, {1, 1, 1, 1, 0, 1}};
    static const bool signs[3][6] = {{1, 1, 1, 0, 0, 0}, {0, 1, 1, 1, 0, 0}, {1, 0, 0, 1, 0, 1}};
    world_init (&world);
    for (unsigned i = 0; i < 6; i++) {
        char owner[16];
        (void) snprintf (owner, sizeof owner, "@keeper-%u", i);
        p256_init (&signers[i], i + 1, owner);
    }
    json_t *root = world.contents[TRUST_ROOT], *keys = json_object_get (root, "keys");
    json_object_set_new (root, "spec_version", json_string ("1.0"));
    json_object_set_new (root, "x-expiry-period", json_integer (197));
    for (int version = 0; version < 3; version++) {
        json_t *keyids = json_array (), *signatures = json_array ();
        for (int i = 0; i < 6; i++) {
            if (member[version][i]) {
                json_object_set (keys, signers[i].keyid, signers[i].key);
                json_array_append_new (keyids, json_string (signers[i].keyid));
            }
        }
        json_object_set_new (
            json_object_get (root, "roles"), "root",
            json_pack ("{s:o,s:i,s:i}", "keyids", keyids, "threshold", 3, "x-signing-period", 46));
        content_set_version (root, version + 1);
        for (int i = 0; i < 6; i++)
            if (signs[version][i])
                p256_sign (&signers[i], signatures, root);
            else
                json_array_append_new (signatures,
                                       json_pack ("{s:s,s:s}", "keyid", signers[i].keyid, "sig", ""));
        json_t *file = json_pack ("{s:o,s:O}", "signatures", signatures, "signed", root);
        char *text = json_dumps (file, JSON_INDENT (1));
        remote_put (&world, "root", version + 1, text);
        if (version == 0)
            file_put (world.stored, "root.json", text, strlen (text));
        free (text);
        json_decref (file);
    }
    cr_assert_eq (world_refresh (&world), 0, "%s", world.error.text);
    cr_assert_eq (stored_version (&world, "root"), 3);
    for (int i = 0; i < 6; i++)
        p256_deinit (&signers[i]);
    world_deinit (&world);
}

/*  Other layouts of the same JSON, both hashes, a target with custom, a delegation with a pattern and one by hashes. */
Test (styles, a_repository_with_both_hashes_custom_and_two_kinds_of_delegations_is_read)
{
    struct world world;
    char role[TRUST_NAME_TEXT];
    world_init (&world);
    world.hashes = true;
    json_t *targets = world.contents[TRUST_TARGETS], *one = targets_content (1), *two = targets_content (1);
    json_t *file = target_of ("file3");
    struct trust_hashes hashes;
    char hex[129];
    trust_hashes_of ("file3", 5, &hashes);
    for (int i = 0; i < 64; i++)
        (void) snprintf (hex + 2 * i, 3, "%02x", hashes.sha512[i]);
    json_object_set_new (json_object_get (file, "hashes"), "sha512", json_string (hex));
    json_object_set_new (file, "custom", json_pack ("{s:s}", "file_permissions", "0644"));
    json_object_set_new (json_object_get (two, "targets"), "file3.txt", file);
    delegate (targets, "role1", (unsigned[]){20, 0}, 1, "file3.txt");
    json_t *bins = delegate (one, "role2", (unsigned[]){21, 0}, 1, "x");
    struct base_digest digest = base_digest_of ("file3.txt", 9);
    (void) base_digest_format (&digest, hex);
    json_object_del (bins, "paths");
    json_object_set_new (bins, "path_hash_prefixes", json_pack ("[s%]", hex, (size_t) 4));
    delegated_publish (&world, "role1", one, (unsigned[]){20, 0});
    delegated_publish (&world, "role2", two, (unsigned[]){21, 0});
    world_advance (&world);
    cr_assert_eq (world_refresh (&world), 0, "%s", world.error.text);
    cr_assert_eq (world_search (&world, "file3.txt", role), 0, "%s", world.error.text);
    cr_assert_str_eq (role, "role2");
    json_decref (one);
    json_decref (two);
    world_deinit (&world);
}
