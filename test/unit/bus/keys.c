/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/keys.c - CURVE keys from the settings */

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "bus/keys.h"

static char secret[41], public[41], other[41], path[] = "/tmp/noded-test-XXXXXX";

static void suite_begin (void)
{
    char ignored[41];
    cr_assert_eq (bus_keys_make (public, secret), 0);
    cr_assert_eq (bus_keys_make (other, ignored), 0);
    int fd = mkstemp (path);
    cr_assert_geq (fd, 0);
    (void) close (fd);
}

static void suite_end (void)
{
    (void) unlink (path);
}

TestSuite (keys, .init = suite_begin, .fini = suite_end);

/*  Reads the keys from settings whose section curve has these lines. */
static int keys_read (bool is_server, struct bus_keyring *ret_keys, struct base_error *error,
                      const char *lines)
{
    struct bus_settings *settings = NULL;
    FILE *file = fopen (path, "we");
    cr_assert_not_null (file);
    (void) fprintf (file, "curve\n%s", lines);
    (void) fclose (file);
    cr_assert_eq (bus_settings_load (path, &settings, error), 0, "%s", error->text);
    int rc = bus_keyring_read (settings, is_server, ret_keys, error);
    bus_settings_free (settings);
    return rc;
}

Test (keys, settings_without_keys_configure_none)
{
    struct bus_keyring keys;
    struct base_error error;
    cr_assert_eq (bus_keyring_read (NULL, true, &keys, &error), 0);
    cr_assert (!keys.configured);
    struct bus_settings *settings = bus_settings_new ();
    cr_assert_eq (bus_settings_put (settings, "broker/curve", "red"), 0);
    cr_assert_eq (bus_keyring_read (settings, true, &keys, &error), 0);
    cr_assert (!keys.configured);
    bus_settings_free (settings);
}

/*  Whoever wrote the section wants keys. Without them the program would talk to everybody. */
Test (keys, a_section_without_a_usable_key_is_an_error)
{
    static const char *const lines[] = {"", "    secret-kye = x\n", "    secret-key-file = \"\"\n",
                                        "    secret-key\n        file = x\n", "    allow\n"};
    struct bus_keyring keys = {.configured = false};
    struct base_error error;
    for (size_t i = 0; i < 2 * sizeof lines / sizeof *lines; i++) {
        error = (struct base_error){.code = 0};
        cr_expect_lt (keys_read (i % 2, &keys, &error, lines[i / 2]), 0, "\"%s\"", lines[i / 2]);
        cr_expect_not_null (strstr (error.text, "curve"), "%s", error.text);
        cr_expect (!keys.configured, "untouched on failure");
    }
}

Test (keys, a_misspelt_name_beside_good_keys_is_an_error)
{
    struct bus_keyring keys;
    struct base_error error = {.code = 0};
    char *lines = base_text_printf ("    secret-key = \"%s\"\n    public-key = \"%s\"\n    alow = \"%s\"\n",
                                    secret, public, other);
    cr_assert_eq (keys_read (true, &keys, &error, lines), -EINVAL);
    cr_assert_not_null (strstr (error.text, "curve/alow"), "%s", error.text);
    free (lines);
}

Test (keys, the_allowed_keys_are_admitted_and_no_others)
{
    struct bus_keyring keys;
    struct base_error error = {.code = 0};
    struct base_digest allowed, not_allowed;
    struct bus_admission *table = bus_admission_new ();
    char *lines = base_text_printf ("    secret-key = \"%s\"\n    public-key = \"%s\"\n    allow = \"%s\"\n",
                                    secret, public, other);
    cr_assert_eq (bus_fingerprint_of (other, &allowed), 0);
    cr_assert_eq (bus_fingerprint_of (public, &not_allowed), 0);
    cr_assert_eq (keys_read (true, &keys, &error, lines), 0, "%s", error.text);
    cr_assert_eq (bus_keyring_admit (&keys, table, 1u << BUS_CHANNEL_CONTENT, &error), 0);
    cr_assert_eq (bus_admission_channels (table, &allowed), 1u << BUS_CHANNEL_CONTENT);
    cr_assert_eq (bus_admission_channels (table, &not_allowed), 0);
    cr_assert_eq (bus_admission_count (table), 1);
    bus_keyring_deinit (&keys);
    bus_admission_free (table);
    free (lines);
}

