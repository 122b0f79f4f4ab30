/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/broker/metadata.c - signed metadata over the wire: an operator publishes it, nodes fetch it */

#include "base/text.h"
#include "operator.h"
#include "trust/draft_targets.h"
#include "trust/errors.h"
#include "trust/log.h"
#include "trust/refresh.h"
#include "trust/search.h"

TestSuite (metadata, .init = operator_set_up, .fini = operator_tear_down);

enum { KEY_ROOT = 10, KEY_TARGETS = 20 };

#define YEAR UINT64_C (31536000)

static uint64_t clock_s (void)
{
    return base_time_real_ns () / UINT64_C (1000000000);
}

static void sign (struct trust_draft *draft, uint8_t number)
{
    uint8_t seed[TRUST_SEED_BYTES] = {number, 0x5e, 0xed};
    struct trust_secret secret;
    trust_secret_init (&secret, seed);
    cr_assert_eq (trust_draft_sign (draft, &secret, NULL), 0);
}

static json_t *public_of (uint8_t number)
{
    uint8_t seed[TRUST_SEED_BYTES] = {number, 0x5e, 0xed};
    struct trust_secret secret;
    trust_secret_init (&secret, seed);
    return trust_public_json (trust_secret_public (&secret));
}

static struct wire_trust_shown show (void)
{
    struct wire_show_trust request = {.serial = 0};
    struct wire_trust_shown answer = operator_ask (operator, show_trust, trust_shown, &request);
    cr_assert (answer.status == WIRE_STATUS_OK, "%s", answer.reason ? answer.reason : "");
    return answer;
}

/*  A key that the broker shows for a role. */
static json_t *online_of (const struct wire_trust_shown *shown, const char *role)
{
    for (size_t i = 0; i < shown->n_online; i++)
        if (strcmp (shown->online[i].role, role) == 0) {
            json_t *json = json_loads (shown->online[i].key, 0, NULL);
            struct base_digest keyid;
            cr_assert_eq (trust_key_id (json, &keyid, NULL), 0);
            cr_assert (base_digest_equal (&keyid, &shown->online[i].keyid));
            return json;
        }
    cr_assert_fail ("no key of %s is shown", role);
    return NULL;
}

static struct trust_draft root_first (void)
{
    struct wire_trust_shown shown = show ();
    json_t *keys[TRUST_KINDS] = {
        [TRUST_ROOT] = public_of (KEY_ROOT),
        [TRUST_TIMESTAMP] = online_of (&shown, "timestamp"),
        [TRUST_SNAPSHOT] = online_of (&shown, "snapshot"),
        [TRUST_TARGETS] = public_of (KEY_TARGETS),
    };
    struct trust_draft_keys sets[TRUST_KINDS];
    struct trust_draft draft = {.json = NULL};
    for (int i = 0; i < TRUST_KINDS; i++)
        sets[i] = (struct trust_draft_keys){&keys[i], 1, 1};
    cr_assert_eq (trust_draft_root_new (sets, clock_s () + 5 * YEAR, &draft, NULL), 0);
    sign (&draft, KEY_ROOT);
    for (int i = 0; i < TRUST_KINDS; i++)
        json_decref (keys[i]);
    wire_trust_shown_deinit (&shown);
    return draft;
}

/*  Sends a file in parts of `step` bytes. */
static struct wire_metadata_file send_file (const char *role, const struct trust_draft *draft, size_t step)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    cr_assert_eq (trust_draft_write (draft, &bytes, NULL), 0);
    struct wire_metadata_file file = {.role = role,
                                      .version = trust_draft_version (draft),
                                      .file = base_digest_of (bytes.data, bytes.size)};
    for (size_t offset = 0; offset < bytes.size; offset += step) {
        size_t length = bytes.size - offset < step ? bytes.size - offset : step;
        base_cleanup (base_free_p) char *data = strndup ((const char *) bytes.data + offset, length);
        struct wire_send_metadata request = {
            .file = file.file, .size = bytes.size, .offset = offset, .data = data};
        struct wire_metadata_sent answer = operator_ask (operator, send_metadata, metadata_sent, &request);
        cr_assert (answer.status == WIRE_STATUS_OK, "%s", answer.reason ? answer.reason : "");
        cr_assert_eq (answer.next, offset + length);
        wire_metadata_sent_deinit (&answer);
    }
    return file;
}

