/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/follow.c - a content peer follows the keys that may use content */

#include "keyed.h"

#include "broker/state.h"

enum { WAIT_MS = 60000 };

TestSuite (follow, .init = keyed_set_up, .fini = keyed_tear_down, .timeout = 240);

static struct wire_followed_keys follow_ask (struct peer *peer, const char *list, uint64_t position)
{
    struct wire_follow_keys request = {.list = list, .position = position};

    return operator_ask (peer, follow_keys, followed_keys, &request);
}

/*  Sends a request that waits; changed_expect gets its answer. */
static void follow_wait (struct peer *peer, const struct wire_followed_keys *last, uint64_t serial)
{
    struct wire_follow_keys request = {
        .serial = serial, .list = last->list, .position = last->position, .wait_ms = WAIT_MS};

    peer_send (peer, &wire_follow_keys_record, &request);
}

/*  The answer comes long before the request has waited for its time. */
static struct wire_followed_keys changed_expect (struct peer *peer)
{
    struct wire_followed_keys answer;

    cr_assert_geq (peer_wait (peer, &wire_followed_keys_record, WAIT_MS / 3), 0, "no change was answered");
    peer_expect (peer, &wire_followed_keys_record, &answer);
    return answer;
}

static const struct wire_content_user *user_find (const struct wire_followed_keys *answer, const char *key)
{
    for (size_t i = 0; i < answer->n_users; i++)
        if (strcmp (answer->users[i].public_key, key) == 0)
            return &answer->users[i];
    return NULL;
}

Test (follow, the_list_has_every_key_that_may_use_content_and_no_other)
{
    static const enum wire_role roles[] = {WIRE_ROLE_NODE,     WIRE_ROLE_CONTENT,   WIRE_ROLE_OBSERVER,
                                           WIRE_ROLE_DEPLOYER, WIRE_ROLE_PUBLISHER, WIRE_ROLE_ADMIN};
    static const char *const names[] = {"a", "c1", "o", "d", "p", "root"};
    struct pair pairs[6];
    struct peer *peer;
    struct wire_followed_keys answer;

    for (size_t i = 0; i < 6; i++)
        pairs[i] = keyed_pair (roles[i], names[i]);
    peer = keyed_control (&pairs[1]);
    answer = follow_ask (peer, NULL, 0);
    cr_assert_eq (answer.status, WIRE_STATUS_OK, "%s", answer.reason ? answer.reason : "");
    cr_expect (answer.anew && !answer.more);
    cr_expect_eq (answer.n_users, 4);
    for (size_t i = 0; i < 6; i++) {
        const struct wire_content_user *user = user_find (&answer, pairs[i].keys.public_key);
        bool uses = broker_keys_channels (roles[i]) >> BUS_CHANNEL_CONTENT & 1;
        cr_expect_eq (user != NULL, uses, "%s", names[i]);
        if (user)
            cr_expect (user->role == roles[i] && strcmp (user->name, names[i]) == 0 && !user->revoked);
    }
    wire_followed_keys_deinit (&answer);
    peer_free (peer);
}

Test (follow, a_change_is_answered_at_once)
{
    struct pair own = keyed_pair (WIRE_ROLE_CONTENT, "c1"), node;
    struct peer *peer = keyed_control (&own);
    struct wire_followed_keys first = follow_ask (peer, NULL, 0), added, revoked;

    follow_wait (peer, &first, 100);
    cr_expect_lt (peer_wait (peer, &wire_followed_keys_record, 200), 0, "nothing has changed");
    keyed_pair (WIRE_ROLE_OBSERVER, "o");
    cr_expect_lt (peer_wait (peer, &wire_followed_keys_record, 200), 0, "it may not use content");
    node = keyed_pair (WIRE_ROLE_NODE, "a");
    added = changed_expect (peer);
    cr_expect (!added.anew && added.n_users == 1 && added.serial == 100);
    cr_expect (user_find (&added, node.keys.public_key) && !added.users[0].revoked);

    follow_wait (peer, &added, 101);
    cr_assert_eq (keyed_revoke (&node.fingerprint, NULL), WIRE_STATUS_OK);
    revoked = changed_expect (peer);
    cr_expect (!revoked.anew && revoked.n_users == 1 && revoked.users[0].revoked);
    cr_expect (user_find (&revoked, node.keys.public_key));
    wire_followed_keys_deinit (&first);
    wire_followed_keys_deinit (&added);
    wire_followed_keys_deinit (&revoked);
    peer_free (peer);
}

