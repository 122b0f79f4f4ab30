/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/trust_secret_file.c - fuzz target for the reader of key files

    The first byte says whether the rest is a file as it is, or what stands before its check: then the check is made, so
    that the reader gets past it. An accepted file is written as the same bytes, and opens or does not. */

#include <sodium.h>

#include "test/fuzz/target.h"
#include "trust/errors.h"
#include "trust/secret_file.h"

static bool file_equal (const struct trust_secret_file *a, const struct trust_secret_file *b)
{
    return a->locked == b->locked && a->cost.operations == b->cost.operations &&
           a->cost.memory == b->cost.memory && memcmp (a->public, b->public, sizeof a->public) == 0 &&
           memcmp (a->salt, b->salt, sizeof a->salt) == 0 &&
           memcmp (a->nonce, b->nonce, sizeof a->nonce) == 0 && memcmp (a->box, b->box, sizeof a->box) == 0;
}

static void file_open (const struct trust_secret_file *file)
{
    static const char passphrase[] = "passphrase";
    struct trust_secret secret = {0};
    if (file->locked && (file->cost.memory > 64 * 1024 || file->cost.operations > 2))
        return;
    int r = trust_secret_file_open (file, passphrase, sizeof passphrase - 1, &secret, NULL);
    fuzz_assert (r == 0 || r == TRUST_E_DAMAGED || (r == TRUST_E_PASSPHRASE && file->locked));
    fuzz_assert (trust_secret_is_null (&secret) == (r != 0));
    fuzz_assert (r || memcmp (trust_secret_public (&secret), file->public, sizeof file->public) == 0);
    trust_secret_deinit (&secret);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    base_cleanup (base_buffer_deinit) struct base_buffer text = {0}, again = {0};
    fuzz_assert (base_buffer_append (&text, data + 1, size - 1) == 0);
    if (data[0] & 1) {
        struct base_digest check = base_digest_of (data + 1, size - 1);
        char hex[BASE_DIGEST_TEXT];
        fuzz_assert (base_buffer_printf (&text, "check: %s\n", base_digest_format (&check, hex)) == 0);
    }
    struct trust_secret_file file = {0}, back = {0};
    struct base_error error = {0};
    int r = trust_secret_file_read (text.data, text.size, &file, &error);
    fuzz_assert (r == 0 || r == TRUST_E_FORMAT || r == TRUST_E_DAMAGED);
    fuzz_assert (r == 0 || *error.text);
    fuzz_assert (r == 0 || file_equal (&file, &back));
    if (r == 0) {
        fuzz_assert (trust_secret_file_write (&file, &again) == 0);
        fuzz_assert (again.size == text.size && memcmp (again.data, text.data, text.size) == 0);
        fuzz_assert (trust_secret_file_read (again.data, again.size, &back, NULL) == 0);
        fuzz_assert (file_equal (&file, &back));
        file_open (&file);
    }
    return 0;
}
