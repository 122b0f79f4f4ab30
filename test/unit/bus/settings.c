/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/settings.c - settings files: reading, errors with file and line, writing */

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "bus/settings.h"

static char path[64];

static int settings_load (const char *text, size_t size, struct bus_settings **ret_settings,
                          struct base_error *error)
{
    (void) snprintf (path, sizeof path, "/tmp/noded-test-XXXXXX");
    int fd = mkstemp (path);
    cr_assert_geq (fd, 0);
    cr_assert_eq (write (fd, text, size), (ssize_t) size);
    (void) close (fd);
    int r = bus_settings_load (path, ret_settings, error);
    (void) unlink (path);
    return r;
}

static struct bus_settings *settings_of (const char *text)
{
    struct bus_settings *settings = NULL;
    struct base_error error = {0};
    cr_assert_eq (settings_load (text, strlen (text), &settings, &error), 0, "%s", error.text);
    return settings;
}

static const char GOOD[] = "# of this node\r\n"
                           "node\r\n"
                           "    id = web-17   # bare\n"
                           "    broker = \"10.0.0.1 # no comment\" # comment\n"
                           "    say = 'a \"word\"'\n"
                           "    empty =\n"
                           "\n"
                           "    # deeper\n"
                           "    more\n"
                           "        depth = 2\n"
                           "curve\n"
                           "    allow = one\n"
                           "    allow = two\n"
                           "    deny = three\n"
                           "last = x";

Test (settings, values_are_found_by_their_path)
{
    struct bus_settings *settings = settings_of (GOOD);
    cr_assert_str_eq (bus_settings_get (settings, "node/id"), "web-17");
    cr_assert_str_eq (bus_settings_get (settings, "node/broker"), "10.0.0.1 # no comment");
    cr_assert_str_eq (bus_settings_get (settings, "node/say"), "a \"word\"");
    cr_assert_str_eq (bus_settings_get (settings, "node/empty"), "");
    cr_assert_str_eq (bus_settings_get (settings, "node/more/depth"), "2");
    cr_assert_str_eq (bus_settings_get (settings, "last"), "x");
    cr_assert_null (bus_settings_get (settings, "node"));
    cr_assert_null (bus_settings_get (settings, "node/nothing"));
    cr_assert_null (bus_settings_get (settings, "nothing/at/all"));
    bus_settings_free (settings);
}

Test (settings, a_repeated_key_is_a_list)
{
    struct bus_settings *settings = settings_of (GOOD);
    char **list = bus_settings_get_all (settings, "curve/allow");
    cr_assert_eq (base_list_count (list), 2);
    cr_assert_str_eq (list[0], "one");
    cr_assert_str_eq (list[1], "two");
    base_list_free (list);
    list = bus_settings_get_all (settings, "last");
    cr_assert_eq (base_list_count (list), 1);
    base_list_free (list);
    cr_assert_null (bus_settings_get_all (settings, "curve/nothing"));
    cr_assert_null (bus_settings_get_all (settings, "nothing/allow"));
    bus_settings_free (settings);
}

static char unknown_paths[256];

static void unknown_add (void *context, const char *what)
{
    cr_assert_eq (context, &unknown_paths);
    size_t length = strlen (unknown_paths);
    (void) snprintf (unknown_paths + length, sizeof unknown_paths - length, "%s;", what);
}

Test (settings, an_unknown_key_is_reported)
{
    struct bus_settings *settings = settings_of (GOOD);
    static const char *const known[] = {"node/id",     "node/broker", "node/say",
                                        "curve/allow", "node/empty",  NULL};
    bus_settings_check (settings, known, unknown_add, &unknown_paths);
    cr_assert_str_eq (unknown_paths, "node/more/depth;curve/deny;last;");
    bus_settings_free (settings);
}

Test (settings, a_repeated_section_is_merged)
{
    struct bus_settings *settings =
        settings_of ("node\n    id = a\n    labels\n        role = web\n"
                     "update\n    soak = 1s\n"
                     "node\n    labels\n        zone = b\n    id = c\n    log = debug\n");
    cr_expect_str_eq (bus_settings_get (settings, "node/id"), "a", "the first value is used");
    cr_expect_str_eq (bus_settings_get (settings, "node/log"), "debug");
    cr_expect_str_eq (bus_settings_get (settings, "node/labels/role"), "web");
    cr_assert_not_null (bus_settings_get (settings, "node/labels/zone"));
    cr_expect_str_eq (bus_settings_get (settings, "node/labels/zone"), "b");
    bus_settings_free (settings);
}

