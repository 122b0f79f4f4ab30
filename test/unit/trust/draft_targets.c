/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/draft_targets.c - releases and publishers */

#include "test/unit/trust/repository_fixture.h"

static struct trust_draft targets_make (void)
{
    struct trust_draft targets = {0};
    cr_assert_eq (trust_draft_targets_new (NOW, NOW + YEAR, &targets, NULL), 0);
    return targets;
}

static struct trust_targets targets_of (const struct trust_draft *draft)
{
    struct trust_targets targets = {0};
    struct base_error error = {0};
    cr_assert_eq (trust_targets_read (trust_draft_content (draft), &targets, &error), 0, "%s", error.text);
    return targets;
}

Test (draft_targets, a_release_is_a_target_under_its_application_and_digest)
{
    struct trust_draft draft = targets_make ();
    struct base_digest digest = digest_of (7);
    char path[TRUST_RELEASE_PATH_TEXT], hex[BASE_DIGEST_TEXT];
    cr_assert_eq (release_add (&draft, "web", 7), 0);
    struct trust_targets targets = targets_of (&draft);
    cr_assert_eq (targets.n_targets, 1);
    (void) snprintf (path, sizeof path, "web/%s", base_digest_format (&digest, hex));
    cr_assert_str_eq (targets.targets[0].path, path);
    cr_assert_eq (targets.targets[0].length, 107);
    struct trust_custom custom, expected = custom_of ("web", 7);
    struct base_digest release;
    cr_assert_eq (trust_release_of_target (&targets.targets[0], &custom, &release, NULL), 0);
    cr_assert (base_digest_equal (&release, &digest));
    cr_assert (trust_custom_fits (&custom, &expected));
    trust_targets_deinit (&targets);

    expected.counter = 9;
    cr_assert_eq (trust_draft_targets_add (&draft, &expected, &digest, 107, NULL), 0); /* said anew */
    targets = targets_of (&draft);
    cr_assert_eq (targets.n_targets, 1);
    cr_assert_eq (trust_release_of_target (&targets.targets[0], &custom, &release, NULL), 0);
    cr_assert_eq (custom.counter, 9);
    trust_targets_deinit (&targets);
    cr_assert_eq (trust_draft_targets_add (&draft, &expected, &digest, 0, NULL), TRUST_E_LENGTH);
    cr_assert_eq (trust_draft_targets_add (&draft, &expected, &digest, WIRE_DOCUMENT_MOST + 1, NULL),
                  TRUST_E_LENGTH);
    trust_draft_deinit (&draft);
}

Test (draft_targets, publishers_stand_in_their_order_and_are_replaced_in_place)
{
    struct trust_draft draft = targets_make ();
    cr_assert_eq (publisher_add (&draft, "alice", "web-*", KEY_ALICE, 2, 2), 0);
    cr_assert_eq (publisher_add (&draft, "bob", "db", KEY_BOB, 1, 1), 0);
    cr_assert_eq (publisher_add (&draft, "alice", "web-?", KEY_ALICE + 1, 2, 1), 0);
    struct trust_targets targets = targets_of (&draft);
    cr_assert_eq (targets.n_delegations, 2);
    cr_assert_str_eq (targets.delegations[0].name, "alice");
    cr_assert_str_eq (targets.delegations[0].paths[0], "web-?/*");
    cr_assert_eq (targets.delegations[0].role.threshold, 1);
    cr_assert_not (targets.delegations[0].terminating);
    cr_assert_str_eq (targets.delegations[1].name, "bob");
    cr_assert_eq (targets.keys.count, 3);
    trust_targets_deinit (&targets);
    cr_assert_eq (trust_draft_targets_undelegate (&draft, "alice", NULL), 0);
    targets = targets_of (&draft);
    cr_assert_eq (targets.n_delegations, 1);
    cr_assert_eq (targets.keys.count, 1);
    trust_targets_deinit (&targets);
    trust_draft_deinit (&draft);
}

