/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_rude.c - prints half a gigabyte, closes its standard descriptors, changes into a directory in
    which nothing can be written, sets the umask to 0777, and ignores SIGTERM */

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/loop.h"
#include "node/node.h"

int __real_bus_signals (struct bus_loop *loop, const int *signals, int count, bus_signal_handler *handler,
                        void *context);
__typeof__ (node_run) __real_node_run, __wrap_node_run;

static bool outermost; /* its own candidate, the same program, must behave, or it fails first */

int __wrap_bus_signals (struct bus_loop *loop, const int *signals, int count, bus_signal_handler *handler,
                        void *context)
{
    if (!outermost)
        return __real_bus_signals (loop, signals, count, handler, context);
    (void) signal (SIGTERM, SIG_IGN); /* the first signal of the list */
    return __real_bus_signals (loop, signals + 1, count - 1, handler, context);
}

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    static char noise[1 << 16];
    outermost = config->depth == IDENTITY_DEPTH_MINTED;
    if (!outermost)
        return __real_node_run (config, settings, wrong);
    for (size_t left = (size_t) 512 << 20; left; left -= sizeof noise)
        if (write (STDERR_FILENO, noise, sizeof noise) != (ssize_t) sizeof noise)
            break;
    for (int fd = 0; fd < 3; fd++)
        (void) close (fd);
    (void) umask (0777);
    if (chdir ("/proc"))
        return 1;
    return __real_node_run (config, settings, wrong);
}
