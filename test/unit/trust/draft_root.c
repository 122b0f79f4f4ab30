/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/draft_root.c - the keys and thresholds of root */

#include "test/unit/trust/repository_fixture.h"

static size_t keys_of (const struct trust_draft *root)
{
    return json_object_size (json_object_get (trust_draft_content (root), "keys"));
}

static size_t role_keys_of (const struct trust_draft *root, const char *role)
{
    return json_array_size (json_object_get (
        json_object_get (json_object_get (trust_draft_content (root), "roles"), role), "keyids"));
}

Test (draft_root, the_first_root_has_what_it_was_given)
{
    struct trust_draft root = root_make (3, 2);
    struct trust_root read = {0};
    cr_assert_eq (trust_root_read (trust_draft_content (&root), &read, NULL), 0);
    cr_assert_eq (read.common.version, 1);
    cr_assert_eq (read.common.expires, NOW + 5 * YEAR);
    cr_assert_str_eq (read.common.spec_version, TRUST_SPEC_VERSION);
    cr_assert (read.consistent_snapshot);
    cr_assert_eq (read.keys.count, 8);
    cr_assert_eq (read.roles[TRUST_ROOT].n_keyids, 3);
    cr_assert_eq (read.roles[TRUST_ROOT].threshold, 2);
    cr_assert_eq (read.roles[TRUST_TIMESTAMP].n_keyids, 1);
    cr_assert_eq (read.roles[TRUST_TIMESTAMP].threshold, 1);
    for (size_t i = 0; i < read.keys.count; i++)
        cr_assert_eq (read.keys.items[i].kind, TRUST_KEY_ED25519, "%s", read.keys.items[i].reason);
    trust_root_deinit (&read);
    trust_draft_deinit (&root);
}

Test (draft_root, one_key_may_have_all_roles)
{
    struct key_set set;
    struct trust_draft root = {0};
    key_set_init (&set, 1, KEY_ROOT, 1);
    const struct trust_draft_keys keys[TRUST_KINDS] = {set.draft, set.draft, set.draft, set.draft};
    cr_assert_eq (trust_draft_root_new (keys, NOW + YEAR, &root, NULL), 0);
    cr_assert_eq (keys_of (&root), 1);
    cr_assert_eq (trust_draft_check (&root, NOW, NULL), 0);
    struct trust_secret secret = key_of (KEY_ROOT);
    cr_assert_eq (trust_draft_root_remove_key (&root, TRUST_SNAPSHOT, &secret.keyid, NULL), 0);
    cr_assert_eq (keys_of (&root), 1); /* other roles still have it */
    cr_assert_eq (role_keys_of (&root, "snapshot"), 0);
    cr_assert_eq (role_keys_of (&root, "root"), 1);
    key_set_deinit (&set);
    trust_draft_deinit (&root);
}

Test (draft_root, a_key_that_no_role_has_leaves_the_list)
{
    struct trust_draft root = root_make (2, 1);
    struct trust_secret secret = key_of (KEY_ROOT + 1);
    cr_assert_eq (keys_of (&root), 6);
    cr_assert_eq (trust_draft_root_remove_key (&root, TRUST_ROOT, &secret.keyid, NULL), 0);
    cr_assert_eq (keys_of (&root), 5);
    cr_assert_eq (trust_draft_root_remove_key (&root, TRUST_ROOT, &secret.keyid, NULL), TRUST_E_KEY);
    cr_assert_eq (trust_draft_root_remove_key (&root, TRUST_TARGETS, &secret.keyid, NULL), TRUST_E_KEY);
    cr_assert_eq (keys_of (&root), 5);
    trust_draft_deinit (&root);
}

Test (draft_root, the_same_key_is_not_added_twice_however_it_is_written)
{
    struct trust_draft root = root_make (2, 1);
    json_t *key = public_of (KEY_ROOT);
    struct base_error error = {0};
    cr_assert_eq (trust_draft_root_add_key (&root, TRUST_ROOT, key, &error), TRUST_E_KEY);
    cr_assert (strstr (error.text, "is a key of root already"), "%s", error.text);
    cr_assert_eq (json_object_set_new (key, "x-name", json_string ("the same in another form")), 0);
    cr_assert_eq (trust_draft_root_add_key (&root, TRUST_ROOT, key, &error), TRUST_E_KEY);
    cr_assert_eq (role_keys_of (&root, "root"), 2);
    cr_assert_eq (keys_of (&root), 6);
    cr_assert_eq (trust_draft_root_add_key (&root, TRUST_SNAPSHOT, key, NULL), 0); /* another role */
    json_decref (key);
    trust_draft_deinit (&root);
}

