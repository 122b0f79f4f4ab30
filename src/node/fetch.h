/* SPDX-License-Identifier: MPL-2.0 */
/*  node/fetch.h - downloads the blobs of an envelope that this host lacks into var/contents

    Blobs are downloaded one after the other, each in windows (transfer/download.h). A download resumes where
    an earlier attempt stopped. A blob is verified before it gets its name. The space for all of them is
    reserved before the first byte is requested. While the content peer is away, the fetch waits for it, at
    most for `update/away`. */

#ifndef NODE_FETCH_H
#define NODE_FETCH_H

#include "identity/self.h"
#include "node/content.h"
#include "transfer/download.h"

struct node_fetch;

/*  Called at the end. error: NULL if all blobs are here, else the reason. The fetch may be freed during the
    call. */
typedef void (node_fetch_done) (void *context, const struct base_error *error);

/*  All that is pointed to must live as long as the fetch. */
struct node_fetch_spec {
    struct bus_loop *loop;
    const struct identity_config *config;
    struct node_content *content;
    const struct root *root;                /* of the application */
    struct disk_blobs *blobs;               /* the blob store of that root */
    const struct identity_running *running; /* the version that runs */
    uint64_t probe_bytes, probe_files; /* what probing the candidate will need on the disk of that root */
};

/*  Makes a fetch, which does nothing before node_fetch_start. NULL: out of memory. */
struct node_fetch *node_fetch_new (const struct node_fetch_spec *spec, node_fetch_done *done, void *context);
struct node_fetch *node_fetch_free (struct node_fetch *fetch);

/*  Starts the fetch. done is called later, never during this call. distrust: a file in a workspace or in the
    store counts as present only after it was read and its digest matches. Returns 0, -ENOSPC with both
    figures in the error, or -errno. */
int node_fetch_start (struct node_fetch *fetch, const struct wire_envelope *envelope, bool distrust,
                      struct base_error *error);
/*  The same for one blob, which is only looked for in the blob store. */
int node_fetch_start_blob (struct node_fetch *fetch, const struct base_digest *digest, uint64_t size,
                           struct base_error *error);

/*  Returns the bytes that are here, and the bytes in total. */
void node_fetch_progress (const struct node_fetch *fetch, uint64_t *ret_done, uint64_t *ret_total);

/*  Returns what the fetch waits for, in words; NULL while it downloads. Valid until the fetch continues. */
const char *node_fetch_note (const struct node_fetch *fetch);

/*  Returns the digest of a blob that arrived with other bytes than its name says and ended the fetch; null:
    none did. */
struct base_digest node_fetch_rotten (const struct node_fetch *fetch);

/*  Where the bytes of the envelope's blobs came from. */
struct node_fetch_counts {
    uint64_t downloaded; /* payload received since node_fetch_start */
    uint64_t resumed;    /* bytes of downloads that an earlier attempt had started */
    uint64_t here;       /* bytes of blobs that needed no download */
};
struct node_fetch_counts node_fetch_counts (const struct node_fetch *fetch);

#endif
