/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/node/trust.c - which releases signed metadata allows, whatever an origin sends */

#include "signed_origin.h"

#include "base/version.h"
#include "test/lib/log_lines.h"

static struct node_trust check;
static unsigned ends;
static enum node_trust_verdict verdict;
static char reason[600];
static struct trust_custom custom;

static void on_done (void *context, const struct node_trust_answer *answer)
{
    cr_expect_eq (context, &ends);
    ends++;
    verdict = answer->verdict;
    (void) snprintf (reason, sizeof reason, "%s", answer->reason ? answer->reason : "");
    if (answer->custom)
        custom = *answer->custom;
    cr_expect_eq (verdict == NODE_TRUST_VERIFIED, answer->custom != NULL);
    bus_loop_stop (process.loop);
}

static void setup (void)
{
    signed_setup ();
    blob_size = sizeof blob;
    node_session_open (process.session);
}

static void teardown (void)
{
    node_trust_cancel (&check);
    cr_expect_null (process.trust);
    signed_teardown ();
}

TestSuite (trust, .init = setup, .fini = teardown);

static void ask (const struct base_digest *release, uint64_t size, const char *version)
{
    struct node_trust_question question = {.release = release, .size = size, .version = version};
    unsigned before = ends;
    node_trust_begin (&check, &app, &question, on_done, &ends);
    cr_assert_eq (ends, before, "never during the call");
    RUN_UNTIL (ends > before);
    cr_assert_eq (ends, before + 1);
    cr_expect_null (check.app);
}

/*  Whether `wanted` is allowed now. */
static bool allowed (void)
{
    ask (&wanted, match_size, NULL);
    return verdict == NODE_TRUST_VERIFIED;
}

/*  `wanted` is not allowed, for a reason with these words. */
static void refused (const char *words)
{
    cr_expect_not (allowed ());
    cr_expect_eq (verdict, NODE_TRUST_REFUSED, "%s", reason);
    cr_expect (strstr (reason, words), "%s: %s", words, reason);
}

Test (trust, a_release_that_is_signed_is_allowed)
{
    pin ();
    cr_assert (allowed (), "%s", reason);
    cr_expect_eq (custom.counter, 7);
    cr_expect_str_eq (custom.version, "2");
    cr_expect (is_stored ("timestamp.json"));
    cr_expect (is_stored ("snapshot.json"));
    cr_expect (is_stored ("targets.json"));
    cr_expect_eq (floor_now ("noded"), 0, "it is not confirmed");
}

Test (trust, an_unchanged_repository_is_fetched_no_further_than_its_timestamp)
{
    pin ();
    cr_assert (allowed (), "%s", reason);
    wants = 0;
    cr_assert (allowed (), "%s", reason);
    cr_expect_eq (wants, 2, "the next root, and the timestamp: %u", wants);
}

Test (trust, without_a_pinned_root_trust_is_off)
{
    cr_expect_not (node_trust_is_on (&process));
    pin ();
    cr_expect (node_trust_is_on (&process));
}

Test (trust, a_release_that_is_not_listed_is_refused)
{
    static const struct base_digest unsigned_release = {{3}};
    pin ();
    ask (&unsigned_release, match_size, NULL);
    cr_expect_eq (verdict, NODE_TRUST_REFUSED);
    cr_expect (strstr (reason, "not listed in the signed targets"), "%s", reason);
}

Test (trust, a_release_of_another_application_is_refused)
{
    pin ();
    app.name = "web";
    refused ("not listed");
    app.name = "noded";
}

Test (trust, a_document_of_another_size_is_refused)
{
    pin ();
    ask (&wanted, match_size + 1, NULL);
    cr_expect_eq (verdict, NODE_TRUST_REFUSED);
    cr_expect (strstr (reason, "101 bytes"), "%s", reason);
}

Test (trust, a_release_of_another_version_is_refused)
{
    pin ();
    ask (&wanted, 0, "2");
    cr_expect_eq (verdict, NODE_TRUST_VERIFIED, "%s", reason);
    ask (&wanted, 0, "3");
    cr_expect_eq (verdict, NODE_TRUST_REFUSED);
    cr_expect (strstr (reason, "version 2"), "%s", reason);
}

Test (trust, an_origin_without_metadata_is_named)
{
    pin ();
    struct fleet all = fleet;
    fleet.repository = (struct trust_repository){0};
    refused ("the origin has no signed metadata");
    fleet = all;
}

