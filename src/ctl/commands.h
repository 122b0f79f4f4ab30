/*  ctl/commands.h - the commands by name, and what each may be given */

#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl/options.h"

/*  A name of two words is a command of a family, as in "rollout plan". */
struct ctl_command {
    const char *name;
    const char *usage;  /* behind the name */
    const char *about;  /* the first line stands in the list of commands */
    uint64_t options;   /* beside those that every command takes */
    size_t least, most; /* words */
    int (*run) (struct ctl *ctl);
    bool follows; /* --timeout is for the whole, not for an answer */
};

extern const struct ctl_command ctl_command_table[]; /* ends with a name that is NULL */

/*  word, and next behind it (or NULL): the command, and how many words its name has. NULL where there is
    none. */
const struct ctl_command *ctl_command_find (const char *word, const char *next, int *ret_words);

/*  Whether commands begin with that word and another one. */
bool ctl_command_is_family (const char *word);

#endif
