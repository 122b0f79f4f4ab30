/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/peer/follow.c - how a content peer follows the keys of a broker, which is played here */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/time.h"
#include "disk/disk.h"
#include "peer/follow.h"
#include "test/lib/load.h"

enum { USERS = 4, PATIENCE_MS = 300 };

static struct bus_loop *loop;
static struct bus_admission *control, *content; /* of the broker that is played; of the peer */
static struct bus_socket *server;
static struct bus_keys server_keys = {.is_server = true}, peer_pair;
static struct peer_keys keys;
static struct peer_follow *follow;
static char directory[64], endpoint[128];
static int root = -1;
static bool is_ready, is_late;

static struct {
    char public_key[41], secret_key[41];
    struct base_digest fingerprint;
} users[USERS];

/*  The last request, and what is answered to the next one; without an answer the request is kept. */
static struct {
    struct bus_peer peer;
    uint64_t serial, position, wait_ms;
    char list[65];
    unsigned count;
} asked;

static void on_request (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    (void) context;
    (void) socket;
    cr_assert_eq (message->record, &wire_follow_keys_record);
    const struct wire_follow_keys *request = message->body;
    asked.peer = message->peer;
    asked.serial = request->serial;
    asked.position = request->position;
    asked.wait_ms = request->wait_ms;
    (void) snprintf (asked.list, sizeof asked.list, "%s", request->list ? request->list : "");
    asked.count++;
    bus_loop_stop (loop);
}

static void on_ready (void *context)
{
    (void) context;
    cr_expect_not (is_ready, "it is called once");
    is_ready = true;
    bus_loop_stop (loop);
}

static void on_late (void *context)
{
    (void) context;
    is_late = true;
    bus_loop_stop (loop);
}

