/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/plan.h - what a rollout would do, before it does it

    Made from the selected nodes as they are now: which nodes are updated in which wave, which are skipped and
    why, and the cost. The hash covers all of it: a rollout that is started with the hash of a plan is either
    that rollout or is refused. */

#ifndef ROLLOUT_PLAN_H
#define ROLLOUT_PLAN_H

#include "rollout/rollout.h"

/*  A selected node. Pointers are read during rollout_plan_make only. */
struct rollout_fact {
    const char *id;
    const char *failure_domain; /* the value of the label that spec.failure_domain names; NULL: none */
    struct base_digest running; /* null: never reported */
    uint64_t size;              /* bytes to download, at most */
    bool lacks;                 /* it has no such application */
    bool online, held, quarantined, fits, busy;
};

enum rollout_exclusion {
    ROLLOUT_EXCLUDED_NONE,
    ROLLOUT_EXCLUDED_RUNS,           /* it runs the release already */
    ROLLOUT_EXCLUDED_NO_APPLICATION, /* it has no such application */
    ROLLOUT_EXCLUDED_NO_PLATFORM,    /* the release has nothing for its platform */
    ROLLOUT_EXCLUDED_BUSY,           /* another rollout of the application has it */
    ROLLOUT_EXCLUDED_HELD,           /* an operator holds it at the version that runs */
    ROLLOUT_EXCLUDED_QUARANTINED,    /* the release failed there before */
    ROLLOUT_EXCLUDED_OFFLINE,
    ROLLOUT_EXCLUSIONS
};

/*  For an operator: "held: end the hold with nodectl unhold first". */
const char *rollout_exclusion_text (enum rollout_exclusion exclusion);

struct rollout_skipped {
    uint32_t fact;
    enum rollout_exclusion why;
};

struct rollout_plan {
    struct wire_rollout spec;             /* owned; its waves cover all candidates */
    struct rollout_candidate *candidates; /* owned; for rollout_init */
    uint32_t *facts;                      /* owned; for each candidate: the index of its fact */
    uint32_t n_candidates, n_failure_domains;
    struct rollout_skipped *skipped; /* owned */
    uint32_t n_skipped;
    uint32_t sizes[ROLLOUT_WAVES]; /* nodes in each wave */
    uint64_t bytes;                /* on the wire, at most */
    uint64_t expected_ms;          /* if nothing fails; closed windows are not included */
    struct base_digest hash;
};

/*  Default waves: one node, a tenth, all others. typical_ms: the time that one node takes. Facts may come in
    any order, each id once. Returns 0, -EINVAL (see the error) or -ENOMEM; a plan without nodes to update is
    no error. */
int rollout_plan_make (const struct wire_rollout *spec, const struct rollout_fact *facts, uint32_t n_facts,
                       uint64_t typical_ms, struct rollout_plan *ret_plan, struct base_error *error);
void rollout_plan_deinit (struct rollout_plan *plan);

#endif
