/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/key.c - public keys and their signatures */

#include <criterion/criterion.h>
#include <sodium/crypto_core_ed25519.h>

#include "base/cleanup.h"
#include "test/unit/trust/fixture.h"
#include "test/unit/trust/vectors.h"
#include "trust/hex.h"

static struct trust_key key_of (const char *keytype, const char *scheme, const char *public)
{
    struct trust_key key = {0};
    struct base_digest keyid;
    char text[BASE_DIGEST_TEXT];
    struct base_error error = {0};
    json_t *json =
        json_pack ("{s:s,s:s,s:{s:s}}", "keytype", keytype, "scheme", scheme, "keyval", "public", public);
    cr_assert_eq (trust_key_id (json, &keyid, NULL), 0);
    cr_assert_eq (trust_key_read (base_digest_format (&keyid, text), json, &key, &error), 0, "%s",
                  error.text);
    cr_assert_eq (key.kind == TRUST_KEY_UNUSABLE, *key.reason != 0);
    json_decref (json);
    return key;
}

static bool key_verify (const struct trust_key *key, const char *message, const char *hex)
{
    uint8_t signature[TRUST_SIGNATURE_MOST];
    size_t size = 0;
    cr_assert_eq (trust_hex_decode (hex, sizeof signature, signature, &size), 0);
    return trust_key_verify (key, message, strlen (message), signature, size);
}

