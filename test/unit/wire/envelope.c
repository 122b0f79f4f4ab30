/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/wire/envelope.c - the rules of envelopes and releases */

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "test/lib/random_message.h"
#include "wire/envelope.h"

static struct wire_envelope envelope_valid (void)
{
    return (struct wire_envelope){.application = "noded", .version = "1.0.0", .binary.bytes = {1}, .size = 1};
}

Test (envelope, names_are_letters_digits_and_a_few_signs)
{
    static const char *const valid[] = {"a", "noded", "0", "A.b_c-d", "a.."};
    static const char *const invalid[] = {"", ".", "-a", "_a", "a b", "a/b", "ä", "a:b", "a\n"};
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        cr_assert (wire_application_is_valid (valid[i]), "%s", valid[i]);
        cr_assert (wire_node_is_valid (valid[i]), "%s", valid[i]);
    }
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
        cr_assert_not (wire_application_is_valid (invalid[i]), "%s", invalid[i]);
    cr_assert (wire_node_is_valid ("host:7"));
    cr_assert_not (wire_node_is_valid (":7"));
    cr_assert_not (wire_application_is_valid (NULL));
    char longest[66];
    memset (longest, 'a', 65);
    longest[65] = '\0';
    cr_assert_not (wire_application_is_valid (longest));
    longest[64] = '\0';
    cr_assert (wire_application_is_valid (longest));
}

Test (envelope, a_path_stays_below_its_directory)
{
    static const char *const valid[] = {"a",   "a/b", "lib/libx.so.1", "...", ".a", "a/..b",
                                        "a b", "ä",   "a\\b"};
    static const char *const invalid[] = {"",     ".",   "..",   "/",     "/a",     "a/",   "a//b", "./a",
                                          "../a", "a/.", "a/..", "a/./b", "a/../b", "a\nb", "a\tb", "a\x7f"};
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
        cr_assert (wire_path_is_valid (valid[i]), "%s", valid[i]);
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
        cr_assert_not (wire_path_is_valid (invalid[i]), "%s", invalid[i]);
    cr_assert_not (wire_path_is_valid (NULL));
    char longest[257];
    memset (longest, 'a', 256);
    longest[256] = '\0';
    cr_assert_not (wire_path_is_valid (longest));
    longest[255] = '\0';
    cr_assert (wire_path_is_valid (longest));
}

static void expect_refused (const struct wire_envelope *envelope, const char *why)
{
    struct base_error error = {0};
    cr_assert_eq (wire_envelope_check (envelope, &error), WIRE_E_MALFORMED, "%s", why);
    cr_assert (strstr (error.text, why), "%s: %s", why, error.text);
}

Test (envelope, the_error_names_the_rule)
{
    struct base_error error;
    struct wire_envelope envelope = envelope_valid ();
    cr_assert_eq (wire_envelope_check (&envelope, &error), 0, "%s", error.text);
    envelope.application = "no/ded";
    expect_refused (&envelope, "application's name");
    envelope = envelope_valid ();
    envelope.application = NULL;
    expect_refused (&envelope, "application's name");
    envelope = envelope_valid ();
    envelope.version = "";
    expect_refused (&envelope, "version");
    envelope.version = "1\x1b[2J";
    expect_refused (&envelope, "version");
    envelope = envelope_valid ();
    envelope.title = "a\nb";
    expect_refused (&envelope, "title");
    envelope = envelope_valid ();
    memset (&envelope.binary, 0, sizeof envelope.binary);
    expect_refused (&envelope, "envelope: binary: is missing");
}

Test (envelope, a_platform_is_os_and_architecture)
{
    static const char *const valid[] = {"", "linux/amd64", "linux/arm64", "a.b/c_d-e"};
    static const char *const invalid[] = {"linux",    "linux/",   "/amd64", "linux/amd64/v2",
                                          "lin ux/a", "linux//a", "linux/."};
    struct base_error error;
    struct wire_envelope envelope = envelope_valid ();
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        envelope.platform = valid[i];
        cr_assert_eq (wire_envelope_check (&envelope, &error), 0, "%s", valid[i]);
    }
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        envelope.platform = invalid[i];
        expect_refused (&envelope, "OS/ARCH");
    }
}

Test (envelope, environment_entries_have_a_name_and_any_value)
{
    const char *entries[] = {"A=b", "A.B=", "X=\xff\n$(y)'\"="};
    struct wire_envelope envelope = envelope_valid ();
    struct base_error error;
    envelope.env = entries;
    envelope.n_env = 3;
    cr_assert_eq (wire_envelope_check (&envelope, &error), 0, "%s", error.text);
    entries[1] = "=x";
    expect_refused (&envelope, "entry 2");
    entries[1] = "x";
    expect_refused (&envelope, "entry 2");
    entries[1] = "";
    expect_refused (&envelope, "entry 2");
}

