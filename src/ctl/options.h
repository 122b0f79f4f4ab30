/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/options.h - options of the command line; they may stand before and after the command */

#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include "ctl/ctl.h"

enum ctl_option {
    CTL_OPTION_BROKER,
    CTL_OPTION_ITSELF, /* --broker without a value; found after CTL_OPTION_BROKER */
    CTL_OPTION_ROOT,
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
    CTL_OPTION_ROLE,
    CTL_OPTION_APPLICATIONS,
    CTL_OPTION_OUT,
    CTL_OPTION_ADDRESS,
    CTL_OPTION_CONTENT,
    /*  Signed releases. */
    CTL_OPTION_KEY,
    CTL_OPTION_SIGNER,
    CTL_OPTION_PUBLIC,
    CTL_OPTION_PASSPHRASE_FILE,
    CTL_OPTION_NO_PASSPHRASE,
    CTL_OPTION_YES,
    CTL_OPTION_VALID,
    CTL_OPTION_ALLOW_DOWNGRADE,
    CTL_OPTION_ADD,
    CTL_OPTION_REMOVE,
    CTL_OPTION_THRESHOLD,
    CTL_OPTION_APPLICATION,
    CTL_OPTION_LAST,
    CTL_OPTION_STATE,
    CTL_OPTION_TRUST_ROOT,
    /*  Settings of a rollout; the names are those of noded/client.h. */
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
    CTL_OPTION_STAGGER,
    CTL_OPTION_ON_HALT,
    CTL_OPTION_REHEARSE_REVERT,
    CTL_OPTION_REVERT_LIMIT,
    CTL_OPTION_SIGNIFICANCE,
    CTL_OPTION_FAILURE_DOMAIN,
    CTL_OPTION_QUEUE,
    CTL_OPTION_SUPERSEDE,
    CTL_OPTION_END
};

#define CTL_BIT(NAME) (UINT64_C (1) << CTL_OPTION_##NAME)

/*  All settings of a rollout that are options. */
#define CTL_BITS_SETTINGS                                                                                    \
    (CTL_BIT (SELECT) | CTL_BIT (WAVES) | CTL_BIT (APPROVAL) | CTL_BIT (CONCURRENCY) | CTL_BIT (SOAK) |      \
     CTL_BIT (BUDGET) | CTL_BIT (WAVE_BUDGET) | CTL_BIT (NODE_DEADLINE) | CTL_BIT (WAVE_DEADLINE) |          \
     CTL_BIT (WINDOW) | CTL_BIT (STAGGER) | CTL_BIT (ON_HALT) | CTL_BIT (REHEARSE_REVERT) |                  \
     CTL_BIT (REVERT_LIMIT) | CTL_BIT (SIGNIFICANCE) | CTL_BIT (FAILURE_DOMAIN) | CTL_BIT (QUEUE) |          \
     CTL_BIT (SUPERSEDE))

/*  The specification of a rollout: settings as options, or in the file of --spec. */
#define CTL_BITS_SPEC (CTL_BIT (SPEC) | CTL_BITS_SETTINGS)

/*  Options of every command. */
#define CTL_BITS_COMMON                                                                                      \
    (CTL_BIT (BROKER) | CTL_BIT (ROOT) | CTL_BIT (CONFIG) | CTL_BIT (TIMEOUT) | CTL_BIT (JSON) |             \
     CTL_BIT (HELP))

/*  Reads the options of argv into ctl->options, and moves the other words to the end of argv: they begin at
    argv + *ret_first. Prints errors on ctl->err. Returns CTL_OK, CTL_USAGE, or CTL_FAILED if memory is out.
    Release the options with ctl_options_deinit in every case. */
enum ctl_exit ctl_options_read (struct ctl *ctl, int argc, char **argv, int *ret_first);
void ctl_options_deinit (struct ctl_options *options);

/*  The name without dashes, such as "app"; whether the option takes a value. */
const char *ctl_option_name (enum ctl_option option);
bool ctl_option_takes_value (enum ctl_option option);

/*  Finds the option of a word such as "--app", "--app=x" or "-b". CTL_OPTION_END: it is no option. */
enum ctl_option ctl_option_find (const char *word);

/*  Prints the help of each option in bits. */
void ctl_options_help (FILE *out, uint64_t bits);

#endif
