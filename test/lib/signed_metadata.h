/* SPDX-License-Identifier: MPL-2.0 */
/*  test/lib/signed_metadata.h - metadata of TUF made and signed by tests

    Keys are Ed25519, made from small numbers, so that they and all signatures are the same in each run. */

#ifndef TEST_LIB_SIGNED_METADATA_H
#define TEST_LIB_SIGNED_METADATA_H

#include <sodium/crypto_sign_ed25519.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "trust/canonical.h"
#include "trust/key.h"

#define LATER "2031-01-01T00:00:00Z"

/*  Also active with NDEBUG. */
static inline void signed_check (bool holds)
{
    if (!holds)
        abort ();
}

struct signer {
    uint8_t public[32], secret[64];
    char hex[65], keyid[65];
    json_t *key;
};

static inline void signer_deinit (struct signer *signer)
{
    json_decref (signer->key);
}

/*  The key of a number; the same each time. extra (may be NULL) is a field that changes the keyid only. */
static inline struct signer signer_of_extra (unsigned number, const char *extra)
{
    struct signer signer = {0};
    uint8_t seed[32] = {(uint8_t) number, 77};
    struct base_digest keyid;
    (void) crypto_sign_ed25519_seed_keypair (signer.public, signer.secret, seed);
    for (int i = 0; i < 32; i++)
        (void) snprintf (signer.hex + 2 * i, 3, "%02x", signer.public[i]);
    signer.key = json_pack ("{s:s,s:s,s:{s:s}}", "keytype", "ed25519", "scheme", "ed25519", "keyval",
                            "public", signer.hex);
    if (extra)
        json_object_set_new (signer.key, "x-extra", json_string (extra));
    signed_check (trust_key_id (signer.key, &keyid, NULL) == 0);
    (void) base_digest_format (&keyid, signer.keyid);
    return signer;
}

static inline struct signer signer_of (unsigned number)
{
    return signer_of_extra (number, NULL);
}

/*  Signs bytes; hexadecimal, on the heap. */
static inline char *signer_sign (const struct signer *signer, const void *data, size_t size)
{
    uint8_t signature[64];
    char *text = calloc (1, 129);
    (void) crypto_sign_ed25519_detached (signature, NULL, data, size, signer->secret);
    for (int i = 0; i < 64; i++)
        (void) snprintf (text + 2 * i, 3, "%02x", signature[i]);
    return text;
}

/*  Appends a signature of this key over content to the array. */
static inline void signature_add (json_t *signatures, const json_t *content, const struct signer *signer)
{
    base_cleanup (base_buffer_deinit) struct base_buffer canonical = {0};
    signed_check (trust_canonical_write (content, &canonical, NULL) == 0);
    char *text = signer_sign (signer, canonical.data, canonical.size);
    json_array_append_new (signatures, json_pack ("{s:s,s:s}", "keyid", signer->keyid, "sig", text));
    free (text);
}

/*  The file of content, signed by the keys of numbers (0 ends them); on the heap. */
static inline char *file_sign (json_t *content, const unsigned *numbers)
{
    json_t *signatures = json_array ();
    for (; *numbers; numbers++) {
        base_cleanup (signer_deinit) struct signer signer = signer_of (*numbers);
        signature_add (signatures, content, &signer);
    }
    json_t *file = json_pack ("{s:o,s:O}", "signatures", signatures, "signed", content);
    char *text = json_dumps (file, JSON_COMPACT);
    json_decref (file);
    signed_check (text);
    return text;
}

static inline json_t *role_of (const unsigned *numbers, int threshold)
{
    json_t *keyids = json_array ();
    for (; *numbers; numbers++) {
        base_cleanup (signer_deinit) struct signer signer = signer_of (*numbers);
        json_array_append_new (keyids, json_string (signer.keyid));
    }
    return json_pack ("{s:o,s:i}", "keyids", keyids, "threshold", threshold);
}

/*  Puts the keys into an object of keys. */
static inline void keys_add (json_t *keys, const unsigned *numbers)
{
    for (; *numbers; numbers++) {
        base_cleanup (signer_deinit) struct signer signer = signer_of (*numbers);
        json_object_set (keys, signer.keyid, signer.key);
    }
}

static inline void content_set_version (json_t *content, json_int_t version)
{
    json_object_set_new (content, "version", json_integer (version));
}

static inline json_int_t content_version (const json_t *content)
{
    return json_integer_value (json_object_get (content, "version"));
}

static inline json_t *target_of (const char *data)
{
    char hex[BASE_DIGEST_TEXT];
    struct base_digest digest = base_digest_of (data, strlen (data));
    return json_pack ("{s:i,s:{s:s}}", "length", (int) strlen (data), "hashes", "sha256",
                      base_digest_format (&digest, hex));
}

static inline json_t *targets_content (json_int_t version)
{
    return json_pack ("{s:s,s:s,s:I,s:s,s:{}}", "_type", "targets", "spec_version", "1.0.34", "version",
                      version, "expires", LATER, "targets");
}

/*  Delegates from parent (a content) to a role signed by the keys of numbers. paths ends with NULL. */
static inline json_t *delegate (json_t *parent, const char *name, const unsigned *numbers, int threshold,
                                const char *path)
{
    json_t *delegations = json_object_get (parent, "delegations");
    if (!delegations) {
        delegations = json_pack ("{s:{},s:[]}", "keys", "roles");
        json_object_set_new (parent, "delegations", delegations);
    }
    keys_add (json_object_get (delegations, "keys"), numbers);
    json_t *role = role_of (numbers, threshold);
    json_object_set_new (role, "name", json_string (name));
    json_object_set_new (role, "terminating", json_false ());
    json_object_set_new (role, "paths", json_pack ("[s]", path));
    json_array_append_new (json_object_get (delegations, "roles"), role);
    return role;
}

#endif
