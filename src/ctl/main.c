/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/main.c - help, and finding, checking and running the command */

#include "ctl/commands.h"

#include <errno.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/screen.h"
#include "ctl/text.h"

enum { COMMANDS_MOST = 64 };

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
                  "Queries a noded broker, and orders what its nodes run.\n"
                  "\n"
                  "commands:\n",
                  out);
    for (const struct ctl_command *command = ctl_command_table; command->name; command++)
        (void) fprintf (out, "  %-16s %.*s\n", command->name, (int) strcspn (command->about, "\n"),
                        command->about);
    (void) fputs ("\noptions of every command:\n", out);
    ctl_options_help (out, CTL_BITS_COMMON);
    (void) fputs ("  --version                 without a command: print the version\n"
                  "\n"
                  "A release is named by its digest, or by at least its first 6 digits.\n"
                  "nodectl COMMAND --help describes a command.\n",
                  out);
    (void) fputs (help_exits, out);
}

static void help_family (FILE *out, const char *family)
{
    base_assert (family && *family);
    size_t length = strlen (family);
    (void) fprintf (out, "usage: nodectl %s COMMAND [WORD...] [OPTION...]\n\ncommands:\n", family);
    for (const struct ctl_command *command = ctl_command_table; command->name; command++)
        if (strncmp (command->name, family, length) == 0 && command->name[length] == ' ')
            (void) fprintf (out, "  %-16s %.*s\n", command->name, (int) strcspn (command->about, "\n"),
                            command->about);
    (void) fputs (help_exits, out);
}

static void help_command (FILE *out, const struct ctl_command *command)
{
    base_assert (command && command->name && command->about);
    (void) fprintf (out, "usage: nodectl %s %s\n\n%s\noptions:\n", command->name, command->usage,
                    command->about);
    ctl_options_help (out, command->options | CTL_BITS_COMMON);
    (void) fputs (help_exits, out);
}

/*  The names of the family's commands, without the family's name; family NULL: the names of all commands.
    Returns the count; the list ends with NULL. */
static size_t command_names (const char *family, const char *ret_names[COMMANDS_MOST + 1])
{
    base_assert (ret_names);
    size_t count = 0, skip = family ? strlen (family) + 1 : 0;
    for (const struct ctl_command *command = ctl_command_table; command->name && count < COMMANDS_MOST;
         command++) {
        bool member =
            family && strncmp (command->name, family, skip - 1) == 0 && command->name[skip - 1] == ' ';
        if (!family || member)
            ret_names[count++] = command->name + skip;
    }
    ret_names[count] = NULL;
    return count;
}

