/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/completion.c - completion of words in a shell

    The script that a shell loads runs `nodectl completion words -- WORD...`, with the words up to the one
    under the cursor, and offers the lines that this prints. So commands and options are those of the
    installed nodectl, and nodes, releases and rollouts come from the broker. If the broker does not answer,
    these are left out without an error. */

#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/commands.h"
#include "ctl/text.h"

enum { COMPLETION_TIMEOUT_MS = 1000 };

static const char word_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+:@/";

static const struct {
    const char *name, *script;
} shells[] = {
    {"bash", "_nodectl ()\n"
             "{\n"
             "    mapfile -t COMPREPLY < <(\"${COMP_WORDS[0]}\" completion words -- "
             "\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
             "}\n"
             "complete -o default -F _nodectl nodectl\n"},
    {"zsh", "#compdef nodectl\n"
            "_nodectl ()\n"
            "{\n"
            "    local -a found\n"
            "    found=(\"${(@f)$(\"$words[1]\" completion words -- \"${(@)words[2,CURRENT]}\" "
            "2>/dev/null)}\")\n"
            "    if [[ -n \"$found\" ]]; then compadd -a found; else _files; fi\n"
            "}\n"
            "if [[ \"$funcstack[1]\" == _nodectl ]]; then _nodectl; else compdef _nodectl nodectl; fi\n"},
    {"fish", "function __nodectl_words\n"
             "    set -l tokens (commandline -opc) (commandline -ct)\n"
             "    set -l found ($tokens[1] completion words -- $tokens[2..-1] 2>/dev/null)\n"
             "    if set -q found[1]\n"
             "        printf '%s\\n' $found\n"
             "    else\n"
             "        __fish_complete_path $tokens[-1]\n"
             "    end\n"
             "end\n"
             "complete -c nodectl -f -a '(__nodectl_words)'\n"},
};
enum { SHELLS = sizeof shells / sizeof *shells };

/*  The words typed so far. */
struct typed {
    struct ctl *ctl;
    char *plain[4]; /* the first words that are neither options nor their values */
    size_t n_plain;
    const char *current;
    enum ctl_option option; /* the current word is its value; CTL_OPTION_END: none */
};

/*  Prints word if it begins with the current one. bash inserts a word unquoted: a word with bytes that are
    special to a shell is not offered. */
static void typed_offer (const struct typed *typed, const char *word)
{
    base_assert (typed->current && word);
    if (strncmp (word, typed->current, strlen (typed->current)) != 0 || word[strspn (word, word_bytes)])
        return;
    (void) fprintf (typed->ctl->out, "%s\n", word);
}

static void commands_offer (const struct typed *typed, const char *family)
{
    base_assert (typed->ctl);
    size_t length = family ? strlen (family) : 0;
    char before[32] = "";
    for (const struct ctl_command *command = ctl_command_table; command->name; command++) {
        char word[32];
        const char *name = command->name;
        bool member = family && strncmp (name, family, length) == 0 && name[length] == ' ';
        if (family && !member)
            continue;
        name += member ? length + 1 : 0;
        (void) snprintf (word, sizeof word, "%.*s", (int) strcspn (name, " "), name);
        if (strcmp (word, before) != 0)
            typed_offer (typed, word);
        memcpy (before, word, sizeof before);
    }
}

static void options_offer (const struct typed *typed, const struct ctl_command *command)
{
    uint64_t bits = CTL_BITS_COMMON | (command ? command->options : 0);
    for (unsigned i = 0; i < CTL_OPTION_END; i++) {
        char word[64];
        (void) snprintf (word, sizeof word, "--%s", ctl_option_name (i));
        if (bits >> i & 1 && i != CTL_OPTION_ITSELF) /* the same word as CTL_OPTION_BROKER */
            typed_offer (typed, word);
    }
}

/*  Offers the releases, by their first digits; or the applications that have some. */
static void releases_offer (const struct typed *typed, bool applications)
{
    base_assert (typed->ctl->client);
    base_cleanup (noded_releases_free) noded_releases releases = {.count = 0};
    char before[65] = "", word[65];
    (void) noded_client_releases (typed->ctl->client, NULL, &releases);
    for (size_t i = 0; i < releases.count; i++) {
        char digest[CTL_DIGEST_SIZE];
        const noded_release *release = &releases.items[i];
        (void) snprintf (word, sizeof word, "%s",
                         applications ? release->application : ctl_digest_format (&release->release, digest));
        if (strcmp (word, before) != 0)
            typed_offer (typed, word);
        memcpy (before, word, sizeof before);
    }
}

/*  Offers the nodes whose ids begin with the current word: it selects them, so that a fleet of thousands is not
    transferred. Gets all nodes if that word is empty or cannot be a selector. */
static void nodes_offer (const struct typed *typed)
{
    base_assert (typed->ctl->client);
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *current = typed->current;
    bool selects = *current && strspn (current, plain) == strlen (current);
    base_cleanup (base_free_p) char *selector = selects ? base_text_printf ("\"%s*\"", current) : NULL;
    base_cleanup (noded_nodes_free) noded_nodes nodes = {.count = 0};
    (void) noded_client_nodes (typed->ctl->client, &(noded_nodes_query){.selector = selector}, &nodes);
    for (size_t i = 0; i < nodes.count; i++)
        typed_offer (typed, nodes.items[i].id);
}

static void rollouts_offer (const struct typed *typed)
{
    base_assert (typed->ctl->client);
    base_cleanup (noded_rollouts_free) noded_rollouts rollouts = {.count = 0};
    (void) noded_client_rollout_list (typed->ctl->client, &(noded_rollouts_query){.since = 0}, &rollouts);
    for (size_t i = 0; i < rollouts.count; i++)
        typed_offer (typed, rollouts.items[i].id);
}

