/* SPDX-License-Identifier: MPL-2.0 */
/*  rollout/plan.c - what a rollout would do, before it does it */

#include "rollout/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"

/*  A node that can be updated. Nodes are updated in the order of their ranks. A rank is a digest that
    includes the release: so each release begins with other canaries. */
struct ranked {
    struct base_digest rank;
    const char *id, *failure_domain;
    uint32_t fact;
};

const char *rollout_exclusion_text (enum rollout_exclusion exclusion)
{
    base_assert ((unsigned) exclusion < ROLLOUT_EXCLUSIONS);
    static const char *const texts[ROLLOUT_EXCLUSIONS] = {
        [ROLLOUT_EXCLUDED_NONE] = "",
        [ROLLOUT_EXCLUDED_RUNS] = "runs the release already",
        [ROLLOUT_EXCLUDED_NO_APPLICATION] = "has no such application",
        [ROLLOUT_EXCLUDED_NO_PLATFORM] = "the release has no envelope for its platform",
        [ROLLOUT_EXCLUDED_BUSY] = "it is in another rollout of the application",
        [ROLLOUT_EXCLUDED_HELD] = "held: end the hold with nodectl unhold first",
        [ROLLOUT_EXCLUDED_QUARANTINED] =
            "the release failed on it before: clear it with nodectl quarantine clear first",
        [ROLLOUT_EXCLUDED_OFFLINE] = "offline",
    };
    return texts[exclusion];
}

static enum rollout_exclusion fact_exclusion (const struct wire_rollout *spec,
                                              const struct rollout_fact *fact)
{
    return base_digest_equal (&fact->running, &spec->release) ? ROLLOUT_EXCLUDED_RUNS
           : fact->lacks                                      ? ROLLOUT_EXCLUDED_NO_APPLICATION
           : !fact->fits                                      ? ROLLOUT_EXCLUDED_NO_PLATFORM
           : fact->busy                                       ? ROLLOUT_EXCLUDED_BUSY
           : fact->held                                       ? ROLLOUT_EXCLUDED_HELD
           : fact->quarantined                                ? ROLLOUT_EXCLUDED_QUARANTINED
           : !fact->online                                    ? ROLLOUT_EXCLUDED_OFFLINE
                                                              : ROLLOUT_EXCLUDED_NONE;
}

static struct base_digest fact_rank (const struct wire_rollout *spec, const char *id)
{
    struct base_hash hash;
    base_hash_init (&hash);
    base_hash_update (&hash, spec->release.bytes, sizeof spec->release.bytes);
    base_hash_update (&hash, id, strlen (id));
    return base_hash_final (&hash);
}

static int ranks_compare (const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    int order = memcmp (left->rank.bytes, right->rank.bytes, sizeof left->rank.bytes);
    return order ? order : strcmp (left->id, right->id);
}

static int failure_domain_compare (const void *a, const void *b)
{
    const struct ranked *left = *(const struct ranked *const *) a, *right = *(const struct ranked *const *) b;
    return strcmp (left->failure_domain ? left->failure_domain : "",
                   right->failure_domain ? right->failure_domain : "");
}

/*  Numbers the values of the failure domain's label from 0 on. */
static int failure_domains_number (struct rollout_plan *plan, const struct ranked *ranked)
{
    base_cleanup (base_free_p) const struct ranked **sorted = calloc (plan->n_candidates + 1, sizeof *sorted);
    if (!sorted)
        return -ENOMEM;
    for (uint32_t i = 0; i < plan->n_candidates; i++)
        sorted[i] = &ranked[i];
    if (plan->n_candidates)
        qsort (sorted, plan->n_candidates, sizeof *sorted, failure_domain_compare);
    for (uint32_t i = 0; i < plan->n_candidates; i++) {
        if (i > 0 && failure_domain_compare (&sorted[i - 1], &sorted[i]) != 0)
            plan->n_failure_domains++;
        plan->candidates[sorted[i] - ranked].failure_domain = plan->n_failure_domains;
    }
    plan->n_failure_domains++;
    return 0;
}

