/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_keys.h - the online keys: ROOT/trust/keys/GENERATION.ROLE.key

    A generation is one key for timestamp and one for snapshot. The broker signs with the newest key that root lists for
    the role. Keys of earlier generations are kept. The first generation is made when its public keys are asked for and
    no file of a key is there; others only on request. So a directory that was lost is not replaced silently. */

#ifndef BROKER_TRUST_KEYS_H
#define BROKER_TRUST_KEYS_H

#include "broker/trust_files.h"
#include "trust/metadata.h"
#include "trust/secret.h"

enum { BROKER_TRUST_KEYS_MOST = 64 /* files */ };

struct broker_trust_key {
    uint64_t generation;
    enum trust_kind kind; /* TRUST_TIMESTAMP or TRUST_SNAPSHOT */
    struct trust_secret secret;
};

/*  Null value: all zero. */
struct broker_trust_keys {
    struct broker_trust_key *all[BROKER_TRUST_KEYS_MOST]; /* owned; by generation */
    size_t count;
    uint64_t generation; /* the highest of any file, damaged ones included; 0: there is no file */
    char damage[256];    /* what is wrong with a file, and what to do; "" */
};

/*  Reads the keys. A damaged file is skipped and named in keys->damage. Returns 0 or -errno. */
int broker_trust_keys_open (struct broker_trust_keys *keys, const struct broker_trust_files *files,
                            struct base_error *error);
void broker_trust_keys_deinit (struct broker_trust_keys *keys);

/*  Makes the next generation, durably. seeds: 2 * TRUST_SEED_BYTES random bytes, which the caller wipes. Returns 0,
    -errno, or BROKER_E_REFUSED: there are BROKER_TRUST_KEYS_MOST files. */
int broker_trust_keys_make (struct broker_trust_keys *keys, struct broker_trust_files *files,
                            const uint8_t seeds[2 * TRUST_SEED_BYTES], struct base_error *error);

/*  The newest key that root lists for this role; NULL: there is none. */
const struct broker_trust_key *broker_trust_keys_find (const struct broker_trust_keys *keys,
                                                       const struct trust_root *root, enum trust_kind kind);

/*  Whether root lists the key for its role. */
bool broker_trust_key_is_listed (const struct broker_trust_key *key, const struct trust_root *root);

#endif