Test (settings, an_error_names_file_and_line)
{
    static const struct {
        const char *text;
        int line;
    } table[] = {
        {"node\n  id = x\n", 2},
        {"node\n\tid = x\n", 2},
        {"a\n        b = 1\n", 2},
        {"    a = 1\n", 1},
        {"a = 1\nb = \"open\n", 2},
        {"\n\na 1\n", 3},
        {"a = 'x' y\n", 1},
        {"= 1\n", 1},
        {"a\n    b\n            c = 1\n", 3},
        {"a/b = 1\n", 1},
        {"a = #\n", 1},
        {"{\"json\": true}\n", 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct bus_settings *settings = NULL;
        struct base_error error = {0};
        cr_assert_eq (settings_load (table[i].text, strlen (table[i].text), &settings, &error), -EINVAL, "%s",
                      table[i].text);
        cr_assert_null (settings);
        char expected[80];
        (void) snprintf (expected, sizeof expected, "%s, line %d: ", path, table[i].line);
        cr_assert_eq (strncmp (error.text, expected, strlen (expected)), 0, "%s", error.text);
    }
}

Test (settings, an_unreadable_or_oversize_file_is_refused)
{
    struct bus_settings *settings = NULL;
    struct base_error error = {0};
    cr_assert_eq (bus_settings_load ("/nonexistent/file", &settings, &error), -ENOENT);
    cr_assert_str_not_empty (error.text);
    cr_assert_eq (bus_settings_load ("/tmp", &settings, &error), -EINVAL);
    cr_assert_eq (bus_settings_load ("/dev/zero", &settings, &error), -EINVAL);
    cr_assert_eq (settings_load ("a = \0b\n", 7, &settings, &error), -EINVAL);
    size_t size = 1200;
    char *text = malloc (size);
    memset (text, 'x', size);
    cr_assert_eq (settings_load (text, size, &settings, &error), -EINVAL);
    free (text);
    size = 1024 * 1024 + 4097;
    text = malloc (size);
    memset (text, '\n', size);
    cr_assert_eq (settings_load (text, size, &settings, &error), -EINVAL);
    free (text);
    cr_assert_null (settings);
}

Test (settings, an_empty_file_has_no_values)
{
    struct bus_settings *settings = settings_of ("");
    cr_assert_null (bus_settings_get (settings, "node/id"));
    bus_settings_free (settings);
}

Test (settings, written_values_are_read_back)
{
    static const char *const values[] = {"plain", "with # hash", "with \"quotes\"", "it's", "", " spaces ",
                                         "=",     "%s%n"};
    struct bus_settings *settings = bus_settings_new ();
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char key[32];
        (void) snprintf (key, sizeof key, "section/deep/v%zu", i);
        cr_assert_eq (bus_settings_put (settings, key, "replaced"), 0);
        cr_assert_eq (bus_settings_put (settings, key, values[i]), 0);
    }
    char *text = bus_settings_format (settings);
    cr_assert_not_null (text);
    struct bus_settings *again = settings_of (text);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char key[32];
        (void) snprintf (key, sizeof key, "section/deep/v%zu", i);
        cr_assert_str_eq (bus_settings_get (again, key), values[i]);
    }
    free (text);
    bus_settings_free (again);
    bus_settings_free (settings);
}

Test (settings, a_value_that_no_file_can_represent_is_refused)
{
    char large[1000];
    memset (large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    struct bus_settings *settings = bus_settings_new ();
    cr_assert_eq (bus_settings_put (settings, "a", "two\nlines"), -EINVAL);
    cr_assert_eq (bus_settings_put (settings, "a", "both ' and \""), -EINVAL);
    cr_assert_eq (bus_settings_put (settings, "a", large), -EINVAL);
    cr_assert_eq (bus_settings_put (settings, "a b", "x"), -EINVAL);
    cr_assert_eq (bus_settings_put (settings, "a//b", "x"), -EINVAL);
    cr_assert_eq (bus_settings_put (settings, "/a", "x"), -EINVAL);
    cr_assert_eq (bus_settings_put (settings, "a/", "x"), -EINVAL);
    cr_assert_eq (bus_settings_put (settings, "", "x"), -EINVAL);
    cr_assert_eq (bus_settings_put (settings, "a/b/c/d/e/f/g/h/i", "x"), -EINVAL);
    cr_assert_null (bus_settings_get (settings, "a"));
    bus_settings_free (settings);
}
