/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/attacks.c - what other update systems got wrong, each a test

    Names the advisory or issue in which it was found elsewhere. */

#include "test/unit/trust/fixture.h"

/*  Two keys must sign the timestamp. */
static void threshold_two (struct world *world)
{
    root_set_role (world, TRUST_TIMESTAMP, (unsigned[]){2, 12, 0}, 2);
    role_bump (world, TRUST_ROOT);
}

/*  Replaces the signatures of the published timestamp. */
static void timestamp_publish_signed (struct world *world, json_t *signatures)
{
    json_t *file =
        json_pack ("{s:O,s:O}", "signatures", signatures, "signed", world->contents[TRUST_TIMESTAMP]);
    char *text = json_dumps (file, 0);
    remote_put (world, "timestamp", content_version (world->contents[TRUST_TIMESTAMP]), text);
    free (text);
    json_decref (file);
}

/*  CVE-2020-6174, GHSA-3633-5h82-39pq */
Test (attacks, one_signature_sent_twice_is_refused)
{
    struct world world;
    world_init (&world);
    threshold_two (&world);
    world_publish (&world);
    base_cleanup (signer_deinit) struct signer signer = signer_of (2);
    json_t *signatures = json_array ();
    signature_add (signatures, world.contents[TRUST_TIMESTAMP], &signer);
    signature_add (signatures, world.contents[TRUST_TIMESTAMP], &signer);
    timestamp_publish_signed (&world, signatures);
    cr_assert_eq (world_refresh (&world), TRUST_E_FORMAT);
    cr_assert_eq (stored_version (&world, "timestamp"), 0);
    json_decref (signatures);
    world_deinit (&world);
}

/*  The same with the keyid once in capitals. */
Test (attacks, one_signature_sent_twice_with_its_keyid_in_capitals_is_refused)
{
    struct world world;
    world_init (&world);
    threshold_two (&world);
    world_publish (&world);
    base_cleanup (signer_deinit) struct signer signer = signer_of (2);
    json_t *signatures = json_array ();
    signature_add (signatures, world.contents[TRUST_TIMESTAMP], &signer);
    for (char *at = signer.keyid; *at; at++)
        if (*at >= 'a')
            *at = (char) (*at - 'a' + 'A');
    signature_add (signatures, world.contents[TRUST_TIMESTAMP], &signer);
    timestamp_publish_signed (&world, signatures);
    cr_assert_eq (world_refresh (&world), TRUST_E_FORMAT);
    json_decref (signatures);
    world_deinit (&world);
}

/*  CVE-2020-15093, CVE-2026-6966: one key under two keyids, which differ by a field that means nothing. */
Test (attacks, one_key_under_two_keyids_counts_once)
{
    struct world world;
    world_init (&world);
    base_cleanup (signer_deinit) struct signer one = signer_of (2), again = signer_of_extra (2, "again");
    cr_assert_str_neq (one.keyid, again.keyid);
    json_t *root = world.contents[TRUST_ROOT];
    json_object_set (json_object_get (root, "keys"), again.keyid, again.key);
    json_object_set_new (json_object_get (root, "roles"), "timestamp",
                         json_pack ("{s:[s,s],s:i}", "keyids", one.keyid, again.keyid, "threshold", 2));
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    json_t *signatures = json_array ();
    signature_add (signatures, world.contents[TRUST_TIMESTAMP], &one);
    signature_add (signatures, world.contents[TRUST_TIMESTAMP], &again);
    timestamp_publish_signed (&world, signatures);
    cr_assert_eq (world_refresh (&world), TRUST_E_THRESHOLD);
    json_decref (signatures);
    world_deinit (&world);
}

