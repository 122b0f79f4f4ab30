/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/evidence.h - whether updated nodes do worse than others, decided as early as possible

    Each sample of the fleet has four numbers: how many nodes are updated and how many of them
    failed, restarted or lost contact since the last sample, and the same for nodes that are not updated.
    The evidence is the value of a bet against "both fail equally often" that is fair in every sample,
    whatever that rate is. By Ville's inequality a good release brings it to 1000 with a chance of at most one
    in a thousand, at any time and however long one looks. So it may be checked with every sample, and the
    rollout halts as soon as it is enough.

    The bet of a sample is that of R. Turner, A. Ly and P. Gruenwald, "Generic E-variables for exact
    sequential k-sample tests that allow for optional stopping" (2021), on several differences at once; the
    others' rate is learnt from earlier samples. */

#ifndef ROLLOUT_EVIDENCE_H
#define ROLLOUT_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

struct rollout_sample {
    uint32_t updated, updated_failed;
    uint32_t others, others_failed;
};

enum { ROLLOUT_BETS = 4 };

/*  Null value: nothing is known. */
struct rollout_evidence {
    double logs[ROLLOUT_BETS]; /* natural logarithms of the bets' values, each from 1 */
    uint64_t samples;
    uint64_t updated, updated_failed, others, others_failed; /* sums of all samples */
};

/*  Adds a sample. A sample without updated nodes or without others contains no evidence and is ignored. */
void rollout_evidence_add (struct rollout_evidence *evidence, const struct rollout_sample *sample);

/*  The average value of the bets: 1 at the start. At most one of 100 good releases ever reaches 100. */
double rollout_evidence_factor (const struct rollout_evidence *evidence);

/*  Whether the chance that a good release reaches this value is at most significance thousandths. 0:
    never. */
bool rollout_evidence_is_enough (const struct rollout_evidence *evidence, unsigned significance);

#endif
