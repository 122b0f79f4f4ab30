/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/program_options.c - options and settings of a program, from one table */

#include "programs/program_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"

enum { OPTIONS_MOST = 64, OPTION_BASE = 256, HELP_COLUMN = 24 };
enum { OPTION_HELP = OPTION_BASE + OPTIONS_MOST, OPTION_VERSION, OPTION_CONFIG };

enum program_exit program_usage_error (const struct program_spec *spec, const char *format, ...)
{
    base_assert (spec && spec->name && format);
    char sentence[BASE_ERROR_SIZE];
    va_list arguments;

    va_start (arguments, format);
    (void) vsnprintf (sentence, sizeof sentence, format, arguments); /* NOLINT: it is started just above */
    va_end (arguments);
    if (spec->again)
        base_log (BASE_LOG_ERROR, "the settings stay as they were: %s", sentence);
    else
        (void) fprintf (stderr, "%s: %s\nTry '%s --help'.\n", spec->name, sentence, spec->name);
    return PROGRAM_USAGE;
}

static unsigned options_count (const struct program_spec *spec)
{
    base_assert (spec->options);
    unsigned count = 0;

    while (spec->options[count].name || spec->options[count].setting)
        count++;
    return count;
}

static bool has_settings (const struct program_spec *spec)
{
    if (spec->settings)
        return true;
    for (unsigned i = 0; i < options_count (spec); i++)
        if (spec->options[i].setting)
            return true;
    return false;
}

static void help_line (char letter, const char *name, const char *argument, const char *help)
{
    base_assert (name && help);
    int width = 0;

    if (letter)
        width = printf ("  -%c, --%s", letter, name);
    else
        width = printf ("      --%s", name);
    if (argument)
        width += printf (" %s", argument);
    while (*help) {
        size_t length = strcspn (help, "\n");
        if (width >= HELP_COLUMN + 4) {
            (void) putchar ('\n');
            width = 0;
        }
        printf ("%*s%.*s\n", HELP_COLUMN + 5 - width, "", (int) length, help);
        width = 0;
        help += length;
        if (*help)
            help++;
    }
}

static void help_print (const struct program_spec *spec)
{
    base_assert (spec->usage && spec->about);
    bool settings_first = true;

    printf ("Usage: %s %s\n\n%s\n", spec->name, spec->usage, spec->about);
    for (unsigned i = 0; i < options_count (spec); i++)
        if (spec->options[i].name && spec->options[i].help)
            help_line (spec->options[i].letter, spec->options[i].name, spec->options[i].argument,
                       spec->options[i].help);
    if (has_settings (spec))
        help_line (0, "config", "FILE", "read settings from a ZPL file; options override it");
    help_line (0, "help", NULL, "print this and exit");
    help_line (0, "version", NULL, "print the version and exit");
    for (unsigned i = 0; i < options_count (spec); i++) {
        const struct program_option *option = &spec->options[i];
        if (!option->setting)
            continue;
        if (settings_first)
            printf ("\nSettings (SECTION/NAME in the file of --config):\n");
        settings_first = false;
        if (option->name)
            printf ("  %-*s --%s\n", HELP_COLUMN - 2, option->setting, option->name);
        else if (option->help)
            printf ("  %-*s %s\n", HELP_COLUMN - 2, option->setting, option->help);
    }
    if (spec->more)
        printf ("%s%s", settings_first ? "\n" : "", spec->more);
    printf ("\nExit codes: %s.\n",
            spec->exits ? spec->exits
                        : "0 done; 1 failed; 2 wrong options or settings; 75 the root is in use");
}

static int flag_parse (const char *text, bool *ret_flag)
{
    base_assert (text && ret_flag);
    static const char *const yes[] = {"yes", "true", "1", "on"};
    static const char *const no[] = {"no", "false", "0", "off"};

    for (unsigned i = 0; i < 4; i++) {
        if (strcmp (text, yes[i]) == 0) {
            *ret_flag = true;
            return 0;
        }
        if (strcmp (text, no[i]) == 0) {
            *ret_flag = false;
            return 0;
        }
    }
    return -EINVAL;
}

