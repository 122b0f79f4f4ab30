/*  node/rehearsal.h - what a candidate must carry out before stable may point to it

    The parent is the candidate's origin, over private ipc sockets, and its init. The candidate is started
    through its own start files, in a scratch root, under a guard. Depth two, which a node in service
    mints, asks for all of it:

      - readiness: announces itself with nonce and digest
      - update: hears a hint, matches, fetches, stages the parent's own program with odd arguments,
        environment and file, and rehearses it in turn; the rehearsed program (proven code) tells the parent
        on a callback of its own what became of it
      - hand-over: switches, and hands over to that program, which is kept from confirming and killed until
        the candidate is back
      - revert: does it again; the program confirms, is reverted by order, and the candidate is back again
      - stop: stops when told, and leaves no process behind
      - start-files: the start files that it staged go back from broken programs without its help

    Depth one asks for readiness, one update to the end, and stop; depth zero for readiness and stop. The
    parent believes no claim that it can check on the scratch disk. Every step has a deadline. */

#ifndef NODE_REHEARSAL_H
#define NODE_REHEARSAL_H

#include "node/config.h"
#include "node/self.h"
#include "update/verdict.h"

struct node_rehearsal;

struct node_rehearsal_spec {
    struct bus_loop *loop;
    const struct node_config *config;
    const struct root *root;
    const struct node_self *self; /* what the candidate will be offered */
    const char *candidate;        /* workspace */
    int depth;                    /* that the candidate gets */
};

struct node_rehearsal_result {
    struct update_rehearsed end;
    char step[32]; /* where it failed */
    char reason[BASE_ERROR_SIZE];
    uint64_t took_ms;
};

/*  Called once, when nothing of it runs any more: or what does cannot be ended, and the reason says so. The
    rehearsal may be freed during the call. */
typedef void (node_rehearsal_done) (void *context, const struct node_rehearsal_result *result);

/*  Begins; done is called later, never during this call. The spec's pointers must live as long as the
    rehearsal. Returns 0 or -ENOMEM. */
int node_rehearsal_new (const struct node_rehearsal_spec *spec, node_rehearsal_done *done, void *context,
                        struct node_rehearsal **ret_rehearsal);

/*  Ends one that is not wanted any more: done, this one, is called later all the same. */
void node_rehearsal_end (struct node_rehearsal *rehearsal, node_rehearsal_done *done, void *context);

/*  Frees it with its scratch root. Only for the end of this process before done was called: then it waits for
    the rehearsal's processes, for a bounded time. Accepts NULL. Returns NULL. */
struct node_rehearsal *node_rehearsal_free (struct node_rehearsal *rehearsal);

/*  The step that it is at, for a progress line. */
const char *node_rehearsal_step (const struct node_rehearsal *rehearsal);

#endif