Test (trust, expired_metadata_is_refused_until_it_is_renewed)
{
    fleet_make (now_s - 3 * DAY);
    pin ();
    refused ("expired at");
    cr_expect (strstr (reason, "of timestamp"), "%s", reason);
    cr_expect_not (is_stored ("timestamp.json"), "a rejected timestamp is not kept");
    renew (now_s);
    cr_expect (allowed (), "%s", reason);
}

Test (trust, an_expired_snapshot_and_expired_targets_are_refused)
{
    fleet_make (now_s - 500 * DAY);
    pin ();
    refused ("of timestamp");
    renew (now_s);
    refused ("of targets expired");
    targets_next (&fleet.targets, now_s);
    targets_publish (now_s);
    cr_expect (allowed (), "%s", reason);
}

/*  forged */

static struct trust_repository forged;

static void serve_forged (const struct wire_want_metadata *want, struct wire_metadata *answer,
                          struct base_buffer *bytes)
{
    const struct trust_repository_file *file =
        file_find (&forged, want->role, strcmp (want->role, "root") == 0 ? want->version : 0);
    base_buffer_deinit (bytes);
    answer->status = file ? WIRE_STATUS_OK : WIRE_STATUS_NONE;
    if (file)
        (void) base_buffer_append (bytes, file->bytes.data, file->bytes.size);
}

Test (trust, metadata_of_other_keys_is_refused_and_not_kept)
{
    pin ();
    /* another repository, whose online keys are other ones */
    struct key_set sets[TRUST_KINDS];
    struct trust_draft_keys keys[TRUST_KINDS];
    for (int i = 0; i < TRUST_KINDS; i++) {
        key_set_init (&sets[i], 1, (uint8_t) (100 + i), 1);
        keys[i] = sets[i].draft;
    }
    struct trust_draft root = {0}, targets = {0};
    cr_assert_eq (trust_draft_root_new (keys, now_s + YEAR, &root, NULL), 0);
    cr_assert_eq (trust_draft_targets_new (now_s, now_s + YEAR, &targets, NULL), 0);
    sign_release (&targets, "noded", &wanted, 7, "2", match_size);
    draft_sign (&root, 100 + TRUST_ROOT, 1);
    draft_sign (&targets, 100 + TRUST_TARGETS, 1);
    struct to_publish drafts[] = {{"root", &root}, {"targets", &targets}};
    cr_assert_eq (
        publish_with (&forged, drafts, 2, now_s, 100 + TRUST_SNAPSHOT, 100 + TRUST_TIMESTAMP, NULL, NULL), 0);
    alter = serve_forged;
    refused ("cannot be used");
    cr_expect (strstr (reason, "timestamp"), "%s", reason);
    cr_expect_not (is_stored ("timestamp.json"));
    alter = NULL;
    cr_expect (allowed (), "%s", reason);
    for (int i = 0; i < TRUST_KINDS; i++)
        key_set_deinit (&sets[i]);
    trust_draft_deinit (&root);
    trust_draft_deinit (&targets);
    trust_repository_deinit (&forged);
}

static char flipped[32];

static void flip_a_byte (const struct wire_want_metadata *want, struct wire_metadata *answer,
                         struct base_buffer *bytes)
{
    (void) answer;
    if (strcmp (want->role, flipped) == 0 && bytes->size)
        bytes->data[bytes->size / 2] ^= 1;
}

Test (trust, one_bit_of_any_file_is_enough_to_refuse_it)
{
    static const char *const roles[] = {"timestamp", "snapshot", "targets"};
    pin ();
    alter = flip_a_byte;
    for (size_t i = 0; i < 3; i++) {
        char file[40];
        (void) snprintf (flipped, sizeof flipped, "%s", roles[i]);
        (void) snprintf (file, sizeof file, "%s.json", roles[i]);
        refused ("cannot be used");
        cr_expect_not (is_stored (file), "%s", file);
    }
    alter = NULL;
    cr_expect (allowed (), "%s", reason);
}

/*  rolled back, mixed, swapped */

static struct base_buffer older[4]; /* timestamp, snapshot, targets of an earlier moment */
static const char *const older_roles[] = {"timestamp", "snapshot", "targets"};
static unsigned older_served; /* bits: which are served instead of those of now */

