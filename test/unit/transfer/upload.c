/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/transfer/upload.c - each rule of an upload, then 3000 simulated uploads

    The simulated peer loses data, is busy and disconnects. */

#include <criterion/criterion.h>
#include <signal.h>

#include "test/lib/random_message.h"
#include "transfer/upload.h"

static const struct base_digest digest = {{1, 2, 3}};
static const struct transfer_limits limits = {.chunk = 10, .window = 40, .answer_ms = 1000, .retries = 3};

static void upload_answer (struct transfer_upload *upload, enum wire_status status, uint64_t offset,
                           uint64_t now_ms)
{
    struct wire_taken answer = {.digest = digest, .status = status, .offset = offset};
    transfer_upload_taken (upload, &answer, now_ms);
}

static unsigned puts_of (struct transfer_upload *upload, uint64_t now_ms, uint64_t *ret_last)
{
    for (unsigned count = 0;; count++) {
        struct transfer_upload_action action = transfer_upload_next (upload, now_ms);
        if (action.kind != TRANSFER_UPLOAD_PUT)
            return count;
        if (ret_last)
            *ret_last = action.offset;
    }
}

static struct transfer_upload upload_begin (uint64_t size, uint64_t offset)
{
    struct transfer_upload upload;
    transfer_upload_init (&upload, &limits, &digest, size);
    struct transfer_upload_action action = transfer_upload_next (&upload, 0);
    cr_assert_eq (action.kind, TRANSFER_UPLOAD_PUT);
    cr_assert_eq (action.length, 0);
    cr_assert_eq (transfer_upload_next (&upload, 0).kind, TRANSFER_UPLOAD_WAIT);
    upload_answer (&upload, WIRE_STATUS_OK, offset, 0);
    return upload;
}

Test (upload, an_upload_asks_for_its_offset_and_respects_the_window)
{
    struct transfer_upload upload = upload_begin (95, 20);
    uint64_t last;
    cr_assert_eq (puts_of (&upload, 0, &last), 4);
    cr_assert_eq (last, 50);
    upload_answer (&upload, WIRE_STATUS_OK, 30, 1);
    cr_assert_eq (puts_of (&upload, 1, &last), 1);
    cr_assert_eq (last, 60);
    upload_answer (&upload, WIRE_STATUS_OK, 70, 1);
    struct transfer_upload_action action = {.length = 0};
    for (unsigned i = 0; i < 3; i++)
        action = transfer_upload_next (&upload, 1);
    cr_assert_eq (action.offset, 90);
    cr_assert_eq (action.length, 5);
    upload_answer (&upload, WIRE_STATUS_OK, 95, 1);
    cr_assert_eq (transfer_upload_next (&upload, 1).kind, TRANSFER_UPLOAD_WAIT);
    struct wire_taken complete = {.digest = digest, .status = WIRE_STATUS_OK, .offset = 95, .complete = true};
    transfer_upload_taken (&upload, &complete, 2);
    cr_assert_eq (transfer_upload_next (&upload, 2).kind, TRANSFER_UPLOAD_DONE);
}

Test (upload, a_blob_that_the_peer_has_is_not_sent)
{
    struct transfer_upload upload;
    transfer_upload_init (&upload, &limits, &digest, 95);
    cr_assert_eq (puts_of (&upload, 0, NULL), 1);
    struct wire_taken complete = {.digest = digest, .status = WIRE_STATUS_OK, .offset = 95, .complete = true};
    transfer_upload_taken (&upload, &complete, 0);
    cr_assert_eq (transfer_upload_next (&upload, 0).kind, TRANSFER_UPLOAD_DONE);
}

Test (upload, timeouts_repeat_the_question_and_then_fail_the_upload)
{
    struct transfer_upload upload = upload_begin (1000, 0);
    cr_assert_eq (puts_of (&upload, 0, NULL), 4);
    uint64_t now = 1000;
    for (unsigned i = 0; i < 3; i++, now += 1000) {
        struct transfer_upload_action action = transfer_upload_next (&upload, now);
        cr_assert_eq (action.kind, TRANSFER_UPLOAD_PUT);
        cr_assert_eq (action.length, 0);
    }
    struct transfer_upload_action action = transfer_upload_next (&upload, now);
    cr_assert_eq (action.kind, TRANSFER_UPLOAD_FAILED);
    cr_assert_str_eq (action.reason, "the peer did not answer at byte 0 of 1000");
}