static void publish_root (const struct trust_draft *root)
{
    struct wire_metadata_file file = send_file ("root", root, WIRE_PART_MOST);
    struct wire_publish_root request = {.file = &file};
    struct wire_root_published answer = operator_ask (operator, publish_root, root_published, &request);
    cr_assert (answer.status == WIRE_STATUS_OK, "%s", answer.reason ? answer.reason : "");
    cr_assert_eq (answer.version, trust_draft_version (root));
    wire_root_published_deinit (&answer);
}

/*  The caller owns the answer. */
static struct wire_metadata_published publish_targets (const struct trust_draft *targets, size_t step)
{
    struct wire_metadata_file file = send_file ("targets", targets, step);
    struct wire_publish_metadata request = {.files = &file, .n_files = 1};
    return operator_ask (operator, publish_metadata, metadata_published, &request);
}

/*  The size of the document of a release that fixture_publish makes. */
static uint64_t document_size (const char *version)
{
    struct wire_envelope envelope = {.application = "noded",
                                     .version = version,
                                     .platform = "linux/amd64",
                                     .binary = digest_of (version),
                                     .size = strlen (version)};
    struct wire_release release = {
        .application = "noded", .version = version, .envelopes = &envelope, .n_envelopes = 1};
    uint64_t size = 0;
    (void) wire_release_digest (&release, &size);
    return size;
}

static void list_release (struct trust_draft *targets, const struct base_digest *release, const char *version,
                          const char *platform, uint64_t size)
{
    struct trust_custom custom = {.n_platforms = 1, .counter = 1, .application = "noded"};
    cr_assert_eq (base_text_copy (custom.version, sizeof custom.version, version), 0);
    cr_assert_eq (base_text_copy (custom.platforms[0], sizeof custom.platforms[0], platform), 0);
    cr_assert_eq (trust_draft_targets_add (targets, &custom, release, size, NULL), 0);
}

/*  Signed targets with one release. padding: the file is at least this long. */
static struct trust_draft targets_of (const struct base_digest *release, const char *version, size_t padding)
{
    struct trust_draft targets = {.json = NULL};
    base_cleanup (base_free_p) char *text = calloc (1, padding + 1);
    cr_assert_eq (trust_draft_targets_new (clock_s (), clock_s () + YEAR, &targets, NULL), 0);
    list_release (&targets, release, version, "linux/amd64", document_size (version));
    memset (text, 'x', padding);
    cr_assert_eq (json_object_set_new (trust_draft_content (&targets), "x-padding", json_string (text)), 0);
    sign (&targets, KEY_TARGETS);
    return targets;
}

/*  Fetches a file in parts over the wire, as a node does. Returns its bytes; empty: the broker has none. */
static struct base_buffer fetch (struct peer *control, const char *role, uint64_t version)
{
    struct base_buffer bytes = {0};
    struct wire_metadata answer;
    uint64_t size = 1;
    struct base_digest file = {.bytes = {0}};
    while (bytes.size < size) {
        struct wire_want_metadata want = {
            .node = "web-1", .role = role, .version = version, .offset = bytes.size};
        peer_send (control, &wire_want_metadata_record, &want);
        peer_expect (control, &wire_metadata_record, &answer);
        cr_assert_str_eq (answer.role, role);
        cr_assert_eq (answer.version, version);
        cr_assert_eq (answer.offset, bytes.size);
        if (answer.status == WIRE_STATUS_NONE) {
            wire_metadata_deinit (&answer);
            break;
        }
        cr_assert (answer.status == WIRE_STATUS_OK, "%s", answer.reason ? answer.reason : "");
        cr_assert (bytes.size == 0 || base_digest_equal (&file, &answer.file));
        file = answer.file;
        size = answer.size;
        cr_assert_leq (strlen (answer.data), WIRE_PART_MOST);
        cr_assert_eq (base_buffer_append_text (&bytes, answer.data), 0);
        wire_metadata_deinit (&answer);
    }
    struct base_digest digest = base_digest_of (bytes.data, bytes.size);
    cr_assert (bytes.size == 0 || (bytes.size == size && base_digest_equal (&digest, &file)));
    return bytes;
}

