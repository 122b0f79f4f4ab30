/* SPDX-License-Identifier: MPL-2.0 */
/*  base/digest.h - SHA-256

    A digest of all zero bytes means "none"; no known blob has it. */

#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nettle/sha2.h>

enum { BASE_DIGEST_BYTES = 32, BASE_DIGEST_TEXT = 65 };

struct base_digest {
    uint8_t bytes[BASE_DIGEST_BYTES];
};

/*  A SHA-256 computation in progress. */
struct base_hash {
    struct sha256_ctx context;
};

void base_hash_init (struct base_hash *hash);
void base_hash_update (struct base_hash *hash, const void *data, size_t size);
struct base_digest base_hash_final (struct base_hash *hash);

struct base_digest base_digest_of (const void *data, size_t size);

/*  Digest and length of a whole file. Reads with pread from offset 0, so the descriptor's position does not
    move. Returns 0 or -errno. The caller keeps fd. */
int base_digest_of_fd (int fd, struct base_digest *ret_digest, uint64_t *ret_size);

/*  The same, but returns -ECANCELED soon after any thread sets *stop. stop NULL: cannot be cancelled. */
int base_digest_of_fd_until (int fd, const atomic_bool *stop, struct base_digest *ret_digest,
                             uint64_t *ret_size);

bool base_digest_equal (const struct base_digest *a, const struct base_digest *b);
bool base_digest_is_null (const struct base_digest *digest);

/*  Writes 64 lower-case hexadecimal characters and a NUL. Returns text. */
const char *base_digest_format (const struct base_digest *digest, char text[BASE_DIGEST_TEXT]);

/*  Accepts exactly 64 hexadecimal characters. Returns 0 or -EINVAL. */
int base_digest_parse (const char *text, struct base_digest *ret_digest);

#endif
