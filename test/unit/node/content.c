/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/content.c - several users get blobs over one connection, and each receives what it asked for */

#include "../bus/rig.h"

#include <string.h>

#include "node/content.h"

enum { LENGTH = 16, SEEN_MOST = 200 };

/*  The content peer: it records gets, and answers when the test says so. */
static struct bus_socket *peer;
static struct {
    struct wire_get get;
    struct bus_peer from;
} seen[SEEN_MOST];
static unsigned n_seen;

struct user {
    struct node_content_user user;
    unsigned chunks, losses;
    uint64_t offset; /* of the last chunk */
    bool leaves;     /* in its next handler */
    struct user *takes_along;
    bool reconnects; /* in each handler of a loss */
};

static struct identity_config config;
static struct node_content *connection;
static struct user first, second, third;
static const struct base_digest digest = {{7}};

static void peer_seen (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    (void) socket;
    cr_assert_eq (message->record, &wire_get_record);
    cr_assert_lt (n_seen, SEEN_MOST);
    seen[n_seen].get = *(const struct wire_get *) message->body;
    seen[n_seen++].from = message->peer;
    bus_loop_stop (loop);
}

static void peer_start (void)
{
    struct bus_socket_options options = {.on_message = peer_seen, .quiet = true};
    peer = rig_socket (BUS_ROUTER, &options);
    rig_bind (peer, config.endpoints.content);
}

/*  Answers a get as if it had been this one. */
static void peer_answer_as (unsigned index, const struct wire_get *get)
{
    char payload[LENGTH] = "";
    struct wire_chunk chunk = {.status = WIRE_STATUS_OK,
                               .digest = get->digest,
                               .offset = get->offset,
                               .length = get->length,
                               .size = 1000};
    (void) bus_send_payload (peer, &seen[index].from, &wire_chunk_record, &chunk, payload, sizeof payload,
                             NULL, NULL);
}

/*  Answers the last get with this offset. */
static void peer_answer (uint64_t offset)
{
    unsigned index = n_seen;
    while (index > 0 && seen[index - 1].get.offset != offset)
        index--;
    cr_assert_gt (index, 0, "no get of offset %llu was seen", (unsigned long long) offset);
    peer_answer_as (index - 1, &seen[index - 1].get);
}

static void user_leave (struct user *user)
{
    if (!user->leaves)
        return;
    node_content_leave (&user->user);
    if (user->takes_along)
        node_content_leave (&user->takes_along->user);
}

static void on_chunk (void *context, const struct wire_chunk *chunk, const void *payload, size_t size)
{
    struct user *user = context;
    cr_expect_not_null (payload);
    cr_expect_eq (size, LENGTH);
    user->chunks++;
    user->offset = chunk->offset;
    user_leave (user);
    bus_loop_stop (loop);
}

static void on_lost (void *context)
{
    struct user *user = context;
    user->losses++;
    if (user->reconnects)
        node_content_reconnect (&user->user);
    user_leave (user);
}

static const struct node_content_ops ops = {.chunk = on_chunk, .lost = on_lost};

static void setup (void)
{
    rig_setup ();
    cr_assert_eq (identity_config_init (&config, directory), 0);
    (void) snprintf (config.endpoints.content, BUS_ENDPOINT_SIZE, "%s", rig_ipc ("content"));
    connection = node_content_new (loop, &config);
    node_content_join (connection, &first.user, &ops, &first);
    node_content_join (connection, &second.user, &ops, &second);
}

static void teardown (void)
{
    node_content_leave (&first.user);
    node_content_leave (&second.user);
    node_content_leave (&third.user);
    connection = node_content_free (connection);
    peer = bus_socket_free (peer);
    bus_timer_cancel (loop, deadline_timer);
    identity_config_deinit (&config);
    rig_teardown ();
}

TestSuite (content, .init = setup, .fini = teardown);

static void get (struct user *user, uint64_t offset)
{
    const struct wire_get wanted = {.digest = digest, .offset = offset, .length = LENGTH};
    node_content_get (&user->user, &wanted);
}

static void run_until_seen (unsigned count)
{
    while (n_seen < count)
        rig_run ();
}

static void run_until_chunks (const struct user *user, unsigned count)
{
    while (user->chunks < count)
        rig_run ();
}

