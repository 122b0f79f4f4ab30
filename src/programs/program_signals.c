/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/program_signals.c - signals of a program that runs until it is stopped */

#include "programs/program_signals.h"

#include <errno.h>

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

int program_loop_run (struct bus_loop *loop, struct base_error *error)
{
    base_assert (loop && error);
    int r = bus_loop_run (loop);

    if (r == -ENOTRECOVERABLE)
        return base_error_set (error, r,
                               "the check of clients' keys has ended, so nobody can be served: start again");
    return r < 0 ? base_error_errno (error, r, "cannot wait for events") : 0;
}
