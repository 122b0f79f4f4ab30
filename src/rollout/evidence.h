/*  rollout/evidence.h - whether updated nodes do worse than others, told as early as it can be known

    Each round of looking at the fleet gives four numbers: how many nodes are updated and how many of them
    were bad (failed, restarted, fell silent) since the last round, and the same for nodes that are not
    updated. The evidence is a bet against "both are bad equally often" that would have been fair in every
    round, whatever that rate is: by Ville's inequality a good release brings it to 1000 at any time, however
    long one looks, with a chance of at most one in a thousand. So it may be looked at in every round, and
    stops as soon as it is enough.

    The bet of a round is that of R. Turner, A. Ly and P. Gruenwald, "Generic E-variables for exact
    sequential k-sample tests that allow for optional stopping" (2021), on several differences at once; the
    others' rate is learnt from the rounds before. */

#ifndef ROLLOUT_EVIDENCE_H
#define ROLLOUT_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

struct rollout_round {
    uint32_t updated, updated_bad;
    uint32_t others, others_bad;
};

enum { ROLLOUT_BETS = 4 };

/*  Null value: nothing is known. */
struct rollout_evidence {
    double logs[ROLLOUT_BETS]; /* natural logarithms of what the bets have become, each from 1 */
    uint64_t rounds;
    uint64_t updated, updated_bad, others, others_bad; /* of all rounds */
};

/*  Takes a round. One without updated nodes or without others tells nothing, and is left out. */
void rollout_evidence_add (struct rollout_evidence *evidence, const struct rollout_round *round);

/*  What the bets have become on average: 1 at the start; 100 is as much as one would see in one of 100 good
    releases at most. */
double rollout_evidence_factor (const struct rollout_evidence *evidence);

/*  Whether it is more than a good release would show with a chance of false_halt thousandths. 0: never. */
bool rollout_evidence_is_enough (const struct rollout_evidence *evidence, unsigned false_halt);

#endif
