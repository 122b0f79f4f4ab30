/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/delegate.h - which delegations of a role are trusted for a path

    A pattern is matched part by part between slashes: * stands for any characters but a slash, ? for one, [abc], [a-z]
    and [!a] for one of a set. Case matters. */

#ifndef TRUST_DELEGATE_H
#define TRUST_DELEGATE_H

#include "trust/metadata.h"

bool trust_pattern_matches (const char *pattern, const char *path);

/*  One delegation that matches. Names the role; role and keys are borrowed from targets. */
struct trust_delegate {
    char name[TRUST_NAME_TEXT];
    const struct trust_role *role;
    const struct trust_keys *keys;
    bool terminating;
};

/*  The next delegation for path, from *position (0 at first), which moves behind it. digest is the SHA-256 of path.
    Returns false at the end. */
bool trust_delegate_next (const struct trust_targets *targets, const char *path,
                          const struct base_digest *digest, size_t *position,
                          struct trust_delegate *ret_delegate);

/*  The delegation to the role of this name; false: there is none. */
bool trust_delegate_find (const struct trust_targets *targets, const char *name,
                          struct trust_delegate *ret_delegate);

#endif
