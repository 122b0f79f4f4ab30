/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/merkle.c - the transparency log */

#include "trust/merkle.h"

#include "base/assert.h"
#include "trust/errors.h"

static unsigned peaks_of (uint64_t size)
{
    return (unsigned) __builtin_popcountll (size);
}

struct base_digest trust_merkle_leaf (const void *entry, size_t size)
{
    base_assert (entry || size == 0);
    struct base_hash hash;
    base_hash_init (&hash);
    base_hash_update (&hash, "\0", 1);
    base_hash_update (&hash, entry, size);
    return base_hash_final (&hash);
}

struct base_digest trust_merkle_node (const struct base_digest *left, const struct base_digest *right)
{
    base_assert (left && right);
    struct base_hash hash;
    base_hash_init (&hash);
    base_hash_update (&hash, "\1", 1);
    base_hash_update (&hash, left->bytes, sizeof left->bytes);
    base_hash_update (&hash, right->bytes, sizeof right->bytes);
    return base_hash_final (&hash);
}

void trust_merkle_append (struct trust_merkle *merkle, const struct base_digest *leaf)
{
    base_assert (merkle && leaf);
    base_assert (merkle->size < TRUST_MERKLE_MOST);
    unsigned count = peaks_of (merkle->size);
    struct base_digest node = *leaf;
    /*  Each trailing bit that is set is a complete subtree of the same height as node. */
    for (uint64_t rest = merkle->size; (rest & 1) && count; rest >>= 1) {
        node = trust_merkle_node (&merkle->peaks[--count], &node);
        merkle->peaks[count] = (struct base_digest){{0}};
    }
    merkle->peaks[count++] = node;
    merkle->size++;
    base_assert (count == peaks_of (merkle->size));
}

struct base_digest trust_merkle_root (const struct trust_merkle *merkle)
{
    base_assert (merkle && merkle->size <= TRUST_MERKLE_MOST);
    unsigned count = peaks_of (merkle->size);
    if (count == 0)
        return base_digest_of ("", 0);
    struct base_digest root = merkle->peaks[count - 1];
    for (unsigned i = count - 1; i > 0; i--)
        root = trust_merkle_node (&merkle->peaks[i - 1], &root);
    return root;
}

struct base_digest trust_merkle_root_of (const struct base_digest *leaves, uint64_t count)
{
    base_assert (leaves || count == 0);
    struct trust_merkle merkle = {0};
    for (uint64_t i = 0; i < count; i++)
        trust_merkle_append (&merkle, &leaves[i]);
    return trust_merkle_root (&merkle);
}

/*  The largest power of two below count: the size of the left subtree. */
static uint64_t left_of (uint64_t count)
{
    base_assert (count > 1 && count <= TRUST_MERKLE_MOST);
    return UINT64_C (1) << (63 - __builtin_clzll (count - 1));
}

/*  Turns a path that was collected from the root down. */
static void proof_turn (struct trust_merkle_proof *proof)
{
    for (size_t i = 0; i < proof->count / 2; i++) {
        struct base_digest other = proof->path[i];
        proof->path[i] = proof->path[proof->count - 1 - i];
        proof->path[proof->count - 1 - i] = other;
    }
}

static void proof_add (struct trust_merkle_proof *proof, struct base_digest digest)
{
    base_assert (proof->count < sizeof proof->path / sizeof *proof->path);
    proof->path[proof->count++] = digest;
}

void trust_merkle_prove_inclusion (const struct base_digest *leaves, uint64_t count, uint64_t index,
                                   struct trust_merkle_proof *ret_proof)
{
    base_assert (leaves && ret_proof && index < count);
    ret_proof->count = 0;
    while (count > 1) {
        uint64_t left = left_of (count);
        if (index < left) {
            proof_add (ret_proof, trust_merkle_root_of (leaves + left, count - left));
            count = left;
        } else {
            proof_add (ret_proof, trust_merkle_root_of (leaves, left));
            leaves += left;
            index -= left;
            count -= left;
        }
    }
    proof_turn (ret_proof);
}

void trust_merkle_prove_consistency (const struct base_digest *leaves, uint64_t count, uint64_t older,
                                     struct trust_merkle_proof *ret_proof)
{
    base_assert (leaves && ret_proof);
    base_assert (older > 0 && older <= count);
    ret_proof->count = 0;
    bool known = true; /* the subtree at hand is the whole older tree, whose root the verifier has */
    while (older < count) {
        uint64_t left = left_of (count);
        if (older <= left) {
            proof_add (ret_proof, trust_merkle_root_of (leaves + left, count - left));
            count = left;
        } else {
            proof_add (ret_proof, trust_merkle_root_of (leaves, left));
            leaves += left;
            older -= left;
            count -= left;
            known = false;
        }
    }
    if (!known)
        proof_add (ret_proof, trust_merkle_root_of (leaves, count));
    proof_turn (ret_proof);
}

static int refuse (struct base_error *error, const char *what)
{
    return base_error_set (error, TRUST_E_PROOF, "the proof of the log is wrong: %s", what);
}

