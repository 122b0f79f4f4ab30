/* SPDX-License-Identifier: MPL-2.0 */
/*  transfer/download.c - which piece to ask for next, and which answers to accept

    The pieces under way are in a ring from `written` to `asked`. Each is a chunk long, except the last one of
    the blob, so an answer's place follows from its offset. Only the first piece can be written, so only that
    one can time out. */

#include "transfer/limits.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"

enum { OVERTAKEN_MOST = 3 /* answers to later gets after which an earlier one counts as lost */ };

/*  Bytes are written, then asked for, then not yet asked for. The ring holds exactly what was asked for and not
    written. A failed download keeps its numbers for the error. Takes the same time for every window. */
static void download_machine_check (const struct transfer_download *download)
{
    const struct transfer_piece *front = &download->pieces[download->first];
    if (download->failed)
        return;
    base_assert (download->written <= download->asked && download->asked <= download->size);
    base_assert (download->first < TRANSFER_WINDOW_MOST && download->count <= TRANSFER_WINDOW_MOST);
    base_assert (download->due + download->dropped <= download->count);
    base_assert (download->unanswered <= download->asked - download->written);
    base_assert ((download->count == 0) == (download->written == download->asked));
    base_assert (download->count == 0 || front->offset == download->written);
    base_assert (download->count == 0 || front->state != TRANSFER_PIECE_DROPPED);
    base_assert (download->window >= download->limits.chunk);
    base_assert (download->done == (download->written == download->size));
    base_assert (download->losses <= download->limits.retries);
    base_assert (download->busies <= TRANSFER_BUSY_MOST);
}

static struct transfer_piece *piece_at (struct transfer_download *download, unsigned index)
{
    base_assert (index < TRANSFER_WINDOW_MOST);
    return &download->pieces[(download->first + index) % TRANSFER_WINDOW_MOST];
}

static void piece_set (struct transfer_download *download, struct transfer_piece *piece,
                       enum transfer_piece_state state)
{
    switch (piece->state) {
    case TRANSFER_PIECE_DUE:
        download->due--;
        break;
    case TRANSFER_PIECE_SENT:
        download->unanswered -= piece->length;
        break;
    case TRANSFER_PIECE_DROPPED:
        download->dropped--;
        break;
    }
    piece->state = state;
    switch (state) {
    case TRANSFER_PIECE_DUE:
        download->due++;
        break;
    case TRANSFER_PIECE_SENT:
        download->unanswered += piece->length;
        break;
    case TRANSFER_PIECE_DROPPED:
        download->dropped++;
        break;
    }
}

/*  Marks all pieces to be asked for again. */
static void pieces_due (struct transfer_download *download)
{
    for (unsigned i = 0; i < download->count; i++)
        piece_set (download, piece_at (download, i), TRANSFER_PIECE_DUE);
}

/*  The same for those whose answers came out of order. */
static void dropped_due (struct transfer_download *download)
{
    for (unsigned i = 0; download->dropped && i < download->count; i++) {
        struct transfer_piece *piece = piece_at (download, i);
        if (piece->state == TRANSFER_PIECE_DROPPED)
            piece_set (download, piece, TRANSFER_PIECE_DUE);
    }
}

static void window_grow (struct transfer_download *download)
{
    uint32_t most = 4 * download->limits.window;
    if (most > TRANSFER_WINDOW_MOST * download->limits.chunk)
        most = TRANSFER_WINDOW_MOST * download->limits.chunk;
    if (download->window + download->limits.chunk <= most)
        download->window += download->limits.chunk;
}

static void window_shrink (struct transfer_download *download)
{
    download->window /= 2;
    if (download->window < download->limits.chunk)
        download->window = download->limits.chunk;
}

static void download_fail (struct transfer_download *download, enum wire_status status, const char *what,
                           const char *reason)
{
    download->failed = true;
    download->status = status;
    (void) snprintf (download->reason, sizeof download->reason, "%s at byte %" PRIu64 " of %" PRIu64 "%s%s",
                     what, download->written, download->size, reason && *reason ? ": " : "",
                     reason ? reason : "");
}

static void download_count_loss (struct transfer_download *download, const char *what, const char *reason)
{
    download->overtaken = 0;
    window_shrink (download);
    if (++download->losses > download->limits.retries)
        download_fail (download, WIRE_STATUS_FAILED, what, reason);
}

