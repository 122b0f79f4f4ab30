/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/client/trust.c - signed releases against a broker in a thread */

#include <sys/stat.h>

#include "base/cleanup.h"
#include "client/trust.h"
#include "disk/disk.h"
#include "trust_broker.h"

static noded_client *client;
static char directory[64], state[96];
static noded_signing_key *key, *other;

static void key_new (const char *name, noded_signing_key **ret_key)
{
    noded_public public;
    char error[512] = "";
    cr_assert_eq (noded_signing_key_make (name, NULL, 0, &public, error, sizeof error), 0, "%s", error);
    noded_public_free (&public);
    cr_assert_eq (noded_signing_key_open (name, NULL, 0, ret_key, error, sizeof error), 0, "%s", error);
}

static void setup (void)
{
    trust_broker_start ();
    client = fake_client (&trust_broker.fake, 20000);
    (void) snprintf (directory, sizeof directory, "/tmp/noded-trust-XXXXXX");
    cr_assert_not_null (mkdtemp (directory));
    cr_assert_eq (chdir (directory), 0);
    (void) snprintf (state, sizeof state, "%s/state", directory);
    key_new ("key", &key);
    key_new ("other", &other);
    FILE *program = fopen ("program", "w");
    cr_assert_not_null (program);
    (void) fputs ("p", program);
    (void) fclose (program);
}

static void teardown (void)
{
    noded_signing_key_free (key);
    noded_signing_key_free (other);
    noded_client_free (client);
    trust_broker_end ();
    cr_expect_eq (disk_tree_remove (&disk_system, AT_FDCWD, directory, NULL), 0);
}

TestSuite (trust, .init = setup, .fini = teardown, .timeout = 60);

static const noded_trust_place *place (void)
{
    static noded_trust_place at;
    at = (noded_trust_place){.state = state};
    return &at;
}

static void expect_sentence (const char *piece)
{
    cr_expect_not_null (strstr (noded_client_error (client), piece), "%s is not in: %s", piece,
                        noded_client_error (client));
}

/*  Makes the first root and targets, and publishes them. */
static void begin (void)
{
    noded_public public;
    noded_metadata *root, *targets;
    cr_assert_eq (noded_public_read ("key", &public, NULL, 0), 0);
    cr_assert_eq (noded_client_trust_first (client, &public, 1825, &root, &targets), 0, "%s",
                  noded_client_error (client));
    /*  A version far below the clock: another publisher may take one between it and the next. */
    cr_assert_eq (json_object_set_new (trust_draft_content (&targets->draft), "version", json_integer (1)),
                  0);
    cr_assert_eq (noded_metadata_sign (root, key, NULL, 0), 0);
    cr_assert_eq (noded_metadata_sign (targets, key, NULL, 0), 0);
    cr_assert_eq (noded_trust_pin (client, place (), root), 0, "%s", noded_client_error (client));
    cr_assert_eq (noded_client_publish_root (client, root), 0, "%s", noded_client_error (client));
    cr_assert_eq (noded_client_publish_metadata (client, (const noded_metadata *const *) &targets, 1), 0,
                  "%s", noded_client_error (client));
    noded_metadata_free (root);
    noded_metadata_free (targets);
    noded_public_free (&public);
}

static noded_trust *trust_now (void)
{
    noded_trust *trust = NULL;
    cr_assert_eq (noded_trust_read (client, place (), &trust), 0, "%s", noded_client_error (client));
    return trust;
}

static int publish_with (noded_client *by, noded_signing_key *with, const char *application,
                         const char *version, bool downgrade, char release[65],
                         noded_metadata **ret_unfinished)
{
    const noded_binary binary = {.path = "program"};
    const noded_publish publish = {
        .application = application, .version = version, .binaries = &binary, .n_binaries = 1};
    const noded_signing signing = {.place = *place (), .keys = &with, .n_keys = 1, .downgrade = downgrade};
    return noded_client_publish_signed (by, &publish, &signing, release, ret_unfinished);
}

static void publish (noded_signing_key *with, const char *application, const char *version)
{
    char release[65];
    noded_metadata *unfinished;
    cr_assert_eq (publish_with (client, with, application, version, false, release, &unfinished), 0, "%s",
                  noded_client_error (client));
}

