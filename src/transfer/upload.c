/* SPDX-License-Identifier: MPL-2.0 */
/*  transfer/upload.c - which piece to send next

    Only the peer's answers decide what it has: `sent` is ahead of that by at most the window, and falls back
    to it. */

#include "transfer/upload.h"
#include "transfer/limits.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"

/*  The peer has taken bytes, at most a window more was sent, and the rest was not. It never has more than it
    ever had. */
static void upload_machine_check (const struct transfer_upload *upload)
{
    if (upload->failed)
        return;
    base_assert (upload->taken <= upload->sent && upload->sent <= upload->size);
    base_assert (upload->sent - upload->taken <= upload->limits.window);
    base_assert (upload->done || (upload->taken <= upload->best && upload->best <= upload->size));
    base_assert (!upload->started || upload->asked);
    base_assert (!upload->done || upload->taken == upload->size);
    base_assert (upload->losses <= upload->limits.retries && upload->busies <= TRANSFER_BUSY_MOST);
}

static void upload_fail (struct transfer_upload *upload, const char *what, const char *reason)
{
    upload->failed = true;
    (void) snprintf (upload->reason, sizeof upload->reason, "%s at byte %" PRIu64 " of %" PRIu64 "%s%s", what,
                     upload->taken, upload->size, reason && *reason ? ": " : "", reason ? reason : "");
}

/*  Asks again where to continue. */
static void upload_ask_start (struct transfer_upload *upload)
{
    upload->sent = upload->taken;
    upload->started = false;
    upload->asked = false;
}

static void upload_count_loss (struct transfer_upload *upload, const char *what, const char *reason)
{
    upload_ask_start (upload);
    if (++upload->losses > upload->limits.retries)
        upload_fail (upload, what, reason);
}

static void upload_wait_until (struct transfer_upload *upload, uint64_t until_ms)
{
    if (upload->not_before_ms < until_ms)
        upload->not_before_ms = until_ms;
}

void transfer_upload_init (struct transfer_upload *upload, const struct transfer_limits *limits,
                           const struct base_digest *digest, uint64_t size)
{
    base_assert (upload);
    base_assert (digest);
    *upload = (struct transfer_upload){
        .limits = transfer_limits_checked (limits),
        .digest = *digest,
        .size = size,
    };
    upload_machine_check (upload);
}

static void upload_accept (struct transfer_upload *upload, const struct wire_taken *taken, uint64_t now_ms)
{
    if (taken->complete) {
        upload->taken = upload->sent = upload->size;
        upload->done = true;
        return;
    }
    if (taken->offset > upload->size) {
        upload_fail (upload, "the peer reports more bytes than the blob has", NULL);
        return;
    }
    if (taken->offset > upload->best) {
        upload->best = taken->offset;
        upload->losses = upload->busies = 0;
    }
    if (!upload->started) {
        /*  The answer to that request, or a late answer to an earlier put, which is equally valid. */
        upload->taken = upload->sent = taken->offset;
        upload->started = upload->asked;
        upload->progress_ms = now_ms;
        return;
    }
    if (taken->offset < upload->taken) {
        /*  The peer has lost bytes that it had. Counted as a loss, so that this ends. */
        upload->taken = taken->offset;
        upload_count_loss (upload, "the peer lost data that it had accepted", taken->reason);
        return;
    }
    if (taken->offset > upload->taken)
        upload->progress_ms = now_ms;
    upload->taken = taken->offset;
    if (upload->sent < upload->taken)
        upload->sent = upload->taken;
}

static void upload_busy (struct transfer_upload *upload, const struct wire_taken *taken, uint64_t now_ms)
{
    uint64_t wait_ms = transfer_busy_wait_ms (taken->retry_after_ms, upload->busies);
    if (now_ms >= upload->not_before_ms && ++upload->busies > TRANSFER_BUSY_MOST)
        upload_fail (upload, "the peer stayed busy", taken->reason);
    upload_wait_until (upload, now_ms + wait_ms);
    upload_ask_start (upload);
}

