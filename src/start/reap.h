/*  start/reap.h - signals as a descriptor, and the end of processes that were not started here

    Launcher and guard are sub-reapers: what loses its parent below them becomes their child. */

#ifndef START_REAP_H
#define START_REAP_H

#include <stdbool.h>
#include <sys/signalfd.h>
#include <sys/types.h>

/*  Blocks the signals that the launcher or guard handles, and ignores SIGPIPE. */
void start_signals_hold (void);

/*  The same. Returns a signalfd for them, or -errno. */
int start_signals_take (void);

/*  Before an execve: default dispositions and an empty mask. */
void start_signals_give_back (void);

/*  The next signal without waiting, or 0. */
int start_signals_next (int fd);

/*  The same with its sender. Returns whether there was one. */
bool start_signals_read (int fd, struct signalfd_siginfo *ret_info);

/*  Becomes the parent of orphans below. */
void start_reap_begin (void);

/*  Reaps ended children other than keep (0: none is kept), which its holder waits for. Returns whether any
    child is left, keep included. Bounded: of some thousands the rest waits for the next call. */
bool start_reap_others (pid_t keep);

#endif
