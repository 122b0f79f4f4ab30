/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/repository.c - a repository over its life, and the nodes that follow it */

#include "test/unit/trust/repository_fixture.h"

Test (repository, a_node_follows_the_first_publication)
{
    struct fleet fleet;
    struct node node;
    char role[TRUST_NAME_TEXT];
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 1, "noded", 1, role), 0, "%s", node.error.text);
    cr_assert_str_eq (role, "targets");
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 1, "noded", 2, NULL), TRUST_E_NO_TARGET);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 1, "web", 1, NULL), TRUST_E_NO_TARGET);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, versions_are_the_clock_and_never_stand_still)
{
    struct fleet fleet;
    fleet_init (&fleet, 1, 1);
    cr_assert_eq (trust_repository_find (&fleet.repository, "root")->version, 1);
    cr_assert_eq (trust_repository_find (&fleet.repository, "targets")->version, NOW);
    cr_assert_eq (trust_repository_find (&fleet.repository, "snapshot")->version, NOW);
    cr_assert_eq (trust_repository_find (&fleet.repository, "timestamp")->version, NOW);
    for (unsigned i = 1; i < 4; i++) { /* a clock that stands, and one that went back */
        cr_assert_eq (publish (&fleet.repository, NULL, 0, NOW - i + 1), 0);
        cr_assert_eq (trust_repository_find (&fleet.repository, "timestamp")->version, NOW + i);
    }
    cr_assert_eq (publish (&fleet.repository, NULL, 0, NOW + DAY), 0);
    cr_assert_eq (trust_repository_find (&fleet.repository, "timestamp")->version, NOW + DAY);
    fleet_deinit (&fleet);
}

Test (repository, a_repository_restored_from_a_backup_is_ahead_of_its_nodes)
{
    struct fleet fleet, backup;
    struct node node;
    fleet_init (&fleet, 1, 1);
    fleet_init (&backup, 1, 1);
    node_init (&node, &fleet.repository);
    for (unsigned i = 1; i < 20; i++)
        cr_assert_eq (publish (&fleet.repository, NULL, 0, NOW + i), 0);
    cr_assert_eq (node_refresh (&node, &fleet.repository, NOW + 20), 0);
    cr_assert_neq (node_refresh (&node, &backup.repository, NOW + 20), 0); /* as it was saved */
    cr_assert_eq (publish (&backup.repository, NULL, 0, NOW + 60), 0);
    cr_assert_eq (node_refresh (&node, &backup.repository, NOW + 60), 0, "%s", node.error.text);
    node_deinit (&node);
    fleet_deinit (&fleet);
    fleet_deinit (&backup);
}

