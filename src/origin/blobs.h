/* SPDX-License-Identifier: MPL-2.0 */
/*  origin/blobs.h - answering get; private to this room

    Open blobs are kept for a while, by digest: mapped if the owner says that they cannot shrink, else read
    piece by piece. A payload under way holds its mapping and the account of its peer. Both have atomic
    reference counts, because libzmq releases a payload on its I/O thread, perhaps after the origin was
    freed. */

#ifndef ORIGIN_BLOBS_H
#define ORIGIN_BLOBS_H

#include "origin/origin.h"

struct origin_blobs;

struct origin_blobs_spec {
    struct bus_loop *loop;
    int (*open) (void *context, const struct base_digest *digest, int *ret_fd, uint64_t *ret_size,
                 bool *ret_immutable);
    void *context;
    unsigned open_most;  /* blobs */
    unsigned peer_bytes; /* unsent payload a peer */
};

/*  Returns NULL if memory is exhausted. */
struct origin_blobs *origin_blobs_new (const struct origin_blobs_spec *spec);
struct origin_blobs *origin_blobs_free (struct origin_blobs *blobs);

/*  Closes the open file of a blob, because the owner has another one for it now. */
void origin_blobs_forget (struct origin_blobs *blobs, const struct base_digest *digest);

/*  Sends the chunk that answers get. */
void origin_blobs_get (struct origin_blobs *blobs, struct bus_socket *socket, const struct bus_peer *peer,
                       const struct wire_get *get, struct origin_counts *counts);

/*  Answers get for a sender who may not have it. */
void origin_blobs_refuse (struct bus_socket *socket, const struct bus_peer *peer, const struct wire_get *get,
                          const char *reason);

#endif