Test (envelope, paths_of_files_do_not_conflict)
{
    struct wire_file files[] = {{.path = "a/b", .digest.bytes = {1}},
                                {.path = "a/c", .digest.bytes = {1}},
                                {.path = "a-b", .digest.bytes = {1}}};
    struct wire_envelope envelope = envelope_valid ();
    struct base_error error;
    envelope.files = files;
    envelope.n_files = 3;
    cr_assert_eq (wire_envelope_check (&envelope, &error), 0, "%s", error.text);
    files[2].path = "a";
    expect_refused (&envelope, "directory of 'a/b'");
    files[2].path = "a/b";
    expect_refused (&envelope, "is repeated");
    files[2].path = "../a";
    expect_refused (&envelope, "'../a' is not allowed");
    files[2].path = NULL;
    expect_refused (&envelope, "not allowed");
}

Test (envelope, an_envelope_leaves_room_in_every_message_that_carries_it)
{
    char text[16001];
    memset (text, 'x', 16000);
    text[16000] = '\0';
    char last[16001];
    const char *args[] = {text, text, text, last};
    struct wire_envelope envelope = envelope_valid ();
    envelope.args = args;
    envelope.n_args = 4;
    memcpy (last, text, sizeof text);
    expect_refused (&envelope, "too long");

    /* The longest accepted envelope still fits into the longest matched, installed and request. */
    struct base_error error;
    size_t size = 16000;
    do
        last[--size] = '\0';
    while (wire_envelope_check (&envelope, &error));
    char name[65];
    memset (name, 'n', 64);
    name[64] = '\0';
    struct wire_installed installed = {.release.bytes = {1}, .transaction = name, .envelope = &envelope};
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    cr_assert_eq (wire_pack (&wire_installed_record, &installed, &buffer, NULL), 0);
    buffer.size = 0;
    struct wire_release release = {.application = envelope.application,
                                   .version = envelope.version,
                                   .envelopes = &envelope,
                                   .n_envelopes = 1};
    struct wire_publish_release request = {
        .serial = WIRE_EPOCH_MOST, .user = name, .key = name, .release = &release};
    cr_assert_eq (wire_pack (&wire_publish_release_record, &request, &buffer, NULL), 0);
}

static struct wire_release release_of (struct wire_envelope *envelopes, size_t count)
{
    return (struct wire_release){
        .application = "noded", .version = "1.0.0", .envelopes = envelopes, .n_envelopes = count};
}

Test (release, envelopes_of_a_release_have_one_version_and_different_platforms)
{
    struct wire_envelope envelopes[] = {envelope_valid (), envelope_valid (), envelope_valid ()};
    envelopes[0].platform = "linux/arm64";
    envelopes[1].platform = "linux/amd64";
    struct wire_release release = release_of (envelopes, 3);
    struct base_error error;
    cr_assert_eq (wire_release_check (&release, &error), 0, "%s", error.text);
    envelopes[2].platform = "linux/amd64";
    cr_assert_eq (wire_release_check (&release, &error), WIRE_E_MALFORMED);
    cr_assert (strstr (error.text, "two envelopes are for the platform 'linux/amd64'"), "%s", error.text);
    envelopes[2] = envelope_valid ();
    envelopes[2].version = "1.0.1";
    cr_assert_eq (wire_release_check (&release, &error), WIRE_E_MALFORMED);
    cr_assert (strstr (error.text, "another application or version"), "%s", error.text);
    envelopes[2].version = NULL;
    cr_assert_eq (wire_release_check (&release, &error), WIRE_E_MALFORMED);
    cr_assert (strstr (error.text, "envelope 3"), "%s", error.text);
    release.n_envelopes = 0;
    cr_assert_eq (wire_release_check (&release, &error), WIRE_E_MALFORMED);
}