Test (draft_targets, publishers_that_could_not_work_are_refused_and_leave_nothing)
{
    struct trust_draft draft = targets_make ();
    static const char *const names[] = {"",    "root", "targets", "snapshot", "timestamp",
                                        "a/b", "..",   ".alice",  "a b"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert_eq (publisher_add (&draft, names[i], "web", KEY_ALICE, 1, 1), TRUST_E_FORMAT, "%s",
                      names[i]);
    static const char *const patterns[] = {
        "",    "a/b",  "*/*",      "[a-z]",
        "a b", "a\\*", "\xc3\xa4", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        cr_assert_eq (publisher_add (&draft, "alice", patterns[i], KEY_ALICE, 1, 1), TRUST_E_FORMAT, "%s",
                      patterns[i]);
    cr_assert_eq (publisher_add (&draft, "alice", "web", KEY_ALICE, 1, 0), TRUST_E_THRESHOLD);
    cr_assert_eq (publisher_add (&draft, "alice", "web", KEY_ALICE, 1, 2), TRUST_E_THRESHOLD);
    cr_assert_eq (publisher_add (&draft, "alice", "web", KEY_ALICE, 0, 1), TRUST_E_THRESHOLD);
    json_t *key = public_of (KEY_ALICE), *twice[] = {key, key};
    const struct trust_publisher same = {"alice", {twice, 2, 2}, (const char *const[]){"web"}, 1, false};
    cr_assert_eq (trust_draft_targets_delegate (&draft, &same, NULL), TRUST_E_KEY);
    const struct trust_publisher nothing = {"alice", {twice, 1, 1}, NULL, 0, false};
    cr_assert_eq (trust_draft_targets_delegate (&draft, &nothing, NULL), TRUST_E_FORMAT);
    json_decref (key);
    struct trust_targets targets = targets_of (&draft);
    cr_assert_eq (targets.n_delegations, 0);
    cr_assert_eq (targets.keys.count, 0);
    trust_targets_deinit (&targets);
    cr_assert_eq (trust_draft_check (&draft, NOW, NULL), 0);
    trust_draft_deinit (&draft);
}

Test (draft_targets, a_publisher_who_is_refused_leaves_a_signed_file_signed)
{
    struct trust_draft root = root_make (1, 1), draft = targets_make ();
    struct trust_missing missing = {0};
    draft_sign (&draft, KEY_TARGETS, 1);
    cr_assert_eq (publisher_add (&draft, "root", "web", KEY_ALICE, 1, 1), TRUST_E_FORMAT);
    cr_assert_eq (publisher_add (&draft, "alice", "a/b", KEY_ALICE, 1, 1), TRUST_E_FORMAT);
    cr_assert_eq (publisher_add (&draft, "alice", "web", KEY_ALICE, 1, 2), TRUST_E_THRESHOLD);
    cr_assert_eq (trust_draft_targets_undelegate (&draft, "alice", NULL), TRUST_E_UNKNOWN_ROLE);
    cr_assert_eq (trust_draft_targets_missing (&draft, &root, &missing, NULL), 0);
    cr_assert (trust_missing_is_complete (&missing));
    trust_missing_deinit (&missing);
    trust_draft_deinit (&root);
    trust_draft_deinit (&draft);
}

Test (draft_targets, what_is_missing_is_asked_of_whoever_names_the_keys)
{
    struct trust_draft root = root_make (3, 2), draft = targets_make (), alice = targets_make ();
    struct trust_missing missing = {0};
    draft_sign (&draft, KEY_TARGETS, 1);
    cr_assert_eq (trust_draft_targets_missing (&draft, &root, &missing, NULL), 0);
    cr_assert_eq (missing.have, 1);
    cr_assert_eq (missing.threshold, 2);
    cr_assert_eq (missing.n_keyids, 2);
    trust_missing_deinit (&missing);
    cr_assert_eq (publisher_add (&draft, "alice", "web", KEY_ALICE, 2, 1), 0);
    cr_assert_eq (trust_draft_publisher_missing (&alice, "alice", &draft, &missing, NULL), 0);
    cr_assert_eq (missing.have, 0);
    cr_assert_eq (missing.n_keyids, 2);
    trust_missing_deinit (&missing);
    draft_sign (&alice, KEY_ALICE + 1, 1);
    cr_assert_eq (trust_draft_publisher_missing (&alice, "alice", &draft, &missing, NULL), 0);
    cr_assert (trust_missing_is_complete (&missing));
    trust_missing_deinit (&missing);
    cr_assert_eq (trust_draft_publisher_missing (&alice, "bob", &draft, &missing, NULL),
                  TRUST_E_UNKNOWN_ROLE);
    trust_draft_deinit (&root);
    trust_draft_deinit (&draft);
    trust_draft_deinit (&alice);
}

Test (draft_targets, a_next_file_keeps_releases_and_publishers)
{
    struct trust_draft draft = targets_make (), next = {0};
    cr_assert_eq (release_add (&draft, "web", 7), 0);
    cr_assert_eq (publisher_add (&draft, "alice", "web", KEY_ALICE, 2, 1), 0);
    cr_assert_eq (trust_draft_targets_next (&draft, NOW - 5, NOW + DAY, &next, NULL), 0);
    cr_assert_eq (release_add (&next, "web", 8), 0);
    struct trust_targets before = targets_of (&draft), after = targets_of (&next);
    cr_assert_eq (after.common.version, NOW + 1);
    cr_assert_eq (after.common.expires, NOW + DAY);
    cr_assert_eq (after.n_targets, 2);
    cr_assert_eq (after.n_delegations, 1);
    cr_assert_eq (before.n_targets, 1); /* not shared */
    trust_targets_deinit (&before);
    trust_targets_deinit (&after);
    trust_draft_deinit (&draft);
    trust_draft_deinit (&next);
}