/*  A client of room trust with this root, over the wire: whether it finds the release. */
static int node_find (const struct trust_draft *root, const struct base_digest *release)
{
    struct trust_client client = {.phase = TRUST_PHASE_NULL};
    struct peer *control = fixture_control (&fixture);
    base_cleanup (base_buffer_deinit) struct base_buffer pinned = {0};
    base_cleanup (trust_refresh_deinit) struct trust_refresh refresh;
    struct trust_action action;
    char path[TRUST_RELEASE_PATH_TEXT];
    cr_assert_eq (trust_draft_write (root, &pinned, NULL), 0);
    cr_assert_eq (trust_client_init (&client, NULL, clock_s (), pinned.data, pinned.size, NULL), 0);
    trust_refresh_init (&refresh, &client);
    for (trust_refresh_next (&refresh, &action); action.kind != TRUST_DONE && action.kind != TRUST_FAILED;
         trust_refresh_next (&refresh, &action)) {
        base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
        if (action.kind == TRUST_FETCH)
            bytes = fetch (control, action.role, action.version);
        if (action.kind == TRUST_STORE || action.kind == TRUST_DROP)
            trust_refresh_done (&refresh);
        else if (bytes.size > 0)
            trust_refresh_bytes (&refresh, bytes.data, bytes.size);
        else
            trust_refresh_absent (&refresh);
    }
    int r = action.kind == TRUST_DONE ? 0 : refresh.code;
    if (r == 0)
        r = trust_targets_find (&client.targets, trust_release_path ("noded", release, path))
                ? 0
                : TRUST_E_NO_TARGET;
    trust_client_deinit (&client);
    peer_free (control);
    return r;
}

static struct wire_matched match (const struct base_digest *release)
{
    struct peer *control = fixture_control (&fixture);
    struct wire_matched matched;
    struct wire_match request = {.node = "web-9",
                                 .application = "noded",
                                 .release = *release,
                                 .platform = "linux/amd64",
                                 .transaction = "t-x",
                                 .attempt = 1};
    peer_send (control, &wire_match_record, &request);
    peer_expect (control, &wire_matched_record, &matched);
    peer_free (control);
    return matched;
}

static enum wire_status match_status (const struct base_digest *release)
{
    struct wire_matched matched = match (release);
    enum wire_status status = matched.status;
    wire_matched_deinit (&matched);
    return status;
}

Test (metadata, a_new_broker_shows_its_online_keys_and_what_is_missing)
{
    struct wire_trust_shown shown = show (), again;
    cr_assert_not (shown.published);
    cr_assert_eq (shown.n_online, 2);
    cr_assert (shown.online[0].next && !shown.online[0].listed);
    cr_assert_eq (shown.n_missing, 1);
    cr_assert (strstr (shown.missing[0], "nodectl trust init"));
    fixture_restart ();
    again = show ();
    cr_assert_str_eq (again.online[0].key, shown.online[0].key);
    wire_trust_shown_deinit (&shown);
    wire_trust_shown_deinit (&again);
}

Test (metadata, without_a_root_releases_are_offered_as_before_and_nodes_are_told_that_there_is_none)
{
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");
    struct peer *control = fixture_control (&fixture);
    cr_assert_eq (match_status (&release), WIRE_STATUS_OK);
    cr_assert_eq (fetch (control, "root", 1).size, 0);
    cr_assert_eq (fetch (control, "timestamp", 0).size, 0);
    peer_free (control);
}

