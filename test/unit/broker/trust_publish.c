/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/trust_publish.c - what a broker publishes, and what it refuses */

#include "test/unit/broker/trust_fixture.h"

static void fleet (struct world *world, struct node *node)
{
    world_begin (world);
    node_init (node, world);
}

static void end (struct world *world, struct node *node)
{
    node_deinit (node);
    world_deinit (world);
}

Test (trust_publish, a_directory_that_nobody_used_stays_empty)
{
    struct world world;
    const struct broker_trust_cached *file;
    world_init (&world);
    cr_assert_not (world.trust.state.published);
    cr_assert_eq (fault_count (&world), 0);
    cr_assert_eq (broker_trust_renew (&world.trust, NOW, &world.error), 0);
    cr_assert_eq (broker_trust_read (&world.trust, "root", 0, &file, NULL), -ENOENT);
    cr_assert_eq (broker_trust_read (&world.trust, "timestamp", 0, &file, NULL), -ENOENT);
    cr_assert_neq (access (file_path (&world, ".", (char[256]){0}), F_OK), 0, "a directory was made");
    world_deinit (&world);
}

Test (trust_publish, nodes_find_what_was_published_also_after_a_restart)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    expect_found (&node, &world, "noded", 1, NOW);
    cr_assert_eq (node_find (&node, &world, "noded", 2, NOW), TRUST_E_NO_TARGET);
    world_release (&world, 2, NOW + 100);
    expect_found (&node, &world, "noded", 2, NOW + 100);
    world_reopen (&world);
    cr_assert_eq (fault_count (&world), 0);
    expect_found (&node, &world, "noded", 1, NOW + 100);
    expect_found (&node, &world, "noded", 2, NOW + 100);
    end (&world, &node);
}

Test (trust_publish, only_listed_releases_are_offered)
{
    struct world world;
    struct node node;
    struct base_digest one = release_of (1), two = release_of (2);
    fleet (&world, &node);
    cr_assert (broker_trust_lists (&world.trust, "noded", &one));
    cr_assert_not (broker_trust_lists (&world.trust, "noded", &two));
    cr_assert_not (broker_trust_lists (&world.trust, "web", &one));
    end (&world, &node);
}

Test (trust_publish, nothing_is_published_before_a_root)
{
    struct world world;
    world_init (&world);
    struct trust_draft targets = targets_next (&world.targets, 1, NOW);
    cr_assert_eq (PUBLISH (&world, NOW, {"targets", &targets}), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "publish the root first"), "%s", world.error.text);
    cr_assert_not (file_exists (&world, "."));
    trust_draft_deinit (&targets);
    world_deinit (&world);
}

Test (trust_publish, a_root_without_the_brokers_keys_is_refused)
{
    struct world world, other;
    struct trust_draft root;
    world_init (&world);
    world_init (&other);
    cr_assert_eq (broker_trust_make_keys (&other.trust, NULL), 0);
    root = root_first (&other, NOW + YEAR);
    cr_assert_eq (publish_root (&world, &root, NOW), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "lists no key of this broker"), "%s", world.error.text);
    cr_assert_not (file_exists (&world, "1.root.json"));
    trust_draft_deinit (&root);
    world_deinit (&world);
    world_deinit (&other);
}

Test (trust_publish, a_forged_set_is_refused_with_a_sentence_and_changes_nothing)
{
    struct world world;
    struct node node;
    struct base_buffer before = {0};
    fleet (&world, &node);
    cr_assert_eq (
        base_buffer_append (&before, world.trust.state.timestamp.data, world.trust.state.timestamp.size), 0);
    struct trust_draft next = {.json = NULL};
    cr_assert_eq (trust_draft_targets_next (&world.targets, NOW + 1, NOW + YEAR, &next, NULL), 0);
    list_release (&next, "noded", 66);
    sign (&next, KEY_ALICE);
    cr_assert_eq (PUBLISH (&world, NOW + 1, {"targets", &next}), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "version 1800000001 of targets"), "%s", world.error.text);
    cr_assert_not (file_exists (&world, "1800000001.targets.json"));
    cr_assert_eq (world.trust.state.timestamp.size, before.size);
    cr_assert_eq (memcmp (world.trust.state.timestamp.data, before.data, before.size), 0);
    cr_assert_eq (node_find (&node, &world, "noded", 66, NOW + 1), TRUST_E_NO_TARGET);
    trust_draft_deinit (&next);
    base_buffer_deinit (&before);
    end (&world, &node);
}

