/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/program_reload.h - reloads the settings of a running server

    A file that cannot be used changes nothing: all settings stay as they were, and the log says why. Three
    things take effect at once: the log level, the allowed keys (the connections of a removed key are ended),
    and what the program itself can change while it runs. Everything else needs a restart, and the log says
    so. */

#ifndef PROGRAMS_PROGRAM_RELOAD_H
#define PROGRAMS_PROGRAM_RELOAD_H

#include "bus/keys.h"
#include "programs/program_options.h"

/*  What is wrong with curve/allow in the settings of a server whose clients are not in its settings. */
#define PROGRAM_ALLOW_ELSEWHERE                                                                              \
    "curve/allow: the keys that a broker admits are in its records: nodectl keys add adds one"

struct program_reload {
    const struct program_spec *spec; /* its options point to separate values */
    int argc;
    char **argv;
    const struct bus_keyring *keys;  /* those with which the program was started */
    struct bus_admission *admission; /* gets the allowed keys; NULL: the settings have none */
    /*  Checks the new values and applies those that can change while the program runs. Returns PROGRAM_GO, or
        what program_usage_error returned: then nothing is applied. */
    enum program_exit (*take) (void *context, const struct program_spec *spec);
    void *context;
};

void program_reload (const struct program_reload *reload);

#endif
