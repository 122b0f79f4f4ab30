/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/evidence.c - whether updated nodes do worse than others, decided as early as possible */

#include "rollout/evidence.h"

#include <math.h>
#include <stddef.h>

#include "base/assert.h"

/*  Assumed differences between the rate of updated nodes and that of the others, one a bet. */
static const double differences[ROLLOUT_BETS] = {0.01, 0.05, 0.2, 0.7};

/*  Assumed knowledge of the others' rate before the first sample: prior_failed failures of prior_all. */
static const double prior_failed = 0.1, prior_all = 20;

/*  The logarithm of the factor by which a group's result is more likely at one rate than at the other. */
static double likelihood_change (uint32_t all, uint32_t failed, double from, double to)
{
    return failed * log (to / from) + (all - failed) * log ((1 - to) / (1 - from));
}

void rollout_evidence_add (struct rollout_evidence *evidence, const struct rollout_sample *sample)
{
    base_assert (evidence);
    base_assert (sample);
    if (sample->updated == 0 || sample->others == 0 || sample->updated_failed > sample->updated ||
        sample->others_failed > sample->others)
        return;
    double rate = ((double) evidence->others_failed + prior_failed) / ((double) evidence->others + prior_all);
    for (size_t i = 0; i < ROLLOUT_BETS; i++) {
        double worse = rate + differences[i] * (1 - rate);
        double equal =
            (sample->updated * worse + sample->others * rate) / (sample->updated + (double) sample->others);
        evidence->logs[i] += likelihood_change (sample->updated, sample->updated_failed, equal, worse) +
                             likelihood_change (sample->others, sample->others_failed, equal, rate);
    }
    evidence->samples++;
    evidence->updated += sample->updated;
    evidence->updated_failed += sample->updated_failed;
    evidence->others += sample->others;
    evidence->others_failed += sample->others_failed;
}

double rollout_evidence_factor (const struct rollout_evidence *evidence)
{
    base_assert (evidence);
    double sum = 0;
    for (size_t i = 0; i < ROLLOUT_BETS; i++)
        sum += exp (evidence->logs[i] < 600 ? evidence->logs[i] : 600); /* stays finite */
    return sum / ROLLOUT_BETS;
}

bool rollout_evidence_is_enough (const struct rollout_evidence *evidence, unsigned significance)
{
    base_assert (evidence);
    return significance > 0 && rollout_evidence_factor (evidence) * significance >= 1000;
}