Test (trust_publish, a_version_that_is_not_higher_is_refused)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    world_release (&world, 2, NOW + 100);
    struct trust_draft none = {.json = NULL}, older = targets_next (&none, 3, NOW + 50),
                       other = targets_next (&none, 3, NOW + 100);
    cr_assert_eq (PUBLISH (&world, NOW + 101, {"targets", &older}), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "is older than"), "%s", world.error.text);
    cr_assert_eq (PUBLISH (&world, NOW + 101, {"targets", &other}), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "differs from the published"), "%s", world.error.text);
    expect_found (&node, &world, "noded", 2, NOW + 101);
    trust_draft_deinit (&older);
    trust_draft_deinit (&other);
    end (&world, &node);
}

Test (trust_publish, expired_targets_are_refused)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    struct trust_draft next = targets_next (&world.targets, 2, NOW + 100);
    cr_assert_eq (PUBLISH (&world, NOW + 2 * YEAR, {"targets", &next}), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "expired"), "%s", world.error.text);
    trust_draft_deinit (&next);
    end (&world, &node);
}

Test (trust_publish, the_same_set_twice_is_published_once)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    uint64_t version = broker_trust_version (&world.trust, "timestamp");
    cr_assert_eq (PUBLISH (&world, NOW + 100, {"targets", &world.targets}), 0);
    cr_assert_eq (broker_trust_version (&world.trust, "timestamp"), version);
    cr_assert_eq (world.trust.state.log.count, 1);
    end (&world, &node);
}

Test (trust_publish, a_set_names_each_role_once_and_only_roles_that_are_published_so)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    struct trust_draft next = targets_next (&world.targets, 2, NOW + 100);
    cr_assert_eq (PUBLISH (&world, NOW + 100, {"targets", &next}, {"targets", &next}), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "two files of the role targets"), "%s", world.error.text);
    cr_assert_eq (PUBLISH (&world, NOW + 100, {"snapshot", &next}), BROKER_E_REFUSED);
    cr_assert_eq (PUBLISH (&world, NOW + 100, {"root", &world.root}), BROKER_E_REFUSED);
    cr_assert_eq (PUBLISH (&world, NOW + 100, {"targets", &world.root}), BROKER_E_REFUSED);
    cr_assert_eq (PUBLISH (&world, NOW + 100, {"nobody", &next}), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "nobody"), "%s", world.error.text);
    trust_draft_deinit (&next);
    end (&world, &node);
}

static int only_two_fits (void *context, const struct broker_trust_entry *entry, struct base_error *error)
{
    struct base_digest two = release_of (2);
    (void) context;
    cr_assert_str_eq (entry->role, "targets");
    cr_assert_eq (entry->length, 100 + entry->custom.counter);
    return base_digest_equal (&entry->release, &two)
               ? 0
               : base_error_set (error, BROKER_E_REFUSED, "publish the release first");
}

Test (trust_publish, metadata_of_a_release_that_is_not_here_is_refused)
{
    struct world world;
    struct node node;
    fleet (&world, &node); /* release 1 is listed, and need not be known again */
    struct trust_draft two = targets_next (&world.targets, 2, NOW + 100);
    struct trust_draft three = targets_next (&two, 3, NOW + 200);
    cr_assert_eq (
        publish_fitting (&world, (const struct member[]){{"targets", &two}}, 1, NOW + 100, only_two_fits), 0,
        "%s", world.error.text);
    cr_assert_eq (
        publish_fitting (&world, (const struct member[]){{"targets", &three}}, 1, NOW + 200, only_two_fits),
        BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "publish the release first"), "%s", world.error.text);
    trust_draft_deinit (&two);
    trust_draft_deinit (&three);
    end (&world, &node);
}

