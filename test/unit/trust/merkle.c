/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/merkle.c - the log against the recursive definitions of RFC 9162, for every size up to 66 */

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "trust/errors.h"
#include "trust/merkle.h"

enum { SIZES = 66 };

static struct base_digest leaves[SIZES];

static void leaves_make (void)
{
    for (unsigned i = 0; i < SIZES; i++)
        leaves[i] = trust_merkle_leaf (&i, sizeof i);
}

TestSuite (merkle, .init = leaves_make);

static uint64_t split_of (uint64_t count)
{
    uint64_t k = 1;
    while (2 * k < count)
        k *= 2;
    return k;
}

/*  MTH (D[n]) */
static struct base_digest root_defined (const struct base_digest *from, uint64_t count)
{
    if (count == 0)
        return base_digest_of ("", 0);
    if (count == 1)
        return *from;
    uint64_t k = split_of (count);
    struct base_digest left = root_defined (from, k), right = root_defined (from + k, count - k);
    return trust_merkle_node (&left, &right);
}

static void proof_append (struct trust_merkle_proof *proof, struct base_digest digest)
{
    proof->path[proof->count++] = digest;
}

/*  PATH (m, D[n]) */
static void path_defined (uint64_t m, const struct base_digest *from, uint64_t count,
                          struct trust_merkle_proof *proof)
{
    if (count == 1)
        return;
    uint64_t k = split_of (count);
    if (m < k) {
        path_defined (m, from, k, proof);
        proof_append (proof, root_defined (from + k, count - k));
    } else {
        path_defined (m - k, from + k, count - k, proof);
        proof_append (proof, root_defined (from, k));
    }
}

/*  SUBPROOF (m, D[n], b) */
static void subproof_defined (uint64_t m, const struct base_digest *from, uint64_t count, bool b,
                              struct trust_merkle_proof *proof)
{
    if (m == count) {
        if (!b)
            proof_append (proof, root_defined (from, count));
        return;
    }
    uint64_t k = split_of (count);
    if (m <= k) {
        subproof_defined (m, from, k, b, proof);
        proof_append (proof, root_defined (from + k, count - k));
    } else {
        subproof_defined (m - k, from + k, count - k, false, proof);
        proof_append (proof, root_defined (from, k));
    }
}

static bool proof_equal (const struct trust_merkle_proof *a, const struct trust_merkle_proof *b)
{
    return a->count == b->count && memcmp (a->path, b->path, a->count * sizeof *a->path) == 0;
}

