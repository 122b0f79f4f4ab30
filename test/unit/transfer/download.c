/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/transfer/download.c - each rule of a download, then 1500 simulated downloads

    The simulated peer loses, reorders and repeats answers, is busy and disconnects. */

#include <criterion/criterion.h>
#include <signal.h>

#include "test/lib/random_message.h"
#include "transfer/download.h"

static const struct base_digest digest = {{1, 2, 3}};
static const struct transfer_limits limits = {.chunk = 10, .window = 40, .answer_ms = 1000, .retries = 3};

static struct wire_chunk chunk_of (uint64_t offset, uint32_t length, uint64_t size)
{
    return (struct wire_chunk){
        .digest = digest, .offset = offset, .length = length, .status = WIRE_STATUS_OK, .size = size};
}

/*  Takes gets until the download waits. Returns their number, and their offsets if offsets is not NULL. */
static unsigned gets_of (struct transfer_download *download, uint64_t now_ms, uint64_t *offsets)
{
    for (unsigned count = 0;; count++) {
        struct transfer_action action = transfer_download_next (download, now_ms);
        if (action.kind != TRANSFER_GET)
            return count;
        if (offsets)
            offsets[count] = action.offset;
    }
}

static bool chunk_deliver (struct transfer_download *download, uint64_t offset, uint64_t now_ms)
{
    uint64_t left = download->size - offset;
    struct wire_chunk chunk = chunk_of (offset, left < 10 ? (uint32_t) left : 10, download->size);
    return transfer_download_chunk (download, &chunk, chunk.length, now_ms);
}

Test (download, a_download_requests_a_window_and_writes_in_order)
{
    struct transfer_download download;
    uint64_t offsets[64];
    transfer_download_init (&download, &limits, &digest, 95, 0);
    cr_assert_eq (gets_of (&download, 0, offsets), 4);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq (offsets[i], 10 * i);
    struct transfer_action action = transfer_download_next (&download, 5);
    cr_assert_eq (action.kind, TRANSFER_WAIT);
    cr_assert_eq (action.until_ms, 1000);
    for (uint64_t offset = 0; offset < 95; offset += 10) {
        cr_assert (chunk_deliver (&download, offset, 5));
        gets_of (&download, 5, NULL);
    }
    cr_assert_eq (download.written, 95);
    cr_assert_eq (transfer_download_next (&download, 5).kind, TRANSFER_DONE);
}

Test (download, the_last_piece_has_the_remaining_length)
{
    struct transfer_download download;
    transfer_download_init (&download, &limits, &digest, 15, 0);
    cr_assert_eq (transfer_download_next (&download, 0).length, 10);
    struct transfer_action action = transfer_download_next (&download, 0);
    cr_assert_eq (action.offset, 10);
    cr_assert_eq (action.length, 5);
    cr_assert_eq (transfer_download_next (&download, 0).kind, TRANSFER_WAIT);
}

Test (download, a_download_resumes_at_its_offset)
{
    struct transfer_download download;
    transfer_download_init (&download, &limits, &digest, 40, 33);
    struct transfer_action action = transfer_download_next (&download, 0);
    cr_assert_eq (action.offset, 33);
    cr_assert_eq (action.length, 7);
    cr_assert (chunk_deliver (&download, 33, 0));
    cr_assert_eq (transfer_download_next (&download, 0).kind, TRANSFER_DONE);
    transfer_download_init (&download, &limits, &digest, 40, 40);
    cr_assert_eq (transfer_download_next (&download, 0).kind, TRANSFER_DONE);
    transfer_download_init (&download, &limits, &digest, 0, 0);
    cr_assert_eq (transfer_download_next (&download, 0).kind, TRANSFER_DONE);
    transfer_download_init (&download, &limits, &digest, 40, 41);
    cr_assert_eq (transfer_download_next (&download, 0).kind, TRANSFER_FAILED);
}