Test (follow, after_a_restart_the_list_begins_anew_without_the_keys_that_were_revoked)
{
    struct pair own = keyed_pair (WIRE_ROLE_CONTENT, "c1"), gone;
    struct peer *peer = keyed_control (&own);
    struct wire_followed_keys first = follow_ask (peer, NULL, 0),
                              second; /* its position is valid later, too */

    gone = keyed_pair (WIRE_ROLE_NODE, "a");
    cr_assert_eq (keyed_revoke (&gone.fingerprint, NULL), WIRE_STATUS_OK);
    peer_free (peer);
    keyed_restart ();
    peer = keyed_control (&own);
    second = follow_ask (peer, first.list, first.position);
    cr_expect (second.anew);
    cr_expect_str_neq (second.list, first.list);
    cr_expect_eq (second.n_users, 1);
    cr_expect_null (user_find (&second, gone.keys.public_key));
    wire_followed_keys_deinit (&first);
    wire_followed_keys_deinit (&second);
    peer_free (peer);
}

Test (follow, a_position_that_never_was_begins_anew)
{
    struct pair own = keyed_pair (WIRE_ROLE_CONTENT, "c1");
    struct peer *peer = keyed_control (&own);
    struct wire_followed_keys first = follow_ask (peer, NULL, 0), second;

    second = follow_ask (peer, first.list, first.position + 1);
    cr_expect (second.anew);
    cr_expect_eq (second.n_users, 1);
    wire_followed_keys_deinit (&first);
    wire_followed_keys_deinit (&second);
    peer_free (peer);
}

Test (follow, many_keys_come_in_pages_that_are_complete_together)
{
    enum { MANY = 1100 };
    struct pair own = keyed_pair (WIRE_ROLE_CONTENT, "c1");
    struct peer *peer = keyed_control (&own);
    struct wire_followed_keys page = {.serial = 0};
    char list[65] = "", name[32];
    uint64_t position = 0;
    size_t users = 0, pages = 0;

    for (unsigned i = 0; i < MANY; i++) {
        (void) snprintf (name, sizeof name, "node-%u", i);
        keyed_pair (WIRE_ROLE_NODE, name);
    }
    do {
        wire_followed_keys_deinit (&page);
        page = follow_ask (peer, *list ? list : NULL, position);
        cr_assert_eq (page.anew, pages == 0);
        users += page.n_users;
        position = page.position;
        (void) snprintf (list, sizeof list, "%s", page.list);
        pages++;
    } while (page.more);
    cr_expect_eq (users, MANY + 1);
    cr_expect_geq (pages, 3);
    wire_followed_keys_deinit (&page);
    peer_free (peer);
}

Test (follow, the_broker_tells_the_key_and_address_of_the_content_peer_that_was_added_last)
{
    struct pair first = pair_make (), second = pair_make (), third = pair_make ();
    struct wire_add_key request = {.role = WIRE_ROLE_CONTENT, .name = "c1"};
    struct wire_show_broker show = {.serial = 0};
    struct wire_key_added added;
    struct wire_shown shown = operator_ask (root, show_broker, shown, &show);

    cr_expect_null (shown.broker->content_key);
    wire_shown_deinit (&shown);
    request.public_key = first.keys.public_key;
    request.address = "one.example";
    added = operator_ask (root, add_key, key_added, &request);
    cr_assert_eq (added.status, WIRE_STATUS_OK, "%s", added.reason ? added.reason : "");
    cr_expect_str_eq (added.added->address, "one.example");
    wire_key_added_deinit (&added);
    request.public_key = second.keys.public_key;
    request.address = "two.example:9000";
    added = operator_ask (root, add_key, key_added, &request);
    wire_key_added_deinit (&added);
    request.public_key = third.keys.public_key;
    request.address = NULL;
    added = operator_ask (root, add_key, key_added, &request);
    cr_expect_null (added.added->address);
    wire_key_added_deinit (&added);
    keyed_restart ();
    shown = operator_ask (root, show_broker, shown, &show);
    cr_expect_str_eq (shown.broker->content_key, second.keys.public_key);
    cr_expect_str_eq (shown.broker->content_address, "two.example:9000");
    wire_shown_deinit (&shown);
    cr_assert_eq (keyed_revoke (&second.fingerprint, NULL), WIRE_STATUS_OK);
    shown = operator_ask (root, show_broker, shown, &show);
    cr_expect_str_eq (shown.broker->content_key, first.keys.public_key);
    wire_shown_deinit (&shown);
}

Test (follow, only_a_content_peer_has_an_address_and_it_can_be_used)
{
    static const struct {
        enum wire_role role;
        const char *address;
    } wrong[] = {{WIRE_ROLE_NODE, "one.example"}, {WIRE_ROLE_CONTENT, "one.example:no-port"}};

    for (size_t i = 0; i < 2; i++) {
        struct pair pair = pair_make ();
        struct wire_add_key request = {.public_key = pair.keys.public_key,
                                       .role = wrong[i].role,
                                       .name = "x",
                                       .address = wrong[i].address};
        struct wire_key_added answer = operator_ask (root, add_key, key_added, &request);
        cr_expect_eq (answer.status, WIRE_STATUS_INVALID);
        cr_expect (answer.reason && strstr (answer.reason, "address"), "%s", answer.reason);
        wire_key_added_deinit (&answer);
    }
}
