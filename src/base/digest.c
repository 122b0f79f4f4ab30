/* SPDX-License-Identifier: MPL-2.0 */
/*  base/digest.c - SHA-256 of memory and files, with nettle */

#include "base/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { READ_SIZE = 256 * 1024 };

void base_hash_init (struct base_hash *hash)
{
    base_assert (hash);
    sha256_init (&hash->context);
}

void base_hash_update (struct base_hash *hash, const void *data, size_t size)
{
    base_assert (hash);
    base_assert (data || size == 0);
    sha256_update (&hash->context, size, data);
}

struct base_digest base_hash_final (struct base_hash *hash)
{
    base_assert (hash);
    struct base_digest digest;
    sha256_digest (&hash->context, sizeof digest.bytes, digest.bytes);
    return digest;
}

struct base_digest base_digest_of (const void *data, size_t size)
{
    base_assert (data || size == 0);
    struct base_hash hash;
    base_hash_init (&hash);
    base_hash_update (&hash, data, size);
    return base_hash_final (&hash);
}

int base_digest_of_fd (int fd, struct base_digest *ret_digest, uint64_t *ret_size)
{
    return base_digest_of_fd_until (fd, NULL, ret_digest, ret_size);
}

int base_digest_of_fd_until (int fd, const atomic_bool *stop, struct base_digest *ret_digest,
                             uint64_t *ret_size)
{
    base_assert (ret_digest);
    base_cleanup (base_free_p) uint8_t *block = malloc (READ_SIZE);
    if (!block)
        return -ENOMEM;
    struct base_hash hash;
    base_hash_init (&hash);
    uint64_t offset = 0;
    for (;;) {
        if (stop && atomic_load (stop))
            return -ECANCELED;
        ssize_t got = pread (fd, block, READ_SIZE, (off_t) offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        base_hash_update (&hash, block, (size_t) got);
        offset += (uint64_t) got;
    }
    *ret_digest = base_hash_final (&hash);
    if (ret_size)
        *ret_size = offset;
    return 0;
}

bool base_digest_equal (const struct base_digest *a, const struct base_digest *b)
{
    base_assert (a && b);
    return memcmp (a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool base_digest_is_null (const struct base_digest *digest)
{
    base_assert (digest);
    static const struct base_digest null;
    return base_digest_equal (digest, &null);
}

const char *base_digest_format (const struct base_digest *digest, char text[BASE_DIGEST_TEXT])
{
    base_assert (digest && text);
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < BASE_DIGEST_BYTES; i++) {
        text[2 * i] = hex[digest->bytes[i] >> 4];
        text[2 * i + 1] = hex[digest->bytes[i] & 15];
    }
    text[2 * BASE_DIGEST_BYTES] = '\0';
    return text;
}

static int hex_value (char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int base_digest_parse (const char *text, struct base_digest *ret_digest)
{
    base_assert (text);
    base_assert (ret_digest);
    struct base_digest digest;
    for (size_t i = 0; i < BASE_DIGEST_BYTES; i++) {
        int high = hex_value (text[2 * i]);
        int low = high < 0 ? -1 : hex_value (text[2 * i + 1]);
        if (low < 0)
            return -EINVAL;
        digest.bytes[i] = (uint8_t) (high << 4 | low);
    }
    if (text[2 * BASE_DIGEST_BYTES] != '\0')
        return -EINVAL;
    *ret_digest = digest;
    return 0;
}
