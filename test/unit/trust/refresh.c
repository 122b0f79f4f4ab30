/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/refresh.c - the update of the top-level metadata, action by action */

#include "test/unit/trust/fixture.h"

static void log_is (struct world *world, const char *expected)
{
    base_cleanup (base_free_p) char *text = base_text_printf (
        "%.*s", (int) world->log.size, world->log.size ? (const char *) world->log.data : "");
    cr_assert_str_eq (text, expected);
}

Test (refresh, the_first_refresh_stores_each_file_before_the_next_is_fetched)
{
    struct world world;
    world_init (&world);
    cr_assert_eq (world_refresh (&world), 0);
    log_is (&world, "fetch 2.root.json\n"
                    "load timestamp.json\nfetch timestamp.json\nstore timestamp.json\n"
                    "load snapshot.json\nfetch 1.snapshot.json\nstore snapshot.json\n"
                    "load targets.json\nfetch 1.targets.json\nstore targets.json\n");
    world_deinit (&world);
}

Test (refresh, stored_files_are_the_received_bytes)
{
    struct world world;
    world_init (&world);
    struct file *file = file_find (world.remote, "timestamp.json");
    base_cleanup (base_free_p) char *text = base_text_printf (" \n%s \t", file->data);
    file_put (world.remote, "timestamp.json", text, strlen (text));
    cr_assert_eq (world_refresh (&world), 0);
    file = file_find (world.stored, "timestamp.json");
    cr_assert_eq (file->size, strlen (text));
    cr_assert_str_eq (file->data, text);
    world_deinit (&world);
}

Test (refresh, a_refresh_without_news_fetches_root_and_timestamp_only)
{
    struct world world;
    world_init (&world);
    cr_assert_eq (world_refresh (&world), 0);
    cr_assert_eq (world_refresh (&world), 0);
    log_is (
        &world,
        "fetch 2.root.json\nload timestamp.json\nfetch timestamp.json\nload snapshot.json\nload targets.json\n");
    world_deinit (&world);
}

Test (refresh, a_new_timestamp_alone_needs_no_other_file)
{
    struct world world;
    world_init (&world);
    cr_assert_eq (world_refresh (&world), 0);
    role_bump (&world, TRUST_TIMESTAMP);
    role_publish (&world, TRUST_TIMESTAMP);
    cr_assert_eq (world_refresh (&world), 0);
    cr_assert (world_did (&world, "store timestamp.json"));
    cr_assert (!world_did (&world, "fetch 1.snapshot.json"));
    world_deinit (&world);
}

Test (refresh, without_consistent_snapshots_files_have_plain_names)
{
    struct world world;
    world_init (&world);
    json_object_set_new (world.contents[TRUST_ROOT], "consistent_snapshot", json_false ());
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    log_is (&world, "fetch 2.root.json\nstore root.json\nfetch 3.root.json\n"
                    "load timestamp.json\nfetch timestamp.json\nstore timestamp.json\n"
                    "load snapshot.json\nfetch snapshot.json\nstore snapshot.json\n"
                    "load targets.json\nfetch targets.json\nstore targets.json\n");
    world_deinit (&world);
}

/*  Same version, other content: the stored one stays. */
Test (refresh, an_equal_timestamp_version_is_no_error_and_changes_nothing)
{
    struct world world;
    world_init (&world);
    cr_assert_eq (world_refresh (&world), 0);
    base_cleanup (base_free_p) char *before = strdup (file_find (world.stored, "timestamp.json")->data);
    content_set_version (
        json_object_get (json_object_get (world.contents[TRUST_TIMESTAMP], "meta"), "snapshot.json"), 100);
    char *file = file_sign (world.contents[TRUST_TIMESTAMP], world.signers[TRUST_TIMESTAMP]);
    remote_put (&world, "timestamp", 1, file);
    cr_assert_eq (world_refresh (&world), 0);
    cr_assert_str_eq (file_find (world.stored, "timestamp.json")->data, before);
    cr_assert (!world_did (&world, "fetch 100.snapshot.json"));
    free (file);
    world_deinit (&world);
}

/*  The stored one is expired; another with its version is not what replaces it. */
Test (refresh, an_equal_timestamp_version_does_not_renew_an_expired_one)
{
    struct world world;
    world_init (&world);
    json_object_set_new (world.contents[TRUST_TIMESTAMP], "expires", json_string ("2030-01-02T00:00:00Z"));
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    json_object_set_new (world.contents[TRUST_TIMESTAMP], "expires", json_string (LATER));
    world_publish (&world);
    world.now += 86400;
    cr_assert_eq (world_refresh (&world), TRUST_E_EXPIRED);
    role_bump (&world, TRUST_TIMESTAMP);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    world_deinit (&world);
}

Test (refresh, several_roots_are_stored_one_after_the_other)
{
    struct world world;
    world_init (&world);
    for (int i = 0; i < 3; i++) {
        role_bump (&world, TRUST_ROOT);
        world_publish (&world);
    }
    cr_assert_eq (world_refresh (&world), 0);
    cr_assert_eq (stored_version (&world, "root"), 4);
    cr_assert (world_did (&world, "fetch 5.root.json"));
    world_deinit (&world);
}

