/* SPDX-License-Identifier: MPL-2.0 */
/*  transfer/upload.h - the sending side of an upload, as a pure machine

    It starts with an empty put that asks where to begin. Then it sends pieces in order, at most window bytes
    beyond what the peer has taken. After a loss it asks again, so a piece is never repeated on a guess. If a
    peer has lost bytes that it had taken, they are sent again. If a blob does not match its digest at the
    peer, it is sent once more from the start. The upload fails after `retries` losses without a byte beyond
    the most that was ever taken. */

#ifndef TRANSFER_UPLOAD_H
#define TRANSFER_UPLOAD_H

#include "transfer/download.h"

enum transfer_upload_kind {
    TRANSFER_UPLOAD_WAIT, /* until until_ms or an event */
    TRANSFER_UPLOAD_PUT,  /* send put (offset) with length bytes of the blob; length 0 asks where to begin */
    TRANSFER_UPLOAD_DONE, /* complete, verified and durable at the peer */
    TRANSFER_UPLOAD_FAILED,
};

struct transfer_upload_action {
    enum transfer_upload_kind kind;
    uint64_t offset;
    uint32_t length;
    uint64_t until_ms;
    char reason[256];
};

struct transfer_upload {
    struct transfer_limits limits;
    struct base_digest digest;
    uint64_t size;
    uint64_t taken; /* the peer has everything before this */
    uint64_t best;  /* the most that it ever had */
    uint64_t sent;  /* sent up to here */
    bool asked;     /* the start has been asked for */
    bool started;   /* the peer has answered where to begin */
    bool done, failed;
    uint64_t progress_ms, sent_ms, not_before_ms;
    unsigned losses, busies, restarts;
    char reason[256];
};

void transfer_upload_init (struct transfer_upload *upload, const struct transfer_limits *limits,
                           const struct base_digest *digest, uint64_t size);

/*  The peer has answered a put. An answer about another blob is ignored. */
void transfer_upload_taken (struct transfer_upload *upload, const struct wire_taken *taken, uint64_t now_ms);

/*  The connection was lost and made again: the upload asks again where to continue. */
void transfer_upload_lost (struct transfer_upload *upload);

/*  What to do next; call until it returns WAIT, DONE or FAILED. */
struct transfer_upload_action transfer_upload_next (struct transfer_upload *upload, uint64_t now_ms);

#endif
