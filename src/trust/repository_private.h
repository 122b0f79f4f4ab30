/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/repository_private.h - shared by the files of the repository */

#ifndef TRUST_REPOSITORY_PRIVATE_H
#define TRUST_REPOSITORY_PRIVATE_H

#include "trust/repository.h"

static inline bool trust_repository_is_root (const struct trust_repository_file *file)
{
    return strcmp (file->role, "root") == 0;
}

/*  Judges a repository, which may be incomplete, as a client that trusts its root of this position, and has stored what
    `stored` has. Nothing is expired. Targets must be releases, and those of publishers within their delegations. */
int trust_repository_judge (const struct trust_repository *repository, size_t root,
                            const struct trust_repository *stored, struct base_error *error);

/*  Whether a client that goes from the root of this position to the last one drops the timestamp and snapshot that it
    stored. */
int trust_repository_drops_stored (const struct trust_repository *repository, size_t root, bool *ret_drops,
                                   struct base_error *error);

#endif
