/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/client.h - the metadata that a client trusts, as a machine (TUF 1.0.34, section 5)

    It begins with a root that the caller trusts: pinned, or stored by an earlier refresh. Each function then judges one
    file, in the order of the phases below, and takes it into the trusted set or leaves the set as it was. So a rejected
    file changes nothing, and must not be stored. Stored files pass through the same functions: they are bytes like
    others, except that a stored timestamp or snapshot may be expired (it still forbids a rollback).

    `now` is fixed for the life of a client, which is one refresh and the searches after it. The caller makes it: the
    clock, but not before the build time of the program. Nothing received changes it.

    refresh.h says what to fetch and to store, and when; search.h finds a target. */

#ifndef TRUST_CLIENT_H
#define TRUST_CLIENT_H

#include "trust/delegate.h"
#include "trust/errors.h"
#include "trust/metadata.h"

struct trust_limits {
    size_t root, timestamp, snapshot, targets; /* bytes of a file whose length nobody signed */
    unsigned roots;                            /* steps of the root chain in one refresh */
    unsigned roles;                            /* roles visited in one search */
};
extern const struct trust_limits trust_limits_default; /* 512 KiB, 64 KiB, 2 MiB, 4 MiB; 1024; 32 */

enum trust_phase {
    TRUST_PHASE_NULL,      /* no root */
    TRUST_PHASE_ROOT,      /* the chain of roots; stored timestamp and snapshot not yet looked at */
    TRUST_PHASE_TIMESTAMP, /* the root is final and not expired */
    TRUST_PHASE_SNAPSHOT,  /* the timestamp is final */
    TRUST_PHASE_TARGETS,   /* the snapshot is final */
    TRUST_PHASE_READY,     /* top-level targets are trusted */
    TRUST_PHASE_END,
};

/*  A delegated role whose file matches the snapshot. Trust in it is decided anew for each parent. */
struct trust_loaded {
    char name[TRUST_NAME_TEXT];
    struct trust_document document;
    struct trust_targets targets;
};

enum { TRUST_LOADED_MOST = 64 /* delegated roles kept; the number in one search is lower */ };

struct trust_client {
    struct trust_limits limits;
    uint64_t now;
    enum trust_phase phase;
    unsigned steps; /* of the root chain */
    bool keys_left; /* a key of timestamp or snapshot was removed in the chain: what is stored is dropped */
    struct trust_root root;
    bool has_timestamp, has_snapshot; /* a stored one counts for rollback checks before it is final */
    struct trust_timestamp timestamp;
    struct trust_snapshot snapshot;
    struct trust_targets targets;
    struct trust_loaded *loaded[TRUST_LOADED_MOST];
    size_t n_loaded;
};

/*  Begins with a trusted root. It may be expired, but must be signed by its own keys. limits NULL: the defaults.
    Returns 0, -ENOMEM or a code of errors.h; on failure client is null. */
int trust_client_init (struct trust_client *client, const struct trust_limits *limits, uint64_t now,
                       const void *root, size_t size, struct base_error *error);
void trust_client_deinit (struct trust_client *client);

/*  The next root: exactly the next version, signed by the keys of the last and by its own. */
int trust_client_root (struct trust_client *client, const void *data, size_t size, struct base_error *error);

/*  There is no next root. TRUST_E_EXPIRED: the last one is expired, and the phase stays. */
int trust_client_root_end (struct trust_client *client, struct base_error *error);

/*  A stored timestamp or snapshot, for rollback checks; the snapshot only in its phase, and if it is the one that the
    timestamp names and is not expired, it is final at once. Failure means that it is not used. */
int trust_client_timestamp_stored (struct trust_client *client, const void *data, size_t size,
                                   struct base_error *error);
int trust_client_snapshot_stored (struct trust_client *client, const void *data, size_t size,
                                  struct base_error *error);

/*  A fetched timestamp. *ret_changed is false if it has the version of the stored one, which then stays as it is. */
int trust_client_timestamp (struct trust_client *client, const void *data, size_t size, bool *ret_changed,
                            struct base_error *error);
int trust_client_snapshot (struct trust_client *client, const void *data, size_t size,
                           struct base_error *error);

/*  The top-level targets: stored or fetched, with the same checks. */
int trust_client_targets (struct trust_client *client, const void *data, size_t size,
                          struct base_error *error);

/*  A delegated role that is not loaded yet, stored or fetched, that parent (NULL: the top-level targets) delegates to. On success
    *ret_targets is borrowed until trust_client_forget. */
int trust_client_delegated (struct trust_client *client, const struct trust_targets *parent, const char *name,
                            const void *data, size_t size, const struct trust_targets **ret_targets,
                            struct base_error *error);

/*  A role that was loaded before, through the eyes of parent. *ret_targets is NULL if it was not loaded. */
int trust_client_loaded (const struct trust_client *client, const struct trust_targets *parent,
                         const char *name, const struct trust_targets **ret_targets,
                         struct base_error *error);

/*  Frees the delegated roles. */
void trust_client_forget (struct trust_client *client);

/*  What timestamp or snapshot say about the file of a role: snapshot, targets, or a delegated one. NULL: nothing. */
const struct trust_meta *trust_client_meta (const struct trust_client *client, const char *name);

/*  The largest acceptable size of the file of a role in this phase. */
size_t trust_client_most (const struct trust_client *client, const char *name);

/*  Asserts the invariants; called after every step. */
void trust_client_check (const struct trust_client *client);

#endif
