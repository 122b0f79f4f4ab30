/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/program_signals.h - signals of a program that runs until it is stopped */

#ifndef PROGRAMS_PROGRAM_SIGNALS_H
#define PROGRAMS_PROGRAM_SIGNALS_H

#include "bus/loop.h"

/*  SIGINT and SIGTERM stop the loop; SIGPIPE is ignored; SIGHUP calls reload, from the loop. The caller keeps
    signals for as long as the loop. Returns 0 or -errno. */
struct program_signals {
    struct bus_loop *loop;
    void (*reload) (void *context);
    void *context;
};
int program_signals_take (struct program_signals *signals);

/*  Runs the loop of a server until a signal stops it. Returns 0, or -errno with a sentence. */
int program_loop_run (struct bus_loop *loop, struct base_error *error);

#endif
