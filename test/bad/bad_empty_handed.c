/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_empty_handed.c - updates correctly, but serves no blobs to its own candidate */

#include <errno.h>

#include "rehearsal/offer.h"

int __wrap_rehearsal_offer_open (const struct rehearsal_offer *offer, const struct base_digest *digest,
                                 int *ret_fd, uint64_t *ret_size)
{
    (void) offer;
    (void) digest;
    (void) ret_fd;
    (void) ret_size;
    return -ENOENT;
}
