/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/state.c - the state of a rollout, for people */

#include "deploy/state.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "deploy/rollout.h"
#include "rollout/window.h"
#include "wire/text.h"

enum { CAUSES_MOST = 16, CAUSE_NODES = 8, LIKENESS = 160 };

static int text_set (const char **field, char *text)
{
    wire_text_give (field, text);
    return text ? 0 : -ENOMEM;
}

static char *time_now (void)
{
    char text[BASE_TIME_TEXT];

    return strdup (base_time_format (base_time_real_ns (), text));
}

/*  What a rollout waits for. */

/*  Writes the time at which a span from now ends, by the current wall clock, for people. */
static const char *span_text (uint64_t span_ms, char text[BASE_TIME_TEXT])
{
    return base_time_format (base_time_real_ns () + span_ms * 1000000, text);
}

/*  Writes a time of the clock of rollouts, for people. */
static const char *clock_text (uint64_t at_ms, uint64_t now_ms, char text[BASE_TIME_TEXT])
{
    return span_text (at_ms > now_ms ? at_ms - now_ms : 0, text);
}

/*  Describes how many nodes of a wave are under way, and how many of them wait until their host is fit. */
static char *waits_under_way (const struct deploy_rollout *rollout, const struct rollout_wave *wave)
{
    uint32_t unfit = 0, first = 0;

    for (uint32_t i = wave->first; i < wave->first + wave->count; i++)
        if (rollout->machine.members[i].unfit && unfit++ == 0)
            first = i;
    if (unfit == 0)
        return wire_reason ("%u node%s of wave %u under way", wave->under_way,
                            wave->under_way == 1 ? "" : "s", rollout->machine.wave + 1);
    return wire_reason ("%u node%s of wave %u under way, %u on unfit hosts (%s: %s)", wave->under_way,
                        wave->under_way == 1 ? "" : "s", rollout->machine.wave + 1, unfit,
                        rollout->members[first].id,
                        rollout->members[first].reason ? rollout->members[first].reason : "?");
}

static char *waits_updating (const struct deploy_rollout *rollout, uint64_t now_ms)
{
    base_assert (rollout->machine.wave < rollout->machine.n_waves);
    const struct rollout *machine = &rollout->machine;
    const struct rollout_wave *wave = &machine->waves[machine->wave];
    uint64_t closed_ms = rollout_window_opens_ms (machine->spec.window, base_time_real_ns () / 1000000),
             next_ms = UINT64_MAX;
    char text[BASE_TIME_TEXT];

    if (closed_ms && !machine->paused)
        return wire_reason ("its window, which opens at %s", span_text (closed_ms, text));
    if (wave->under_way > 0)
        return waits_under_way (rollout, wave);
    for (uint32_t i = wave->first; i < wave->first + wave->count; i++)
        if (machine->members[i].state == WIRE_MEMBER_WAITING && machine->members[i].online &&
            machine->members[i].start_ms < next_ms)
            next_ms = machine->members[i].start_ms;
    if (next_ms != UINT64_MAX)
        return wire_reason ("the start of the next node of wave %u at %s", machine->wave + 1,
                            clock_text (next_ms + machine->stopped_ms, now_ms, text));
    return NULL;
}

/*  Returns what the rollout waits for; NULL: nothing, or memory is exhausted. */
static char *waits_text (const struct deploy_rollout *rollout, uint64_t now_ms)
{
    const struct rollout *machine = &rollout->machine;
    char text[BASE_TIME_TEXT];

    if (machine->paused && (machine->phase == WIRE_PHASE_UPDATING || machine->phase == WIRE_PHASE_SOAKING ||
                            machine->phase == WIRE_PHASE_QUEUED))
        return wire_reason ("a resume: nodectl rollout resume %s", rollout->state.id);
    switch (machine->phase) {
    case WIRE_PHASE_QUEUED:
        return rollout->blocked ? wire_reason ("%s", rollout->blocked) : NULL;
    case WIRE_PHASE_APPROVAL:
        return wire_reason ("approval of wave %u: nodectl rollout approve %s", machine->wave + 1,
                            rollout->state.id);
    case WIRE_PHASE_UPDATING:
        return waits_updating (rollout, now_ms);
    case WIRE_PHASE_SOAKING:
        if (machine->under_way > 0)
            return wire_reason ("%u node%s under way", machine->under_way,
                                machine->under_way == 1 ? "" : "s");
        return wire_reason ("the end of the soak of wave %u at %s", machine->wave + 1,
                            clock_text (machine->phase_ms + machine->spec.soak_ms, now_ms, text));
    case WIRE_PHASE_HALTED:
        if (rollout_is_unproven (machine))
            return wire_reason ("a decision: nodectl rollout resume %s retries wave %u, approve skips it; "
                                "or abort or revert",
                                rollout->state.id, machine->wave + 1);
        return wire_reason ("a decision: nodectl rollout resume, abort or revert %s", rollout->state.id);
    case WIRE_PHASE_REVERTING:
        return wire_reason ("%u nodes that are being reverted", machine->under_way);
    default:
        return NULL;
    }
}