Test (metadata, a_release_is_offered_when_signed_targets_list_it)
{
    struct trust_draft root = root_first (), targets;
    struct wire_metadata_published published;
    struct wire_matched matched;
    struct wire_order_result ordered;
    struct node node;
    publish_root (&root);
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");
    node_init (&node, &fixture, "web-1");
    node_hello (&node);
    matched = match (&release);
    cr_assert_eq (matched.status, WIRE_STATUS_NONE);
    cr_assert (strstr (matched.reason, "signed targets do not list"), "%s", matched.reason);
    wire_matched_deinit (&matched);
    ordered = operator_order (operator, WIRE_ORDER_UPDATE, "web-1", &release);
    cr_assert_eq (ordered.status, WIRE_STATUS_REFUSED);
    cr_assert (strstr (ordered.reason, "nodectl publish"), "%s", ordered.reason);
    wire_order_result_deinit (&ordered);

    targets = targets_of (&release, "2.0.0", 0);
    published = publish_targets (&targets, WIRE_PART_MOST);
    cr_assert (published.status == WIRE_STATUS_OK, "%s", published.reason ? published.reason : "");
    cr_assert_eq (published.log_size, 1);
    cr_assert_geq (published.timestamp, clock_s () - 60);
    wire_metadata_published_deinit (&published);
    cr_assert_eq (match_status (&release), WIRE_STATUS_OK);
    cr_assert_eq (node_find (&root, &release), 0);
    ordered = operator_order (operator, WIRE_ORDER_UPDATE, "web-1", &release);
    cr_assert_eq (ordered.status, WIRE_STATUS_OK);
    wire_order_result_deinit (&ordered);
    fixture_restart ();
    cr_assert_eq (match_status (&release), WIRE_STATUS_OK);
    cr_assert_eq (node_find (&root, &release), 0);
    peer_free (node.control);
    trust_draft_deinit (&root);
    trust_draft_deinit (&targets);
}

Test (metadata, damaged_targets_are_a_fault_of_the_broker_and_not_of_the_release)
{
    struct trust_draft root = root_first (), targets;
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");
    struct wire_metadata_published published;
    char path[160];
    publish_root (&root);
    targets = targets_of (&release, "2.0.0", 0);
    published = publish_targets (&targets, WIRE_PART_MOST);
    cr_assert_eq (published.status, WIRE_STATUS_OK);
    wire_metadata_published_deinit (&published);
    (void) snprintf (path, sizeof path, "%s/trust/%llu.targets.json", fixture.root,
                     (unsigned long long) trust_draft_version (&targets));
    cr_assert_eq (truncate (path, 10), 0);
    fixture_restart ();
    cr_assert_eq (match_status (&release), WIRE_STATUS_FAILED);
    struct wire_trust_shown shown = show ();
    cr_assert_eq (shown.n_missing, 1);
    cr_assert (strstr (shown.missing[0], "publish them again"), "%s", shown.missing[0]);
    cr_assert (strstr (shown.notice, "signed metadata: the targets cannot be used"), "%s", shown.notice);
    wire_trust_shown_deinit (&shown);
    published = publish_targets (&targets, WIRE_PART_MOST);
    cr_assert (published.status == WIRE_STATUS_OK, "%s", published.reason ? published.reason : "");
    wire_metadata_published_deinit (&published);
    cr_assert_eq (match_status (&release), WIRE_STATUS_OK);
    cr_assert_eq (node_find (&root, &release), 0);
    trust_draft_deinit (&root);
    trust_draft_deinit (&targets);
}

Test (metadata, targets_that_do_not_fit_a_release_that_is_here_are_refused)
{
    struct trust_draft root = root_first ();
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0"),
                       gone = fixture_publish (&fixture, operator, "2.0.1"), unknown = digest_of ("unknown");
    uint64_t size = document_size ("2.0.0");
    const struct {
        const struct base_digest *release;
        const char *version, *platform;
        uint64_t size;
        const char *words; /* of the refusal; NULL: accepted */
    } rows[] = {
        {&unknown, "2.0.0", "linux/amd64", size, "publish the release first"},
        {&release, "2.0.1", "linux/amd64", size, "are not those of the release"},
        {&release, "2.0.0", "linux/arm64", size, "are not those of the release"},
        {&release, "2.0.0", "linux/amd64", size + 1, "are not those of the release"},
        {&gone, "2.0.1", "linux/amd64", size, "was withdrawn"},
        {&release, "2.0.0", "linux/amd64", size, NULL},
    };
    publish_root (&root);
    cr_assert_eq (operator_withdraw (operator, & gone), WIRE_STATUS_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct trust_draft targets = {.json = NULL};
        cr_assert_eq (trust_draft_targets_new (clock_s (), clock_s () + YEAR, &targets, NULL), 0);
        list_release (&targets, rows[i].release, rows[i].version, rows[i].platform, rows[i].size);
        sign (&targets, KEY_TARGETS);
        struct wire_metadata_published published = publish_targets (&targets, WIRE_PART_MOST);
        cr_assert_eq (published.status, rows[i].words ? WIRE_STATUS_REFUSED : WIRE_STATUS_OK, "row %zu: %s",
                      i, published.reason);
        cr_assert (!rows[i].words || strstr (published.reason, rows[i].words), "row %zu: %s", i,
                   published.reason);
        wire_metadata_published_deinit (&published);
        trust_draft_deinit (&targets);
    }
    trust_draft_deinit (&root);
}