void transfer_download_init (struct transfer_download *download, const struct transfer_limits *limits,
                             const struct base_digest *digest, uint64_t size, uint64_t offset)
{
    base_assert (download);
    base_assert (digest);
    *download = (struct transfer_download){
        .limits = transfer_limits_checked (limits),
        .digest = *digest,
        .size = size,
        .written = offset,
        .asked = offset,
        .done = offset == size,
    };
    download->window = download->limits.window;
    if (offset > size)
        download_fail (download, WIRE_STATUS_FAILED, "the partial download is longer than the blob", NULL);
    download_machine_check (download);
}

/*  Accepts an answer without fault. Returns whether it is the next to be written. */
static bool piece_accept (struct transfer_download *download, struct transfer_piece *piece, uint64_t now_ms)
{
    struct transfer_piece *front = piece_at (download, 0);
    if (piece == front) {
        bool sent = piece->state == TRANSFER_PIECE_SENT;
        if (sent && now_ms - piece->sent_ms <= download->limits.answer_ms / 4)
            window_grow (download);
        piece_set (download, piece, TRANSFER_PIECE_SENT);
        download->unanswered -= piece->length;
        download->written += piece->length;
        download->first = (download->first + 1) % TRANSFER_WINDOW_MOST;
        download->count--;
        download->losses = download->busies = download->overtaken = 0;
        download->progress_ms = now_ms;
        download->done = download->written == download->size;
        dropped_due (download);
        return true;
    }
    if (piece->state == TRANSFER_PIECE_SENT) {
        piece_set (download, piece, TRANSFER_PIECE_DROPPED);
        if (front->state == TRANSFER_PIECE_SENT && piece->serial > front->serial &&
            ++download->overtaken == OVERTAKEN_MOST) {
            piece_set (download, front, TRANSFER_PIECE_DUE);
            download_count_loss (download, "an answer was lost", NULL);
        }
    }
    if (front->state == TRANSFER_PIECE_DUE)
        dropped_due (download);
    return false;
}

static void download_wait_until (struct transfer_download *download, uint64_t until_ms)
{
    if (download->not_before_ms < until_ms)
        download->not_before_ms = until_ms;
}

static void piece_busy (struct transfer_download *download, struct transfer_piece *piece,
                        const struct wire_chunk *chunk, uint64_t now_ms)
{
    uint64_t wait_ms = transfer_busy_wait_ms (chunk->retry_after_ms, download->busies);
    /*  A busy peer answers so to every get under way: that is one round, and the window halves once. */
    if (now_ms >= download->not_before_ms) {
        window_shrink (download);
        if (++download->busies > TRANSFER_BUSY_MOST) {
            download_fail (download, WIRE_STATUS_BUSY, "the peer stayed busy", chunk->reason);
            return;
        }
    }
    download_wait_until (download, now_ms + wait_ms);
    piece_set (download, piece, TRANSFER_PIECE_DUE);
    if (piece == piece_at (download, 0))
        dropped_due (download);
}

/*  The piece that a chunk answers; NULL: none. */
static struct transfer_piece *piece_of (struct transfer_download *download, const struct wire_chunk *chunk)
{
    if (!base_digest_equal (&chunk->digest, &download->digest) || chunk->offset < download->written)
        return NULL;
    uint64_t index = (chunk->offset - download->written) / download->limits.chunk;
    if (index >= download->count)
        return NULL;
    struct transfer_piece *piece = piece_at (download, (unsigned) index);
    return piece->offset == chunk->offset && piece->length == chunk->length ? piece : NULL;
}

static bool chunk_handle (struct transfer_download *download, const struct wire_chunk *chunk,
                          size_t payload_size, uint64_t now_ms)
{
    if (download->done || download->failed)
        return false;
    struct transfer_piece *piece = piece_of (download, chunk);
    if (!piece)
        return false;
    switch (chunk->status) {
    case WIRE_STATUS_OK:
        if (chunk->size != download->size) {
            download_fail (download, WIRE_STATUS_FAILED, "the peer's blob has another size than expected",
                           NULL);
            return false;
        }
        if (payload_size == piece->length)
            return piece_accept (download, piece, now_ms);
        piece_set (download, piece, TRANSFER_PIECE_DUE);
        download_count_loss (download, "the peer sent a chunk of another length than requested", NULL);
        return false;
    case WIRE_STATUS_BUSY:
        piece_busy (download, piece, chunk, now_ms);
        return false;
    case WIRE_STATUS_FAILED:
        download_wait_until (download, now_ms + TRANSFER_FAILED_WAIT_MS);
        piece_set (download, piece, TRANSFER_PIECE_DUE);
        download_count_loss (download, "the peer could not send the blob", chunk->reason);
        return false;
    case WIRE_STATUS_NONE:
    case WIRE_STATUS_GONE:
        download_fail (download, WIRE_STATUS_GONE, "the peer does not have the blob", chunk->reason);
        return false;
    default:
        download_fail (download, WIRE_STATUS_FAILED, "the peer refused to send the blob", chunk->reason);
        return false;
    }
}

