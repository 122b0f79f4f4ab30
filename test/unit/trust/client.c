/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/client.c - the trusted set: a rejected file changes nothing */

#include "test/unit/trust/fixture.h"

static struct trust_client client_of (const struct world *world)
{
    struct trust_client client;
    struct base_error error = {0};
    const struct file *root = file_find ((struct file *) (uintptr_t) world->remote, "1.root.json");
    cr_assert_eq (trust_client_init (&client, NULL, world->now, root->data, root->size, &error), 0, "%s",
                  error.text);
    return client;
}

Test (client, a_root_that_its_own_keys_did_not_sign_is_no_beginning)
{
    struct world world;
    struct trust_client client;
    struct base_error error = {0};
    world_init (&world);
    char *file = file_sign (world.contents[TRUST_ROOT], (unsigned[]){9, 0});
    cr_assert_eq (trust_client_init (&client, NULL, NOW, file, strlen (file), &error), TRUST_E_THRESHOLD);
    cr_assert_str_eq (error.text,
                      "its own keys: version 1 of root is signed by 0 of its keys, and must be signed by 1");
    cr_assert_eq (client.phase, TRUST_PHASE_NULL);
    trust_client_deinit (&client);
    cr_assert_eq (trust_client_init (&client, NULL, NOW, "", 0, NULL), TRUST_E_FORMAT);
    cr_assert_eq (trust_client_init (&client, NULL, NOW, NULL, 0, NULL), TRUST_E_FORMAT);
    free (file);
    world_deinit (&world);
}

Test (client, a_rejected_root_leaves_the_last_one)
{
    struct world world;
    world_init (&world);
    struct trust_client client = client_of (&world);
    role_bump (&world, TRUST_ROOT);
    json_object_set_new (world.contents[TRUST_ROOT], "consistent_snapshot", json_false ());
    char *file = file_sign (world.contents[TRUST_ROOT], (unsigned[]){9, 0});
    cr_assert_eq (trust_client_root (&client, file, strlen (file), NULL), TRUST_E_THRESHOLD);
    cr_assert_eq (client.root.common.version, 1);
    cr_assert (client.root.consistent_snapshot);
    cr_assert_eq (client.steps, 0);
    trust_client_deinit (&client);
    free (file);
    world_deinit (&world);
}

Test (client, a_rejected_timestamp_leaves_the_stored_one)
{
    struct world world;
    bool changed = true;
    world_init (&world);
    struct trust_client client = client_of (&world);
    const struct file *file = file_find (world.remote, "timestamp.json");
    cr_assert_eq (trust_client_root_end (&client, NULL), 0);
    cr_assert_eq (trust_client_timestamp_stored (&client, file->data, file->size, NULL), 0);
    content_set_version (world.contents[TRUST_TIMESTAMP], 7);
    json_object_set_new (world.contents[TRUST_TIMESTAMP], "expires", json_string (BEFORE));
    char *expired = file_sign (world.contents[TRUST_TIMESTAMP], world.signers[TRUST_TIMESTAMP]);
    cr_assert_eq (trust_client_timestamp (&client, expired, strlen (expired), &changed, NULL),
                  TRUST_E_EXPIRED);
    cr_assert_eq (client.phase, TRUST_PHASE_TIMESTAMP);
    cr_assert_eq (client.timestamp.common.version, 1);
    cr_assert_eq (trust_client_timestamp (&client, file->data, file->size, &changed, NULL), 0);
    cr_assert (!changed);
    cr_assert_eq (client.phase, TRUST_PHASE_SNAPSHOT);
    trust_client_deinit (&client);
    free (expired);
    world_deinit (&world);
}

