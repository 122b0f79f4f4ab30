/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/records/keys.c - keys in the records: whose they are, and that this never changes */

#include "base/cleanup.h"
#include "database.h"

#define CREATED "2026-11-22T15:00:00.000000000Z"
#define REVOKED "2026-11-23T15:00:00.000000000Z"

TestSuite (keys, .init = database_make, .fini = database_remove, .timeout = 120);

static struct base_digest fingerprint_of (const char *text)
{
    return base_digest_of (text, strlen (text));
}

/*  Adds the key that `text` stands for. */
static int key_add (const char *text, enum wire_role role, const char *name, const char *application)
{
    const char *applications[] = {application};
    struct wire_key key = {.fingerprint = fingerprint_of (text),
                           .public_key = text,
                           .role = role,
                           .name = name,
                           .applications = applications,
                           .n_applications = application != NULL,
                           .created = CREATED};
    int r;

    error.text[0] = '\0';
    cr_assert_eq (records_begin (records, &error), 0, "%s", error.text);
    r = records_key_add (records, &key, &error);
    cr_assert (r >= 0, "%s", error.text);
    cr_assert_eq (records_commit (records, NULL), 0);
    return r;
}

static void key_revoke (const char *text)
{
    struct base_digest fingerprint = fingerprint_of (text);

    cr_assert_eq (records_key_revoke (records, &fingerprint, REVOKED, &error), 0, "%s", error.text);
}

static enum wire_key_state state_of (const char *text)
{
    base_cleanup (wire_key_deinit) struct wire_key key = {.name = NULL};
    struct base_digest fingerprint = fingerprint_of (text);

    cr_assert_eq (records_key_get (records, &fingerprint, &key, &error), 0, "%s", error.text);
    return key.state;
}

static void file_reopen (void)
{
    records = records_free (records);
    database_open ();
}

Test (keys, a_key_is_found_as_it_was_added_after_a_restart)
{
    base_cleanup (wire_key_deinit) struct wire_key key = {.name = NULL};
    struct base_digest fingerprint = fingerprint_of ("k1");
    const char *applications[] = {"noded", "hello.world"};
    struct wire_key added = {.fingerprint = fingerprint,
                             .public_key = "k1",
                             .role = WIRE_ROLE_PUBLISHER,
                             .name = "ci",
                             .applications = applications,
                             .n_applications = 2,
                             .created = CREATED};

    cr_assert_eq (records_begin (records, &error), 0);
    cr_assert_eq (records_key_add (records, &added, &error), 0, "%s", error.text);
    cr_assert_eq (records_commit (records, &error), 0);
    file_reopen ();
    cr_assert_eq (records_key_get (records, &fingerprint, &key, &error), 0, "%s", error.text);
    added.state = WIRE_KEY_STATE_ACTIVE;
    cr_assert (wire_equal (&wire_key_record, &added, &key));
    fingerprint = fingerprint_of ("other");
    wire_key_deinit (&key);
    cr_assert_eq (records_key_get (records, &fingerprint, &key, &error), -ENOENT);
}

Test (keys, the_same_key_again_changes_nothing)
{
    cr_assert_eq (key_add ("k1", WIRE_ROLE_PUBLISHER, "ci", "noded"), 0);
    cr_assert_eq (key_add ("k1", WIRE_ROLE_PUBLISHER, "ci", "noded"), 0);
    cr_assert_eq (key_add ("k1", WIRE_ROLE_PUBLISHER, "ci", "hello"), RECORDS_E_KEY);
    cr_assert_eq (key_add ("k1", WIRE_ROLE_PUBLISHER, "ci", NULL), RECORDS_E_KEY);
    cr_assert_eq (key_add ("k1", WIRE_ROLE_ADMIN, "ci", NULL), RECORDS_E_KEY);
    cr_assert_eq (key_add ("k2", WIRE_ROLE_OBSERVER, "bob", NULL), 0);
    cr_assert_eq (key_add ("k2", WIRE_ROLE_ADMIN, "bob", NULL), RECORDS_E_KEY);
}

Test (keys, a_key_belongs_to_one_name_for_ever)
{
    cr_assert_eq (key_add ("k1", WIRE_ROLE_DEPLOYER, "alice", NULL), 0);
    cr_assert_eq (key_add ("k1", WIRE_ROLE_DEPLOYER, "bob", NULL), RECORDS_E_KEY);
    cr_assert (strstr (error.text, "alice"), "%s", error.text);
    key_revoke ("k1");
    cr_assert_eq (key_add ("k1", WIRE_ROLE_DEPLOYER, "bob", NULL), RECORDS_E_KEY);
}

