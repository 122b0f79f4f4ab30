/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/secret_file.c - the file of a secret key */

#include "trust/secret_file.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "trust/errors.h"

_Static_assert(TRUST_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "libsodium's salt");
_Static_assert(TRUST_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "libsodium's nonce");
_Static_assert(TRUST_BOX_BYTES == TRUST_SEED_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "libsodium's tag");

enum { LOCK_KEY_BYTES = crypto_aead_xchacha20poly1305_ietf_KEYBYTES };

#define TITLE "noded-key 1\n"

const struct trust_secret_cost trust_secret_cost_default = {.operations = 3, .memory = UINT64_C (256) << 20};

static bool cost_is_valid (const struct trust_secret_cost *cost)
{
    return cost->operations >= 1 && cost->operations <= TRUST_OPERATIONS_MOST &&
           cost->memory >= TRUST_MEMORY_LEAST && cost->memory <= TRUST_MEMORY_MOST &&
           cost->memory % 1024 == 0;
}

void trust_secret_file_deinit (struct trust_secret_file *file)
{
    if (file)
        explicit_bzero (file, sizeof *file);
}

static int line_write (struct base_buffer *buffer, const char *name, const uint8_t *bytes, size_t size)
{
    char hex[2 * TRUST_BOX_BYTES + 1];
    base_assert (2 * size < sizeof hex);
    (void) sodium_bin2hex (hex, sizeof hex, bytes, size);
    int r = base_buffer_printf (buffer, "%s: %s\n", name, hex);
    explicit_bzero (hex, sizeof hex);
    return r;
}

/*  Everything before `secret`: what is authenticated with it. */
static int head_write (const struct trust_secret_file *file, struct base_buffer *buffer)
{
    int r = base_buffer_append_text (buffer, TITLE);
    if (r == 0)
        r = line_write (buffer, "public", file->public, sizeof file->public);
    if (r == 0)
        r = base_buffer_printf (buffer, "protection: %s\n", file->locked ? "argon2id" : "none");
    if (r < 0 || !file->locked)
        return r;
    r = base_buffer_printf (buffer, "operations: %" PRIu64 "\nmemory: %" PRIu64 "\n", file->cost.operations,
                            file->cost.memory);
    if (r == 0)
        r = line_write (buffer, "salt", file->salt, sizeof file->salt);
    return r < 0 ? r : line_write (buffer, "nonce", file->nonce, sizeof file->nonce);
}

/*  Derives the key of the box from a passphrase. Takes as long as the cost says. */
static int key_derive (const struct trust_secret_file *file, const void *passphrase, size_t size,
                       uint8_t ret_key[LOCK_KEY_BYTES], struct base_error *error)
{
    base_assert (file->locked && cost_is_valid (&file->cost));
    base_assert (passphrase && size && size <= TRUST_PASSPHRASE_MOST);
    if (crypto_pwhash_argon2id (ret_key, LOCK_KEY_BYTES, passphrase, size, file->salt, file->cost.operations,
                                (size_t) file->cost.memory, crypto_pwhash_argon2id_ALG_ARGON2ID13))
        return base_error_set (error, -ENOMEM,
                               "there is not enough memory for the passphrase: %" PRIu64 " bytes",
                               file->cost.memory);
    return 0;
}

int trust_secret_file_lock (struct trust_secret_file *ret_file, const struct trust_secret *secret,
                            const struct trust_secret_cost *cost, const uint8_t salt[TRUST_SALT_BYTES],
                            const uint8_t nonce[TRUST_NONCE_BYTES], const void *passphrase, size_t size,
                            struct base_error *error)
{
    base_assert (ret_file && secret && cost && salt && nonce);
    base_assert (!trust_secret_is_null (secret));
    struct trust_secret_file file = {.locked = true, .cost = *cost};
    memcpy (file.public, trust_secret_public (secret), sizeof file.public);
    memcpy (file.salt, salt, sizeof file.salt);
    memcpy (file.nonce, nonce, sizeof file.nonce);
    base_cleanup (base_buffer_deinit) struct base_buffer head = {0};
    uint8_t key[LOCK_KEY_BYTES] = {0};
    int r = head_write (&file, &head);
    if (r == 0)
        r = key_derive (&file, passphrase, size, key, error);
    if (r == 0) {
        r = crypto_aead_xchacha20poly1305_ietf_encrypt (file.box, NULL, trust_secret_seed (secret),
                                                        TRUST_SEED_BYTES, head.data, head.size, NULL,
                                                        file.nonce, key);
        base_assert (r == 0);
        *ret_file = file;
    }
    explicit_bzero (key, sizeof key);
    return r;
}