/*  Publishers. */

static void delegate (struct trust_draft *targets, const char *role, const char *pattern, uint8_t key)
{
    json_t *public = public_of (key);
    struct base_error error = {.text = ""};
    int r = trust_draft_targets_delegate (
        targets, &(struct trust_publisher){role, {&public, 1, 1}, (const char *const[]){pattern}, 1, false},
        &error);
    cr_assert_eq (r, 0, "%s", error.text);
    json_decref (public);
}

/*  A file of a publisher. */
static struct trust_draft file_of (const char *application, uint8_t number, uint8_t key, uint64_t now)
{
    struct trust_draft draft = {.json = NULL};
    cr_assert_eq (trust_draft_targets_new (now, now + YEAR, &draft, NULL), 0);
    list_release (&draft, application, number);
    sign (&draft, key);
    return draft;
}

/*  Targets that delegate web to alice. */
static struct trust_draft delegating (struct world *world, uint8_t key, uint64_t now)
{
    struct trust_draft next = {.json = NULL};
    cr_assert_eq (trust_draft_targets_next (&world->targets, now, now + YEAR, &next, NULL), 0);
    delegate (&next, "alice", "web", key);
    sign (&next, KEY_TARGETS);
    return next;
}

Test (trust_publish, a_publishers_release_is_found_by_its_delegation)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    struct trust_draft targets = delegating (&world, KEY_ALICE, NOW + 10);
    struct trust_draft alice = file_of ("web", 7, KEY_ALICE, NOW + 10);
    struct base_digest seven = release_of (7);
    cr_assert_eq (PUBLISH (&world, NOW + 10, {"alice", &alice}, {"targets", &targets}), 0, "%s",
                  world.error.text);
    expect_found (&node, &world, "web", 7, NOW + 10);
    cr_assert_str_eq (node.role, "alice");
    cr_assert (broker_trust_lists (&world.trust, "web", &seven));
    world_reopen (&world);
    cr_assert_eq (fault_count (&world), 0);
    expect_found (&node, &world, "web", 7, NOW + 10);
    expect_found (&node, &world, "noded", 1, NOW + 10);
    trust_draft_deinit (&targets);
    trust_draft_deinit (&alice);
    end (&world, &node);
}

Test (trust_publish, a_publisher_is_delegated_first_and_publishes_later)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    struct trust_draft targets = delegating (&world, KEY_ALICE, NOW + 10);
    struct trust_draft alice = file_of ("web", 7, KEY_ALICE, NOW + 20);
    cr_assert_eq (PUBLISH (&world, NOW + 20, {"alice", &alice}), BROKER_E_REFUSED,
                  "nobody delegates to alice yet");
    cr_assert_eq (PUBLISH (&world, NOW + 10, {"targets", &targets}), 0, "%s", world.error.text);
    expect_found (&node, &world, "noded", 1, NOW + 10);
    cr_assert_eq (PUBLISH (&world, NOW + 20, {"alice", &alice}), 0, "%s", world.error.text);
    expect_found (&node, &world, "web", 7, NOW + 20);
    trust_draft_deinit (&targets);
    trust_draft_deinit (&alice);
    end (&world, &node);
}

Test (trust_publish, a_publisher_cannot_release_for_others)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    struct trust_draft targets = delegating (&world, KEY_ALICE, NOW + 10);
    struct trust_draft web = file_of ("web", 7, KEY_BOB, NOW + 20),
                       noded = file_of ("noded", 9, KEY_ALICE, NOW + 20);
    cr_assert_eq (PUBLISH (&world, NOW + 10, {"targets", &targets}), 0);
    cr_assert_eq (PUBLISH (&world, NOW + 20, {"alice", &web}), BROKER_E_REFUSED, "signed by another key");
    cr_assert_eq (PUBLISH (&world, NOW + 20, {"alice", &noded}), BROKER_E_REFUSED, "not her application");
    cr_assert (strstr (world.error.text, "do not trust the role for it"), "%s", world.error.text);
    cr_assert_eq (world.trust.state.log.count, 1);
    trust_draft_deinit (&targets);
    trust_draft_deinit (&web);
    trust_draft_deinit (&noded);
    end (&world, &node);
}