Test (metadata, a_large_file_goes_in_parts_both_ways_unchanged)
{
    struct trust_draft root = root_first (), targets;
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");
    struct wire_metadata_published published;
    publish_root (&root);
    targets = targets_of (&release, "2.0.0", 1000 * 1000);
    published = publish_targets (&targets, 32000);
    cr_assert (published.status == WIRE_STATUS_OK, "%s", published.reason ? published.reason : "");
    wire_metadata_published_deinit (&published);
    cr_assert_eq (node_find (&root, &release), 0);
    base_cleanup (base_buffer_deinit) struct base_buffer sent = {0}, got;
    struct peer *control = fixture_control (&fixture);
    cr_assert_eq (trust_draft_write (&targets, &sent, NULL), 0);
    got = fetch (control, "targets", 0);
    cr_assert_eq (got.size, sent.size);
    cr_assert_eq (memcmp (got.data, sent.data, sent.size), 0);
    base_buffer_deinit (&got);
    peer_free (control);
    trust_draft_deinit (&root);
    trust_draft_deinit (&targets);
}

Test (metadata, parts_that_cannot_be_are_answered_with_what_to_do)
{
    struct trust_draft root = root_first ();
    struct base_digest file = digest_of ("none");
    struct wire_send_metadata early = {.file = file, .size = 1000, .offset = 10, .data = "x"};
    struct wire_metadata_sent sent = operator_ask (operator, send_metadata, metadata_sent, &early);
    cr_assert_eq (sent.status, WIRE_STATUS_NONE);
    cr_assert_eq (sent.next, 0);
    wire_metadata_sent_deinit (&sent);
    struct wire_send_metadata wrong = {.file = file, .size = 1, .data = "x"};
    sent = operator_ask (operator, send_metadata, metadata_sent, &wrong);
    cr_assert_eq (sent.status, WIRE_STATUS_INVALID);
    wire_metadata_sent_deinit (&sent);

    struct wire_metadata_file missing = {.role = "root", .version = 1, .file = file};
    struct wire_publish_root publish = {.file = &missing};
    struct wire_root_published published = operator_ask (operator, publish_root, root_published, &publish);
    cr_assert_eq (published.status, WIRE_STATUS_NONE);
    cr_assert (base_digest_equal (&published.missing, &file));
    wire_root_published_deinit (&published);

    publish_root (&root);
    struct wire_read_metadata read = {.role = "root", .version = 1, .offset = 1000000};
    struct wire_metadata_read answer = operator_ask (operator, read_metadata, metadata_read, &read);
    cr_assert_eq (answer.status, WIRE_STATUS_INVALID);
    wire_metadata_read_deinit (&answer);
    read = (struct wire_read_metadata){.role = "root", .version = 0};
    answer = operator_ask (operator, read_metadata, metadata_read, &read);
    cr_assert_eq (answer.status, WIRE_STATUS_OK);
    cr_assert_eq (answer.version, 1);
    wire_metadata_read_deinit (&answer);
    read = (struct wire_read_metadata){.role = "../broker.db"};
    answer = operator_ask (operator, read_metadata, metadata_read, &read);
    cr_assert_eq (answer.status, WIRE_STATUS_NONE);
    wire_metadata_read_deinit (&answer);
    trust_draft_deinit (&root);
}

