/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rollout/evidence.c - how often the comparison halts a good release, and how soon a bad one

    The random numbers come from fixed seeds, so that the results are always the same. */

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "rollout/evidence.h"

static uint64_t state;

static double random_draw (void)
{
    state += UINT64_C (0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = state;
    z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
    return (double) ((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

static uint32_t failed_draw (uint32_t all, double rate)
{
    uint32_t failed = 0;
    for (uint32_t i = 0; i < all; i++)
        failed += random_draw () < rate;
    return failed;
}

enum { FLEET = 200, ROUNDS = 120, GOOD = 10000, FAILING = 1000 };

/*  Updates a fleet step by step, with one comparison a minute. Returns the round in which the rollout is
    halted; ROUNDS: it is not halted. */
static unsigned fleet_rollout (double rate, double rate_updated, unsigned significance)
{
    struct rollout_evidence evidence = {.samples = 0};
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t updated = 5 + i < FLEET - 5 ? 5 + i : FLEET - 5;
        struct rollout_sample sample = {.updated = updated, .others = FLEET - updated};
        sample.updated_failed = failed_draw (sample.updated, rate_updated);
        sample.others_failed = failed_draw (sample.others, rate);
        rollout_evidence_add (&evidence, &sample);
        if (rollout_evidence_is_enough (&evidence, significance))
            return i;
    }
    return ROUNDS;
}

Test (evidence, good_releases_are_halted_no_more_often_than_allowed)
{
    static const double rates[] = {0.0005, 0.005, 0.05};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        unsigned halted = 0;
        state = 1 + i;
        for (unsigned n = 0; n < GOOD; n++)
            halted += fleet_rollout (rates[i], rates[i], 10) < ROUNDS;
        printf ("rate %g a round: %u of %u good rollouts were halted\n", rates[i], halted, GOOD);
        cr_expect_leq (halted, GOOD / 100, "%u of %u", halted, GOOD);
    }
}

Test (evidence, bad_releases_are_halted_soon)
{
    /* five nodes are updated at first; rounds: the highest average number of rounds until the halt */
    static const struct {
        double updated;
        unsigned samples;
    } cases[] = {{0.9, 1}, {0.3, 3}, {0.1, 6}, {0.05, 12}, {0.02, 40}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned sum = 0, missed = 0;
        state = 100 + i;
        for (unsigned n = 0; n < FAILING; n++) {
            unsigned sample = fleet_rollout (0.002, cases[i].updated, 10);
            missed += sample == ROUNDS;
            sum += sample;
        }
        printf ("updated nodes bad at %g a round: halted after %.1f rounds, %u of %u missed\n",
                cases[i].updated, (double) sum / FAILING + 1, missed, FAILING);
        cr_expect_leq (sum, cases[i].samples * FAILING);
        cr_expect_leq (missed, FAILING / 100);
    }
}

Test (evidence, without_both_kinds_of_nodes_there_is_no_evidence)
{
    struct rollout_evidence evidence = {.samples = 0};
    rollout_evidence_add (&evidence, &(struct rollout_sample){.updated = 100, .updated_failed = 100});
    rollout_evidence_add (&evidence, &(struct rollout_sample){.others = 100, .others_failed = 1});
    rollout_evidence_add (&evidence,
                          &(struct rollout_sample){.updated = 1, .updated_failed = 2, .others = 1});
    cr_expect_eq (evidence.samples, 0);
    cr_expect_float_eq (rollout_evidence_factor (&evidence), 1, 1e-12);
    cr_expect_not (rollout_evidence_is_enough (&evidence, 0), "0 disables the halt");
}

Test (evidence, the_factor_stays_finite)
{
    struct rollout_evidence evidence = {.samples = 0};
    for (unsigned i = 0; i < 1000; i++)
        rollout_evidence_add (
            &evidence,
            &(struct rollout_sample){.updated = 1000000, .updated_failed = 1000000, .others = 1000000});
    cr_expect (isfinite (rollout_evidence_factor (&evidence)));
    cr_expect (rollout_evidence_is_enough (&evidence, 1));
}