Test (repository, a_renewal_changes_times_and_versions_only)
{
    struct fleet fleet;
    struct node node;
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    cr_assert_eq (node_refresh (&node, &fleet.repository, NOW + DAY - 1), 0);
    cr_assert_eq (node_refresh (&node, &fleet.repository, NOW + DAY), TRUST_E_EXPIRED);
    cr_assert_str_eq (trust_repository_expires (&fleet.repository)->role, "timestamp");
    cr_assert_eq (publish (&fleet.repository, NULL, 0, NOW + DAY), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 2 * DAY - 1, "noded", 1, NULL), 0);
    cr_assert_eq (trust_repository_find (&fleet.repository, "timestamp")->expires, NOW + 2 * DAY);
    cr_assert_eq (trust_repository_find (&fleet.repository, "snapshot")->expires, NOW + 8 * DAY);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, expired_offline_metadata_does_not_stop_renewals_and_is_named)
{
    struct fleet fleet;
    struct node node;
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    cr_assert_eq (publish (&fleet.repository, NULL, 0, NOW + YEAR), 0);
    cr_assert_eq (node_refresh (&node, &fleet.repository, NOW + YEAR), TRUST_E_EXPIRED);
    cr_assert (strstr (node.error.text, "of targets expired"), "%s", node.error.text);
    cr_assert_str_eq (trust_repository_expires (&fleet.repository)->role, "targets");
    targets_next (&fleet.targets, NOW + YEAR);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + YEAR, {"targets", &fleet.targets}), 0);
    cr_assert_eq (node_refresh (&node, &fleet.repository, NOW + YEAR), 0);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, releases_are_added_and_removed)
{
    struct fleet fleet;
    struct node node;
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    targets_next (&fleet.targets, NOW + 10);
    cr_assert_eq (release_add (&fleet.targets, "noded", 2), 0);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 10, "noded", 1, NULL), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 10, "noded", 2, NULL), 0);
    targets_next (&fleet.targets, NOW + 20);
    struct base_digest first = digest_of (1);
    cr_assert_eq (trust_draft_targets_remove (&fleet.targets, "noded", &first, NULL), 0);
    cr_assert_eq (trust_draft_targets_remove (&fleet.targets, "noded", &first, NULL), TRUST_E_NO_TARGET);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 20, {"targets", &fleet.targets}), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 20, "noded", 1, NULL), TRUST_E_NO_TARGET);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 20, "noded", 2, NULL), 0);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, what_nodes_would_refuse_is_not_published_and_changes_nothing)
{
    struct fleet fleet;
    struct node node;
    struct base_error error = {0};
    fleet_init (&fleet, 3, 2);
    node_init (&node, &fleet.repository);
    struct base_buffer before = {0};
    cr_assert_eq (base_buffer_append (&before, served (&fleet.repository, "timestamp.json")->data,
                                      served (&fleet.repository, "timestamp.json")->size),
                  0);

    targets_next (&fleet.targets, NOW + 10);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}), TRUST_E_THRESHOLD);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}), TRUST_E_THRESHOLD);
    draft_sign (&fleet.targets, KEY_ROOT, 2); /* not keys of targets */
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}), TRUST_E_THRESHOLD);
    draft_sign (&fleet.targets, KEY_TARGETS + 2, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10 + YEAR, {"targets", &fleet.targets}), TRUST_E_EXPIRED);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"alice", &fleet.targets}), TRUST_E_UNKNOWN_ROLE);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"root", &fleet.targets}), TRUST_E_FORMAT);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"timestamp", &fleet.targets}), TRUST_E_FORMAT);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.root}), TRUST_E_FORMAT);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"root", &fleet.root}), TRUST_E_VERSION);
    static const char *const online[] = {"snapshot", "timestamp"};
    for (size_t i = 0; i < 2; i++) { /* made here, and not taken from anybody */
        const struct trust_repository_file *file = trust_repository_find (&fleet.repository, online[i]);
        struct trust_draft draft = {0};
        cr_assert_eq (trust_draft_read (file->bytes.data, file->bytes.size, &draft, NULL), 0);
        cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {online[i], &draft}), TRUST_E_FORMAT);
        trust_draft_deinit (&draft);
    }
    /*  Online keys that root does not name. */
    cr_assert_eq (publish_with (&fleet.repository, NULL, 0, NOW + 10, KEY_BOB, KEY_TIMESTAMP, NULL, &error),
                  TRUST_E_THRESHOLD);
    cr_assert (strstr (error.text, "of snapshot"), "%s", error.text);
    cr_assert_eq (publish_with (&fleet.repository, NULL, 0, NOW + 10, KEY_SNAPSHOT, KEY_BOB, NULL, &error),
                  TRUST_E_THRESHOLD);
    cr_assert (strstr (error.text, "of timestamp"), "%s", error.text);

    const struct base_buffer *after = served (&fleet.repository, "timestamp.json");
    cr_assert_eq (after->size, before.size);
    cr_assert_eq (memcmp (after->data, before.data, before.size), 0);
    cr_assert_eq (node_refresh (&node, &fleet.repository, NOW + 10), 0);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}), 0);
    cr_assert_eq (node_refresh (&node, &fleet.repository, NOW + 10), 0);
    base_buffer_deinit (&before);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, older_targets_and_another_file_of_one_version_are_refused)
{
    struct fleet fleet;
    fleet_init (&fleet, 1, 1);
    struct trust_draft other = {0};
    cr_assert_eq (trust_draft_targets_new (NOW - 5, NOW + YEAR, &other, NULL), 0);
    draft_sign (&other, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &other}), TRUST_E_VERSION);
    trust_draft_deinit (&other);
    cr_assert_eq (trust_draft_targets_new (NOW, NOW + YEAR, &other, NULL), 0);
    draft_sign (&other, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &other}), TRUST_E_VERSION);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}), 0); /* the same again */
    trust_draft_deinit (&other);
    fleet_deinit (&fleet);
}

