/*  programs/program_reload.h - the settings of a running server, read anew

    A file that cannot be used changes nothing: all settings stay as they were, and the log says why. What is
    taken over is taken over at once: the level of the log, the keys that are allowed, and what the program
    itself can change while it runs. All else needs a new start, which the log says, too. */

#ifndef PROGRAMS_PROGRAM_RELOAD_H
#define PROGRAMS_PROGRAM_RELOAD_H

#include "bus/keys.h"
#include "programs/program_options.h"

struct program_reload {
    const struct program_spec *spec; /* its options point to values of their own */
    int argc;
    char **argv;
    struct bus_loop *loop;
    const struct bus_keyring *keys; /* with which the program was started */
    /*  Looks whether the new values can be used, and takes over what can be. Returns PROGRAM_GO, or what
        program_usage_error has returned: then nothing is taken over. */
    int (*take) (void *context, const struct program_spec *spec);
    void *context;
};

void program_reload (const struct program_reload *reload);

#endif
