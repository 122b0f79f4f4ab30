/* SPDX-License-Identifier: MPL-2.0 */
/*  start/reap.h - signals through a descriptor, and reaping of orphans

    Launcher and guard are sub-reapers: orphans below them become their children. */

#ifndef START_REAP_H
#define START_REAP_H

#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/types.h>

/*  Blocks the signals that the launcher or guard handles, and ignores SIGPIPE. */
void start_signals_hold (void);

/*  The same, and returns a signalfd for them, or -errno. */
int start_signals_take (void);

/*  For use before execve: default dispositions and an empty mask. */
void start_signals_give_back (void);

/*  The next pending signal, or 0. Does not wait. */
int start_signals_next (int fd);

/*  The same with the sender. Returns whether there was one. */
bool start_signals_read (int fd, struct signalfd_siginfo *ret_info);

/*  Makes this process the parent of orphans below it. */
void start_reap_begin (void);

/*  Reaps ended children except keep (0: none), whose owner waits for it. Returns whether any child is left,
    keep included. Bounded: after some thousands the rest is left for the next call. */
bool start_reap_others (pid_t keep);

#endif
