/*  start/guard.h - runs a program and leaves nothing of it behind

        start guard --report FD [--grace MS] [--closed ROOT --writable DIRECTORY [--ask yes]]
                    -- PROGRAM [ARG...]

    PROGRAM is a path, run with the guard's environment in a session of its own. On FD, one line each:

        guard PID       the process of the guard that starts PROGRAM
        view closed     below ROOT the program can write to DIRECTORY only
        view open TEXT  it can write everywhere, because; asked to ask, the guard waits for SIGUSR1 now
        started PID     it runs
        host ERRNO      it cannot be executed because this host is short of something; behind that:
        failed TEXT     it cannot be executed; "ended exited 127", "left 0" and "gone" follow
        ended exited N  it ended
        ended signal N  it was killed
        left N          so many further descendants did not end within 100 ms after it, and were killed
        gone            no descendant is left; the guard ends with status 0

    SIGTERM or SIGINT: the program is asked to stop, and after MS (2000) everything is killed. SIGHUP,
    which whoever starts a guard asks for as its death signal, or nobody reading FD any longer: everything
    is killed at once. The out-of-memory killer prefers what is guarded. Exit status 64: usage.

    The guard is two processes. Where one of them is killed with SIGKILL, the other ends everything, what
    has lost its parents too; FD closes behind that. */

#ifndef START_GUARD_H
#define START_GUARD_H

int start_guard (int argc, char **argv);

#endif
