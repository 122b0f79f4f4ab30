/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/private.h - what the files of the rehearsal share; no other file includes it */

#ifndef REHEARSAL_PRIVATE_H
#define REHEARSAL_PRIVATE_H

#include "base/log.h"
#include "bus/refusals.h"
#include "bus/work.h"
#include "rehearsal/guard.h"
#include "rehearsal/offer.h"
#include "rehearsal/rehearsal.h"
#include "rehearsal/scratch.h"
#include "rehearsal/snapshot.h"
#include "rehearsal/startcheck.h"
#include "origin/origin.h"

enum { REHEARSAL_OFFERS = 2 };

/*  The phases of a rehearsal. C is the candidate, P the offered program. */
enum rehearsal_phase {
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

struct rehearsal {
    struct rehearsal_spec spec;
    rehearsal_done *done;
    void *context;

    struct rehearsal_scratch scratch;
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
    struct rehearsal_guard *guard;
    struct rehearsal_snapshot *snapshot; /* if the candidate can write to the parent's root */
    struct rehearsal_startcheck *startcheck;
    bool startcheck_passed;
    pid_t stuck;    /* a guard that was given up; 0: none */
    char **env;     /* the environment of the candidate's launcher */
    char *launcher; /* the guard's program */
    char nonce[33];
    uint64_t started_ms;
    uint64_t entered_ms, due_ms; /* start of the step, and its deadline */
    unsigned times_late;
    int deadline, hint_timer, late;

    struct base_digest binary, manifest; /* of C */
    enum rehearsal_phase phase;
    struct rehearsal_offer offers[REHEARSAL_OFFERS];
    unsigned offer;        /* index of the current offer */
    uint64_t hint;         /* sequence of the first hint of this phase */
    uint64_t order;        /* epoch of the order of this phase */
    bool asked;            /* C has asked after that hint */
    bool matched;          /* C's match was answered */
    bool nested_ready;     /* P announced itself while C rehearsed it */
    bool nested_rehearsed; /* P passed the offer of C through its own rehearsal */
    unsigned killed;
    struct rehearsal_result result;
};

/*  Returns the name of the phase for people; two phases may share one. */
const char *rehearsal_phase_word (enum rehearsal_phase phase);

/*  Starts the phase with the deadline of a step. */
void rehearsal_enter (struct rehearsal *rehearsal, enum rehearsal_phase phase);

/*  Fails the rehearsal. The owner is informed later, from the loop. Does nothing if the rehearsal has ended
    already. */
__attribute__ ((format (printf, 2, 3))) void rehearsal_fail (struct rehearsal *rehearsal, const char *format,
                                                             ...);

/*  Starts the phase with an order that is only announced: a candidate that misses the announcement does not
    get the order. */
void rehearsal_give_order (struct rehearsal *rehearsal, enum rehearsal_phase phase);

/*  Announces the order repeatedly until the candidate has asked. context: the rehearsal. */
void rehearsal_hint (void *context);

/*  Ends every process of a finished rehearsal. Calls done when none is left. */
void rehearsal_end_processes (struct rehearsal *rehearsal);

/*  Orders the candidate to stop. */
void rehearsal_stop (struct rehearsal *rehearsal);

/*  Returns the version that is offered in this phase; the rehearsal owns it. */
struct rehearsal_offer *rehearsal_offer (struct rehearsal *rehearsal);

/*  Checks a link of the scratch root, and fails the rehearsal if it is wrong. expected: a workspace; NULL:
    the link must not exist. */
bool rehearsal_link_is (struct rehearsal *rehearsal, const char *link, const char *expected);

/*  Handlers. context: the rehearsal. */
void rehearsal_on_callback (void *context, struct bus_socket *socket, const struct bus_message *message);
void rehearsal_on_refused (void *context, struct bus_socket *socket, const struct bus_refusal *refusal);
void rehearsal_on_gone (void *context, const struct rehearsal_guard_end *end);
extern const struct origin_ops rehearsal_origin_ops;

#endif
