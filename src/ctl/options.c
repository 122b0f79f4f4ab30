/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/options.c - options of the command line

    All options are read in one pass, before the command is known. main.c checks later whether the command
    takes them. `--version` as the only argument prints nodectl's version (main.c); with a value it is an
    option of publish. */

#include "ctl/options.h"

#include <getopt.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/text.h"

struct option_entry {
    const char *name;
    const char *argument; /* NULL: takes no value */
    const char *help;
};

/*  In the order of enum ctl_option. */
static const struct option_entry option_table[CTL_OPTION_END] = {
    [CTL_OPTION_BROKER] = {"broker", "HOST[:PORT]",
                           "address of the broker (default: NODED_BROKER, then 127.0.0.1:7670)"},
    [CTL_OPTION_ITSELF] = {"broker", NULL, "without a value: the broker itself, instead of a node"},
    [CTL_OPTION_ROOT] = {"root", "DIR", "the broker with this root, on this host: root is admin there"},
    [CTL_OPTION_CONFIG] =
        {"config", "FILE",
         "settings in ZPL: client/broker, client/content, client/timeout, section curve\n"
         "(default: NODED_CONFIG, then ~/.config/noded/nodectl.zpl, /etc/noded/nodectl.zpl)"},
    [CTL_OPTION_TIMEOUT] = {"timeout", "SPAN",
                            "how long to wait: 500ms, 10s, 15m, 1h (default: 5s an answer)"},
    [CTL_OPTION_JSON] = {"json", NULL, "print JSON, and nothing else, on standard output"},
    [CTL_OPTION_HELP] = {"help", NULL, "print this help"},
    [CTL_OPTION_APP] = {"app", "APP", "the application (default: noded, the node manager itself)"},
    [CTL_OPTION_ALL] = {"all", NULL, "every node that the broker knows"},
    [CTL_OPTION_RELEASE] = {"release", "RELEASE",
                            "this release (default: the newest for each node's platform)"},
    [CTL_OPTION_NO_WAIT] = {"no-wait", NULL, "send the order and exit"},
    [CTL_OPTION_VERSION] = {"version", "V", "the displayed version"},
    [CTL_OPTION_BINARY] = {"binary", "[OS/ARCH=]FILE",
                           "the program, one for each platform (default: read from its ELF header)"},
    [CTL_OPTION_TITLE] = {"title", "T", "the displayed title"},
    [CTL_OPTION_ARG] = {"arg", "A", "an argument of the program; can be repeated"},
    [CTL_OPTION_ENV] = {"env", "K=V", "an environment variable of the program; can be repeated"},
    [CTL_OPTION_FILE] = {"file", "SRC[:DEST]", "a further file, put under files/DEST; can be repeated"},
    [CTL_OPTION_COUNT] = {"count", "N", "end after N events"},
    [CTL_OPTION_FOLLOW] = {"follow", NULL, "follow the rollout to its end"},
    [CTL_OPTION_FORCE] = {"force", NULL, "replace an existing file"},
    [CTL_OPTION_NODES] = {"nodes", NULL, "list each node"},
    [CTL_OPTION_WAVE] = {"wave", "N", "only this wave; refused if another wave waits"},
    [CTL_OPTION_PLAN] = {"plan", "HASH", "only this plan; refused if anything has changed since"},
    [CTL_OPTION_SPEC] = {"spec", "FILE", "a ZPL file with the settings below; options override it"},
    [CTL_OPTION_ROLE] = {"role", "ROLE",
                         "of a key: node, content, observer, deployer, publisher or admin; of a metadata\n"
                         "file: the publisher that it belongs to (default: root or targets)"},
    [CTL_OPTION_APPLICATIONS] = {"applications", "A,B", "publisher: the applications that it may publish"},
    [CTL_OPTION_OUT] = {"out", "FILE",
                        "new file for the key, never replaced; or where metadata is written that needs\n"
                        "further signatures"},
    [CTL_OPTION_ADDRESS] = {"address", "HOST[:PORT]",
                            "address of the broker in the new file (default: where it is reached now)"},
    [CTL_OPTION_CONTENT] = {"content", "HOST[:PORT]",
                            "content: where nodes and operators reach the content peer; later keys have it"},
    [CTL_OPTION_KEY] = {"key", "FILE", "the key file that signs; can be repeated"},
    [CTL_OPTION_SIGNER] =
        {"signer", "COMMAND",
         "a key in a token: the command gets the bytes to sign on standard input, and prints\n"
         "the signature in hexadecimal digits"},
    [CTL_OPTION_PUBLIC] = {"public", "FILE", "the public key of --signer: PEM, or JSON of trust key show"},
    [CTL_OPTION_PASSPHRASE_FILE] = {"passphrase-file", "FILE",
                                    "the first line is the passphrase (default: asked on the terminal)"},
    [CTL_OPTION_NO_PASSPHRASE] = {"no-passphrase", NULL,
                                  "make a key without one: whoever can read the file can sign"},
    [CTL_OPTION_YES] = {"yes", NULL, "do not ask before signing or publishing"},
    [CTL_OPTION_VALID] = {"valid", "DAYS", "how long the signed file is valid (default: 1825, five years)"},
    [CTL_OPTION_ALLOW_DOWNGRADE] =
        {"allow-downgrade", NULL,
         "sign a release that is signed already with a new release-counter, so that\n"
         "nodes accept it after newer ones"},
    [CTL_OPTION_ADD] = {"add", "FILE", "a public key that is added; can be repeated"},
    [CTL_OPTION_REMOVE] = {"remove", "KEY",
                           "a key that is removed: the first digits of its id, or a file; can be\n"
                           "repeated"},
    [CTL_OPTION_THRESHOLD] = {"threshold", "N", "how many of the keys must sign"},
    [CTL_OPTION_APPLICATION] =
        {"application", "APP",
         "what the publisher may publish; * and ? stand for characters; can be repeated"},
    [CTL_OPTION_LAST] = {"last", "FILE",
                         "compare with this file instead of asking the broker: for a host without network"},
    [CTL_OPTION_STATE] =
        {"state", "DIR",
         "where the newest verified metadata is kept (default: below ~/.local/state/noded/trust)"},
    [CTL_OPTION_TRUST_ROOT] = {"trust-root", "FILE",
                               "the genuine root of this broker; needed once on each host that signs"},
    [CTL_OPTION_SELECT] = {"select", "SELECTOR",
                           "which nodes: ids with * and ?, labels: \"role=web and zone!=eu-1\""},
    [CTL_OPTION_WAVES] = {"waves", "LIST",
                          "numbers, percentages, rest; \"approval\" after one: the wave waits for approval\n"
                          "(default: 1, 10%, rest)"},
    [CTL_OPTION_APPROVAL] = {"approval", NULL, "every wave but the first waits for nodectl rollout approve"},
    [CTL_OPTION_CONCURRENCY] = {"concurrency", "N", "nodes under way at a time, or all (default: 500)"},
    [CTL_OPTION_SOAK] = {"soak", "SPAN",
                         "how long a wave is watched after its last node has ended (default: 30s)"},
    [CTL_OPTION_BUDGET] = {"budget", "N", "nodes that may fail in all before the rollout halts (default: 0)"},
    [CTL_OPTION_WAVE_BUDGET] = {"wave-budget", "N", "nodes that may fail in one wave (default: as --budget)"},
    [CTL_OPTION_NODE_DEADLINE] = {"node-deadline", "SPAN", "deadline for one node (default: 30m)"},
    [CTL_OPTION_WAVE_DEADLINE] = {"wave-deadline", "SPAN", "deadline for one wave (default: 24h)"},
    [CTL_OPTION_WINDOW] = {"window", "WHEN",
                           "when nodes may be started, UTC: \"Mon-Fri 01:00-05:00\" (default: always)"},
    [CTL_OPTION_STAGGER] = {"stagger", "SPAN",
                            "start the nodes of a wave evenly over this time (default: 0s)"},
    [CTL_OPTION_ON_HALT] = {"on-halt", "stay|revert",
                            "what happens to updated nodes when the rollout halts (default: stay)"},
    [CTL_OPTION_REHEARSE_REVERT] = {"rehearse-revert", NULL,
                                    "update the first wave, revert it, and update it again"},
    [CTL_OPTION_REVERT_LIMIT] = {"revert-limit", "SPAN", "time limit for that revert (default: 60s)"},
    [CTL_OPTION_SIGNIFICANCE] =
        {"significance", "CHANCE",
         "accepted probability that a good release is halted because updated nodes fail more often\n"
         "than the others: 0.1% to 50%, or off (default: 0.1%)"},
    [CTL_OPTION_FAILURE_DOMAIN] =
        {"failure-domain", "LABEL",
         "label whose value is shared by nodes that lose their broker together (default: all)"},
    [CTL_OPTION_QUEUE] = {"queue", NULL,
                          "wait while another rollout has one of the nodes, instead of being refused"},
    [CTL_OPTION_SUPERSEDE] = {"supersede", NULL, "take over nodes from halted or paused rollouts"},
};

