/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/keys.h - the broker's own key, and the keys that it admits

    The records have every key; here all of them are in memory, by fingerprint, because each message is
    looked up. The active ones are in the admission, each for the channels of its role. A broker without keys is
    open: it has no admission, and everybody who reaches it may do everything.

    A root that has keys stays with keys: it has ROOT/broker.key, or keys in its records. */

#ifndef BROKER_KEYS_H
#define BROKER_KEYS_H

#include "bus/endpoint.h"
#include "bus/socket.h"
#include "records/records.h"

#define BROKER_KEY_FILE "broker.key"
#define BROKER_IPC "ipc"

struct broker_key {
    struct base_digest fingerprint;
    enum wire_role role;
    bool is_active;
    char name[RECORDS_ID_SIZE];
    char **applications; /* publisher; NULL: none */
    uint8_t public_key[BUS_KEY_BYTES];
    char *address; /* of a content peer; NULL: none */
};

/*  A change that content peers follow: a key that may use the content channel is added or revoked. */
struct broker_key_change {
    const struct broker_key *key;
    bool is_revoked;
};

/*  Null value: open. */
struct broker_keys {
    bool on;
    struct bus_keys own;
    struct bus_admission *admission; /* NULL if not on */
    struct broker_key **slots;       /* open addressing by fingerprint; a key is never removed */
    size_t n_slots, n_keys, n_active;
    struct broker_key_change *changes; /* since the keys were opened, without those revoked before */
    size_t n_changes, changes_size;
};

struct broker_keys_config {
    const char *path; /* of the root */
    int root;         /* its descriptor */
    bool wanted;
    const struct bus_keys *own; /* NULL: ROOT/broker.key, which is made if it is missing */
};

/*  Loads the keys, and fills the admission. Returns 0; -EPERM: no keys are wanted, but the root has some; or
    another -errno. The keys are to be freed with broker_keys_deinit in any case. */
int broker_keys_open (struct broker_keys *keys, const struct broker_keys_config *config,
                      struct records *records, struct base_error *error);
/*  The sockets that use the admission must have been freed. */
void broker_keys_deinit (struct broker_keys *keys);

/*  Makes ROOT/ipc, which only the owner of the root enters, and formats the endpoint of the control channel
    there. Returns 0 or -errno. */
int broker_keys_local (const struct broker_keys_config *config, char ret_endpoint[BUS_ENDPOINT_SIZE],
                       struct base_error *error);

/*  Restricts the bound socket in ROOT/ipc to its owner, too. Returns 0 or -errno. */
int broker_keys_local_bound (const struct broker_keys_config *config, struct base_error *error);

/*  NULL: no such key. A revoked key is found, too. */
const struct broker_key *broker_keys_find (const struct broker_keys *keys,
                                           const struct base_digest *fingerprint);

/*  Adds a key that is in the records, and admits it if it is active. One that is here already stays as it is.
    Returns 0 or -errno. */
int broker_keys_put (struct broker_keys *keys, const struct wire_key *key, struct base_error *error);

/*  A key is revoked in the records: refuses it at once, and ends its connections. */
void broker_keys_revoke (struct broker_keys *keys, const struct base_digest *fingerprint);

/*  The content peer whose key was added last, of those that are active and have an address; NULL: none. */
const struct broker_key *broker_keys_content (const struct broker_keys *keys);

/*  The channels of a role, as in bus/admission.h. */
unsigned broker_keys_channels (enum wire_role role);

#endif
