/* SPDX-License-Identifier: MPL-2.0 */
/*  node/fetch.h - downloads the blobs of an envelope that this host lacks into var/blobs

    Blobs are downloaded one after the other, each in windows (transfer/download.h). A download resumes where
    an earlier attempt stopped. A blob is verified before it gets its name. Before the first byte is
    requested, the fetch checks that there is room for all of them. Without a connection to the content peer
    it waits for one, at most for `update/away`. */

#ifndef NODE_FETCH_H
#define NODE_FETCH_H

#include "identity/self.h"
#include "node/content.h"
#include "transfer/download.h"

struct node_fetch;

/*  Called at the end. error: NULL if all blobs are stored, else the reason; valid during the call only. The
    fetch may be freed during the call. */
typedef void (node_fetch_done) (void *context, const struct base_error *error);

/*  Everything that it points to must live as long as the fetch. */
struct node_fetch_spec {
    struct bus_loop *loop;
    const struct identity_config *config;
    struct node_content *content;
    const struct root *root;                /* of the application */
    struct disk_blobs *blobs;               /* the blob store of that root */
    const struct identity_running *running; /* the version that runs */
    uint64_t probe_bytes, probe_files;      /* space that probing the candidate will need in that root */
};

/*  Makes a fetch, which does nothing before node_fetch_start. The caller owns it. Returns NULL if out of
    memory. */
struct node_fetch *node_fetch_new (const struct node_fetch_spec *spec, node_fetch_done *done, void *context);
/*  Ends the fetch without calling done; waits for disk work that has started. Accepts NULL. Returns NULL. */
struct node_fetch *node_fetch_free (struct node_fetch *fetch);

/*  Starts the fetch, once. done is called later, never during this call. distrust: a file in a workspace or
    in the store counts as present only after it was read and its digest matches. Returns 0, -ENOSPC with
    needed and free space in the error, -ENOMEM without a text, or another -errno. */
int node_fetch_start (struct node_fetch *fetch, const struct wire_envelope *envelope, bool distrust,
                      struct base_error *error);
/*  The same for one blob. A blob of that digest in a workspace does not count. */
int node_fetch_start_blob (struct node_fetch *fetch, const struct base_digest *digest, uint64_t size,
                           struct base_error *error);

/*  Returns how many bytes of the downloads are stored, and their total. */
void node_fetch_progress (const struct node_fetch *fetch, uint64_t *ret_done, uint64_t *ret_total);

/*  Returns a text that says what the fetch waits for; NULL while it downloads. Valid until the loop
    continues. */
const char *node_fetch_note (const struct node_fetch *fetch);

/*  Returns the digest of the blob that ended the fetch because its bytes do not match it; null: none. */
struct base_digest node_fetch_corrupt (const struct node_fetch *fetch);

/*  Sources of the bytes of the envelope's blobs. */
struct node_fetch_counts {
    uint64_t downloaded; /* payload received since node_fetch_start */
    uint64_t resumed;    /* bytes of downloads that an earlier attempt had started */
    uint64_t here;       /* bytes of blobs that needed no download */
};
struct node_fetch_counts node_fetch_counts (const struct node_fetch *fetch);

#endif
