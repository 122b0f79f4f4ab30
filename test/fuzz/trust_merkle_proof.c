/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/trust_merkle_proof.c - fuzz target for proofs and frontiers of the log

    kind, two numbers of 8 bytes (big-endian), then the bytes of a proof. For small logs whose entries are known here,
    only the true proof may be accepted. Large numbers must do no harm. */

#include "test/fuzz/target.h"
#include "trust/errors.h"
#include "trust/merkle.h"

enum { KNOWN = 80, HEAD = 17 };

static struct base_digest leaves[KNOWN], roots[KNOWN + 1];

static void known_make (void)
{
    if (!base_digest_is_null (&roots[0]))
        return;
    for (unsigned i = 0; i < KNOWN; i++)
        leaves[i] = trust_merkle_leaf (&i, sizeof i);
    for (unsigned i = 0; i <= KNOWN; i++)
        roots[i] = trust_merkle_root_of (leaves, i);
}

static uint64_t number_of (const uint8_t *data)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | data[i];
    return number;
}

static bool proof_equal (const struct trust_merkle_proof *a, const struct trust_merkle_proof *b)
{
    return a->count == b->count && memcmp (a->path, b->path, a->count * sizeof *a->path) == 0;
}

static void fuzz_inclusion (uint64_t index, uint64_t size, const struct trust_merkle_proof *proof)
{
    const struct base_digest *root = &roots[size <= KNOWN ? size : KNOWN];
    struct trust_merkle_proof right;
    int r = trust_merkle_check_inclusion (&leaves[index < KNOWN ? index : 0], index, size, root, proof, NULL);
    fuzz_assert (r == 0 || r == TRUST_E_PROOF);
    if (size > KNOWN || index >= size) {
        fuzz_assert (r == TRUST_E_PROOF);
        return;
    }
    trust_merkle_prove_inclusion (leaves, size, index, &right);
    fuzz_assert ((r == 0) == proof_equal (proof, &right));
}

static void fuzz_consistency (uint64_t older, uint64_t size, const struct trust_merkle_proof *proof)
{
    struct trust_merkle_proof right = {0};
    int r = trust_merkle_check_consistency (older, &roots[older <= KNOWN ? older : KNOWN], size,
                                            &roots[size <= KNOWN ? size : KNOWN], proof, NULL);
    fuzz_assert (r == 0 || r == TRUST_E_PROOF);
    if (older > size)
        fuzz_assert (r == TRUST_E_PROOF);
    if (older > size || size > KNOWN)
        return;
    if (older)
        trust_merkle_prove_consistency (leaves, size, older, &right);
    fuzz_assert ((r == 0) == proof_equal (proof, &right));
}

static void fuzz_frontier (const uint8_t *data, size_t size)
{
    struct trust_merkle merkle;
    base_cleanup (base_buffer_deinit) struct base_buffer again = {0};
    int r = trust_merkle_read (data, size, &merkle, NULL);
    fuzz_assert (r == 0 || r == TRUST_E_FORMAT);
    if (r)
        return;
    fuzz_assert (trust_merkle_write (&merkle, &again) == 0);
    fuzz_assert (again.size == size && memcmp (again.data, data, size) == 0);
    (void) trust_merkle_root (&merkle);
    if (merkle.size < TRUST_MERKLE_MOST)
        trust_merkle_append (&merkle, &leaves[0]);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    known_make ();
    fuzz_frontier (data, size);
    if (size < HEAD)
        return 0;
    struct trust_merkle_proof proof;
    struct base_error error = {0};
    int r = trust_merkle_proof_read (data + HEAD, size - HEAD, &proof, &error);
    fuzz_assert (r == 0 || (r == TRUST_E_FORMAT && *error.text));
    if (r)
        return 0;
    uint64_t first = number_of (data + 1), second = number_of (data + 9);
    if (data[0] & 2) { /* small numbers, which are rare otherwise */
        first %= KNOWN + 1;
        second %= KNOWN + 1;
    }
    if (data[0] & 1)
        fuzz_consistency (first, second, &proof);
    else
        fuzz_inclusion (first, second, &proof);
    return 0;
}