/*  php-tuf#154: a keyid that names another key. */
Test (attacks, a_key_whose_keyid_is_not_its_digest_does_not_count)
{
    struct world world;
    world_init (&world);
    base_cleanup (signer_deinit) struct signer real = signer_of (2), attacker = signer_of (66);
    json_t *keys = json_object_get (world.contents[TRUST_ROOT], "keys");
    json_object_set (keys, real.keyid, attacker.key);
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    json_t *signatures = json_array ();
    (void) base_text_copy (attacker.keyid, sizeof attacker.keyid, real.keyid);
    signature_add (signatures, world.contents[TRUST_TIMESTAMP], &attacker);
    timestamp_publish_signed (&world, signatures);
    cr_assert_eq (world_refresh (&world), TRUST_E_THRESHOLD);
    cr_assert_eq (stored_version (&world, "root"), 2);
    json_decref (signatures);
    world_deinit (&world);
}

Test (attacks, a_keyid_that_a_role_names_twice_is_refused)
{
    struct world world;
    world_init (&world);
    root_set_role (&world, TRUST_TIMESTAMP, (unsigned[]){2, 2, 0}, 2);
    world.signers[TRUST_TIMESTAMP][1] = 0;
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), TRUST_E_FORMAT);
    cr_assert_eq (stored_version (&world, "root"), 1);
    world_deinit (&world);
}

/*  GHSA-fphv-w9fq-2525 */
Test (attacks, a_threshold_of_zero_is_refused_in_root)
{
    for (int threshold = 0; threshold >= -1; threshold--) {
        struct world world;
        world_init (&world);
        root_set_role (&world, TRUST_TARGETS, (unsigned[]){4, 0}, threshold);
        role_bump (&world, TRUST_ROOT);
        world.signers[TRUST_TARGETS][0] = 0;
        world_publish (&world);
        cr_assert_eq (world_refresh (&world), TRUST_E_FORMAT);
        cr_assert_eq (stored_version (&world, "root"), 1);
        world_deinit (&world);
    }
}

Test (attacks, a_threshold_of_zero_is_refused_in_a_delegation)
{
    struct world world;
    world_init (&world);
    json_t *content = targets_content (1);
    delegate (world.contents[TRUST_TARGETS], "open", (unsigned[]){20, 0}, 0, "*");
    delegated_publish (&world, "open", content, (unsigned[]){0});
    world_advance (&world);
    cr_assert_eq (world_refresh (&world), TRUST_E_FORMAT);
    json_decref (content);
    world_deinit (&world);
}

/*  GHSA-846p-jg2w-w324: each value of each file is replaced by values of other types, and no signature fits. */
static void value_replace (struct world *world, enum trust_kind kind, json_t *parent, const char *name,
                           size_t index)
{
    for (int i = 0; i < 9; i++) {
        static const char *const texts[] = {"null", "true", "0",  "-1", "9223372036854775807",
                                            "1.5",  "\"\"", "[]", "{}"};
        json_t *value = json_loads (texts[i], JSON_DECODE_ANY, NULL);
        json_t *old = name ? json_incref (json_object_get (parent, name))
                           : json_incref (json_array_get (parent, index));
        cr_assert_eq (name ? json_object_set (parent, name, value) : json_array_set (parent, index, value),
                      0);
        json_t *file = json_pack ("{s:[{s:s,s:s}],s:O}", "signatures", "keyid", "00", "sig", "", "signed",
                                  world->contents[kind]);
        char *text = json_dumps (file, 0);
        struct trust_document document;
        union {
            struct trust_root root;
            struct trust_timestamp timestamp;
            struct trust_snapshot snapshot;
            struct trust_targets targets;
        } read;
        json_object_set_new (file, "signatures", json_array ());
        free (text);
        text = json_dumps (file, 0);
        struct base_error error = {0};
        int r = trust_document_parse (text, strlen (text), TRUST_DOCUMENT_MOST, &document, &error);
        if (r == 0) {
            r = kind == TRUST_ROOT        ? trust_root_read (document.content, &read.root, &error)
                : kind == TRUST_TIMESTAMP ? trust_timestamp_read (document.content, &read.timestamp, &error)
                : kind == TRUST_SNAPSHOT  ? trust_snapshot_read (document.content, &read.snapshot, &error)
                                          : trust_targets_read (document.content, &read.targets, &error);
            if (r == 0 && kind == TRUST_ROOT)
                trust_root_deinit (&read.root);
            else if (r == 0 && kind == TRUST_TIMESTAMP)
                trust_timestamp_deinit (&read.timestamp);
            else if (r == 0 && kind == TRUST_SNAPSHOT)
                trust_snapshot_deinit (&read.snapshot);
            else if (r == 0)
                trust_targets_deinit (&read.targets);
            trust_document_deinit (&document);
        }
        cr_assert (r == 0 || *error.text);
        cr_assert (r >= 0);
        cr_assert_eq (
            name ? json_object_set_new (parent, name, old) : json_array_set_new (parent, index, old), 0);
        json_decref (value);
        json_decref (file);
        free (text);
    }
}

