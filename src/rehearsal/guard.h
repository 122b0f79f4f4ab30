/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/guard.h - runs a root's start files under the guard: a proven process that ends every descendant

    The guard is the launcher program of this version (`start guard`). It reports over a pipe what happened to
    the program that it started. When this process ends, the guard ends, too, with all processes below it.

    No function waits for a guard, except rehearsal_guard_free on a running one: a candidate may have stopped
    the guard, or left a process below it that no signal ends. */

#ifndef REHEARSAL_GUARD_H
#define REHEARSAL_GUARD_H

#include <sys/types.h>

#include "base/process.h"
#include "bus/loop.h"

struct rehearsal_guard;

struct rehearsal_guard_end {
    bool ended;                  /* the program has ended; false: the guard ended before it */
    struct base_process_end how; /* how the program ended */
    unsigned left; /* other processes that were still there when the program had ended and had to be killed */
    int host;      /* errno with which this host could not start the program; 0: it was started */
    pid_t stuck;   /* pid of a guard that did not end when it was killed; 0: it has ended */
};

/*  Called once, when no process is left below the guard, or the guard did not end when it was killed. The
    guard may be freed during the call. */
typedef void (rehearsal_guard_gone) (void *context, const struct rehearsal_guard_end *end);

/*  Called at most once, before the program runs, if this host does not let the guard make the root read-only
    for the program. reason is valid during the call. */
typedef void (rehearsal_guard_open) (void *context, const char *reason);

struct rehearsal_guard_spec {
    struct bus_loop *loop;
    const char *launcher;       /* path of the `start` program of this version */
    const char *script;         /* the noded.sh to run */
    char *const *env;           /* NULL-terminated */
    uint64_t grace_ms;          /* from SIGTERM to SIGKILL */
    uint64_t end_ms;            /* limit for a guard to end everything; then the guard itself is killed */
    const char *root;           /* the program cannot write here, if the host allows that protection */
    const char *scratch;        /* directory below root that stays writable */
    rehearsal_guard_open *open; /* NULL: not reported */
    rehearsal_guard_gone *gone;
    void *context;                          /* of open and gone */
    const struct base_process_ops *process; /* NULL: base_process_system */
    void *process_context;
};

/*  Starts a guard. Only loop, process and the contexts must outlive the call. The caller owns ret_guard.
    Returns 0 or -errno. */
int rehearsal_guard_start (const struct rehearsal_guard_spec *spec, struct rehearsal_guard **ret_guard,
                           struct base_error *error);

/*  Asks the program to stop; after grace_ms everything is killed. gone is called at the end. */
void rehearsal_guard_stop (struct rehearsal_guard *guard);

/*  Kills everything at once; a stopped guard is continued first. gone is called at the end. */
void rehearsal_guard_kill (struct rehearsal_guard *guard);

/*  Returns the end of what all processes below the guard have printed so far; valid until the next call. */
enum { REHEARSAL_GUARD_SAID = 2048 };
const char *rehearsal_guard_said (struct rehearsal_guard *guard);

/*  Formats the last line of that output as "; its last output: ...", to be appended to a sentence. The
    launcher's own lines count only if there are no others: a line of the system or of the program says more
    about its end. Returns text, empty if nothing was printed. */
const char *rehearsal_guard_last_words (struct rehearsal_guard *guard, char *text, size_t size);

/*  Frees the guard; gone is not called. Use it on a running guard only when this process ends: it kills
    everything and waits for that for at most two seconds. Accepts NULL. Returns NULL. */
struct rehearsal_guard *rehearsal_guard_free (struct rehearsal_guard *guard);

/*  Kills one process with SIGKILL if it is a descendant of the guard. Returns 0, -ESRCH if it is not, or
    -errno. */
int rehearsal_guard_kill_one (struct rehearsal_guard *guard, pid_t pid);

/*  Returns the pid of a process of the guard that is stopped, or 0. */
pid_t rehearsal_guard_stopped (const struct rehearsal_guard *guard);

/*  Checks that pid, with which a process announced itself, is a process below the guard in the pid name space
    of this process. In another pid name space it could not end the processes that it starts. Returns 0;
    -ESRCH if no such process exists, or not any more; -EPERM with a sentence if it is not such a process. */
int rehearsal_guard_check (const struct rehearsal_guard *guard, pid_t pid, struct base_error *error);

#endif
