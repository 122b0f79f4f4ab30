/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/rehearsal.h - what a candidate must carry out before stable points to it

    The parent acts as the candidate's origin, over private ipc sockets, and as its init. The candidate is
    started through its own start files, in a scratch root, under a guard. A node in service rehearses with
    depth two, which requires all steps:

      - readiness: announces itself with nonce and digest
      - update: receives a hint, matches, fetches, and stages the parent's own program with odd arguments,
        environment and file. It rehearses that program in turn; the rehearsed program (proven code) reports
        the result to the parent on a callback of its own
      - hand-over: switches, and hands over to that program. The program is kept from confirming itself and is
        killed until the candidate runs again
      - revert: updates once more; the program confirms itself, is reverted by order, and the candidate runs
        again
      - stop: stops when ordered, and leaves no process behind
      - start-files: the start files that it staged roll back from broken programs without its help

    Depth one requires readiness, one whole update, and stop; depth zero readiness and stop. The parent
    believes no claim that it can check on the scratch disk. Every step has a deadline. */

#ifndef REHEARSAL_REHEARSAL_H
#define REHEARSAL_REHEARSAL_H

#include "identity/config.h"
#include "identity/self.h"

struct rehearsal;

struct rehearsal_spec {
    struct bus_loop *loop;
    const struct identity_config *config;
    const struct root *root;
    const struct identity_self *self; /* what the candidate is offered */
    const char *candidate;            /* workspace */
    int depth;                        /* depth of the candidate */
};

/*  How a rehearsal ended. What that means for the candidate, the owner decides. */
struct rehearsal_outcome {
    bool passed;
    bool host; /* not passed, before the candidate had its chance: disk, descriptors, sockets */
    /*  not passed, and a process of the rehearsal was killed from outside, or may have been; or the host was
        short of a resource that the candidate may have used up */
    bool killed;
    bool late;           /* not passed, because a deadline passed */
    uint64_t slowest_ms; /* duration of the longest step */
};

struct rehearsal_result {
    struct rehearsal_outcome end;
    char step[32]; /* where it failed */
    char reason[BASE_ERROR_SIZE];
    uint64_t took_ms;
};

/*  Called once, when no process of the rehearsal runs any more. If one could not be ended, the reason says
    so. The rehearsal may be freed during the call. */
typedef void (rehearsal_done) (void *context, const struct rehearsal_result *result);

/*  Starts a rehearsal; done is called later, never during this call. The spec's pointers must live as long as
    the rehearsal. Returns 0 or -ENOMEM. */
int rehearsal_new (const struct rehearsal_spec *spec, rehearsal_done *done, void *context,
                   struct rehearsal **ret_rehearsal);

/*  Cancels a rehearsal. This done replaces the first one, and is called later. */
void rehearsal_end (struct rehearsal *rehearsal, rehearsal_done *done, void *context);

/*  Frees the rehearsal with its scratch root. Before done was called, call it only when this process ends: it
    then waits a bounded time for the rehearsal's processes. Accepts NULL. Returns NULL. */
struct rehearsal *rehearsal_free (struct rehearsal *rehearsal);

/*  Returns the name of the current step, for a progress line; empty for NULL. */
const char *rehearsal_step (const struct rehearsal *rehearsal);

#endif
