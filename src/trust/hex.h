/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/hex.h - bytes as hexadecimal text */

#ifndef TRUST_HEX_H
#define TRUST_HEX_H

#include <stddef.h>
#include <stdint.h>

/*  Decodes all of text into bytes, which has room for most. Either case. Returns 0, or -EINVAL for anything that is
    not an even number of hexadecimal characters, or more than fit. */
int trust_hex_decode (const char *text, size_t most, uint8_t *bytes, size_t *ret_size);

#endif