static int waves_set_default (struct wire_rollout *spec)
{
    static const struct wire_wave waves[] = {{.count = 1}, {.percent = 10}, {.count = 0}};
    if (spec->n_waves)
        return 0;
    spec->waves = calloc (sizeof waves / sizeof *waves, sizeof *spec->waves);
    if (!spec->waves)
        return -ENOMEM;
    memcpy (spec->waves, waves, sizeof waves);
    spec->n_waves = sizeof waves / sizeof *waves;
    return 0;
}

/*  Appends a wave for the nodes that are left over. */
static int waves_add_last (struct wire_rollout *spec)
{
    struct wire_wave *waves = realloc (spec->waves, (spec->n_waves + 1) * sizeof *waves);
    if (!waves)
        return -ENOMEM;
    waves[spec->n_waves] = (struct wire_wave){.count = 0};
    spec->waves = waves;
    spec->n_waves++;
    return 0;
}

/*  Assigns the candidates to waves; empty waves are removed. */
static int waves_lay (struct rollout_plan *plan, struct base_error *error)
{
    struct wire_rollout *spec = &plan->spec;
    uint32_t left = plan->n_candidates, kept = 0;
    int r = waves_set_default (spec);
    if (r < 0)
        return base_error_errno (error, r, "cannot plan the rollout");
    for (size_t i = 0; i < spec->n_waves && left; i++) {
        const struct wire_wave *wave = &spec->waves[i];
        uint64_t size = wave->count     ? wave->count
                        : wave->percent ? ((uint64_t) plan->n_candidates * wave->percent + 99) / 100
                                        : left;
        uint32_t taken = size < left ? (uint32_t) size : left;
        left -= taken;
        plan->sizes[kept] = taken;
        spec->waves[kept++] = *wave;
    }
    spec->n_waves = kept;
    if (left && kept == ROLLOUT_WAVES)
        return base_error_set (error, -EINVAL,
                               "the %u waves cover %u of %u nodes, and no further wave is possible: make the "
                               "last one 'rest'",
                               kept, plan->n_candidates - left, plan->n_candidates);
    if (left) {
        plan->sizes[kept++] = left;
        r = waves_add_last (spec);
        if (r < 0)
            return base_error_errno (error, r, "cannot plan the rollout");
    }
    uint32_t member = 0;
    for (uint32_t i = 0; i < kept; i++)
        for (uint32_t n = 0; n < plan->sizes[i]; n++)
            plan->candidates[member++].wave = i;
    return 0;
}

static void plan_foresee (struct rollout_plan *plan, const struct rollout_fact *facts, uint64_t typical_ms)
{
    const struct wire_rollout *spec = &plan->spec;
    for (uint32_t i = 0; i < plan->n_candidates; i++)
        plan->bytes += facts[plan->facts[i]].size;
    for (size_t i = 0; i < spec->n_waves; i++) {
        uint64_t size = plan->sizes[i], at_once = spec->concurrency ? spec->concurrency : size;
        uint64_t rounds = (size + at_once - 1) / at_once;
        uint64_t started_ms = rounds * typical_ms;
        if (i == 0 && spec->rehearse_revert)
            started_ms *= 2;
        plan->expected_ms +=
            (started_ms > spec->stagger_ms ? started_ms : spec->stagger_ms + typical_ms) + spec->soak_ms;
    }
}

static void hash_text (struct base_hash *hash, const char *text)
{
    base_hash_update (hash, text, strlen (text) + 1);
}

static void hash_number (struct base_hash *hash, uint64_t number)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t) (number >> (56 - 8 * i));
    base_hash_update (hash, bytes, sizeof bytes);
}

