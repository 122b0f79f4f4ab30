/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/metadata.h - root, timestamp, snapshot and targets as checked structs

    The readers get "signed" of a document. They check form, not trust: no signature, no time, no version against
    another. Unknown fields are skipped. Every struct owns what it points to; null value: all zero; deinit makes it null.
    Returned: 0, -ENOMEM, TRUST_E_FORMAT or TRUST_E_TOO_LARGE. */

#ifndef TRUST_METADATA_H
#define TRUST_METADATA_H

#include "trust/document.h"
#include "trust/expires.h"
#include "trust/name.h"
#include "trust/target.h"

enum {
    TRUST_META_MOST = 65536,        /* files of a snapshot */
    TRUST_TARGETS_MOST = 65536,     /* targets of one role */
    TRUST_DELEGATIONS_MOST = 16384, /* of one role */
    TRUST_PATTERNS_MOST = 65536,    /* of one delegation */
    TRUST_SUCCINCT_BITS_MOST = 32,
};

#define TRUST_VERSION_MOST (UINT64_C (1) << 62)

enum trust_kind {
    TRUST_ROOT,
    TRUST_TIMESTAMP,
    TRUST_SNAPSHOT,
    TRUST_TARGETS, /* also delegated roles */
    TRUST_KINDS,
};

/*  "root" and so on: the _type of a file, and the name of the top-level role. */
const char *trust_kind_name (enum trust_kind kind);

/*  What all four begin with. */
struct trust_common {
    char spec_version[32];
    uint64_t version; /* from 1 to TRUST_VERSION_MOST */
    uint64_t expires; /* seconds since 1970 */
};

struct trust_root {
    struct trust_common common;
    bool consistent_snapshot;
    struct trust_keys keys;
    struct trust_role roles[TRUST_KINDS]; /* by enum trust_kind; mirrors are skipped */
};

/*  What timestamp and snapshot say about another file. */
struct trust_meta {
    char *name; /* of the role: the METAPATH without ".json" */
    uint64_t version;
    bool has_length;
    uint64_t length;
    struct trust_hashes hashes;
};

struct trust_timestamp {
    struct trust_common common;
    struct trust_meta snapshot;
};

struct trust_snapshot {
    struct trust_common common;
    struct trust_meta *meta; /* sorted by name */
    size_t n_meta;
};

struct trust_delegation {
    char *name;
    struct trust_role role;
    bool terminating;
    char **
        paths; /* NULL-terminated; NULL: absent. At most one of the two is set; without both it matches nothing */
    char **prefixes;
};

/*  Bins "PREFIX-HEX" by the first bits of the path's SHA-256 (TAP 15). */
struct trust_succinct {
    bool present;
    struct trust_role role;
    unsigned bits; /* 1 to TRUST_SUCCINCT_BITS_MOST */
    char *prefix;
};

struct trust_targets {
    struct trust_common common;
    struct trust_target *targets; /* sorted by path */
    size_t n_targets;
    bool has_delegations;
    struct trust_keys keys;               /* of the delegations */
    struct trust_delegation *delegations; /* in their order; none if succinct is present */
    size_t n_delegations;
    struct trust_succinct succinct;
};

void trust_meta_deinit (struct trust_meta *meta);
void trust_delegation_deinit (struct trust_delegation *delegation);
void trust_root_deinit (struct trust_root *root);
void trust_timestamp_deinit (struct trust_timestamp *timestamp);
void trust_snapshot_deinit (struct trust_snapshot *snapshot);
void trust_targets_deinit (struct trust_targets *targets);

int trust_root_read (const json_t *content, struct trust_root *ret_root, struct base_error *error);
int trust_timestamp_read (const json_t *content, struct trust_timestamp *ret_timestamp,
                          struct base_error *error);
int trust_snapshot_read (const json_t *content, struct trust_snapshot *ret_snapshot,
                         struct base_error *error);
int trust_targets_read (const json_t *content, struct trust_targets *ret_targets, struct base_error *error);

/*  NULL: there is none. */
const struct trust_meta *trust_snapshot_find (const struct trust_snapshot *snapshot, const char *name);
const struct trust_target *trust_targets_find (const struct trust_targets *targets, const char *path);

#endif