/*  The release-counter that the published targets say of a version; 0: it is not listed. */
static uint64_t counter_of (const char *version)
{
    noded_trust *trust = trust_now ();
    uint64_t counter = 0;
    for (size_t i = 0; i < trust->chain.targets.n_targets; i++) {
        struct trust_custom custom;
        cr_assert_eq (trust_custom_read (trust->chain.targets.targets[i].custom, &custom, NULL), 0);
        if (strcmp (custom.version, version) == 0)
            counter = custom.counter;
    }
    noded_trust_free (trust);
    return counter;
}

Test (trust, the_first_root_and_targets_are_published_and_verified)
{
    noded_trust_state shown;
    cr_assert_eq (noded_client_trust (client, &shown), 0);
    cr_expect_not (shown.published);
    noded_trust_state_free (&shown);
    begin ();
    noded_trust *trust = trust_now ();
    size_t count;
    const noded_trust_role *roles = noded_trust_roles (trust, &count);
    cr_expect_null (noded_trust_problem (trust));
    cr_expect_eq (count, 4);
    cr_expect_str_eq (roles[0].name, "root");
    cr_expect_eq (roles[0].version, 1);
    cr_expect_eq (roles[0].threshold, 1);
    cr_expect_str_eq (roles[0].keyids[0], noded_signing_key_id (key));
    cr_expect_eq (roles[1].releases, 0);
    cr_expect_gt (roles[1].expires_s, (uint64_t) time (NULL) + UINT64_C (1800) * 86400);
    noded_trust_free (trust);
    noded_metadata *root = NULL, *targets = NULL;
    noded_public public;
    cr_assert_eq (noded_public_read ("key", &public, NULL, 0), 0);
    cr_expect_eq (noded_client_trust_first (client, &public, 1825, &root, &targets), -EEXIST);
    noded_public_free (&public);
}

Test (trust, a_host_without_a_pinned_root_trusts_nothing_until_it_is_given_one)
{
    begin ();
    char fresh[160];
    (void) snprintf (fresh, sizeof fresh, "%s/fresh", directory);
    const noded_trust_place nowhere = {.state = fresh};
    noded_trust *trust = NULL;
    cr_expect_eq (noded_trust_read (client, &nowhere, &trust), -ENOENT);
    expect_sentence ("--trust-root root.json");
    char path[160];
    (void) snprintf (path, sizeof path, "%s/root.json", state);
    const noded_trust_place given = {.state = fresh, .root = path};
    cr_assert_eq (noded_trust_read (client, &given, &trust), 0, "%s", noded_client_error (client));
    noded_trust_free (trust);
    cr_expect_eq (noded_trust_read (client, &nowhere, &trust), 0, "it is kept");
    noded_trust_free (trust);
}

Test (trust, a_pinned_root_is_not_replaced)
{
    begin ();
    noded_trust *trust = trust_now ();
    noded_metadata *root = NULL;
    char error[512];
    cr_assert_eq (noded_trust_root_next (trust, "root", NULL, 10, &root, error, sizeof error), 0);
    cr_assert_eq (noded_metadata_sign (root, key, NULL, 0), 0);
    cr_expect_eq (noded_trust_pin (client, place (), root), -EEXIST);
    expect_sentence ("rm -r ");
    noded_metadata_free (root);
    noded_trust_free (trust);
}

static size_t shown_count;
static char shown_text[4096];

static void difference_note (void *context, const char *role, const char *difference)
{
    (void) context;
    (void) role;
    shown_count++;
    (void) snprintf (shown_text, sizeof shown_text, "%s", difference);
}

