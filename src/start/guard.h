/* SPDX-License-Identifier: MPL-2.0 */
/*  start/guard.h - runs a program and ends all its descendants

      start guard --report FD [--grace MS] [--closed ROOT --writable DIRECTORY [--ask yes]]
                  -- PROGRAM [ARG...]

    PROGRAM is a path. It runs with the guard's environment in its own session. Reports on FD, one per line:

      guard PID       the guard process that starts PROGRAM
      view closed     below ROOT the program can write only to DIRECTORY
      view open TEXT  it can write everywhere; TEXT is the reason. With --ask yes the guard waits for SIGUSR1
      started PID     the program runs
      host ERRNO      it cannot be executed because this host lacks a resource; followed by:
      failed TEXT     it cannot be executed; followed by "ended exited 127", "left 0" and "gone"
      ended exited N  it exited with status N
      ended signal N  it was killed by signal N
      left N          number of descendants that did not end within 100 ms after it, and were killed
      gone            no descendant is left; the guard exits with status 0

    SIGTERM or SIGINT: the program is asked to stop, and after MS (default 2000) everything is killed. SIGHUP,
    which a guard's parent should set as its death signal, or loss of the last reader of FD: everything is
    killed at once. The out-of-memory killer prefers the guarded processes. Exit status 64: usage.

    The guard consists of two processes. If one of them is killed with SIGKILL, the other ends everything,
    orphans included, and then FD is closed. */

#ifndef START_GUARD_H
#define START_GUARD_H

int start_guard (int argc, char **argv);

#endif
