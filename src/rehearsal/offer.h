/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/offer.h - the update that a node offers its probe

    It is the node's own program, with arguments, an environment and a file that careless code would change. A
    probe that hands these on unchanged hands on anything. */

#ifndef REHEARSAL_OFFER_H
#define REHEARSAL_OFFER_H

#include "identity/self.h"

struct rehearsal_offer {
    const struct root *root;
    const struct identity_self *self;
    struct wire_envelope envelope; /* owned */
    struct base_digest release;
    struct base_buffer document; /* of that release; owned */
    char nonce[33];              /* for the offered program's own callback */
    char transaction[33];
    int odd; /* descriptor of the odd file's bytes */
    struct base_digest odd_digest;
    uint64_t odd_size;
};

/*  Makes an offer. callback: the endpoint to which the offered program announces itself with the offer's
    nonce. The caller frees ret_offer; its null value has odd -1. Returns 0, or -errno or WIRE_E_ with a
    sentence. */
int rehearsal_offer_make (const struct root *root, const struct identity_self *self, const char *callback,
                          struct rehearsal_offer *ret_offer, struct base_error *error);
void rehearsal_offer_deinit (struct rehearsal_offer *offer);

/*  Opens a blob of the offer for reading. Returns 0 with a descriptor for the caller, or -ENOENT. */
int rehearsal_offer_open (const struct rehearsal_offer *offer, const struct base_digest *digest, int *ret_fd,
                          uint64_t *ret_size);

/*  Checks that an announcement shows the offer's arguments and environment unchanged, and base below them.
    base: NULL-terminated, what the launcher was given. Returns 0, or ROOT_E_DAMAGED with what is wrong. */
int rehearsal_offer_check_ready (const struct rehearsal_offer *offer, char *const *base,
                                 const struct wire_ready *ready, struct base_error *error);

/*  Checks that a workspace of root holds the offer: manifest, program, odd file. Returns 0, ROOT_E_NONE,
    ROOT_E_DAMAGED or -errno, with a sentence. */
int rehearsal_offer_check_workspace (const struct rehearsal_offer *offer, const struct root *root,
                                     const char *workspace, struct base_error *error);

#endif
