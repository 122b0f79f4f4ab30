/*  origin/content.h - answering get; private to this room

    Open contents are kept for a while, by digest: mapped where the owner says that they cannot shrink,
    else read piece by piece. A payload under way holds its mapping and the account of its peer, both
    counted and atomic, because libzmq lets go of it on its I/O thread, perhaps after the origin has gone. */

#ifndef ORIGIN_CONTENT_H
#define ORIGIN_CONTENT_H

#include "origin/origin.h"

struct origin_contents;

struct origin_contents_spec {
    struct bus_loop *loop;
    int (*open) (void *context, const struct base_digest *digest, int *ret_fd, uint64_t *ret_size,
                 bool *ret_immutable);
    void *context;
    unsigned open_most;  /* contents */
    unsigned peer_bytes; /* unsent payload a peer */
};

/*  NULL where memory is out. */
struct origin_contents *origin_contents_new (const struct origin_contents_spec *spec);
struct origin_contents *origin_contents_free (struct origin_contents *contents);

/*  The owner has another file for that content now: what is open of it is let go. */
void origin_contents_forget (struct origin_contents *contents, const struct base_digest *digest);

/*  Sends the chunk that answers get. */
void origin_contents_get (struct origin_contents *contents, struct bus_socket *socket,
                          const struct bus_peer *peer, const struct wire_get *get,
                          struct origin_counts *counts);

#endif
