/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/secret_file.c - key files: written, read, damaged in every byte, opened with a wrong passphrase */

#include <criterion/criterion.h>
#include <sodium.h>

#include "base/cleanup.h"
#include "trust/errors.h"
#include "trust/secret_file.h"

static const uint8_t seed[TRUST_SEED_BYTES] = "thirty-two bytes of randomness..";
static const uint8_t salt[TRUST_SALT_BYTES] = "sixteen of them.";
static const uint8_t nonce[TRUST_NONCE_BYTES] = "and twenty-four of them.";
static const struct trust_secret_cost cheap = {.operations = 1, .memory = 8192};

static char *text_of (bool locked)
{
    struct trust_secret secret = {0};
    struct trust_secret_file file = {0};
    struct base_buffer buffer = {0};
    trust_secret_init (&secret, seed);
    if (locked)
        cr_assert_eq (trust_secret_file_lock (&file, &secret, &cheap, salt, nonce, "open sesame", 11, NULL),
                      0);
    else
        trust_secret_file_plain (&file, &secret);
    cr_assert_eq (trust_secret_file_write (&file, &buffer), 0);
    trust_secret_file_deinit (&file);
    trust_secret_deinit (&secret);
    return base_buffer_take_text (&buffer);
}

static int read_text (const char *text, struct trust_secret_file *file, struct base_error *error)
{
    return trust_secret_file_read (text, strlen (text), file, error);
}

/*  Replaces one part of a text of a key file, and makes its check right again. The caller frees. */
static char *forged (const char *text, const char *part, const char *with)
{
    const char *at = strstr (text, part), *check = strstr (text, "check: ");
    cr_assert (at && at < check);
    struct base_buffer buffer = {0};
    char hex[65];
    cr_assert_eq (base_buffer_append (&buffer, text, (size_t) (at - text)), 0);
    cr_assert_eq (base_buffer_append_text (&buffer, with), 0);
    cr_assert_eq (base_buffer_append (&buffer, at + strlen (part), (size_t) (check - at) - strlen (part)), 0);
    struct base_digest digest = base_digest_of (buffer.data, buffer.size);
    cr_assert_eq (base_buffer_printf (&buffer, "check: %s\n", base_digest_format (&digest, hex)), 0);
    return base_buffer_take_text (&buffer);
}

Test (secret_file, a_locked_key_returns_with_its_passphrase)
{
    base_cleanup (base_free_p) char *text = text_of (true);
    struct trust_secret_file file = {0};
    struct trust_secret secret = {0};
    cr_assert_eq (read_text (text, &file, NULL), 0);
    cr_assert (file.locked);
    cr_assert_eq (trust_secret_file_open (&file, "open sesame", 11, &secret, NULL), 0);
    cr_assert_eq (memcmp (trust_secret_seed (&secret), seed, sizeof seed), 0);
    cr_assert_eq (memcmp (trust_secret_public (&secret), file.public, sizeof file.public), 0);
    char hex[65];
    (void) sodium_bin2hex (hex, sizeof hex, seed, sizeof seed);
    cr_assert_null (strstr (text, hex));
}

Test (secret_file, a_plain_key_needs_no_passphrase_and_says_so)
{
    base_cleanup (base_free_p) char *text = text_of (false);
    struct trust_secret_file file = {0};
    struct trust_secret secret = {0};
    cr_assert (strstr (text, "\nprotection: none\n"));
    cr_assert_eq (read_text (text, &file, NULL), 0);
    cr_assert_not (file.locked);
    cr_assert_eq (trust_secret_file_open (&file, NULL, 0, &secret, NULL), 0);
    cr_assert_eq (memcmp (trust_secret_seed (&secret), seed, sizeof seed), 0);
}

Test (secret_file, the_form_is_fixed)
{
    base_cleanup (base_free_p) char *text = text_of (true), *plain = text_of (false);
    cr_assert_eq (strncmp (text, "noded-key 1\npublic: ", 20), 0);
    cr_assert (strstr (text, "\nprotection: argon2id\noperations: 1\nmemory: 8192\n"
                             "salt: 7369787465656e206f66207468656d2e\n"
                             "nonce: 616e64207477656e74792d666f7572206f66207468656d2e\nsecret: "));
    cr_assert (strstr (plain,
                       "\nprotection: none\n"
                       "secret: 7468697274792d74776f206279746573206f662072616e646f6d6e6573732e2e\ncheck: "));
}

Test (secret_file, a_wrong_passphrase_is_told_from_damage)
{
    base_cleanup (base_free_p) char *text = text_of (true);
    struct trust_secret_file file = {0};
    struct trust_secret secret = {0};
    struct base_error error = {0};
    cr_assert_eq (read_text (text, &file, NULL), 0);
    static const char *const wrong[] = {"open sesam", "Open sesame", "open sesame ", ""};
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq (trust_secret_file_open (&file, wrong[i], strlen (wrong[i]), &secret, &error),
                      TRUST_E_PASSPHRASE);
    cr_assert_eq (trust_secret_file_open (&file, "open sesame\0", 12, &secret, &error), TRUST_E_PASSPHRASE);
    cr_assert_str_eq (error.text, "the passphrase is wrong (or the key file was changed on purpose)");
    cr_assert_eq (trust_secret_file_open (&file, NULL, 0, &secret, &error), TRUST_E_PASSPHRASE);
    cr_assert (trust_secret_is_null (&secret));
}