Test (keys, a_revoked_key_never_comes_back)
{
    base_cleanup (wire_key_deinit) struct wire_key key = {.name = NULL};
    struct base_digest fingerprint = fingerprint_of ("k1");

    cr_assert_eq (key_add ("k1", WIRE_ROLE_NODE, "web-1", NULL), 0);
    key_revoke ("k1");
    cr_assert_eq (state_of ("k1"), WIRE_KEY_STATE_REVOKED);
    cr_assert_eq (key_add ("k1", WIRE_ROLE_NODE, "web-1", NULL), RECORDS_E_KEY);
    cr_assert (strstr (error.text, "revoked"), "%s", error.text);
    cr_assert_eq (records_key_revoke (records, &fingerprint, "later", &error), 0);
    file_reopen ();
    cr_assert_eq (records_key_get (records, &fingerprint, &key, &error), 0);
    cr_assert_eq (key.state, WIRE_KEY_STATE_REVOKED);
    cr_assert_str_eq (key.revoked, REVOKED);
    fingerprint = fingerprint_of ("other");
    cr_assert_eq (records_key_revoke (records, &fingerprint, REVOKED, &error), -ENOENT);
}

Test (keys, a_node_has_at_most_one_active_key)
{
    cr_assert_eq (key_add ("k1", WIRE_ROLE_NODE, "web-1", NULL), 0);
    cr_assert_eq (key_add ("k2", WIRE_ROLE_NODE, "web-1", NULL), RECORDS_E_KEY);
    cr_assert (strstr (error.text, "revoke web-1"), "%s", error.text);
    cr_assert_eq (key_add ("k3", WIRE_ROLE_NODE, "web-2", NULL), 0);
    key_revoke ("k1");
    cr_assert_eq (key_add ("k2", WIRE_ROLE_NODE, "web-1", NULL), 0);
}

Test (keys, no_other_key_has_the_name_of_a_node)
{
    cr_assert_eq (key_add ("k1", WIRE_ROLE_NODE, "web-1", NULL), 0);
    cr_assert_eq (key_add ("k2", WIRE_ROLE_ADMIN, "web-1", NULL), RECORDS_E_KEY);
    key_revoke ("k1");
    cr_assert_eq (key_add ("k2", WIRE_ROLE_ADMIN, "web-1", NULL), RECORDS_E_KEY);
    cr_assert_eq (key_add ("k3", WIRE_ROLE_ADMIN, "alice", NULL), 0);
    cr_assert_eq (key_add ("k4", WIRE_ROLE_NODE, "alice", NULL), RECORDS_E_KEY);
}

Test (keys, the_active_keys_of_a_name_are_bounded)
{
    char text[16];

    for (int i = 0; i < RECORDS_KEYS_A_NAME; i++) {
        (void) snprintf (text, sizeof text, "k%d", i);
        cr_assert_eq (key_add (text, WIRE_ROLE_OBSERVER, "alice", NULL), 0);
    }
    cr_assert_eq (key_add ("more", WIRE_ROLE_OBSERVER, "alice", NULL), RECORDS_E_KEY);
    key_revoke ("k3");
    cr_assert_eq (key_add ("more", WIRE_ROLE_OBSERVER, "alice", NULL), 0);
}

struct listed {
    char names[256];
    uint64_t last;
};

static int key_list (void *context, uint64_t serial, const struct wire_key *key)
{
    struct listed *listed = context;
    size_t size = strlen (listed->names);

    cr_assert_gt (serial, listed->last);
    listed->last = serial;
    (void) snprintf (listed->names + size, sizeof listed->names - size, "%s%s ", key->public_key,
                     key->state == WIRE_KEY_STATE_REVOKED ? "-" : "");
    return 0;
}

Test (keys, keys_are_listed_in_the_order_in_which_they_were_added)
{
    struct listed all = {.last = 0}, named = {.last = 0}, rest = {.last = 0};
    uint64_t second = 0;

    (void) key_add ("z", WIRE_ROLE_ADMIN, "alice", NULL);
    (void) key_add ("a", WIRE_ROLE_ADMIN, "bob", NULL);
    (void) key_add ("m", WIRE_ROLE_OBSERVER, "alice", NULL);
    key_revoke ("z");
    cr_assert_eq (records_keys (records, NULL, 0, key_list, &all, &error), 0);
    cr_assert_str_eq (all.names, "z- a m ");
    cr_assert_eq (records_keys (records, "alice", 0, key_list, &named, &error), 0);
    cr_assert_str_eq (named.names, "z- m ");
    second = all.last - 1;
    cr_assert_eq (records_keys (records, NULL, second, key_list, &rest, &error), 0);
    cr_assert_str_eq (rest.names, "m ");
}

Test (keys, a_key_whose_role_is_no_word_is_damage)
{
    struct listed all = {.last = 0};

    (void) key_add ("k1", WIRE_ROLE_OBSERVER, "alice", NULL);
    records = records_free (records);
    database_execute ("UPDATE keys SET role = 'everything'");
    database_open ();
    cr_assert_eq (records_keys (records, NULL, 0, key_list, &all, &error), -EBADMSG);
}
