/* SPDX-License-Identifier: MPL-2.0 */
/*  base/time.h - clocks and RFC 3339

    Deadlines use base_time_boot_ms, which never jumps and also counts suspended time. The wall clock only
    labels things. */

#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

enum { BASE_TIME_TEXT = 40 };

/*  Milliseconds since boot, suspended time included. */
uint64_t base_time_boot_ms (void);

/*  Nanoseconds since 1970-01-01T00:00:00Z by the host's wall clock. */
uint64_t base_time_real_ns (void);

/*  Writes "2026-11-22T15:00:00.123456789Z". Returns text. */
const char *base_time_format (uint64_t real_ns, char text[BASE_TIME_TEXT]);

/*  Accepts exactly the form that base_time_format writes. Returns 0 or -EINVAL. */
int base_time_parse (const char *text, uint64_t *ret_real_ns);

#endif
