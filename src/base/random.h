/* SPDX-License-Identifier: MPL-2.0 */
/*  base/random.h - random bytes from the kernel */

#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void base_random_bytes (void *data, size_t size);

/*  A number from 0 to bound - 1 (bound > 0). */
uint64_t base_random_below (uint64_t bound);

/*  Writes 2 * bytes lower-case hexadecimal characters and a NUL to text. Returns text. */
const char *base_random_hex (char *text, size_t bytes);

#endif