void trust_secret_file_plain (struct trust_secret_file *ret_file, const struct trust_secret *secret)
{
    base_assert (ret_file && secret);
    base_assert (!trust_secret_is_null (secret));
    *ret_file = (struct trust_secret_file){.locked = false};
    memcpy (ret_file->public, trust_secret_public (secret), sizeof ret_file->public);
    memcpy (ret_file->box, trust_secret_seed (secret), TRUST_SEED_BYTES);
}

int trust_secret_file_write (const struct trust_secret_file *file, struct base_buffer *buffer)
{
    base_assert (file && buffer);
    base_assert (!file->locked || cost_is_valid (&file->cost));
    /*  Reserved at once: a buffer that grows leaves copies of a secret behind. */
    int r = base_buffer_reserve (buffer, TRUST_SECRET_FILE_MOST);
    if (r < 0)
        return r;
    size_t from = buffer->size;
    r = head_write (file, buffer);
    base_assert (r == 0);
    r = line_write (buffer, "secret", file->box, file->locked ? TRUST_BOX_BYTES : TRUST_SEED_BYTES);
    base_assert (r == 0);
    struct base_digest check = base_digest_of (buffer->data + from, buffer->size - from);
    r = line_write (buffer, "check", check.bytes, sizeof check.bytes);
    base_assert (r == 0 && buffer->size - from < TRUST_SECRET_FILE_MOST);
    return r;
}

/*  What is left of a file. A failed step stays failed, so that one check at the end is enough. */
struct lines {
    const char *at, *end;
    bool failed;
};

static void lines_expect (struct lines *lines, const char *text)
{
    size_t size = strlen (text);
    lines->failed |= (size_t) (lines->end - lines->at) < size || memcmp (lines->at, text, size) != 0;
    if (!lines->failed)
        lines->at += size;
}

static int digit_of (char character)
{
    return character >= '0' && character <= '9'   ? character - '0'
           : character >= 'a' && character <= 'f' ? character - 'a' + 10
                                                  : -1;
}

static void lines_bytes (struct lines *lines, const char *name, uint8_t *bytes, size_t size)
{
    lines_expect (lines, name);
    lines->failed |= (size_t) (lines->end - lines->at) < 2 * size;
    for (size_t i = 0; i < size && !lines->failed; i++, lines->at += 2) {
        int high = digit_of (lines->at[0]), low = digit_of (lines->at[1]);
        lines->failed |= high < 0 || low < 0;
        bytes[i] = (uint8_t) (high * 16 + low);
    }
    lines_expect (lines, "\n");
}

static uint64_t lines_number (struct lines *lines, const char *name)
{
    lines_expect (lines, name);
    uint64_t number = 0;
    const char *from = lines->at;
    for (; !lines->failed && lines->at < lines->end && *lines->at >= '0' && *lines->at <= '9'; lines->at++) {
        lines->failed |= lines->at - from == 18 || (lines->at > from && *from == '0');
        number = number * 10 + (uint64_t) (*lines->at - '0');
    }
    lines->failed |= lines->at == from;
    lines_expect (lines, "\n");
    return number;
}

static bool lines_begin (const struct lines *lines, const char *text)
{
    size_t size = strlen (text);
    return !lines->failed && (size_t) (lines->end - lines->at) >= size && memcmp (lines->at, text, size) == 0;
}

