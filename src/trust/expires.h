/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/expires.h - the time in metadata: "2030-01-31T00:00:00Z", and no other form */

#ifndef TRUST_EXPIRES_H
#define TRUST_EXPIRES_H

#include <stdbool.h>
#include <stdint.h>

enum { TRUST_EXPIRES_TEXT = 21 };

#define TRUST_EXPIRES_MOST UINT64_C (253402300799) /* 9999-12-31T23:59:59Z */

/*  Seconds since 1970-01-01T00:00:00Z. Accepts the years 1970 to 9999. Returns 0 or -EINVAL. */
int trust_expires_parse (const char *text, uint64_t *ret_seconds);

/*  The inverse, for seconds up to TRUST_EXPIRES_MOST. Returns text. */
const char *trust_expires_format (uint64_t seconds, char text[TRUST_EXPIRES_TEXT]);

/*  Metadata expires in the second that it names. */
static inline bool trust_expires_is_over (uint64_t expires, uint64_t now)
{
    return now >= expires;
}

#endif