Test (trust_publish, a_publishers_file_that_is_expired_is_refused_and_does_not_stop_others)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    struct trust_draft targets = delegating (&world, KEY_ALICE, NOW + 10), short_lived = {.json = NULL};
    cr_assert_eq (trust_draft_targets_new (NOW + 10, NOW + 20, &short_lived, NULL), 0);
    list_release (&short_lived, "web", 7);
    sign (&short_lived, KEY_ALICE);
    cr_assert_eq (PUBLISH (&world, NOW + 10, {"targets", &targets}), 0);
    cr_assert_eq (PUBLISH (&world, NOW + 30, {"alice", &short_lived}), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "alice expired"), "%s", world.error.text);
    cr_assert_eq (PUBLISH (&world, NOW + 10, {"alice", &short_lived}), 0, "%s", world.error.text);
    struct trust_draft next = targets_next (&targets, 2, NOW + 40);
    cr_assert_eq (PUBLISH (&world, NOW + 40, {"targets", &next}), 0, "%s", world.error.text);
    expect_found (&node, &world, "noded", 2, NOW + 40);
    trust_draft_deinit (&targets);
    trust_draft_deinit (&short_lived);
    trust_draft_deinit (&next);
    end (&world, &node);
}

Test (trust_publish, targets_that_lock_a_published_role_out_are_refused)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    struct trust_draft targets = delegating (&world, KEY_ALICE, NOW + 10);
    struct trust_draft alice = file_of ("web", 7, KEY_ALICE, NOW + 10);
    cr_assert_eq (PUBLISH (&world, NOW + 10, {"alice", &alice}, {"targets", &targets}), 0);
    draft_replace (&world.targets, &targets);
    targets = delegating (&world, KEY_BOB, NOW + 30);
    cr_assert_eq (PUBLISH (&world, NOW + 30, {"targets", &targets}), BROKER_E_REFUSED);
    cr_assert (strstr (world.error.text, "publish a new file of the role alice in the same set"), "%s",
               world.error.text);
    struct trust_draft again = file_of ("web", 8, KEY_BOB, NOW + 30);
    cr_assert_eq (PUBLISH (&world, NOW + 30, {"targets", &targets}, {"alice", &again}), 0, "%s",
                  world.error.text);
    expect_found (&node, &world, "web", 8, NOW + 30);
    trust_draft_deinit (&targets);
    trust_draft_deinit (&alice);
    trust_draft_deinit (&again);
    end (&world, &node);
}

Test (trust_publish, more_publishers_than_a_client_keeps_loaded)
{
    enum { MANY = TRUST_LOADED_MOST + 6 };
    struct world world;
    struct node node;
    char role[8], application[8];
    fleet (&world, &node);
    struct trust_draft targets = {.json = NULL};
    cr_assert_eq (trust_draft_targets_next (&world.targets, NOW + 1, NOW + YEAR, &targets, NULL), 0);
    for (unsigned i = 0; i < MANY; i++) {
        (void) snprintf (role, sizeof role, "p%u", i);
        (void) snprintf (application, sizeof application, "a%u", i);
        delegate (&targets, role, application, (uint8_t) (100 + i));
    }
    sign (&targets, KEY_TARGETS);
    cr_assert_eq (PUBLISH (&world, NOW + 1, {"targets", &targets}), 0, "%s", world.error.text);
    for (unsigned i = 0; i < MANY; i++) {
        (void) snprintf (role, sizeof role, "p%u", i);
        (void) snprintf (application, sizeof application, "a%u", i);
        struct trust_draft file = file_of (application, (uint8_t) (1 + i), (uint8_t) (100 + i), NOW + 2 + i);
        cr_assert_eq (PUBLISH (&world, NOW + 2 + i, {role, &file}), 0, "%s: %s", role, world.error.text);
        trust_draft_deinit (&file);
    }
    world_reopen (&world);
    cr_assert_eq (fault_count (&world), 0);
    for (unsigned i = 0; i < MANY; i += 23) {
        struct base_digest release = release_of ((uint8_t) (1 + i));
        (void) snprintf (application, sizeof application, "a%u", i);
        expect_found (&node, &world, application, (uint8_t) (1 + i), NOW + 100);
        cr_assert (broker_trust_lists (&world.trust, application, &release));
    }
    trust_draft_deinit (&targets);
    end (&world, &node);
}

