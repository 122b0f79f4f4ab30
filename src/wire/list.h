/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/list.h - the digest of a list of applications, by which a node and its origin compare what they know */

#ifndef WIRE_LIST_H
#define WIRE_LIST_H

#include <stddef.h>

#include "base/digest.h"

/*  SHA-256 over the names, each once, sorted by their bytes, each followed by a line feed. */
struct base_digest wire_list_digest (const char *const *names, size_t n_names);

#endif