Test (merkle, roots_are_those_that_certificate_transparency_publishes)
{
    static const struct {
        const char *data;
        size_t size;
        const char *root;
    } rows[] = {
        {"", 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"\0", 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"\x10", 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"\x20\x21", 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"\x30\x31", 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"\x40\x41\x42\x43", 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"\x50\x51\x52\x53\x54\x55\x56\x57", 8,
         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16,
         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
    };
    struct trust_merkle merkle = {0};
    char text[BASE_DIGEST_TEXT];
    struct base_digest root = trust_merkle_root (&merkle);
    cr_assert_str_eq (base_digest_format (&root, text),
                      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct base_digest leaf = trust_merkle_leaf (rows[i].data, rows[i].size);
        trust_merkle_append (&merkle, &leaf);
        root = trust_merkle_root (&merkle);
        cr_assert_str_eq (base_digest_format (&root, text), rows[i].root, "size %zu: %s", i + 1, text);
    }
}

Test (merkle, a_frontier_has_the_root_of_the_definition)
{
    struct trust_merkle merkle = {0};
    for (uint64_t count = 0;; count++) {
        struct base_digest root = trust_merkle_root (&merkle), of = trust_merkle_root_of (leaves, count),
                           defined = root_defined (leaves, count);
        cr_assert_eq (merkle.size, count);
        cr_assert (base_digest_equal (&root, &defined));
        cr_assert (base_digest_equal (&of, &defined));
        if (count == SIZES)
            break;
        trust_merkle_append (&merkle, &leaves[count]);
    }
}

Test (merkle, an_inclusion_proof_is_the_defined_one_and_proves_only_its_entry)
{
    for (uint64_t count = 1; count <= SIZES; count++) {
        struct base_digest root = root_defined (leaves, count);
        for (uint64_t index = 0; index < count; index++) {
            struct trust_merkle_proof proof, defined = {0};
            trust_merkle_prove_inclusion (leaves, count, index, &proof);
            path_defined (index, leaves, count, &defined);
            cr_assert (proof_equal (&proof, &defined), "%lu of %lu", index, count);
            cr_assert_eq (trust_merkle_check_inclusion (&leaves[index], index, count, &root, &proof, NULL),
                          0);
            for (uint64_t other = 0; other < count + 2; other++)
                if (other != index) {
                    cr_assert_eq (
                        trust_merkle_check_inclusion (&leaves[index], other, count, &root, &proof, NULL),
                        TRUST_E_PROOF);
                    cr_assert_eq (trust_merkle_check_inclusion (&leaves[other % SIZES], index, count, &root,
                                                                &proof, NULL),
                                  other % SIZES == index ? 0 : TRUST_E_PROOF);
                }
        }
    }
}

Test (merkle, a_changed_proof_is_refused)
{
    for (uint64_t count = 1; count <= SIZES; count++) {
        struct base_digest root = root_defined (leaves, count);
        for (uint64_t index = 0; index < count; index++) {
            struct trust_merkle_proof proof;
            trust_merkle_prove_inclusion (leaves, count, index, &proof);
            for (size_t i = 0; i < proof.count; i++) {
                proof.path[i].bytes[i % 32] ^= 1;
                cr_assert_eq (
                    trust_merkle_check_inclusion (&leaves[index], index, count, &root, &proof, NULL),
                    TRUST_E_PROOF);
                proof.path[i].bytes[i % 32] ^= 1;
            }
            proof.path[proof.count] = root;
            proof.count++;
            cr_assert_eq (trust_merkle_check_inclusion (&leaves[index], index, count, &root, &proof, NULL),
                          TRUST_E_PROOF);
            proof.count--;
            if (proof.count) {
                proof.count--;
                cr_assert_eq (
                    trust_merkle_check_inclusion (&leaves[index], index, count, &root, &proof, NULL),
                    TRUST_E_PROOF);
            }
        }
    }
}

Test (merkle, a_consistency_proof_is_the_defined_one_and_proves_only_its_two_trees)
{
    for (uint64_t count = 1; count <= SIZES; count++) {
        struct base_digest root = root_defined (leaves, count);
        for (uint64_t older = 1; older <= count; older++) {
            struct base_digest older_root = root_defined (leaves, older);
            struct trust_merkle_proof proof, defined = {0};
            trust_merkle_prove_consistency (leaves, count, older, &proof);
            subproof_defined (older, leaves, count, true, &defined);
            cr_assert (proof_equal (&proof, &defined), "%lu of %lu", older, count);
            cr_assert_eq (trust_merkle_check_consistency (older, &older_root, count, &root, &proof, NULL), 0,
                          "%lu of %lu", older, count);
            cr_assert_eq (
                trust_merkle_check_consistency (older, &leaves[SIZES - 1], count, &root, &proof, NULL),
                count == SIZES && older == SIZES && SIZES == 1 ? 0 : TRUST_E_PROOF);
            cr_assert_eq (
                trust_merkle_check_consistency (older, &older_root, count, &leaves[SIZES - 1], &proof, NULL),
                TRUST_E_PROOF);
            if (older < count)
                cr_assert_eq (trust_merkle_check_consistency (count, &root, older, &older_root, &proof, NULL),
                              TRUST_E_PROOF);
            for (size_t i = 0; i < proof.count; i++) {
                proof.path[i].bytes[i % 32] ^= 1;
                cr_assert_eq (trust_merkle_check_consistency (older, &older_root, count, &root, &proof, NULL),
                              TRUST_E_PROOF);
                proof.path[i].bytes[i % 32] ^= 1;
            }
            proof.path[proof.count] = root;
            proof.count++;
            cr_assert_eq (trust_merkle_check_consistency (older, &older_root, count, &root, &proof, NULL),
                          TRUST_E_PROOF);
            proof.count--;
            if (proof.count) {
                proof.count--;
                cr_assert_eq (trust_merkle_check_consistency (older, &older_root, count, &root, &proof, NULL),
                              TRUST_E_PROOF);
            }
        }
    }
}

Test (merkle, a_log_that_was_rewritten_has_no_consistency_proof)
{
    struct base_digest before = trust_merkle_root_of (leaves, 20);
    for (unsigned changed = 0; changed < 20; changed++) {
        struct base_digest other[SIZES];
        struct trust_merkle_proof proof;
        memcpy (other, leaves, sizeof other);
        other[changed].bytes[0] ^= 1;
        struct base_digest after = trust_merkle_root_of (other, 40);
        trust_merkle_prove_consistency (other, 40, 20, &proof);
        cr_assert_eq (trust_merkle_check_consistency (20, &before, 40, &after, &proof, NULL), TRUST_E_PROOF);
    }
}

Test (merkle, a_log_that_became_shorter_is_refused_also_under_the_same_root)
{
    struct trust_merkle_proof none = {0};
    for (uint64_t older = 1; older <= SIZES; older++)
        for (uint64_t size = 0; size < older; size++)
            cr_assert_eq (trust_merkle_check_consistency (older, &leaves[0], size, &leaves[0], &none, NULL),
                          TRUST_E_PROOF, "%lu to %lu", older, size);
}

Test (merkle, every_log_continues_the_empty_one)
{
    struct base_digest empty = base_digest_of ("", 0), root = root_defined (leaves, 5);
    struct trust_merkle_proof none = {0}, one = {.count = 1};
    struct base_error error = {0};
    cr_assert_eq (trust_merkle_check_consistency (0, &empty, 5, &root, &none, NULL), 0);
    cr_assert_eq (trust_merkle_check_consistency (0, &empty, 0, &empty, &none, NULL), 0);
    cr_assert_eq (trust_merkle_check_consistency (0, &root, 5, &root, &none, NULL), TRUST_E_PROOF);
    cr_assert_eq (trust_merkle_check_consistency (0, &empty, 5, &root, &one, NULL), TRUST_E_PROOF);
    cr_assert_eq (trust_merkle_check_consistency (5, &leaves[0], 5, &root, &none, &error), TRUST_E_PROOF);
    cr_assert_str_eq (error.text, "the proof of the log is wrong: two logs of one size have different roots");
}

Test (merkle, impossible_sizes_are_refused)
{
    struct trust_merkle_proof none = {0};
    struct base_digest root = leaves[0];
    cr_assert_eq (trust_merkle_check_inclusion (&root, 0, 1, &root, &none, NULL), 0);
    cr_assert_eq (trust_merkle_check_inclusion (&root, 0, 0, &root, &none, NULL), TRUST_E_PROOF);
    cr_assert_eq (trust_merkle_check_inclusion (&root, 1, 1, &root, &none, NULL), TRUST_E_PROOF);
    cr_assert_eq (trust_merkle_check_inclusion (&root, 0, TRUST_MERKLE_MOST + 1, &root, &none, NULL),
                  TRUST_E_PROOF);
    cr_assert_eq (trust_merkle_check_inclusion (&root, UINT64_MAX, UINT64_MAX, &root, &none, NULL),
                  TRUST_E_PROOF);
    cr_assert_eq (trust_merkle_check_inclusion (&root, UINT64_MAX - 1, UINT64_MAX, &root, &none, NULL),
                  TRUST_E_PROOF);
    cr_assert_eq (trust_merkle_check_consistency (1, &root, UINT64_MAX, &root, &none, NULL), TRUST_E_PROOF);
    cr_assert_eq (trust_merkle_check_consistency (UINT64_MAX, &root, UINT64_MAX, &root, &none, NULL),
                  TRUST_E_PROOF);
    struct trust_merkle_proof full = {.count = sizeof full.path / sizeof *full.path};
    cr_assert_eq (trust_merkle_check_inclusion (&root, 0, TRUST_MERKLE_MOST, &root, &full, NULL),
                  TRUST_E_PROOF);
    cr_assert_eq (trust_merkle_check_consistency (1, &root, TRUST_MERKLE_MOST, &root, &full, NULL),
                  TRUST_E_PROOF);
}

Test (merkle, proofs_and_frontiers_return_from_bytes)
{
    struct trust_merkle merkle = {0};
    for (uint64_t count = 0; count < SIZES; count++) {
        base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0}, bytes = {0};
        struct trust_merkle back = {.size = 99};
        cr_assert_eq (trust_merkle_write (&merkle, &buffer), 0);
        cr_assert_eq (trust_merkle_read (buffer.data, buffer.size, &back, NULL), 0);
        cr_assert_eq (memcmp (&merkle, &back, sizeof back), 0);
        for (size_t size = 0; size < buffer.size; size++)
            cr_assert_eq (trust_merkle_read (buffer.data, size, &back, NULL), TRUST_E_FORMAT);
        cr_assert_eq (base_buffer_append (&buffer, &leaves[0], sizeof leaves[0]), 0);
        cr_assert_eq (trust_merkle_read (buffer.data, buffer.size, &back, NULL), TRUST_E_FORMAT);
        trust_merkle_append (&merkle, &leaves[count]);

        struct trust_merkle_proof proof, read;
        trust_merkle_prove_inclusion (leaves, count + 1, count, &proof);
        cr_assert_eq (trust_merkle_proof_write (&proof, &bytes), 0);
        cr_assert_eq (trust_merkle_proof_read (bytes.data, bytes.size, &read, NULL), 0);
        cr_assert (proof_equal (&proof, &read));
        if (bytes.size)
            cr_assert_eq (trust_merkle_proof_read (bytes.data, bytes.size - 1, &read, NULL), TRUST_E_FORMAT);
    }
    static const uint8_t huge[8 + 64 * 32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    cr_assert_eq (trust_merkle_read (huge, sizeof huge, &merkle, NULL), TRUST_E_FORMAT);
    static const uint8_t many[107 * 32];
    struct trust_merkle_proof read;
    cr_assert_eq (trust_merkle_proof_read (many, sizeof many, &read, NULL), TRUST_E_FORMAT);
    cr_assert_eq (trust_merkle_proof_read (many, sizeof many - 32, &read, NULL), 0);
}