Test (trust_publish, a_delegated_role_delegates_further)
{
    struct world world;
    struct node node;
    struct trust_draft alice = {.json = NULL};
    fleet (&world, &node);
    struct trust_draft targets = delegating (&world, KEY_ALICE, NOW + 10);
    struct trust_draft bob = file_of ("web", 7, KEY_BOB, NOW + 10);
    cr_assert_eq (trust_draft_targets_new (NOW + 10, NOW + YEAR, &alice, NULL), 0);
    delegate (&alice, "bob", "web", KEY_BOB);
    sign (&alice, KEY_ALICE);
    cr_assert_eq (PUBLISH (&world, NOW + 10, {"bob", &bob}, {"alice", &alice}, {"targets", &targets}), 0,
                  "%s", world.error.text);
    expect_found (&node, &world, "web", 7, NOW + 10);
    cr_assert_str_eq (node.role, "bob");
    world_reopen (&world);
    cr_assert_eq (fault_count (&world), 0);
    /* alice alone, with another key for bob: bob would be locked out */
    trust_draft_deinit (&alice);
    cr_assert_eq (trust_draft_targets_new (NOW + 20, NOW + YEAR, &alice, NULL), 0);
    delegate (&alice, "bob", "web", KEY_ROOT);
    sign (&alice, KEY_ALICE);
    cr_assert_eq (PUBLISH (&world, NOW + 20, {"alice", &alice}), BROKER_E_REFUSED);
    trust_draft_deinit (&alice);
    trust_draft_deinit (&bob);
    trust_draft_deinit (&targets);
    end (&world, &node);
}

/*  Renewal. */

Test (trust_publish, snapshot_and_timestamp_are_renewed_daily)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    uint64_t first = broker_trust_version (&world.trust, "timestamp");
    for (uint64_t hour = 0; hour <= 23; hour++)
        cr_assert_eq (broker_trust_renew (&world.trust, NOW + hour * 3600, &world.error), 0);
    cr_assert_eq (broker_trust_version (&world.trust, "timestamp"), first);
    for (uint64_t day = 1; day <= 20; day++) {
        uint64_t now = NOW + day * DAY + 3600;
        cr_assert_eq (broker_trust_renew (&world.trust, now, &world.error), 0, "%s", world.error.text);
        cr_assert_eq (broker_trust_version (&world.trust, "timestamp"), now);
        cr_assert_eq (broker_trust_version (&world.trust, "snapshot"), now);
        expect_found (&node, &world, "noded", 1, now + 6 * DAY);
    }
    cr_assert_eq (node_refresh (&node, &world, NOW + 20 * DAY + 3600 + 7 * DAY), TRUST_E_EXPIRED);
    end (&world, &node);
}