Test (draft_root, keys_that_cannot_sign_are_refused)
{
    struct trust_draft root = root_make (1, 1);
    json_t *rows[] = {
        json_object (),
        json_array (),
        json_pack ("{s:s, s:s, s:{s:s}}", "keytype", "ed25519", "scheme", "ed25519", "keyval", "public",
                   "00"),
        json_pack ("{s:s, s:s, s:{s:s}}", "keytype", "dsa", "scheme", "dsa", "keyval", "public", "00"),
        /* a key of small order: one signature fits every message */
        json_pack ("{s:s, s:s, s:{s:s}}", "keytype", "ed25519", "scheme", "ed25519", "keyval", "public",
                   "0100000000000000000000000000000000000000000000000000000000000000"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct base_error error = {0};
        int r = trust_draft_root_add_key (&root, TRUST_ROOT, rows[i], &error);
        cr_assert (r == TRUST_E_KEY || r == TRUST_E_FORMAT, "row %zu: %d", i, r);
        cr_assert (*error.text);
        json_decref (rows[i]);
    }
    cr_assert_eq (role_keys_of (&root, "root"), 1);
    cr_assert_eq (keys_of (&root), 4);
    trust_draft_deinit (&root);
}

Test (draft_root, a_threshold_is_at_least_one)
{
    struct trust_draft root = root_make (2, 1);
    cr_assert_eq (trust_draft_root_set_threshold (&root, TRUST_ROOT, 0, NULL), TRUST_E_THRESHOLD);
    cr_assert_eq (trust_draft_root_set_threshold (&root, TRUST_ROOT, UINT64_MAX, NULL), TRUST_E_THRESHOLD);
    cr_assert_eq (trust_draft_root_set_threshold (&root, TRUST_ROOT, 2, NULL), 0);
    cr_assert_eq (trust_draft_check (&root, NOW, NULL), 0);
    trust_draft_deinit (&root);
}

Test (draft_root, a_next_root_has_the_next_version)
{
    struct trust_draft root = root_make (1, 1), next = {0}, none = {0};
    root_next (&root, &next);
    cr_assert_eq (trust_draft_version (&next), 2);
    cr_assert_eq (keys_of (&next), keys_of (&root));
    cr_assert_eq (json_object_set_new (trust_draft_content (&next), "version",
                                       json_integer ((json_int_t) TRUST_VERSION_MOST)),
                  0);
    cr_assert_eq (trust_draft_root_next (&next, NOW, &none, NULL), TRUST_E_VERSION);
    trust_draft_deinit (&root);
    trust_draft_deinit (&next);
}

Test (draft_root, rotated_online_keys_are_new_in_every_form)
{
    struct trust_draft root = root_make (1, 1);
    struct key_set snapshot, timestamp;
    key_set_init (&snapshot, 1, KEY_SNAPSHOT + 1, 2);
    key_set_init (&timestamp, 1, KEY_TIMESTAMP, 1);
    cr_assert_eq (json_object_set_new (timestamp.keys[0], "x-name", json_string ("another form")), 0);
    cr_assert_eq (trust_draft_root_rotate_online (&root, &timestamp.draft, &snapshot.draft, NULL),
                  TRUST_E_KEY);
    key_set_deinit (&timestamp);
    key_set_init (&timestamp, 1, KEY_TIMESTAMP + 1, 1);
    cr_assert_eq (trust_draft_root_rotate_online (&root, &timestamp.draft, &snapshot.draft, NULL), 0);
    cr_assert_eq (role_keys_of (&root, "snapshot"), 2);
    cr_assert_eq (role_keys_of (&root, "timestamp"), 1);
    cr_assert_eq (keys_of (&root), 5);
    cr_assert_eq (trust_draft_check (&root, NOW, NULL), 0);
    key_set_deinit (&timestamp);
    key_set_deinit (&snapshot);
    trust_draft_deinit (&root);
}