/*  RFC 8032, 7.1, tests 1 and 3. */
Test (key, ed25519_verifies_the_vectors_of_rfc_8032)
{
    static const char one[] =
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b46bd25bf5f0595bbe24655141438e7a100b";
    static const char three[] =
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760"
        "984dc6594a7c15e9716ed28dc027beceea1ec40a";
    base_cleanup (trust_key_deinit) struct trust_key first =
        key_of ("ed25519", "ed25519", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    base_cleanup (trust_key_deinit) struct trust_key third =
        key_of ("ed25519", "ed25519", "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
    cr_assert_eq (first.kind, TRUST_KEY_ED25519);
    cr_assert (key_verify (&first, "", one));
    cr_assert (key_verify (&third, "\xaf\x82", three));
    cr_assert (!key_verify (&first, "a", one));
    cr_assert (!key_verify (&third, "", one));
    cr_assert (!key_verify (&first, "", "e556"));
    cr_assert (!key_verify (&first, "", ""));
}

Test (key, p256_verifies_the_vector_of_rfc_6979)
{
    static const char *const types[] = {"ecdsa", "ecdsa-sha2-nistp256"};
    for (int i = 0; i < 2; i++) {
        base_cleanup (trust_key_deinit) struct trust_key key =
            key_of (types[i], "ecdsa-sha2-nistp256", p256_pem);
        cr_assert_eq (key.kind, TRUST_KEY_ECDSA_P256);
        cr_assert (key_verify (&key, "sample", p256_signature));
        cr_assert (!key_verify (&key, "Sample", p256_signature));
    }
    base_cleanup (trust_key_deinit) struct trust_key negative =
        key_of ("ecdsa", "ecdsa-sha2-nistp256", p256_negative_pem);
    cr_assert (!key_verify (&negative, "sample", p256_signature));
}

Test (key, a_p256_signature_is_strict_der)
{
    base_cleanup (trust_key_deinit) struct trust_key key = key_of ("ecdsa", "ecdsa-sha2-nistp256", p256_pem);
    base_cleanup (base_free_p) char *longer = base_text_printf ("%s00", p256_signature);
    base_cleanup (base_free_p) char *padded = base_text_printf ("3047022200%s", p256_signature + 8);
    cr_assert (!key_verify (&key, "sample", longer));
    cr_assert (!key_verify (&key, "sample", padded));
    cr_assert (!key_verify (&key, "sample", "3006020100020100"));
    cr_assert (!key_verify (&key, "sample", "3006020101020101"));
    cr_assert (!key_verify (&key, "sample", "3000"));
    cr_assert (!key_verify (&key, "sample", ""));
    for (size_t i = 0; i + 2 < sizeof p256_signature; i += 2) {
        base_cleanup (base_free_p) char *cut = base_text_printf ("%.*s", (int) i, p256_signature);
        cr_assert (!key_verify (&key, "sample", cut));
    }
}

Test (key, rsa_pss_verifies_both_usual_salts_and_nothing_else)
{
    base_cleanup (trust_key_deinit) struct trust_key key = key_of ("rsa", "rsassa-pss-sha256", rsa_pem);
    cr_assert_eq (key.kind, TRUST_KEY_RSA_PSS);
    cr_assert (key_verify (&key, "sample", rsa_salt_32));
    cr_assert (key_verify (&key, "sample", rsa_salt_longest));
    cr_assert (!key_verify (&key, "sample", rsa_salt_20));
    cr_assert (!key_verify (&key, "sample", rsa_pkcs1));
    cr_assert (!key_verify (&key, "Sample", rsa_salt_32));
    base_cleanup (base_free_p) char *shorter = base_text_printf ("%s", rsa_salt_32);
    shorter[strlen (shorter) - 2] = 0;
    cr_assert (!key_verify (&key, "sample", shorter));
    base_cleanup (base_free_p) char *longer = base_text_printf ("00%s", rsa_salt_32);
    cr_assert (!key_verify (&key, "sample", longer));
}

/*  One signature by such a key fits every message. */
Test (key, an_ed25519_key_of_small_order_is_unusable)
{
    static const char *const keys[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        base_cleanup (trust_key_deinit) struct trust_key key = key_of ("ed25519", "ed25519", keys[i]);
        cr_assert_eq (key.kind, TRUST_KEY_UNUSABLE, "%s", keys[i]);
        base_cleanup (base_free_p) char *signature = base_text_printf ("%s%064d", keys[0], 0);
        cr_assert (!key_verify (&key, "anything", signature));
    }
}

/*  A key plus a point of small order would be another key of the same secret. */
Test (key, an_ed25519_key_outside_the_main_subgroup_is_unusable)
{
    base_cleanup (signer_deinit) struct signer signer = signer_of (5);
    uint8_t small[32], mixed[32];
    char hex[65];
    size_t size;
    cr_assert_eq (trust_hex_decode ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", 32,
                                    small, &size),
                  0);
    cr_assert_eq (crypto_core_ed25519_add (mixed, signer.public, small), 0);
    for (int i = 0; i < 32; i++)
        (void) snprintf (hex + 2 * i, 3, "%02x", mixed[i]);
    base_cleanup (trust_key_deinit) struct trust_key key = key_of ("ed25519", "ed25519", hex);
    cr_assert_eq (key.kind, TRUST_KEY_UNUSABLE);
}

Test (key, material_is_the_same_for_all_forms_of_a_key)
{
    base_cleanup (signer_deinit) struct signer signer = signer_of (5);
    base_cleanup (base_free_p) char *capitals = base_text_printf ("%s", signer.hex);
    base_cleanup (base_free_p) char *negative = base_text_printf ("%s", signer.hex);
    base_cleanup (base_free_p) char *crlf = base_text_printf ("%s\r\n", p256_pem);
    for (char *at = capitals; *at; at++)
        if (*at >= 'a')
            *at = (char) (*at - 'a' + 'A');
    (void) snprintf (negative + 62, 3, "%02x", signer.public[31] ^ 0x80u);
    const struct {
        const char *type, *scheme, *one, *other;
    } pairs[] = {
        {"ed25519", "ed25519", signer.hex, capitals},
        {"ed25519", "ed25519", signer.hex, negative},
        {"ecdsa", "ecdsa-sha2-nistp256", p256_pem, crlf},
        {"ecdsa", "ecdsa-sha2-nistp256", p256_pem, p256_negative_pem},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        base_cleanup (trust_key_deinit) struct trust_key one =
            key_of (pairs[i].type, pairs[i].scheme, pairs[i].one);
        base_cleanup (trust_key_deinit) struct trust_key other =
            key_of (pairs[i].type, pairs[i].scheme, pairs[i].other);
        cr_assert_neq (one.kind, TRUST_KEY_UNUSABLE);
        cr_assert_neq (other.kind, TRUST_KEY_UNUSABLE, "%s", other.reason);
        cr_assert (!base_digest_equal (&one.keyid, &other.keyid));
        cr_assert (base_digest_equal (&one.material, &other.material), "%zu", i);
    }
    base_cleanup (trust_key_deinit) struct trust_key rsa = key_of ("rsa", "rsassa-pss-sha256", rsa_pem);
    base_cleanup (trust_key_deinit) struct trust_key p256 = key_of ("ecdsa", "ecdsa-sha2-nistp256", p256_pem);
    base_cleanup (signer_deinit) struct signer another = signer_of (6);
    base_cleanup (trust_key_deinit) struct trust_key first = key_of ("ed25519", "ed25519", signer.hex);
    base_cleanup (trust_key_deinit) struct trust_key second = key_of ("ed25519", "ed25519", another.hex);
    cr_assert (!base_digest_equal (&rsa.material, &p256.material));
    cr_assert (!base_digest_equal (&first.material, &second.material));
}

Test (key, a_key_of_unknown_or_mismatched_type_is_unusable)
{
    static const char *const kinds[][3] = {
        {"ed25519", "ed25519", p256_pem},
        {"ed25519", "ed25519", ""},
        {"ed25519", "ed25519", "d75a"},
        {"ed448", "ed448", "00"},
        {"ed25519", "ed25519ph", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
        {"ecdsa", "ecdsa-sha2-nistp384", p384_pem},
        {"ecdsa", "ecdsa-sha2-nistp256", p384_pem},
        {"ecdsa", "ecdsa-sha2-nistp256", rsa_pem},
        {"rsa", "rsassa-pss-sha256", p256_pem},
        {"rsa", "rsa-pkcs1v15-sha256", rsa_pem},
        {"ecdsa", "rsassa-pss-sha256", rsa_pem},
        {"rsa", "ed25519", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        base_cleanup (trust_key_deinit) struct trust_key key = key_of (kinds[i][0], kinds[i][1], kinds[i][2]);
        cr_assert_eq (key.kind, TRUST_KEY_UNUSABLE, "%zu", i);
        cr_assert (!key_verify (&key, "sample", p256_signature));
    }
}

static int keys_read (const char *text, struct trust_keys *keys)
{
    struct base_error error = {0};
    json_t *json = json_loads (text, JSON_DECODE_ANY, NULL);
    int r = trust_keys_read (json, keys, &error);
    cr_assert_eq (r != 0, *error.text != 0);
    json_decref (json);
    return r;
}

#define ID "00000000000000000000000000000000000000000000000000000000000000"
#define KEY "{\"keytype\":\"a\",\"scheme\":\"b\",\"keyval\":{}}"
#define TWICE "{\"" ID "aa\":" KEY ",\"" ID "AA\":" KEY "}"

Test (key, malformed_lists_of_keys_are_refused)
{
    static const char *const texts[] = {
        "[]",
        "{\"00\":{\"keytype\":\"a\",\"scheme\":\"b\",\"keyval\":{}}}",
        "{\"0000000000000000000000000000000000000000000000000000000000000000\":7}",
        "{\"0000000000000000000000000000000000000000000000000000000000000000\":{}}",
        "{\"0000000000000000000000000000000000000000000000000000000000000000\":{\"keytype\":\"a\",\"scheme\":\"b\"}}",
    };
    struct trust_keys keys = {0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq (keys_read (texts[i], &keys), TRUST_E_FORMAT, "%zu", i);
    cr_assert_eq (keys_read (TWICE, &keys), TRUST_E_FORMAT);
    cr_assert_eq (keys_read ("{}", &keys), 0);
    trust_keys_deinit (&keys);
}

Test (key, too_many_keys_are_refused)
{
    struct trust_keys keys = {0};
    json_t *json = json_object ();
    for (int i = 0; i <= TRUST_KEYS_MOST; i++) {
        char keyid[65];
        (void) snprintf (keyid, sizeof keyid, "%064x", (unsigned) i);
        json_object_set_new (json, keyid,
                             json_pack ("{s:s,s:s,s:{}}", "keytype", "a", "scheme", "b", "keyval"));
    }
    cr_assert_eq (trust_keys_read (json, &keys, NULL), TRUST_E_TOO_LARGE);
    json_object_del (json, "0000000000000000000000000000000000000000000000000000000000000000");
    cr_assert_eq (trust_keys_read (json, &keys, NULL), 0);
    struct base_digest missing = {{1}};
    cr_assert_null (trust_keys_find (&keys, &missing));
    for (size_t i = 0; i < keys.count; i++)
        cr_assert_eq (trust_keys_find (&keys, &keys.items[i].keyid), &keys.items[i]);
    trust_keys_deinit (&keys);
    json_decref (json);
}
