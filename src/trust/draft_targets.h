/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/draft_targets.h - targets metadata in the making: of the top level, and of a publisher

    Releases are added under the path and with the custom of custom.h. The top level delegates applications, by patterns
    of their names, to publishers: roles with keys of their own, in the order in which they were added. A publisher's
    file is made with the same functions; it delegates nothing further. While a publisher has no file, a client finds
    nothing of its applications in the publishers after it.

    Returned: 0, -ENOMEM, or a code of errors.h. */

#ifndef TRUST_DRAFT_TARGETS_H
#define TRUST_DRAFT_TARGETS_H

#include "trust/custom.h"
#include "trust/draft_root.h"

/*  The first file: its version is the clock. The next one after last: the same releases and delegations. */
int trust_draft_targets_new (uint64_t now, uint64_t expires, struct trust_draft *ret_draft,
                             struct base_error *error);
int trust_draft_targets_next (const struct trust_draft *last, uint64_t now, uint64_t expires,
                              struct trust_draft *ret_draft, struct base_error *error);

/*  Adds a release, or replaces what is said about it. size is that of its document. */
int trust_draft_targets_add (struct trust_draft *targets, const struct trust_custom *custom,
                             const struct base_digest *release, uint64_t size, struct base_error *error);

/*  TRUST_E_NO_TARGET: it is not there. */
int trust_draft_targets_remove (struct trust_draft *targets, const char *application,
                                const struct base_digest *release, struct base_error *error);

/*  A publisher: the name of the role (as of an application), its keys, and patterns of application names (their
    characters, * and ?). terminating: no delegation after this one counts for these applications. */
struct trust_publisher {
    const char *name;
    struct trust_draft_keys keys;
    const char *const *applications;
    size_t n_applications;
    bool terminating;
};

/*  Adds a publisher at the end, or replaces the one of this name in its place. */
int trust_draft_targets_delegate (struct trust_draft *targets, const struct trust_publisher *publisher,
                                  struct base_error *error);

/*  TRUST_E_UNKNOWN_ROLE: there is no such publisher. */
int trust_draft_targets_undelegate (struct trust_draft *targets, const char *name, struct base_error *error);

/*  What is left to sign: of the top-level targets by root; of a publisher's file by the top-level targets. */
int trust_draft_targets_missing (const struct trust_draft *targets, const struct trust_draft *root,
                                 struct trust_missing *ret_missing, struct base_error *error);
int trust_draft_publisher_missing (const struct trust_draft *file, const char *name,
                                   const struct trust_draft *targets, struct trust_missing *ret_missing,
                                   struct base_error *error);

#endif
