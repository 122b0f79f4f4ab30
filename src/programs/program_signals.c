/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/program_signals.c - signals of a program that runs until it is stopped */

#include "programs/program_signals.h"

#include "base/assert.h"

static void signals_on (void *context, int signal)
{
    const struct program_signals *signals = context;
    base_assert (signals->loop && signals->reload);

    if (signal == SIGHUP)
        signals->reload (signals->context);
    else
        bus_loop_stop (signals->loop);
}

int program_signals_take (struct program_signals *signals)
{
    base_assert (signals && signals->loop && signals->reload);
    static const int handled[] = {SIGINT, SIGTERM, SIGHUP};

    (void) signal (SIGPIPE, SIG_IGN);
    return bus_signals (signals->loop, handled, 3, signals_on, signals);
}
