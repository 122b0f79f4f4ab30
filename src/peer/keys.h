/* SPDX-License-Identifier: MPL-2.0 */
/*  peer/keys.h - the keys that a content peer apart from its broker admits

    The broker decides who may use content; a peer follows its list (peer/follow.h). Here the list is in memory,
    by fingerprint, because each message is looked up; its active keys are in the admission. It is stored in
    ROOT/keys, so that the peer goes on without its broker, also after a restart.

    A key that is revoked stays in memory: a message that arrives afterwards is refused with its name. */

#ifndef PEER_KEYS_H
#define PEER_KEYS_H

#include "base/error.h"
#include "bus/admission.h"
#include "wire/wire.h"

#define PEER_KEYS_FILE "keys"

enum { PEER_KEYS_MOST = 262144 };

struct peer_key {
    struct base_digest fingerprint;
    uint8_t public_key[BUS_KEY_BYTES];
    enum wire_role role;
    bool is_active;
    bool is_listed; /* in the list that is being received */
    char name[65];
};

/*  Null value: no keys, nobody is admitted. */
struct peer_keys {
    struct bus_admission *admission; /* not owned; set before use */
    struct peer_key **slots;         /* open addressing by fingerprint; a key is never removed */
    size_t n_slots, n_keys, n_active;
};

void peer_keys_deinit (struct peer_keys *keys);

/*  A new list begins: after peer_keys_end, only the keys are admitted that were put in between. */
void peer_keys_begin (struct peer_keys *keys);
void peer_keys_end (struct peer_keys *keys);

/*  Admits a key, or revokes it and ends its connections. Returns 0, -EBADMSG: it is not a key; -ENOSPC: there
    are PEER_KEYS_MOST; or -ENOMEM. */
int peer_keys_put (struct peer_keys *keys, const struct wire_content_user *user, struct base_error *error);

/*  NULL: no such key. A revoked key is found, too. */
const struct peer_key *peer_keys_find (const struct peer_keys *keys, const struct base_digest *fingerprint);

/*  Whether a sender may send a message of the content channel (wire/role.h). Root and the user of this process,
    over ipc, may send any. false: with a sentence in ret_reason. */
bool peer_keys_permit (const struct peer_keys *keys, const struct bus_sender *sender,
                       const struct wire_record *record, char *ret_reason, size_t size);

/*  Stores the active keys durably, readable by the owner alone. broker: the public key of the broker whose list
    it is. Returns 0 or -errno. */
int peer_keys_store (const struct peer_keys *keys, int root, const char *broker, struct base_error *error);

/*  Puts the stored keys of this broker. Returns 0; -ENOENT: there is no list of this broker; -EBADMSG: it is
    damaged, and nothing is put; or another -errno. */
int peer_keys_load (struct peer_keys *keys, int root, const char *broker, struct base_error *error);

#endif