static void older_keep (void)
{
    for (size_t i = 0; i < 3; i++) {
        const struct trust_repository_file *file = trust_repository_find (&fleet.repository, older_roles[i]);
        cr_assert_eq (base_buffer_append (&older[i], file->bytes.data, file->bytes.size), 0);
    }
}

static void serve_older (const struct wire_want_metadata *want, struct wire_metadata *answer,
                         struct base_buffer *bytes)
{
    for (size_t i = 0; i < 3; i++)
        if ((older_served & 1u << i) && strcmp (want->role, older_roles[i]) == 0) {
            base_buffer_deinit (bytes);
            answer->status = WIRE_STATUS_OK;
            (void) base_buffer_append (bytes, older[i].data, older[i].size);
        }
}

static void older_forget (void)
{
    for (size_t i = 0; i < 3; i++)
        base_buffer_deinit (&older[i]);
}

Test (trust, metadata_of_an_earlier_moment_is_refused)
{
    pin ();
    older_keep ();
    targets_next (&fleet.targets, now_s + 10);
    targets_publish (now_s + 10);
    cr_assert (allowed (), "%s", reason);
    alter = serve_older;
    older_served = 7;
    refused ("went back");
    alter = NULL;
    cr_expect (allowed (), "what was stored is still valid: %s", reason);
    older_forget ();
}

Test (trust, a_mix_of_two_moments_is_refused)
{
    pin ();
    older_keep ();
    targets_next (&fleet.targets, now_s + 10);
    targets_publish (now_s + 10);
    alter = serve_older;
    for (older_served = 1; older_served < 7; older_served++) {
        if (older_served == 3) /* a whole earlier moment but for its targets */
            continue;
        refused ("cannot be used");
    }
    alter = NULL;
    cr_expect (allowed (), "%s", reason);
    older_forget ();
}

static void serve_swapped (const struct wire_want_metadata *want, struct wire_metadata *answer,
                           struct base_buffer *bytes)
{
    const char *other = strcmp (want->role, "timestamp") == 0  ? "snapshot"
                        : strcmp (want->role, "snapshot") == 0 ? "targets"
                                                               : "timestamp";
    const struct trust_repository_file *file = trust_repository_find (&fleet.repository, other);
    if (strcmp (want->role, "root") == 0)
        return;
    base_buffer_deinit (bytes);
    answer->status = WIRE_STATUS_OK;
    (void) base_buffer_append (bytes, file->bytes.data, file->bytes.size);
}

Test (trust, files_of_other_roles_are_refused)
{
    pin ();
    alter = serve_swapped;
    refused ("cannot be used");
    cr_expect_not (is_stored ("timestamp.json"));
}

/*  withheld, endless */

static char withheld[32];

static void withhold (const struct wire_want_metadata *want, struct wire_metadata *answer,
                      struct base_buffer *bytes)
{
    (void) bytes;
    if (strcmp (want->role, withheld) == 0)
        answer->status = WIRE_STATUS_NONE;
}

Test (trust, a_file_that_is_withheld_is_named)
{
    pin ();
    alter = withhold;
    for (size_t i = 0; i < 3; i++) {
        (void) snprintf (withheld, sizeof withheld, "%s", older_roles[i]);
        refused (older_roles[i]);
        cr_expect (strstr (reason, "publish the signed metadata"), "%s", reason);
    }
}

Test (trust, an_origin_that_does_not_answer_is_waited_for_and_named)
{
    struct node_trust_question question = {.release = &wanted};
    pin ();
    answers_wants = false;
    config.resend_ms = 20;
    node_trust_begin (&check, &app, &question, on_done, &ends);
    RUN_UNTIL (wants >= 3);
    cr_expect_eq (ends, 0);
    cr_expect_str_eq (node_trust_waits_for (&check), "waiting for 2.root.json from the origin");
    answers_wants = true;
    RUN_UNTIL (ends == 1);
    cr_expect_eq (verdict, NODE_TRUST_VERIFIED, "%s", reason);
    cr_expect_null (node_trust_waits_for (&check));
}

static void claim_endless (const struct wire_want_metadata *want, struct wire_metadata *answer,
                           struct base_buffer *bytes)
{
    if (strcmp (want->role, withheld) != 0)
        return;
    answer->status = WIRE_STATUS_OK;
    answer->size = WIRE_METADATA_MOST;
    base_buffer_deinit (bytes);
    char filler[WIRE_PART_MOST - 1];
    memset (filler, '[', sizeof filler);
    (void) base_buffer_append (bytes, filler, sizeof filler);
}

