/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/trust/custom.c - what a target says about a release, strict in both directions */

#include <criterion/criterion.h>

#include "trust/custom.h"
#include "trust/errors.h"

static json_t *custom_json (void)
{
    return json_pack ("{s:s, s:[s, s], s:i, s:s}", "application", "web", "platforms", "*", "linux/amd64",
                      "release-counter", 7, "version", "1.2");
}

Test (custom, it_is_made_of_a_release_and_returns_from_json)
{
    struct wire_envelope envelopes[] = {
        {.platform = "linux/arm64"}, {.platform = NULL}, {.platform = "linux/amd64"}};
    const struct wire_release release = {
        .application = "web", .version = "1.2 beta", .envelopes = envelopes, .n_envelopes = 3};
    struct trust_custom custom, back = {0};
    cr_assert_eq (trust_custom_of_release (&release, 7, &custom, NULL), 0);
    cr_assert_str_eq (custom.platforms[0], "*");
    cr_assert_str_eq (custom.platforms[1], "linux/amd64");
    cr_assert_str_eq (custom.platforms[2], "linux/arm64");
    json_t *json = trust_custom_json (&custom);
    cr_assert_eq (trust_custom_read (json, &back, NULL), 0);
    cr_assert (trust_custom_fits (&custom, &back));
    cr_assert_eq (back.counter, 7);
    json_decref (json);
    cr_assert_eq (trust_custom_of_release (&release, 0, &custom, NULL), TRUST_E_FORMAT);
    cr_assert_eq (trust_custom_of_release (&release, TRUST_COUNTER_MOST + 1, &custom, NULL), TRUST_E_FORMAT);
    cr_assert_eq (trust_custom_of_release (&release, TRUST_COUNTER_MOST, &custom, NULL), 0);
    const struct wire_release empty = {.application = "web", .version = "1"};
    cr_assert_eq (trust_custom_of_release (&empty, 1, &custom, NULL), TRUST_E_FORMAT);
}

Test (custom, two_fit_if_they_differ_in_the_counter_only)
{
    json_t *json = custom_json ();
    struct trust_custom a, b;
    cr_assert_eq (trust_custom_read (json, &a, NULL), 0);
    b = a;
    b.counter++;
    cr_assert (trust_custom_fits (&a, &b));
    b.platforms[1][6] = 'x';
    cr_assert_not (trust_custom_fits (&a, &b));
    b = a;
    b.n_platforms--;
    cr_assert_not (trust_custom_fits (&a, &b));
    b = a;
    b.version[0] = '2';
    cr_assert_not (trust_custom_fits (&a, &b));
    b = a;
    b.application[0] = 'v';
    cr_assert_not (trust_custom_fits (&a, &b));
    json_decref (json);
}

Test (custom, names_of_a_later_noded_are_skipped)
{
    json_t *json = custom_json ();
    struct trust_custom custom;
    cr_assert_eq (json_object_set_new (json, "x-later", json_object ()), 0);
    cr_assert_eq (trust_custom_read (json, &custom, NULL), 0);
    json_decref (json);
}

Test (custom, anything_missing_or_of_another_form_is_refused)
{
    static const char *const rows[][2] = {
        {"application", "null"},
        {"application", "\"\""},
        {"application", "\"a/b\""},
        {"application", "\"..\""},
        {"application", "7"},
        {"application", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""},
        {"version", "null"},
        {"version", "\"\""},
        {"version", "1.2"},
        {"version", "\"a\\nb\""},
        {"version", "\"a\\u007fb\""},
        {"version", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""},
        {"platforms", "null"},
        {"platforms", "[]"},
        {"platforms", "{}"},
        {"platforms", "\"*\""},
        {"platforms", "[\"linux/amd64\",\"*\"]"},
        {"platforms", "[\"*\",\"*\"]"},
        {"platforms", "[\"linux\"]"},
        {"platforms", "[\"/amd64\"]"},
        {"platforms", "[\"linux/\"]"},
        {"platforms", "[\"a/b/c\"]"},
        {"platforms", "[7]"},
        {"platforms",
         "[\"a/1\",\"a/2\",\"a/3\",\"a/4\",\"a/5\",\"a/6\",\"a/7\",\"a/8\",\"b/1\",\"b/2\",\"b/3\",\"b/4\",\"b/5\","
         "\"b/6\",\"b/7\",\"b/8\",\"b/9\"]"},
        {"release-counter", "null"},
        {"release-counter", "0"},
        {"release-counter", "-1"},
        {"release-counter", "1.5"},
        {"release-counter", "true"},
        {"release-counter", "\"7\""},
        {"release-counter", "9007199254740992"},
    };
    struct trust_custom custom;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *json = custom_json (), *value = json_loads (rows[i][1], JSON_DECODE_ANY, NULL);
        struct base_error error = {0};
        cr_assert (value);
        cr_assert_eq (json_object_set_new (json, rows[i][0], value), 0);
        cr_assert_eq (trust_custom_read (json, &custom, &error), TRUST_E_FORMAT, "%s = %s", rows[i][0],
                      rows[i][1]);
        cr_assert (*error.text);
        json_object_del (json, rows[i][0]);
        cr_assert_eq (trust_custom_read (json, &custom, NULL), TRUST_E_FORMAT);
        json_decref (json);
    }
    cr_assert_eq (trust_custom_read (NULL, &custom, NULL), TRUST_E_FORMAT);
}

Test (custom, path_hash_and_application_of_a_target_agree)
{
    const struct base_digest digest = base_digest_of ("x", 1);
    char path[TRUST_RELEASE_PATH_TEXT];
    struct trust_target good = {.path = (char *) (uintptr_t) trust_release_path ("web", &digest, path),
                                .length = 10,
                                .hashes = {.present = true, .has_sha256 = true, .sha256 = digest},
                                .custom = custom_json ()};
    struct trust_custom custom;
    struct base_digest release;
    cr_assert_eq (trust_release_of_target (&good, &custom, &release, NULL), 0);
    cr_assert (base_digest_equal (&release, &digest));
    char other[TRUST_RELEASE_PATH_TEXT + 8];
    static const char *const forms[] = {"db/%s",     "%s",          "web/web/%s", "web//%s",
                                        "../web/%s", "web/%s.json", "web/"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct trust_target bad = good;
        (void) snprintf (other, sizeof other, forms[i], path + 4);
        bad.path = other;
        cr_assert_eq (trust_release_of_target (&bad, &custom, &release, NULL), TRUST_E_FORMAT, "%s",
                      forms[i]);
    }
    struct trust_target bad = good;
    bad.hashes.sha256.bytes[0] ^= 1;
    cr_assert_eq (trust_release_of_target (&bad, &custom, &release, NULL), TRUST_E_FORMAT);
    bad = good;
    bad.hashes.has_sha256 = false;
    cr_assert_eq (trust_release_of_target (&bad, &custom, &release, NULL), TRUST_E_FORMAT);
    bad = good;
    bad.length = 0;
    cr_assert_eq (trust_release_of_target (&bad, &custom, &release, NULL), TRUST_E_FORMAT);
    bad.length = WIRE_DOCUMENT_MOST + 1;
    cr_assert_eq (trust_release_of_target (&bad, &custom, &release, NULL), TRUST_E_FORMAT);
    json_decref (good.custom);
}
