/*  ctl/options.h - the command line: options may stand anywhere, before and behind the command */

#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include "ctl/ctl.h"

enum ctl_option {
    CTL_OPTION_BROKER,
    CTL_OPTION_CONFIG,
    CTL_OPTION_TIMEOUT,
    CTL_OPTION_JSON,
    CTL_OPTION_HELP,
    CTL_OPTION_APP,
    CTL_OPTION_ALL,
    CTL_OPTION_RELEASE,
    CTL_OPTION_NO_WAIT,
    CTL_OPTION_VERSION,
    CTL_OPTION_BINARY,
    CTL_OPTION_TITLE,
    CTL_OPTION_ARG,
    CTL_OPTION_ENV,
    CTL_OPTION_FILE,
    CTL_OPTION_COUNT,
    CTL_OPTION_FOLLOW,
    CTL_OPTION_FORCE,
    CTL_OPTION_NODES,
    CTL_OPTION_WAVE,
    CTL_OPTION_PLAN,
    CTL_OPTION_SPEC,
    /*  Settings of a rollout, by the names of noded/client.h. */
    CTL_OPTION_SELECT,
    CTL_OPTION_WAVES,
    CTL_OPTION_APPROVAL,
    CTL_OPTION_CONCURRENCY,
    CTL_OPTION_SOAK,
    CTL_OPTION_BUDGET,
    CTL_OPTION_WAVE_BUDGET,
    CTL_OPTION_NODE_DEADLINE,
    CTL_OPTION_WAVE_DEADLINE,
    CTL_OPTION_WINDOW,
    CTL_OPTION_SPREAD,
    CTL_OPTION_ON_HALT,
    CTL_OPTION_REHEARSE_REVERT,
    CTL_OPTION_REVERT_LIMIT,
    CTL_OPTION_FALSE_HALT,
    CTL_OPTION_NEIGHBOURS,
    CTL_OPTION_QUEUE,
    CTL_OPTION_SUPERSEDE,
    CTL_OPTION_END
};

#define CTL_BIT(NAME) (UINT64_C (1) << CTL_OPTION_##NAME)

/*  Settings of a rollout, one by one. */
#define CTL_BITS_SETTINGS                                                                                    \
    (CTL_BIT (SELECT) | CTL_BIT (WAVES) | CTL_BIT (APPROVAL) | CTL_BIT (CONCURRENCY) | CTL_BIT (SOAK) |      \
     CTL_BIT (BUDGET) | CTL_BIT (WAVE_BUDGET) | CTL_BIT (NODE_DEADLINE) | CTL_BIT (WAVE_DEADLINE) |          \
     CTL_BIT (WINDOW) | CTL_BIT (SPREAD) | CTL_BIT (ON_HALT) | CTL_BIT (REHEARSE_REVERT) |                   \
     CTL_BIT (REVERT_LIMIT) | CTL_BIT (FALSE_HALT) | CTL_BIT (NEIGHBOURS) | CTL_BIT (QUEUE) |                \
     CTL_BIT (SUPERSEDE))

/*  What a rollout is to do: its settings, one by one or in a file. */
#define CTL_BITS_SPEC (CTL_BIT (SPEC) | CTL_BITS_SETTINGS)

/*  What every command takes. */
#define CTL_BITS_COMMON                                                                                      \
    (CTL_BIT (BROKER) | CTL_BIT (CONFIG) | CTL_BIT (TIMEOUT) | CTL_BIT (JSON) | CTL_BIT (HELP))

/*  Reads the options of argv and leaves the words behind them, which are argv + *ret_first to its end.
    What went wrong is told on ctl->err. Returns CTL_OK or CTL_USAGE; the options are to be released in
    either case. */
int ctl_options_read (struct ctl *ctl, int argc, char **argv, int *ret_first);
void ctl_options_deinit (struct ctl_options *options);

/*  "app", and whether a value belongs behind it */
const char *ctl_option_name (enum ctl_option option);
bool ctl_option_takes_value (enum ctl_option option);

/*  "--app", "--app=x", "-b": which option; CTL_OPTION_END where it is none. */
enum ctl_option ctl_option_find (const char *word);

/*  One line for each option in bits, for --help. */
void ctl_options_help (FILE *out, uint64_t bits);

#endif