Test (repository, a_publisher_signs_for_its_applications_only)
{
    struct fleet fleet;
    struct node node;
    struct trust_draft alice = {0};
    char role[TRUST_NAME_TEXT];
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    targets_next (&fleet.targets, NOW + 10);
    cr_assert_eq (publisher_add (&fleet.targets, "alice", "web-*", KEY_ALICE, 2, 2), 0);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}),
                  0); /* nothing of alice yet */
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 10, "noded", 1, NULL), 0);

    cr_assert_eq (trust_draft_targets_new (NOW + 20, NOW + YEAR, &alice, NULL), 0);
    cr_assert_eq (release_add (&alice, "web-shop", 7), 0);
    draft_sign (&alice, KEY_ALICE, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 20, {"alice", &alice}), TRUST_E_THRESHOLD);
    draft_sign (&alice, KEY_ALICE, 2);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 20, {"alice", &alice}), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 20, "web-shop", 7, role), 0, "%s",
                  node.error.text);
    cr_assert_str_eq (role, "alice");
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 20, "noded", 1, role), 0);
    cr_assert_str_eq (role, "targets");

    static const char *const forbidden[] = {"noded", "web", "xweb-shop", "Web-shop"};
    for (size_t i = 0; i < 4; i++) {
        struct trust_draft more = {0};
        cr_assert_eq (trust_draft_targets_next (&alice, NOW + 30, NOW + YEAR, &more, NULL), 0);
        cr_assert_eq (release_add (&more, forbidden[i], 9), 0);
        draft_sign (&more, KEY_ALICE, 2);
        cr_assert_eq (PUBLISH (&fleet.repository, NOW + 30, {"alice", &more}), TRUST_E_NO_TARGET, "%s",
                      forbidden[i]);
        trust_draft_deinit (&more);
    }
    trust_draft_deinit (&alice);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, thresholds_that_nobody_can_reach_are_not_published)
{
    struct fleet fleet;
    fleet_init (&fleet, 1, 1);
    targets_next (&fleet.targets, NOW + 10);
    cr_assert_eq (publisher_add (&fleet.targets, "alice", "web", KEY_ALICE, 1, 1), 0);
    json_t *roles =
        json_object_get (json_object_get (trust_draft_content (&fleet.targets), "delegations"), "roles");
    cr_assert_eq (json_object_set_new (json_array_get (roles, 0), "threshold", json_integer (2)), 0);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}), TRUST_E_THRESHOLD);
    fleet_deinit (&fleet);
}

Test (repository, a_publisher_does_not_delegate_further)
{
    struct fleet fleet;
    struct trust_draft alice = {0};
    fleet_init (&fleet, 1, 1);
    targets_next (&fleet.targets, NOW + 10);
    cr_assert_eq (publisher_add (&fleet.targets, "alice", "web", KEY_ALICE, 1, 1), 0);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (trust_draft_targets_new (NOW + 10, NOW + YEAR, &alice, NULL), 0);
    cr_assert_eq (publisher_add (&alice, "bob", "web", KEY_BOB, 1, 1), 0);
    draft_sign (&alice, KEY_ALICE, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}, {"alice", &alice}),
                  TRUST_E_FORMAT);
    cr_assert_eq (trust_draft_targets_undelegate (&alice, "bob", NULL), 0);
    draft_sign (&alice, KEY_ALICE, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}, {"alice", &alice}), 0);
    trust_draft_deinit (&alice);
    fleet_deinit (&fleet);
}

