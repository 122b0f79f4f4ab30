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

static void prepare (struct story *story)
{
    static char application[] = "noded";
    *story = (struct story){.spec = {.application = application, .waves = story->waves}};
    story->spec.release.bytes[0] = 7;
    for (unsigned i = 0; i < NODES; i++) {
        (void) snprintf (story->ids[i], sizeof story->ids[i], "node-%02u", i);
        story->facts[i] = (struct rollout_fact){
            .id = story->ids[i], .size = 100, .online = true, .fits = true, .neighbours = i % 2 ? "a" : "b"};
    }
}

static void make (struct story *story)
{
    struct base_error error = {.code = 0};
    cr_assert_eq (rollout_plan_make (&story->spec, story->facts, NODES, 1000, &story->plan, &error), 0, "%s",
                  error.text);
}

static struct base_digest hash (struct story *story)
{
    make (story);
    struct base_digest digest = story->plan.hash;
    rollout_plan_deinit (&story->plan);
    return digest;
}

Test (plan, without_waves_one_node_then_a_tenth_then_all_others)
{
    struct story story;
    prepare (&story);
    make (&story);
    cr_expect_eq (story.plan.spec.n_waves, 3);
    cr_expect_eq (story.plan.sizes[0], 1);
    cr_expect_eq (story.plan.sizes[1], 4);
    cr_expect_eq (story.plan.sizes[2], 35);
    cr_expect_eq (story.plan.bytes, 4000);
    cr_expect_eq (story.plan.expected_ms, 3000);
    cr_expect_eq (story.plan.n_neighbours, 2);
    struct rollout rollout;
    cr_expect_eq (rollout_init (&rollout, &story.plan.spec, story.plan.candidates, story.plan.n_candidates,
                                story.plan.n_neighbours, 1),
                  0);
    rollout_deinit (&rollout);
    rollout_plan_deinit (&story.plan);
}

Test (plan, waves_that_reach_too_far_are_cut_and_who_is_left_gets_one)
{
    struct story story;
    prepare (&story);
    story.spec.n_waves = 2;
    story.waves[0] = (struct wire_wave){.count = 2};
    story.waves[1] = (struct wire_wave){.percent = 50};
    make (&story);
    cr_expect_eq (story.plan.spec.n_waves, 3);
    cr_expect_eq (story.plan.sizes[2], 18);
    rollout_plan_deinit (&story.plan);
    story.waves[0] = (struct wire_wave){.count = 39};
    make (&story);
    cr_expect_eq (story.plan.spec.n_waves, 2);
    cr_expect_eq (story.plan.sizes[1], 1);
    rollout_plan_deinit (&story.plan);
    story.waves[0] = (struct wire_wave){.count = 1000};
    make (&story);
    cr_expect_eq (story.plan.spec.n_waves, 1);
    cr_expect_eq (story.plan.sizes[0], 40);
    rollout_plan_deinit (&story.plan);
}

Test (plan, names_who_is_left_out_and_why)
{
    struct story story;
    prepare (&story);
    story.facts[5].online = false;
    story.facts[4].held = true;
    story.facts[3].quarantined = true;
    story.facts[2].fits = false;
    story.facts[1].busy = true;
    story.facts[0].running = story.spec.release;
    make (&story);
    static const enum rollout_exclusion expected[] = {ROLLOUT_EXCLUDED_RUNS,     ROLLOUT_EXCLUDED_BUSY,
                                                      ROLLOUT_EXCLUDED_FITS_NOT, ROLLOUT_EXCLUDED_QUARANTINED,
                                                      ROLLOUT_EXCLUDED_HELD,     ROLLOUT_EXCLUDED_OFFLINE};
    cr_assert_eq (story.plan.n_left_out, 6);
    cr_expect_eq (story.plan.n_candidates, 34);
    for (uint32_t i = 0; i < 6; i++) {
        cr_expect_eq (story.plan.left_out[i].fact, i);
        cr_expect_eq (story.plan.left_out[i].why, expected[i]);
        cr_expect_str_not_empty (rollout_exclusion_text (expected[i]));
    }
    rollout_plan_deinit (&story.plan);
}

Test (plan, nobody_to_update_is_no_error)
{
    struct story story;
    prepare (&story);
    for (unsigned i = 0; i < NODES; i++)
        story.facts[i].online = false;
    make (&story);
    cr_expect_eq (story.plan.n_candidates, 0);
    cr_expect_eq (story.plan.spec.n_waves, 0);
    rollout_plan_deinit (&story.plan);
}

Test (plan, another_release_begins_with_other_nodes)
{
    struct story story;
    unsigned firsts[NODES] = {0}, different = 0;
    prepare (&story);
    for (unsigned i = 0; i < 20; i++) {
        story.spec.release.bytes[1] = (uint8_t) i;
        make (&story);
        different += firsts[story.plan.facts[0]]++ == 0;
        rollout_plan_deinit (&story.plan);
    }
    cr_expect_geq (different, 10);
}

Test (plan, the_hash_is_that_of_what_would_be_done)
{
    struct story story;
    prepare (&story);
    struct base_digest first = hash (&story), again = hash (&story);
    cr_expect (base_digest_equal (&first, &again));
    struct rollout_fact swap = story.facts[3]; /* another order is the same plan */
    story.facts[3] = story.facts[9];
    story.facts[9] = swap;
    again = hash (&story);
    cr_expect (base_digest_equal (&first, &again));

    story.facts[7].held = true;
    again = hash (&story);
    cr_expect_not (base_digest_equal (&first, &again), "a node is left out");
    story.facts[7].held = false;
    story.facts[7].running.bytes[3] = 1;
    again = hash (&story);
    cr_expect_not (base_digest_equal (&first, &again), "a node runs something else");
    story.facts[7].running.bytes[3] = 0;
    story.spec.wave_budget = 1;
    again = hash (&story);
    cr_expect_not (base_digest_equal (&first, &again), "another budget");
}

Test (plan, waves_without_room_for_one_that_takes_the_rest_are_refused_with_what_to_do)
{
    struct story story;
    struct wire_wave waves[ROLLOUT_WAVES];
    struct base_error error = {.code = 0};
    prepare (&story);
    for (size_t i = 0; i < ROLLOUT_WAVES; i++)
        waves[i] = (struct wire_wave){.count = 1};
    story.spec.waves = waves;
    story.spec.n_waves = ROLLOUT_WAVES;
    cr_expect_eq (rollout_plan_make (&story.spec, story.facts, NODES, 1000, &story.plan, &error), -EINVAL);
    cr_expect (strstr (error.text, "32 waves take 32 of 40 nodes"), "%s", error.text);
    waves[ROLLOUT_WAVES - 1].count = 0;
    make (&story);
    cr_expect_eq (story.plan.sizes[ROLLOUT_WAVES - 1], 9);
    rollout_plan_deinit (&story.plan);
}
