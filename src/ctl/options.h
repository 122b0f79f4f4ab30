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
    CTL_OPTION_END
};

#define CTL_BIT(NAME) (UINT32_C (1) << CTL_OPTION_##NAME)

/*  What every command takes. */
#define CTL_BITS_COMMON                                                                                      \
    (CTL_BIT (BROKER) | CTL_BIT (CONFIG) | CTL_BIT (TIMEOUT) | CTL_BIT (JSON) | CTL_BIT (HELP))

/*  Reads the options of argv and leaves the words behind them, which are argv + *ret_first to its end.
    What went wrong is told on ctl->err. Returns CTL_OK or CTL_USAGE; the options are to be released in
    either case. */
int ctl_options_read (struct ctl *ctl, int argc, char **argv, int *ret_first);
void ctl_options_deinit (struct ctl_options *options);

/*  "--app" */
const char *ctl_option_name (enum ctl_option option);

/*  One line for each option in bits, for --help. */
void ctl_options_help (FILE *out, uint32_t bits);

#endif