Test (download, the_window_grows_with_prompt_answers_up_to_four_times)
{
    struct transfer_download download;
    transfer_download_init (&download, &limits, &digest, 10000, 0);
    uint64_t now = 0;
    for (uint64_t offset = 0; offset < 5000; offset += 10) {
        gets_of (&download, now, NULL);
        cr_assert (chunk_deliver (&download, offset, ++now));
        cr_assert_leq (download.window, 160);
    }
    gets_of (&download, now, NULL);
    cr_assert_eq (download.window, 160);
    cr_assert_eq (download.count, 16);
    /* Slow answers do not make the window grow. */
    transfer_download_init (&download, &limits, &digest, 10000, 0);
    gets_of (&download, 0, NULL);
    cr_assert (chunk_deliver (&download, 0, 600));
    cr_assert_eq (download.window, 40);
}

Test (download, the_window_never_exceeds_the_limit_of_gets)
{
    struct transfer_limits wide = {.chunk = 10, .window = 1000000, .answer_ms = 1000, .retries = 3};
    struct transfer_download download;
    transfer_download_init (&download, &wide, &digest, 1000000, 0);
    for (uint64_t offset = 0; offset < 100000; offset += 10) {
        gets_of (&download, 0, NULL);
        cr_assert_leq (download.count, (unsigned) TRANSFER_WINDOW_MOST);
        cr_assert (chunk_deliver (&download, offset, 0));
    }
    gets_of (&download, 0, NULL);
    cr_assert_eq (download.count, (unsigned) TRANSFER_WINDOW_MOST);
}

Test (download, a_timeout_is_a_loss_and_unanswered_gets_are_repeated)
{
    struct transfer_download download;
    uint64_t offsets[64];
    transfer_download_init (&download, &limits, &digest, 1000, 0);
    cr_assert_eq (gets_of (&download, 0, offsets), 4);
    cr_assert_eq (gets_of (&download, 999, offsets), 0);
    cr_assert_eq (gets_of (&download, 1000, offsets), 2); /* the window has halved */
    cr_assert_eq (offsets[0], 0);
    cr_assert_eq (offsets[1], 10);
    cr_assert_eq (gets_of (&download, 2000, offsets), 1);
    /* A late answer is accepted like a prompt one. */
    cr_assert (chunk_deliver (&download, 0, 2500));
    cr_assert_eq (download.losses, 0);
}

Test (download, slow_answers_are_not_a_loss_while_bytes_are_written)
{
    struct transfer_download download;
    transfer_download_init (&download, &limits, &digest, 40, 0);
    cr_assert_eq (gets_of (&download, 0, NULL), 4);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t now = 900 * (i + 1);
        cr_assert_eq (gets_of (&download, now, NULL), 0);
        cr_assert (chunk_deliver (&download, 10 * i, now));
    }
    cr_assert_eq (transfer_download_next (&download, 3600).kind, TRANSFER_DONE);
}

Test (download, losses_without_progress_fail_and_progress_resets_them)
{
    struct transfer_download download;
    transfer_download_init (&download, &limits, &digest, 1000, 0);
    uint64_t now = 0;
    for (unsigned i = 0; i < 3; i++, now += 1000)
        cr_assert_gt (gets_of (&download, now, NULL), 0);
    cr_assert (gets_of (&download, now, NULL));
    cr_assert (chunk_deliver (&download, 0, now));
    for (unsigned i = 0; i <= 4; i++, now += 1000)
        gets_of (&download, now, NULL);
    struct transfer_action action = transfer_download_next (&download, now);
    cr_assert_eq (action.kind, TRANSFER_FAILED);
    cr_assert_eq (action.status, WIRE_STATUS_FAILED);
    cr_assert_str_eq (action.reason, "the peer did not answer at byte 10 of 1000");
    cr_assert_not (chunk_deliver (&download, 10, now));
}

Test (download, a_chunk_out_of_order_is_requested_again)
{
    struct transfer_download download;
    uint64_t offsets[64];
    transfer_download_init (&download, &limits, &digest, 40, 0);
    cr_assert_eq (gets_of (&download, 0, NULL), 4);
    cr_assert_not (chunk_deliver (&download, 10, 1));
    cr_assert_eq (gets_of (&download, 1, NULL), 0);
    cr_assert (chunk_deliver (&download, 0, 2));
    cr_assert_eq (gets_of (&download, 2, offsets), 1);
    cr_assert_eq (offsets[0], 10);
    cr_assert_not (chunk_deliver (&download, 20, 3));
    cr_assert (chunk_deliver (&download, 10, 4));
    cr_assert_eq (gets_of (&download, 4, offsets), 1);
    cr_assert_eq (offsets[0], 20);
}

