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
    cr_assert_eq (keys_read (true, &keys, &error, ""), 0);
    cr_assert (!keys.configured);
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
    cr_assert_str_eq (keys.bus.allowed[0], other);
    cr_assert_eq (keys.bus.allowed, keys.allowed);
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