static void values_replace (struct world *world, enum trust_kind kind, json_t *value)
{
    const char *name;
    json_t *child;
    size_t index;
    void *next;
    json_object_foreach_safe (value, next, name, child)
    {
        values_replace (world, kind, child);
        value_replace (world, kind, value, name, 0);
    }
    json_array_foreach (value, index, child)
    {
        values_replace (world, kind, child);
        value_replace (world, kind, value, NULL, index);
    }
}

Test (attacks, no_value_of_any_type_crashes_a_reader)
{
    struct world world;
    world_init (&world);
    delegate (world.contents[TRUST_TARGETS], "team", (unsigned[]){20, 0}, 1, "team/*");
    for (int kind = 0; kind < TRUST_KINDS; kind++)
        values_replace (&world, (enum trust_kind) kind, world.contents[kind]);
    world_deinit (&world);
}

Test (attacks, deep_and_wide_files_are_refused_before_they_are_parsed)
{
    struct base_error error;
    struct trust_document document;
    size_t size = 1024 * 1024;
    char *text = malloc (size);
    memset (text, '[', size);
    cr_assert_eq (trust_document_parse (text, size, size, &document, &error), TRUST_E_TOO_LARGE);
    free (text);
    size = 3 * 600 * 1024;
    text = malloc (size);
    for (size_t i = 0; i < size; i++)
        text[i] = "[],"[i % 3];
    cr_assert_eq (trust_document_parse (text, size, size, &document, &error), TRUST_E_TOO_LARGE);
    free (text);
}

/*  GHSA-jqc5-w2xx-5vq4, CVE-2026-6968 */
Test (attacks, a_role_name_never_becomes_a_path)
{
    static const char *const names[] = {"../root", "..",   ".", "/etc/passwd", "a/b",
                                        "%2e%2e",  "a\\b", "?", "#",           "ö"};
    struct world world;
    world_init (&world);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *content = targets_content (1);
        delegate (world.contents[TRUST_TARGETS], names[i], (unsigned[]){20, 0}, 1, "*");
        delegated_publish (&world, names[i], content, (unsigned[]){20, 0});
        json_decref (content);
    }
    world_advance (&world);
    cr_assert_eq (world_refresh (&world), 0, "%s", world.error.text);
    cr_assert_eq (world_search (&world, "missing", NULL), TRUST_E_NO_TARGET, "%s", world.error.text);
    size_t count = 0;
    for (size_t i = 0; i < FILES_MOST; i++)
        if (world.stored[i].data) {
            count++;
            cr_assert_null (strchr (world.stored[i].name, '/'));
            cr_assert_str_neq (world.stored[i].name, "..");
            cr_assert (strlen (world.stored[i].name) > strlen (".json"));
        }
    cr_assert_eq (count, 4 + sizeof names / sizeof *names); /* no two of them share a file */
    world_deinit (&world);
}

Test (attacks, a_delegated_role_with_the_name_of_a_top_level_role_is_refused)
{
    static const char *const names[] = {"root", "timestamp", "snapshot", "targets", "mirrors", "", "a\nb"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct world world;
        world_init (&world);
        delegate (world.contents[TRUST_TARGETS], names[i], (unsigned[]){20, 0}, 1, "*");
        world_advance (&world);
        cr_assert_eq (world_refresh (&world), TRUST_E_FORMAT, "%s", names[i]);
        world_deinit (&world);
    }
}

