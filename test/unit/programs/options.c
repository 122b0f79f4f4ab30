/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/programs/options.c - options and settings of a program, from one table */

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "programs/program_options.h"

static bool flag;
static const char *text;
static char **list;
static uint64_t number, span;
static struct bus_settings *settings;
static int first;
static char path[] = "/tmp/noded-test-XXXXXX";

static const struct program_option options[] = {
    {"flag", 'f', PROGRAM_FLAG, NULL, "here/flag", &flag, 0, "a flag"},
    {"text", 0, PROGRAM_TEXT, "T", "here/text", &text, 0, "a text"},
    {"list", 0, PROGRAM_LIST, "T", "here/list", &list, 0, "a list"},
    {"number", 'n', PROGRAM_NUMBER, "N", "here/number", &number, 100, "a number"},
    {"span", 0, PROGRAM_SPAN, "T", "here/span", &span, 0, "a span"},
    {NULL, 0, PROGRAM_TEXT, NULL, NULL, NULL, 0, NULL},
};
static const struct program_spec spec = {
    .name = "prog", .usage = "[OPTION...]", .about = "About.\n", .options = options};

static void setup (void)
{
    cr_redirect_stderr ();
    cr_redirect_stdout ();
    flag = false;
    text = "before";
    number = 7;
    span = 8;
    int fd = mkstemp (path);
    cr_assert_geq (fd, 0);
    (void) close (fd);
}

static void teardown (void)
{
    settings = bus_settings_free (settings);
    list = base_list_free (list);
    (void) unlink (path);
}

TestSuite (options, .init = setup, .fini = teardown);

static int options_parse (const char *a, const char *b, const char *c)
{
    const char *const argv[] = {"prog", a, b, c, NULL};
    int argc = 1;
    while (argv[argc])
        argc++;
    return program_options_parse (&spec, argc, (char **) (uintptr_t) argv, &settings, &first);
}

static void file_write (const char *lines)
{
    FILE *file = fopen (path, "we");
    cr_assert_not_null (file);
    (void) fputs (lines, file);
    (void) fclose (file);
}

Test (options, values_are_read_from_the_command_line)
{
    cr_assert_eq (options_parse ("--number=9", "-f", "--span=2s"), PROGRAM_GO);
    cr_assert_eq (number, 9);
    cr_assert (flag);
    cr_assert_eq (span, 2000);
    cr_assert_str_eq (text, "before");
    cr_assert_null (settings);
    cr_assert_eq (options_parse ("--list=a", "--list=b", "word"), PROGRAM_GO);
    cr_assert_eq (base_list_count (list), 2);
    cr_assert_eq (first, 3);
}

Test (options, the_command_line_overrides_the_file)
{
    file_write ("here\n    number = 50\n    text = filed\n    flag = yes\n    list = x\n    list = y\n");
    cr_assert_eq (options_parse ("--config", path, "--number=9"), PROGRAM_GO);
    cr_assert_eq (number, 9);
    cr_assert_str_eq (text, "filed");
    cr_assert (flag);
    cr_assert_eq (base_list_count (list), 2);
    cr_assert_eq (span, 8);
}

Test (options, a_mistake_is_a_usage_error)
{
    static const char *const mistakes[] = {"--number=101", "--number=-1", "--number=x",
                                           "--span=soon",  "--nothing",   "-x",
                                           "--flag=yes",   "--text",      "--number="};
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        cr_assert_eq (options_parse (mistakes[i], NULL, NULL), PROGRAM_USAGE, "%s", mistakes[i]);
    cr_assert_eq (number, 7);
}

Test (options, a_mistake_in_the_file_is_a_usage_error)
{
    static const char *const mistakes[] = {"here\n    number = 101\n", "here\n    nombre = 1\n",
                                           "here\n    flag = perhaps\n"};
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        file_write (mistakes[i]);
        cr_assert_eq (options_parse ("--config", path, NULL), PROGRAM_USAGE, "%s", mistakes[i]);
        cr_assert_null (settings);
    }
    cr_assert_eq (options_parse ("--config", "/nowhere/at-all", NULL), PROGRAM_USAGE);
}

Test (options, help_and_version_exit_with_success)
{
    cr_assert_eq (options_parse ("--help", NULL, NULL), PROGRAM_OK);
    cr_assert_eq (options_parse ("--version", NULL, NULL), PROGRAM_OK);
}