Test (metadata, the_log_is_proven_to_operators_and_nodes)
{
    struct trust_draft root = root_first (), targets, next = {.json = NULL};
    struct base_digest one = fixture_publish (&fixture, operator, "2.0.0"),
                       two = fixture_publish (&fixture, operator, "2.0.1");
    struct wire_metadata_published first, second;
    publish_root (&root);
    targets = targets_of (&one, "2.0.0", 0);
    first = publish_targets (&targets, WIRE_PART_MOST);
    cr_assert_eq (first.status, WIRE_STATUS_OK);
    cr_assert_eq (trust_draft_targets_next (&targets, clock_s (), clock_s () + YEAR, &next, NULL), 0);
    list_release (&next, &two, "2.0.1", "linux/amd64", document_size ("2.0.1"));
    sign (&next, KEY_TARGETS);
    second = publish_targets (&next, WIRE_PART_MOST);
    cr_assert (second.status == WIRE_STATUS_OK, "%s", second.reason ? second.reason : "");
    cr_assert_eq (second.log_size, 2);

    struct peer *control = fixture_control (&fixture);
    struct wire_want_consistency want = {.node = "web-1", .older = 1, .size = 2};
    struct wire_consistency proof;
    struct trust_merkle_proof path = {.count = 0};
    peer_send (control, &wire_want_consistency_record, &want);
    peer_expect (control, &wire_consistency_record, &proof);
    cr_assert_eq (proof.status, WIRE_STATUS_OK);
    for (size_t i = 0; i < proof.n_proof; i++)
        path.path[path.count++] = proof.proof[i].digest;
    cr_assert_eq (trust_merkle_check_consistency (1, &first.log_root, 2, &second.log_root, &path, NULL), 0);
    wire_consistency_deinit (&proof);
    want.size = 3;
    peer_send (control, &wire_want_consistency_record, &want);
    peer_expect (control, &wire_consistency_record, &proof);
    cr_assert_eq (proof.status, WIRE_STATUS_NONE);
    wire_consistency_deinit (&proof);
    want.older = 0;
    peer_send (control, &wire_want_consistency_record, &want);
    peer_expect (control, &wire_consistency_record, &proof);
    cr_assert_eq (proof.status, WIRE_STATUS_INVALID);
    wire_consistency_deinit (&proof);

    struct trust_targets read = {.targets = NULL};
    base_cleanup (base_buffer_deinit) struct base_buffer entry = {0};
    char name[TRUST_RELEASE_PATH_TEXT];
    cr_assert_eq (trust_targets_read (trust_draft_content (&next), &read, NULL), 0);
    cr_assert_eq (
        trust_log_entry (trust_targets_find (&read, trust_release_path ("noded", &two, name)), &entry, NULL),
        0);
    struct wire_read_log ask = {.older = 1, .leaf = trust_merkle_leaf (entry.data, entry.size)};
    struct wire_log_read log = operator_ask (operator, read_log, log_read, &ask);
    cr_assert_eq (log.status, WIRE_STATUS_OK);
    cr_assert_eq (log.size, 2);
    cr_assert (base_digest_equal (&log.root, &second.log_root));
    cr_assert (log.included);
    cr_assert_eq (log.index, 1);
    path.count = 0;
    for (size_t i = 0; i < log.n_inclusion; i++)
        path.path[path.count++] = log.inclusion[i].digest;
    cr_assert_eq (trust_merkle_check_inclusion (&ask.leaf, log.index, log.size, &log.root, &path, NULL), 0);
    wire_log_read_deinit (&log);

    struct wire_trust_shown shown = show ();
    cr_assert (shown.published);
    cr_assert_eq (shown.n_roles, 4);
    cr_assert_str_eq (shown.roles[3].role, "targets");
    cr_assert_eq (shown.roles[3].targets, 2);
    cr_assert_eq (shown.roles[3].version, trust_draft_version (&next));
    cr_assert_eq (shown.roles[1].n_keys, 1);
    cr_assert_eq (shown.n_missing, 0);
    cr_assert (shown.online[0].listed && !shown.online[0].next);
    cr_assert_eq (shown.log_size, 2);
    wire_trust_shown_deinit (&shown);
    trust_targets_deinit (&read);
    wire_metadata_published_deinit (&first);
    wire_metadata_published_deinit (&second);
    peer_free (control);
    trust_draft_deinit (&root);
    trust_draft_deinit (&targets);
    trust_draft_deinit (&next);
}

