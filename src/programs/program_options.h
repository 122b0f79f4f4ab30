/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/program_options.h - options and settings of a program, from one table

    An option may have a setting: its place in the ZPL file that --config names. The command line overrides
    the file, and the file overrides the initial value. --help, --version and, if the program has settings,
    --config are added automatically. A mistake is reported on standard error, with what to do about it. */

#ifndef PROGRAMS_PROGRAM_OPTIONS_H
#define PROGRAMS_PROGRAM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bus/settings.h"

/*  Exit codes of all programs. They are no errors: an int that a function returns is 0, -errno or a ROOM_E_...
    code. */
enum program_exit {
    PROGRAM_GO = -1,     /* no exit: the program continues */
    PROGRAM_OK = 0,      /* done */
    PROGRAM_FAILED = 1,  /* the arguments were right, but the work failed; standard error shows why */
    PROGRAM_USAGE = 2,   /* wrong options or settings; nothing was done */
    PROGRAM_LOCKED = 75, /* another process uses the root */
};

enum program_kind {
    PROGRAM_FLAG,   /* bool *; in a file: yes, true, 1 or on; no, false, 0 or off */
    PROGRAM_TEXT,   /* const char **; points into argv or into the settings */
    PROGRAM_LIST,   /* char ***; can be repeated; free with base_list_free */
    PROGRAM_NUMBER, /* uint64_t *, at most `most` (0: any) */
    PROGRAM_SPAN,   /* uint64_t *, milliseconds, from "30s", "10m", "250ms" */
    PROGRAM_LOG     /* no value: sets the log level */
};

struct program_option {
    const char *name; /* "root" for --root; NULL: a setting without an option */
    char letter;      /* 'r' for -r; 0: none */
    enum program_kind kind;
    const char *argument; /* "DIR", for --help */
    const char *setting;  /* "broker/root"; NULL: none */
    void *value;
    uint64_t most;
    const char *help; /* with the default, if any; may have several lines; NULL: not shown */
};

struct program_spec {
    const char *name;                     /* "noded-broker"; for a sub-command "nodectl update" */
    const char *usage;                    /* "--root DIR [OPTION...]" */
    const char *about;                    /* what the program is for; ends with a newline */
    const struct program_option *options; /* the last has neither name nor setting */
    const char *const *settings; /* known settings besides those of the options, NULL-terminated; or NULL */
    const char *more;            /* last text of --help; ends with a newline; or NULL */
    bool stop_at_word;           /* options end at the first argument that is not an option */
    const char *exits;           /* its exit codes; NULL: those of a server */
    bool again;                  /* the program is running: mistakes go into its log */
};

/*  Sets the values of the options. *ret_settings: the settings that --config named, or NULL; the caller frees
    them with bus_settings_free, after the last use of a text. *ret_first: index of the first argument that is
    not an option; such arguments stand behind the options, because argv is permuted unless stop_at_word.
    Returns PROGRAM_GO, or the code to exit with at once (PROGRAM_OK after --help). */
enum program_exit program_options_parse (const struct program_spec *spec, int argc, char **argv,
                                         struct bus_settings **ret_settings, int *ret_first);

/*  Prints a mistake on standard error as all programs do, "NAME: SENTENCE", and points to --help. With
    spec->again it is logged instead. Returns PROGRAM_USAGE. */
__attribute__ ((format (printf, 2, 3))) enum program_exit
program_usage_error (const struct program_spec *spec, const char *format, ...);

#endif
