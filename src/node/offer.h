/* SPDX-License-Identifier: MPL-2.0 */
/*  node/offer.h - what a node offers its probe: its own program, with arguments, environment and a file that
    are easily broken

    A probe that passes these on unchanged passes on anything. */

#ifndef NODE_OFFER_H
#define NODE_OFFER_H

#include "node/self.h"

struct node_offer {
    const struct root *root;
    const struct node_self *self;
    struct wire_envelope envelope; /* owned */
    struct base_digest release;
    char nonce[33]; /* for the offered program's own callback */
    char transaction[33];
    int odd; /* descriptor of the odd file's bytes */
    struct base_digest odd_digest;
    uint64_t odd_size;
};

/*  callback: the endpoint to which the offered program announces itself with the offer's nonce. Null value:
    odd -1. */
int node_offer_make (const struct root *root, const struct node_self *self, const char *callback,
                     struct node_offer *ret_offer, struct base_error *error);
void node_offer_deinit (struct node_offer *offer);

/*  Opens a blob of the offer for reading. Returns 0 with a descriptor for the caller, or -ENOENT. */
int node_offer_open (const struct node_offer *offer, const struct base_digest *digest, int *ret_fd,
                     uint64_t *ret_size);

/*  Checks that an announcement shows the offer's arguments and environment unchanged, and base below them.
    base: NULL-terminated, what the launcher was given. Returns 0, or ROOT_E_DAMAGED with what is wrong. */
int node_offer_check_ready (const struct node_offer *offer, char *const *base, const struct wire_ready *ready,
                            struct base_error *error);

/*  Checks that a workspace holds exactly the offer: manifest, program, odd file. */
int node_offer_check_workspace (const struct node_offer *offer, const struct root *root,
                                const char *workspace, struct base_error *error);

#endif