/*  CVE-2025-2885 */
Test (attacks, a_root_of_another_version_than_the_next_is_refused)
{
    for (json_int_t version = 1; version <= 4; version++) {
        struct world world;
        world_init (&world);
        content_set_version (world.contents[TRUST_ROOT], version);
        char *file = file_sign (world.contents[TRUST_ROOT], world.signers[TRUST_ROOT]);
        file_put (world.remote, "2.root.json", file, strlen (file));
        cr_assert_eq (world_refresh (&world), version == 2 ? 0 : TRUST_E_VERSION, "%d", (int) version);
        cr_assert_eq (stored_version (&world, "root"), version == 2 ? 2 : 1);
        free (file);
        world_deinit (&world);
    }
}

/*  CVE-2025-2888: after the attack the real repository is accepted. */
Test (attacks, a_rejected_timestamp_is_not_stored)
{
    struct world world;
    world_init (&world);
    cr_assert_eq (world_refresh (&world), 0);
    struct file real[FILES_MOST] = {{{0}, NULL, 0}};
    role_bump (&world, TRUST_TIMESTAMP);
    world_publish (&world);
    files_copy (real, world.remote);

    content_set_version (world.contents[TRUST_TIMESTAMP], 9000);
    json_object_set_new (world.contents[TRUST_TIMESTAMP], "expires", json_string (BEFORE));
    role_publish (&world, TRUST_TIMESTAMP);
    cr_assert_eq (world_refresh (&world), TRUST_E_EXPIRED);
    world.signers[TRUST_TIMESTAMP][0] = 66;
    json_object_set_new (world.contents[TRUST_TIMESTAMP], "expires", json_string (LATER));
    role_publish (&world, TRUST_TIMESTAMP);
    cr_assert_eq (world_refresh (&world), TRUST_E_THRESHOLD);
    cr_assert_eq (stored_version (&world, "timestamp"), 1);

    files_copy (world.remote, real);
    cr_assert_eq (world_refresh (&world), 0);
    cr_assert_eq (stored_version (&world, "timestamp"), 2);
    for (size_t i = 0; i < FILES_MOST; i++)
        free (real[i].data);
    world_deinit (&world);
}

/*  CVE-2026-6967 */
static int search_with_delegated (void (*change) (json_t *content), bool hashes, const char *expires)
{
    struct world world;
    world_init (&world);
    world.hashes = hashes;
    json_t *content = targets_content (3);
    json_object_set_new (json_object_get (content, "targets"), "team/a", target_of ("a"));
    if (expires)
        json_object_set_new (content, "expires", json_string (expires));
    delegate (world.contents[TRUST_TARGETS], "team", (unsigned[]){20, 0}, 1, "team/*");
    delegated_publish (&world, "team", content, (unsigned[]){20, 0});
    world_advance (&world);
    if (change) {
        change (content);
        char *file = file_sign (content, (unsigned[]){20, 0});
        remote_put (&world, "team", 3, file);
        free (file);
    }
    cr_assert_eq (world_refresh (&world), 0);
    int r = world_search (&world, "team/a", NULL);
    cr_assert_eq (stored_version (&world, "team"), r ? 0 : 3);
    json_decref (content);
    world_deinit (&world);
    return r;
}

static void change_target (json_t *content)
{
    json_object_set_new (json_object_get (content, "targets"), "team/a", target_of ("b"));
}

static void change_length (json_t *content)
{
    json_object_set_new (content, "spec_version", json_string ("1.0"));
}

static void change_version (json_t *content)
{
    content_set_version (content, 2);
}