Test (upload, answers_without_progress_fail_the_upload)
{
    struct transfer_upload upload = upload_begin (1000, 0);
    uint64_t now = 0;
    unsigned steps = 0;
    while (transfer_upload_next (&upload, now).kind != TRANSFER_UPLOAD_FAILED) {
        upload_answer (&upload, WIRE_STATUS_OK, 0, now);
        now += 50;
        cr_assert_lt (++steps, 1000);
    }
}

Test (upload, lost_bytes_are_sent_again_but_not_for_ever)
{
    struct transfer_upload upload = upload_begin (1000, 0);
    cr_assert_eq (puts_of (&upload, 0, NULL), 4);
    upload_answer (&upload, WIRE_STATUS_OK, 30, 0);
    puts_of (&upload, 0, NULL);
    upload_answer (&upload, WIRE_STATUS_OK, 0, 1);
    struct transfer_upload_action action = transfer_upload_next (&upload, 1);
    cr_assert_eq (action.kind, TRANSFER_UPLOAD_PUT);
    cr_assert_eq (action.length, 0);
    unsigned rounds = 0;
    while (transfer_upload_next (&upload, 2).kind != TRANSFER_UPLOAD_FAILED) {
        upload_answer (&upload, WIRE_STATUS_OK, ++rounds % 2 ? 0 : 30, 2);
        cr_assert_lt (rounds, 100);
    }
}

Test (upload, a_busy_peer_is_asked_at_its_retry_time)
{
    struct transfer_upload upload = upload_begin (1000, 0);
    cr_assert_eq (puts_of (&upload, 0, NULL), 4);
    struct wire_taken busy = {.digest = digest, .status = WIRE_STATUS_BUSY, .retry_after_ms = 500};
    transfer_upload_taken (&upload, &busy, 0);
    for (unsigned i = 0; i < 3; i++)
        upload_answer (&upload, WIRE_STATUS_OK, 0, 1);
    struct transfer_upload_action action = transfer_upload_next (&upload, 1);
    cr_assert_eq (action.kind, TRANSFER_UPLOAD_WAIT);
    cr_assert_eq (action.until_ms, 500);
    action = transfer_upload_next (&upload, 500);
    cr_assert_eq (action.kind, TRANSFER_UPLOAD_PUT);
    cr_assert_eq (action.length, 0);
}

Test (upload, a_peer_that_stays_busy_is_asked_less_often)
{
    struct transfer_upload upload = upload_begin (1000, 0);
    struct wire_taken busy = {.digest = digest, .status = WIRE_STATUS_BUSY, .retry_after_ms = 20};
    uint64_t now_ms = 0, wait_ms = 0;
    puts_of (&upload, 0, NULL);
    for (unsigned i = 0; i < 20; i++) {
        transfer_upload_taken (&upload, &busy, now_ms);
        struct transfer_upload_action action = transfer_upload_next (&upload, now_ms);
        cr_assert_eq (action.kind, TRANSFER_UPLOAD_WAIT);
        wait_ms = action.until_ms - now_ms;
        if (i == 0)
            cr_expect_eq (wait_ms, 20);
        now_ms = action.until_ms;
        cr_assert_eq (transfer_upload_next (&upload, now_ms).kind, TRANSFER_UPLOAD_PUT);
    }
    cr_expect_eq (wait_ms, 100);
}

Test (upload, a_refusal_at_the_start_fails_and_one_at_the_end_restarts_once)
{
    struct transfer_upload upload;
    transfer_upload_init (&upload, &limits, &digest, 1000);
    puts_of (&upload, 0, NULL);
    struct wire_taken refused = {.digest = digest, .status = WIRE_STATUS_REFUSED, .reason = "too large"};
    transfer_upload_taken (&upload, &refused, 0);
    struct transfer_upload_action action = transfer_upload_next (&upload, 0);
    cr_assert_eq (action.kind, TRANSFER_UPLOAD_FAILED);
    cr_assert (strstr (action.reason, "too large"));

    upload = upload_begin (20, 10);
    cr_assert_eq (puts_of (&upload, 0, NULL), 1);
    refused.reason = "does not fit";
    transfer_upload_taken (&upload, &refused, 0);
    cr_assert_eq (puts_of (&upload, 0, NULL), 1);
    upload_answer (&upload, WIRE_STATUS_OK, 0, 0);
    cr_assert_eq (puts_of (&upload, 0, NULL), 2);
    transfer_upload_taken (&upload, &refused, 0);
    cr_assert_eq (transfer_upload_next (&upload, 0).kind, TRANSFER_UPLOAD_FAILED);
}