bool transfer_download_chunk (struct transfer_download *download, const struct wire_chunk *chunk,
                              size_t payload_size, uint64_t now_ms)
{
    base_assert (download);
    base_assert (chunk);
    bool next = chunk_handle (download, chunk, payload_size, now_ms);
    download_machine_check (download);
    return next;
}

void transfer_download_lost (struct transfer_download *download)
{
    base_assert (download);
    pieces_due (download);
    download->overtaken = 0;
    download_machine_check (download);
}

static struct transfer_action piece_get (struct transfer_download *download, struct transfer_piece *piece,
                                         uint64_t now_ms)
{
    piece_set (download, piece, TRANSFER_PIECE_SENT);
    piece->sent_ms = now_ms;
    piece->serial = ++download->serial;
    return (struct transfer_action){.kind = TRANSFER_GET, .offset = piece->offset, .length = piece->length};
}

static bool window_has_room (const struct transfer_download *download, uint32_t length)
{
    return download->unanswered == 0 || download->unanswered + length <= download->window;
}

/*  Adds the next piece after `asked`. The caller has checked that there is one. */
static struct transfer_piece *piece_new (struct transfer_download *download)
{
    uint64_t left = download->size - download->asked;
    struct transfer_piece *piece = piece_at (download, download->count++);
    *piece = (struct transfer_piece){
        .offset = download->asked,
        .length = left < download->limits.chunk ? (uint32_t) left : download->limits.chunk,
        .state = TRANSFER_PIECE_DUE,
    };
    download->due++;
    download->asked += piece->length;
    return piece;
}

static struct transfer_piece *piece_due (struct transfer_download *download)
{
    for (unsigned i = 0; download->due && i < download->count; i++) {
        struct transfer_piece *piece = piece_at (download, i);
        /*  The first piece is sent even if the window is full: nothing moves without it. */
        if (piece->state == TRANSFER_PIECE_DUE)
            return i == 0 || window_has_room (download, piece->length) ? piece : NULL;
    }
    return NULL;
}

static struct transfer_action action_next (struct transfer_download *download, uint64_t now_ms)
{
    struct transfer_piece *front = piece_at (download, 0);
    uint64_t deadline = UINT64_MAX;
    if (!download->done && !download->failed && download->count && front->state == TRANSFER_PIECE_SENT) {
        deadline = front->sent_ms > download->progress_ms ? front->sent_ms : download->progress_ms;
        deadline += download->limits.answer_ms;
        if (now_ms >= deadline) {
            pieces_due (download);
            download_count_loss (download, "the peer did not answer", NULL);
        }
    }
    if (download->failed) {
        struct transfer_action action = {.kind = TRANSFER_FAILED, .status = download->status};
        (void) snprintf (action.reason, sizeof action.reason, "%s", download->reason);
        return action;
    }
    if (download->done)
        return (struct transfer_action){.kind = TRANSFER_DONE};
    if (now_ms < download->not_before_ms)
        return (struct transfer_action){
            .kind = TRANSFER_WAIT,
            .until_ms =
                deadline > now_ms && deadline < download->not_before_ms ? deadline : download->not_before_ms,
        };

    struct transfer_piece *due = piece_due (download);
    if (due)
        return piece_get (download, due, now_ms);
    /*  While pieces must be asked for again, further ones could only come out of order. */
    if (!download->due && !download->dropped && download->asked < download->size &&
        download->count < TRANSFER_WINDOW_MOST && window_has_room (download, download->limits.chunk))
        return piece_get (download, piece_new (download), now_ms);
    return (struct transfer_action){.kind = TRANSFER_WAIT, .until_ms = deadline};
}

struct transfer_action transfer_download_next (struct transfer_download *download, uint64_t now_ms)
{
    base_assert (download);
    struct transfer_action action = action_next (download, now_ms);
    download_machine_check (download);
    return action;
}
