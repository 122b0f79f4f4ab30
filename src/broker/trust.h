/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust.h - the signed metadata that a broker serves

    The broker stores what publishers signed (root, targets, delegated roles), and signs snapshot and timestamp with keys
    of its own. ROOT/trust/timestamp.json decides what is published: it names a snapshot, which names the others. It is
    written last, so a publication that is cut off has not happened.

    Nothing is stored that the client of room trust refuses. What is damaged or missing on disk is named (faults), and
    the rest is served. Snapshot and timestamp are made again; a file that others signed can be published again.
    Versions do not go back: they are the clock in seconds, or more.

    Time comes in as seconds since 1970. `view` is what a node trusts that never looks at the clock. */

#ifndef BROKER_TRUST_H
#define BROKER_TRUST_H

#include "broker/trust_check.h"
#include "broker/trust_entries.h"
#include "broker/trust_keys.h"
#include "broker/trust_staging.h"

enum {
    BROKER_TRUST_VALID_S = 7 * 24 * 3600, /* snapshot and timestamp */
    BROKER_TRUST_RENEW_S = 24 * 3600,     /* their age when they are renewed */
    BROKER_TRUST_LOOK_MS = 3600 * 1000,   /* how often broker_trust_renew is to be called */
    BROKER_TRUST_FAULTS_MOST = 16,
};

/*  What was read from ROOT/trust; made anew after each change. */
struct broker_trust_state {
    bool published;           /* there is a root, intact or not */
    struct trust_client view; /* phase NULL: there is no intact root; READY: targets are intact, too */
    struct base_buffer root, timestamp, snapshot; /* size 0: there is no intact one */
    struct broker_trust_log log;
    uint64_t snapshot_newest; /* version of the newest file, intact or not */
    bool has_targets;         /* there is a file of targets */
    char **faults;            /* what is damaged or missing, and what to do; NULL: nothing */
};

/*  A file that was read lately. */
struct broker_trust_cached {
    char role[TRUST_NAME_TEXT];
    uint64_t version;
    struct base_buffer bytes;
    struct base_digest digest;
    uint64_t used;
};

enum { BROKER_TRUST_CACHED_MOST = 8 };

/*  The last proof of consistency that was asked for. older 0: none. */
struct broker_trust_proof {
    uint64_t older, size;
    struct trust_merkle_proof proof;
};

struct broker_trust {
    struct broker_trust_files files;
    struct broker_trust_keys keys;
    struct broker_staging staging;
    struct broker_trust_state state;
    struct broker_trust_cached cached[BROKER_TRUST_CACHED_MOST];
    uint64_t reads;
    struct broker_trust_proof proof;
    char renewal[512]; /* why snapshot and timestamp were not renewed; "" */
};

/*  Reads ROOT/trust. root must stay open. Damaged files are faults; an error is a disk that cannot be read, or -ENOMEM.
    Changes nothing: broker_trust_renew repairs. */
int broker_trust_open (struct broker_trust *trust, const struct disk *disk, int root,
                       struct base_error *error);
void broker_trust_deinit (struct broker_trust *trust);

/*  Reads ROOT/trust again. On failure the state is as before. */
int broker_trust_reload (struct broker_trust *trust, struct base_error *error);

/*  A metadata file. version 0: the newest that is published. Returns 0, -ENOENT, or -errno (-EIO: it is damaged).
    *ret_file is borrowed until the next call. */
int broker_trust_read (struct broker_trust *trust, const char *role, uint64_t version,
                       const struct broker_trust_cached **ret_file, struct base_error *error);

/*  The version of the newest file of a role that is published and intact, as far as the metadata above it says; 0: there is none. */
uint64_t broker_trust_version (const struct broker_trust *trust, const char *role);

/*  The first sentence about what is damaged, missing or not renewed; NULL: nothing. */
const char *broker_trust_fault (const struct broker_trust *trust);

/*  Whether signed targets list the release, by delegations that nodes trust. */
bool broker_trust_lists (struct broker_trust *trust, const char *application,
                         const struct base_digest *release);

/*  Publishing: broker/trust_publish.c. BROKER_E_REFUSED: error says why, and nothing was changed. */

struct broker_trust_published {
    uint64_t snapshot, timestamp; /* versions */
    struct trust_log_head head;
};

/*  Whether what targets say about a release, which is new in them, fits the release that is here. Returns 0,
    BROKER_E_REFUSED (the sentence says what to do) or -errno. */
typedef int broker_trust_fits (void *context, const struct broker_trust_entry *entry,
                               struct base_error *error);

/*  Publishes files of targets and of delegated roles as one set. fits NULL: not asked. On failure (-errno) the set is published or not;
    publishing it again is safe. */
int broker_trust_publish (struct broker_trust *trust, const struct broker_trust_set *set,
                          broker_trust_fits *fits, void *context, uint64_t now,
                          struct broker_trust_published *ret_published, struct base_error *error);

/*  Publishes a root: the first one, the next one, or an older one whose file is missing or damaged. */
int broker_trust_publish_root (struct broker_trust *trust, const void *data, size_t size, uint64_t now,
                               uint64_t *ret_version, struct base_error *error);

/*  Renews snapshot and timestamp if it is time, or if one of them is damaged or not signed by the keys of the root. Returns 0,
    -errno, or BROKER_E_REFUSED: an operator must do something first. trust->renewal has the sentence. */
int broker_trust_renew (struct broker_trust *trust, uint64_t now, struct base_error *error);

/*  Makes the next generation of online keys. Returns as broker_trust_keys_make. */
int broker_trust_make_keys (struct broker_trust *trust, struct base_error *error);

#endif
