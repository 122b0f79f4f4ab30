/*  ctl/options.c - the command line

    All options are read at once, wherever they stand; which of them a command takes is checked once its
    name is known. `--version` alone asks for nodectl's version, with a value behind it it belongs to
    publish. */

#include "ctl/options.h"

#include <getopt.h>

#include "base/text.h"
#include "ctl/text.h"

struct option_entry {
    const char *name;
    const char *argument; /* NULL: takes none */
    const char *help;
};

/*  In the order of enum ctl_option. */
static const struct option_entry option_table[CTL_OPTION_END] = {
    [CTL_OPTION_BROKER] = {"broker", "HOST[:PORT]",
                           "where the broker is (default: NODED_BROKER, then 127.0.0.1:7670)"},
    [CTL_OPTION_CONFIG] = {"config", "FILE",
                           "settings in ZPL: client/broker, client/content, client/timeout, section curve"},
    [CTL_OPTION_TIMEOUT] = {"timeout", "SPAN",
                            "how long to wait: 500ms, 10s, 15m, 1h (default: 5s an answer)"},
    [CTL_OPTION_JSON] = {"json", NULL, "print JSON, and nothing else, on standard output"},
    [CTL_OPTION_HELP] = {"help", NULL, "print this"},
    [CTL_OPTION_APP] = {"app", "APP", "the application (default: noded, the node manager itself)"},
    [CTL_OPTION_ALL] = {"all", NULL, "every node that the broker knows"},
    [CTL_OPTION_RELEASE] = {"release", "RELEASE",
                            "this release (default: the newest for each node's platform)"},
    [CTL_OPTION_NO_WAIT] = {"no-wait", NULL, "order, and do not follow the nodes"},
    [CTL_OPTION_VERSION] = {"version", "V", "the version that people see"},
    [CTL_OPTION_BINARY] = {"binary", "[OS/ARCH=]FILE",
                           "the program, one a platform (default: read from its ELF header)"},
    [CTL_OPTION_TITLE] = {"title", "T", "a title for people"},
    [CTL_OPTION_ARG] = {"arg", "A", "an argument of the program; may come many times"},
    [CTL_OPTION_ENV] = {"env", "K=V", "an environment variable of the program; may come many times"},
    [CTL_OPTION_FILE] = {"file", "SRC[:DEST]", "a further file, put under files/DEST; may come many times"},
    [CTL_OPTION_COUNT] = {"count", "N", "end after N events"},
};

static const struct {
    char letter;
    enum ctl_option option;
} option_letters[] = {
    {'b', CTL_OPTION_BROKER}, {'c', CTL_OPTION_CONFIG}, {'h', CTL_OPTION_HELP}, {'n', CTL_OPTION_COUNT}};

const char *ctl_option_name (enum ctl_option option)
{
    return option_table[option].name;
}

void ctl_options_help (FILE *out, uint32_t bits)
{
    for (unsigned i = 0; i < CTL_OPTION_END; i++) {
        if (!(bits & (UINT32_C (1) << i)))
            continue;
        char text[64];
        const struct option_entry *entry = &option_table[i];
        (void) snprintf (text, sizeof text, "--%s%s%s", entry->name, entry->argument ? " " : "",
                         entry->argument ? entry->argument : "");
        (void) fprintf (out, "  %-25s %s\n", text, entry->help);
    }
}

void ctl_options_deinit (struct ctl_options *options)
{
    options->binaries = base_list_free (options->binaries);
    options->args = base_list_free (options->args);
    options->env = base_list_free (options->env);
    options->files = base_list_free (options->files);
}

static int option_list (struct ctl *ctl, char ***list, const char *value)
{
    if (base_list_append (list, value) == 0)
        return CTL_OK;
    return ctl_tell (ctl, "out of memory");
}