Test (trust, a_release_is_uploaded_then_signed_and_the_difference_is_shown)
{
    begin ();
    const noded_binary binary = {.path = "program", .platform = "linux/amd64"};
    const noded_publish release_publish = {
        .application = "web", .version = "1.0", .binaries = &binary, .n_binaries = 1};
    const noded_signing signing = {.place = *place (), .keys = &key, .n_keys = 1, .show = difference_note};
    char release[65];
    noded_metadata *unfinished;
    cr_assert_eq (noded_client_publish_signed (client, &release_publish, &signing, release, &unfinished), 0,
                  "%s", noded_client_error (client));
    cr_expect_eq (shown_count, 1);
    cr_expect_not_null (strstr (shown_text, "+ release web 1.0, release-counter 1, platforms linux/amd64"),
                        "%s", shown_text);
    cr_expect_not_null (strstr (shown_text, release), "%s", shown_text);
    cr_expect_eq (counter_of ("1.0"), 1);
    /*  The same again changes nothing. */
    uint64_t versions = trust_broker.n_old;
    cr_assert_eq (noded_client_publish_signed (client, &release_publish, &signing, release, &unfinished), 0,
                  "%s", noded_client_error (client));
    cr_expect_eq (shown_count, 1);
    cr_expect_eq (trust_broker.n_old, versions);
}

Test (trust, release_counters_rise_and_a_downgrade_gets_the_highest)
{
    begin ();
    char release[65];
    noded_metadata *unfinished;
    publish (key, "web", "1.0");
    publish (key, "web", "2.0");
    cr_expect_eq (counter_of ("2.0"), 2);
    publish (key, "web", "1.0");
    cr_expect_eq (counter_of ("1.0"), 1, "publishing it again is no downgrade");
    cr_assert_eq (publish_with (client, key, "web", "1.0", true, release, &unfinished), 0);
    cr_expect_eq (counter_of ("1.0"), 3);
    cr_assert_eq (publish_with (client, key, "web", "1.0", true, release, &unfinished), 0);
    cr_expect_eq (counter_of ("1.0"), 3, "it has the highest already");
}

static void other_publishes (struct trust_broker *broker)
{
    /*  In the broker's thread: another publisher was faster by a moment. */
    const struct trust_repository_file *file = trust_broker_file (broker, "targets", 0);
    struct trust_draft last, next;
    struct base_buffer bytes = {.size = 0};
    struct trust_custom custom = {
        .application = "web", .version = "other", .platforms = {"*"}, .n_platforms = 1, .counter = 7};
    struct base_digest release = {{7}};
    uint64_t now = (uint64_t) time (NULL);
    bool done = trust_draft_read (file->bytes.data, file->bytes.size, &last, NULL) == 0 &&
                trust_draft_targets_next (&last, 0, now + 86400 * 365, &next, NULL) == 0 &&
                trust_draft_targets_add (&next, &custom, &release, 100, NULL) == 0 &&
                trust_draft_sign (&next, &key->secret, NULL) == 0 &&
                trust_draft_write (&next, &bytes, NULL) == 0;
    const struct trust_draft_file published = {"targets", bytes.data, bytes.size};
    (void) fake_expect (&broker->fake, done && trust_broker_publish (broker, &published, 1, NULL) == 0,
                        "the other publisher failed");
    trust_draft_deinit (&last);
    trust_draft_deinit (&next);
    base_buffer_deinit (&bytes);
}

Test (trust, of_two_publishers_at_once_neither_release_is_lost)
{
    begin ();
    trust_broker.before_publish = other_publishes;
    publish (key, "web", "1.0");
    cr_expect_eq (counter_of ("other"), 7);
    cr_expect_eq (counter_of ("1.0"), 8, "it was signed again, after the other one");
}

static void delegate (const char *name, const char *application, const char *file)
{
    noded_trust *trust = trust_now ();
    noded_metadata *targets;
    noded_public public;
    char error[512] = "";
    cr_assert_eq (noded_public_read (file, &public, NULL, 0), 0);
    cr_assert_eq (noded_trust_targets_next (trust, "targets", 0, &targets, NULL, 0), 0);
    const noded_publisher publisher = {
        .name = name, .applications = &application, .n_applications = 1, .keys = &public, .n_keys = 1};
    cr_assert_eq (noded_metadata_delegate (targets, &publisher, error, sizeof error), 0, "%s", error);
    cr_assert_eq (noded_metadata_sign (targets, key, NULL, 0), 0);
    cr_assert_eq (noded_client_publish_metadata (client, (const noded_metadata *const *) &targets, 1), 0,
                  "%s", noded_client_error (client));
    noded_metadata_free (targets);
    noded_public_free (&public);
    noded_trust_free (trust);
}

