/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/evidence.c - whether updated nodes do worse than others, decided as early as possible */

#include "rollout/evidence.h"

#include <math.h>
#include <stddef.h>

#include "base/assert.h"

/*  Assumed differences between the rate of updated nodes and that of the others, one a bet. */
static const double differences[ROLLOUT_BETS] = {0.01, 0.05, 0.2, 0.7};

/*  Assumed knowledge of the others' rate before the first round: prior_bad failures of prior_all. */
static const double prior_bad = 0.1, prior_all = 20;

/*  The logarithm of the factor by which a group's result is more likely at one rate than at the other. */
static double likelihood_change (uint32_t all, uint32_t failed, double from, double to)
{
    return failed * log (to / from) + (all - failed) * log ((1 - to) / (1 - from));
}

void rollout_evidence_add (struct rollout_evidence *evidence, const struct rollout_round *round)
{
    base_assert (evidence);
    base_assert (round);
    if (round->updated == 0 || round->others == 0 || round->updated_bad > round->updated ||
        round->others_bad > round->others)
        return;
    double rate = ((double) evidence->others_bad + prior_bad) / ((double) evidence->others + prior_all);
    for (size_t i = 0; i < ROLLOUT_BETS; i++) {
        double worse = rate + differences[i] * (1 - rate);
        double equal =
            (round->updated * worse + round->others * rate) / (round->updated + (double) round->others);
        evidence->logs[i] += likelihood_change (round->updated, round->updated_bad, equal, worse) +
                             likelihood_change (round->others, round->others_bad, equal, rate);
    }
    evidence->rounds++;
    evidence->updated += round->updated;
    evidence->updated_bad += round->updated_bad;
    evidence->others += round->others;
    evidence->others_bad += round->others_bad;
}

double rollout_evidence_factor (const struct rollout_evidence *evidence)
{
    base_assert (evidence);
    double sum = 0;
    for (size_t i = 0; i < ROLLOUT_BETS; i++)
        sum += exp (evidence->logs[i] < 600 ? evidence->logs[i] : 600); /* stays finite */
    return sum / ROLLOUT_BETS;
}

bool rollout_evidence_is_enough (const struct rollout_evidence *evidence, unsigned false_halt)
{
    base_assert (evidence);
    return false_halt > 0 && rollout_evidence_factor (evidence) * false_halt >= 1000;
}
