/*  start/descendants.h - processes that are to be ended, whatever session they are in

    Those below this one, or those that a claim names. Only for a sub-reaper: then every orphan below has this
    process as its parent, so that the chain of parents leads here. */

#ifndef START_DESCENDANTS_H
#define START_DESCENDANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct start_process {
    pid_t pid;
    pid_t parent;
    pid_t group;
    pid_t session;
    uint64_t start; /* in ticks since boot; with the pid it names a process for good */
    bool alive;     /* when it was looked at: no zombie, or one whose further threads run */
    bool stopped;
};

/*  What a process is by itself. Whose parent is spared is spared, whatever it is claimed to be; whose parent is
    ours is ours, unless it is spared. */
enum start_claim { START_LIKE_PARENT, START_OURS, START_SPARED };

struct start_choice {
    enum start_claim (*claim) (void *context, const struct start_process *process);
    void *context;
};

/*  NULL as a choice: every process below this one. */

/*  How many are alive, but without this one (0: none is left out). 0 where /proc cannot be read. ret_which, which may
    be NULL, is set to a number that is another one when one of them has ended or is new. What forks and exits without
    a pause may be missed: see start/children.h. */
size_t start_processes_count (const struct start_choice *choice, pid_t but, uint64_t *ret_which);

/*  Sends SIGSTOP to all that run. Returns whether there was one: again, then. What forks on and on leaves
    nothing running in the end: each is stopped as soon as it is seen, and nothing that is stopped makes room for
    another. */
bool start_processes_stop (const struct start_choice *choice);

/*  Sends SIGKILL to all that can be seen now. */
void start_processes_kill (const struct start_choice *choice);

static inline size_t start_descendants_count (pid_t but)
{
    return start_processes_count (NULL, but, NULL);
}

static inline bool start_descendants_stop (void)
{
    return start_processes_stop (NULL);
}

static inline void start_descendants_kill (void)
{
    start_processes_kill (NULL);
}

/*  Returns whether there is a process of that number. */
bool start_process_look (pid_t pid, struct start_process *ret_process);

/*  Whether a process is below this one; a zombie is. */
bool start_process_is_below (pid_t pid);

#endif