static enum ctl_exit command_unknown (struct ctl *ctl, const char *word, const char *next)
{
    base_assert (word);
    const char *names[COMMANDS_MOST + 1];
    bool family = ctl_command_is_family (word);
    if (family && !next) {
        base_cleanup (base_buffer_deinit) struct base_buffer list = {.size = 0};
        size_t count = command_names (word, names);
        for (size_t i = 0; i < count; i++)
            (void) base_buffer_printf (&list, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", names[i]);
        return ctl_misused (ctl, "%s needs a command: %.*s", word, (int) list.size,
                            list.data ? (const char *) list.data : "");
    }
    command_names (family ? word : NULL, names);
    const char *wrong = family ? next : word, *nearest = ctl_word_nearest (wrong, names);
    return ctl_misused (ctl, "there is no command \"%s%s%s\"%s%s%s%s%s", family ? word : "",
                        family ? " " : "", wrong, nearest ? "; did you mean \"" : "",
                        nearest && family ? word : "", nearest && family ? " " : "", nearest ? nearest : "",
                        nearest ? "\"?" : "");
}

static enum ctl_exit command_check (struct ctl *ctl, const struct ctl_command *command)
{
    base_assert (command && command->least <= command->most);
    uint64_t foreign = ctl->options.seen & ~(command->options | CTL_BITS_COMMON);
    if (foreign & CTL_BIT (ITSELF))
        return ctl_misused (ctl, "--broker needs a value");
    for (unsigned i = 0; foreign && i < CTL_OPTION_END; i++)
        if (foreign & (UINT64_C (1) << i))
            return ctl_misused (ctl, "%s does not accept --%s", command->name, ctl_option_name (i));
    if (ctl->n_words < command->least)
        return ctl_misused (ctl, "too few arguments: nodectl %s %s", command->name, command->usage);
    if (ctl->n_words > command->most)
        return ctl_misused (ctl, "%s does not accept \"%s\": nodectl %s %s", command->name,
                            ctl->words[command->most], command->name, command->usage);
    bool several = command->options & CTL_BIT (ALL);
    if (several && ctl->options.all && ctl->n_words)
        return ctl_misused (ctl, "name nodes or give --all, not both");
    if (several && !ctl->options.all && !ctl->n_words)
        return ctl_misused (ctl, "name nodes, or give --all");
    return CTL_OK;
}

static enum ctl_exit command_run (struct ctl *ctl, const struct ctl_command *command)
{
    base_assert (command && command->run);
    base_assert (!ctl->client);
    char error[512];
    int r = 0;
    if (ctl->options.root &&
        (command->run == ctl_publish || command->run == ctl_backup || command->run == ctl_events))
        return ctl_misused (ctl, "--root carries requests only: %s needs a key (nodectl keys add)",
                            command->name);
    if (ctl->options.root && (ctl->options.broker || ctl->options.config))
        return ctl_misused (ctl, "--root names the broker, and needs no --broker and no --config");
    if (command->kind != CTL_ALONE)
        r = ctl_connect (ctl, command->kind == CTL_FOLLOWS ? 0 : ctl->options.timeout_ms, error,
                         sizeof error);
    if (r == -ENOMEM)
        return ctl_error (ctl, "%s", error);
    if (r < 0)
        return ctl_misused (ctl, "%s", error);
    enum ctl_exit code = command->run (ctl);
    if (ctl->client && *noded_client_notice (ctl->client))
        (void) ctl_error (ctl, "warning: %s", noded_client_notice (ctl->client));
    noded_client_free (ctl->client);
    if (fflush (ctl->out) != 0 && code == CTL_OK)
        return ctl_error (ctl, "cannot write to standard output");
    return code;
}

/*  `--version` or `-V` as the only argument prints nodectl's own version. With a command, --version is the
    option of publish and takes a value. */
static bool version_is_asked (int argc, char **argv)
{
    return argc == 2 && (strcmp (argv[1], "--version") == 0 || strcmp (argv[1], "-V") == 0);
}

static enum ctl_exit main_run (struct ctl *ctl, int argc, char **argv)
{
    base_assert (argv);
    int first = argc;
    enum ctl_exit code = ctl_options_read (ctl, argc, argv, &first);
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
    int words = 1;
    const char *next = first + 1 < argc ? argv[first + 1] : NULL;
    const struct ctl_command *command = ctl_command_find (argv[first], next, &words);
    if (!command && help && !next && ctl_command_is_family (argv[first])) {
        help_family (ctl->out, argv[first]);
        return CTL_OK;
    }
    if (!command)
        return command_unknown (ctl, argv[first], next);
    ctl->name = command->name;
    if (help) {
        help_command (ctl->out, command);
        return CTL_OK;
    }
    ctl->words = argv + first + words;
    ctl->n_words = (size_t) (argc - first - words);
    code = command_check (ctl, command);
    return code == CTL_OK ? command_run (ctl, command) : code;
}

int ctl_main (int argc, char **argv, const char *version)
{
    base_assert (argv && version);
    struct ctl ctl = {.argc = argc, .argv = argv, .out = stdout, .err = stderr};
    if (version_is_asked (argc, argv)) {
        (void) printf ("nodectl %s\n", version);
        return CTL_OK;
    }
    ctl.terminal = isatty (fileno (ctl.out));
    ctl_screen_measure (&ctl);
    enum ctl_exit code = main_run (&ctl, argc, argv);
    ctl_options_deinit (&ctl.options);
    return code;
}
