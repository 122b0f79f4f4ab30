/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/canonical.h - the bytes that are signed: OLPC canonical JSON

    No white space; names of an object in byte order; integers in decimal; a string has only \" and \\ escaped, all
    other characters stand as they are. Floats have no canonical form. */

#ifndef TRUST_CANONICAL_H
#define TRUST_CANONICAL_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/error.h"

enum { TRUST_DEPTH_MOST = 32 /* nesting of objects and arrays */ };

/*  Appends the canonical form of value. Returns 0, -ENOMEM, or TRUST_E_FORMAT for a float or too deep nesting. On
    failure buffer has its old size. */
int trust_canonical_write (const json_t *value, struct base_buffer *buffer, struct base_error *error);

#endif