int trust_merkle_check_inclusion (const struct base_digest *leaf, uint64_t index, uint64_t size,
                                  const struct base_digest *root, const struct trust_merkle_proof *proof,
                                  struct base_error *error)
{
    base_assert (leaf && root && proof);
    base_assert (proof->count <= sizeof proof->path / sizeof *proof->path);
    if (size > TRUST_MERKLE_MOST)
        return refuse (error, "the log is too large");
    if (index >= size)
        return refuse (error, "the log has no entry of this number");
    struct base_digest node = *leaf;
    uint64_t at = index, last = size - 1; /* positions on the level at hand */
    for (size_t i = 0; i < proof->count; i++) {
        if (last == 0)
            return refuse (error, "it is too long");
        if ((at & 1) || at == last) {
            node = trust_merkle_node (&proof->path[i], &node);
            /*  The last node of a level without a right neighbour rises unchanged. */
            for (; !(at & 1) && at; at >>= 1, last >>= 1)
                ;
        } else {
            node = trust_merkle_node (&node, &proof->path[i]);
        }
        at >>= 1;
        last >>= 1;
    }
    if (last != 0)
        return refuse (error, "it is too short");
    return base_digest_equal (&node, root) ? 0 : refuse (error, "it leads to another root");
}

int trust_merkle_check_consistency (uint64_t older_size, const struct base_digest *older_root, uint64_t size,
                                    const struct base_digest *root, const struct trust_merkle_proof *proof,
                                    struct base_error *error)
{
    base_assert (older_root && root && proof);
    base_assert (proof->count <= sizeof proof->path / sizeof *proof->path);
    if (size > TRUST_MERKLE_MOST)
        return refuse (error, "the log is too large");
    if (older_size > size)
        return refuse (error, "the log has become shorter");
    if (older_size == 0 || older_size == size) {
        struct base_digest empty = base_digest_of ("", 0);
        if (proof->count)
            return refuse (error, "it is too long");
        if (older_size == 0 && !base_digest_equal (older_root, &empty))
            return refuse (error, "this is not the root of an empty log");
        if (older_size == size && !base_digest_equal (older_root, root))
            return refuse (error, "two logs of one size have different roots");
        return 0;
    }

    uint64_t at = older_size - 1, last = size - 1;
    for (; at & 1; at >>= 1)
        last >>= 1;
    size_t next = 0;
    struct base_digest older, newer;
    if (at == 0) /* the older tree is complete: its root is the first node */
        older = newer = *older_root;
    else if (proof->count == 0)
        return refuse (error, "it is too short");
    else
        older = newer = proof->path[next++];
    for (; next < proof->count; next++) {
        if (last == 0)
            return refuse (error, "it is too long");
        if ((at & 1) || at == last) {
            older = trust_merkle_node (&proof->path[next], &older);
            newer = trust_merkle_node (&proof->path[next], &newer);
            for (; !(at & 1) && at; at >>= 1, last >>= 1)
                ;
        } else {
            newer = trust_merkle_node (&newer, &proof->path[next]);
        }
        at >>= 1;
        last >>= 1;
    }
    if (last != 0)
        return refuse (error, "it is too short");
    if (!base_digest_equal (&older, older_root))
        return refuse (error, "it does not continue the older log");
    return base_digest_equal (&newer, root) ? 0 : refuse (error, "it leads to another root");
}

int trust_merkle_proof_write (const struct trust_merkle_proof *proof, struct base_buffer *buffer)
{
    base_assert (proof && buffer);
    base_assert (proof->count <= sizeof proof->path / sizeof *proof->path);
    return base_buffer_append (buffer, proof->path, proof->count * sizeof *proof->path);
}

int trust_merkle_proof_read (const void *data, size_t size, struct trust_merkle_proof *ret_proof,
                             struct base_error *error)
{
    base_assert ((data || size == 0) && ret_proof);
    if (size % BASE_DIGEST_BYTES || size > sizeof ret_proof->path)
        return base_error_set (error, TRUST_E_FORMAT,
                               "a proof of the log of %zu bytes is not a list of digests", size);
    ret_proof->count = size / BASE_DIGEST_BYTES;
    if (size)
        memcpy (ret_proof->path, data, size);
    return 0;
}

int trust_merkle_write (const struct trust_merkle *merkle, struct base_buffer *buffer)
{
    base_assert (merkle && buffer);
    base_assert (merkle->size <= TRUST_MERKLE_MOST);
    uint8_t number[8];
    for (unsigned i = 0; i < sizeof number; i++)
        number[i] = (uint8_t) (merkle->size >> 8 * (sizeof number - 1 - i));
    size_t peaks = peaks_of (merkle->size) * sizeof *merkle->peaks;
    int r = base_buffer_reserve (buffer, sizeof number + peaks);
    if (r < 0)
        return r;
    (void) base_buffer_append (buffer, number, sizeof number);
    (void) base_buffer_append (buffer, merkle->peaks, peaks);
    return 0;
}

int trust_merkle_read (const void *data, size_t size, struct trust_merkle *ret_merkle,
                       struct base_error *error)
{
    base_assert ((data || size == 0) && ret_merkle);
    struct trust_merkle merkle = {0};
    if (size < 8)
        return base_error_set (error, TRUST_E_FORMAT, "the frontier of the log is truncated");
    for (unsigned i = 0; i < 8; i++)
        merkle.size = merkle.size << 8 | ((const uint8_t *) data)[i];
    if (merkle.size > TRUST_MERKLE_MOST || size - 8 != peaks_of (merkle.size) * sizeof *merkle.peaks)
        return base_error_set (error, TRUST_E_FORMAT,
                               "the frontier of the log has another number of digests than its size needs");
    memcpy (merkle.peaks, (const uint8_t *) data + 8, size - 8);
    *ret_merkle = merkle;
    return 0;
}