Test (release, the_digest_is_that_of_the_document_with_envelopes_sorted_by_platform)
{
    struct wire_envelope envelopes[] = {envelope_valid (), envelope_valid (), envelope_valid ()};
    envelopes[1].platform = "linux/amd64";
    envelopes[2].platform = "linux/arm64";
    struct wire_release release = release_of (envelopes, 3);
    base_cleanup (base_buffer_deinit) struct base_buffer document = {0};
    cr_assert_eq (wire_pack (&wire_release_record, &release, &document, NULL), 0);
    uint64_t size = 0;
    struct base_digest wanted = base_digest_of (document.data, document.size),
                       got = wire_release_digest (&release, &size);
    cr_assert (base_digest_equal (&wanted, &got));
    cr_assert_eq (size, document.size);

    /* The order of the envelopes in the release does not matter. */
    struct wire_envelope turned[] = {envelopes[2], envelopes[0], envelopes[1]};
    release.envelopes = turned;
    got = wire_release_digest (&release, NULL);
    cr_assert (base_digest_equal (&wanted, &got));

    struct wire_release single = release_of (envelopes, 1);
    struct base_digest one = wire_release_digest (&single, NULL),
                       same = wire_envelope_release_digest (&envelopes[0]);
    cr_assert (base_digest_equal (&one, &same));
    cr_assert_not (base_digest_equal (&one, &wanted));
    release.n_envelopes = 0;
    got = wire_release_digest (&release, NULL);
    cr_assert (base_digest_is_null (&got));
}

Test (release, a_document_is_read_only_if_it_keeps_the_rules_of_a_release)
{
    struct wire_envelope envelopes[] = {envelope_valid (), envelope_valid ()};
    envelopes[1].platform = "linux/amd64";
    struct wire_release release = release_of (envelopes, 2), got;
    base_cleanup (base_buffer_deinit) struct base_buffer document = {0};
    struct base_error error;
    cr_assert_eq (wire_release_pack (&release, &document, &error), 0, "%s", error.text);
    cr_assert_eq (wire_release_unpack (document.data, document.size, &got, &error), 0, "%s", error.text);
    cr_expect (wire_equal (&wire_release_record, &release, &got));
    wire_release_deinit (&got);
    cr_expect_eq (wire_release_unpack (document.data, document.size - 1, &got, &error), WIRE_E_MALFORMED);
    envelopes[1].version = "other";
    document.size = 0;
    cr_assert_eq (wire_release_pack (&release, &document, &error), 0, "%s", error.text);
    cr_expect_eq (wire_release_unpack (document.data, document.size, &got, &error), WIRE_E_MALFORMED);
    cr_expect (strstr (error.text, "another application or version"), "%s", error.text);
}

Test (release, match_prefers_an_envelope_of_the_platform_to_one_for_all)
{
    struct wire_envelope envelopes[] = {envelope_valid (), envelope_valid (), envelope_valid ()};
    envelopes[1].platform = "linux/amd64";
    envelopes[2].platform = "linux/arm64";
    struct wire_release release = release_of (envelopes, 3);
    cr_assert_eq (wire_release_match (&release, "linux/arm64"), &envelopes[2]);
    cr_assert_eq (wire_release_match (&release, "linux/386"), &envelopes[0]);
    cr_assert_eq (wire_release_match (&release, NULL), &envelopes[0]);
    release.envelopes++;
    release.n_envelopes--;
    cr_assert_null (wire_release_match (&release, "linux/386"));
}

Test (release, envelopes_with_equal_fields_are_equal)
{
    struct random random = {5};
    struct wire_envelope envelope = {0}, copy;
    random_message (&random, &wire_envelope_record, &envelope);
    cr_assert_eq (wire_copy (&wire_envelope_record, &envelope, &copy), 0);
    cr_assert (wire_envelope_equal (&envelope, &copy));
    copy.size ^= 1;
    cr_assert_not (wire_envelope_equal (&envelope, &copy));
    wire_envelope_deinit (&envelope);
    wire_envelope_deinit (&copy);
}

Test (release, digests_equal_those_of_the_reference)
{
    const char *args[] = {"--greet", "\xff"};
    struct wire_envelope envelope = {.application = "hello",
                                     .version = "1.0",
                                     .platform = "linux/amd64",
                                     .args = args,
                                     .n_args = 2,
                                     .size = 16384};
    char text[BASE_DIGEST_TEXT];
    for (unsigned i = 0; i < BASE_DIGEST_BYTES; i++)
        envelope.binary.bytes[i] = (uint8_t) (0x11 * (i % 16));
    struct base_digest digest = wire_digest (&wire_envelope_record, &envelope);
    cr_assert_str_eq (base_digest_format (&digest, text),
                      "8995bcaf6ca353305e6a2ffc768d02d35767268f5e66b1c58a2ea0a12aeb9cc5");
    digest = wire_envelope_release_digest (&envelope);
    cr_assert_str_eq (base_digest_format (&digest, text),
                      "ef9b5143e68a7371bd385315b05db069d49da36e7b8dfdd18ab4ca47a06339dc");
}