/*  Stores a text as the value of an option. where: the option or setting, for the error message. */
static enum program_exit value_take (const struct program_spec *spec, const struct program_option *option,
                                     const char *where, const char *text)
{
    base_assert (where);
    base_assert (option->value || option->kind == PROGRAM_LOG);
    base_assert (text || option->kind == PROGRAM_FLAG);
    enum base_log_level level;
    int r = 0;

    switch (option->kind) {
    case PROGRAM_FLAG:
        if (!text)
            *(bool *) option->value = true;
        else if (flag_parse (text, option->value) != 0)
            return program_usage_error (spec, "%s must be yes or no, not \"%s\"", where, text);
        break;
    case PROGRAM_TEXT:
        *(const char **) option->value = text;
        break;
    case PROGRAM_LIST:
        if (base_list_append (option->value, text) != 0) {
            (void) fprintf (stderr, "%s: out of memory\n", spec->name);
            return PROGRAM_FAILED;
        }
        break;
    case PROGRAM_NUMBER:
        r = base_text_parse_u64 (text, option->most ? option->most : UINT64_MAX, option->value);
        if (r == -ERANGE)
            return program_usage_error (spec, "%s must be at most %llu, not \"%s\"", where,
                                        (unsigned long long) option->most, text);
        if (r != 0)
            return program_usage_error (spec, "%s must be a number, not \"%s\"", where, text);
        break;
    case PROGRAM_SPAN:
        if (base_text_parse_span_ms (text, option->value) != 0)
            return program_usage_error (spec, "%s must be a time such as 250ms, 30s, 10m or 1h, not \"%s\"",
                                        where, text);
        break;
    case PROGRAM_LOG:
        if (!base_log_level_parse (text, &level))
            return program_usage_error (spec, "%s must be error, warning, info or debug, not \"%s\"", where,
                                        text);
        base_log_set_level (level);
        break;
    }
    return PROGRAM_GO;
}

struct unknown_setting {
    const struct program_spec *spec;
    const char *file;
    enum program_exit result;
};

static void setting_unknown (void *context, const char *path)
{
    struct unknown_setting *unknown = context;
    base_assert (unknown && path);

    if (unknown->result == PROGRAM_GO)
        unknown->result = program_usage_error (unknown->spec, "%s: no such setting: %s", unknown->file, path);
}

/*  Reads the file, and sets each option that the command line did not give from its setting. */
static enum program_exit settings_apply (const struct program_spec *spec, const char *file, const bool *given,
                                         struct bus_settings **ret_settings)
{
    base_assert (file && given && ret_settings);
    const char *known[2 * OPTIONS_MOST + 1];
    struct bus_settings *settings;
    struct base_error error = {.code = 0};
    struct unknown_setting unknown = {.spec = spec, .file = file, .result = PROGRAM_GO};
    unsigned n_known = 0;
    int r = bus_settings_load (file, &settings, &error);

    if (r < 0)
        return program_usage_error (spec, "cannot read the settings: %s",
                                    error.text[0] ? error.text : strerror (-r));
    *ret_settings = settings;
    for (unsigned i = 0; i < options_count (spec); i++)
        if (spec->options[i].setting)
            known[n_known++] = spec->options[i].setting;
    for (unsigned i = 0; spec->settings && spec->settings[i] && n_known < 2 * OPTIONS_MOST; i++)
        known[n_known++] = spec->settings[i];
    known[n_known] = NULL;
    bus_settings_check (settings, known, setting_unknown, &unknown);
    if (unknown.result != PROGRAM_GO)
        return unknown.result;
    for (unsigned i = 0; i < options_count (spec); i++) {
        const struct program_option *option = &spec->options[i];
        base_cleanup (base_free_p) char *where = NULL;
        const char *text;
        if (given[i] || !option->setting || !bus_settings_get (settings, option->setting))
            continue;
        where = base_text_printf ("%s: %s", file, option->setting);
        if (option->kind == PROGRAM_LIST) {
            char **list = bus_settings_get_all (settings, option->setting);
            base_list_free (*(char ***) option->value);
            *(char ***) option->value = list;
            continue;
        }
        text = bus_settings_get (settings, option->setting);
        enum program_exit code = value_take (spec, option, where ? where : option->setting, text);
        if (code != PROGRAM_GO)
            return code;
    }
    return PROGRAM_GO;
}