Test (attacks, delegated_metadata_is_checked_for_expiry_hash_length_and_version)
{
    cr_assert_eq (search_with_delegated (NULL, true, NULL), 0);
    cr_assert_eq (search_with_delegated (NULL, false, NULL), 0);
    cr_assert_eq (search_with_delegated (NULL, false, BEFORE), TRUST_E_EXPIRED);
    cr_assert_eq (search_with_delegated (change_target, true, NULL), TRUST_E_HASH);
    cr_assert_eq (search_with_delegated (change_length, true, NULL), TRUST_E_LENGTH);
    cr_assert_eq (search_with_delegated (change_version, false, NULL), TRUST_E_VERSION);
}

/*  go-tuf before 0.3 */
Test (attacks, stored_metadata_counts_in_rollback_checks)
{
    struct world world;
    struct file old[FILES_MOST] = {{{0}, NULL, 0}};
    world_init (&world);
    files_copy (old, world.remote);
    world_advance (&world);
    cr_assert_eq (world_refresh (&world), 0);
    files_copy (world.remote, old);
    cr_assert_eq (world_refresh (&world), TRUST_E_VERSION);
    cr_assert_eq (stored_version (&world, "timestamp"), 2);
    for (size_t i = 0; i < FILES_MOST; i++)
        free (old[i].data);
    world_deinit (&world);
}

Test (attacks, a_snapshot_that_goes_back_in_a_newer_timestamp_is_refused)
{
    struct world world;
    world_init (&world);
    world_advance (&world);
    cr_assert_eq (world_refresh (&world), 0);
    content_set_version (world.contents[TRUST_SNAPSHOT], 1);
    role_bump (&world, TRUST_TIMESTAMP);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), TRUST_E_VERSION);
    cr_assert_eq (stored_version (&world, "timestamp"), 2);
    world_deinit (&world);
}

Test (attacks, targets_that_go_back_or_disappear_in_a_newer_snapshot_are_refused)
{
    for (int disappear = 0; disappear < 2; disappear++) {
        struct world world;
        world_init (&world);
        json_t *content = targets_content (2);
        delegated_publish (&world, "team", content, (unsigned[]){20, 0});
        world_advance (&world);
        cr_assert_eq (world_refresh (&world), 0);
        content_set_version (content, 1);
        if (disappear)
            json_object_del (json_object_get (world.contents[TRUST_SNAPSHOT], "meta"), "team.json");
        else
            delegated_publish (&world, "team", content, (unsigned[]){20, 0});
        world_advance (&world);
        cr_assert_eq (world_refresh (&world), TRUST_E_VERSION);
        cr_assert_eq (stored_version (&world, "snapshot"), 2);
        cr_assert_eq (stored_version (&world, "timestamp"), 3);
        json_decref (content);
        world_deinit (&world);
    }
}

/*  The rollback check holds although the stored timestamp was lost. */
Test (attacks, a_stored_snapshot_alone_forbids_a_rollback)
{
    struct world world;
    struct file old[FILES_MOST] = {{{0}, NULL, 0}};
    world_init (&world);
    files_copy (old, world.remote);
    role_bump (&world, TRUST_SNAPSHOT);
    role_bump (&world, TRUST_TIMESTAMP);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    files_copy (world.remote, old);
    file_remove (world.stored, "timestamp.json");
    cr_assert_eq (world_refresh (&world), TRUST_E_VERSION);
    cr_assert_eq (stored_version (&world, "snapshot"), 2);
    for (size_t i = 0; i < FILES_MOST; i++)
        free (old[i].data);
    world_deinit (&world);
}