/*  Causes of failures. */

/*  Writes a reason without what differs between nodes (numbers, digests, the node's own name), to group
    equal reasons. */
static void reason_normalize (const char *reason, const char *id, char text[LIKENESS])
{
    size_t length = 0, id_length = strlen (id);

    for (const char *at = reason; *at && length + 1 < LIKENESS;) {
        size_t hex = strspn (at, "0123456789abcdef"), digits = strspn (at, "0123456789");
        bool begins = at == reason || !isalnum ((unsigned char) at[-1]);
        if (begins && strncmp (at, id, id_length) == 0 && !isalnum ((unsigned char) at[id_length])) {
            text[length++] = '@';
            at += id_length;
        } else if (digits || hex >= 8) {
            text[length++] = '#';
            at += digits > hex || hex < 8 ? digits : hex;
        } else
            text[length++] = *at++;
    }
    text[length] = '\0';
}

struct kind {
    const char *step;
    char like[LIKENESS];
    uint64_t count;
    uint32_t nodes[CAUSE_NODES];
};

static void kinds_add (const struct deploy_rollout *rollout, uint32_t index, struct kind *kinds,
                       size_t *n_kinds)
{
    base_assert (index < rollout->machine.n_members && *n_kinds <= CAUSES_MOST);
    const struct deploy_member *member = &rollout->members[index];
    const char *step = member->step ? member->step : "";
    char like[LIKENESS];
    struct kind *kind = kinds;

    reason_normalize (member->reason ? member->reason
                                     : wire_member_word (rollout->machine.members[index].state),
                      member->id, like);
    while (kind < kinds + *n_kinds && (strcmp (kind->step, step) != 0 || strcmp (kind->like, like) != 0))
        kind++;
    if (kind == kinds + *n_kinds) {
        if (*n_kinds == CAUSES_MOST)
            return;
        *kind = (struct kind){.step = step};
        memcpy (kind->like, like, sizeof like);
        ++*n_kinds;
    }
    base_assert (kind < kinds + CAUSES_MOST);
    if (kind->count < CAUSE_NODES)
        kind->nodes[kind->count] = index;
    kind->count++;
}

static int kinds_compare (const void *a, const void *b)
{
    const struct kind *left = a, *right = b;

    return left->count < right->count ? 1 : left->count > right->count ? -1 : 0;
}

static const char *member_reason (const struct deploy_rollout *rollout, uint32_t index)
{
    const struct deploy_member *member = &rollout->members[index];

    if (member->reason)
        return member->reason;
    switch (rollout->machine.members[index].state) {
    case WIRE_MEMBER_OVERDUE:
        return "the update did not end within its deadline";
    case WIRE_MEMBER_LOST_CONTACT:
        return "lost contact during the update";
    case WIRE_MEMBER_STUCK:
        return "a revert was ordered and has not ended";
    case WIRE_MEMBER_REVERTED:
        return rollout->machine.members[index].revert_ms
                   ? "the rehearsed revert took too long"
                   : "lost contact or exceeded its deadline, and was reverted as ordered";
    default:
        return "nothing was reported";
    }
}

static int cause_fill (const struct deploy_rollout *rollout, const struct kind *kind,
                       struct wire_cause *cause)
{
    base_assert (kind->count > 0);
    size_t count = kind->count < CAUSE_NODES ? (size_t) kind->count : CAUSE_NODES;
    const char **nodes;

    cause->count = kind->count;
    if (kind->step[0] && !(cause->step = strdup (kind->step)))
        return -ENOMEM;
    cause->reason = strdup (member_reason (rollout, kind->nodes[0]));
    cause->nodes = nodes = calloc (count + 1, sizeof *nodes);
    if (!cause->reason || !nodes)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        nodes[i] = strdup (rollout->members[kind->nodes[i]].id);
        if (!nodes[i])
            return -ENOMEM;
        cause->n_nodes++;
    }
    return 0;
}