/*  Each key is replaced in a chain; the client comes from the first. */
Test (refresh, a_chain_of_root_keys_is_followed)
{
    struct world world;
    world_init (&world);
    for (unsigned i = 0; i < 4; i++) {
        unsigned last = i ? 30 + i : 1;
        root_set_role (&world, TRUST_ROOT, (unsigned[]){31 + i, 0}, 1);
        world.signers[TRUST_ROOT][1] = last;
        role_bump (&world, TRUST_ROOT);
        world_publish (&world);
    }
    cr_assert_eq (world_refresh (&world), 0, "%s", world.error.text);
    cr_assert_eq (stored_version (&world, "root"), 5);
    world_deinit (&world);
}

Test (refresh, intermediate_roots_may_be_expired_but_not_the_last)
{
    struct world world;
    world_init (&world);
    json_object_set_new (world.contents[TRUST_ROOT], "expires", json_string (BEFORE));
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), TRUST_E_EXPIRED);
    cr_assert_eq (stored_version (&world, "root"), 2);
    cr_assert_eq (stored_version (&world, "timestamp"), 0);
    json_object_set_new (world.contents[TRUST_ROOT], "expires", json_string (LATER));
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    world_deinit (&world);
}

Test (refresh, stored_metadata_is_dropped_before_a_root_is_stored_that_takes_a_key_away)
{
    for (int kind = TRUST_TIMESTAMP; kind <= TRUST_SNAPSHOT; kind++) {
        struct world world;
        world_init (&world);
        cr_assert_eq (world_refresh (&world), 0);
        root_set_role (&world, (enum trust_kind) kind, (unsigned[]){40, 0}, 1);
        role_bump (&world, TRUST_ROOT);
        world_advance (&world);
        cr_assert_eq (world_refresh (&world), 0);
        log_is (
            &world,
            "fetch 2.root.json\ndrop timestamp.json\ndrop snapshot.json\nstore root.json\nfetch 3.root.json\n"
            "fetch timestamp.json\nstore timestamp.json\n"
            "fetch 2.snapshot.json\nstore snapshot.json\n"
            "load targets.json\nfetch 2.targets.json\nstore targets.json\n");
        world_deinit (&world);
    }
}

Test (refresh, a_root_that_only_adds_a_key_drops_nothing)
{
    struct world world;
    world_init (&world);
    cr_assert_eq (world_refresh (&world), 0);
    root_set_role (&world, TRUST_TIMESTAMP, (unsigned[]){2, 40, 0}, 1);
    root_set_role (&world, TRUST_ROOT, (unsigned[]){41, 0}, 1);
    world.signers[TRUST_ROOT][1] = 1;
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    cr_assert (!world_did (&world, "drop timestamp.json"));
    cr_assert (world_did (&world, "load timestamp.json"));
    world_deinit (&world);
}

Test (refresh, a_later_root_does_not_bring_back_what_was_dropped)
{
    struct world world;
    world_init (&world);
    cr_assert_eq (world_refresh (&world), 0);
    root_set_role (&world, TRUST_TIMESTAMP, (unsigned[]){40, 0}, 1);
    for (int i = 0; i < 2; i++) {
        role_bump (&world, TRUST_ROOT);
        world_publish (&world);
    }
    cr_assert_eq (world_refresh (&world), 0);
    log_is (&world, "fetch 2.root.json\ndrop timestamp.json\ndrop snapshot.json\nstore root.json\n"
                    "fetch 3.root.json\nstore root.json\nfetch 4.root.json\n"
                    "fetch timestamp.json\nstore timestamp.json\n"
                    "fetch 1.snapshot.json\nstore snapshot.json\nload targets.json\n");
    world_deinit (&world);
}

/*  The last of two keys that left comes back: what it signed before stays dropped. */
Test (refresh, a_key_that_leaves_and_comes_back_still_drops)
{
    struct world world;
    world_init (&world);
    content_set_version (world.contents[TRUST_TIMESTAMP], 9000);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    root_set_role (&world, TRUST_TIMESTAMP, (unsigned[]){40, 0}, 1);
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    root_set_role (&world, TRUST_TIMESTAMP, (unsigned[]){2, 0}, 1);
    role_bump (&world, TRUST_ROOT);
    content_set_version (world.contents[TRUST_TIMESTAMP], 3);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0, "%s", world.error.text);
    cr_assert_eq (stored_version (&world, "timestamp"), 3);
    world_deinit (&world);
}

Test (refresh, damaged_stored_files_are_fetched_again)
{
    static const char *const names[] = {"timestamp.json", "snapshot.json", "targets.json"};
    static const char *const data[] = {"", "{", "{\"signed\":{},\"signatures\":[]}"};
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++) {
            struct world world;
            world_init (&world);
            cr_assert_eq (world_refresh (&world), 0);
            file_put (world.stored, names[i], data[j], strlen (data[j]));
            cr_assert_eq (world_refresh (&world), 0);
            cr_assert_eq (stored_version (&world, "timestamp"), 1);
            cr_assert_eq (stored_version (&world, "snapshot"), 1);
            cr_assert_eq (stored_version (&world, "targets"), 1);
            world_deinit (&world);
        }
}