Test (repository, a_publisher_whose_keys_change_signs_again_in_the_same_publication)
{
    struct fleet fleet;
    struct node node;
    struct trust_draft alice = {0};
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    targets_next (&fleet.targets, NOW + 10);
    cr_assert_eq (publisher_add (&fleet.targets, "alice", "web", KEY_ALICE, 1, 1), 0);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (trust_draft_targets_new (NOW + 10, NOW + YEAR, &alice, NULL), 0);
    cr_assert_eq (release_add (&alice, "web", 7), 0);
    draft_sign (&alice, KEY_ALICE, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}, {"alice", &alice}), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 10, "web", 7, NULL), 0);

    targets_next (&fleet.targets, NOW + 20);
    cr_assert_eq (publisher_add (&fleet.targets, "alice", "web", KEY_BOB, 1, 1), 0);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 20, {"targets", &fleet.targets}), TRUST_E_THRESHOLD);
    targets_next (&alice, NOW + 20);
    draft_sign (&alice, KEY_BOB, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 20, {"targets", &fleet.targets}, {"alice", &alice}), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 20, "web", 7, NULL), 0, "%s", node.error.text);
    trust_draft_deinit (&alice);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, a_publisher_who_is_gone_stays_in_the_snapshot_and_may_return)
{
    struct fleet fleet;
    struct node node;
    struct trust_draft alice = {0};
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    targets_next (&fleet.targets, NOW + 10);
    cr_assert_eq (publisher_add (&fleet.targets, "alice", "web", KEY_ALICE, 1, 1), 0);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (trust_draft_targets_new (NOW + 10, NOW + YEAR, &alice, NULL), 0);
    cr_assert_eq (release_add (&alice, "web", 7), 0);
    draft_sign (&alice, KEY_ALICE, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}, {"alice", &alice}), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 10, "web", 7, NULL), 0);

    targets_next (&fleet.targets, NOW + 20);
    cr_assert_eq (trust_draft_targets_undelegate (&fleet.targets, "alice", NULL), 0);
    cr_assert_eq (trust_draft_targets_undelegate (&fleet.targets, "alice", NULL), TRUST_E_UNKNOWN_ROLE);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 20, {"targets", &fleet.targets}), 0);
    cr_assert_null (trust_repository_find (&fleet.repository, "alice"));
    cr_assert (strstr ((const char *) served (&fleet.repository, "1800000020.snapshot.json")->data,
                       "\"alice.json\""));
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 20, "web", 7, NULL), TRUST_E_NO_TARGET, "%s",
                  node.error.text);

    targets_next (&fleet.targets, NOW + 30);
    cr_assert_eq (publisher_add (&fleet.targets, "alice", "web", KEY_BOB, 1, 1), 0);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    targets_next (&alice, NOW + 30);
    draft_sign (&alice, KEY_BOB, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 30, {"targets", &fleet.targets}, {"alice", &alice}), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 30, "web", 7, NULL), 0);
    trust_draft_deinit (&alice);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, the_first_publisher_of_two_decides_and_a_terminating_one_ends_the_search)
{
    struct fleet fleet;
    struct node node;
    struct trust_draft alice = {0}, bob = {0};
    char role[TRUST_NAME_TEXT];
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    targets_next (&fleet.targets, NOW + 10);
    cr_assert_eq (publisher_add (&fleet.targets, "alice", "web-*", KEY_ALICE, 1, 1), 0);
    cr_assert_eq (publisher_add (&fleet.targets, "bob", "web-shop", KEY_BOB, 1, 1), 0);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (trust_draft_targets_new (NOW + 10, NOW + YEAR, &alice, NULL), 0);
    cr_assert_eq (trust_draft_targets_new (NOW + 10, NOW + YEAR, &bob, NULL), 0);
    cr_assert_eq (release_add (&alice, "web-shop", 7), 0);
    cr_assert_eq (release_add (&bob, "web-shop", 7), 0);
    cr_assert_eq (release_add (&bob, "web-shop", 8), 0);
    draft_sign (&alice, KEY_ALICE, 1);
    draft_sign (&bob, KEY_BOB, 1);
    cr_assert_eq (
        PUBLISH (&fleet.repository, NOW + 10, {"targets", &fleet.targets}, {"bob", &bob}, {"alice", &alice}),
        0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 10, "web-shop", 7, role), 0);
    cr_assert_str_eq (role, "alice");
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 10, "web-shop", 8, role), 0);
    cr_assert_str_eq (role, "bob");

    struct key_set set;
    key_set_init (&set, 1, KEY_ALICE, 1);
    targets_next (&fleet.targets, NOW + 20);
    cr_assert_eq (trust_draft_targets_delegate (
                      &fleet.targets,
                      &(struct trust_publisher){"alice", set.draft, (const char *const[]){"web-*"}, 1, true},
                      NULL),
                  0);
    key_set_deinit (&set);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 20, {"targets", &fleet.targets}), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 20, "web-shop", 7, role), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 20, "web-shop", 8, role), TRUST_E_NO_TARGET);
    trust_draft_deinit (&alice);
    trust_draft_deinit (&bob);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, root_keys_are_exchanged_one_by_one_and_an_old_node_follows)
{
    struct fleet fleet;
    struct node old;
    fleet_init (&fleet, 3, 2);
    node_init (&old, &fleet.repository);
    cr_assert_eq (node_refresh (&old, &fleet.repository, NOW), 0);
    for (uint8_t i = 0; i < 3; i++) {
        struct trust_draft next = {0};
        struct trust_secret leaving = key_of ((uint8_t) (KEY_ROOT + i));
        json_t *joining = public_of ((uint8_t) (KEY_ROOT + 3 + i));
        root_next (&fleet.root, &next);
        cr_assert_eq (trust_draft_root_remove_key (&next, TRUST_ROOT, &leaving.keyid, NULL), 0);
        cr_assert_eq (trust_draft_root_add_key (&next, TRUST_ROOT, joining, NULL), 0);
        json_decref (joining);
        /*  Two of the old keys and two of the new ones: the two that stay are enough for both. */
        draft_sign (&next, (uint8_t) (KEY_ROOT + i + 1), 1);
        cr_assert_eq (PUBLISH (&fleet.repository, NOW + i + 1, {"root", &next}), TRUST_E_THRESHOLD);
        draft_sign (&next, (uint8_t) (KEY_ROOT + i + 1), 2);
        cr_assert_eq (PUBLISH (&fleet.repository, NOW + i + 1, {"root", &next}), 0);
        trust_draft_deinit (&fleet.root);
        fleet.root = next;
    }
    cr_assert_eq (trust_repository_find (&fleet.repository, "root")->version, 4);
    cr_assert_eq (node_find (&old, &fleet.repository, NOW + 5, "noded", 1, NULL), 0, "%s", old.error.text);
    node_deinit (&old);
    fleet_deinit (&fleet);
}

