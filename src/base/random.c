/* SPDX-License-Identifier: MPL-2.0 */
/*  base/random.c - random numbers from getrandom (2) */

#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/assert.h"

void base_random_bytes (void *data, size_t size)
{
    base_assert (data || size == 0);
    uint8_t *at = data;
    while (size > 0) {
        ssize_t got = getrandom (at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            abort (); /* every supported kernel has getrandom; a predictable nonce would be worse */
        at += got;
        size -= (size_t) got;
    }
}

uint64_t base_random_below (uint64_t bound)
{
    base_assert (bound > 0);
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    uint64_t number;
    do
        base_random_bytes (&number, sizeof number);
    while (number >= limit);
    return number % bound;
}

const char *base_random_hex (char *text, size_t bytes)
{
    base_assert (text);
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte;
        base_random_bytes (&byte, 1);
        text[2 * i] = hex[byte >> 4];
        text[2 * i + 1] = hex[byte & 15];
    }
    text[2 * bytes] = '\0';
    return text;
}