Test (refresh, a_stored_snapshot_with_another_hash_is_fetched_again)
{
    struct world world;
    world_init (&world);
    world.hashes = true;
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    struct file *file = file_find (world.stored, "snapshot.json");
    base_cleanup (base_free_p) char *text = base_text_printf ("%s ", file->data);
    file_put (world.stored, "snapshot.json", text, strlen (text));
    cr_assert_eq (world_refresh (&world), 0);
    cr_assert (world_did (&world, "store snapshot.json"));
    world_deinit (&world);
}

Test (refresh, a_file_that_the_repository_lacks_is_named)
{
    static const char *const names[] = {"timestamp.json", "1.snapshot.json", "1.targets.json"};
    for (size_t i = 0; i < 3; i++) {
        struct world world;
        world_init (&world);
        file_remove (world.remote, names[i]);
        cr_assert_eq (world_refresh (&world), TRUST_E_UNAVAILABLE);
        cr_assert (strstr (world.error.text, names[i]), "%s", world.error.text);
        world_deinit (&world);
    }
}

/*  kill -9 or a full disk at each store: the next refresh succeeds from what is there. */
Test (refresh, every_store_may_fail_and_the_next_refresh_recovers)
{
    for (int fails = 1; fails <= 7; fails++) {
        struct world world;
        world_init (&world);
        cr_assert_eq (world_refresh (&world), 0);
        root_set_role (&world, TRUST_TIMESTAMP, (unsigned[]){40, 0}, 1);
        role_bump (&world, TRUST_ROOT);
        world_advance (&world);
        world.store_fails = fails;
        int r = world_refresh (&world);
        cr_assert_eq (r, fails <= 6 ? -ENOSPC : 0);
        cr_assert (fails > 6 || strstr (world.error.text, "no space left"));
        world.store_fails = 0;
        cr_assert_eq (world_refresh (&world), 0, "%s", world.error.text);
        cr_assert_eq (stored_version (&world, "root"), 2);
        cr_assert_eq (stored_version (&world, "timestamp"), 2);
        cr_assert_eq (stored_version (&world, "targets"), 2);
        world_deinit (&world);
    }
}

Test (refresh, no_answer_fails_the_refresh_with_its_reason)
{
    struct world world;
    struct trust_refresh refresh;
    struct trust_action action;
    world_init (&world);
    const struct file *root = file_find (world.stored, "root.json");
    cr_assert_eq (trust_client_init (&world.client, NULL, NOW, root->data, root->size, NULL), 0);
    trust_refresh_init (&refresh, &world.client);
    trust_refresh_failed (&refresh, -ETIMEDOUT, "the broker does not answer");
    trust_refresh_next (&refresh, &action);
    cr_assert_eq (action.kind, TRUST_FAILED);
    cr_assert_eq (refresh.code, -ETIMEDOUT);
    cr_assert_str_eq (refresh.error.text, "fetching 2.root.json: the broker does not answer");
    trust_refresh_deinit (&refresh);
    world_deinit (&world);
}

Test (refresh, the_size_to_fetch_is_the_signed_length_or_a_limit)
{
    struct world world;
    struct trust_refresh refresh;
    struct trust_action action;
    world_init (&world);
    world.hashes = true;
    world_publish (&world);
    const struct file *root = file_find (world.stored, "root.json"),
                      *file = file_find (world.remote, "timestamp.json");
    size_t length = file_find (world.remote, "1.snapshot.json")->size;
    cr_assert_eq (trust_client_init (&world.client, NULL, NOW, root->data, root->size, NULL), 0);
    trust_refresh_init (&refresh, &world.client);
    trust_refresh_next (&refresh, &action);
    cr_assert_eq (action.most, trust_limits_default.root);
    cr_assert_eq (action.version, 2);
    trust_refresh_absent (&refresh);
    trust_refresh_absent (&refresh);
    trust_refresh_next (&refresh, &action);
    cr_assert_eq (action.most, trust_limits_default.timestamp);
    trust_refresh_bytes (&refresh, file->data, file->size);
    trust_refresh_next (&refresh, &action);
    cr_assert_eq (action.kind, TRUST_STORE);
    cr_assert_eq (action.size, file->size);
    trust_refresh_done (&refresh);
    trust_refresh_absent (&refresh);
    trust_refresh_next (&refresh, &action);
    cr_assert_eq (action.kind, TRUST_FETCH);
    cr_assert_eq (action.most, length);
    trust_refresh_deinit (&refresh);
    world_deinit (&world);
}

Test (refresh, each_state_has_a_name)
{
    for (int state = 0; state < TRUST_REFRESH_STATES; state++)
        cr_assert (*trust_refresh_state_name ((enum trust_refresh_state) state));
}