static int plan_hash (struct rollout_plan *plan, const struct rollout_fact *facts)
{
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {0};
    struct base_hash hash;
    int r = wire_pack (&wire_rollout_record, &plan->spec, &packed, NULL);
    if (r)
        return r < 0 ? r : -EINVAL;
    base_hash_init (&hash);
    base_hash_update (&hash, packed.data, packed.size);
    for (uint32_t i = 0; i < plan->n_candidates; i++) {
        const struct rollout_fact *fact = &facts[plan->facts[i]];
        hash_number (&hash, plan->candidates[i].wave);
        hash_text (&hash, fact->id);
        base_hash_update (&hash, fact->running.bytes, sizeof fact->running.bytes);
    }
    for (uint32_t i = 0; i < plan->n_skipped; i++) {
        hash_number (&hash, plan->skipped[i].why);
        hash_text (&hash, facts[plan->skipped[i].fact].id);
    }
    plan->hash = base_hash_final (&hash);
    return 0;
}

/*  Puts the skipped nodes in one order, too. */
static int ids_compare (const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    return strcmp (left->id, right->id);
}

static int plan_divide (struct rollout_plan *plan, const struct rollout_fact *facts, uint32_t n_facts)
{
    base_cleanup (base_free_p) struct ranked *ranked = calloc (n_facts + 1, sizeof *ranked);
    base_cleanup (base_free_p) struct ranked *others = calloc (n_facts + 1, sizeof *others);
    plan->candidates = calloc (n_facts + 1, sizeof *plan->candidates);
    plan->facts = calloc (n_facts + 1, sizeof *plan->facts);
    plan->skipped = calloc (n_facts + 1, sizeof *plan->skipped);
    if (!ranked || !others || !plan->candidates || !plan->facts || !plan->skipped)
        return -ENOMEM;
    for (uint32_t i = 0; i < n_facts; i++) {
        struct ranked entry = {.id = facts[i].id, .failure_domain = facts[i].failure_domain, .fact = i};
        if (fact_exclusion (&plan->spec, &facts[i]))
            others[plan->n_skipped++] = entry;
        else {
            entry.rank = fact_rank (&plan->spec, facts[i].id);
            ranked[plan->n_candidates++] = entry;
        }
    }
    if (plan->n_candidates)
        qsort (ranked, plan->n_candidates, sizeof *ranked, ranks_compare);
    if (plan->n_skipped)
        qsort (others, plan->n_skipped, sizeof *others, ids_compare);
    for (uint32_t i = 0; i < plan->n_candidates; i++) {
        plan->facts[i] = ranked[i].fact;
        plan->candidates[i].online = true;
    }
    for (uint32_t i = 0; i < plan->n_skipped; i++)
        plan->skipped[i] = (struct rollout_skipped){
            .fact = others[i].fact, .why = fact_exclusion (&plan->spec, &facts[others[i].fact])};
    return failure_domains_number (plan, ranked);
}

int rollout_plan_make (const struct wire_rollout *spec, const struct rollout_fact *facts, uint32_t n_facts,
                       uint64_t typical_ms, struct rollout_plan *ret_plan, struct base_error *error)
{
    base_assert (spec);
    base_assert (facts || n_facts == 0);
    base_assert (ret_plan);
    base_cleanup (rollout_plan_deinit) struct rollout_plan plan = {.n_candidates = 0};
    int r = spec->n_waves > ROLLOUT_WAVES ? -EINVAL : wire_copy (&wire_rollout_record, spec, &plan.spec);
    if (r < 0)
        return base_error_errno (error, r, "cannot plan the rollout");
    rollout_set_defaults (&plan.spec);
    r = plan_divide (&plan, facts, n_facts);
    if (r < 0)
        return base_error_errno (error, r, "cannot plan the rollout");
    r = waves_lay (&plan, error);
    if (r < 0)
        return r;
    plan_foresee (&plan, facts, typical_ms);
    r = plan_hash (&plan, facts);
    if (r < 0)
        return base_error_errno (error, r, "cannot compute the hash of the plan");
    *ret_plan = plan;
    plan = (struct rollout_plan){.n_candidates = 0};
    return 0;
}

void rollout_plan_deinit (struct rollout_plan *plan)
{
    base_assert (plan);
    wire_deinit (&wire_rollout_record, &plan->spec);
    free (plan->candidates);
    free (plan->facts);
    free (plan->skipped);
    *plan = (struct rollout_plan){.n_candidates = 0};
}