Test (download, an_answer_overtaken_by_three_later_ones_is_lost)
{
    struct transfer_download download;
    uint64_t offsets[64];
    transfer_download_init (&download, &limits, &digest, 1000, 0);
    cr_assert_eq (gets_of (&download, 0, NULL), 4);
    cr_assert_not (chunk_deliver (&download, 10, 1));
    cr_assert_not (chunk_deliver (&download, 20, 1));
    cr_assert_eq (gets_of (&download, 1, NULL), 0);
    cr_assert_not (chunk_deliver (&download, 30, 1));
    cr_assert_eq (gets_of (&download, 1, offsets), 2);
    cr_assert_eq (offsets[0], 0);
    cr_assert_eq (offsets[1], 10);
    /* Repeated copies of a dropped chunk have no effect. */
    for (unsigned i = 0; i < 100; i++)
        cr_assert_not (chunk_deliver (&download, 30, 1));
    cr_assert_eq (gets_of (&download, 1, NULL), 0);
    cr_assert_eq (download.losses, 1);
    cr_assert (chunk_deliver (&download, 0, 2));
    cr_assert (chunk_deliver (&download, 10, 2));
}

Test (download, answers_to_earlier_gets_do_not_count_as_overtaking)
{
    struct transfer_download download;
    transfer_download_init (&download, &limits, &digest, 1000, 0);
    cr_assert_eq (gets_of (&download, 0, NULL), 4);
    cr_assert_not (chunk_deliver (&download, 10, 1));
    cr_assert (chunk_deliver (&download, 0, 1));
    cr_assert_geq (gets_of (&download, 1, NULL), 2); /* 10 again, and 40 */
    cr_assert_not (chunk_deliver (&download, 20, 2));
    cr_assert_not (chunk_deliver (&download, 30, 2));
    cr_assert_not (chunk_deliver (&download, 40, 2));
    cr_assert_eq (download.losses, 0);
    cr_assert (chunk_deliver (&download, 10, 3));
}

Test (download, a_new_connection_repeats_all_unanswered_gets)
{
    struct transfer_download download;
    uint64_t offsets[64];
    transfer_download_init (&download, &limits, &digest, 1000, 0);
    cr_assert_eq (gets_of (&download, 0, NULL), 4);
    cr_assert (chunk_deliver (&download, 0, 300));
    cr_assert_eq (gets_of (&download, 300, NULL), 1);
    transfer_download_lost (&download);
    cr_assert_eq (gets_of (&download, 301, offsets), 4);
    cr_assert_eq (offsets[0], 10);
    cr_assert_eq (offsets[3], 40);
    cr_assert_eq (download.losses, 0);
}

Test (download, a_busy_peer_is_not_asked_before_its_retry_time)
{
    struct transfer_download download;
    transfer_download_init (&download, &limits, &digest, 1000, 0);
    cr_assert_eq (gets_of (&download, 0, NULL), 4);
    for (unsigned i = 0; i < 4; i++) {
        struct wire_chunk busy = chunk_of (10 * i, 10, 0);
        busy.status = WIRE_STATUS_BUSY;
        busy.retry_after_ms = 500;
        cr_assert_not (transfer_download_chunk (&download, &busy, 0, 10));
    }
    cr_assert_eq (download.window, 20); /* one round of busy answers halves it once */
    struct transfer_action action = transfer_download_next (&download, 10);
    cr_assert_eq (action.kind, TRANSFER_WAIT);
    cr_assert_eq (action.until_ms, 510);
    cr_assert_eq (gets_of (&download, 509, NULL), 0);
    cr_assert_eq (gets_of (&download, 510, NULL), 2);
    cr_assert_eq (download.losses, 0);
}