/*  Fills in the arguments of getopt_long. */
static void getopt_prepare (const struct program_spec *spec, struct option *longs, char *letters)
{
    base_assert (options_count (spec) <= OPTIONS_MOST);
    base_assert (longs && letters);
    unsigned n = 0, l = 0;

    letters[l++] = spec->stop_at_word ? '+' : ':';
    if (spec->stop_at_word)
        letters[l++] = ':';
    for (unsigned i = 0; i < options_count (spec) && i < OPTIONS_MOST; i++) {
        const struct program_option *option = &spec->options[i];
        int argument = option->kind == PROGRAM_FLAG ? no_argument : required_argument;
        if (!option->name)
            continue;
        longs[n++] = (struct option){option->name, argument, NULL, OPTION_BASE + (int) i};
        if (option->letter) {
            letters[l++] = option->letter;
            if (argument == required_argument)
                letters[l++] = ':';
        }
    }
    longs[n++] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    longs[n++] = (struct option){"version", no_argument, NULL, OPTION_VERSION};
    if (has_settings (spec))
        longs[n++] = (struct option){"config", required_argument, NULL, OPTION_CONFIG};
    longs[n] = (struct option){NULL, 0, NULL, 0};
    letters[l] = '\0';
}

static int option_index (const struct program_spec *spec, int code)
{
    base_assert (code > 0);
    if (code >= OPTION_BASE)
        return code - OPTION_BASE;
    for (unsigned i = 0; i < options_count (spec); i++)
        if (spec->options[i].letter && spec->options[i].letter == code)
            return (int) i;
    return -1;
}

static enum program_exit mistake_report (const struct program_spec *spec, int found, char **argv)
{
    base_assert (found == ':' || found == '?');
    const char *word = argv[optind - 1];

    if (found == ':')
        return program_usage_error (spec, "%s needs a value", word);
    if (strncmp (word, "--", 2) == 0 && strchr (word, '=') && optopt != 0)
        return program_usage_error (spec, "%s: this option takes no value", word);
    if (optopt != 0 && optopt < OPTION_BASE)
        return program_usage_error (spec, "no such option: -%c", optopt);
    return program_usage_error (spec, "no such option, or ambiguous: %s", word);
}

enum program_exit program_options_parse (const struct program_spec *spec, int argc, char **argv,
                                         struct bus_settings **ret_settings, int *ret_first)
{
    base_assert (spec && argv);
    base_assert (ret_settings && ret_first);
    struct option longs[OPTIONS_MOST + 4];
    char letters[3 * OPTIONS_MOST + 4];
    bool given[OPTIONS_MOST] = {false};
    const char *config = NULL;
    enum program_exit code = PROGRAM_GO;

    *ret_settings = NULL;
    getopt_prepare (spec, longs, letters);
    optind = 0; /* reset, so that a sub-command's options can be parsed after the program's */
    opterr = 0;
    for (int found; (found = getopt_long (argc, argv, letters, longs, NULL)) != -1;) {
        base_cleanup (base_free_p) char *where = NULL;
        int index;
        switch (found) {
        case OPTION_HELP:
            help_print (spec);
            return fflush (stdout) == 0 ? PROGRAM_OK : PROGRAM_FAILED;
        case OPTION_VERSION:
            printf ("%.*s %s\n", (int) strcspn (spec->name, " "), spec->name, base_version);
            return fflush (stdout) == 0 ? PROGRAM_OK : PROGRAM_FAILED;
        case OPTION_CONFIG:
            config = optarg;
            continue;
        case '?':
        case ':':
            return mistake_report (spec, found, argv);
        }
        index = option_index (spec, found);
        where = base_text_printf ("--%s", spec->options[index].name);
        code = value_take (spec, &spec->options[index], where ? where : spec->options[index].name, optarg);
        if (code != PROGRAM_GO)
            return code;
        given[index] = true;
    }
    *ret_first = optind;
    if (!config)
        return PROGRAM_GO;
    code = settings_apply (spec, config, given, ret_settings);
    if (code != PROGRAM_GO)
        *ret_settings = bus_settings_free (*ret_settings);
    return code;
}
