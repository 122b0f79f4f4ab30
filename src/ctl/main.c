/*  ctl/main.c - which command, and what it may be given */

#include "ctl/options.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/text.h"

struct command {
    const char *name;
    const char *usage;  /* behind the name */
    const char *about;  /* the first line stands in the list of commands */
    uint32_t options;   /* beside those that every command takes */
    size_t least, most; /* words */
    int (*run) (struct ctl *ctl);
};

static const struct command command_table[] = {
    {"publish", "APP --version V --binary [OS/ARCH=]FILE... [OPTION...]",
     "upload a release and print its digest\n"
     "\n"
     "APP is noded for the node manager itself. The same content is uploaded once; publishing the\n"
     "same release again changes nothing. Shared libraries of a program that looks for them in\n"
     "$ORIGIN/files/lib are gathered from this host. A source of --file that has a colon in its\n"
     "name needs its destination: SRC:DEST is divided at the last colon.\n",
     CTL_BIT (VERSION) | CTL_BIT (BINARY) | CTL_BIT (TITLE) | CTL_BIT (ARG) | CTL_BIT (ENV) | CTL_BIT (FILE),
     1, 1, ctl_publish},
    {"releases", "[--app APP]", "list the releases, newest first\n", CTL_BIT (APP), 0, 0, ctl_releases},
    {"withdraw", "RELEASE",
     "never offer a release again\n"
     "\n"
     "Nodes that run it go on running it. Contents that nobody needs any more are removed.\n",
     0, 1, 1, ctl_withdraw},
    {"update", "NODE...|--all [--app APP] [--release RELEASE] [--timeout SPAN] [--no-wait]",
     "bring nodes to a release, and follow each to its end\n"
     "\n"
     "Exits with 0 only if every node has confirmed the release, or runs it already. An offline\n"
     "node carries the order out when it comes. --timeout (default: 15m) ends the following, not\n"
     "the updates.\n",
     CTL_BIT (APP) | CTL_BIT (ALL) | CTL_BIT (RELEASE) | CTL_BIT (NO_WAIT), 0, SIZE_MAX, ctl_update},
    {"revert", "NODE...|--all [--app APP] [--timeout SPAN] [--no-wait]",
     "bring nodes back to their previous version, and hold them there\n"
     "\n"
     "Needs no download. The nodes take no update until unhold. --timeout: as in update.\n",
     CTL_BIT (APP) | CTL_BIT (ALL) | CTL_BIT (NO_WAIT), 0, SIZE_MAX, ctl_revert},
    {"hold", "NODE...|--all [--app APP]", "keep nodes as they are, whatever is ordered\n",
     CTL_BIT (APP) | CTL_BIT (ALL), 0, SIZE_MAX, ctl_hold},
    {"unhold", "NODE...|--all [--app APP]", "end a hold\n", CTL_BIT (APP) | CTL_BIT (ALL), 0, SIZE_MAX,
     ctl_unhold},
    {"cancel", "NODE...|--all [--app APP]", "end updates that have not switched yet\n",
     CTL_BIT (APP) | CTL_BIT (ALL), 0, SIZE_MAX, ctl_cancel},
    {"forget", "NODE...", "remove nodes from the broker's records\n", 0, 1, SIZE_MAX, ctl_forget},
    {"nodes", "[NODE...] [--app APP]", "list the nodes\n", CTL_BIT (APP), 0, SIZE_MAX, ctl_nodes},
    {"status", "NODE [--app APP]", "show all about a node\n", CTL_BIT (APP), 1, 1, ctl_status},
    {"why", "NODE [--app APP]", "tell how a node came to the version that it runs\n", CTL_BIT (APP), 1, 1,
     ctl_why},
    {"quarantine", "list NODE | clear NODE [RELEASE] [--app APP]",
     "the releases that a node does not try again\n"
     "\n"
     "clear orders the node to forget one of them, or all.\n",
     CTL_BIT (APP), 2, 3, ctl_quarantine},
    {"events", "[--count N] [--timeout SPAN]",
     "print what happens, a line an event, until interrupted\n"
     "\n"
     "With --timeout it ends after that time: with 3 where --count events have not come.\n",
     CTL_BIT (COUNT), 0, 0, ctl_events},
};
enum { COMMANDS = sizeof command_table / sizeof *command_table };

static const char help_exits[] = "\nexit codes:\n"
                                 "  0  done\n"
                                 "  1  failed or refused\n"
                                 "  2  usage: nothing was done\n"
                                 "  3  the timeout passed before the end\n"
                                 "  4  the broker was not reached\n";

static void help_all (FILE *out)
{
    (void) fputs ("usage: nodectl [--broker HOST[:PORT]] COMMAND [WORD...] [OPTION...]\n"
                  "\n"
                  "Asks a broker of noded, and tells it what its nodes are to run.\n"
                  "\n"
                  "commands:\n",
                  out);
    for (size_t i = 0; i < COMMANDS; i++)
        (void) fprintf (out, "  %-12s %.*s\n", command_table[i].name,
                        (int) strcspn (command_table[i].about, "\n"), command_table[i].about);
    (void) fputs ("\noptions of every command:\n", out);
    ctl_options_help (out, CTL_BITS_COMMON);
    (void) fputs ("  --version                 without a command: print the version\n"
                  "\n"
                  "A release is named by its digest, or by the first 6 or more digits of it.\n"
                  "nodectl COMMAND --help tells about a command.\n",
                  out);
    (void) fputs (help_exits, out);
}