Test (download, a_peer_that_stays_busy_fails_the_download)
{
    struct transfer_download download;
    transfer_download_init (&download, &limits, &digest, 1000, 0);
    struct wire_chunk busy = chunk_of (0, 10, 0);
    busy.status = WIRE_STATUS_BUSY;
    uint64_t now = 0;
    struct transfer_action action;
    unsigned rounds = 0;
    while ((action = transfer_download_next (&download, now)).kind != TRANSFER_FAILED) {
        cr_assert_leq (++rounds, 5000);
        if (action.kind == TRANSFER_WAIT)
            now = action.until_ms;
        else
            transfer_download_chunk (&download, &busy, 0, now);
    }
    cr_assert_eq (action.status, WIRE_STATUS_BUSY);
    cr_assert_geq (
        now, 99000); /* at least 10 ms in each of ten rounds, then 100 ms, although the peer named none */
}

Test (download, a_blob_that_is_gone_or_has_another_size_fails_the_download)
{
    static const struct {
        enum wire_status status, result;
        uint64_t size;
    } cases[] = {
        {WIRE_STATUS_GONE, WIRE_STATUS_GONE, 0},      {WIRE_STATUS_NONE, WIRE_STATUS_GONE, 0},
        {WIRE_STATUS_OK, WIRE_STATUS_FAILED, 999},    {WIRE_STATUS_OK, WIRE_STATUS_FAILED, 0},
        {WIRE_STATUS_REFUSED, WIRE_STATUS_FAILED, 0}, {WIRE_STATUS_INVALID, WIRE_STATUS_FAILED, 0},
        {WIRE_STATUS_NULL, WIRE_STATUS_FAILED, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct transfer_download download;
        transfer_download_init (&download, &limits, &digest, 1000, 0);
        gets_of (&download, 0, NULL);
        struct wire_chunk chunk = chunk_of (0, 10, cases[i].size);
        chunk.status = cases[i].status;
        chunk.reason = "because";
        cr_assert_not (transfer_download_chunk (&download, &chunk, 10, 0));
        struct transfer_action action = transfer_download_next (&download, 0);
        cr_assert_eq (action.kind, TRANSFER_FAILED);
        cr_assert_eq (action.status, cases[i].result, "%zu", i);
        cr_assert (*action.reason);
    }
}

Test (download, a_failing_peer_is_asked_again_up_to_the_limit)
{
    struct transfer_download download;
    transfer_download_init (&download, &limits, &digest, 1000, 0);
    struct wire_chunk chunk = chunk_of (0, 10, 0);
    chunk.status = WIRE_STATUS_FAILED;
    chunk.reason = "disk on fire";
    uint64_t now = 0;
    for (unsigned i = 0; i < 4; i++, now += 1000) {
        cr_assert_gt (gets_of (&download, now, NULL), 0);
        transfer_download_chunk (&download, &chunk, 0, now);
    }
    struct transfer_action action = transfer_download_next (&download, now);
    cr_assert_eq (action.kind, TRANSFER_FAILED);
    cr_assert (strstr (action.reason, "disk on fire"));
}

Test (download, a_payload_of_the_wrong_length_is_never_written)
{
    struct transfer_download download;
    transfer_download_init (&download, &limits, &digest, 1000, 0);
    for (unsigned i = 0; i < 4; i++) {
        gets_of (&download, 0, NULL);
        struct wire_chunk chunk = chunk_of (0, 10, 1000);
        cr_assert_not (transfer_download_chunk (&download, &chunk, i % 2 ? 9 : 11, 0));
    }
    cr_assert_eq (transfer_download_next (&download, 0).kind, TRANSFER_FAILED);
}

Test (download, unrequested_chunks_change_nothing)
{
    struct transfer_download download, before;
    transfer_download_init (&download, &limits, &digest, 1000, 100);
    gets_of (&download, 0, NULL);
    before = download;
    struct wire_chunk chunk = chunk_of (100, 10, 1000);
    chunk.digest.bytes[0] = 9;
    cr_assert_not (transfer_download_chunk (&download, &chunk, 10, 0));
    static const struct {
        uint64_t offset;
        uint32_t length;
    } cases[] = {{90, 10}, {0, 10}, {105, 10}, {100, 11}, {100, 9}, {140, 10}, {UINT64_MAX, 10}, {100, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        chunk = chunk_of (cases[i].offset, cases[i].length, 1000);
        cr_assert_not (transfer_download_chunk (&download, &chunk, cases[i].length, 0), "%zu", i);
    }
    cr_assert_eq (download.written, before.written);
    cr_assert_eq (download.asked, before.asked);
    cr_assert_eq (download.unanswered, before.unanswered);
    cr_assert_eq (download.window, before.window);
    cr_assert_eq (download.due + download.dropped + download.losses + download.busies + download.overtaken,
                  0);
    cr_assert_not (download.failed);
}

Test (download, limits_are_clamped_to_their_bounds)
{
    struct transfer_download download;
    transfer_download_init (&download, NULL, &digest, 1, 0);
    cr_assert_eq (download.limits.chunk, 256 * 1024);
    cr_assert_eq (download.window, 2 * 1024 * 1024);
    transfer_download_init (&download, &(struct transfer_limits){.chunk = UINT32_MAX, .window = 1}, &digest,
                            1, 0);
    cr_assert_eq (download.limits.chunk, (uint32_t) WIRE_CHUNK_MOST);
    cr_assert_eq (download.window, (uint32_t) WIRE_CHUNK_MOST);
    transfer_download_init (&download, &(struct transfer_limits){.chunk = 1, .window = UINT32_MAX}, &digest,
                            1, 0);
    cr_assert_eq (download.window, 32);
}

/*  An answer of the simulated peer that is under way until due_ms. */
struct flight {
    struct wire_chunk chunk;
    uint64_t due_ms;
    bool there;
};

enum { FLIGHTS = 4096 };

struct world {
    struct random random;
    uint64_t now_ms;
    uint8_t content[3000], here[3000];
    struct flight flights[FLIGHTS];
    unsigned sent, written_bytes;
    unsigned loss, busy, repeat, cut; /* of 1000 */
    uint64_t jitter_ms;
};

static bool world_chance (struct world *world, unsigned of_1000)
{
    return random_below (&world->random, 1000) < of_1000;
}

static void world_send (struct world *world, struct wire_chunk chunk)
{
    for (unsigned i = 0; i < FLIGHTS; i++)
        if (!world->flights[i].there) {
            world->flights[i] = (struct flight){
                chunk, world->now_ms + 1 + random_below (&world->random, world->jitter_ms + 1), true};
            return;
        }
}

static void world_answer (struct world *world, const struct transfer_download *download,
                          const struct transfer_action *get)
{
    world->sent++;
    if (world_chance (world, world->loss))
        return;
    struct wire_chunk chunk = chunk_of (get->offset, get->length, download->size);
    if (world_chance (world, world->busy)) {
        chunk.status = WIRE_STATUS_BUSY;
        chunk.retry_after_ms = random_below (&world->random, 300);
    }
    world_send (world, chunk);
    if (world_chance (world, world->repeat))
        world_send (world, chunk);
}

static void world_deliver (struct world *world, struct transfer_download *download)
{
    for (unsigned i = 0; i < FLIGHTS; i++) {
        struct flight *flight = &world->flights[i];
        if (!flight->there || flight->due_ms > world->now_ms)
            continue;
        flight->there = false;
        bool ok = flight->chunk.status == WIRE_STATUS_OK;
        uint64_t end = download->written;
        if (!transfer_download_chunk (download, &flight->chunk, ok ? flight->chunk.length : 0, world->now_ms))
            continue;
        cr_assert (ok);
        cr_assert_eq (flight->chunk.offset, end);
        cr_assert_eq (download->written, end + flight->chunk.length);
        memcpy (world->here + end, world->content + end, flight->chunk.length);
        world->written_bytes += flight->chunk.length;
    }
}

static void world_disconnect (struct world *world, struct transfer_download *download)
{
    for (unsigned i = 0; i < FLIGHTS; i++)
        world->flights[i].there = false;
    transfer_download_lost (download);
}

/*  Runs one download. Returns its last action. */
static struct transfer_action world_simulate (struct world *world, uint64_t size, uint64_t offset)
{
    struct transfer_limits patient = {.chunk = 10, .window = 80, .answer_ms = 1000, .retries = 30};
    struct transfer_download download;
    for (unsigned i = 0; i < sizeof world->content; i++)
        world->content[i] = (uint8_t) random_next (&world->random);
    memcpy (world->here, world->content, offset);
    transfer_download_init (&download, &patient, &digest, size, offset);
    for (unsigned steps = 0; steps < 1000000; steps++) {
        struct transfer_action action = transfer_download_next (&download, world->now_ms);
        cr_assert_leq (download.count, (unsigned) TRANSFER_WINDOW_MOST);
        cr_assert (download.unanswered <= download.window || download.unanswered <= 320);
        if (action.kind == TRANSFER_DONE || action.kind == TRANSFER_FAILED)
            return action;
        if (action.kind == TRANSFER_GET) {
            cr_assert_leq (action.offset + action.length, size);
            world_answer (world, &download, &action);
            continue;
        }
        cr_assert_eq (action.kind, TRANSFER_WAIT);
        cr_assert_gt (action.until_ms, world->now_ms);
        uint64_t next = action.until_ms;
        for (unsigned i = 0; i < FLIGHTS; i++)
            if (world->flights[i].there && world->flights[i].due_ms < next)
                next = world->flights[i].due_ms;
        cr_assert_lt (next, UINT64_MAX, "the download waits for ever");
        world->now_ms = next > world->now_ms ? next : world->now_ms;
        if (world_chance (world, world->cut))
            world_disconnect (world, &download);
        world_deliver (world, &download);
    }
    cr_assert_fail ("the download does not end");
    return (struct transfer_action){.kind = TRANSFER_FAILED};
}

Test (download, an_unreliable_peer_still_delivers_all_bytes, .timeout = 240)
{
    struct world *world = calloc (1, sizeof *world);
    for (unsigned round = 0; round < 1500; round++) {
        world->random.state = round;
        memset (world->here, 0, sizeof world->here);
        memset (world->flights, 0, sizeof world->flights);
        world->now_ms = random_below (&world->random, 100000);
        world->written_bytes = 0;
        world->loss = random_below (&world->random, 2) ? (unsigned) random_below (&world->random, 300) : 0;
        world->busy = random_below (&world->random, 2) ? (unsigned) random_below (&world->random, 300) : 0;
        world->repeat = random_below (&world->random, 2) ? (unsigned) random_below (&world->random, 300) : 0;
        world->cut = random_below (&world->random, 2) ? (unsigned) random_below (&world->random, 50) : 0;
        world->jitter_ms = random_below (&world->random, 2) ? random_below (&world->random, 400) : 0;
        uint64_t size = random_below (&world->random, sizeof world->content);
        uint64_t offset = random_below (&world->random, size + 1);
        struct transfer_action action = world_simulate (world, size, offset);
        cr_assert_eq (action.kind, TRANSFER_DONE, "round %u: %s", round, action.reason);
        cr_assert_eq (world->written_bytes, size - offset);
        cr_assert_eq (memcmp (world->here, world->content, size), 0, "round %u", round);
    }
    free (world);
}

Test (download, without_faults_each_piece_is_requested_once)
{
    struct world *world = calloc (1, sizeof *world);
    cr_assert_eq (world_simulate (world, 3000, 0).kind, TRANSFER_DONE);
    cr_assert_eq (world->sent, 300);
    free (world);
}

Test (download, reordering_costs_less_than_a_window_for_each_piece)
{
    struct world *world = calloc (1, sizeof *world);
    world->jitter_ms = 20;
    cr_assert_eq (world_simulate (world, 3000, 0).kind, TRANSFER_DONE);
    cr_assert_lt (world->sent, 300 * 8, "%u", world->sent);
    free (world);
}

Test (download, a_broken_invariant_ends_the_process, .signal = SIGABRT)
{
    struct transfer_download download;
    transfer_download_init (&download, &limits, &digest, 95, 0);
    download.asked = 96;
    (void) transfer_download_next (&download, 0);
}
