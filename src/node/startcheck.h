/*  node/startcheck.h - step f of a rehearsal: do the start files that the candidate stages go back from a
    broken program?

    Three scratch roots at once, each on trial with two starts left: a program that exits, one that hangs,
    and a file that is no program. In each the start files under test must take stable back. Nothing of the
    candidate runs but its start files. */

#ifndef NODE_STARTCHECK_H
#define NODE_STARTCHECK_H

#include "bus/loop.h"
#include "root/workspace.h"

struct node_startcheck;

/*  Called once, when none of its processes is left, or cannot be ended. error is NULL where all went back; its
    code is -ETIMEDOUT where one had not in time, -EINTR where a guard was killed, another -errno where this
    host is at fault, ROOT_E_DAMAGED where the start files are. May free the check during the call. */
typedef void (node_startcheck_done) (void *context, const struct base_error *error);

/*  parent: below whose probe/ the roots are made; workspace: a directory descriptor of one that the
    candidate staged; launcher: the guard's program; env for the start files; deadline_ms for each. Returns 0,
    -errno where this host is at fault, or ROOT_E_DAMAGED where what the candidate staged is. */
int node_startcheck_new (struct bus_loop *loop, const struct root *parent, int workspace,
                         const char *launcher, char *const *env, uint64_t deadline_ms,
                         node_startcheck_done *done, void *context, struct node_startcheck **ret_check,
                         struct base_error *error);

/*  Ends one that is not wanted any more: done is called all the same. */
void node_startcheck_end (struct node_startcheck *check);

/*  A guard that was given up, or 0. */
pid_t node_startcheck_stuck (const struct node_startcheck *check);

/*  Before done was called: only for the end of this process, it waits for a bounded time. */
struct node_startcheck *node_startcheck_free (struct node_startcheck *check);

#endif
