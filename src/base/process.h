/* SPDX-License-Identifier: MPL-2.0 */
/*  base/process.h - child processes

    A child is held by a pidfd and is not reaped until base_process_wait has returned its end, so its pid
    cannot be reused meanwhile. Spawn from the main thread only: the death signal is sent when the spawning
    thread ends. */

#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

enum { BASE_PROCESS_FDS = 4 };

/*  How to start a child. Pointers are read only during the call. The child inherits only stdin, stdout,
    stderr and fds; it has the default signal mask and dispositions. */
struct base_process_spec {
    const char *program;   /* path, not searched */
    char *const *args;     /* NULL-terminated, args[0] included */
    char *const *env;      /* NULL-terminated; NULL: the caller's */
    const char *directory; /* to start in; NULL: the caller's */
    int death_signal;      /* sent to the child when the parent dies; 0: none */
    int standard_fds[3];   /* become 0, 1 and 2; -1: /dev/null for 0, the caller's for 1 and 2 */
    int n_fds;             /* further descriptors that the child inherits under the same numbers */
    int fds[BASE_PROCESS_FDS];
    bool own_session; /* setsid */
    bool kill_first;  /* sets oom_score_adj to 1000: the out-of-memory killer prefers the child */
};

struct base_process {
    pid_t pid; /* 0: null value */
    int fd;    /* pidfd: readable when the child has ended; -1 with the null value */
};

struct base_process_end {
    bool exited; /* code is the exit status; else it was killed by signal code */
    int code;
};

#define BASE_PROCESS_NULL ((struct base_process){.pid = 0, .fd = -1})

enum base_wait { BASE_WAIT_NOT, BASE_WAIT_FOR_END };

/*  Process operations; tests replace them to inject failures and delays. */
struct base_process_ops {
    int (*spawn) (void *context, const struct base_process_spec *spec, struct base_process *ret_process,
                  struct base_error *error);
    int (*signal) (void *context, const struct base_process *process, int signal);
    int (*wait) (void *context, struct base_process *process, enum base_wait wait,
                 struct base_process_end *ret_end);
};

extern const struct base_process_ops base_process_system;

/*  Starts a child. Returns 0 or -errno. A program that cannot be executed is an error here, not an
    exit status. */
int base_process_spawn (const struct base_process_spec *spec, struct base_process *ret_process,
                        struct base_error *error);

/*  Returns 0, or -ESRCH if the process has already been waited for. */
int base_process_signal (const struct base_process *process, int signal);

/*  Reaps the process and makes it null. ret_end may be NULL. Returns 0, -EAGAIN if it still runs
    (BASE_WAIT_NOT), -ESRCH if it was waited for before, or another -errno. */
int base_process_wait (struct base_process *process, enum base_wait wait, struct base_process_end *ret_end);

/*  "exited with status 3", "was killed by signal 9 (Killed)". Returns text. */
const char *base_process_end_format (const struct base_process_end *end, char *text, size_t size);

/*  Kills and reaps the process if it still exists, closes the pidfd and makes the process null. */
void base_process_deinit (struct base_process *process);

#endif
