/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/merkle.h - the transparency log: a Merkle tree over published releases (RFC 9162, section 2.1)

    A leaf is SHA-256 (0x00, entry), a node SHA-256 (0x01, left, right), and the root of an empty tree the SHA-256 of
    nothing. Whoever keeps the log keeps its leaves; whoever only extends or compares it keeps a frontier: the roots of
    the complete subtrees, one for each bit of the size that is set, the largest first.

    An inclusion proof shows that a leaf is in the tree with this root; a consistency proof that an older tree is the
    beginning of a newer one. Both are lists of digests from the leaves up. For each pair of tree and leaf, or of two
    trees, exactly one proof is accepted. */

#ifndef TRUST_MERKLE_H
#define TRUST_MERKLE_H

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"

enum { TRUST_MERKLE_LEVELS = 53 };

/*  Leaves of a tree: the largest integer that every reader of JSON represents exactly. */
#define TRUST_MERKLE_MOST ((UINT64_C (1) << TRUST_MERKLE_LEVELS) - 1)

/*  Null value: all zero, the empty tree. */
struct trust_merkle {
    uint64_t size;
    struct base_digest
        peaks[TRUST_MERKLE_LEVELS]; /* as many as size has bits that are set; zeros behind them */
};

struct trust_merkle_proof {
    size_t count;
    struct base_digest path[2 * TRUST_MERKLE_LEVELS];
};

struct base_digest trust_merkle_leaf (const void *entry, size_t size);
struct base_digest trust_merkle_node (const struct base_digest *left, const struct base_digest *right);

/*  Appends a leaf; merkle->size is below TRUST_MERKLE_MOST. */
void trust_merkle_append (struct trust_merkle *merkle, const struct base_digest *leaf);
struct base_digest trust_merkle_root (const struct trust_merkle *merkle);

/*  The root of a tree of these leaves. */
struct base_digest trust_merkle_root_of (const struct base_digest *leaves, uint64_t count);

/*  Proofs from all leaves. index < count; 1 <= older <= count. */
void trust_merkle_prove_inclusion (const struct base_digest *leaves, uint64_t count, uint64_t index,
                                   struct trust_merkle_proof *ret_proof);
void trust_merkle_prove_consistency (const struct base_digest *leaves, uint64_t count, uint64_t older,
                                     struct trust_merkle_proof *ret_proof);

/*  Numbers and digests are from outside. Return 0 or TRUST_E_PROOF. Every tree continues the empty one, which has one
    root and an empty proof. */
int trust_merkle_check_inclusion (const struct base_digest *leaf, uint64_t index, uint64_t size,
                                  const struct base_digest *root, const struct trust_merkle_proof *proof,
                                  struct base_error *error);
int trust_merkle_check_consistency (uint64_t older_size, const struct base_digest *older_root, uint64_t size,
                                    const struct base_digest *root, const struct trust_merkle_proof *proof,
                                    struct base_error *error);

/*  A proof as bytes: its digests one after another. Reading returns 0 or TRUST_E_FORMAT. */
int trust_merkle_proof_write (const struct trust_merkle_proof *proof, struct base_buffer *buffer);
int trust_merkle_proof_read (const void *data, size_t size, struct trust_merkle_proof *ret_proof,
                             struct base_error *error);

/*  A frontier as bytes: size as 8 bytes, big-endian, then the peaks. Reading returns 0 or TRUST_E_FORMAT. */
int trust_merkle_write (const struct trust_merkle *merkle, struct base_buffer *buffer);
int trust_merkle_read (const void *data, size_t size, struct trust_merkle *ret_merkle,
                       struct base_error *error);

#endif