static void upload_refused (struct transfer_upload *upload, const struct wire_taken *taken)
{
    /*  Before the first piece, the peer refuses the blob as a whole. Later, the blob did not match its
        digest, and the bytes may be an earlier sender's that were already there: sends it once more from the
        start. */
    if (upload->sent == 0 || upload->restarts++) {
        upload_fail (upload, "the peer refused the blob", taken->reason);
        return;
    }
    upload->taken = 0;
    upload_ask_start (upload);
}

void transfer_upload_taken (struct transfer_upload *upload, const struct wire_taken *taken, uint64_t now_ms)
{
    base_assert (upload);
    base_assert (taken);
    if (upload->done || upload->failed || !base_digest_equal (&taken->digest, &upload->digest))
        return;
    switch (taken->status) {
    case WIRE_STATUS_OK:
        upload_accept (upload, taken, now_ms);
        break;
    case WIRE_STATUS_BUSY:
        upload_busy (upload, taken, now_ms);
        break;
    case WIRE_STATUS_REFUSED:
        upload_refused (upload, taken);
        break;
    case WIRE_STATUS_FAILED:
        upload_wait_until (upload, now_ms + TRANSFER_FAILED_WAIT_MS);
        upload_count_loss (upload, "the peer could not store the blob", taken->reason);
        break;
    default:
        upload_fail (upload, "the peer did not accept the blob", taken->reason);
        break;
    }
    upload_machine_check (upload);
}

void transfer_upload_lost (struct transfer_upload *upload)
{
    base_assert (upload);
    if (!upload->done && !upload->failed)
        upload_ask_start (upload);
    upload_machine_check (upload);
}

static struct transfer_upload_action piece_put (struct transfer_upload *upload, uint32_t length,
                                                uint64_t now_ms)
{
    struct transfer_upload_action action = {
        .kind = TRANSFER_UPLOAD_PUT, .offset = length ? upload->sent : 0, .length = length};
    upload->sent += length;
    upload->sent_ms = now_ms;
    return action;
}

static struct transfer_upload_action action_next (struct transfer_upload *upload, uint64_t now_ms)
{
    uint64_t deadline = UINT64_MAX;
    if (!upload->done && !upload->failed && upload->asked) {
        deadline = upload->sent_ms > upload->progress_ms ? upload->sent_ms : upload->progress_ms;
        deadline += upload->limits.answer_ms;
        if (now_ms >= deadline) {
            upload_count_loss (upload, "the peer did not answer", NULL);
            deadline = UINT64_MAX;
        }
    }
    if (upload->failed) {
        struct transfer_upload_action action = {.kind = TRANSFER_UPLOAD_FAILED};
        (void) snprintf (action.reason, sizeof action.reason, "%s", upload->reason);
        return action;
    }
    if (upload->done)
        return (struct transfer_upload_action){.kind = TRANSFER_UPLOAD_DONE};
    if (now_ms < upload->not_before_ms)
        return (struct transfer_upload_action){.kind = TRANSFER_UPLOAD_WAIT,
                                               .until_ms = upload->not_before_ms};
    if (!upload->asked) {
        upload->asked = true;
        return piece_put (upload, 0, now_ms);
    }
    uint64_t left = upload->size - upload->sent;
    uint32_t length = left < upload->limits.chunk ? (uint32_t) left : upload->limits.chunk;
    if (upload->started && length &&
        (upload->sent == upload->taken || upload->sent - upload->taken + length <= upload->limits.window))
        return piece_put (upload, length, now_ms);
    return (struct transfer_upload_action){.kind = TRANSFER_UPLOAD_WAIT, .until_ms = deadline};
}

struct transfer_upload_action transfer_upload_next (struct transfer_upload *upload, uint64_t now_ms)
{
    base_assert (upload);
    struct transfer_upload_action action = action_next (upload, now_ms);
    upload_machine_check (upload);
    return action;
}