static bool is_same_connection (unsigned a, unsigned b)
{
    return bus_peer_equal (&seen[a].from, &seen[b].from);
}

Test (content, a_chunk_goes_to_the_user_that_asked_for_it)
{
    peer_start ();
    get (&first, 0);
    get (&second, 100);
    run_until_seen (2);
    cr_expect (is_same_connection (0, 1), "all users share one connection");
    peer_answer (100);
    run_until_chunks (&second, 1);
    cr_expect_eq (second.offset, 100);
    cr_expect_eq (first.chunks, 0);
    peer_answer (0);
    run_until_chunks (&first, 1);
    cr_expect_eq (first.offset, 0);
    cr_expect_eq (second.chunks, 1);
}

Test (content, users_that_asked_for_the_same_receive_a_chunk_each)
{
    peer_start ();
    get (&first, 0);
    get (&second, 0);
    run_until_seen (2);
    peer_answer (0);
    peer_answer (0);
    run_until_chunks (&first, 1);
    run_until_chunks (&second, 1);
    cr_expect_eq (first.chunks + second.chunks, 2);
}

Test (content, chunks_may_arrive_in_another_order)
{
    peer_start ();
    for (unsigned i = 0; i < 3; i++)
        get (&first, i * LENGTH);
    run_until_seen (3);
    for (unsigned i = 3; i-- > 0;) {
        peer_answer (i * LENGTH);
        run_until_chunks (&first, 3 - i);
        cr_expect_eq (first.offset, i * LENGTH);
    }
    cr_expect_eq (first.user.count, 0, "nothing is unanswered");
}

Test (content, a_chunk_of_a_forgotten_get_is_dropped)
{
    peer_start ();
    get (&first, 0);
    get (&second, 100);
    run_until_seen (2);
    node_content_forget (&first.user);
    peer_answer (0);
    peer_answer (100); /* arrives after it */
    run_until_chunks (&second, 1);
    cr_expect_eq (first.chunks, 0);
}

Test (content, a_chunk_that_differs_from_the_get_is_dropped)
{
    peer_start ();
    get (&first, 0);
    run_until_seen (1);
    struct wire_get other = seen[0].get;
    other.digest.bytes[31]++;
    peer_answer_as (0, &other);
    other = seen[0].get;
    other.offset++;
    peer_answer_as (0, &other);
    other = seen[0].get;
    other.length++;
    peer_answer_as (0, &other);
    peer_answer (0);
    peer_answer (0); /* it waits for one only */
    get (&second, 100);
    run_until_seen (2);
    peer_answer (100);
    run_until_chunks (&first, 1);
    run_until_chunks (&second, 1);
    cr_expect_eq (first.chunks, 1);
}

Test (content, a_user_that_left_receives_nothing)
{
    peer_start ();
    get (&first, 0);
    get (&second, 100);
    run_until_seen (2);
    node_content_leave (&first.user);
    node_content_leave (&first.user); /* again: nothing */
    peer_answer (0);
    peer_answer (100);
    run_until_chunks (&second, 1);
    cr_expect_eq (first.chunks, 0);
    cr_expect_null (first.user.content);
}

Test (content, a_handler_may_leave_during_its_chunk)
{
    peer_start ();
    first.leaves = true;
    first.takes_along = &second;
    get (&first, 0);
    get (&second, 100);
    run_until_seen (2);
    peer_answer (0);
    peer_answer (100);
    run_until_chunks (&first, 1);
    node_content_join (connection, &third.user, &ops, &third);
    get (&third, 200);
    run_until_seen (3);
    peer_answer (200);
    run_until_chunks (&third, 1);
    cr_expect_eq (first.chunks, 1);
    cr_expect_eq (second.chunks, 0);
}

Test (content, a_get_waits_for_a_peer_that_starts_later)
{
    get (&first, 0);
    cr_expect_not (node_content_is_connected (&first.user));
    rig_run_for (20); /* attempts to send it */
    cr_expect_eq (first.user.count, 1);
    peer_start ();
    run_until_seen (1);
    cr_expect (node_content_is_connected (&first.user));
    peer_answer (0);
    run_until_chunks (&first, 1);
    get (&second, 0);
    run_until_seen (2);
    cr_expect_eq (n_seen, 2, "the get was not sent a second time");
}