/*  A stored timestamp may be expired: it still forbids a rollback. */
Test (client, an_expired_stored_timestamp_and_snapshot_forbid_a_rollback)
{
    struct world world;
    world_init (&world);
    world_advance (&world);
    cr_assert_eq (world_refresh (&world), 0);
    json_object_set_new (world.contents[TRUST_TIMESTAMP], "expires", json_string ("2030-01-02T00:00:00Z"));
    json_object_set_new (world.contents[TRUST_SNAPSHOT], "expires", json_string ("2030-01-02T00:00:00Z"));
    world_advance (&world);
    cr_assert_eq (world_refresh (&world), 0);
    world.now += 2 * 86400;
    json_object_set_new (world.contents[TRUST_TIMESTAMP], "expires", json_string (LATER));
    json_object_set_new (world.contents[TRUST_SNAPSHOT], "expires", json_string (LATER));
    content_set_version (world.contents[TRUST_TIMESTAMP], 2);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), TRUST_E_VERSION);
    content_set_version (world.contents[TRUST_TIMESTAMP], 4);
    content_set_version (world.contents[TRUST_SNAPSHOT], 4);
    content_set_version (world.contents[TRUST_TARGETS], 2);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), TRUST_E_VERSION);
    cr_assert (strstr (world.error.text, "targets back from version 3 to 2"), "%s", world.error.text);
    world_deinit (&world);
}

Test (client, errors_say_which_version_of_which_role)
{
    struct world world;
    world_init (&world);
    json_object_set_new (world.contents[TRUST_TARGETS], "expires", json_string (BEFORE));
    world_advance (&world);
    cr_assert_eq (world_refresh (&world), TRUST_E_EXPIRED);
    cr_assert_str_eq (
        world.error.text,
        "version 2 of targets expired at 2029-12-31T23:59:59Z: the repository was not renewed, or newer "
        "metadata is withheld, or the clock of this host is wrong");
    world_deinit (&world);
}

Test (client, targets_that_the_snapshot_does_not_name_are_refused)
{
    struct world world;
    world_init (&world);
    json_object_set_new (json_object_get (world.contents[TRUST_SNAPSHOT], "meta"), "other.json",
                         json_pack ("{s:i}", "version", 1));
    json_object_del (json_object_get (world.contents[TRUST_SNAPSHOT], "meta"), "targets.json");
    role_publish (&world, TRUST_SNAPSHOT);
    role_publish (&world, TRUST_TIMESTAMP);
    cr_assert_eq (world_refresh (&world), TRUST_E_UNKNOWN_ROLE);
    world_deinit (&world);
}

Test (client, a_signed_length_over_the_largest_is_capped)
{
    struct world world;
    world_init (&world);
    json_object_set_new (json_object_get (world.contents[TRUST_SNAPSHOT], "meta"), "huge.json",
                         json_pack ("{s:i,s:I}", "version", 1, "length", (json_int_t) INT64_MAX));
    world_advance (&world);
    cr_assert_eq (world_refresh (&world), 0);
    cr_assert_eq (trust_client_most (&world.client, "huge"), TRUST_DOCUMENT_MOST);
    cr_assert_eq (trust_client_most (&world.client, "targets"), trust_limits_default.targets);
    cr_assert_not_null (trust_client_meta (&world.client, "huge"));
    cr_assert_null (trust_client_meta (&world.client, "small"));
    world_deinit (&world);
}

Test (client, each_code_has_a_word_of_its_own)
{
    for (int code = 1; code < TRUST_E_END; code++) {
        cr_assert_str_neq (trust_error_word (code), "unknown");
        for (int other = 1; other < code; other++)
            cr_assert_str_neq (trust_error_word (code), trust_error_word (other));
    }
    cr_assert_str_eq (trust_error_word (0), "unknown");
    cr_assert_str_eq (trust_error_word (-ENOMEM), "unknown");
    cr_assert_str_eq (trust_error_word (TRUST_E_END), "unknown");
}

/*  More keys of every kind in one chain: P-256 and RSA keys that this test cannot sign with only stand by. */
Test (client, keys_of_unknown_kinds_stand_beside_known_ones)
{
    struct world world;
    struct base_digest keyid;
    char text[BASE_DIGEST_TEXT];
    world_init (&world);
    json_t *key = json_pack ("{s:s,s:s,s:{s:s}}", "keytype", "lattice", "scheme", "lattice-9", "keyval",
                             "public", "00");
    cr_assert_eq (trust_key_id (key, &keyid, NULL), 0);
    json_object_set (json_object_get (world.contents[TRUST_ROOT], "keys"), base_digest_format (&keyid, text),
                     key);
    json_array_append_new (
        json_object_get (json_object_get (json_object_get (world.contents[TRUST_ROOT], "roles"), "timestamp"),
                         "keyids"),
        json_string (text));
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    json_decref (key);
    world_deinit (&world);
}