Test (trust_publish, a_clock_that_goes_back_takes_no_version_back)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    cr_assert_eq (broker_trust_renew (&world.trust, NOW + 400 * DAY, &world.error), 0);
    expect_found (&node, &world, "noded", 1, NOW + 1);
    /* set right again: not a validity of 400 days */
    cr_assert_eq (broker_trust_renew (&world.trust, NOW + 100, &world.error), 0);
    cr_assert_eq (broker_trust_version (&world.trust, "timestamp"), NOW + 400 * DAY + 1);
    expect_found (&node, &world, "noded", 1, NOW + 100);
    cr_assert_eq (node_refresh (&node, &world, NOW + 8 * DAY), TRUST_E_EXPIRED);
    world_release (&world, 2, NOW + 200);
    expect_found (&node, &world, "noded", 2, NOW + 200);
    end (&world, &node);
}

Test (trust_publish, renewal_goes_on_while_targets_are_expired)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    uint64_t later = NOW + YEAR + DAY;
    cr_assert_eq (broker_trust_renew (&world.trust, later, &world.error), 0, "%s", world.error.text);
    cr_assert_eq (node_refresh (&node, &world, later), TRUST_E_EXPIRED);
    world_release (&world, 2, later + 10);
    expect_found (&node, &world, "noded", 2, later + 10);
    end (&world, &node);
}

/*  Roots. */

static void root_next (struct world *world, uint64_t expires, struct trust_draft *ret_root)
{
    cr_assert_eq (trust_draft_root_next (&world->root, expires, ret_root, NULL), 0);
}

Test (trust_publish, the_online_keys_are_replaced_without_a_gap)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    struct trust_draft next = {.json = NULL};
    expect_found (&node, &world, "noded", 1, NOW);
    cr_assert_eq (broker_trust_make_keys (&world.trust, NULL), 0);
    cr_assert_eq (broker_trust_renew (&world.trust, NOW + 2 * DAY, &world.error), 0,
                  "old keys sign until then");
    expect_found (&node, &world, "noded", 1, NOW + 2 * DAY);
    root_next (&world, NOW + 5 * YEAR, &next);
    json_t *timestamp = online_of (&world, TRUST_TIMESTAMP), *snapshot = online_of (&world, TRUST_SNAPSHOT);
    cr_assert_eq (trust_draft_root_rotate_online (&next, &(struct trust_draft_keys){&timestamp, 1, 1},
                                                  &(struct trust_draft_keys){&snapshot, 1, 1}, NULL),
                  0);
    sign (&next, KEY_ROOT);
    cr_assert_eq (publish_root (&world, &next, NOW + 2 * DAY + 1), 0, "%s", world.error.text);
    cr_assert_str_empty (world.trust.renewal);
    expect_found (&node, &world, "noded", 1, NOW + 2 * DAY + 1);
    world_reopen (&world);
    cr_assert_eq (fault_count (&world), 0);
    expect_found (&node, &world, "noded", 1, NOW + 2 * DAY + 1);
    json_decref (timestamp);
    json_decref (snapshot);
    trust_draft_deinit (&next);
    end (&world, &node);
}

Test (trust_publish, a_fast_forward_is_undone_by_replacing_the_online_keys)
{
    struct world world;
    struct node node;
    struct trust_draft next = {.json = NULL};
    fleet (&world, &node);
    /* whoever has the host signs versions far ahead, and nodes take them */
    cr_assert_eq (broker_trust_renew (&world.trust, NOW + 4 * YEAR, &world.error), 0, "%s", world.error.text);
    cr_assert_eq (node_refresh (&node, &world, NOW), 0);
    cr_assert_gt (broker_trust_version (&world.trust, "timestamp"), NOW + 3 * YEAR);
    cr_assert_eq (broker_trust_make_keys (&world.trust, NULL), 0);
    root_next (&world, NOW + 5 * YEAR, &next);
    json_t *timestamp = online_of (&world, TRUST_TIMESTAMP), *snapshot = online_of (&world, TRUST_SNAPSHOT);
    cr_assert_eq (trust_draft_root_rotate_online (&next, &(struct trust_draft_keys){&timestamp, 1, 1},
                                                  &(struct trust_draft_keys){&snapshot, 1, 1}, NULL),
                  0);
    sign (&next, KEY_ROOT);
    cr_assert_eq (publish_root (&world, &next, NOW + 50), 0, "%s", world.error.text);
    cr_assert_eq (broker_trust_version (&world.trust, "timestamp"), NOW + 50);
    expect_found (&node, &world, "noded", 1, NOW + 50);
    json_decref (timestamp);
    json_decref (snapshot);
    trust_draft_deinit (&next);
    end (&world, &node);
}