Test (repository, a_root_with_all_new_keys_is_signed_by_both_sides)
{
    struct fleet fleet;
    struct node node;
    struct trust_draft next = {0};
    fleet_init (&fleet, 2, 2);
    node_init (&node, &fleet.repository);
    root_next (&fleet.root, &next);
    for (uint8_t i = 0; i < 2; i++) {
        struct trust_secret leaving = key_of ((uint8_t) (KEY_ROOT + i));
        json_t *joining = public_of ((uint8_t) (KEY_ROOT + 5 + i));
        cr_assert_eq (trust_draft_root_remove_key (&next, TRUST_ROOT, &leaving.keyid, NULL), 0);
        cr_assert_eq (trust_draft_root_add_key (&next, TRUST_ROOT, joining, NULL), 0);
        json_decref (joining);
    }
    draft_sign (&next, KEY_ROOT, 2);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 1, {"root", &next}), TRUST_E_THRESHOLD);
    draft_sign (&next, KEY_ROOT + 5, 2);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 1, {"root", &next}), 0);
    cr_assert_eq (node_refresh (&node, &fleet.repository, NOW + 1), 0, "%s", node.error.text);

    struct trust_draft only_new = {0};
    root_next (&next, &only_new);
    draft_sign (&only_new, KEY_ROOT, 2); /* the keys that left */
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 2, {"root", &only_new}), TRUST_E_THRESHOLD);
    trust_draft_deinit (&only_new);
    trust_draft_deinit (&next);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, targets_keys_that_change_need_targets_signed_anew)
{
    struct fleet fleet;
    struct node node;
    struct trust_draft next = {0};
    struct trust_secret leaving = key_of (KEY_TARGETS);
    json_t *joining = public_of (KEY_TARGETS + 5);
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    root_next (&fleet.root, &next);
    cr_assert_eq (trust_draft_root_remove_key (&next, TRUST_TARGETS, &leaving.keyid, NULL), 0);
    cr_assert_eq (trust_draft_root_add_key (&next, TRUST_TARGETS, joining, NULL), 0);
    json_decref (joining);
    draft_sign (&next, KEY_ROOT, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 1, {"root", &next}), TRUST_E_THRESHOLD);
    targets_next (&fleet.targets, NOW + 1);
    draft_sign (&fleet.targets, KEY_TARGETS + 5, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, NOW + 1, {"targets", &fleet.targets}, {"root", &next}), 0);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 1, "noded", 1, NULL), 0, "%s", node.error.text);
    trust_draft_deinit (&next);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

