/* SPDX-License-Identifier: MPL-2.0 */
/*  peer/follow.h - follows the list of keys of a broker

    Asks the broker with follow_keys (schemas/operator.def): for the list, then for what changes. Each request
    waits at the broker, so a key that is added or revoked is known here within milliseconds. A revocation is
    stored before the next request, an added key within a second.

    While the broker does not answer, the list stays as it is; at a start the stored one is used after
    PEER_FOLLOW_PATIENCE_MS. The broker is asked until it answers. That it refuses this peer's key is only
    logged: somebody between both could forge that refusal. */

#ifndef PEER_FOLLOW_H
#define PEER_FOLLOW_H

#include "bus/socket.h"
#include "peer/keys.h"

struct peer_follow;

enum { PEER_FOLLOW_PATIENCE_MS = 5000 };

struct peer_follow_config {
    const char *control;           /* endpoint of the broker */
    const struct bus_keys *keys;   /* of a client: this peer's pair and the broker's key */
    int root;                      /* where the list is stored */
    uint64_t patience_ms;          /* 0: PEER_FOLLOW_PATIENCE_MS */
    void (*ready) (void *context); /* called once, when there is a list, from the broker or the stored one */
    void *context;
};

/*  Starts. keys must outlive the result, which the caller owns. Returns 0 or -errno. */
int peer_follow_new (struct bus_loop *loop, struct peer_keys *keys, const struct peer_follow_config *config,
                     struct peer_follow **ret_follow, struct base_error *error);

/*  Accepts NULL. Returns NULL. */
struct peer_follow *peer_follow_free (struct peer_follow *follow);

#endif