static void bob_publishes (struct trust_broker *broker)
{
    struct trust_draft first;
    struct base_buffer bytes = {.size = 0};
    struct trust_custom custom = {
        .application = "web", .version = "other", .platforms = {"*"}, .n_platforms = 1, .counter = 7};
    struct base_digest release = {{7}};
    uint64_t now = (uint64_t) time (NULL);
    bool done = trust_draft_targets_new (1, now + 86400 * 365, &first, NULL) == 0 &&
                trust_draft_targets_add (&first, &custom, &release, 100, NULL) == 0 &&
                trust_draft_sign (&first, &other->secret, NULL) == 0 &&
                trust_draft_write (&first, &bytes, NULL) == 0;
    const struct trust_draft_file published = {"bob", bytes.data, bytes.size};
    (void) fake_expect (&broker->fake, done && trust_broker_publish (broker, &published, 1, NULL) == 0,
                        "the other publisher failed");
    trust_draft_deinit (&first);
    base_buffer_deinit (&bytes);
}

Test (trust, of_two_first_files_of_a_publisher_at_once_neither_release_is_lost)
{
    begin ();
    delegate ("bob", "web", "other");
    trust_broker.before_publish = bob_publishes;
    publish (other, "web", "1.0");
    noded_trust *trust = trust_now ();
    cr_expect_eq (trust->publishers[0].targets.n_targets, 2);
    noded_trust_free (trust);
}

Test (trust, files_that_continue_another_file_are_reported_as_changed)
{
    begin ();
    noded_trust *trust = trust_now ();
    noded_metadata *targets;
    cr_assert_eq (noded_trust_targets_next (trust, "targets", 100, &targets, NULL, 0), 0);
    cr_assert_eq (noded_metadata_sign (targets, key, NULL, 0), 0);
    publish (key, "web", "1.0");
    cr_expect_eq (noded_client_publish_metadata (client, (const noded_metadata *const *) &targets, 1),
                  NODED_E_CHANGED);
    noded_metadata_free (targets);
    noded_trust_free (trust);
}

Test (trust, refused_metadata_leaves_a_stored_release_and_says_so)
{
    begin ();
    char release[65];
    noded_metadata *unfinished;
    trust_broker.refuses = WIRE_STATUS_REFUSED;
    cr_expect_eq (publish_with (client, key, "web", "1.0", false, release, &unfinished), -EPERM);
    expect_sentence ("the disk of the broker is full");
    cr_expect_eq (strlen (release), 64, "the release is stored");
    cr_expect_null (unfinished);
    trust_broker.refuses = WIRE_STATUS_NULL;
    publish (key, "web", "1.0");
    cr_expect_eq (counter_of ("1.0"), 1);
}

Test (trust, a_key_that_may_not_sign_uploads_nothing)
{
    begin ();
    char release[65];
    noded_metadata *unfinished;
    cr_expect_eq (publish_with (client, other, "web", "1.0", false, release, &unfinished), NODED_E_UNTRUSTED);
    expect_sentence ("neither a key of targets nor of a publisher");
    cr_expect_str_empty (release);
    cr_expect_eq (trust_broker.fake.n_blobs, 0);
}

Test (trust, a_publisher_signs_its_applications_and_no_others)
{
    begin ();
    delegate ("bob", "api-*", "other");
    publish (other, "api-v2", "1.0");
    noded_trust *trust = trust_now ();
    size_t count;
    const noded_trust_role *roles = noded_trust_roles (trust, &count);
    cr_assert_eq (count, 5);
    cr_expect_str_eq (roles[4].name, "bob");
    cr_expect_eq (roles[4].releases, 1);
    cr_expect_str_eq (roles[4].applications[0], "api-*");
    cr_expect_str_eq (roles[4].keyids[0], noded_signing_key_id (other));
    noded_trust_free (trust);
    char release[65];
    noded_metadata *unfinished;
    cr_expect_eq (publish_with (client, other, "web", "1.0", false, release, &unfinished), NODED_E_UNTRUSTED);
    expect_sentence ("publisher bob, whose key was given, may not publish web");
    publish (other, "api-v2", "1.1");
}

