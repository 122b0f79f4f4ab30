/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/hex.c - bytes as hexadecimal text */

#include "trust/hex.h"

#include <errno.h>

#include "base/assert.h"

static int hex_digit (char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

int trust_hex_decode (const char *text, size_t most, uint8_t *bytes, size_t *ret_size)
{
    base_assert (text && bytes && ret_size);
    size_t size = strlen (text);
    if (size % 2 || size / 2 > most)
        return -EINVAL;
    for (size_t i = 0; i < size; i++)
        if (hex_digit (text[i]) < 0)
            return -EINVAL;
    for (size_t i = 0; i < size / 2; i++)
        bytes[i] = (uint8_t) (hex_digit (text[2 * i]) << 4 | hex_digit (text[2 * i + 1]));
    *ret_size = size / 2;
    return 0;
}
