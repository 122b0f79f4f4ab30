/* SPDX-License-Identifier: MPL-2.0 */
/*  start/descendants.h - finds and ends processes, whatever session they are in

    Processes below this one, or those named by a claim. Only for a sub-reaper: all orphans below it become
    its children, so every chain of parents leads here. */

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
    uint64_t start; /* in ticks since boot; unique together with the pid */
    bool alive;     /* when read: not a zombie, or a zombie whose other threads run */
    bool stopped;
};

/*  The classification of a single process. Children of a spared process are spared, whatever their own claim.
    Children of our process are ours unless spared. */
enum start_claim { START_LIKE_PARENT, START_OURS, START_SPARED };

/*  Processes that were found to be ours. They remain so when their parent has ended, whoever is their next
    parent. Without memory for them, they are found by their claims alone. Null value: all zero. */
struct start_known {
    struct start_process *items; /* by pid */
    size_t count;
    size_t capacity;
};
void start_known_deinit (struct start_known *known);

struct start_choice {
    enum start_claim (*claim) (void *context, const struct start_process *process);
    void *context;
    struct start_known *known; /* NULL: for a sub-reaper, which becomes the parent of all orphans */
};

/*  A choice of NULL means every process below this one. */

/*  Counts living processes other than `but` (0: none excluded). Returns 0 if /proc cannot be read. *ret_which
    (may be NULL) changes when a process ends or a new one appears. Processes that fork and exit continuously
    may be missed; see start/children.h. */
size_t start_processes_count (const struct start_choice *choice, pid_t but, uint64_t *ret_which);

/*  Sends SIGSTOP to all that run. Returns whether there were any; then call again. Even endless forking is
    stopped in the end: each process is stopped as soon as it is seen, and stopped processes make no room for
    new ones. */
bool start_processes_stop (const struct start_choice *choice);

/*  Sends SIGKILL to all that are seen in one scan. */
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

/*  Returns whether a process with this pid exists. */
bool start_process_look (pid_t pid, struct start_process *ret_process);

/*  Whether a process, or zombie, is below this one. */
bool start_process_is_below (pid_t pid);

#endif