Test (trust, counters_go_on_over_all_roles_of_an_application)
{
    begin ();
    publish (key, "api", "1.0");
    delegate ("bob", "api", "other");
    publish (other, "api", "2.0");
    noded_trust *trust = trust_now ();
    struct trust_custom custom;
    cr_assert_eq (trust->publishers[0].targets.n_targets, 1);
    cr_assert_eq (trust_custom_read (trust->publishers[0].targets.targets[0].custom, &custom, NULL), 0);
    cr_expect_eq (custom.counter, 2);
    noded_trust_free (trust);
}

Test (trust, a_threshold_of_two_needs_both_keys_and_the_first_signature_is_kept)
{
    begin ();
    noded_trust *trust = trust_now ();
    noded_metadata *root, *targets, *unfinished = NULL;
    noded_public public;
    char error[512] = "", release[65];
    cr_assert_eq (noded_public_read ("other", &public, NULL, 0), 0);
    const noded_keys_change change = {.add = &public, .n_add = 1, .threshold = 2};
    cr_assert_eq (noded_trust_root_next (trust, "targets", &change, 100, &root, error, sizeof error), 0, "%s",
                  error);
    cr_assert_eq (noded_trust_targets_next (trust, "targets", 100, &targets, error, sizeof error), 0, "%s",
                  error);
    cr_assert_eq (noded_metadata_sign (root, key, NULL, 0), 0);
    cr_assert_eq (noded_metadata_sign (targets, key, NULL, 0), 0);
    base_cleanup (base_free_p) char *missing = NULL;
    cr_assert_eq (noded_metadata_missing (targets, root, &missing, error, sizeof error), 0);
    cr_assert_not_null (missing);
    cr_expect_not_null (strstr (missing, "has 1 of the 2 signatures"), "%s", missing);
    cr_expect_not_null (strstr (missing, noded_signing_key_id (other)), "%s", missing);
    cr_assert_eq (noded_metadata_sign (targets, other, NULL, 0), 0);
    free (missing);
    cr_assert_eq (noded_metadata_missing (targets, root, &missing, error, sizeof error), 0);
    cr_expect_null (missing);
    /*  This fake broker publishes a root and targets only together. */
    struct base_buffer bytes[2] = {{.size = 0}, {.size = 0}};
    cr_assert_eq (trust_draft_write (&root->draft, &bytes[0], NULL), 0);
    cr_assert_eq (trust_draft_write (&targets->draft, &bytes[1], NULL), 0);
    const struct trust_draft_file files[] = {{"root", bytes[0].data, bytes[0].size},
                                             {"targets", bytes[1].data, bytes[1].size}};
    struct base_error reason = {.code = 0};
    cr_assert_eq (trust_broker_publish (&trust_broker, files, 2, &reason), 0, "%s", reason.text);
    base_buffer_deinit (&bytes[0]);
    base_buffer_deinit (&bytes[1]);
    cr_expect_eq (publish_with (client, key, "web", "1.0", false, release, &unfinished), -EPERM);
    expect_sentence ("has 1 of the 2 signatures");
    cr_assert_not_null (unfinished);
    cr_expect_eq (strlen (release), 64);
    cr_assert_eq (noded_metadata_sign (unfinished, other, NULL, 0), 0);
    cr_assert_eq (noded_client_publish_metadata (client, (const noded_metadata *const *) &unfinished, 1), 0,
                  "%s", noded_client_error (client));
    cr_expect_eq (counter_of ("1.0"), 1);
    noded_metadata_free (unfinished);
    noded_metadata_free (root);
    noded_metadata_free (targets);
    noded_public_free (&public);
    noded_trust_free (trust);
}

static void rotate (const char *role, const noded_keys_change *change, noded_signing_key *first,
                    noded_signing_key *second)
{
    noded_trust *trust = trust_now ();
    noded_metadata *root;
    char error[512] = "";
    cr_assert_eq (noded_trust_root_next (trust, role, change, 100, &root, error, sizeof error), 0, "%s",
                  error);
    cr_assert_eq (noded_metadata_sign (root, first, NULL, 0), 0);
    if (second)
        cr_assert_eq (noded_metadata_sign (root, second, NULL, 0), 0);
    cr_assert_eq (noded_client_publish_root (client, root), 0, "%s", noded_client_error (client));
    noded_metadata_free (root);
    noded_trust_free (trust);
}