/*  python-tuf#2977, go-tuf#759: parent-a and parent-b delegate the same role to different keys, for different paths. */
Test (attacks, a_role_trusted_through_one_parent_is_not_trusted_through_another)
{
    for (int first = 0; first < 2; first++) {
        struct world world;
        char role[TRUST_NAME_TEXT];
        world_init (&world);
        json_t *a = targets_content (1), *b = targets_content (1), *shared = targets_content (1);
        delegate (world.contents[TRUST_TARGETS], "parent-a", (unsigned[]){21, 0}, 1, "a/*");
        delegate (world.contents[TRUST_TARGETS], "parent-b", (unsigned[]){22, 0}, 1, "b/*");
        delegate (a, "shared", (unsigned[]){23, 0}, 1, "a/*");
        delegate (b, "shared", (unsigned[]){24, 0}, 1, "b/*");
        json_object_set_new (json_object_get (shared, "targets"), "a/x", target_of ("good"));
        json_object_set_new (json_object_get (shared, "targets"), "b/x", target_of ("evil"));
        delegated_publish (&world, "parent-a", a, (unsigned[]){21, 0});
        delegated_publish (&world, "parent-b", b, (unsigned[]){22, 0});
        delegated_publish (&world, "shared", shared, (unsigned[]){23, 0}); /* the key that parent-a trusts */
        world_advance (&world);
        cr_assert_eq (world_refresh (&world), 0);
        if (first)
            cr_assert_eq (world_search (&world, "b/x", NULL), TRUST_E_THRESHOLD);
        cr_assert_eq (world_search (&world, "a/x", role), 0, "%s", world.error.text);
        cr_assert_str_eq (role, "shared");
        cr_assert_eq (world_search (&world, "b/x", NULL), TRUST_E_THRESHOLD);
        cr_assert_eq (world_search (&world, "a/x", NULL), 0);
        json_decref (a);
        json_decref (b);
        json_decref (shared);
        world_deinit (&world);
    }
}

/*  fleet#22687: with a root that is expired the program starts, its refresh reports that, and a newer root cures it. */
Test (attacks, an_expired_root_is_reported_and_cured_by_a_newer_one)
{
    struct world world;
    world_init (&world);
    json_object_set_new (world.contents[TRUST_ROOT], "expires", json_string (BEFORE));
    world_publish (&world);
    const struct file *root = file_find (world.remote, "1.root.json");
    file_put (world.stored, "root.json", root->data, root->size);
    cr_assert_eq (world_refresh (&world), TRUST_E_EXPIRED);
    cr_assert (strstr (world.error.text, "root"));
    json_object_set_new (world.contents[TRUST_ROOT], "expires", json_string (LATER));
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    world_deinit (&world);
}

/*  fleet#14178: a repository that was restored with lower versions is accepted again once they are higher. */
Test (attacks, a_restored_repository_is_accepted_once_its_versions_are_higher)
{
    struct world world;
    world_init (&world);
    for (int i = 0; i < 4; i++)
        world_advance (&world);
    cr_assert_eq (world_refresh (&world), 0);
    for (int kind = 1; kind < TRUST_KINDS; kind++)
        content_set_version (world.contents[kind], 2);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), TRUST_E_VERSION);
    for (int kind = 1; kind < TRUST_KINDS; kind++)
        content_set_version (world.contents[kind], 1893456000);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    world_deinit (&world);
}

/*  A broker that lied with the highest versions is undone by other online keys. */
Test (attacks, a_fast_forward_is_undone_by_rotating_the_online_keys)
{
    struct world world;
    world_init (&world);
    content_set_version (world.contents[TRUST_TIMESTAMP], (json_int_t) TRUST_VERSION_MOST);
    content_set_version (world.contents[TRUST_SNAPSHOT], (json_int_t) TRUST_VERSION_MOST);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    content_set_version (world.contents[TRUST_TIMESTAMP], 2);
    content_set_version (world.contents[TRUST_SNAPSHOT], 2);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), TRUST_E_VERSION);
    root_set_role (&world, TRUST_TIMESTAMP, (unsigned[]){12, 0}, 1);
    root_set_role (&world, TRUST_SNAPSHOT, (unsigned[]){13, 0}, 1);
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0, "%s", world.error.text);
    cr_assert_eq (stored_version (&world, "timestamp"), 2);
    cr_assert_eq (stored_version (&world, "snapshot"), 2);
    world_deinit (&world);
}

