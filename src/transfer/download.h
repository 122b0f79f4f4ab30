/*  transfer/download.h - the receiving side of one content, as a pure machine

    Events go in (start, chunk, time, connection lost), actions come out through transfer_download_next. No
    socket, file, clock or memory beyond the struct, and a bounded amount of work an event.

    Pieces are written in order. What comes out of order is dropped and asked for again once what was
    missing before it has been asked for again or has come. The window is unanswered bytes: it begins at
    `window`, grows by a chunk with each prompt answer up to four times that, and halves when an answer is
    lost or busy. An answer is lost when nothing has been written for answer_ms, when three that were asked
    for later have come, or when it has the wrong length.

    What a peer answers cannot keep it going for ever: `retries` losses, or BUSY_MOST busy rounds, without
    a byte written, end it. */

#ifndef TRANSFER_DOWNLOAD_H
#define TRANSFER_DOWNLOAD_H

#include "wire/wire.h"

struct transfer_limits {
    uint32_t chunk;     /* bytes a get; default 256 KiB, at most WIRE_CHUNK_MOST */
    uint32_t window;    /* unanswered bytes to begin with; default 2 MiB, at most 32 chunks */
    uint64_t answer_ms; /* a get without an answer is lost after this; default 10 s */
    unsigned retries;   /* losses without progress before it fails; default 5 */
};
extern const struct transfer_limits transfer_limits_default;

enum {
    TRANSFER_WINDOW_MOST = 64, /* gets under way */
    TRANSFER_BUSY_MOST = 1000, /* times that it waits for a busy peer before it fails */
};

enum transfer_kind {
    TRANSFER_WAIT,   /* nothing to do before until_ms (or an event) */
    TRANSFER_GET,    /* send get (offset, length) */
    TRANSFER_WRITE,  /* never told: what is to be written, transfer_download_chunk says */
    TRANSFER_DONE,   /* every byte is here; its digest is to be compared */
    TRANSFER_FAILED, /* reason tells; what is here stays for a resume unless the content is gone */
};

struct transfer_action {
    enum transfer_kind kind;
    uint64_t offset;
    uint32_t length;
    uint64_t until_ms;
    enum wire_status status; /* FAILED: gone, busy, failed */
    char reason[256];
};

enum transfer_piece_state {
    TRANSFER_PIECE_DUE,     /* to be asked for (again) */
    TRANSFER_PIECE_SENT,    /* asked for, no answer yet */
    TRANSFER_PIECE_DROPPED, /* its answer came out of order */
};

struct transfer_piece {
    uint64_t offset;
    uint32_t length;
    enum transfer_piece_state state;
    uint64_t sent_ms;
    uint64_t serial; /* of the get: what was asked for later has a higher one */
};

struct transfer_download {
    struct transfer_limits limits;
    struct base_digest digest;
    uint64_t size;                                      /* of the whole content */
    uint64_t written;                                   /* contiguous bytes that are here */
    uint64_t asked;                                     /* end of what has been asked for */
    struct transfer_piece pieces[TRANSFER_WINDOW_MOST]; /* from written to asked, a ring */
    unsigned first, count;
    unsigned due, dropped; /* pieces in that state */
    uint32_t window;
    uint32_t unanswered; /* bytes */
    uint64_t serial;
    unsigned losses, busies, overtaken; /* since the last byte was written */
    uint64_t progress_ms;
    uint64_t not_before_ms; /* busy: no get before this */
    bool done, failed;
    enum wire_status status;
    char reason[256];
};

/*  Begins at offset (what an earlier attempt left). size is what the envelope says. limits NULL: the
    defaults. */
void transfer_download_init (struct transfer_download *download, const struct transfer_limits *limits,
                             const struct base_digest *digest, uint64_t size, uint64_t offset);

/*  A chunk came in. Returns true where its payload is the next to be written: the caller writes exactly
    payload_size bytes now. False: it is to be dropped (another content, not asked for, out of order, wrong
    length, or told busy or gone). */
bool transfer_download_chunk (struct transfer_download *download, const struct wire_chunk *chunk,
                              size_t payload_size, uint64_t now_ms);

/*  The connection was made anew: everything unanswered is asked for again. Not counted as a loss. */
void transfer_download_lost (struct transfer_download *download);

/*  What to do next; call until it says WAIT, DONE or FAILED. */
struct transfer_action transfer_download_next (struct transfer_download *download, uint64_t now_ms);

#endif
