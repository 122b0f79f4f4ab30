/* SPDX-License-Identifier: MPL-2.0 */
/*  start/terminal.c - saves and restores terminal modes and foreground group */

#include "start/terminal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/assert.h"

void start_terminal_keep (struct start_terminal *terminal)
{
    base_assert (terminal);
    *terminal = (struct start_terminal){.fd = -1};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && !terminal->kept; fd++) {
        terminal->fd = fd;
        terminal->kept = tcgetpgrp (fd) == getpgrp () && tcgetattr (fd, &terminal->modes) == 0;
    }
}

/*  Whether the foreground process group has ended: a shell that took its terminal back is alive, and so is
    the group that it put in the foreground. */
static bool terminal_is_abandoned (int fd)
{
    pid_t group = tcgetpgrp (fd);
    if (group < 0 && errno == ENOTTY && getsid (0) == getpid () && ioctl (fd, TIOCSCTTY, 0) == 0)
        return true; /* this session had lost it, and no session has it now */
    return group >= 0 && group != getpgrp () && (group == 0 || (kill (-group, 0) && errno == ESRCH));
}

void start_terminal_restore (const struct start_terminal *terminal)
{
    base_assert (terminal);
    struct termios now;
    sigset_t output, before;
    if (!terminal->kept)
        return;
    (void) sigemptyset (&output);
    (void) sigaddset (&output, SIGTTOU);
    (void) sigprocmask (SIG_BLOCK, &output, &before); /* otherwise tcsetpgrp would stop this process */
    if (terminal_is_abandoned (terminal->fd))
        (void) tcsetpgrp (terminal->fd, getpgrp ());
    if (tcgetpgrp (terminal->fd) == getpgrp () && tcgetattr (terminal->fd, &now) == 0)
        (void) tcsetattr (terminal->fd, TCSANOW, &terminal->modes);
    (void) sigprocmask (SIG_SETMASK, &before, NULL);
}
