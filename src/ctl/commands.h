/*  ctl/commands.h - the commands by name, and what each may be given */

#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl/options.h"

enum ctl_command_kind {
    CTL_ASKS,    /* --timeout is for an answer */
    CTL_FOLLOWS, /* --timeout is for the whole */
    CTL_ALONE    /* asks nobody */
};

/*  What a word of a command may be, for completion. */
#define CTL_WORD_NONE '.'
#define CTL_WORD_NODE 'n'
#define CTL_WORD_RELEASE 'r'
#define CTL_WORD_ROLLOUT 'o'
#define CTL_WORD_EITHER 'e' /* a node or a rollout */
#define CTL_WORD_QUARANTINE 'q'
#define CTL_WORD_SHELL 's'

/*  A name of two words is a command of a family, as in "rollout plan". */
struct ctl_command {
    const char *name;
    const char *usage;  /* behind the name */
    const char *about;  /* the first line stands in the list of commands */
    uint64_t options;   /* beside those that every command takes */
    size_t least, most; /* words */
    int (*run) (struct ctl *ctl);
    enum ctl_command_kind kind;
    const char *completes; /* what its words are, a letter each; the last one is for all that follow */
};

extern const struct ctl_command ctl_command_table[]; /* ends with a name that is NULL */

/*  word, and next behind it (or NULL): the command, and how many words its name has. NULL where there is
    none. */
const struct ctl_command *ctl_command_find (const char *word, const char *next, int *ret_words);

/*  Whether commands begin with that word and another one. */
bool ctl_command_is_family (const char *word);

#endif
