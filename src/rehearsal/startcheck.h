/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/startcheck.h - step f of a rehearsal: tests that the candidate's start files roll back

    The start files are those that the candidate staged for the offered version.

    It runs three scratch roots at once, each on trial with two starts left: a program that exits, one that
    hangs, and a file that is no program. In each the start files under test must roll stable back. Of the
    candidate, only the start files run. */

#ifndef REHEARSAL_STARTCHECK_H
#define REHEARSAL_STARTCHECK_H

#include "bus/loop.h"
#include "root/workspace.h"

struct rehearsal_startcheck;

/*  Called once, when no process of the check is left, or one cannot be ended. error: NULL if all rolled back.
    Its code is -ETIMEDOUT if one did not in time, -EINTR if a guard was killed, another -errno if this host
    is at fault, and ROOT_E_DAMAGED if the start files are. May free the check during the call. */
typedef void (rehearsal_startcheck_done) (void *context, const struct base_error *error);

/*  root: the scratch roots are made below its probe/. workspace: directory descriptor of a workspace that the
    candidate staged. launcher: the guard's program. env: for the start files. deadline_ms: for each root.
    Returns 0, -errno if this host is at fault, or ROOT_E_DAMAGED if the staged files are. */
int rehearsal_startcheck_new (struct bus_loop *loop, const struct root *root, int workspace,
                              const char *launcher, char *const *env, uint64_t deadline_ms,
                              rehearsal_startcheck_done *done, void *context,
                              struct rehearsal_startcheck **ret_check, struct base_error *error);

/*  Cancels a check; done is called later. */
void rehearsal_startcheck_end (struct rehearsal_startcheck *check);

/*  Returns the pid of a guard that did not end when it was killed, or 0. */
pid_t rehearsal_startcheck_stuck (const struct rehearsal_startcheck *check);

/*  Frees the check. Before done was called, call it only when this process ends: it then waits for a bounded
    time. Accepts NULL. Returns NULL. */
struct rehearsal_startcheck *rehearsal_startcheck_free (struct rehearsal_startcheck *check);

#endif
