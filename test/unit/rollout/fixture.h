/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rollout/fixture.h - a rollout of eight nodes in two waves, and its events */

#ifndef FIXTURE_H
#define FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "rollout/rollout.h"

#define MINUTE UINT64_C (60000)
#define HOUR (60 * MINUTE)
#define START_MS (UINT64_C (20000) * 24 * HOUR)

enum { NODES = 8, WAVES = 2 };

struct story {
    struct wire_rollout spec;
    struct wire_wave waves[WAVES];
    struct rollout_candidate candidates[NODES];
    struct rollout rollout;
    uint64_t now_ms, wall_off_ms;
    char sent[512]; /* orders to nodes in the last step: "order 0 revert 3 " */
    char text[ROLLOUT_REASON];
};

/*  Two waves of four nodes, budgets of one. Nodes with even and with odd numbers are two failure domains. */
static inline void story_prepare (struct story *story)
{
    static char application[] = "noded";
    *story = (struct story){.now_ms = START_MS};
    story->spec = (struct wire_rollout){.application = application,
                                        .waves = story->waves,
                                        .n_waves = WAVES,
                                        .wave_budget = 1,
                                        .budget = 1,
                                        .soak_ms = 10 * MINUTE,
                                        .wave_deadline_ms = 2 * HOUR};
    for (uint32_t i = 0; i < NODES; i++)
        story->candidates[i] =
            (struct rollout_candidate){.wave = i / 4, .failure_domain = i % 2, .online = true};
}

/*  Lets time pass and carries out all actions. `sent` receives the orders to nodes. */
static inline void story_advance (struct story *story, uint64_t after_ms)
{
    static const char *const words[] = {"", "order", "revert", "cancel", "keep"};
    story->now_ms += after_ms;
    *story->sent = '\0';
    for (;;) {
        struct rollout_action action =
            rollout_next (&story->rollout, story->now_ms, story->now_ms + story->wall_off_ms);
        if (action.kind == ROLLOUT_WAIT)
            return;
        if (action.kind == ROLLOUT_KEEP || action.kind == ROLLOUT_TRANSITION)
            continue;
        size_t length = strlen (story->sent);
        (void) snprintf (story->sent + length, sizeof story->sent - length, "%s %u ", words[action.kind],
                         action.member);
    }
}

static inline void story_begin_with (struct story *story, const struct rollout_candidate *candidates,
                                     uint32_t n)
{
    cr_assert_eq (rollout_init (&story->rollout, &story->spec, candidates, n, WAVES, story->now_ms), 0);
    story_advance (story, 0);
}

static inline void story_begin (struct story *story)
{
    story_begin_with (story, story->candidates, NODES);
}

static inline void story_end_members (struct story *story, uint32_t from, uint32_t until,
                                      enum rollout_result result)
{
    for (uint32_t i = from; i < until; i++)
        rollout_ended (&story->rollout, i, result, story->now_ms);
    story_advance (story, 0);
}

static inline int story_command (struct story *story, enum wire_command asked, uint32_t member)
{
    return rollout_command (&story->rollout, asked, member, story->now_ms, story->text);
}

static inline void story_bring_to (struct story *story, enum wire_phase phase)
{
    story_prepare (story);
    if (phase == WIRE_PHASE_QUEUED) {
        cr_assert_eq (rollout_init_queued (&story->rollout, &story->spec, story->candidates, NODES, WAVES,
                                           story->now_ms),
                      0);
        story_advance (story, 0);
        return;
    }
    story->waves[0].approval = phase == WIRE_PHASE_APPROVAL;
    if (phase == WIRE_PHASE_REVERTING)
        story->spec.on_halt = WIRE_ON_HALT_REVERT;
    story_begin (story);
    if (phase == WIRE_PHASE_APPROVAL || phase == WIRE_PHASE_UPDATING)
        return;
    if (phase == WIRE_PHASE_ABORTED) {
        cr_assert_eq (story_command (story, WIRE_COMMAND_ABORT, 0), 0);
        story_advance (story, 0);
        return;
    }
    if (phase == WIRE_PHASE_HALTED || phase == WIRE_PHASE_REVERTING || phase == WIRE_PHASE_SUPERSEDED) {
        story_end_members (story, 0, 2, ROLLOUT_CONFIRMED);
        story_end_members (story, 2, 4, ROLLOUT_FAILED);
        for (uint32_t i = 0; phase == WIRE_PHASE_SUPERSEDED && i < NODES; i++)
            cr_assert (rollout_take (&story->rollout, i, "r-2", story->now_ms));
        story_advance (story, 0);
        return;
    }
    story_end_members (story, 0, 4, ROLLOUT_CONFIRMED);
    if (phase == WIRE_PHASE_SOAKING)
        return;
    story_advance (story, 10 * MINUTE);
    story_end_members (story, 4, 8, ROLLOUT_CONFIRMED);
    story_advance (story, 10 * MINUTE);
    if (phase == WIRE_PHASE_REVERTED) {
        cr_assert_eq (story_command (story, WIRE_COMMAND_REVERT, 0), 0);
        story_advance (story, 0);
        story_end_members (story, 0, 8, ROLLOUT_REVERTED);
    }
}

/*  The owner was restarted: it has the durable state, and has heard from no node yet. */
static inline void story_restart (struct story *story)
{
    for (uint32_t i = 0; i < NODES; i++) {
        story->rollout.members[i].online = false;
        story->rollout.members[i].lost_ms = story->now_ms;
    }
    cr_assert_eq (rollout_resume (&story->rollout), 0);
}

#endif
