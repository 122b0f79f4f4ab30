/*  transfer/upload.h - the sending side of an upload, as a pure machine

    Begins with an empty put that asks where to begin; then pieces in order, at most window bytes beyond
    what has been taken. After a loss it asks again, so a piece is never repeated on a guess. A peer that
    has lost what it had taken is sent it once more; a content that a peer finds not to fit its digest is
    sent once more from the start. `retries` losses without a byte beyond what was ever taken end it. */

#ifndef TRANSFER_UPLOAD_H
#define TRANSFER_UPLOAD_H

#include "transfer/download.h"

enum transfer_upload_kind {
    TRANSFER_UPLOAD_WAIT, /* until until_ms or an event */
    TRANSFER_UPLOAD_PUT,  /* send put (offset) with length bytes of the content; length 0 asks where to begin
                           */
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
    uint64_t best;  /* the highest that it ever had */
    uint64_t sent;  /* sent up to here */
    bool asked;     /* where to begin; not answered yet */
    bool begun;     /* the peer has told where to begin */
    bool done, failed;
    uint64_t progress_ms, sent_ms, not_before_ms;
    unsigned losses, busies, restarts;
    char reason[256];
};

void transfer_upload_init (struct transfer_upload *upload, const struct transfer_limits *limits,
                           const struct base_digest *digest, uint64_t size);

/*  The peer has answered a put. An answer about another content is ignored. */
void transfer_upload_taken (struct transfer_upload *upload, const struct wire_taken *taken, uint64_t now_ms);

/*  The connection was made anew: where to go on is asked for again. */
void transfer_upload_lost (struct transfer_upload *upload);

/*  What to do next; call until it says WAIT, DONE or FAILED. */
struct transfer_upload_action transfer_upload_next (struct transfer_upload *upload, uint64_t now_ms);

#endif
