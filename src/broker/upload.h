/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/upload.h - the upload of one blob

    An upload is free, opening, or open. It is opened during the call if nothing of the blob was received
    before. Else the received part is hashed on a thread first, because hashing runs at a gigabyte a second or
    less; until that is done the upload is opening, and has no partial file yet. */

#ifndef BROKER_UPLOAD_H
#define BROKER_UPLOAD_H

#include "bus/loop.h"
#include "bus/socket.h"
#include "disk/disk.h"

enum {
    BROKER_UPLOAD_IDLE_MS = 30 * 1000,     /* without a request: the file is closed, and kept for a resume */
    BROKER_UPLOAD_TAKE_OVER_MS = 5 * 1000, /* without a request: another peer may take over */
    BROKER_UPLOAD_RATE_MS = 10 * 1000,     /* in each of these spans ... */
    BROKER_UPLOAD_RATE_LEAST = 256 * 1024, /* ... so many bytes must arrive, or another peer may take over */
};

struct broker_opening;

/*  Null value: all zero, free. */
struct broker_upload {
    struct disk_partial partial; /* valid while is_open */
    struct bus_peer peer;
    uint64_t put_ms;               /* when the peer sent its last request, since boot */
    uint64_t rate_ms, rate_offset; /* when the current span of its rate began, and the offset then */
    bool is_slow;                  /* in the last complete span */
    uint64_t written_back;         /* offset up to which write-back was started */
    bool is_open;
    struct broker_opening *opening; /* owned; NULL: it is not opening */
};

/*  Why the received part of a blob could not be opened; error.code 0: there is no such failure. */
struct broker_upload_failure {
    struct base_digest digest;
    struct base_error error;
};

/*  Opens a free upload. Returns 0 or -errno. */
int broker_upload_open (struct broker_upload *upload, struct disk_blobs *blobs,
                        const struct base_digest *digest, uint64_t size, uint64_t now_ms,
                        struct base_error *error);

/*  Opens a free upload on a thread. If that fails, the upload is free again, and *failure says why. upload,
    blobs and failure must stay in place until the upload is open or closed. Returns 0, or -errno: no thread
    was started. */
int broker_upload_resume (struct broker_upload *upload, struct bus_loop *loop, struct disk_blobs *blobs,
                          const struct base_digest *digest, uint64_t size,
                          struct broker_upload_failure *failure);

/*  Keeps the received bytes for a resume, and releases the rest of the reserved space. The upload is free
    then. */
void broker_upload_close (struct broker_upload *upload);

bool broker_upload_is_free (const struct broker_upload *upload);

/*  Returns whether the upload, open or opening, is of this blob. */
bool broker_upload_is_of (const struct broker_upload *upload, const struct base_digest *digest);

/*  Appends bytes to an open upload, and starts to write them to the disk early, so that the sync at the end
    has less to wait for. Returns 0 or -errno. */
int broker_upload_write (struct broker_upload *upload, const void *payload, size_t size,
                         struct base_error *error);

/*  Begins a new span of the rate, for another peer. */
void broker_upload_rate_begin (struct broker_upload *upload, uint64_t now_ms);

/*  Marks an upload as slow if a span has ended with too few bytes, so that other peers need not wait for a
    peer that sends just enough to stay active, or only asks for the offset. */
void broker_upload_measure (struct broker_upload *upload, uint64_t now_ms);

/*  Returns whether another peer may take over this upload or its slot. */
bool broker_upload_yields (struct broker_upload *upload, uint64_t now_ms);

/*  Asserts what always holds for an upload between two calls. */
void broker_upload_check (const struct broker_upload *upload);

#endif