static int causes_describe (struct deploy_rollout *rollout)
{
    struct kind kinds[CAUSES_MOST];
    struct wire_rollout_state *state = &rollout->state;
    size_t n_kinds = 0;

    for (size_t i = 0; i < state->n_causes; i++)
        wire_cause_deinit (&state->causes[i]);
    free (state->causes);
    state->causes = NULL;
    state->n_causes = 0;
    for (uint32_t i = 0; i < rollout->machine.n_members; i++) {
        const struct rollout_member *member = &rollout->machine.members[i];
        if (member->state == WIRE_MEMBER_FAILED || member->state == WIRE_MEMBER_OVERDUE ||
            member->state == WIRE_MEMBER_LOST_CONTACT || member->state == WIRE_MEMBER_STUCK ||
            member->charged)
            kinds_add (rollout, i, kinds, &n_kinds);
    }
    if (n_kinds == 0)
        return 0;
    qsort (kinds, n_kinds, sizeof *kinds, kinds_compare);
    state->causes = calloc (n_kinds, sizeof *state->causes);
    if (!state->causes)
        return -ENOMEM;
    for (size_t i = 0; i < n_kinds; i++) {
        state->n_causes++;
        if (cause_fill (rollout, &kinds[i], &state->causes[i]) != 0)
            return -ENOMEM;
    }
    return 0;
}

/*  The whole state. */

static void waves_describe (struct deploy_rollout *rollout)
{
    const struct rollout *machine = &rollout->machine;

    for (uint32_t i = 0; i < rollout->state.n_waves && i < machine->n_waves; i++) {
        const struct rollout_wave *wave = &machine->waves[i];
        struct wire_wave_state *state = &rollout->state.waves[i];
        state->count = wave->count;
        state->under_way = wave->under_way;
        state->updated = wave->confirmed;
        state->failed = wave->charged;
        state->lost_before = wave->lost_before;
        state->approval = machine->spec.waves[i].approval;
        state->reverted = state->forgiven = state->taken = 0;
    }
    for (uint32_t i = 0; i < machine->n_members; i++) {
        base_assert (machine->members[i].wave < rollout->state.n_waves);
        struct wire_wave_state *state = &rollout->state.waves[machine->members[i].wave];
        state->reverted += machine->members[i].state == WIRE_MEMBER_REVERTED;
        state->forgiven += rollout_is_forgiven (&machine->members[i]);
        state->taken += machine->members[i].state == WIRE_MEMBER_TAKEN;
    }
}

static void evidence_describe (struct deploy_rollout *rollout)
{
    const struct rollout_evidence *evidence = &rollout->machine.evidence;
    struct wire_rollout_state *state = &rollout->state;
    double factor = rollout_evidence_factor (evidence);

    if (evidence->samples == 0)
        return;
    state->checks = evidence->updated;
    state->checks_failed = evidence->updated_failed;
    state->other_checks = evidence->others;
    state->other_checks_failed = evidence->others_failed;
    state->factor = factor < 1 ? 1 : factor > 1e15 ? (uint64_t) 1e15 : (uint64_t) factor;
}

int deploy_rollout_describe (struct deploy_rollout *rollout, uint64_t now_ms)
{
    base_assert (rollout && rollout->members);
    const struct rollout *machine = &rollout->machine;
    struct wire_rollout_state *state = &rollout->state;

    state->phase = machine->phase;
    state->paused = machine->paused;
    state->wave = machine->wave + 1;
    state->unproven = machine->phase == WIRE_PHASE_HALTED && rollout_is_unproven (machine);
    state->over = rollout_is_over (machine) && machine->under_way == 0;
    if ((!state->since || rollout->since_ms != machine->phase_ms) &&
        text_set (&state->since, time_now ()) != 0)
        return -ENOMEM;
    rollout->since_ms = machine->phase_ms;
    wire_text_give (&state->reason, machine->reason[0] ? wire_reason ("%s", machine->reason) : NULL);
    state->gate = machine->gate;
    wire_text_give (&state->waiting_for, waits_text (rollout, now_ms));
    waves_describe (rollout);
    evidence_describe (rollout);
    return causes_describe (rollout);
}
