/* SPDX-License-Identifier: MPL-2.0 */
/*  transfer/download.h - the receiving side of one blob, as a pure machine

    Events go in (start, chunk, time, connection lost), actions come out through transfer_download_next. It
    uses no socket, file, clock or memory beyond the struct, and does a bounded amount of work an event.

    Pieces are written in order. A piece that comes out of order is dropped. It is asked for again once the
    pieces before it have been asked for again or have come. The window limits the unanswered bytes: it starts
    at `window`, grows by a chunk with each prompt answer up to four times that, and halves when an answer is
    lost or busy. An answer is lost when nothing has been written for answer_ms, when three answers to later
    gets have come, or when it has the wrong length.

    A peer cannot keep a download going for ever: it fails after `retries` losses, or BUSY_MOST busy rounds,
    without a byte written. */

#ifndef TRANSFER_DOWNLOAD_H
#define TRANSFER_DOWNLOAD_H

#include "wire/wire.h"

struct transfer_limits {
    uint32_t chunk;     /* bytes a get; default 256 KiB, at most WIRE_CHUNK_MOST */
    uint32_t window;    /* unanswered bytes at the start; default 2 MiB, at most 32 chunks */
    uint64_t answer_ms; /* a get without an answer is lost after this; default 10 s */
    unsigned retries;   /* losses without progress before it fails; default 5 */
};
extern const struct transfer_limits transfer_limits_default;

enum {
    TRANSFER_WINDOW_MOST = 64, /* gets under way */
    TRANSFER_BUSY_MOST = 1000, /* busy rounds before it fails */
};

enum transfer_kind {
    TRANSFER_WAIT,   /* nothing to do before until_ms (or an event) */
    TRANSFER_GET,    /* send get (offset, length) */
    TRANSFER_DONE,   /* every byte is here; the caller compares its digest */
    TRANSFER_FAILED, /* see reason; the bytes that are here stay for a resume, unless the blob is gone */
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
    uint64_t serial; /* of the get: later ones have higher numbers */
};

struct transfer_download {
    struct transfer_limits limits;
    struct base_digest digest;
    uint64_t size;                                      /* of the whole blob */
    uint64_t written;                                   /* contiguous bytes that are here */
    uint64_t asked;                                     /* end of the bytes that have been asked for */
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

/*  Begins at offset (the size that an earlier attempt left). size is the envelope's. limits NULL: the
    defaults. */
void transfer_download_init (struct transfer_download *download, const struct transfer_limits *limits,
                             const struct base_digest *digest, uint64_t size, uint64_t offset);

/*  A chunk came in. Returns true if its payload is the next to be written: the caller writes exactly
    payload_size bytes now. False: the caller drops it (another blob, not asked for, out of order, wrong
    length, or status busy or gone). */
bool transfer_download_chunk (struct transfer_download *download, const struct wire_chunk *chunk,
                              size_t payload_size, uint64_t now_ms);

/*  The connection was lost and made again: everything unanswered is asked for again. Not counted as a
    loss. */
void transfer_download_lost (struct transfer_download *download);

/*  What to do next; call until it returns WAIT, DONE or FAILED. */
struct transfer_action transfer_download_next (struct transfer_download *download, uint64_t now_ms);

#endif
