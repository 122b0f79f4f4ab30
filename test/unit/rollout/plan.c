/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rollout/plan.c - the plan of a rollout: waves, excluded nodes, hash */

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "rollout/plan.h"

enum { NODES = 40 };

struct story {
    char ids[NODES][16];
    struct rollout_fact facts[NODES];
    struct wire_wave waves[4];
    struct wire_rollout spec;
    struct rollout_plan plan;
};

static void story_prepare (struct story *story)
{
    static char application[] = "noded";
    *story = (struct story){.spec = {.application = application, .waves = story->waves}};
    story->spec.release.bytes[0] = 7;
    for (unsigned i = 0; i < NODES; i++) {
        (void) snprintf (story->ids[i], sizeof story->ids[i], "node-%02u", i);
        story->facts[i] = (struct rollout_fact){.id = story->ids[i],
                                                .size = 100,
                                                .online = true,
                                                .fits = true,
                                                .failure_domain = i % 2 ? "a" : "b"};
    }
}

static void plan_make (struct story *story)
{
    struct base_error error = {.code = 0};
    cr_assert_eq (rollout_plan_make (&story->spec, story->facts, NODES, 1000, &story->plan, &error), 0, "%s",
                  error.text);
}

static struct base_digest plan_hash (struct story *story)
{
    plan_make (story);
    struct base_digest digest = story->plan.hash;
    rollout_plan_deinit (&story->plan);
    return digest;
}

Test (plan, by_default_the_waves_are_one_node_a_tenth_and_all_others)
{
    struct story story;
    story_prepare (&story);
    plan_make (&story);
    cr_expect_eq (story.plan.spec.n_waves, 3);
    cr_expect_eq (story.plan.sizes[0], 1);
    cr_expect_eq (story.plan.sizes[1], 4);
    cr_expect_eq (story.plan.sizes[2], 35);
    cr_expect_eq (story.plan.bytes, 4000);
    cr_expect_eq (story.plan.expected_ms, 3000);
    cr_expect_eq (story.plan.n_failure_domains, 2);
    struct rollout rollout;
    cr_expect_eq (rollout_init (&rollout, &story.plan.spec, story.plan.candidates, story.plan.n_candidates,
                                story.plan.n_failure_domains, 1),
                  0);
    rollout_deinit (&rollout);
    rollout_plan_deinit (&story.plan);
}

Test (plan, waves_are_cut_to_the_nodes_and_remaining_nodes_get_a_wave)
{
    struct story story;
    story_prepare (&story);
    story.spec.n_waves = 2;
    story.waves[0] = (struct wire_wave){.count = 2};
    story.waves[1] = (struct wire_wave){.percent = 50};
    plan_make (&story);
    cr_expect_eq (story.plan.spec.n_waves, 3);
    cr_expect_eq (story.plan.sizes[2], 18);
    rollout_plan_deinit (&story.plan);
    story.waves[0] = (struct wire_wave){.count = 39};
    plan_make (&story);
    cr_expect_eq (story.plan.spec.n_waves, 2);
    cr_expect_eq (story.plan.sizes[1], 1);
    rollout_plan_deinit (&story.plan);
    story.waves[0] = (struct wire_wave){.count = 1000};
    plan_make (&story);
    cr_expect_eq (story.plan.spec.n_waves, 1);
    cr_expect_eq (story.plan.sizes[0], 40);
    rollout_plan_deinit (&story.plan);
}

Test (plan, excluded_nodes_are_listed_with_the_reason)
{
    struct story story;
    story_prepare (&story);
    story.facts[5].online = false;
    story.facts[4].held = true;
    story.facts[3].quarantined = true;
    story.facts[2].fits = false;
    story.facts[1].busy = true;
    story.facts[0].running = story.spec.release;
    plan_make (&story);
    static const enum rollout_exclusion expected[] = {
        ROLLOUT_EXCLUDED_RUNS,        ROLLOUT_EXCLUDED_BUSY, ROLLOUT_EXCLUDED_NO_PLATFORM,
        ROLLOUT_EXCLUDED_QUARANTINED, ROLLOUT_EXCLUDED_HELD, ROLLOUT_EXCLUDED_OFFLINE};
    cr_assert_eq (story.plan.n_skipped, 6);
    cr_expect_eq (story.plan.n_candidates, 34);
    for (uint32_t i = 0; i < 6; i++) {
        cr_expect_eq (story.plan.skipped[i].fact, i);
        cr_expect_eq (story.plan.skipped[i].why, expected[i]);
        cr_expect_str_not_empty (rollout_exclusion_text (expected[i]));
    }
    rollout_plan_deinit (&story.plan);
}

Test (plan, a_plan_without_candidates_is_not_an_error)
{
    struct story story;
    story_prepare (&story);
    for (unsigned i = 0; i < NODES; i++)
        story.facts[i].online = false;
    plan_make (&story);
    cr_expect_eq (story.plan.n_candidates, 0);
    cr_expect_eq (story.plan.spec.n_waves, 0);
    rollout_plan_deinit (&story.plan);
}

Test (plan, another_release_starts_with_other_nodes)
{
    struct story story;
    unsigned firsts[NODES] = {0}, different = 0;
    story_prepare (&story);
    for (unsigned i = 0; i < 20; i++) {
        story.spec.release.bytes[1] = (uint8_t) i;
        plan_make (&story);
        different += firsts[story.plan.facts[0]]++ == 0;
        rollout_plan_deinit (&story.plan);
    }
    cr_expect_geq (different, 10);
}

Test (plan, the_hash_covers_all_that_the_rollout_would_do)
{
    struct story story;
    story_prepare (&story);
    struct base_digest first = plan_hash (&story), again = plan_hash (&story);
    cr_expect (base_digest_equal (&first, &again));
    struct rollout_fact swap = story.facts[3]; /* the order of the facts does not change the plan */
    story.facts[3] = story.facts[9];
    story.facts[9] = swap;
    again = plan_hash (&story);
    cr_expect (base_digest_equal (&first, &again));

    story.facts[7].held = true;
    again = plan_hash (&story);
    cr_expect_not (base_digest_equal (&first, &again), "a node is left out");
    story.facts[7].held = false;
    story.facts[7].running.bytes[3] = 1;
    again = plan_hash (&story);
    cr_expect_not (base_digest_equal (&first, &again), "a node runs another release");
    story.facts[7].running.bytes[3] = 0;
    story.spec.wave_budget = 1;
    again = plan_hash (&story);
    cr_expect_not (base_digest_equal (&first, &again), "another budget");
}

Test (plan, the_highest_number_of_waves_must_take_all_nodes)
{
    struct story story;
    struct wire_wave waves[ROLLOUT_WAVES];
    struct base_error error = {.code = 0};
    story_prepare (&story);
    for (size_t i = 0; i < ROLLOUT_WAVES; i++)
        waves[i] = (struct wire_wave){.count = 1};
    story.spec.waves = waves;
    story.spec.n_waves = ROLLOUT_WAVES;
    cr_expect_eq (rollout_plan_make (&story.spec, story.facts, NODES, 1000, &story.plan, &error), -EINVAL);
    cr_expect (strstr (error.text, "32 waves cover 32 of 40 nodes"), "%s", error.text);
    waves[ROLLOUT_WAVES - 1].count = 0;
    plan_make (&story);
    cr_expect_eq (story.plan.sizes[ROLLOUT_WAVES - 1], 9);
    rollout_plan_deinit (&story.plan);
}
