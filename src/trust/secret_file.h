/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/secret_file.h - the file of a secret key

    Text of a fixed form: these lines in this order, each ended by a line feed, numbers in decimal and bytes in lower-case
    hexadecimal digits. There is exactly one text for one content.

        noded-key 1
        public: 32 bytes                 so that a key can be named without its passphrase
        protection: argon2id             or: none; then operations, memory, salt and nonce are missing
        operations: 1 to 10
        memory: 8192 to 1073741824       bytes, a multiple of 1024
        salt: 16 bytes
        nonce: 24 bytes
        secret: 48 bytes                 the seed, XChaCha20-Poly1305 with the key that Argon2id makes of the passphrase;
                                         none: 32 bytes, the seed
        check: 32 bytes                  SHA-256 of all lines before this one

    The lines before `secret` are authenticated together with it. `check` needs no passphrase: a file that does not match
    it is damaged; if it matches and cannot be opened, the passphrase is wrong (or somebody forged the file). */

#ifndef TRUST_SECRET_FILE_H
#define TRUST_SECRET_FILE_H

#include "base/buffer.h"
#include "base/error.h"
#include "trust/secret.h"

enum {
    TRUST_SALT_BYTES = 16,
    TRUST_NONCE_BYTES = 24,
    TRUST_BOX_BYTES = TRUST_SEED_BYTES + 16,
    TRUST_SECRET_FILE_MOST = 1024, /* bytes; every file is shorter */
    TRUST_OPERATIONS_MOST = 10,
    TRUST_PASSPHRASE_MOST = 1024,
};

#define TRUST_MEMORY_LEAST UINT64_C (8192)
#define TRUST_MEMORY_MOST (UINT64_C (1) << 30)

/*  What one guess of the passphrase costs. */
struct trust_secret_cost {
    uint64_t operations;
    uint64_t memory; /* bytes */
};
extern const struct trust_secret_cost trust_secret_cost_default; /* 3 operations, 256 MiB */

/*  A file that was read, or will be written. It holds a secret if it is not locked: deinit wipes it. */
struct trust_secret_file {
    bool locked;
    uint8_t public[TRUST_PUBLIC_BYTES];
    struct trust_secret_cost cost; /* locked */
    uint8_t salt[TRUST_SALT_BYTES];
    uint8_t nonce[TRUST_NONCE_BYTES];
    uint8_t box[TRUST_BOX_BYTES]; /* locked; else the seed and zeros */
};

void trust_secret_file_deinit (struct trust_secret_file *file);

/*  Locks a secret with a passphrase of 1 to TRUST_PASSPHRASE_MOST bytes. salt and nonce are random and used once; the
    cost is within the bounds above. Returns 0, or -ENOMEM if there is not as much memory as the cost asks for. */
int trust_secret_file_lock (struct trust_secret_file *ret_file, const struct trust_secret *secret,
                            const struct trust_secret_cost *cost, const uint8_t salt[TRUST_SALT_BYTES],
                            const uint8_t nonce[TRUST_NONCE_BYTES], const void *passphrase, size_t size,
                            struct base_error *error);

/*  Without a passphrase: only the mode of the file protects it. */
void trust_secret_file_plain (struct trust_secret_file *ret_file, const struct trust_secret *secret);

/*  Appends the text. The caller wipes the buffer. Returns 0 or -ENOMEM. */
int trust_secret_file_write (const struct trust_secret_file *file, struct base_buffer *buffer);

/*  Returns 0, TRUST_E_FORMAT (no key file, another version, a cost over the bounds), or TRUST_E_DAMAGED. */
int trust_secret_file_read (const void *data, size_t size, struct trust_secret_file *ret_file,
                            struct base_error *error);

/*  Gets the secret out. The passphrase is not used if the file is not locked. Returns 0, -ENOMEM, TRUST_E_PASSPHRASE,
    or TRUST_E_DAMAGED if the secret is not that of the public key. */
int trust_secret_file_open (const struct trust_secret_file *file, const void *passphrase, size_t size,
                            struct trust_secret *ret_secret, struct base_error *error);

#endif