Test (trust, the_key_of_root_is_replaced_and_the_chain_is_followed)
{
    begin ();
    noded_public public;
    cr_assert_eq (noded_public_read ("other", &public, NULL, 0), 0);
    const char *old = noded_signing_key_id (key);
    const noded_keys_change change = {.add = &public, .n_add = 1, .remove = &old, .n_remove = 1};
    rotate ("root", &change, key, other);
    noded_trust *trust = trust_now ();
    size_t count;
    const noded_trust_role *roles = noded_trust_roles (trust, &count);
    cr_expect_eq (roles[0].version, 2);
    cr_expect_eq (roles[0].n_keyids, 1);
    cr_expect_str_eq (roles[0].keyids[0], noded_signing_key_id (other));
    noded_trust_free (trust);
    noded_public_free (&public);
    publish (key, "web", "1.0");
}

Test (trust, online_keys_are_rotated_and_what_was_signed_with_the_old_ones_is_forgotten)
{
    begin ();
    noded_trust *trust = trust_now ();
    noded_metadata *root;
    cr_assert_eq (noded_client_online_next (client, trust, 100, &root), 0, "%s", noded_client_error (client));
    cr_assert_eq (noded_metadata_sign (root, key, NULL, 0), 0);
    cr_assert_eq (noded_client_publish_root (client, root), 0, "%s", noded_client_error (client));
    noded_metadata_free (root);
    noded_trust_free (trust);
    trust = trust_now ();
    size_t count;
    const noded_trust_role *roles = noded_trust_roles (trust, &count);
    char keyid[65];
    base_digest_format (&trust_broker.secrets[1][0].keyid, keyid);
    cr_expect_str_eq (roles[2].keyids[0], keyid);
    cr_expect_null (noded_trust_problem (trust));
    noded_trust_free (trust);
    publish (key, "web", "1.0");
}

Test (trust, an_older_repository_is_refused_because_this_host_saw_a_newer_one)
{
    begin ();
    publish (key, "web", "1.0");
    noded_trust_free (trust_now ());
    /*  The broker is restored from a backup, with the clock of that time. */
    struct trust_repository newer = trust_broker.repository, older = {.n_files = 0};
    older.files = calloc (8, sizeof *older.files);
    for (size_t i = 0; i < newer.n_files; i++)
        for (size_t j = 0; j < trust_broker.n_old && older.n_files < newer.n_files; j++)
            if (strcmp (trust_broker.old[j].role, newer.files[i].role) == 0 &&
                (trust_broker.old[j].version < newer.files[i].version || i == 0)) {
                older.files[older.n_files++] = trust_broker.old[j];
                break;
            }
    trust_broker.repository = older;
    noded_trust *trust = NULL;
    cr_assert_eq (noded_trust_read (client, place (), &trust), 0, "%s", noded_client_error (client));
    cr_expect_not_null (noded_trust_problem (trust));
    cr_expect_null (noded_trust_file (trust, "targets"));
    cr_expect_not_null (noded_trust_file (trust, "root"), "keys can be rotated");
    noded_trust_free (trust);
    trust_broker.repository = newer;
    free (older.files);
}

Test (trust, an_expired_timestamp_stops_signing_and_expired_targets_do_not)
{
    trust_broker.valid_s = 1;
    trust_broker.clock_ahead = UINT64_C (0) - 86400; /* the broker's clock is a day behind */
    begin ();
    noded_trust *trust = trust_now ();
    cr_assert_not_null (noded_trust_problem (trust));
    cr_expect_not_null (strstr (noded_trust_problem (trust), "timestamp expired at"), "%s",
                        noded_trust_problem (trust));
    cr_expect_not_null (noded_trust_file (trust, "targets"));
    noded_trust_free (trust);
    char release[65];
    noded_metadata *unfinished;
    cr_expect_eq (publish_with (client, key, "web", "1.0", false, release, &unfinished), NODED_E_UNTRUSTED);
    expect_sentence ("newer metadata may be withheld");
    cr_expect_str_empty (release);
}