static const struct {
    char letter;
    enum ctl_option option;
} option_letters[] = {
    {'b', CTL_OPTION_BROKER}, {'c', CTL_OPTION_CONFIG}, {'h', CTL_OPTION_HELP}, {'n', CTL_OPTION_COUNT}};

const char *ctl_option_name (enum ctl_option option)
{
    base_assert ((unsigned) option < CTL_OPTION_END);
    return option_table[option].name;
}

bool ctl_option_takes_value (enum ctl_option option)
{
    base_assert ((unsigned) option < CTL_OPTION_END);
    return option_table[option].argument;
}

enum ctl_option ctl_option_find (const char *word)
{
    base_assert (word);
    size_t length = strcspn (word, "=");
    for (size_t i = 0; i < sizeof option_letters / sizeof *option_letters; i++)
        if (word[0] == '-' && word[1] == option_letters[i].letter && !word[2])
            return option_letters[i].option;
    for (unsigned i = 0; i < CTL_OPTION_END && strncmp (word, "--", 2) == 0; i++)
        if (strlen (option_table[i].name) == length - 2 &&
            strncmp (option_table[i].name, word + 2, length - 2) == 0)
            return i;
    return CTL_OPTION_END;
}

void ctl_options_help (FILE *out, uint64_t bits)
{
    base_assert (bits >> CTL_OPTION_END == 0);
    for (unsigned i = 0; i < CTL_OPTION_END; i++) {
        if (!(bits & (UINT64_C (1) << i)))
            continue;
        char text[64];
        const struct option_entry *entry = &option_table[i];
        (void) snprintf (text, sizeof text, "--%s%s%s", entry->name, entry->argument ? " " : "",
                         entry->argument ? entry->argument : "");
        const char *help = entry->help;
        size_t length = strcspn (help, "\n");
        (void) fprintf (out, "  %-25s %.*s\n", text, (int) length, help);
        while (help[length]) {
            help += length + 1;
            length = strcspn (help, "\n");
            (void) fprintf (out, "  %-25s %.*s\n", "", (int) length, help);
        }
    }
}

