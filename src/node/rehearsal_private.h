/* SPDX-License-Identifier: MPL-2.0 */
/*  node/rehearsal_private.h - what the files of the rehearsal share; no other file includes it */

#ifndef NODE_REHEARSAL_PRIVATE_H
#define NODE_REHEARSAL_PRIVATE_H

#include "base/log.h"
#include "bus/refusals.h"
#include "bus/work.h"
#include "node/guard.h"
#include "node/offer.h"
#include "node/rehearsal.h"
#include "node/scratch.h"
#include "node/spare.h"
#include "node/startcheck.h"
#include "origin/origin.h"

enum { NODE_REHEARSAL_OFFERS = 2 };

/*  The phases of a rehearsal. C is the candidate, P the offered program. */
enum node_rehearsal_phase {
    PHASE_BEGIN,
    PHASE_READY,   /* C announces itself */
    PHASE_UPDATE,  /* C puts P into service (depth 0: never) */
    PHASE_RETURN,  /* P is killed until C runs again */
    PHASE_AGAIN,   /* C puts P into service once more */
    PHASE_CONFIRM, /* P confirms itself */
    PHASE_REVERT,  /* P is ordered to revert, and C runs again */
    PHASE_STOP,    /* C is ordered to stop */
    PHASE_FILES,   /* waits for the check of the start files */
    PHASE_END
};

struct node_rehearsal {
    struct node_rehearsal_spec spec;
    node_rehearsal_done *done;
    void *context;

    struct node_scratch scratch;
    struct bus_work *copying; /* copies the candidate into the scratch root */
    atomic_bool stop;         /* ends the copying */
    struct base_error copy_error;
    struct bus_work *emptying; /* empties the scratch root when nothing runs in it */
    atomic_bool leave;         /* ends the emptying; the next start continues it */
    bool emptied;
    struct bus_socket *callback;
    struct base_log_limit log; /* for lines that the candidate can cause */
    struct bus_refusals_of refusals;
    struct origin *origin;
    struct node_guard *guard;
    struct node_spare *spare; /* if the candidate can write to the parent's root */
    struct node_startcheck *startcheck;
    bool startcheck_passed;
    pid_t stuck;    /* a guard that was given up; 0: none */
    char **env;     /* the environment of the candidate's launcher */
    char *launcher; /* the guard's program */
    char nonce[33];
    uint64_t begun_ms;
    uint64_t entered_ms, due_ms; /* start of the step, and its deadline */
    unsigned times_late;
    int deadline, hint_timer, late;

    struct base_digest binary, manifest; /* of C */
    enum node_rehearsal_phase phase;
    struct node_offer offers[NODE_REHEARSAL_OFFERS];
    unsigned offer;        /* index of the current offer */
    uint64_t hint;         /* sequence of the first hint of this phase */
    uint64_t order;        /* epoch of the order of this phase */
    bool asked;            /* C has asked after that hint */
    bool matched;          /* C's match was answered */
    bool nested_ready;     /* P announced itself while C rehearsed it */
    bool nested_rehearsed; /* P passed the offer of C through its own rehearsal */
    unsigned killed;
    struct node_rehearsal_result result;
};

/*  Returns the name of the phase for people; two phases may share one. */
const char *node_rehearsal_phase_word (enum node_rehearsal_phase phase);

/*  Starts the phase with the deadline of a step. */
void node_rehearsal_enter (struct node_rehearsal *rehearsal, enum node_rehearsal_phase phase);

/*  Fails the rehearsal. The owner is informed later, from the loop. Does nothing if the rehearsal has ended
    already. */
__attribute__ ((format (printf, 2, 3))) void node_rehearsal_fail (struct node_rehearsal *rehearsal,
                                                                  const char *format, ...);

/*  Starts the phase with an order that is only announced: a candidate that misses the announcement does not
    get the order. */
void node_rehearsal_give_order (struct node_rehearsal *rehearsal, enum node_rehearsal_phase phase);

/*  Announces the order repeatedly until the candidate has asked. context: the rehearsal. */
void node_rehearsal_hint (void *context);

/*  Ends every process of a finished rehearsal. Calls done when none is left. */
void node_rehearsal_end_processes (struct node_rehearsal *rehearsal);

/*  Orders the candidate to stop. */
void node_rehearsal_stop (struct node_rehearsal *rehearsal);

/*  Returns the version that is offered in this phase; the rehearsal owns it. */
struct node_offer *node_rehearsal_offer (struct node_rehearsal *rehearsal);

/*  Checks a link of the scratch root, and fails the rehearsal if it is wrong. expected: a workspace; NULL:
    the link must not exist. */
bool node_rehearsal_link_is (struct node_rehearsal *rehearsal, const char *link, const char *expected);

/*  Handlers. context: the rehearsal. */
void node_rehearsal_on_callback (void *context, struct bus_socket *socket, const struct bus_message *message);
void node_rehearsal_on_refused (void *context, struct bus_socket *socket, const struct bus_refusal *refusal);
void node_rehearsal_on_gone (void *context, const struct node_guard_end *end);
extern const struct origin_ops node_rehearsal_origin_ops;

#endif
