/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/keyed.h - a broker with keys, made before each test, and peers with keys */

#ifndef TEST_BROKER_KEYED_H
#define TEST_BROKER_KEYED_H

#include "fixture.h"

#include "bus/keys.h"

static struct fixture fixture;
static struct peer *root; /* root of this host, over ipc */

struct pair {
    struct bus_keys keys; /* of a client of the broker */
    struct base_digest fingerprint;
};

static inline struct peer *keyed_root (void)
{
    char endpoint[128];

    (void) snprintf (endpoint, sizeof endpoint, "ipc://%s/ipc/control", fixture.root);
    return peer_new (fixture.loop, BUS_DEALER, endpoint);
}

static inline void keyed_set_up (void)
{
    fixture.with_keys = true;
    fixture_init (&fixture);
    root = keyed_root ();
}

static inline void keyed_tear_down (void)
{
    root = peer_free (root);
    fixture_deinit (&fixture);
}

/*  Ends the broker and starts another one on the same root. */
static inline void keyed_restart (void)
{
    root = peer_free (root);
    fixture_stop (&fixture);
    fixture_start (&fixture);
    root = keyed_root ();
}

/*  A pair that the broker does not know yet. */
static inline struct pair pair_make (void)
{
    struct pair pair = {.keys = {.is_server = false}};

    cr_assert_eq (bus_keys_make (pair.keys.public_key, pair.keys.secret_key), 0);
    (void) snprintf (pair.keys.server_key, sizeof pair.keys.server_key, "%s",
                     broker_public_key (fixture.broker));
    cr_assert_eq (bus_fingerprint_of (pair.keys.public_key, &pair.fingerprint), 0);
    return pair;
}

/*  Adds a pair as `sender`; applications NULL: none. The caller owns the answer. */
static inline struct wire_key_added pair_add (struct peer *sender, const struct pair *pair,
                                              enum wire_role role, const char *name, const char *application)
{
    const char *applications[] = {application};
    struct wire_add_key request = {.public_key = pair->keys.public_key,
                                   .role = role,
                                   .name = name,
                                   .applications = application ? applications : NULL,
                                   .n_applications = application != NULL};

    return operator_ask (sender, add_key, key_added, &request);
}

/*  A new key with a role; of a publisher: for noded. */
static inline struct pair keyed_pair (enum wire_role role, const char *name)
{
    struct pair pair = pair_make ();
    struct wire_key_added added =
        pair_add (root, &pair, role, name, role == WIRE_ROLE_PUBLISHER ? "noded" : NULL);

    cr_assert (added.status == WIRE_STATUS_OK, "%s", added.reason ? added.reason : "");
    wire_key_added_deinit (&added);
    return pair;
}

/*  Connects with a key. */
static inline struct peer *keyed_control (const struct pair *pair)
{
    return peer_new_with (fixture.loop, BUS_DEALER, broker_endpoint_control (fixture.broker), &pair->keys);
}
static inline struct peer *keyed_content (const struct pair *pair)
{
    return peer_new_with (fixture.loop, BUS_DEALER, broker_endpoint_content (fixture.broker), &pair->keys);
}

/*  Revokes as root, and returns the status. */
static inline enum wire_status keyed_revoke (const struct base_digest *fingerprint, const char *name)
{
    struct wire_revoke_key request = {.name = name};
    struct wire_key_revoked answer;
    enum wire_status status;

    if (fingerprint)
        request.fingerprint = *fingerprint;
    answer = operator_ask (root, revoke_key, key_revoked, &request);
    status = answer.status;
    wire_key_revoked_deinit (&answer);
    return status;
}

/*  Runs the loop until the server has refused the peer's key. */
static inline void peer_expect_denied (struct peer *peer)
{
    int timer = bus_timer_start (peer->loop, FIXTURE_DEADLINE_MS, peer_on_deadline, peer);

    while (!peer->denied && !peer->expired)
        cr_assert_eq (bus_loop_run (peer->loop), 0);
    bus_timer_cancel (peer->loop, timer);
    cr_assert (peer->denied, "the key was not refused");
}

#endif