void ctl_options_deinit (struct ctl_options *options)
{
    options->binaries = base_list_free (options->binaries);
    options->args = base_list_free (options->args);
    options->env = base_list_free (options->env);
    options->files = base_list_free (options->files);
    options->settings = base_list_free (options->settings);
    options->keys = base_list_free (options->keys);
    options->add = base_list_free (options->add);
    options->remove = base_list_free (options->remove);
    options->delegated = base_list_free (options->delegated);
}

static enum ctl_exit option_list (struct ctl *ctl, char ***list, const char *value)
{
    base_assert (list);
    if (value && base_list_append (list, value) == 0)
        return CTL_OK;
    return ctl_error (ctl, "out of memory");
}

static enum ctl_exit option_span (struct ctl *ctl, const char *value)
{
    base_assert (value);
    uint64_t ms;
    if (base_text_parse_span_ms (value, &ms) == 0 && ms) {
        ctl->options.timeout_ms = ms;
        return CTL_OK;
    }
    return ctl_misused (ctl, "--timeout needs a span such as 500ms, 10s, 15m or 1h, not \"%s\"", value);
}

static enum ctl_exit option_number (struct ctl *ctl, const char *name, const char *value, uint64_t *number)
{
    base_assert (name && value && number);
    if (base_text_parse_u64 (value, UINT32_MAX, number) == 0 && *number)
        return CTL_OK;
    return ctl_misused (ctl, "--%s needs a number from 1, not \"%s\"", name, value);
}

enum { DAYS_MOST = 36500 };

static enum ctl_exit option_days (struct ctl *ctl, const char *value)
{
    if (base_text_parse_u64 (value, DAYS_MOST, &ctl->options.valid) == 0 && ctl->options.valid)
        return CTL_OK;
    return ctl_misused (ctl, "--valid needs a number of days from 1 to %d, not \"%s\"", DAYS_MOST, value);
}

/*  Appends NAME=VALUE to the settings; the library checks the value. An option without a value means yes. */
static enum ctl_exit option_setting (struct ctl *ctl, enum ctl_option option, const char *value)
{
    base_assert (CTL_BITS_SETTINGS >> option & 1);
    base_cleanup (base_free_p) char *setting =
        base_text_printf ("%s=%s", option_table[option].name, value ? value : "yes");
    if (option == CTL_OPTION_SELECT) {
        if (!value || value[strspn (value, " \t")] == '\0') /* such as an unset variable of a script */
            return ctl_misused (ctl, "--select needs a selector, not \"%s\"; every node is --select '*'",
                                value ? value : "");
        ctl->options.select = value;
    }
    return option_list (ctl, &ctl->options.settings, setting);
}