Test (trust, a_log_that_does_not_continue_the_one_seen_before_is_a_problem)
{
    begin ();
    publish (key, "web", "1.0");
    publish (key, "web", "2.0");
    noded_trust_free (trust_now ());
    trust_broker.leaves[0].bytes[0] ^= 1; /* another history */
    char release[65];
    noded_metadata *unfinished;
    other_publishes (&trust_broker);
    noded_trust *trust = trust_now ();
    cr_assert_not_null (noded_trust_problem (trust));
    cr_expect_not_null (strstr (noded_trust_problem (trust), "log of releases does not continue"), "%s",
                        noded_trust_problem (trust));
    noded_trust_free (trust);
    cr_expect_eq (publish_with (client, key, "web", "3.0", false, release, &unfinished), NODED_E_UNTRUSTED);
}

Test (trust, a_release_that_the_log_lacks_does_not_count_as_published)
{
    begin ();
    trust_broker.lies_about_log = true;
    char release[65];
    noded_metadata *unfinished;
    cr_expect_eq (publish_with (client, key, "web", "1.0", false, release, &unfinished), NODED_E_UNTRUSTED);
    expect_sentence ("the broker's log of releases does not have it");
}

Test (trust, expiries_are_kept_until_they_are_close)
{
    begin ();
    noded_trust *trust = trust_now ();
    noded_metadata *next;
    cr_assert_eq (noded_trust_targets_next (trust, "targets", 0, &next, NULL, 0), 0);
    base_cleanup (base_free_p) char *same =
        noded_metadata_difference (noded_trust_file (trust, "targets"), next);
    size_t count;
    const noded_trust_role *roles = noded_trust_roles (trust, &count);
    char piece[96];
    (void) snprintf (piece, sizeof piece, "expires %s -> %s", roles[1].expires, roles[1].expires);
    cr_expect_not_null (strstr (same, piece), "%s", same);
    noded_metadata_free (next);
    cr_assert_eq (noded_trust_targets_next (trust, "targets", 30, &next, NULL, 0), 0);
    cr_assert_eq (noded_metadata_sign (next, key, NULL, 0), 0);
    cr_assert_eq (noded_client_publish_metadata (client, (const noded_metadata *const *) &next, 1), 0);
    noded_metadata_free (next);
    noded_trust_free (trust);
    trust = trust_now ();
    cr_assert_eq (noded_trust_targets_next (trust, "targets", 0, &next, NULL, 0), 0);
    struct trust_targets read;
    cr_assert_eq (trust_targets_read (trust_draft_content (&next->draft), &read, NULL), 0);
    cr_expect_gt (read.common.expires, (uint64_t) time (NULL) + UINT64_C (1800) * 86400);
    trust_targets_deinit (&read);
    noded_metadata_free (next);
    noded_trust_free (trust);
}

Test (trust, no_difference_is_hidden)
{
    begin ();
    publish (key, "web", "1.0");
    delegate ("bob", "api", "other");
    noded_trust *trust = trust_now ();
    noded_metadata *next;
    cr_assert_eq (noded_trust_targets_next (trust, "targets", 0, &next, NULL, 0), 0);
    json_t *content = trust_draft_content (&next->draft);
    json_t *role = json_array_get (json_object_get (json_object_get (content, "delegations"), "roles"), 0);
    cr_assert_eq (json_object_set_new (role, "x-odd", json_true ()), 0);
    cr_assert_eq (json_object_set_new (role, "terminating", json_true ()), 0);
    cr_assert_eq (json_object_set_new (content, "x-new", json_integer (1)), 0);
    const char *path = NULL;
    json_t *target = NULL;
    json_object_foreach (json_object_get (content, "targets"), path, target)
    {
        cr_assert_eq (json_object_set_new (target, "length", json_integer (5)), 0);
    }
    base_cleanup (base_free_p) char *text =
        noded_metadata_difference (noded_trust_file (trust, "targets"), next);
    static const char *const pieces[] = {"~ publisher bob", "terminating differs", "x-odd differs",
                                         "~ x-new",         "- release web 1.0",   "+ release web 1.0"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        cr_expect_not_null (strstr (text, pieces[i]), "%s is not in: %s", pieces[i], text);
    noded_metadata_free (next);
    noded_trust_free (trust);
}
