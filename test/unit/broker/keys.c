/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/keys.c - the keys of a broker: its own, and those that it admits */

#include "keyed.h"

#include <sys/stat.h>

#include "broker/state.h"

TestSuite (broker_keys, .init = keyed_set_up, .fini = keyed_tear_down, .timeout = 120);

static struct stat status_of (const char *name)
{
    struct stat status;
    char path[128];

    (void) snprintf (path, sizeof path, "%s/%s", fixture.root, name);
    cr_assert_eq (lstat (path, &status), 0, "%s", path);
    return status;
}

/*  Starts a broker with other options in the root; the present one is stopped. Returns as broker_new. */
static int broker_try (bool with_keys, struct base_error *error)
{
    struct broker_config config = {.root = fixture.root, .bind = &fixture.endpoints, .with_keys = with_keys};
    int r;

    root = peer_free (root);
    fixture_stop (&fixture);
    while ((r = broker_new (fixture.loop, &config, &fixture.broker, error)) == -EADDRINUSE)
        (void) poll (NULL, 0, 1);
    return r;
}

static enum wire_status add_try (const struct pair *pair, enum wire_role role, const char *name,
                                 const char *application)
{
    struct wire_key_added added = pair_add (root, pair, role, name, application);
    enum wire_status status = added.status;

    cr_expect_eq (status == WIRE_STATUS_OK, added.added != NULL);
    wire_key_added_deinit (&added);
    return status;
}

Test (broker_keys, the_first_start_makes_the_broker_s_own_key_for_its_owner_alone)
{
    char public_key[41];

    cr_expect_eq (status_of ("broker.key").st_mode, S_IFREG | 0600);
    cr_expect_eq (status_of ("ipc").st_mode, S_IFDIR | 0700);
    cr_expect_eq (status_of ("ipc/control").st_mode, S_IFSOCK | 0600);
    (void) snprintf (public_key, sizeof public_key, "%s", broker_public_key (fixture.broker));
    cr_assert_eq (strlen (public_key), 40);
    keyed_restart ();
    cr_expect_str_eq (broker_public_key (fixture.broker), public_key, "the key stays");
}

Test (broker_keys, keys_are_admitted_after_a_restart_and_revoked_ones_are_not)
{
    struct pair alice = keyed_pair (WIRE_ROLE_ADMIN, "alice"), bob = keyed_pair (WIRE_ROLE_OBSERVER, "bob");
    struct wire_show_broker request = {.serial = 0};
    struct wire_shown shown;
    struct peer *peer;

    cr_assert_eq (keyed_revoke (NULL, "bob"), WIRE_STATUS_OK);
    keyed_restart ();
    peer = keyed_control (&alice);
    shown = operator_ask (peer, show_broker, shown, &request);
    cr_assert_eq (shown.status, WIRE_STATUS_OK);
    cr_expect_eq (shown.broker->keys, 1);
    cr_expect_not (shown.broker->open);
    cr_expect_str_eq (shown.broker->public_key, broker_public_key (fixture.broker));
    wire_shown_deinit (&shown);
    peer_free (peer);
    peer = keyed_control (&bob);
    peer_expect_denied (peer);
    peer_free (peer);
}

Test (broker_keys, a_root_with_keys_is_never_served_without)
{
    struct base_error error = {.text = ""};

    cr_assert_eq (broker_try (false, &error), -EPERM);
    cr_expect (strstr (error.text, "--insecure"), "%s", error.text);
}

Test (broker_keys, keys_in_the_records_alone_keep_a_broker_closed)
{
    struct base_error error = {.text = ""};
    char path[128];

    (void) keyed_pair (WIRE_ROLE_ADMIN, "alice");
    root = peer_free (root);
    fixture_stop (&fixture);
    (void) snprintf (path, sizeof path, "%s/broker.key", fixture.root);
    cr_assert_eq (unlink (path), 0);
    cr_assert_eq (broker_try (false, &error), -EPERM);
    cr_expect_null (fixture.broker);
}

Test (broker_keys, a_broker_without_keys_is_open_and_says_so)
{
    struct fixture other = {.with_keys = false};
    struct pair pair = pair_make ();
    struct wire_show_broker request = {.serial = 0};
    struct wire_add_key add = {.public_key = pair.keys.public_key, .role = WIRE_ROLE_ADMIN, .name = "alice"};
    struct peer *peer;
    struct wire_shown shown;
    struct wire_key_added added;

    fixture_init (&other);
    peer = fixture_control (&other);
    shown = operator_ask (peer, show_broker, shown, &request);
    cr_assert_eq (shown.status, WIRE_STATUS_OK);
    cr_expect (shown.broker->open);
    cr_expect_null (shown.broker->public_key);
    wire_shown_deinit (&shown);
    added = operator_ask (peer, add_key, key_added, &add);
    cr_expect_eq (added.status, WIRE_STATUS_REFUSED);
    cr_expect (strstr (added.reason, "--insecure"), "%s", added.reason);
    wire_key_added_deinit (&added);
    peer_free (peer);
    fixture_deinit (&other);
}