static int file_read (const char *text, size_t size, struct trust_secret_file *ret_file,
                      struct base_error *error)
{
    struct lines lines = {.at = text, .end = text + size};
    lines_expect (&lines, TITLE);
    if (lines.failed) {
        lines.failed = false;
        bool other = lines_begin (&lines, "noded-key ");
        return base_error_set (
            error, TRUST_E_FORMAT,
            other ? "this key file has a version that this program does not know; use a newer one"
                  : "this is not a key file of noded: it does not begin with 'noded-key 1'");
    }
    lines_bytes (&lines, "public: ", ret_file->public, sizeof ret_file->public);
    ret_file->locked = lines_begin (&lines, "protection: argon2id\n");
    lines_expect (&lines, ret_file->locked ? "protection: argon2id\n" : "protection: none\n");
    if (ret_file->locked) {
        ret_file->cost.operations = lines_number (&lines, "operations: ");
        ret_file->cost.memory = lines_number (&lines, "memory: ");
        lines_bytes (&lines, "salt: ", ret_file->salt, sizeof ret_file->salt);
        lines_bytes (&lines, "nonce: ", ret_file->nonce, sizeof ret_file->nonce);
    }
    lines_bytes (&lines, "secret: ", ret_file->box, ret_file->locked ? TRUST_BOX_BYTES : TRUST_SEED_BYTES);
    size_t checked = (size_t) (lines.at - text);
    struct base_digest said, is = base_digest_of (text, checked);
    lines_bytes (&lines, "check: ", said.bytes, sizeof said.bytes);
    if (lines.failed || lines.at != lines.end)
        return base_error_set (
            error, TRUST_E_DAMAGED,
            "the key file is damaged: it is truncated, or a line is not as it was written; "
            "restore it from a copy");
    if (!base_digest_equal (&said, &is))
        return base_error_set (error, TRUST_E_DAMAGED,
                               "the key file is damaged: its check does not match; restore it from a copy");
    if (ret_file->locked && !cost_is_valid (&ret_file->cost))
        return base_error_set (error, TRUST_E_FORMAT,
                               "the key file asks for %" PRIu64 " operations and %" PRIu64
                               " bytes of memory; 1 to %d operations and %" PRIu64 " to %" PRIu64
                               " bytes (a multiple of 1024) are allowed",
                               ret_file->cost.operations, ret_file->cost.memory, TRUST_OPERATIONS_MOST,
                               TRUST_MEMORY_LEAST, TRUST_MEMORY_MOST);
    return 0;
}

int trust_secret_file_read (const void *data, size_t size, struct trust_secret_file *ret_file,
                            struct base_error *error)
{
    base_assert ((data || size == 0) && ret_file);
    if (size == 0)
        return base_error_set (error, TRUST_E_DAMAGED, "the key file is empty; restore it from a copy");
    if (size > TRUST_SECRET_FILE_MOST)
        return base_error_set (error, TRUST_E_FORMAT, "this is not a key file of noded: it is too long");
    struct trust_secret_file file = {0};
    int r = file_read (data, size, &file, error);
    if (r == 0)
        *ret_file = file;
    trust_secret_file_deinit (&file);
    return r;
}

int trust_secret_file_open (const struct trust_secret_file *file, const void *passphrase, size_t size,
                            struct trust_secret *ret_secret, struct base_error *error)
{
    base_assert (file && ret_secret);
    uint8_t seed[TRUST_SEED_BYTES] = {0}, key[LOCK_KEY_BYTES] = {0};
    base_cleanup (base_buffer_deinit) struct base_buffer head = {0};
    int r = 0;
    if (!file->locked) {
        memcpy (seed, file->box, sizeof seed);
    } else if (!passphrase || size == 0 || size > TRUST_PASSPHRASE_MOST) {
        r = base_error_set (error, TRUST_E_PASSPHRASE, "the key file needs its passphrase: 1 to %d bytes",
                            TRUST_PASSPHRASE_MOST);
    } else {
        r = head_write (file, &head);
        if (r == 0)
            r = key_derive (file, passphrase, size, key, error);
        if (r == 0 &&
            crypto_aead_xchacha20poly1305_ietf_decrypt (seed, NULL, NULL, file->box, sizeof file->box,
                                                        head.data, head.size, file->nonce, key))
            r = base_error_set (error, TRUST_E_PASSPHRASE,
                                "the passphrase is wrong (or the key file was changed on purpose)");
    }
    struct trust_secret secret = {0};
    if (r == 0) {
        trust_secret_init (&secret, seed);
        if (memcmp (trust_secret_public (&secret), file->public, sizeof file->public) != 0)
            r = base_error_set (
                error, TRUST_E_DAMAGED,
                "the key file is damaged: its secret is not that of its public key; restore it "
                "from a copy");
        else
            *ret_secret = secret;
    }
    trust_secret_deinit (&secret);
    explicit_bzero (seed, sizeof seed);
    explicit_bzero (key, sizeof key);
    return r;
}
