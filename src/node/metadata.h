/* SPDX-License-Identifier: MPL-2.0 */
/*  node/metadata.h - fetches one file of signed metadata from the origin, part by part

    Nothing that the origin sends is believed: not the size (it must be within what the caller allows), not the digest (it
    only shows that all parts are of one file), not that there is an end. A file takes as many requests as its size needs
    and no more; one that is replaced again and again meanwhile is given up. There is no deadline here: the caller has one. */

#ifndef NODE_METADATA_H
#define NODE_METADATA_H

#include "base/buffer.h"
#include "node/session.h"

struct node_metadata;

enum node_metadata_result {
    NODE_METADATA_HERE,
    NODE_METADATA_ABSENT,    /* the origin says that it has no such file */
    NODE_METADATA_TOO_LARGE, /* it has more bytes than allowed; they were not fetched */
    NODE_METADATA_FAILED,    /* the answers of the origin contradict each other, or memory is exhausted */
};

/*  Called once, never from node_metadata_begin. bytes: the file, if it is here; reason: a text otherwise. Valid during
    the call only; another file may be fetched during the call. */
typedef void (node_metadata_done) (void *context, enum node_metadata_result result,
                                   const struct base_buffer *bytes, const char *reason);

/*  A fetch. Null value: all zero, none is under way. Its members belong to metadata.c. */
struct node_metadata {
    struct node_session *session;
    struct node_part part;
    char role[WIRE_ROLE_NAME_MOST + 1];
    uint64_t version;
    size_t most;
    struct base_buffer bytes; /* received so far */
    struct base_digest file;  /* of the file that they are of */
    uint64_t size;            /* of that file */
    unsigned replaced;        /* how often the file was replaced meanwhile */
    node_metadata_done *done;
    void *context;
};

/*  Fetches the file of a role with this version (0: the newest), of at most this many bytes. */
void node_metadata_begin (struct node_metadata *metadata, struct node_session *session, const char *role,
                          uint64_t version, size_t most, node_metadata_done *done, void *context);
/*  done is not called any more. Accepts one that is not under way. */
void node_metadata_cancel (struct node_metadata *metadata);

#endif
