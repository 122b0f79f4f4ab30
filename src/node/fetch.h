/*  node/fetch.h - brings the contents of an envelope that are not on this host into var/contents

    One content after the other, each in windows (transfer/download.h), resumed where an earlier attempt
    stopped, verified before it gets its name. The space for all of them is reserved before the first byte
    is asked for. A content peer that is away is waited for, for `update/away`. */

#ifndef NODE_FETCH_H
#define NODE_FETCH_H

#include "node/self.h"
#include "node/session.h"
#include "transfer/download.h"

struct node_fetch;

/*  Tells the end: error is NULL where everything is here, else why not. The fetch may be freed during the
    call. */
typedef void (node_fetch_done) (void *context, const struct base_error *error);

/*  Nothing happens before node_fetch_start. contents is the store of the root, open as long as the fetch
    lives. */
struct node_fetch *node_fetch_new (struct bus_loop *loop, const struct node_config *config,
                                   const struct root *root, struct disk_blobs *contents,
                                   const struct node_self *self, struct node_session *session,
                                   node_fetch_done *done, void *context);
struct node_fetch *node_fetch_free (struct node_fetch *fetch);

/*  Begins. done is called later, never during this call. Returns 0, -ENOSPC with both figures in the
    error, or -errno. distrust: a file of the running version counts as here only once it has been read and
    fits. */
int node_fetch_start (struct node_fetch *fetch, const struct wire_envelope *envelope, bool distrust,
                      struct base_error *error);

void node_fetch_chunk (struct node_fetch *fetch, const struct wire_chunk *chunk, const void *payload,
                       size_t size);

/*  The connection was made anew. */
void node_fetch_lost (struct node_fetch *fetch);

/*  Bytes that are here, and bytes in all. */
void node_fetch_progress (const struct node_fetch *fetch, uint64_t *ret_done, uint64_t *ret_total);

/*  What it waits for, in words; NULL while it goes on. Valid until the fetch goes on. */
const char *node_fetch_note (const struct node_fetch *fetch);

/*  The blob that came with other bytes than its name says, which ended the fetch; null: none did. */
struct base_digest node_fetch_rotten (const struct node_fetch *fetch);

/*  Where the bytes of the envelope's contents came from. */
struct node_fetch_counts {
    uint64_t
        downloaded;   /* payload that came over the wire since node_fetch_start, what came twice included */
    uint64_t resumed; /* of a download that an earlier attempt had begun */
    uint64_t here;    /* of contents that nothing had to be done for */
};
struct node_fetch_counts node_fetch_counts (const struct node_fetch *fetch);

#endif