/*  A repository whose online keys were used to bring the versions to the end. */
static void fast_forward (struct fleet *fleet)
{
    struct trust_secret snapshot_key = key_of (KEY_SNAPSHOT), timestamp_key = key_of (KEY_TIMESTAMP);
    struct trust_draft snapshot = {0}, timestamp = {0};
    struct trust_draft_file files[4];
    struct base_buffer bytes[4] = {draft_bytes (&fleet->root), draft_bytes (&fleet->targets)};
    files[0] = (struct trust_draft_file){"root", bytes[0].data, bytes[0].size};
    files[1] = (struct trust_draft_file){"targets", bytes[1].data, bytes[1].size};
    cr_assert_eq (trust_draft_snapshot_next (NULL, &files[1], 1, NOW, NOW + YEAR, &snapshot, NULL), 0);
    json_t *last = json_integer ((json_int_t) TRUST_VERSION_MOST);
    cr_assert_eq (json_object_set (trust_draft_content (&snapshot), "version", last), 0);
    cr_assert_eq (trust_draft_sign (&snapshot, &snapshot_key, NULL), 0);
    bytes[2] = draft_bytes (&snapshot);
    cr_assert_eq (trust_draft_timestamp_next (NULL, bytes[2].data, bytes[2].size, NULL, NOW, NOW + YEAR,
                                              &timestamp, NULL),
                  0);
    cr_assert_eq (json_object_set_new (trust_draft_content (&timestamp), "version", last), 0);
    cr_assert_eq (trust_draft_sign (&timestamp, &timestamp_key, NULL), 0);
    bytes[3] = draft_bytes (&timestamp);
    files[2] = (struct trust_draft_file){"snapshot", bytes[2].data, bytes[2].size};
    files[3] = (struct trust_draft_file){"timestamp", bytes[3].data, bytes[3].size};
    trust_repository_deinit (&fleet->repository);
    cr_assert_eq (trust_repository_load (&fleet->repository, files, 4, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        base_buffer_deinit (&bytes[i]);
    trust_draft_deinit (&snapshot);
    trust_draft_deinit (&timestamp);
}

Test (repository, a_fast_forward_is_undone_by_new_online_keys)
{
    struct fleet fleet;
    struct node node;
    struct trust_draft next = {0};
    struct base_error error = {0};
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    fast_forward (&fleet);
    cr_assert_eq (node_refresh (&node, &fleet.repository, NOW + 1), 0);
    cr_assert_eq (
        publish_with (&fleet.repository, NULL, 0, NOW + 1, KEY_SNAPSHOT, KEY_TIMESTAMP, NULL, &error),
        TRUST_E_VERSION);
    cr_assert (strstr (error.text, "make new keys for snapshot and timestamp"), "%s", error.text);

    struct key_set snapshot, timestamp, again;
    key_set_init (&snapshot, 1, KEY_SNAPSHOT + 1, 1);
    key_set_init (&timestamp, 1, KEY_TIMESTAMP + 1, 1);
    key_set_init (&again, 1, KEY_SNAPSHOT, 1);
    root_next (&fleet.root, &next);
    cr_assert_eq (trust_draft_root_rotate_online (&next, &again.draft, &snapshot.draft, NULL), TRUST_E_KEY);
    cr_assert_eq (trust_draft_root_rotate_online (&next, &timestamp.draft, &again.draft, NULL), TRUST_E_KEY);
    cr_assert_eq (trust_draft_root_rotate_online (&next, &timestamp.draft, &snapshot.draft, NULL), 0);
    draft_sign (&next, KEY_ROOT, 1);
    const struct to_publish root = {"root", &next};
    cr_assert_eq (
        publish_with (&fleet.repository, &root, 1, NOW + 2, KEY_SNAPSHOT, KEY_TIMESTAMP, NULL, NULL),
        TRUST_E_THRESHOLD);
    cr_assert_eq (
        publish_with (&fleet.repository, &root, 1, NOW + 2, KEY_SNAPSHOT + 1, KEY_TIMESTAMP + 1, NULL, NULL),
        0);
    cr_assert_eq (trust_repository_find (&fleet.repository, "timestamp")->version, NOW + 2);
    cr_assert_eq (node_find (&node, &fleet.repository, NOW + 2, "noded", 1, NULL), 0, "%s", node.error.text);
    /*  Nodes that come later, from the first root on. */
    struct node late;
    node_init (&late, &fleet.repository);
    cr_assert_eq (node_find (&late, &fleet.repository, NOW + 2, "noded", 1, NULL), 0, "%s", late.error.text);
    node_deinit (&late);
    key_set_deinit (&snapshot);
    key_set_deinit (&timestamp);
    key_set_deinit (&again);
    trust_draft_deinit (&next);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

static struct trust_log_head published_log (const struct trust_repository *repository)
{
    struct trust_draft timestamp = {0};
    struct trust_log_head head;
    const struct base_buffer *bytes = served (repository, "timestamp.json");
    cr_assert_eq (trust_draft_read (bytes->data, bytes->size, &timestamp, NULL), 0);
    cr_assert_eq (trust_log_head_read (trust_draft_content (&timestamp), &head, NULL), 0);
    trust_draft_deinit (&timestamp);
    return head;
}

Test (repository, new_online_keys_keep_the_log_and_repeat_no_version)
{
    struct fleet fleet;
    struct trust_draft next = {0};
    struct base_digest leaf = trust_merkle_leaf ("a", 1);
    struct trust_merkle merkle = {0};
    struct key_set snapshot, timestamp;
    fleet_init (&fleet, 1, 1);
    trust_merkle_append (&merkle, &leaf);
    struct trust_log_head head = trust_log_head_of (&merkle);
    cr_assert_eq (
        publish_with (&fleet.repository, NULL, 0, NOW + 1, KEY_SNAPSHOT, KEY_TIMESTAMP, &head, NULL), 0);
    key_set_init (&snapshot, 1, KEY_SNAPSHOT + 1, 1);
    key_set_init (&timestamp, 1, KEY_TIMESTAMP + 1, 1);
    root_next (&fleet.root, &next);
    cr_assert_eq (trust_draft_root_rotate_online (&next, &timestamp.draft, &snapshot.draft, NULL), 0);
    draft_sign (&next, KEY_ROOT, 1);
    const struct to_publish root = {"root", &next};
    cr_assert_eq (
        publish_with (&fleet.repository, &root, 1, NOW + 1, KEY_SNAPSHOT + 1, KEY_TIMESTAMP + 1, NULL, NULL),
        0);
    struct trust_log_head published = published_log (&fleet.repository);
    cr_assert (trust_log_head_equal (&published, &head));
    cr_assert_eq (trust_repository_find (&fleet.repository, "timestamp")->version, NOW + 2);
    cr_assert_eq (trust_repository_find (&fleet.repository, "snapshot")->version, NOW + 2);
    key_set_deinit (&snapshot);
    key_set_deinit (&timestamp);
    trust_draft_deinit (&next);
    fleet_deinit (&fleet);
}

static void log_add (struct trust_merkle *merkle, uint8_t number)
{
    struct base_digest leaf = trust_merkle_leaf (&number, 1);
    trust_merkle_append (merkle, &leaf);
}

Test (repository, the_head_of_the_log_stands_in_the_timestamp_and_only_grows)
{
    struct fleet fleet;
    struct node node;
    struct trust_merkle merkle = {0}, other = {0};
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    cr_assert_eq (published_log (&fleet.repository).size, 0);
    log_add (&merkle, 1);
    log_add (&merkle, 2);
    log_add (&other, 1);
    struct trust_log_head head = trust_log_head_of (&merkle), shorter = trust_log_head_of (&other), published;
    log_add (&other, 3);
    struct trust_log_head split = trust_log_head_of (&other);
    cr_assert_eq (
        publish_with (&fleet.repository, NULL, 0, NOW + 1, KEY_SNAPSHOT, KEY_TIMESTAMP, &head, NULL), 0);
    published = published_log (&fleet.repository);
    cr_assert (trust_log_head_equal (&published, &head));
    cr_assert_eq (publish (&fleet.repository, NULL, 0, NOW + 2), 0); /* a renewal keeps it */
    published = published_log (&fleet.repository);
    cr_assert (trust_log_head_equal (&published, &head));
    cr_assert_eq (
        publish_with (&fleet.repository, NULL, 0, NOW + 3, KEY_SNAPSHOT, KEY_TIMESTAMP, &shorter, NULL),
        TRUST_E_PROOF);
    cr_assert_eq (
        publish_with (&fleet.repository, NULL, 0, NOW + 3, KEY_SNAPSHOT, KEY_TIMESTAMP, &split, NULL),
        TRUST_E_PROOF);
    cr_assert_eq (
        publish_with (&fleet.repository, NULL, 0, NOW + 3, KEY_SNAPSHOT, KEY_TIMESTAMP, &head, NULL), 0);
    cr_assert_eq (node_refresh (&node, &fleet.repository, NOW + 3), 0, "%s", node.error.text);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, a_stored_repository_is_loaded_and_continued)
{
    struct fleet fleet;
    struct node node;
    struct trust_repository loaded = {0};
    struct trust_draft_file files[16];
    fleet_init (&fleet, 1, 1);
    node_init (&node, &fleet.repository);
    for (uint8_t i = 0; i < 3; i++) {
        struct trust_draft next = {0};
        root_next (&fleet.root, &next);
        draft_sign (&next, KEY_ROOT, 1);
        cr_assert_eq (PUBLISH (&fleet.repository, NOW + i, {"root", &next}), 0);
        trust_draft_deinit (&fleet.root);
        fleet.root = next;
    }
    size_t count = fleet.repository.n_files;
    cr_assert_eq (count, 7);
    for (size_t i = 0; i < count; i++) { /* in any order */
        const struct trust_repository_file *file = &fleet.repository.files[(i * 3 + 5) % count];
        files[i] = (struct trust_draft_file){file->role, file->bytes.data, file->bytes.size};
    }
    cr_assert_eq (trust_repository_load (&loaded, files, count, NULL), 0);
    cr_assert_eq (loaded.n_files, count);
    for (size_t i = 0; i < count; i++) {
        const struct trust_repository_file *a = &loaded.files[i];
        cr_assert (trust_repository_find (&fleet.repository, a->role));
    }
    cr_assert_eq (loaded.files[3].version, 4);
    for (size_t without = 0; without < count; without++) {
        struct trust_repository half = {0};
        struct trust_draft_file rest[16];
        size_t n = 0;
        for (size_t i = 0; i < count; i++)
            if (i != without)
                rest[n++] = files[i];
        int r = trust_repository_load (&half, rest, n, NULL);
        bool end = strcmp (files[without].role, "root") == 0 &&
                   (files[without].data == fleet.repository.files[0].bytes.data ||
                    files[without].data == fleet.repository.files[3].bytes.data);
        cr_assert_eq (r == 0, end, "without %s: %d", files[without].role, r); /* a chain may begin later */
        trust_repository_deinit (&half);
    }
    for (size_t i = 0; i < count; i++) {
        struct trust_repository twice = {0};
        files[count] = files[i];
        cr_assert_neq (trust_repository_load (&twice, files, count + 1, NULL), 0, "%s twice", files[i].role);
    }
    struct base_buffer *timestamp = &fleet.repository.files[count - 1].bytes;
    timestamp->data[timestamp->size / 2] ^= 1;
    struct trust_repository damaged = {0};
    cr_assert_neq (trust_repository_load (&damaged, files, count, NULL), 0);
    cr_assert_eq (damaged.n_files, 0);

    cr_assert_eq (publish (&loaded, NULL, 0, NOW + 10), 0);
    cr_assert_eq (node_find (&node, &loaded, NOW + 10, "noded", 1, NULL), 0);
    trust_repository_deinit (&loaded);
    node_deinit (&node);
    fleet_deinit (&fleet);
}

Test (repository, targets_that_are_no_releases_are_not_published)
{
    struct fleet fleet;
    fleet_init (&fleet, 1, 1);
    static const char *const rows[] = {"length", "hashes", "custom"};
    for (size_t i = 0; i < 3; i++) {
        targets_next (&fleet.targets, NOW + 10 + i);
        struct base_digest digest = digest_of (1);
        char path[TRUST_RELEASE_PATH_TEXT];
        json_t *targets = json_object_get (trust_draft_content (&fleet.targets), "targets"),
               *target = json_object_get (targets, trust_release_path ("noded", &digest, path)),
               *kept = json_deep_copy (target);
        if (i == 0)
            cr_assert_eq (json_object_set_new (target, "length", json_integer (WIRE_DOCUMENT_MOST + 1)), 0);
        else if (i == 1)
            cr_assert_eq (json_object_set_new (json_object_get (target, "hashes"), "sha256",
                                               json_string ("00112233445566778899aabbccddeeff"
                                                            "00112233445566778899aabbccddeeff")),
                          0);
        else
            cr_assert_eq (json_object_del (target, "custom"), 0);
        draft_sign (&fleet.targets, KEY_TARGETS, 1);
        cr_assert_eq (PUBLISH (&fleet.repository, NOW + 20, {"targets", &fleet.targets}), TRUST_E_FORMAT,
                      "%s", rows[i]);
        cr_assert_eq (json_object_set_new (targets, path, kept), 0);
    }
    fleet_deinit (&fleet);
}
