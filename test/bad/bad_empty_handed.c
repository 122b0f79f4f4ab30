/*  test/bad/bad_empty_handed.c - updates well, and serves no content to the candidate that it rehearses
    itself */

#include <errno.h>

#include "node/offer.h"

int __wrap_node_offer_open (const struct node_offer *offer, const struct base_digest *digest, int *ret_fd,
                            uint64_t *ret_size)
{
    (void) offer;
    (void) digest;
    (void) ret_fd;
    (void) ret_size;
    return -ENOENT;
}
