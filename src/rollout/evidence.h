/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/evidence.h - whether updated nodes do worse than others, decided as early as possible

    Each round of checking the fleet gives four numbers: how many nodes are updated and how many of them
    failed, restarted or lost contact since the last round, and the same for nodes that are not updated.
    The evidence is the value of a bet against "both fail equally often" that is fair in every round,
    whatever that rate is. By Ville's inequality a good release brings it to 1000 with a chance of at most one
    in a thousand, at any time and however long one looks. So it may be checked in every round, and the
    rollout halts as soon as it is enough.

    The bet of a round is that of R. Turner, A. Ly and P. Gruenwald, "Generic E-variables for exact sequential
    k-sample tests that allow for optional stopping" (2021), on several differences at once; the others' rate
    is learnt from earlier rounds. */

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
    double logs[ROLLOUT_BETS]; /* natural logarithms of the bets' values, each from 1 */
    uint64_t rounds;
    uint64_t updated, updated_bad, others, others_bad; /* sums of all rounds */
};

/*  Adds a round. A round without updated nodes or without others contains no evidence and is ignored. */
void rollout_evidence_add (struct rollout_evidence *evidence, const struct rollout_round *round);

/*  The average value of the bets: 1 at the start. At most one of 100 good releases ever reaches 100. */
double rollout_evidence_factor (const struct rollout_evidence *evidence);

/*  Whether the chance that a good release reaches this value is at most false_halt thousandths. 0: never. */
bool rollout_evidence_is_enough (const struct rollout_evidence *evidence, unsigned false_halt);

#endif