static void help_command (FILE *out, const struct command *command)
{
    (void) fprintf (out, "usage: nodectl %s %s\n\n%s\noptions:\n", command->name, command->usage,
                    command->about);
    ctl_options_help (out, command->options | CTL_BITS_COMMON);
    (void) fputs (help_exits, out);
}

static const struct command *command_find (const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp (command_table[i].name, name) == 0)
            return &command_table[i];
    return NULL;
}

static int command_unknown (struct ctl *ctl, const char *name)
{
    const char *names[COMMANDS + 1] = {NULL};
    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = command_table[i].name;
    const char *nearest = ctl_word_nearest (name, names);
    if (nearest)
        return ctl_misused (ctl, "there is no command \"%s\"; did you mean \"%s\"?", name, nearest);
    return ctl_misused (ctl, "there is no command \"%s\"", name);
}

static int command_check (struct ctl *ctl, const struct command *command)
{
    uint32_t foreign = ctl->options.seen & ~(command->options | CTL_BITS_COMMON);
    for (unsigned i = 0; foreign && i < CTL_OPTION_END; i++)
        if (foreign & (UINT32_C (1) << i))
            return ctl_misused (ctl, "%s takes no --%s", command->name, ctl_option_name (i));
    if (ctl->n_words < command->least)
        return ctl_misused (ctl, "%s needs more: nodectl %s %s", command->name, command->name,
                            command->usage);
    if (ctl->n_words > command->most)
        return ctl_misused (ctl, "%s does not take \"%s\": nodectl %s %s", command->name,
                            ctl->words[command->most], command->name, command->usage);
    bool several = (command->options & CTL_BIT (ALL)) != 0;
    if (several && ctl->options.all && ctl->n_words)
        return ctl_misused (ctl, "name nodes or give --all, not both");
    if (several && !ctl->options.all && !ctl->n_words)
        return ctl_misused (ctl, "which nodes? name them, or give --all");
    return CTL_OK;
}

static void terminal_look (struct ctl *ctl)
{
    struct winsize size;
    ctl->terminal = isatty (fileno (ctl->out));
    if (ctl->terminal && ioctl (fileno (ctl->out), TIOCGWINSZ, &size) == 0) {
        ctl->width = size.ws_col;
        ctl->height = size.ws_row;
    }
}

static int command_run (struct ctl *ctl, const struct command *command)
{
    /*  Of these, --timeout is for the whole; an answer has its own default. */
    bool whole = command->run == ctl_update || command->run == ctl_revert || command->run == ctl_events;
    char error[512];
    int rc = noded_client_new (ctl->options.broker, ctl->options.config, whole ? 0 : ctl->options.timeout_ms,
                               &ctl->client, error, sizeof error);
    if (rc == -ENOMEM)
        return ctl_tell (ctl, "%s", error);
    if (rc != 0)
        return ctl_misused (ctl, "%s", error);
    int code = command->run (ctl);
    noded_client_free (ctl->client);
    if (fflush (ctl->out) != 0 && code == CTL_OK)
        return ctl_tell (ctl, "cannot write to standard output");
    return code;
}

/*  `--version` without a value asks nodectl itself, and only where no command comes before or behind it. */
static bool asks_version (int argc, char **argv)
{
    return argc == 2 && (strcmp (argv[1], "--version") == 0 || strcmp (argv[1], "-V") == 0);
}

static int main_run (struct ctl *ctl, int argc, char **argv)
{
    int first = argc;
    int code = ctl_options_read (ctl, argc, argv, &first);
    if (code != CTL_OK)
        return code;
    bool help = (ctl->options.seen & CTL_BIT (HELP)) != 0;
    if (first < argc && strcmp (argv[first], "help") == 0) {
        help = true;
        first++;
    }
    if (first == argc) {
        help_all (help ? ctl->out : ctl->err);
        return help ? CTL_OK : CTL_USAGE;
    }
    const struct command *command = command_find (argv[first]);
    if (!command)
        return command_unknown (ctl, argv[first]);
    ctl->name = command->name;
    if (help) {
        help_command (ctl->out, command);
        return CTL_OK;
    }
    ctl->words = argv + first + 1;
    ctl->n_words = (size_t) (argc - first - 1);
    code = command_check (ctl, command);
    return code == CTL_OK ? command_run (ctl, command) : code;
}

int ctl_main (int argc, char **argv, const char *version)
{
    struct ctl ctl = {.out = stdout, .err = stderr};
    if (asks_version (argc, argv)) {
        (void) printf ("nodectl %s\n", version);
        return CTL_OK;
    }
    terminal_look (&ctl);
    int code = main_run (&ctl, argc, argv);
    ctl_options_deinit (&ctl.options);
    return code;
}