/*  The same if the lying key stays valid beside a new one: then the stored timestamp is still signed well. */
Test (attacks, a_fast_forward_is_undone_although_one_of_its_keys_stays)
{
    struct world world;
    world_init (&world);
    root_set_role (&world, TRUST_TIMESTAMP, (unsigned[]){2, 12, 0}, 1);
    role_bump (&world, TRUST_ROOT);
    content_set_version (world.contents[TRUST_TIMESTAMP], 9000);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0);
    root_set_role (&world, TRUST_TIMESTAMP, (unsigned[]){2, 0}, 1);
    role_bump (&world, TRUST_ROOT);
    content_set_version (world.contents[TRUST_TIMESTAMP], 3);
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), 0, "%s", world.error.text);
    cr_assert_eq (stored_version (&world, "timestamp"), 3);
    world_deinit (&world);
}

/*  uptane-standard#31: a clock at its end refuses everything, and changes nothing that is stored. */
Test (attacks, a_clock_at_its_end_changes_nothing_that_is_stored)
{
    struct world world;
    world_init (&world);
    cr_assert_eq (world_refresh (&world), 0);
    world_advance (&world);
    world.now = UINT64_MAX;
    cr_assert_eq (world_refresh (&world), TRUST_E_EXPIRED);
    cr_assert_eq (stored_version (&world, "timestamp"), 1);
    world.now = NOW;
    cr_assert_eq (world_refresh (&world), 0);
    cr_assert_eq (stored_version (&world, "timestamp"), 2);
    world_deinit (&world);
}

Test (attacks, an_expired_file_is_refused_in_each_role)
{
    for (int kind = 1; kind < TRUST_KINDS; kind++) {
        struct world world;
        world_init (&world);
        cr_assert_eq (world_refresh (&world), 0);
        json_object_set_new (world.contents[kind], "expires", json_string (BEFORE));
        world_advance (&world);
        cr_assert_eq (world_refresh (&world), TRUST_E_EXPIRED);
        cr_assert_eq (stored_version (&world, trust_kind_name ((enum trust_kind) kind)), 1);
        world_deinit (&world);
    }
}

Test (attacks, metadata_that_expires_now_is_expired)
{
    struct world world;
    world_init (&world);
    json_object_set_new (world.contents[TRUST_TIMESTAMP], "expires", json_string ("2030-01-01T00:00:00Z"));
    world_publish (&world);
    cr_assert_eq (world_refresh (&world), TRUST_E_EXPIRED);
    world.now--;
    cr_assert_eq (world_refresh (&world), 0);
    world_deinit (&world);
}

/*  Mix and match: each file is signed well, but is not the one that the file above names. */
Test (attacks, files_of_different_moments_do_not_mix)
{
    static const enum trust_kind kinds[] = {TRUST_SNAPSHOT, TRUST_TARGETS};
    for (int i = 0; i < 4; i++) {
        struct world world;
        char name[TRUST_FILE_TEXT], *file;
        enum trust_kind kind = kinds[i % 2];
        world_init (&world);
        world.hashes = i < 2;
        world_advance (&world);
        json_object_set_new (world.contents[kind], "spec_version", json_string ("1.0"));
        if (i >= 2)
            content_set_version (world.contents[kind], 1);
        file = file_sign (world.contents[kind], world.signers[kind]);
        file_put (world.remote, trust_name_file (trust_kind_name (kind), 2, name), file, strlen (file));
        cr_assert_eq (world_refresh (&world), i < 2 ? TRUST_E_LENGTH : TRUST_E_VERSION);
        free (file);
        world_deinit (&world);
    }
}

Test (attacks, a_file_of_the_right_length_with_another_hash_is_refused)
{
    struct world world;
    world_init (&world);
    world.hashes = true;
    world_advance (&world);
    struct file *file = file_find (world.remote, "2.targets.json");
    char *at = strstr (file->data, "app/one");
    cr_assert (at);
    at[0] = 'A';
    cr_assert_eq (world_refresh (&world), TRUST_E_HASH);
    world_deinit (&world);
}

