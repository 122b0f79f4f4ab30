/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_check.h - asks the client of room trust, as a node would, about files that are published or will be

    The files come from a set in memory, and below it from ROOT/trust. What the client does not trust is not published. */

#ifndef BROKER_TRUST_CHECK_H
#define BROKER_TRUST_CHECK_H

#include "broker/trust_files.h"
#include "trust/client.h"

/*  Bytes in memory. size 0: there is no such file. */
struct broker_trust_bytes {
    const void *data;
    size_t size;
};

struct broker_trust_file {
    char role[TRUST_NAME_TEXT];
    uint64_t version; /* timestamp: 0 */
    struct broker_trust_bytes bytes;
};

enum { BROKER_TRUST_SET_MOST = 64 + 2 /* published together, with snapshot and timestamp */ };

struct broker_trust_set {
    struct broker_trust_file files[BROKER_TRUST_SET_MOST];
    size_t count;
};

/*  Where the client finds files. Files of `set` hide those of `files`. */
struct broker_trust_source {
    const struct broker_trust_files *files;
    const struct broker_trust_set *set;               /* NULL: none */
    struct broker_trust_bytes timestamp, snapshot;    /* what the node has stored */
    struct base_buffer *ret_timestamp, *ret_snapshot; /* NULL, or get what the client trusts */
};

const struct broker_trust_file *broker_trust_set_find (const struct broker_trust_set *set, const char *role);

/*  A refresh, from a client in phase ROOT. Returns 0, -errno or a code of trust/errors.h; the client is then in the
    phase that it reached. */
int broker_trust_refresh (struct trust_client *client, const struct broker_trust_source *source,
                          struct base_error *error);

/*  Loads a delegated role that the snapshot names, through roles that lead to it. Returns 0, -errno or a code of
    trust/errors.h (TRUST_E_UNKNOWN_ROLE: nothing delegates to it). The client is READY. */
int broker_trust_load (struct trust_client *client, const struct broker_trust_source *source,
                       const char *role, const struct trust_targets **ret_targets, struct base_error *error);

/*  Searches a path. Returns 0, -errno or a code of trust/errors.h. ret_role: "" if no role that is trusted for it names
    it. */
int broker_trust_search (struct trust_client *client, const struct broker_trust_source *source,
                         const char *path, char ret_role[TRUST_NAME_TEXT], struct base_digest *ret_sha256,
                         struct base_error *error);

#endif