/*  Runs until the condition holds; CONDITION is evaluated after each event. */
#define RUN_UNTIL(CONDITION)                                                                                 \
    do {                                                                                                     \
        int late = bus_timer_start (loop, load_deadline_ms (20000), on_late, NULL);                          \
        is_late = false;                                                                                     \
        while (!(CONDITION) && !is_late)                                                                     \
            cr_assert_eq (bus_loop_run (loop), 0);                                                           \
        bus_timer_cancel (loop, late);                                                                       \
        cr_assert_not (is_late, "never: %s", #CONDITION);                                                    \
    } while (0)

static void server_open (void)
{
    struct base_error error = {.text = ""};
    struct bus_socket_options options = {
        .on_message = on_request, .keys = &server_keys, .admission = control, .channel = BUS_CHANNEL_CONTROL};

    cr_assert_eq (bus_socket_new (loop, BUS_ROUTER, &options, &server, &error), 0, "%s", error.text);
    /* libzmq closes a listener a moment after the request to do so */
    uint64_t until_ms = base_time_boot_ms () + load_deadline_ms (20000);
    int r;
    while ((r = bus_socket_bind (server, *endpoint ? endpoint : "tcp://127.0.0.1:*", &error)) ==
               -EADDRINUSE &&
           base_time_boot_ms () < until_ms)
        (void) poll (NULL, 0, 1);
    cr_assert_eq (r, 0, "%s", error.text);
    (void) snprintf (endpoint, sizeof endpoint, "%s", bus_socket_endpoint (server));
}

static void setup (void)
{
    uint8_t key[BUS_KEY_BYTES];

    loop = bus_loop_new ();
    control = bus_admission_new ();
    content = bus_admission_new ();
    (void) snprintf (directory, sizeof directory, "/tmp/noded-peer-XXXXXX");
    cr_assert_not_null (mkdtemp (directory));
    root = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq (bus_keys_make (server_keys.public_key, server_keys.secret_key), 0);
    cr_assert_eq (bus_keys_make (peer_pair.public_key, peer_pair.secret_key), 0);
    memcpy (peer_pair.server_key, server_keys.public_key, sizeof peer_pair.server_key);
    cr_assert_eq (bus_key_decode (peer_pair.public_key, key), 0);
    cr_assert_eq (bus_admission_allow (control, key, 1u << BUS_CHANNEL_CONTROL), 0);
    for (size_t i = 0; i < USERS; i++) {
        cr_assert_eq (bus_keys_make (users[i].public_key, users[i].secret_key), 0);
        cr_assert_eq (bus_fingerprint_of (users[i].public_key, &users[i].fingerprint), 0);
    }
    keys = (struct peer_keys){.admission = content};
    server_open ();
}

static void follow_start (void)
{
    struct base_error error = {.text = ""};
    const struct peer_follow_config config = {
        .control = endpoint, .keys = &peer_pair, .root = root, .patience_ms = PATIENCE_MS, .ready = on_ready};

    is_ready = false;
    cr_assert_eq (peer_follow_new (loop, &keys, &config, &follow, &error), 0, "%s", error.text);
}

/*  Ends the peer, and lets it forget everything that is not stored. */
static void follow_end (void)
{
    follow = peer_follow_free (follow);
    peer_keys_deinit (&keys);
    content = bus_admission_free (content);
    content = bus_admission_new ();
    keys.admission = content;
}

static void teardown (void)
{
    follow_end ();
    (void) bus_socket_free (server);
    (void) bus_loop_free (loop);
    (void) bus_admission_free (content);
    (void) bus_admission_free (control);
    (void) unlinkat (root, PEER_KEYS_FILE, 0);
    (void) close (root);
    cr_expect_eq (rmdir (directory), 0, "files are left in %s", directory);
}

TestSuite (peer_follow, .init = setup, .fini = teardown, .timeout = 120);

struct reply {
    const char *list;
    bool anew, more;
    uint64_t position;
    int added[USERS + 1], revoked[USERS + 1]; /* indices from 1 on, ended by 0 */
};

/*  Answers the request that waits, and runs until the next one. */
static void answer (const struct reply *reply)
{
    struct wire_content_user items[2 * USERS];
    struct wire_followed_keys followed = {.serial = asked.serial,
                                          .status = WIRE_STATUS_OK,
                                          .list = reply->list,
                                          .anew = reply->anew,
                                          .more = reply->more,
                                          .position = reply->position,
                                          .users = items};
    unsigned before = asked.count;

    for (const int *i = reply->added; *i; i++)
        items[followed.n_users++] = (struct wire_content_user){
            .public_key = users[*i - 1].public_key, .role = WIRE_ROLE_NODE, .name = "web"};
    for (const int *i = reply->revoked; *i; i++)
        items[followed.n_users++] = (struct wire_content_user){
            .public_key = users[*i - 1].public_key, .role = WIRE_ROLE_NODE, .name = "web", .revoked = true};
    cr_assert_eq (bus_send (server, &asked.peer, &wire_followed_keys_record, &followed), 0);
    RUN_UNTIL (asked.count > before);
}

static bool is_admitted (int user)
{
    const struct bus_sender sender = {.kind = BUS_SENDER_KEY, .key = users[user - 1].fingerprint};

    return bus_admission_admits (content, &sender, BUS_CHANNEL_CONTENT);
}

static void expect_admitted (bool first, bool second, bool third)
{
    cr_expect_eq (is_admitted (1), first, "user 1");
    cr_expect_eq (is_admitted (2), second, "user 2");
    cr_expect_eq (is_admitted (3), third, "user 3");
}

Test (peer_follow, it_is_ready_with_the_whole_list_and_then_waits_for_changes)
{
    follow_start ();
    RUN_UNTIL (asked.count == 1);
    cr_expect_str_eq (asked.list, "");
    cr_expect_eq (asked.wait_ms, 0);
    answer (&(struct reply){.list = "i", .anew = true, .more = true, .position = 1, .added = {1}});
    cr_expect_not (is_ready, "a part of the list is not the list");
    cr_expect_str_eq (asked.list, "i");
    cr_expect_eq (asked.position, 1);
    cr_expect_eq (asked.wait_ms, 0);
    answer (&(struct reply){.list = "i", .position = 2, .added = {2}});
    cr_expect (is_ready);
    cr_expect_gt (asked.wait_ms, 0);
    cr_expect_eq (asked.position, 2);
    expect_admitted (true, true, false);
    answer (&(struct reply){.list = "i", .position = 4, .added = {3}, .revoked = {1}});
    expect_admitted (false, true, true);
}

Test (peer_follow, a_broker_that_was_restarted_sends_a_new_list)
{
    follow_start ();
    RUN_UNTIL (asked.count == 1);
    answer (&(struct reply){.list = "i", .anew = true, .position = 2, .added = {1, 2}});
    answer (&(struct reply){.list = "j", .anew = true, .more = true, .position = 1, .added = {2}});
    expect_admitted (true, true, false);
    answer (&(struct reply){.list = "j", .position = 2, .added = {3}});
    expect_admitted (false, true, true);
}

Test (peer_follow, without_a_broker_the_last_list_is_used)
{
    follow_start ();
    RUN_UNTIL (asked.count == 1);
    answer (&(struct reply){.list = "i", .anew = true, .position = 3, .added = {1, 2, 3}});
    answer (&(struct reply){.list = "i", .position = 4, .revoked = {1}});
    server = bus_socket_free (server);
    follow_end ();
    expect_admitted (false, false, false);
    follow_start ();
    expect_admitted (false, false, false);
    RUN_UNTIL (is_ready);
    expect_admitted (false, true, true);

    asked.count = 0;
    server_open ();
    RUN_UNTIL (asked.count == 1);
    cr_expect_str_eq (asked.list, "", "the stored list has no position");
    answer (&(struct reply){.list = "j", .anew = true, .position = 1, .added = {3}});
    expect_admitted (false, false, true);
}

Test (peer_follow, a_revocation_is_stored_before_the_next_request)
{
    struct bus_admission *table = bus_admission_new ();
    struct peer_keys stored = {.admission = table};
    struct base_error error = {.text = ""};

    follow_start ();
    RUN_UNTIL (asked.count == 1);
    answer (&(struct reply){.list = "i", .anew = true, .position = 2, .added = {1, 2}});
    answer (&(struct reply){.list = "i", .position = 3, .revoked = {1}});
    cr_assert_eq (peer_keys_load (&stored, root, peer_pair.server_key, &error), 0, "%s", error.text);
    cr_expect_eq (stored.n_active, 1);
    cr_expect_null (peer_keys_find (&stored, &users[0].fingerprint));
    peer_keys_deinit (&stored);
    (void) bus_admission_free (table);
}

Test (peer_follow, an_added_key_is_stored_when_the_peer_ends)
{
    follow_start ();
    RUN_UNTIL (asked.count == 1);
    answer (&(struct reply){.list = "i", .anew = true, .position = 1, .added = {1}});
    answer (&(struct reply){.list = "i", .position = 2, .added = {2}});
    server = bus_socket_free (server);
    follow_end ();
    follow_start ();
    RUN_UNTIL (is_ready);
    expect_admitted (true, true, false);
}

static void on_pause (void *context)
{
    *(bool *) context = true;
    bus_loop_stop (loop);
}

Test (peer_follow, without_a_broker_and_without_a_list_nobody_is_admitted)
{
    bool is_over = false;

    server = bus_socket_free (server);
    follow_start ();
    cr_assert_gt (bus_timer_start (loop, 3 * PATIENCE_MS, on_pause, &is_over), 0);
    RUN_UNTIL (is_over);
    cr_expect_not (is_ready);
    expect_admitted (false, false, false);
    server_open ();
    RUN_UNTIL (asked.count == 1);
    answer (&(struct reply){.list = "i", .anew = true, .position = 1, .added = {1}});
    cr_expect (is_ready);
}

Test (peer_follow, a_request_without_an_answer_is_sent_again_and_an_old_answer_is_ignored)
{
    struct wire_followed_keys late = {.status = WIRE_STATUS_OK, .list = "i", .anew = true};

    follow_start ();
    RUN_UNTIL (asked.count == 1);
    late.serial = asked.serial;
    RUN_UNTIL (asked.count == 2);
    cr_expect_gt (asked.serial, late.serial);
    cr_assert_eq (bus_send (server, &asked.peer, &wire_followed_keys_record, &late), 0);
    answer (&(struct reply){.list = "i", .anew = true, .position = 1, .added = {1}});
    cr_expect (is_admitted (1));
}

Test (peer_follow, a_broker_that_refuses_the_request_admits_nobody)
{
    struct wire_followed_keys refused = {.status = WIRE_STATUS_REFUSED, .reason = "no keys here"};

    follow_start ();
    RUN_UNTIL (asked.count == 1);
    refused.serial = asked.serial;
    cr_assert_eq (bus_send (server, &asked.peer, &wire_followed_keys_record, &refused), 0);
    RUN_UNTIL (asked.count == 2);
    cr_expect_not (is_ready);
}

Test (peer_follow, a_list_of_which_a_part_was_received_begins_anew_after_the_stored_one)
{
    follow_start ();
    RUN_UNTIL (asked.count == 1);
    answer (&(struct reply){.list = "i", .anew = true, .position = 2, .added = {1, 2}});
    follow_end ();
    asked.count = 0;
    follow_start ();
    RUN_UNTIL (asked.count == 1);
    answer (&(struct reply){.list = "j", .anew = true, .more = true, .position = 1, .added = {3}});
    cr_expect_not (is_ready);
    server = bus_socket_free (server);
    RUN_UNTIL (is_ready);
    expect_admitted (true, true, true);
    asked.count = 0;
    server_open ();
    RUN_UNTIL (asked.count > 0 && !*asked.list);
    answer (&(struct reply){.list = "j", .anew = true, .position = 2, .added = {3}});
    expect_admitted (false, false, true);
}