Test (attacks, a_file_without_end_is_not_read_to_its_end)
{
    static const char *const names[] = {"2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"};
    char *spaces = calloc (1, 5 * 1024 * 1024 + 1);
    memset (spaces, ' ', 5 * 1024 * 1024);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct world world;
        world_init (&world);
        file_put (world.remote, names[i], spaces, 5 * 1024 * 1024);
        cr_assert_eq (world_refresh (&world), TRUST_E_TOO_LARGE);
        /*  Also if its owner gives it all. */
        struct trust_client client;
        const struct file *root = file_find (world.stored, "root.json");
        cr_assert_eq (trust_client_init (&client, NULL, NOW, root->data, root->size, NULL), 0);
        cr_assert_eq (trust_client_root (&client, spaces, 5 * 1024 * 1024, NULL), TRUST_E_TOO_LARGE);
        trust_client_deinit (&client);
        world_deinit (&world);
    }
    free (spaces);
}

Test (attacks, a_key_of_one_role_signs_for_no_other)
{
    for (int kind = 0; kind < TRUST_KINDS; kind++)
        for (unsigned key = 1; key <= TRUST_KINDS; key++) {
            struct world world;
            world_init (&world);
            role_bump (&world, TRUST_ROOT);
            world.signers[kind][0] = key;
            world_publish (&world);
            cr_assert_eq (world_refresh (&world), key == (unsigned) kind + 1 ? 0 : TRUST_E_THRESHOLD);
            world_deinit (&world);
        }
}

Test (attacks, a_file_of_one_role_is_no_file_of_another)
{
    struct world world;
    world_init (&world);
    root_set_role (&world, TRUST_SNAPSHOT, (unsigned[]){3, 2, 0}, 1);
    role_bump (&world, TRUST_ROOT);
    world_publish (&world);
    json_t *snapshot = world.contents[TRUST_SNAPSHOT];
    json_object_set_new (snapshot, "meta", json_pack ("{s:{s:i}}", "snapshot.json", "version", 1));
    char *file = file_sign (snapshot, (unsigned[]){2, 0});
    remote_put (&world, "timestamp", 1, file);
    cr_assert_eq (world_refresh (&world), TRUST_E_FORMAT);
    free (file);
    world_deinit (&world);
}

Test (attacks, a_name_that_stands_twice_is_refused)
{
    struct world world;
    world_init (&world);
    struct file *file = file_find (world.remote, "timestamp.json");
    base_cleanup (base_free_p) char *text =
        base_text_printf ("{\"signed\":{\"_type\":\"timestamp\"},%s", file->data + 1);
    file_put (world.remote, "timestamp.json", text, strlen (text));
    cr_assert_eq (world_refresh (&world), TRUST_E_FORMAT);
    world_deinit (&world);
}

/*  A root that its own keys did not sign, and one that the last keys did not sign. */
Test (attacks, the_next_root_needs_the_keys_of_both)
{
    for (int both = 0; both < 3; both++) {
        static const unsigned signers[3][3] = {{1, 0}, {11, 0}, {1, 11, 0}};
        struct world world;
        world_init (&world);
        root_set_role (&world, TRUST_ROOT, (unsigned[]){11, 0}, 1);
        memcpy (world.signers[TRUST_ROOT], signers[both], sizeof signers[both]);
        role_bump (&world, TRUST_ROOT);
        world_publish (&world);
        cr_assert_eq (world_refresh (&world), both == 2 ? 0 : TRUST_E_THRESHOLD);
        cr_assert_eq (stored_version (&world, "root"), both == 2 ? 2 : 1);
        world_deinit (&world);
    }
}

/*  A chain of roots that never ends is ended; the next refresh goes on from there. */
Test (attacks, a_chain_of_roots_has_an_end_in_each_refresh)
{
    struct world world;
    world_init (&world);
    world.limits.roots = 3;
    for (int i = 0; i < 5; i++) {
        role_bump (&world, TRUST_ROOT);
        world_publish (&world);
    }
    cr_assert_eq (world_refresh (&world), 0);
    cr_assert_eq (stored_version (&world, "root"), 4);
    cr_assert_eq (world_refresh (&world), 0);
    cr_assert_eq (stored_version (&world, "root"), 6);
    world_deinit (&world);
}
