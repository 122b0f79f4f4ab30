/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/hashes.c - hashes of a file, and hexadecimal text */

#include <criterion/criterion.h>
#include <errno.h>

#include "trust/errors.h"
#include "trust/hashes.h"
#include "trust/hex.h"

/*  FIPS 180-4, "abc". */
#define SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA512                                                                                               \
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"                                       \
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"

static int hashes_check (const char *json, const char *data)
{
    struct trust_hashes hashes;
    json_t *value = json ? json_loads (json, JSON_DECODE_ANY, NULL) : NULL;
    struct base_error error = {0};
    int r = trust_hashes_read (value, &hashes, &error);
    json_decref (value);
    if (r == 0)
        r = trust_hashes_check (&hashes, data, strlen (data), "it", &error);
    cr_assert_eq (r != 0, *error.text != 0);
    return r;
}

Test (hashes, either_and_both_are_compared)
{
    cr_assert_eq (hashes_check ("{\"sha256\":\"" SHA256 "\"}", "abc"), 0);
    cr_assert_eq (hashes_check ("{\"sha512\":\"" SHA512 "\"}", "abc"), 0);
    cr_assert_eq (hashes_check ("{\"sha256\":\"" SHA256 "\",\"sha512\":\"" SHA512 "\"}", "abc"), 0);
    cr_assert_eq (hashes_check ("{\"sha256\":\"" SHA256 "\"}", "abd"), TRUST_E_HASH);
    cr_assert_eq (hashes_check ("{\"sha512\":\"" SHA512 "\"}", "abd"), TRUST_E_HASH);
}

Test (hashes, one_wrong_hash_of_two_is_enough)
{
    static const char wrong[] = "00"
                                "7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    char json[512];
    (void) snprintf (json, sizeof json, "{\"sha256\":\"%s\",\"sha512\":\"" SHA512 "\"}", wrong);
    cr_assert_eq (hashes_check (json, "abc"), TRUST_E_HASH);
    (void) snprintf (json, sizeof json, "{\"sha256\":\"" SHA256 "\",\"sha512\":\"%s%s\"}", wrong, wrong);
    cr_assert_eq (hashes_check (json, "abc"), TRUST_E_HASH);
}

Test (hashes, unknown_hashes_are_skipped_beside_known_ones_and_refused_alone)
{
    cr_assert_eq (hashes_check ("{\"sha256\":\"" SHA256 "\",\"blake2b\":7}", "abc"), 0);
    cr_assert_eq (hashes_check ("{\"blake2b\":\"00\"}", "abc"), TRUST_E_HASH);
}

Test (hashes, no_hashes_are_none_to_compare)
{
    cr_assert_eq (hashes_check (NULL, "abc"), 0);
}

Test (hashes, a_malformed_hash_is_refused)
{
    static const char *const texts[] = {"{}",
                                        "[]",
                                        "7",
                                        "null",
                                        "{\"sha256\":7}",
                                        "{\"sha256\":\"\"}",
                                        "{\"sha256\":\"ba\"}",
                                        "{\"sha256\":\"" SHA256 "0\"}",
                                        "{\"sha512\":\"" SHA256 "\"}",
                                        "{\"sha512\":\"" SHA512 "00\"}",
                                        "{\"sha512\":[]}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq (hashes_check (texts[i], "abc"), TRUST_E_FORMAT, "%s", texts[i]);
}

Test (hex, text_is_decoded_completely_or_not_at_all)
{
    uint8_t bytes[4] = {9, 9, 9, 9};
    size_t size = 7;
    cr_assert_eq (trust_hex_decode ("00fFa5", 4, bytes, &size), 0);
    cr_assert_eq (size, 3);
    cr_assert_eq (memcmp (bytes, "\x00\xff\xa5\x09", 4), 0);
    static const char *const wrong[] = {"0", "0g", "g0", "0x00", " 00", "00 ", "0000000000"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq (trust_hex_decode (wrong[i], 4, bytes, &size), -EINVAL);
    cr_assert_eq (memcmp (bytes, "\x00\xff\xa5\x09", 4), 0);
    cr_assert_eq (trust_hex_decode ("", 4, bytes, &size), 0);
    cr_assert_eq (size, 0);
}
