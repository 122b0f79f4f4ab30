/*  node/guard.h - runs a root's start files under the guard: a proven process that ends every descendant

    The guard is the launcher's program of this version (`start guard`). It tells over a pipe what becomes
    of what it started. When this process ends, so does the guard, with all that is below it. */

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
};

/*  Called once, when nothing is left below the guard. The guard may be freed during the call. */
typedef void (node_guard_gone) (void *context, const struct node_guard_end *end);

/*  launcher: path of the `start` program of this version; script: the noded.sh to run; env
    NULL-terminated; grace_ms: between TERM and KILL. */
int node_guard_start (struct bus_loop *loop, const char *launcher, const char *script, char *const *env,
                      uint64_t grace_ms, node_guard_gone *gone, void *context, struct node_guard **ret_guard,
                      struct base_error *error);

/*  Asks the program to stop; after grace_ms everything is killed. gone is called in the end. */
void node_guard_stop (struct node_guard *guard);

/*  Kills everything at once. gone is called in the end. */
void node_guard_kill (struct node_guard *guard);

/*  The end of what everything below the guard has printed so far; valid until the next call. */
enum { NODE_GUARD_SAID = 2048 };
const char *node_guard_said (struct node_guard *guard);

/*  Kills everything, waits for that, and frees. gone is not called. Accepts NULL. Returns NULL. */
struct node_guard *node_guard_free (struct node_guard *guard);

/*  Kills one process with SIGKILL, if it is a descendant of the guard. Returns 0, or -ESRCH. */
int node_guard_kill_one (struct node_guard *guard, pid_t pid);

#endif