Test (metadata, online_keys_are_replaced_by_the_next_root)
{
    struct trust_draft root = root_first (), targets, two = {.json = NULL};
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");
    struct wire_metadata_published published;
    struct wire_make_online_keys make = {.serial = 0};
    publish_root (&root);
    targets = targets_of (&release, "2.0.0", 0);
    published = publish_targets (&targets, WIRE_PART_MOST);
    cr_assert_eq (published.status, WIRE_STATUS_OK);
    wire_metadata_published_deinit (&published);
    struct wire_online_keys_made made = operator_ask (operator, make_online_keys, online_keys_made, &make);
    cr_assert_eq (made.status, WIRE_STATUS_OK);
    cr_assert_eq (made.n_online, 2);
    struct wire_trust_shown shown = show ();
    cr_assert_eq (shown.n_online, 4);
    wire_trust_shown_deinit (&shown);
    shown = (struct wire_trust_shown){.online = made.online, .n_online = made.n_online};
    json_t *timestamp = online_of (&shown, "timestamp"), *snapshot = online_of (&shown, "snapshot");
    cr_assert_eq (trust_draft_root_next (&root, clock_s () + 5 * YEAR, &two, NULL), 0);
    cr_assert_eq (trust_draft_root_rotate_online (&two, &(struct trust_draft_keys){&timestamp, 1, 1},
                                                  &(struct trust_draft_keys){&snapshot, 1, 1}, NULL),
                  0);
    sign (&two, KEY_ROOT);
    publish_root (&two);
    cr_assert_eq (node_find (&root, &release), 0);
    shown = show ();
    cr_assert_eq (shown.n_online, 2);
    cr_assert (shown.online[0].listed && !shown.online[0].next);
    wire_trust_shown_deinit (&shown);
    wire_online_keys_made_deinit (&made);
    json_decref (timestamp);
    json_decref (snapshot);
    trust_draft_deinit (&root);
    trust_draft_deinit (&targets);
    trust_draft_deinit (&two);
}

Test (metadata, a_file_that_continues_another_than_the_published_one_is_refused)
{
    base_cleanup (trust_draft_deinit) struct trust_draft root = root_first ();
    struct base_digest release = fixture_publish (&fixture, operator, "2.0.0");
    publish_root (&root);
    base_cleanup (trust_draft_deinit) struct trust_draft first = targets_of (&release, "2.0.0", 0);
    struct wire_metadata_published published = publish_targets (&first, WIRE_PART_MOST);
    cr_assert (published.status == WIRE_STATUS_OK, "%s", published.reason ? published.reason : "");
    wire_metadata_published_deinit (&published);
    base_cleanup (trust_draft_deinit) struct trust_draft next = {.json = NULL};
    cr_assert_eq (trust_draft_targets_next (&first, clock_s (), clock_s () + YEAR, &next, NULL), 0);
    sign (&next, KEY_TARGETS);
    struct wire_metadata_file before = send_file ("targets", &first, WIRE_PART_MOST),
                              file = send_file ("targets", &next, WIRE_PART_MOST);
    file.replaces = (struct base_digest){{1}};
    struct wire_publish_metadata request = {.files = &file, .n_files = 1};
    published = operator_ask (operator, publish_metadata, metadata_published, &request);
    cr_assert_eq (published.status, WIRE_STATUS_BUSY);
    cr_assert (strstr (published.reason, "another file of targets was published meanwhile"), "%s",
               published.reason);
    wire_metadata_published_deinit (&published);
    file.replaces = before.file;
    for (int i = 0; i < 2; i++) { /* the second time it is published already */
        file = send_file ("targets", &next, WIRE_PART_MOST);
        file.replaces = before.file;
        published = operator_ask (operator, publish_metadata, metadata_published, &request);
        cr_assert (published.status == WIRE_STATUS_OK, "%s", published.reason ? published.reason : "");
        wire_metadata_published_deinit (&published);
    }
}
