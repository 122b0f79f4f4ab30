/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/commands.h - the table of commands: name, help, options and words of each */

#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl/options.h"

enum ctl_command_kind {
    CTL_ASKS,    /* --timeout limits each answer */
    CTL_FOLLOWS, /* --timeout limits the whole run */
    CTL_ALONE    /* needs no broker */
};

/*  Kinds of words of a command, for completion. */
#define CTL_WORD_NONE '.'
#define CTL_WORD_NODE 'n'
#define CTL_WORD_RELEASE 'r'
#define CTL_WORD_ROLLOUT 'o'
#define CTL_WORD_EITHER 'e' /* a node or a rollout */
#define CTL_WORD_QUARANTINE 'q'
#define CTL_WORD_SHELL 's'
#define CTL_WORD_TRUST_KEY 'k'
#define CTL_WORD_TRUST_ROLE 't'

/*  A command. A name of two words belongs to a family: "rollout plan" to the family rollout. */
struct ctl_command {
    const char *name;
    const char *usage;  /* printed after the name */
    const char *about;  /* the first line is shown in the list of commands */
    uint64_t options;   /* bits of the options it takes, without CTL_BITS_COMMON */
    size_t least, most; /* number of words */
    enum ctl_exit (*run) (struct ctl *ctl);
    enum ctl_command_kind kind;
    const char *completes; /* kinds of its words, a letter each; the last letter is for all further words */
};

extern const struct ctl_command ctl_command_table[]; /* the last name is NULL */

/*  Finds the command named by word, or by word and next. next: the word after it, or NULL. *ret_words: number
    of words of the name. Returns NULL if there is no such command. */
const struct ctl_command *ctl_command_find (const char *word, const char *next, int *ret_words);

/*  Whether word is the first word of two-word commands. */
bool ctl_command_is_family (const char *word);

#endif
