/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/repository.h - all metadata of a repository, and its publication

    A repository has every root, the targets, the files of publishers, one snapshot and one timestamp. It changes in one
    step. trust_repository_publish takes signed files, makes and signs snapshot and timestamp, and lets a client
    (client.h) judge the result: from the last root on, with the last timestamp and snapshot stored. If the client
    refuses it, nothing changes. So nothing can be published that nodes would refuse, by a mistake or by a publisher who
    means harm.

    Without files it is a renewal: the same content, with new versions and expiries. A renewal needs neither the offline
    keys nor that they renewed their own files in time: what is expired there is reported by nodes, and by
    trust_repository_expires.

    A root that takes a key from snapshot or timestamp makes nodes drop what they stored of both. Then both start again:
    versions from the clock, the snapshot with the files that exist. This undoes a fast-forward by whoever had the keys.

    Files are served under trust_name_file (role, version); the timestamp under version 0. It is stored and served last, so
    that what it leads to is there. */

#ifndef TRUST_REPOSITORY_H
#define TRUST_REPOSITORY_H

#include "trust/draft_online.h"
#include "trust/draft_targets.h"

struct trust_repository_file {
    char role[TRUST_NAME_TEXT]; /* "root", "targets", "snapshot", "timestamp", or the name of a publisher */
    uint64_t version;
    uint64_t expires; /* seconds */
    struct base_buffer bytes;
};

/*  Null value: all zero, nothing published. */
struct trust_repository {
    struct trust_repository_file *files; /* the roots in their order first */
    size_t n_files;
};

struct trust_publication {
    const struct trust_draft_file *files; /* of roots (in their order), targets and publishers */
    size_t n_files;
    uint64_t now; /* seconds */
    uint64_t snapshot_expires, timestamp_expires;
    const struct trust_secret *const *snapshot_keys,
        *const *timestamp_keys; /* as many as their thresholds need */
    size_t n_snapshot_keys, n_timestamp_keys;
    const struct trust_log_head *log; /* NULL: as before */
};

void trust_repository_deinit (struct trust_repository *repository);

/*  Publishes files, or renews. Returned: 0, -ENOMEM, or the code of errors.h with which a client refuses it. Further:
    TRUST_E_EXPIRED: a file that is given, or an expiry, is over at now. TRUST_E_FORMAT: a target is not a release
    (custom.h). TRUST_E_NO_TARGET: a publisher's file has a release of an application that it may not publish.
    TRUST_E_UNKNOWN_ROLE: a file of a publisher who is not delegated to. */
int trust_repository_publish (struct trust_repository *repository,
                              const struct trust_publication *publication, struct base_error *error);

/*  Reads a stored repository: all its files, in any order, of which the snapshot
    names these versions. It is judged as a client would, but nothing is expired.
    *ret_repository is null on failure. */
int trust_repository_load (struct trust_repository *ret_repository, const struct trust_draft_file *files,
                           size_t n_files, struct base_error *error);

/*  The file of a role (of root: the last); NULL: there is none. */
const struct trust_repository_file *trust_repository_find (const struct trust_repository *repository,
                                                           const char *role);

/*  Which file expires first of all that nodes need, and when. The repository is not null. */
const struct trust_repository_file *trust_repository_expires (const struct trust_repository *repository);

/*  Asserts the invariants. */
void trust_repository_check (const struct trust_repository *repository);

#endif
