/*  programs/program_signals.c - signals of a program that runs until it is told to stop */

#include "programs/program_signals.h"

static void signals_on (void *context, int signal)
{
    (void) signal;
    bus_loop_stop (context);
}

int program_signals_stop (struct bus_loop *loop)
{
    static const int stopping[] = {SIGINT, SIGTERM};

    (void) signal (SIGPIPE, SIG_IGN);
    return bus_signals (loop, stopping, 2, signals_on, loop);
}