Test (content, a_get_that_is_unanswered_is_sent_again_and_waits_once)
{
    peer_start ();
    get (&first, 0);
    run_until_seen (1);
    get (&first, 0);
    run_until_seen (2);
    cr_expect_eq (first.user.count, 1);
    peer_answer (0);
    peer_answer (0);
    get (&second, 100);
    run_until_seen (3);
    peer_answer (100);
    run_until_chunks (&second, 1);
    cr_expect_eq (first.chunks, 1);
}

Test (content, the_oldest_get_is_forgotten_beyond_the_limit)
{
    for (unsigned i = 0; i <= NODE_CONTENT_GETS_MOST; i++)
        get (&first, i * LENGTH);
    cr_expect_eq (first.user.count, NODE_CONTENT_GETS_MOST);
    get (&second, 0); /* the limit is a user's */
    peer_start ();
    run_until_seen (NODE_CONTENT_GETS_MOST + 1);
    unsigned long long bits[2] = {0, 0};
    bool second_is_seen = false;
    for (unsigned i = 0; i < n_seen; i++) {
        uint64_t at = seen[i].get.offset / LENGTH;
        second_is_seen |= at == 0;
        bits[at / 64] |= 1ull << at % 64;
    }
    cr_expect (second_is_seen);
    cr_expect_eq (bits[0], ~0ull, "gets 1 to 63 of the first user, and get 0 of the second");
    cr_expect_eq (bits[1], 1, "get 64");
}

Test (content, a_reconnect_reports_the_loss_to_the_others)
{
    peer_start ();
    get (&first, 0);
    get (&second, 100);
    run_until_seen (2);
    node_content_reconnect (&first.user);
    cr_expect_eq (first.losses, 0, "the caller knows it");
    cr_expect_eq (second.losses, 1);
    cr_expect_eq (first.user.count + second.user.count, 0);
    get (&first, 0);
    run_until_seen (3);
    cr_expect_not (is_same_connection (0, 2), "over a new connection");
    peer_answer (0);
    run_until_chunks (&first, 1);
}

Test (content, a_reconnect_in_the_handler_of_a_loss_is_not_reported)
{
    peer_start ();
    node_content_join (connection, &third.user, &ops, &third);
    second.reconnects = third.reconnects = true;
    get (&first, 0);
    get (&third, 100);
    run_until_seen (2);
    node_content_reconnect (&first.user);
    cr_expect_eq (first.losses, 0, "its own call has not returned");
    cr_expect_eq (second.losses, 1);
    cr_expect_eq (third.losses, 1);
    get (&first, 0);
    get (&third, 100);
    run_until_seen (4);
    peer_answer (0);
    peer_answer (100);
    run_until_chunks (&first, 1);
    run_until_chunks (&third, 1);
}

Test (content, lost_contact_to_the_origin_is_reported_to_all)
{
    get (&first, 0);
    node_content_lost (connection);
    cr_expect_eq (first.losses, 1);
    cr_expect_eq (second.losses, 1);
    cr_expect_eq (first.user.count, 0);
}

Test (content, a_user_without_a_handler_for_a_loss_only_loses_its_gets)
{
    static const struct node_content_ops without = {.chunk = on_chunk};
    node_content_join (connection, &third.user, &without, &third);
    get (&third, 0);
    node_content_lost (connection);
    cr_expect_eq (third.user.count, 0);
    cr_expect_eq (first.losses, 1);
}

Test (content, handlers_of_a_loss_may_make_any_user_leave)
{
    node_content_join (connection, &third.user, &ops, &third);
    third.leaves = true; /* it joined last and is called first */
    third.takes_along = &second;
    node_content_lost (connection);
    cr_expect_eq (third.losses, 1);
    cr_expect_eq (second.losses, 0, "it has left");
    cr_expect_eq (first.losses, 1);
}

Test (content, the_last_user_closes_the_connection)
{
    peer_start ();
    get (&first, 0);
    run_until_seen (1);
    node_content_leave (&first.user);
    node_content_leave (&second.user);
    node_content_join (connection, &third.user, &ops, &third);
    get (&third, 0);
    run_until_seen (2);
    cr_expect_not (is_same_connection (0, 1));
    peer_answer (0);
    run_until_chunks (&third, 1);
    cr_expect_eq (first.chunks, 0);
}