Test (trust, a_file_without_an_end_is_refused_before_it_is_fetched)
{
    static const char *const roles[] = {"root", "timestamp", "snapshot", "targets"};
    pin ();
    alter = claim_endless;
    for (size_t i = 0; i < 4; i++) {
        (void) snprintf (withheld, sizeof withheld, "%s", roles[i]);
        cr_expect_not (allowed ());
        cr_expect (strstr (reason, "bytes, and at most") || strstr (reason, "wrong length"), "%s", reason);
        cr_expect_lt (wants, 40);
    }
}

/*  the chain of roots */

/*  Publishes the next root; rotate: with other online keys. */
static void root_publish (bool rotate)
{
    struct trust_draft next = {0};
    root_next (&fleet.root, &next);
    uint8_t snapshot = KEY_SNAPSHOT, timestamp = KEY_TIMESTAMP;
    if (rotate) {
        struct key_set sets[2];
        key_set_init (&sets[0], 1, snapshot = KEY_SNAPSHOT + 5, 1);
        key_set_init (&sets[1], 1, timestamp = KEY_TIMESTAMP + 5, 1);
        cr_assert_eq (trust_draft_root_rotate_online (&next, &sets[1].draft, &sets[0].draft, NULL), 0);
        key_set_deinit (&sets[0]);
        key_set_deinit (&sets[1]);
    }
    draft_sign (&next, KEY_ROOT, 1);
    struct to_publish drafts[] = {{"root", &next}};
    struct base_error error = {0};
    cr_assert_eq (publish_with (&fleet.repository, drafts, 1, now_s + 20, snapshot, timestamp, NULL, &error),
                  0, "%s", error.text);
    trust_draft_deinit (&fleet.root);
    fleet.root = next;
}

Test (trust, successors_of_the_pinned_root_are_followed_and_kept)
{
    pin ();
    root_publish (false);
    root_publish (false);
    cr_assert (allowed (), "%s", reason);
    cr_expect_eq (roots_wanted, 3, "2, 3, and 4, which is not there");
    roots_wanted = 0;
    cr_assert (allowed (), "%s", reason);
    cr_expect_eq (roots_wanted, 1, "the chain is read from the disk");
}

Test (trust, a_stored_root_that_is_damaged_is_said_and_fetched_again)
{
    pin ();
    root_publish (false);
    root_publish (false);
    cr_assert (allowed (), "%s", reason);
    stored_damage ("roots/2.json");
    roots_wanted = 0;
    log_lines_begin ();
    cr_expect (allowed (), "%s", reason);
    cr_expect (strstr (log_lines (), "root of version 2 is damaged"), "%s", log_lines ());
    cr_expect_eq (roots_wanted, 3);
    roots_wanted = 0;
    cr_expect (allowed (), "%s", reason);
    cr_expect_eq (roots_wanted, 1);
}

static void serve_forged_root (const struct wire_want_metadata *want, struct wire_metadata *answer,
                               struct base_buffer *bytes)
{
    if (strcmp (want->role, "root") == 0)
        serve_forged (want, answer, bytes);
}

Test (trust, a_root_that_only_its_own_keys_sign_replaces_nothing)
{
    pin ();
    struct trust_draft root = signed_root_make (1, 1), next = {0};
    struct key_set own;
    key_set_init (&own, 1, 120, 1);
    root_next (&root, &next);
    cr_assert_eq (trust_draft_root_add_key (&next, TRUST_ROOT, own.keys[0], NULL), 0);
    draft_sign (&next, 120, 1);
    struct base_buffer bytes = draft_bytes (&next);
    struct trust_repository_file file = {.role = "root", .version = 2, .bytes = bytes};
    forged = (struct trust_repository){.files = &file, .n_files = 1};
    alter = serve_forged_root;
    char before[BASE_DIGEST_TEXT], after[BASE_DIGEST_TEXT];
    struct root_metadata files = stored ();
    (void) base_digest_format (&files.pinned, before);
    refused ("root version 1");
    files = stored ();
    cr_expect_str_eq (base_digest_format (&files.pinned, after), before);
    base_cleanup (base_buffer_deinit) struct base_buffer found = {0};
    cr_expect_eq (root_metadata_read_root (&files, 2, 100000, &found), ROOT_E_NONE);
    alter = NULL;
    cr_expect (allowed (), "%s", reason);
    forged = (struct trust_repository){0};
    base_buffer_deinit (&bytes);
    key_set_deinit (&own);
    trust_draft_deinit (&root);
    trust_draft_deinit (&next);
}

