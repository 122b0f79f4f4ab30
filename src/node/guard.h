/*  node/guard.h - runs a root's start files under the guard: a proven process that ends every descendant

    The guard is the launcher's program of this version (`start guard`). It reports over a pipe what becomes
    of what it started. When this process ends, so does the guard, with all that is below it.

    Nothing here waits for a guard: a candidate may have stopped it, or left below it what no signal ends. */

#ifndef NODE_GUARD_H
#define NODE_GUARD_H

#include <sys/types.h>

#include "base/process.h"
#include "bus/loop.h"

struct node_guard;

struct node_guard_end {
    bool ended;                  /* the program has ended; false: the guard itself failed first */
    struct base_process_end how; /* of the program */
    unsigned left; /* other processes that were still there when it had ended, and had to be killed */
    int host;      /* errno: this host was not able to start the program; 0: it was */
    pid_t stuck;   /* the guard did not end when it was killed, and is given up; 0: it has ended */
};

/*  Called once, when nothing is left below the guard, or it is given up. The guard may be freed during the
    call. */
typedef void (node_guard_gone) (void *context, const struct node_guard_end *end);

/*  Called at most once, before the program runs: this host does not let the guard keep it from writing
    to the whole root. reason is valid during the call. */
typedef void (node_guard_open) (void *context, const char *reason);

struct node_guard_spec {
    struct bus_loop *loop;
    const char *launcher;  /* path of the `start` program of this version */
    const char *script;    /* the noded.sh to run */
    char *const *env;      /* NULL-terminated */
    uint64_t grace_ms;     /* between TERM and KILL */
    uint64_t end_ms;       /* that a guard has to end everything, before it is killed itself */
    const char *root;      /* that the program is kept from writing to, where the host allows it */
    const char *scratch;   /* but for this directory below it */
    node_guard_open *open; /* NULL: nobody asks */
    node_guard_gone *gone;
    void *context;                          /* of both */
    const struct base_process_ops *process; /* NULL: base_process_system */
    void *process_context;
};

/*  Pointers are read during the call only, but for loop and context. */
int node_guard_start (const struct node_guard_spec *spec, struct node_guard **ret_guard,
                      struct base_error *error);

/*  Asks the program to stop; after grace_ms everything is killed. gone is called in the end. */
void node_guard_stop (struct node_guard *guard);

/*  Kills everything at once; a guard that is stopped is continued. gone is called in the end. */
void node_guard_kill (struct node_guard *guard);

/*  The end of what everything below the guard has printed so far; valid until the next call. */
enum { NODE_GUARD_SAID = 2048 };
const char *node_guard_said (struct node_guard *guard);

/*  The last line of it, the launcher's own only where there is no other: what the system or the program said
    of its end, as "; last it said: ..." behind a sentence. Returns text, empty where nothing was said. */
const char *node_guard_last_words (struct node_guard *guard, char *text, size_t size);

/*  Frees; gone is not called. Where the guard has not ended: for the end of this process, kills everything,
    and waits for that for two seconds at most. Accepts NULL. Returns NULL. */
struct node_guard *node_guard_free (struct node_guard *guard);

/*  Kills one process with SIGKILL, if it is a descendant of the guard. Returns 0, or -ESRCH. */
int node_guard_kill_one (struct node_guard *guard, pid_t pid);

/*  Which of the guard's processes is stopped, or 0. */
pid_t node_guard_stopped (const struct node_guard *guard);

/*  Whether a process that announced itself by that number is one below the guard, in the pid name space of
    this process: in another one it could not end what it starts. Returns 0; -ESRCH where there is no such
    process, or no longer; -EPERM, with a sentence, where it is another one. */
int node_guard_check (const struct node_guard *guard, pid_t pid, struct base_error *error);

#endif
