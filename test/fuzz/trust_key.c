/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/trust_key.c - fuzz target for public keys and signatures

    The first byte chooses type and scheme. Then, after two bytes with its length, the text of the public key; the rest is a
    signature of "sample". Byte 3 and above: DER is read directly. */

#include "test/fuzz/target.h"
#include "trust/errors.h"
#include "trust/key.h"

static void der_use (const uint8_t *data, size_t size)
{
    struct trust_spki spki;
    struct base_error error = {0};
    int r = trust_spki_parse_der (data, size, &spki, &error);
    fuzz_assert (r == 0 || (r == TRUST_E_KEY && *error.text));
    fuzz_assert (r || spki.kind == TRUST_SPKI_P256 ||
                 (spki.modulus_size >= 256 && spki.modulus_size <= 1024));
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static const char *const kinds[][2] = {
        {"ed25519", "ed25519"}, {"ecdsa", "ecdsa-sha2-nistp256"}, {"rsa", "rsassa-pss-sha256"}};
    if (size < 3)
        return 0;
    if (data[0] >= 3) {
        der_use (data + 1, size - 1);
        return 0;
    }
    size_t length = (size_t) data[1] << 8 | data[2];
    if (length > size - 3)
        length = size - 3;
    json_t *json = json_pack ("{s:s,s:s,s:{s:s%}}", "keytype", kinds[data[0]][0], "scheme", kinds[data[0]][1],
                              "keyval", "public", (const char *) data + 3, length);
    struct trust_key key;
    struct base_digest keyid;
    char text[BASE_DIGEST_TEXT];
    if (!json)
        return 0; /* no UTF-8 */
    fuzz_assert (trust_key_id (json, &keyid, NULL) == 0);
    fuzz_assert (trust_key_read (base_digest_format (&keyid, text), json, &key, NULL) == 0);
    fuzz_assert ((key.kind == TRUST_KEY_UNUSABLE) == (*key.reason != 0));
    bool verified = trust_key_verify (&key, "sample", 6, data + 3 + length, size - 3 - length);
    fuzz_assert (!verified || key.kind != TRUST_KEY_UNUSABLE);
    fuzz_assert (!verified || !trust_key_verify (&key, "Sample", 6, data + 3 + length, size - 3 - length));
    trust_key_deinit (&key);
    json_decref (json);
    return 0;
}
