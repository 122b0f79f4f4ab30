/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/list.c - the digests of lists: of applications, and of quarantined releases */

#include "wire/list.h"

#include <string.h>

#include "base/assert.h"

/*  Returns the first name behind `after` (NULL: the first of all); NULL: there is none. Lists have at most some
    dozen names, so a search for each needs no copy to sort. */
static const char *name_behind (const char *const *names, size_t n_names, const char *after)
{
    const char *first = NULL;
    for (size_t i = 0; i < n_names; i++)
        if ((!after || strcmp (names[i], after) > 0) && (!first || strcmp (names[i], first) < 0))
            first = names[i];
    return first;
}

struct base_digest wire_list_digest (const char *const *names, size_t n_names)
{
    base_assert (names || n_names == 0);
    struct base_hash hash;
    base_hash_init (&hash);
    for (const char *name = NULL; (name = name_behind (names, n_names, name));) {
        base_hash_update (&hash, name, strlen (name));
        base_hash_update (&hash, "\n", 1);
    }
    return base_hash_final (&hash);
}

struct base_digest wire_quarantine_digest (const struct wire_failure *failures, size_t n_failures)
{
    static const struct base_digest none;
    base_assert (failures || n_failures == 0);
    struct base_hash hash;
    base_hash_init (&hash);
    for (size_t i = 0; i < n_failures; i++) {
        char release[BASE_DIGEST_TEXT];
        base_hash_update (&hash, base_digest_format (&failures[i].release, release), BASE_DIGEST_TEXT - 1);
        base_hash_update (&hash, " ", 1);
        base_hash_update (&hash, failures[i].time, strlen (failures[i].time));
        base_hash_update (&hash, "\n", 1);
    }
    return n_failures > 0 ? base_hash_final (&hash) : none;
}