static int option_span (struct ctl *ctl, const char *value)
{
    uint64_t ms;
    if (base_text_parse_span_ms (value, &ms) == 0 && ms) {
        ctl->options.timeout_ms = ms;
        return CTL_OK;
    }
    return ctl_misused (ctl, "--timeout takes a span such as 500ms, 10s, 15m or 1h, not \"%s\"", value);
}

static int option_count (struct ctl *ctl, const char *value)
{
    if (base_text_parse_u64 (value, UINT64_MAX, &ctl->options.count) == 0 && ctl->options.count)
        return CTL_OK;
    return ctl_misused (ctl, "--count takes a number from 1, not \"%s\"", value);
}

static int option_take (struct ctl *ctl, enum ctl_option option, const char *value)
{
    struct ctl_options *options = &ctl->options;
    options->seen |= UINT32_C (1) << option;
    switch (option) {
    case CTL_OPTION_BROKER:
        options->broker = value;
        break;
    case CTL_OPTION_CONFIG:
        options->config = value;
        break;
    case CTL_OPTION_TIMEOUT:
        return option_span (ctl, value);
    case CTL_OPTION_JSON:
        options->json = true;
        break;
    case CTL_OPTION_APP:
        options->application = value;
        break;
    case CTL_OPTION_ALL:
        options->all = true;
        break;
    case CTL_OPTION_RELEASE:
        options->release = value;
        break;
    case CTL_OPTION_NO_WAIT:
        options->no_wait = true;
        break;
    case CTL_OPTION_VERSION:
        options->version = value;
        break;
    case CTL_OPTION_TITLE:
        options->title = value;
        break;
    case CTL_OPTION_BINARY:
        return option_list (ctl, &options->binaries, value);
    case CTL_OPTION_ARG:
        return option_list (ctl, &options->args, value);
    case CTL_OPTION_ENV:
        return option_list (ctl, &options->env, value);
    case CTL_OPTION_FILE:
        return option_list (ctl, &options->files, value);
    case CTL_OPTION_COUNT:
        return option_count (ctl, value);
    case CTL_OPTION_HELP:
    case CTL_OPTION_END:
        break;
    }
    return CTL_OK;
}

static int option_unknown (struct ctl *ctl, const char *given)
{
    const char *names[CTL_OPTION_END + 1] = {NULL};
    for (unsigned i = 0; i < CTL_OPTION_END; i++)
        names[i] = option_table[i].name;
    char word[64];
    (void) snprintf (word, sizeof word, "%.*s", (int) strcspn (given + strspn (given, "-"), "="),
                     given + strspn (given, "-"));
    const char *nearest = ctl_word_nearest (word, names);
    if (nearest)
        return ctl_misused (ctl, "there is no option %s; did you mean --%s?", given, nearest);
    return ctl_misused (ctl, "there is no option %s", given);
}

int ctl_options_read (struct ctl *ctl, int argc, char **argv, int *ret_first)
{
    struct option table[CTL_OPTION_END + 1] = {{.name = NULL}};
    for (int i = 0; i < CTL_OPTION_END; i++)
        table[i] = (struct option){.name = option_table[i].name,
                                   .has_arg = option_table[i].argument ? required_argument : no_argument,
                                   .val = 256 + i};
    optind = 0;
    opterr = 0;
    int code = CTL_OK;
    for (int found; code == CTL_OK && (found = getopt_long (argc, argv, ":b:c:hn:", table, NULL)) != -1;) {
        const char *given = argv[optind - 1];
        if (found == '?')
            return option_unknown (ctl, given);
        if (found == ':')
            return ctl_misused (ctl, "%s takes a value", given);
        unsigned option = (unsigned) (found - 256);
        for (size_t i = 0; found < 256 && i < sizeof option_letters / sizeof *option_letters; i++)
            if (option_letters[i].letter == found)
                option = option_letters[i].option;
        code = option_take (ctl, option, optarg);
    }
    *ret_first = optind;
    return code;
}
