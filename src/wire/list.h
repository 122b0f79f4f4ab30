/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/list.h - the digests of lists, by which a node and its origin compare what they know */

#ifndef WIRE_LIST_H
#define WIRE_LIST_H

#include <stddef.h>

#include "wire/wire.h"

/*  SHA-256 over the names, each once, sorted by their bytes, each followed by a line feed. */
struct base_digest wire_list_digest (const char *const *names, size_t n_names);

/*  The digest of quarantined releases, in this order: SHA-256 over a line for each: the release as 64 hexadecimal
    digits, a space, its time, a line feed. Null if there are none. */
struct base_digest wire_quarantine_digest (const struct wire_failure *failures, size_t n_failures);

#endif