Test (trust, a_fast_forward_is_undone_by_other_online_keys)
{
    pin ();
    cr_assert (allowed (), "%s", reason);
    const uint64_t far = now_s + 4 * YEAR;
    struct fleet real = fleet;
    fleet = (struct fleet){0};
    fleet_make (now_s);
    cr_assert_eq (publish_with (&fleet.repository, NULL, 0, far, KEY_SNAPSHOT, KEY_TIMESTAMP, NULL, NULL), 0);
    cr_assert (allowed (), "whoever has the online keys can do this: %s", reason);
    fleet_deinit (&fleet);
    fleet = real;
    refused ("went back");
    root_publish (true);
    cr_expect (allowed (), "%s", reason);
}

Test (trust, a_damaged_timestamp_is_said_and_fetched_again)
{
    pin ();
    cr_assert (allowed (), "%s", reason);
    stored_damage ("roles/timestamp.json");
    log_lines_begin ();
    cr_expect (allowed (), "%s", reason);
    cr_expect (strstr (log_lines (), "timestamp.json is damaged"), "%s", log_lines ());
    cr_expect_eq (log_lines_count ("damaged"), 1);
    cr_expect (allowed (), "%s", reason);
    cr_expect_eq (log_lines_count ("damaged"), 1, "%s", log_lines ());
}

Test (trust, a_pinned_root_that_is_damaged_allows_nothing)
{
    pin ();
    cr_assert (allowed (), "%s", reason);
    int fd = openat (process.root.fd, "trust/pinned.json", O_WRONLY | O_TRUNC | O_CLOEXEC);
    close (fd);
    refused ("pin it again");
    cr_assert_eq (unlinkat (process.root.fd, "trust/pinned.json", 0), 0);
    cr_expect (node_trust_is_on (&process));
    refused ("pin it again");
    RUN_UNTIL (strstr (heard_fault, "pin it again"));
    pin ();
    cr_expect (allowed (), "%s", reason);
}

Test (trust, another_pinned_root_does_not_believe_the_first_ones_files)
{
    pin ();
    cr_assert (allowed (), "%s", reason);
    floor_set ("noded", 100);
    struct trust_draft next = {0};
    root_next (&fleet.root, &next);
    draft_sign (&next, KEY_ROOT, 1);
    struct base_buffer bytes = draft_bytes (&next);
    cr_assert_eq (root_metadata_pin (&process.root, bytes.data, bytes.size, NULL), 0);
    cr_expect_not (is_stored ("timestamp.json"));
    cr_expect (allowed (), "%s", reason);
    base_buffer_deinit (&bytes);
    trust_draft_deinit (&next);
}

/*  release-counters */

Test (trust, a_counter_below_the_least_one_is_refused)
{
    pin ();
    floor_set ("noded", 8);
    refused ("release-counter 7, and a release that was confirmed here has 8");
    cr_expect (strstr (reason, "sign the older release with a higher"), "%s", reason);
}

Test (trust, a_counter_that_equals_the_least_one_is_allowed)
{
    pin ();
    floor_set ("noded", 7);
    floor_set ("web", 1000);
    cr_expect (allowed (), "%s", reason);
}

Test (trust, a_counter_below_that_of_the_running_release_is_refused)
{
    targets_next (&fleet.targets, now_s + 1);
    sign_release (&fleet.targets, "noded", &runs, 9, "1", 50);
    targets_publish (now_s + 1);
    pin ();
    refused ("release-counter 7, and the running release has 9");
}

Test (trust, a_downgrade_with_a_higher_counter_is_allowed)
{
    targets_next (&fleet.targets, now_s + 1);
    sign_release (&fleet.targets, "noded", &runs, 6, "3", 50);
    targets_publish (now_s + 1);
    pin ();
    floor_set ("noded", 6);
    cr_expect (allowed (), "%s", reason);
}