Test (broker_keys, an_invalid_key_is_not_added)
{
    struct pair pair = pair_make (), wrong = pair, own = pair;

    wrong.keys.public_key[3] = '~';
    (void) snprintf (own.keys.public_key, sizeof own.keys.public_key, "%s",
                     broker_public_key (fixture.broker));
    cr_expect_eq (add_try (&wrong, WIRE_ROLE_ADMIN, "alice", NULL), WIRE_STATUS_INVALID);
    cr_expect_eq (add_try (&own, WIRE_ROLE_ADMIN, "alice", NULL), WIRE_STATUS_INVALID);
    cr_expect_eq (add_try (&pair, WIRE_ROLE_ADMIN, "", NULL), WIRE_STATUS_INVALID);
    cr_expect_eq (add_try (&pair, WIRE_ROLE_ADMIN, "al ice", NULL), WIRE_STATUS_INVALID);
    cr_expect_eq (add_try (&pair, WIRE_ROLE_NODE, "a@b", NULL), WIRE_STATUS_INVALID);
    cr_expect_eq (add_try (&pair, WIRE_ROLE_PUBLISHER, "ci", NULL), WIRE_STATUS_INVALID);
    cr_expect_eq (add_try (&pair, WIRE_ROLE_PUBLISHER, "ci", "a,b"), WIRE_STATUS_INVALID);
    cr_expect_eq (add_try (&pair, WIRE_ROLE_DEPLOYER, "ci", "noded"), WIRE_STATUS_INVALID);
    cr_expect_eq (fixture.broker->keys.n_keys, 0);
    cr_expect_eq (add_try (&pair, WIRE_ROLE_ADMIN, "a@b", NULL), WIRE_STATUS_OK);
}

Test (broker_keys, adding_the_same_key_twice_changes_nothing_and_another_owner_is_refused)
{
    struct pair pair = pair_make ();

    cr_expect_eq (add_try (&pair, WIRE_ROLE_DEPLOYER, "alice", NULL), WIRE_STATUS_OK);
    cr_expect_eq (add_try (&pair, WIRE_ROLE_DEPLOYER, "alice", NULL), WIRE_STATUS_OK);
    cr_expect_eq (add_try (&pair, WIRE_ROLE_DEPLOYER, "bob", NULL), WIRE_STATUS_REFUSED);
    cr_expect_eq (add_try (&pair, WIRE_ROLE_ADMIN, "alice", NULL), WIRE_STATUS_REFUSED);
    cr_expect_eq (keyed_revoke (&pair.fingerprint, NULL), WIRE_STATUS_OK);
    cr_expect_eq (keyed_revoke (&pair.fingerprint, NULL), WIRE_STATUS_OK, "twice");
    cr_expect_eq (keyed_revoke (NULL, "alice"), WIRE_STATUS_NONE);
    cr_expect_eq (add_try (&pair, WIRE_ROLE_DEPLOYER, "alice", NULL), WIRE_STATUS_REFUSED);
}

Test (broker_keys, a_key_cannot_revoke_itself)
{
    struct pair pair = keyed_pair (WIRE_ROLE_ADMIN, "alice");
    struct peer *peer = keyed_control (&pair);
    struct wire_revoke_key request = {.name = "alice"};
    struct wire_key_revoked answer = operator_ask (peer, revoke_key, key_revoked, &request);

    cr_expect_eq (answer.status, WIRE_STATUS_REFUSED);
    wire_key_revoked_deinit (&answer);
    cr_expect_eq (fixture.broker->keys.n_active, 1);
    peer_free (peer);
}

Test (broker_keys, a_revocation_names_a_fingerprint_or_an_owner)
{
    struct pair pair = keyed_pair (WIRE_ROLE_ADMIN, "alice");

    cr_expect_eq (keyed_revoke (NULL, NULL), WIRE_STATUS_INVALID);
    cr_expect_eq (keyed_revoke (&pair.fingerprint, "alice"), WIRE_STATUS_INVALID);
    cr_expect_eq (keyed_revoke (NULL, "nobody"), WIRE_STATUS_NONE);
}

Test (broker_keys, all_keys_of_a_name_are_revoked_together)
{
    (void) keyed_pair (WIRE_ROLE_ADMIN, "alice");
    (void) keyed_pair (WIRE_ROLE_OBSERVER, "alice");
    (void) keyed_pair (WIRE_ROLE_OBSERVER, "bob");
    cr_expect_eq (keyed_revoke (NULL, "alice"), WIRE_STATUS_OK);
    cr_expect_eq (fixture.broker->keys.n_active, 1);
}

Test (broker_keys, many_keys_are_listed_in_pages_and_found_again)
{
    enum { MANY = 700 };
    struct wire_list_keys request = {.serial = 0};
    unsigned seen = 0, pages = 0;
    char name[32];
    bool more;

    for (unsigned i = 0; i < MANY; i++) {
        (void) snprintf (name, sizeof name, "node-%u", i);
        (void) keyed_pair (WIRE_ROLE_NODE, name);
    }
    do {
        struct wire_keys answer = operator_ask (root, list_keys, keys, &request);
        cr_assert_eq (answer.status, WIRE_STATUS_OK);
        for (size_t i = 0; i < answer.n_keys; i++) {
            (void) snprintf (name, sizeof name, "node-%u", seen++);
            cr_assert_str_eq (answer.keys[i].name, name);
            cr_assert_not_null (broker_keys_find (&fixture.broker->keys, &answer.keys[i].fingerprint));
        }
        more = answer.more;
        free ((void *) (uintptr_t) request.after);
        request.after = answer.next ? strdup (answer.next) : NULL;
        pages++;
        wire_keys_deinit (&answer);
    } while (more);
    cr_expect_eq (seen, MANY);
    cr_expect_gt (pages, 1);
}