static bool broker_connect (struct ctl *ctl)
{
    return ctl->client || ctl_connect (ctl, COMPLETION_TIMEOUT_MS, NULL, 0) == 0;
}

static void word_offer (const struct typed *typed, char what)
{
    base_assert (typed->ctl);
    switch (what) {
    case CTL_WORD_SHELL:
        for (size_t i = 0; i < SHELLS; i++)
            typed_offer (typed, shells[i].name);
        break;
    case CTL_WORD_QUARANTINE:
        typed_offer (typed, "list");
        typed_offer (typed, "clear");
        break;
    case CTL_WORD_TRUST_KEY:
        typed_offer (typed, "make");
        typed_offer (typed, "show");
        break;
    case CTL_WORD_TRUST_ROLE:
        typed_offer (typed, "root");
        typed_offer (typed, "targets");
        typed_offer (typed, "online");
        break;
    case CTL_WORD_RELEASE:
        releases_offer (typed, false);
        break;
    case CTL_WORD_NODE:
    case CTL_WORD_EITHER:
        nodes_offer (typed);
        if (what == CTL_WORD_NODE)
            break;
        __attribute__ ((fallthrough));
    case CTL_WORD_ROLLOUT:
        rollouts_offer (typed);
        break;
    default:
        break;
    }
}

static void value_offer (const struct typed *typed)
{
    base_assert ((unsigned) typed->option < CTL_OPTION_END);
    switch (typed->option) {
    case CTL_OPTION_RELEASE:
        word_offer (typed, CTL_WORD_RELEASE);
        break;
    case CTL_OPTION_APP:
    case CTL_OPTION_APPLICATION:
        releases_offer (typed, true);
        break;
    case CTL_OPTION_ON_HALT:
        typed_offer (typed, "stay");
        typed_offer (typed, "revert");
        break;
    default: /* the shell completes file names; the other options have no list of values */
        break;
    }
}

/*  bash passes "=" as a separate word: it is skipped. */
static void typed_read (struct typed *typed, char **words, size_t count)
{
    base_assert (typed->n_plain == 0);
    enum ctl_option option = CTL_OPTION_END; /* whose value comes next */
    struct ctl_options *options = &typed->ctl->options;
    typed->option = CTL_OPTION_END;
    typed->current = "";
    for (size_t i = 0; i < count; i++) {
        char *word = words[i];
        bool last = i + 1 == count;
        if (strcmp (word, "=") == 0)
            continue;
        if (option == CTL_OPTION_BROKER && *word == '-') /* no address: --broker without a value */
            option = CTL_OPTION_END;
        if (last) {
            typed->current = word;
            typed->option = option;
        } else if (option != CTL_OPTION_END) {
            if (option == CTL_OPTION_BROKER)
                options->broker = word;
            else if (option == CTL_OPTION_CONFIG)
                options->config = word;
            option = CTL_OPTION_END;
        } else if (*word == '-') {
            option = ctl_option_find (word);
            if (option != CTL_OPTION_END && (!ctl_option_takes_value (option) || strchr (word, '=')))
                option = CTL_OPTION_END;
        } else if (typed->n_plain < sizeof typed->plain / sizeof *typed->plain)
            typed->plain[typed->n_plain++] = word;
        else
            typed->n_plain++;
    }
    /*  "--app =" with the cursor after it. */
    if (count && strcmp (words[count - 1], "=") == 0)
        typed->option = option;
}

static enum ctl_exit words_complete (struct ctl *ctl)
{
    base_assert (ctl->n_words >= 1);
    struct typed typed = {.ctl = ctl};
    typed_read (&typed, ctl->words + 1, ctl->n_words - 1);
    size_t begin = typed.n_plain && strcmp (typed.plain[0], "help") == 0;
    const char *first = typed.n_plain > begin ? typed.plain[begin] : NULL;
    const char *second = typed.n_plain > begin + 1 ? typed.plain[begin + 1] : NULL;
    int words = 0;
    const struct ctl_command *command = first ? ctl_command_find (first, second, &words) : NULL;
    if (!broker_connect (ctl))
        return CTL_OK;
    if (typed.option != CTL_OPTION_END)
        value_offer (&typed);
    else if (*typed.current == '-')
        options_offer (&typed, command);
    else if (!first)
        commands_offer (&typed, NULL);
    else if (!command && !second && ctl_command_is_family (first))
        commands_offer (&typed, first);
    else if (command && !begin) {
        size_t at = typed.n_plain - (size_t) words, most = strlen (command->completes) - 1;
        word_offer (&typed, command->completes[at < most ? at : most]);
    }
    return CTL_OK;
}

enum ctl_exit ctl_completion (struct ctl *ctl)
{
    base_assert (ctl->n_words >= 1);
    const char *word = ctl->words[0];
    const char *names[SHELLS + 1] = {NULL};
    if (strcmp (word, "words") == 0)
        return words_complete (ctl);
    for (size_t i = 0; i < SHELLS; i++)
        names[i] = shells[i].name;
    for (size_t i = 0; i < SHELLS && ctl->n_words == 1; i++)
        if (strcmp (word, names[i]) == 0) {
            (void) fputs (shells[i].script, ctl->out);
            return CTL_OK;
        }
    if (ctl->n_words > 1)
        return ctl_misused (ctl, "completion accepts one shell");
    const char *nearest = ctl_word_nearest (word, names);
    return ctl_misused (ctl, "\"%s\" is not a supported shell (supported shells: bash, zsh, fish)%s%s%s",
                        word, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                        nearest ? "\"?" : "");
}