Test (trust, damaged_counters_are_said_and_the_running_release_still_counts)
{
    targets_next (&fleet.targets, now_s + 1);
    sign_release (&fleet.targets, "noded", &runs, 9, "1", 50);
    targets_publish (now_s + 1);
    pin ();
    floor_set ("noded", 8);
    stored_damage ("floors");
    struct root_metadata files = stored ();
    char path[300], set[BASE_DIGEST_TEXT];
    (void) snprintf (path, sizeof path, "trust/%s/floors", base_digest_format (&files.pinned, set));
    int fd = openat (process.root.fd, path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert_eq (write (fd, "x", 1), 1);
    close (fd);
    log_lines_begin ();
    refused ("the running release has 9");
    cr_expect (strstr (log_lines (), "release-counters of this node are damaged"), "%s", log_lines ());
}

/*  delegated roles */

Test (trust, a_release_of_a_publisher_is_allowed_and_its_file_kept)
{
    static const struct base_digest its = {{44}};
    targets_next (&fleet.targets, now_s + 1);
    cr_assert_eq (publisher_add (&fleet.targets, "web-team", "web", KEY_ALICE, 1, 1), 0);
    draft_sign (&fleet.targets, KEY_TARGETS, 1);
    struct trust_draft alice = {0};
    cr_assert_eq (trust_draft_targets_new (now_s + 1, now_s + YEAR, &alice, NULL), 0);
    sign_release (&alice, "web", &its, 3, "1", 50);
    draft_sign (&alice, KEY_ALICE, 1);
    cr_assert_eq (PUBLISH (&fleet.repository, now_s + 1, {"targets", &fleet.targets}, {"web-team", &alice}),
                  0);
    pin ();
    app.name = "web";
    ask (&its, 50, "1");
    cr_expect_eq (verdict, NODE_TRUST_VERIFIED, "%s", reason);
    cr_expect (is_stored ("web-team.json"));
    wants = 0;
    ask (&its, 50, "1");
    cr_expect_eq (wants, 2);
    stored_damage ("roles/web-team.json");
    ask (&its, 50, "1");
    cr_expect_eq (verdict, NODE_TRUST_VERIFIED, "it is fetched again: %s", reason);
    app.name = "noded";
    ask (&its, 50, "1");
    cr_expect_eq (verdict, NODE_TRUST_REFUSED, "the publisher may not sign noded");
    trust_draft_deinit (&alice);
}

/*  the check itself */

Test (trust, checks_wait_for_each_other)
{
    struct node_trust second = {.app = NULL};
    struct node_trust_question question = {.release = &wanted};
    pin ();
    node_trust_begin (&check, &app, &question, on_done, &ends);
    node_trust_begin (&second, &app, &question, on_done, &ends);
    cr_expect_str_eq (node_trust_waits_for (&second), "waiting for the check of another application");
    RUN_UNTIL (ends == 2);
    cr_expect_null (process.trust);
}

Test (trust, a_cancelled_check_lets_the_next_one_run)
{
    struct node_trust second = {.app = NULL};
    struct node_trust_question question = {.release = &wanted};
    pin ();
    answers_wants = false;
    node_trust_begin (&check, &app, &question, on_done, &ends);
    node_trust_begin (&second, &app, &question, on_done, &ends);
    RUN_UNTIL (wants > 0);
    node_trust_cancel (&check);
    answers_wants = true;
    RUN_UNTIL (ends == 1);
    node_trust_begin (&second, &app, &question, on_done, &ends);
    node_trust_begin (&check, &app, &question, on_done, &ends);
    node_trust_cancel (&check);
    node_trust_cancel (&second);
    cr_expect_null (process.trust);
}

static int full_mkdir (void *context, int directory, const char *path, mode_t mode)
{
    (void) context;
    (void) directory;
    (void) path;
    (void) mode;
    errno = ENOSPC;
    return -1;
}

Test (trust, a_disk_that_is_full_is_a_failure_and_no_refusal)
{
    static struct disk full;
    static struct disk_ops ops;
    pin ();
    ops = *disk_system.ops;
    ops.mkdirat = full_mkdir;
    full = (struct disk){.ops = &ops};
    process.root.disk = &full;
    cr_expect_not (allowed ());
    cr_expect_eq (verdict, NODE_TRUST_FAILED, "%s", reason);
    cr_expect (strstr (reason, "No space"), "%s", reason);
    process.root.disk = &disk_system;
    cr_expect (allowed (), "%s", reason);
}

Test (trust, the_last_fault_is_remembered_and_told_in_hello_until_a_check_passes)
{
    struct wire_trust_fault fault;
    fleet_make (now_s - 3 * DAY);
    pin ();
    refused ("expired at");
    struct root_metadata files = stored ();
    cr_assert_eq (root_fault_read (&files, "noded", &fault), 0);
    cr_expect_str_eq (fault.reason, reason);
    cr_expect_null (fault.workspace);
    wire_trust_fault_deinit (&fault);
    RUN_UNTIL (*heard_fault);
    cr_expect (strstr (heard_fault, "expired at"), "%s", heard_fault);
    cr_expect (base_digest_equal (&heard.trust_pinned, &files.pinned));
    renew (now_s);
    cr_expect (allowed (), "%s", reason);
    cr_expect_eq (root_fault_read (&files, "noded", &fault), ROOT_E_NONE);
    RUN_UNTIL (!*heard_fault);
}

Test (trust, now_is_not_before_this_program_was_built)
{
    cr_expect_geq (node_trust_now (), base_built);
    cr_expect_geq (node_trust_now (), now_s);
    cr_expect_gt (base_built, UINT64_C (1700000000));
}

/*  orders */

static void order (void)
{
    struct wire_desired desired = desired_update (5);
    node_orders_desired (&app, &desired);
    cr_assert_eq (app.procedure.state, WIRE_STATE_MATCHING);
}

Test (trust, an_order_of_an_unsigned_release_ends_before_anything_is_fetched)
{
    const char *why;
    pin ();
    struct trust_draft next = {0};
    cr_assert_eq (trust_draft_targets_new (now_s + 5, now_s + YEAR, &next, NULL), 0);
    trust_draft_deinit (&fleet.targets);
    fleet.targets = next;
    targets_publish (now_s + 5);
    order ();
    run_until_state (WIRE_STATE_IDLE);
    cr_expect_eq (journal_last ("matching", &why), WIRE_OUTCOME_REFUSED);
    cr_expect (strstr (why, "not listed"), "%s", why);
    cr_expect_eq (pieces, 0, "nothing was fetched");
    cr_expect_eq (journal_count ("fetching"), 0);
    struct wire_failure failure;
    cr_expect_eq (root_quarantine_find (&process.root, &wanted, &failure), ROOT_E_NONE);
    cr_expect_eq (app.order_state.epoch, 5, "the order has ended");
}

Test (trust, an_order_of_a_signed_release_goes_on)
{
    pin ();
    serves = false;
    order ();
    run_until_state (WIRE_STATE_FETCHING);
    cr_assert_not_null (app.order.custom);
    cr_expect_eq (app.order.custom->counter, 7);
    RUN_UNTIL (pieces > 0);
}

Test (trust, without_a_pinned_root_an_order_asks_for_no_metadata)
{
    serves = false;
    order ();
    run_until_state (WIRE_STATE_FETCHING);
    RUN_UNTIL (pieces > 0);
    cr_expect_eq (wants, 0);
    cr_expect_null (app.order.custom);
}

Test (trust, a_document_that_is_not_as_it_was_signed_is_refused)
{
    const char *why;
    struct wire_envelope other = {.application = "noded", .version = "5", .binary = {{3}}, .size = 1};
    struct base_buffer document = {0};
    cr_assert_eq (wire_envelope_pack_release (&other, &document, NULL), 0);
    pin ();
    serves = false;
    order ();
    run_until_state (WIRE_STATE_FETCHING);
    app.fetch = node_fetch_free (app.fetch);
    app.order.document = document;
    cr_expect_not (node_orders_choose (&app));
    cr_expect_eq (app.procedure.state, WIRE_STATE_IDLE);
    cr_expect_eq (journal_last ("fetching", &why), WIRE_OUTCOME_REFUSED);
    cr_expect (strstr (why, "version 2"), "%s", why);
}

Test (trust, a_deadline_names_what_the_check_waits_for)
{
    const char *why;
    pin ();
    answers_wants = false;
    config.limits.matching_ms = 200;
    order ();
    run_until_state (WIRE_STATE_IDLE);
    cr_expect_eq (journal_last ("matching", &why), WIRE_OUTCOME_FAILED);
    cr_expect (strstr (why, "waiting for 2.root.json from the origin"), "%s", why);
}

Test (trust, a_cancelled_order_ends_its_check)
{
    pin ();
    answers_wants = false;
    order ();
    RUN_UNTIL (wants > 0);
    node_fail (&app, UPDATE_EVENT_CANCEL, "for the test");
    cr_expect_null (app.trust.app);
    cr_expect_null (process.trust);
}
