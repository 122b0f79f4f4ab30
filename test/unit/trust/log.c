/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/log.c - the head of the log in a timestamp, and the entries of releases */

#include "test/unit/trust/repository_fixture.h"
#include "trust/log.h"

Test (log, a_head_returns_from_a_timestamp)
{
    struct trust_merkle merkle = {0};
    struct base_digest leaf = trust_merkle_leaf ("a", 1);
    for (unsigned i = 0; i < 5; i++) {
        struct trust_log_head head = trust_log_head_of (&merkle), back;
        json_t *timestamp = json_pack ("{s:o}", "log", trust_log_head_json (&head));
        cr_assert_eq (trust_log_head_read (timestamp, &back, NULL), 0);
        cr_assert (trust_log_head_equal (&head, &back));
        json_decref (timestamp);
        trust_merkle_append (&merkle, &leaf);
    }
    struct trust_log_head none;
    json_t *without = json_object ();
    cr_assert_eq (trust_log_head_read (without, &none, NULL), 0);
    cr_assert_eq (none.size, 0);
    json_decref (without);
}

Test (log, heads_of_another_form_are_refused)
{
    static const char *const rows[] = {
        "7",
        "{}",
        "{\"root\":\"\",\"size\":1}",
        "{\"size\":1}",
        "{\"root\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
        "{\"root\":\"0123456789012345678901234567890123456789012345678901234567890123\",\"size\":-1}",
        "{\"root\":\"0123456789012345678901234567890123456789012345678901234567890123\",\"size\":0}",
        "{\"root\":\"0123456789012345678901234567890123456789012345678901234567890123\",\"size\":9007199254740992}",
        "{\"root\":\"A123456789012345678901234567890123456789012345678901234567890123\",\"size\":1}",
        "{\"root\":\"x123456789012345678901234567890123456789012345678901234567890123\",\"size\":1}",
        "{\"root\":\"0123456789012345678901234567890123456789012345678901234567890123\",\"size\":\"1\"}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *timestamp = json_pack ("{s:o}", "log", json_loads (rows[i], JSON_DECODE_ANY, NULL));
        struct trust_log_head head;
        cr_assert (timestamp);
        cr_assert_eq (trust_log_head_read (timestamp, &head, NULL), TRUST_E_FORMAT, "%s", rows[i]);
        json_decref (timestamp);
    }
}

Test (log, an_entry_has_everything_that_was_signed_about_a_release)
{
    struct trust_draft draft = {0};
    struct trust_targets targets = {0};
    cr_assert_eq (trust_draft_targets_new (NOW, NOW + YEAR, &draft, NULL), 0);
    cr_assert_eq (release_add (&draft, "web", 7), 0);
    cr_assert_eq (trust_targets_read (trust_draft_content (&draft), &targets, NULL), 0);
    struct base_buffer entry = {0};
    struct base_digest digest = digest_of (7);
    char hex[BASE_DIGEST_TEXT], expected[512];
    (void) base_digest_format (&digest, hex);
    cr_assert_eq (trust_log_entry (&targets.targets[0], &entry, NULL), 0);
    (void) snprintf (
        expected, sizeof expected,
        "{\"custom\":{\"application\":\"web\",\"platforms\":[\"*\"],\"release-counter\":7,\"version\":"
        "\"1.0\"},\"length\":107,\"path\":\"web/%s\",\"sha256\":\"%s\"}",
        hex, hex);
    cr_assert_eq (entry.size, strlen (expected));
    cr_assert_eq (memcmp (entry.data, expected, entry.size), 0);
    targets.targets[0].length = 0;
    cr_assert_eq (trust_log_entry (&targets.targets[0], &entry, NULL), TRUST_E_FORMAT);
    base_buffer_deinit (&entry);
    trust_targets_deinit (&targets);
    trust_draft_deinit (&draft);
}
