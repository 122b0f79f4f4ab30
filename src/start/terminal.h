/* SPDX-License-Identifier: MPL-2.0 */
/*  start/terminal.h - restores the terminal of a person who started the launcher by hand

    Only if this process is in the foreground of its own terminal; otherwise the terminal belongs
    to others. */

#ifndef START_TERMINAL_H
#define START_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

struct start_terminal {
    bool kept;
    int fd;
    struct termios modes;
};

void start_terminal_keep (struct start_terminal *terminal);

/*  After a version and all its processes have ended: restores modes and foreground process group. */
void start_terminal_restore (const struct start_terminal *terminal);

#endif
