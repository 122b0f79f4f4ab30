/*  transfer/download.h - the receiving side of one content, as a pure machine

    Events go in (start, chunk, time, connection lost), actions come out through transfer_download_next: send a get, write bytes, done,
    failed, or wait until. No socket, file, clock or memory beyond the struct. Pieces are written in order: what comes out of order is asked
    for again. The window is unanswered bytes: it begins at `window`, grows while answers come promptly and shrinks when one is lost or busy. */

#ifndef TRANSFER_DOWNLOAD_H
#define TRANSFER_DOWNLOAD_H

#include "wire/wire.h"

struct transfer_limits {
    uint32_t chunk;         /* bytes a get; default 256 KiB, at most WIRE_CHUNK_MOST */
    uint32_t window;        /* unanswered bytes; default 2 MiB, at most 32 chunks */
    uint64_t answer_ms;     /* a get without an answer is lost after this; default 10 s */
    unsigned retries;       /* losses without progress before it fails; default 5 */
};
extern const struct transfer_limits transfer_limits_default;

enum { TRANSFER_WINDOW_MOST = 64 /* gets under way */ };

enum transfer_kind {
    TRANSFER_WAIT,   /* nothing to do before until_ms (or an event) */
    TRANSFER_GET,    /* send get (offset, length) */
    TRANSFER_WRITE,  /* the chunk just handed in is to be written at the current end */
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

struct transfer_piece {
    uint64_t offset;
    uint32_t length;
    uint64_t sent_ms;
    bool answered;
};

struct transfer_download {
    struct transfer_limits limits;
    struct base_digest digest;
    uint64_t size;      /* of the whole content */
    uint64_t written;   /* contiguous bytes that are here */
    uint64_t asked;     /* end of what has been asked for */
    struct transfer_piece pieces[TRANSFER_WINDOW_MOST]; /* in order of offset, a ring */
    unsigned first, count;
    uint32_t window;
    unsigned losses;
    uint64_t not_before_ms; /* busy: no get before this */
    bool write_due, done, failed;
    enum wire_status status;
    char reason[256];
};

/*  Begins at offset (what an earlier attempt left). size is what the envelope says. limits NULL: the defaults. */
void transfer_download_init (struct transfer_download *download, const struct transfer_limits *limits,
                             const struct base_digest *digest, uint64_t size, uint64_t offset);

/*  A chunk came in. Returns true where its payload is the next to be written: the caller writes exactly payload_size bytes now. False: it is to be dropped
    (another content, not asked for, out of order, wrong length, or told busy or gone). */
bool transfer_download_chunk (struct transfer_download *download, const struct wire_chunk *chunk, size_t payload_size,
                              uint64_t now_ms);

/*  The connection was made anew: everything unanswered is asked for again. */
void transfer_download_lost (struct transfer_download *download);

/*  What to do next; call until it says WAIT, DONE or FAILED. */
struct transfer_action transfer_download_next (struct transfer_download *download, uint64_t now_ms);

#endif
