/*  node/rehearsal_private.h - what the files of the rehearsal share; nobody else includes it */

#ifndef NODE_REHEARSAL_PRIVATE_H
#define NODE_REHEARSAL_PRIVATE_H

#include "base/log.h"
#include "bus/work.h"
#include "node/guard.h"
#include "node/offer.h"
#include "node/rehearsal.h"
#include "node/scratch.h"
#include "node/spare.h"
#include "node/startcheck.h"
#include "origin/origin.h"

enum { NODE_REHEARSAL_OFFERS = 2 };

/*  Where the rehearsal is. The candidate is C, the offered program P. */
enum node_rehearsal_phase {
    PHASE_BEGIN,
    PHASE_READY,   /* C announces itself */
    PHASE_UPDATE,  /* C brings P into service (depth 0: never) */
    PHASE_RETURN,  /* P is killed until C is back */
    PHASE_AGAIN,   /* C brings P into service once more */
    PHASE_CONFIRM, /* P confirms */
    PHASE_REVERT,  /* P is told to revert, and C is back */
    PHASE_STOP,    /* C is told to stop */
    PHASE_FILES,   /* what is left of the start files' check */
    PHASE_END
};

struct node_rehearsal {
    struct node_rehearsal_spec spec;
    node_rehearsal_done *done;
    void *context;

    struct node_scratch scratch;
    struct bus_work *copying; /* the candidate into the scratch root */
    atomic_bool stop;         /* its copying */
    struct base_error copy_error;
    struct bus_work *emptying; /* the scratch root, once nothing runs in it */
    atomic_bool leave;         /* ends that: the next start goes on with it */
    bool emptied;
    struct bus_socket *callback;
    struct base_log_limit log; /* of what the candidate can cause there */
    struct origin *origin;
    struct node_guard *guard;
    struct node_spare *spare; /* where the candidate can write to the parent's root */
    struct node_startcheck *startcheck;
    bool startcheck_passed;
    pid_t stuck;    /* a guard that was given up; 0: none */
    char **env;     /* what the candidate's launcher is given */
    char *launcher; /* the guard's program */
    char nonce[33];
    uint64_t begun_ms;
    uint64_t entered_ms, due_ms; /* when the step began, and when its deadline is */
    unsigned times_late;
    int deadline, hint_timer, late;

    struct base_digest binary, manifest; /* of C */
    enum node_rehearsal_phase phase;
    struct node_offer offers[NODE_REHEARSAL_OFFERS];
    unsigned offer;        /* the one that counts */
    uint64_t hint;         /* sequence of the first hint of this phase */
    uint64_t order;        /* epoch of the order of this phase */
    bool asked;            /* C has asked after that hint */
    bool matched;          /* C had its match answered */
    bool nested_ready;     /* P announced itself while C rehearsed it */
    bool nested_rehearsed; /* P brought what C offered through its own rehearsal */
    unsigned killed;
    struct node_rehearsal_result result;
};

/*  The name that people know it by; two phases may share one. */
const char *node_rehearsal_phase_word (enum node_rehearsal_phase phase);

/*  Begins the phase with the deadline of a step. */
void node_rehearsal_enter (struct node_rehearsal *rehearsal, enum node_rehearsal_phase phase);

/*  Ends it; the owner is told later, from the loop. Does nothing where it has ended already. */
__attribute__ ((format (printf, 2, 3))) void node_rehearsal_fail (struct node_rehearsal *rehearsal,
                                                                  const char *format, ...);

/*  Begins the phase and gives an order, of which announce alone tells: who does not hear it there, does not
    get it. */
void node_rehearsal_give_order (struct node_rehearsal *rehearsal, enum node_rehearsal_phase phase);

/*  Announces the order, again and again until the candidate has asked. context: the rehearsal. */
void node_rehearsal_hint (void *context);

/*  Ends every process of a rehearsal that is over, and tells the owner once none is left. */
void node_rehearsal_end_processes (struct node_rehearsal *rehearsal);

/*  Tells the candidate to stop. */
void node_rehearsal_stop (struct node_rehearsal *rehearsal);

/*  The version that is offered at this phase; the rehearsal owns it. */
struct node_offer *node_rehearsal_offer (struct node_rehearsal *rehearsal);

/*  Whether a link of the scratch root is as it should be; fails the rehearsal where not. expected: a
    workspace; NULL: none must be there. */
bool node_rehearsal_link_is (struct node_rehearsal *rehearsal, const char *link, const char *expected);

/*  Handlers; context: the rehearsal. */
void node_rehearsal_on_callback (void *context, struct bus_socket *socket, const struct bus_message *message);
void node_rehearsal_on_gone (void *context, const struct node_guard_end *end);
extern const struct origin_ops node_rehearsal_origin_ops;

#endif