static enum ctl_exit option_take (struct ctl *ctl, enum ctl_option option, const char *value)
{
    base_assert ((unsigned) option < CTL_OPTION_END);
    struct ctl_options *options = &ctl->options;
    options->seen |= UINT64_C (1) << option;
    switch (option) {
    case CTL_OPTION_BROKER:
        options->broker = value;
        break;
    case CTL_OPTION_ROOT:
        options->root = value;
        break;
    case CTL_OPTION_CONFIG:
        options->config = value;
        break;
    case CTL_OPTION_ROLE:
        options->role = value;
        break;
    case CTL_OPTION_APPLICATIONS:
        options->applications = value;
        break;
    case CTL_OPTION_OUT:
        options->out = value;
        break;
    case CTL_OPTION_ADDRESS:
        options->address = value;
        break;
    case CTL_OPTION_CONTENT:
        options->content = value;
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
        return option_number (ctl, "count", value, &options->count);
    case CTL_OPTION_WAVE:
        return option_number (ctl, "wave", value, &options->wave);
    case CTL_OPTION_NODES:
        options->nodes = true;
        break;
    case CTL_OPTION_FORCE:
        options->force = true;
        break;
    case CTL_OPTION_FOLLOW:
        options->follow = true;
        break;
    case CTL_OPTION_PLAN:
        options->plan = value;
        break;
    case CTL_OPTION_SPEC:
        options->spec = value;
        break;
    case CTL_OPTION_KEY:
        return option_list (ctl, &options->keys, value);
    case CTL_OPTION_SIGNER:
        options->signer = value;
        break;
    case CTL_OPTION_PUBLIC:
        options->public = value;
        break;
    case CTL_OPTION_PASSPHRASE_FILE:
        options->passphrase_file = value;
        break;
    case CTL_OPTION_NO_PASSPHRASE:
        options->no_passphrase = true;
        break;
    case CTL_OPTION_YES:
        options->yes = true;
        break;
    case CTL_OPTION_VALID:
        return option_days (ctl, value);
    case CTL_OPTION_ALLOW_DOWNGRADE:
        options->downgrade = true;
        break;
    case CTL_OPTION_ADD:
        return option_list (ctl, &options->add, value);
    case CTL_OPTION_REMOVE:
        return option_list (ctl, &options->remove, value);
    case CTL_OPTION_THRESHOLD:
        return option_number (ctl, "threshold", value, &options->threshold);
    case CTL_OPTION_APPLICATION:
        return option_list (ctl, &options->delegated, value);
    case CTL_OPTION_LAST:
        options->last = value;
        break;
    case CTL_OPTION_STATE:
        options->state = value;
        break;
    case CTL_OPTION_TRUST_ROOT:
        options->trust_root = value;
        break;
    default: /* settings; and --help and --broker without a value, which only set their bit */
        return CTL_BITS_SETTINGS >> option & 1 ? option_setting (ctl, option, value) : CTL_OK;
    }
    return CTL_OK;
}

/*  Whether --broker was given without a value: another option follows it, which getopt took as its value. No
    address begins with a dash. */
static bool option_is_bare (unsigned option, char **argv)
{
    base_assert (option < CTL_OPTION_END);
    return option == CTL_OPTION_BROKER && optarg && optarg == argv[optind - 1] && *optarg == '-' &&
           strcmp (argv[optind - 2], "--broker") == 0;
}

static enum ctl_exit option_unknown (struct ctl *ctl, const char *given)
{
    base_assert (given);
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

enum ctl_exit ctl_options_read (struct ctl *ctl, int argc, char **argv, int *ret_first)
{
    base_assert (ctl && argv && ret_first);
    base_assert (!ctl->options.seen);
    struct option table[CTL_OPTION_END + 1] = {{.name = NULL}};
    size_t count = 0;
    for (int i = 0; i < CTL_OPTION_END; i++)
        if (i != CTL_OPTION_ITSELF) /* the same name as CTL_OPTION_BROKER */
            table[count++] =
                (struct option){.name = option_table[i].name,
                                .has_arg = option_table[i].argument ? required_argument : no_argument,
                                .val = 256 + i};
    optind = 0;
    opterr = 0;
    enum ctl_exit code = CTL_OK;
    for (int found; code == CTL_OK && (found = getopt_long (argc, argv, ":b:c:hn:", table, NULL)) != -1;) {
        const char *given = argv[optind - 1];
        if (found == '?')
            return option_unknown (ctl, given);
        if (found == ':' && optopt == 256 + CTL_OPTION_BROKER) {
            code = option_take (ctl, CTL_OPTION_ITSELF, NULL);
            continue;
        }
        if (found == ':')
            return ctl_misused (ctl, "%s needs a value", given);
        unsigned option = (unsigned) (found - 256);
        for (size_t i = 0; found < 256 && i < sizeof option_letters / sizeof *option_letters; i++)
            if (option_letters[i].letter == found)
                option = option_letters[i].option;
        if (option_is_bare (option, argv)) {
            option = CTL_OPTION_ITSELF;
            optind--;
        }
        code = option_take (ctl, option, optarg);
    }
    *ret_first = optind;
    return code;
}