Test (upload, invalid_answers_are_ignored_or_fail_the_upload)
{
    struct transfer_upload upload = upload_begin (100, 0);
    struct wire_taken other = {.digest.bytes = {9}, .status = WIRE_STATUS_GONE};
    transfer_upload_taken (&upload, &other, 0);
    cr_assert_eq (transfer_upload_next (&upload, 0).kind, TRANSFER_UPLOAD_PUT);
    upload_answer (&upload, WIRE_STATUS_OK, 101, 0);
    cr_assert_eq (transfer_upload_next (&upload, 0).kind, TRANSFER_UPLOAD_FAILED);
    upload = upload_begin (100, 0);
    upload_answer (&upload, WIRE_STATUS_NULL, 0, 0);
    cr_assert_eq (transfer_upload_next (&upload, 0).kind, TRANSFER_UPLOAD_FAILED);
}

/*  A simulated peer that accepts puts in order, over a connection that can be lost. */
struct peer {
    struct random random;
    uint64_t now_ms, size, have, durable;
    struct wire_taken queue[512];
    unsigned first, count;
    unsigned busy, cut, forget, drop; /* of 1000 */
};

static bool peer_chance (struct peer *peer, unsigned of_1000)
{
    return random_below (&peer->random, 1000) < of_1000;
}

static void peer_answer (struct peer *peer, const struct transfer_upload_action *put)
{
    if (peer_chance (peer, peer->drop))
        return;
    struct wire_taken answer = {.digest = digest, .status = WIRE_STATUS_OK};
    if (peer_chance (peer, peer->busy)) {
        answer.status = WIRE_STATUS_BUSY;
        answer.retry_after_ms = random_below (&peer->random, 300);
    } else if (put->length && put->offset == peer->have)
        peer->have += put->length;
    answer.offset = peer->have;
    answer.complete = answer.status == WIRE_STATUS_OK && peer->have == peer->size;
    peer->queue[(peer->first + peer->count++) % 512] = answer;
}

Test (upload, an_unreliable_peer_still_receives_all_bytes, .timeout = 240)
{
    for (unsigned round = 0; round < 3000; round++) {
        struct transfer_limits patient = {.chunk = 10, .window = 80, .answer_ms = 1000, .retries = 1000};
        struct peer peer = {.random = {round}};
        struct transfer_upload upload;
        peer.size = 1 + random_below (&peer.random, 2000);
        peer.have = random_below (&peer.random, peer.size + 1);
        peer.busy = random_below (&peer.random, 2) ? 100 : 0;
        peer.cut = random_below (&peer.random, 2) ? 30 : 0;
        peer.forget = random_below (&peer.random, 2) ? 5 : 0;
        peer.drop = random_below (&peer.random, 2) ? 100 : 0;
        transfer_upload_init (&upload, &patient, &digest, peer.size);
        struct transfer_upload_action action = {.length = 0};
        unsigned steps = 0;
        for (; steps < 200000; steps++) {
            action = transfer_upload_next (&upload, peer.now_ms);
            if (action.kind == TRANSFER_UPLOAD_DONE || action.kind == TRANSFER_UPLOAD_FAILED)
                break;
            if (action.kind == TRANSFER_UPLOAD_PUT) {
                cr_assert_leq (action.offset + action.length, peer.size);
                peer_answer (&peer, &action);
                if (peer_chance (&peer, 500))
                    continue;
            }
            if (peer_chance (&peer, peer.forget))
                peer.have /= 2;
            if (peer_chance (&peer, peer.cut)) {
                peer.count = 0;
                transfer_upload_lost (&upload);
            } else if (peer.count) {
                peer.now_ms += 1;
                transfer_upload_taken (&upload, &peer.queue[peer.first], peer.now_ms);
                peer.first = (peer.first + 1) % 512;
                peer.count--;
            } else if (action.kind == TRANSFER_UPLOAD_WAIT) {
                cr_assert_gt (action.until_ms, peer.now_ms);
                cr_assert_lt (action.until_ms, UINT64_MAX);
                peer.now_ms = action.until_ms;
            }
        }
        cr_assert_eq (action.kind, TRANSFER_UPLOAD_DONE, "round %u: %u steps, %s", round, steps,
                      action.reason);
        cr_assert (peer.have == peer.size || peer.forget);
    }
}

Test (upload, a_broken_invariant_ends_the_process, .signal = SIGABRT)
{
    struct transfer_upload upload = upload_begin (95, 0);
    upload.sent = upload.limits.window + 1;
    (void) transfer_upload_next (&upload, 0);
}
