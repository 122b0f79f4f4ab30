/*  programs/program_signals.h - signals of a program that runs until it is told to stop */

#ifndef PROGRAMS_PROGRAM_SIGNALS_H
#define PROGRAMS_PROGRAM_SIGNALS_H

#include "bus/loop.h"

/*  SIGINT and SIGTERM stop the loop; SIGPIPE is ignored. Returns 0 or -errno. */
int program_signals_stop (struct bus_loop *loop);

#endif
