/*  rollout/plan.h - what a rollout would do, before it does it

    From the nodes that were selected, as they are now: who is updated in which wave, who is left out and
    why, what that costs. The hash names all of it: who starts a rollout with the hash of a plan that was
    looked at gets that rollout or none. */

#ifndef ROLLOUT_PLAN_H
#define ROLLOUT_PLAN_H

#include "rollout/rollout.h"

/*  A node that was selected. Pointers are read during rollout_plan_make only. */
struct rollout_fact {
    const char *id;
    const char *neighbours;     /* the value of the label that spec.neighbours names; NULL: it has none */
    struct base_digest running; /* null: never told */
    uint64_t size;              /* of what it would have to download at most */
    bool lacks;                 /* it has no such application */
    bool online, held, quarantined, fits, busy;
};

enum rollout_exclusion {
    ROLLOUT_EXCLUDED_NOT,
    ROLLOUT_EXCLUDED_RUNS,        /* it runs the release already */
    ROLLOUT_EXCLUDED_LACKS,       /* it has no such application */
    ROLLOUT_EXCLUDED_FITS_NOT,    /* the release has nothing for its platform */
    ROLLOUT_EXCLUDED_BUSY,        /* another rollout of the application has it */
    ROLLOUT_EXCLUDED_HELD,        /* a person holds it at what it runs */
    ROLLOUT_EXCLUDED_QUARANTINED, /* the release failed there before */
    ROLLOUT_EXCLUDED_OFFLINE,
    ROLLOUT_EXCLUSIONS
};

/*  For a person: "held: nodectl unhold it first". */
const char *rollout_exclusion_text (enum rollout_exclusion exclusion);

struct rollout_left_out {
    uint32_t fact;
    enum rollout_exclusion why;
};

struct rollout_plan {
    struct wire_rollout spec;             /* owned; with waves for everybody */
    struct rollout_candidate *candidates; /* owned; for rollout_init */
    uint32_t *facts;                      /* owned; of each candidate: which fact */
    uint32_t n_candidates, n_neighbours;
    struct rollout_left_out *left_out; /* owned */
    uint32_t n_left_out;
    uint32_t sizes[ROLLOUT_WAVES]; /* of the waves */
    uint64_t bytes;                /* on the wire, at most */
    uint64_t expected_ms;          /* if nothing fails; closed windows are not counted */
    struct base_digest hash;
};

/*  Without waves in spec: one node, a tenth, all others. typical_ms: what one node takes. Facts may come in
    any order, each id once. Returns 0, -EINVAL (the error says why) or -ENOMEM; nobody to update is no
    error. */
int rollout_plan_make (const struct wire_rollout *spec, const struct rollout_fact *facts, uint32_t n_facts,
                       uint64_t typical_ms, struct rollout_plan *ret_plan, struct base_error *error);
void rollout_plan_deinit (struct rollout_plan *plan);

#endif