Test (secret_file, damage_in_any_byte_is_noticed_without_the_passphrase, .timeout = 60)
{
    for (int locked = 0; locked < 2; locked++) {
        base_cleanup (base_free_p) char *text = text_of (locked);
        size_t size = strlen (text);
        for (size_t at = 0; at < size; at++)
            for (unsigned bit = 0; bit < 8; bit++) {
                struct trust_secret_file file = {0};
                text[at] ^= (char) (1 << bit);
                int r = trust_secret_file_read (text, size, &file, NULL);
                cr_assert (r == TRUST_E_DAMAGED || (r == TRUST_E_FORMAT && at < 12), "byte %zu bit %u: %d",
                           at, bit, r);
                text[at] ^= (char) (1 << bit);
            }
        for (size_t cut = 0; cut < size; cut++) {
            struct trust_secret_file file = {0};
            int r = trust_secret_file_read (text, cut, &file, NULL);
            cr_assert (r == TRUST_E_DAMAGED || (r == TRUST_E_FORMAT && cut && cut < 12), "cut at %zu: %d",
                       cut, r);
        }
        base_cleanup (base_free_p) char *longer = forged (text, "noded-key", "noded-key");
        struct trust_secret_file file = {0};
        cr_assert_eq (read_text (longer, &file, NULL), 0);
        cr_assert_eq (trust_secret_file_read (longer, size + 1, &file, NULL), TRUST_E_DAMAGED);
    }
}

Test (secret_file, costs_over_the_bounds_are_refused_before_they_are_paid)
{
    base_cleanup (base_free_p) char *text = text_of (true);
    static const char *const rows[][3] = {
        {"memory: 8192", "memory: 1073742848", "allowed"},
        {"memory: 8192", "memory: 7168", "allowed"},
        {"memory: 8192", "memory: 8193", "allowed"},
        {"memory: 8192", "memory: 999999999999999999", "allowed"},
        {"memory: 8192", "memory: 08192", "damaged"},
        {"memory: 8192", "memory: ", "damaged"},
        {"memory: 8192", "memory: -1", "damaged"},
        {"memory: 8192", "memory: 18446744073709559808", "damaged"},
        {"operations: 1", "operations: 11", "allowed"},
        {"operations: 1", "operations: 0", "allowed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        base_cleanup (base_free_p) char *other = forged (text, rows[i][0], rows[i][1]);
        struct trust_secret_file file = {0};
        struct base_error error = {0};
        cr_assert_gt (read_text (other, &file, &error), 0, "%s", rows[i][1]);
        cr_assert (strstr (error.text, rows[i][2]), "%s: %s", rows[i][1], error.text);
    }
    base_cleanup (base_free_p) char *most = forged (text, "memory: 8192", "memory: 1073741824");
    struct trust_secret_file file = {0};
    cr_assert_eq (read_text (most, &file, NULL), 0);
}

Test (secret_file, what_stands_before_the_secret_is_authenticated_with_it)
{
    base_cleanup (base_free_p) char *text = text_of (true);
    static const char *const rows[][2] = {
        {"operations: 1", "operations: 2"},
        {"memory: 8192", "memory: 9216"},
        {"salt: 7", "salt: 6"},
        {"nonce: 6", "nonce: 7"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        base_cleanup (base_free_p) char *other = forged (text, rows[i][0], rows[i][1]);
        struct trust_secret_file file = {0};
        struct trust_secret secret = {0};
        cr_assert_eq (read_text (other, &file, NULL), 0);
        cr_assert_eq (trust_secret_file_open (&file, "open sesame", 11, &secret, NULL), TRUST_E_PASSPHRASE);
    }
    /*  The public key derives nothing: only the authentication shows that it was exchanged. */
    struct trust_secret_file file = {0};
    struct trust_secret secret = {0};
    cr_assert_eq (read_text (text, &file, NULL), 0);
    file.public[0] ^= 1;
    cr_assert_eq (trust_secret_file_open (&file, "open sesame", 11, &secret, NULL), TRUST_E_PASSPHRASE);
}

Test (secret_file, a_plain_secret_of_another_public_key_is_damage)
{
    base_cleanup (base_free_p) char *text = text_of (false);
    base_cleanup (base_free_p) char *other = forged (text, "secret: 7", "secret: 6");
    struct trust_secret_file file = {0};
    struct trust_secret secret = {0};
    cr_assert_eq (read_text (other, &file, NULL), 0);
    cr_assert_eq (trust_secret_file_open (&file, NULL, 0, &secret, NULL), TRUST_E_DAMAGED);
    cr_assert (trust_secret_is_null (&secret));
}

Test (secret_file, other_files_and_newer_ones_are_named)
{
    struct trust_secret_file file = {0};
    struct base_error error = {0};
    cr_assert_eq (read_text ("noded-key 2\npublic: 00\n", &file, &error), TRUST_E_FORMAT);
    cr_assert (strstr (error.text, "a version that this program does not know"));
    cr_assert_eq (read_text ("-----BEGIN PRIVATE KEY-----\n", &file, &error), TRUST_E_FORMAT);
    cr_assert (strstr (error.text, "not a key file of noded"));
    static const char zeros[TRUST_SECRET_FILE_MOST + 1];
    cr_assert_eq (trust_secret_file_read (zeros, sizeof zeros, &file, &error), TRUST_E_FORMAT);
    cr_assert_eq (trust_secret_file_read (zeros, 200, &file, &error), TRUST_E_FORMAT);
}

Test (secret_file, deinit_leaves_nothing)
{
    base_cleanup (base_free_p) char *text = text_of (false);
    struct trust_secret_file file = {0};
    cr_assert_eq (read_text (text, &file, NULL), 0);
    trust_secret_file_deinit (&file);
    for (size_t i = 0; i < sizeof file; i++)
        cr_assert_eq (((const uint8_t *) &file)[i], 0);
}
