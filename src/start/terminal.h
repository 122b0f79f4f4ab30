/*  start/terminal.h - the terminal of a person who started the launcher by hand, as it was before a version ran

    Only where this process is in the foreground of its own terminal: what others do there is theirs. */

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

/*  After a version has ended with all that it left: modes and foreground process group. */
void start_terminal_restore (const struct start_terminal *terminal);

#endif