Test (trust_publish, a_root_must_follow_the_last_and_be_signed_by_it)
{
    struct world world;
    struct node node;
    fleet (&world, &node);
    struct trust_draft next = {.json = NULL}, after = {.json = NULL}, expired = {.json = NULL};
    root_next (&world, NOW + 5 * YEAR, &next);
    cr_assert_eq (publish_root (&world, &next, NOW), BROKER_E_REFUSED, "unsigned");
    sign (&next, KEY_ALICE);
    cr_assert_eq (publish_root (&world, &next, NOW), BROKER_E_REFUSED, "signed by a stranger");
    sign (&next, KEY_ROOT);
    cr_assert_eq (trust_draft_root_next (&next, NOW + 5 * YEAR, &after, NULL), 0);
    sign (&after, KEY_ROOT);
    cr_assert_eq (publish_root (&world, &after, NOW), BROKER_E_REFUSED, "a gap");
    root_next (&world, NOW + 10, &expired);
    sign (&expired, KEY_ROOT);
    cr_assert_eq (publish_root (&world, &expired, NOW + 20), BROKER_E_REFUSED, "expired");
    cr_assert_eq (publish_root (&world, &next, NOW), 0, "%s", world.error.text);
    cr_assert_eq (publish_root (&world, &next, NOW), 0, "the same again");
    cr_assert_eq (publish_root (&world, &expired, NOW), BROKER_E_REFUSED, "another version 2");
    cr_assert (strstr (world.error.text, "another root with version 2"), "%s", world.error.text);
    cr_assert_eq (publish_root (&world, &after, NOW), 0, "%s", world.error.text);
    cr_assert_eq (broker_trust_version (&world.trust, "root"), 3);
    expect_found (&node, &world, "noded", 1, NOW);
    trust_draft_deinit (&next);
    trust_draft_deinit (&after);
    trust_draft_deinit (&expired);
    end (&world, &node);
}

/*  The log. */

static struct trust_log_head head_of (const struct world *world)
{
    base_cleanup (trust_document_deinit) struct trust_document document = {.json = NULL};
    struct trust_log_head head;
    cr_assert_eq (trust_document_parse (world->trust.state.timestamp.data, world->trust.state.timestamp.size,
                                        TRUST_DOCUMENT_MOST, &document, NULL),
                  0);
    cr_assert_eq (trust_log_head_read (document.content, &head, NULL), 0);
    return head;
}

Test (trust_publish, every_release_is_an_entry_of_the_log_and_its_head_is_signed)
{
    struct world world;
    struct node node;
    struct trust_log_head heads[4];
    fleet (&world, &node);
    for (uint8_t i = 0; i < 4; i++) {
        heads[i] = head_of (&world);
        cr_assert_eq (heads[i].size, i + 1u);
        world_release (&world, (uint8_t) (2 + i), NOW + 10u * (i + 1));
    }
    cr_assert_eq (broker_trust_renew (&world.trust, NOW + 3 * DAY, NULL), 0);
    struct trust_log_head last = head_of (&world);
    cr_assert_eq (last.size, 5);
    for (uint8_t i = 0; i < 4; i++) {
        struct trust_merkle_proof proof;
        trust_merkle_prove_consistency (world.trust.state.log.leaves, last.size, heads[i].size, &proof);
        cr_assert_eq (trust_merkle_check_consistency (heads[i].size, &heads[i].root, last.size, &last.root,
                                                      &proof, NULL),
                      0);
    }
    world_reopen (&world);
    struct trust_log_head again = broker_trust_log_head (&world.trust.state.log);
    cr_assert (trust_log_head_equal (&again, &last));
    end (&world, &node);
}
