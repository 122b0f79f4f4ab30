/*  transfer/upload.h - the sending side of an upload, as a pure machine

    Begins with an empty put that asks where to begin; then pieces in order, at most window bytes beyond what has been taken. */

#ifndef TRANSFER_UPLOAD_H
#define TRANSFER_UPLOAD_H

#include "transfer/download.h"

enum transfer_upload_kind {
    TRANSFER_UPLOAD_WAIT, /* until until_ms or an event */
    TRANSFER_UPLOAD_PUT,  /* send put (offset) with length bytes of the content; length 0 asks */
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
    uint64_t taken;  /* the peer has everything before this */
    uint64_t sent;   /* sent up to here */
    bool begun;      /* the peer has told where to begin */
    bool asked;
    bool done, failed;
    uint64_t heard_ms, sent_ms, not_before_ms;
    unsigned losses;
    char reason[256];
};

void transfer_upload_init (struct transfer_upload *upload, const struct transfer_limits *limits,
                           const struct base_digest *digest, uint64_t size);
void transfer_upload_taken (struct transfer_upload *upload, const struct wire_taken *taken, uint64_t now_ms);
void transfer_upload_lost (struct transfer_upload *upload);
struct transfer_upload_action transfer_upload_next (struct transfer_upload *upload, uint64_t now_ms);

#endif