Test (keys, a_server_has_its_key_pair_and_the_allowed_clients)
{
    struct bus_keyring keys;
    struct base_error error;
    char *lines = base_text_printf (
        "    secret-key = \"%s\"\n    public-key = \"%s\"\n    allow = \"%s\"\n    allow = \"%s\"\n", secret,
        public, other, public);
    cr_assert_eq (keys_read (true, &keys, &error, lines), 0, "%s", error.text);
    cr_assert (keys.configured && keys.bus.is_server);
    cr_assert_str_eq (keys.bus.secret_key, secret);
    cr_assert_str_eq (keys.bus.public_key, public);
    cr_assert_eq (base_list_count (keys.allowed), 2);
    cr_assert_str_eq (keys.allowed[0], other);
    bus_keyring_deinit (&keys);
    cr_assert_null (keys.allowed);
    free (lines);
}

Test (keys, a_client_needs_the_public_key_of_its_server)
{
    struct bus_keyring keys;
    struct base_error error;
    char *lines = base_text_printf ("    secret-key = \"%s\"\n    public-key = \"%s\"\n", secret, public);
    cr_assert_eq (keys_read (false, &keys, &error, lines), -EINVAL);
    cr_assert_not_null (strstr (error.text, "curve/server-key"), "%s", error.text);
    free (lines);
    lines = base_text_printf ("    secret-key = \"%s\"\n    public-key = \"%s\"\n    server-key = \"%s\"\n",
                              secret, public, other);
    cr_assert_eq (keys_read (false, &keys, &error, lines), 0, "%s", error.text);
    cr_assert_str_eq (keys.bus.server_key, other);
    bus_keyring_deinit (&keys);
    free (lines);
}

Test (keys, a_separate_content_peer_may_have_a_key_of_its_own)
{
    struct bus_keyring keys;
    struct base_error error = {.text = ""};
    char lines[400];
    int length = snprintf (lines, sizeof lines,
                           "    secret-key = \"%s\"\n    public-key = \"%s\"\n    server-key = \"%s\"\n",
                           secret, public, public);

    cr_assert_eq (keys_read (false, &keys, &error, lines), 0, "%s", error.text);
    cr_expect_str_eq (bus_keys_for_content (&keys.bus).server_key, public);
    bus_keyring_deinit (&keys);
    (void) snprintf (lines + length, sizeof lines - (size_t) length, "    content-key = \"%s\"\n", other);
    cr_assert_eq (keys_read (false, &keys, &error, lines), 0, "%s", error.text);
    cr_expect_str_eq (keys.bus.server_key, public);
    cr_expect_str_eq (bus_keys_for_content (&keys.bus).server_key, other);
    cr_expect_str_eq (bus_keys_for_content (&keys.bus).secret_key, secret);
    bus_keyring_deinit (&keys);
    (void) snprintf (lines + length, sizeof lines - (size_t) length, "    content-key = short\n");
    cr_expect_eq (keys_read (false, &keys, &error, lines), -EINVAL);
    cr_expect_not_null (strstr (error.text, "curve/content-key"), "%s", error.text);
    cr_expect_eq (keys_read (false, &keys, &error, "    content-key = short\n"), -EINVAL);
}

Test (keys, incomplete_or_invalid_keys_are_reported)
{
    struct bus_keyring keys;
    struct base_error error;
    char *allow = base_text_printf ("    allow = \"%s\"\n", other);
    cr_assert_eq (keys_read (true, &keys, &error, allow), -EINVAL,
                  "a list of clients without a key of the server");
    char *alone = base_text_printf ("    secret-key = \"%s\"\n", secret);
    cr_assert_eq (keys_read (true, &keys, &error, alone), -EINVAL);
    cr_assert_not_null (strstr (error.text, "curve/public-key"), "%s", error.text);
    char *bad = base_text_printf ("    secret-key = \"%s\"\n    public-key = \"%s\"\n    allow = \"short\"\n",
                                  secret, public);
    cr_assert_eq (keys_read (true, &keys, &error, bad), -EINVAL);
    cr_assert_not_null (strstr (error.text, "\"short\""), "%s", error.text);
    cr_assert_neq (keys_read (true, &keys, &error, "    secret-key-file = /nowhere/at-all\n"), 0);
    cr_assert_not_null (strstr (error.text, "/nowhere/at-all"), "%s", error.text);
    free (allow);
    free (alone);
    free (bad);
}
