#include "rollout/machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "rollout/window.h"

/*  states and counts */

static struct rollout_wave *wave_of (struct rollout *rollout, const struct rollout_member *member)
{
    return &rollout->waves[member->wave];
}

static bool is_under_way (enum wire_member state)
{
    return state == WIRE_MEMBER_ORDERED || state == WIRE_MEMBER_BACKING;
}

/*  Whether its silence says something about the others. */
static bool is_other (const struct rollout_member *member)
{
    return member->state == WIRE_MEMBER_WAITING || member->state == WIRE_MEMBER_LEFT;
}

void rollout_member_count (struct rollout *rollout, const struct rollout_member *member, bool in)
{
    struct rollout_wave *wave = wave_of (rollout, member);
    struct rollout_neighbours *neighbours = &rollout->neighbours[member->neighbours];
    uint32_t one = in ? 1 : UINT32_MAX; /* minus one */
    wave->under_way += is_under_way (member->state) ? one : 0;
    rollout->under_way += is_under_way (member->state) ? one : 0;
    wave->confirmed += member->confirmed ? one : 0;
    wave->charged += member->charged && !member->was_bad ? one : 0;
    wave->already_bad += member->was_bad ? one : 0;
    rollout->charged += member->charged || member->was_bad ? one : 0;
    neighbours->others += is_other (member) ? one : 0;
    neighbours->others_dark += is_other (member) && !member->online ? one : 0;
}

void rollout_member_pend (struct rollout *rollout, uint32_t index, enum rollout_kind kind)
{
    struct rollout_member *member = &rollout->members[index];
    bool listed = member->pending != ROLLOUT_WAIT;
    member->kept = false;
    if (listed && kind == ROLLOUT_KEEP)
        return; /* what is to be told keeps it as well */
    member->pending = kind;
    if (listed)
        return;
    member->pending_next = ROLLOUT_NOBODY;
    if (rollout->pending_first == ROLLOUT_NOBODY)
        rollout->pending_first = index;
    else
        rollout->members[rollout->pending_last].pending_next = index;
    rollout->pending_last = index;
}

static void look_by (struct rollout *rollout, uint64_t at_ms)
{
    if (at_ms < rollout->look_ms)
        rollout->look_ms = at_ms;
}

static uint64_t node_deadline (const struct rollout *rollout)
{
    return rollout->spec.node_deadline_ms;
}

static void enter (struct rollout *rollout, uint32_t index, enum wire_member state, enum rollout_kind kind,
                   uint64_t now_ms)
{
    struct rollout_member *member = &rollout->members[index];
    rollout_member_count (rollout, member, false);
    member->state = state;
    member->since_ms = now_ms;
    member->confirmed = state == WIRE_MEMBER_UPDATED ||
                        (member->confirmed && (state == WIRE_MEMBER_DARK || state == WIRE_MEMBER_BACKING ||
                                               state == WIRE_MEMBER_STUCK));
    rollout_member_count (rollout, member, true);
    if (is_under_way (state))
        look_by (rollout, now_ms + node_deadline (rollout));
    rollout_member_pend (rollout, index, kind);
}

static void charge (struct rollout *rollout, uint32_t index, bool charged)
{
    struct rollout_member *member = &rollout->members[index];
    rollout_member_count (rollout, member, false);
    member->charged = charged;
    rollout_member_count (rollout, member, true);
    rollout_member_pend (rollout, index, ROLLOUT_KEEP);
}

/*  phases */

static void go_to (struct rollout *rollout, enum wire_phase phase, uint64_t now_ms)
{
    rollout->phase = phase;
    rollout->phase_ms = now_ms;
    rollout->changed = true;
}

__attribute__ ((format (printf, 2, 3))) static void because (struct rollout *rollout, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (rollout->reason, sizeof rollout->reason, format, arguments);
    va_end (arguments);
}

/*  What is under way is ended where it has not switched yet; with back, what was updated goes back, and so does
    who may have been updated where nobody could see it: the order waits for him. */
static void stop_everybody (struct rollout *rollout, bool back, uint64_t now_ms)
{
    for (uint32_t i = 0; i < rollout->n_members; i++) {
        struct rollout_member *member = &rollout->members[i];
        bool unseen = member->state == WIRE_MEMBER_DARK || member->state == WIRE_MEMBER_OVERDUE;
        if (back && (unseen || member->state == WIRE_MEMBER_UPDATED))
            enter (rollout, i, WIRE_MEMBER_BACKING, ROLLOUT_BACK, now_ms);
        else if (member->state == WIRE_MEMBER_ORDERED ||
                 (member->state == WIRE_MEMBER_DARK && !member->confirmed))
            rollout_member_pend (rollout, i, ROLLOUT_CANCEL);
    }
}

static void finish_reverting (struct rollout *rollout, uint64_t now_ms)
{
    if (rollout->phase == WIRE_PHASE_REVERTING && rollout->under_way == 0)
        go_to (rollout, WIRE_PHASE_REVERTED, now_ms);
}

/*  Who has not been begun with when the rollout ends, or with it its wave, never is. */
static void leave_waiting (struct rollout *rollout, uint32_t first, uint32_t count, uint64_t now_ms)
{
    for (uint32_t i = first; i < first + count; i++)
        if (rollout->members[i].state == WIRE_MEMBER_WAITING)
            enter (rollout, i, WIRE_MEMBER_LEFT, ROLLOUT_KEEP, now_ms);
}

static void revert (struct rollout *rollout, uint64_t now_ms)
{
    go_to (rollout, WIRE_PHASE_REVERTING, now_ms);
    leave_waiting (rollout, 0, rollout->n_members, now_ms);
    stop_everybody (rollout, true, now_ms);
    finish_reverting (rollout, now_ms);
}

static bool runs (const struct rollout *rollout)
{
    return rollout->phase == WIRE_PHASE_APPROVAL || rollout->phase == WIRE_PHASE_UPDATING ||
           rollout->phase == WIRE_PHASE_SOAKING;
}

static void halt (struct rollout *rollout, uint64_t now_ms)
{
    if (rollout->spec.on_halt == WIRE_ON_HALT_REVERT) {
        revert (rollout, now_ms);
        return;
    }
    go_to (rollout, WIRE_PHASE_HALTED, now_ms);
    stop_everybody (rollout, false, now_ms);
}

void rollout_halt (struct rollout *rollout, const char *reason, uint64_t now_ms)
{
    if (!runs (rollout))
        return;
    because (rollout, "%s", reason);
    halt (rollout, now_ms);
}

void rollout_pause (struct rollout *rollout, const char *reason)
{
    if (!runs (rollout) || rollout->paused)
        return;
    because (rollout, "%s", reason);
    rollout->paused = true;
    rollout->changed = true;
}

static void check_budgets (struct rollout *rollout, uint64_t now_ms)
{
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    if (!runs (rollout))
        return;
    if (wave->charged + wave->already_bad > rollout->spec.wave_budget)
        because (rollout, "wave %u: bad nodes: %u of %u, and %u that were bad before; its budget is %llu",
                 rollout->wave + 1, wave->charged, wave->count, wave->already_bad,
                 (unsigned long long) rollout->spec.wave_budget);
    else if (rollout->charged > rollout->spec.budget)
        because (rollout, "bad nodes in all waves: %u; the rollout's budget is %llu", rollout->charged,
                 (unsigned long long) rollout->spec.budget);
    else
        return;
    halt (rollout, now_ms);
}

/*  Whether a silence has lasted long enough to say something: a moment after the owner was started, all are
    silent. */
static bool is_judged (const struct rollout *rollout, const struct rollout_member *member, uint64_t now_ms)
{
    return !member->online && now_ms >= member->dark_ms + rollout->settle_ms;
}

/*  The nodes of a wave are begun with in their order, evenly over the spread. */
static void begin_wave (struct rollout *rollout, uint64_t now_ms)
{
    struct rollout_wave *wave = &rollout->waves[rollout->wave];
    rollout->wave_ms = now_ms;
    rollout->stopped_ms = 0;
    rollout->stop_ms = rollout->paused ? now_ms : 0;
    go_to (rollout, WIRE_PHASE_UPDATING, now_ms);
    for (uint32_t i = 0; i < wave->count; i++) {
        struct rollout_member *member = &rollout->members[wave->first + i];
        rollout_member_count (rollout, member, false);
        member->start_ms = now_ms + rollout->spec.spread_ms * i / wave->count;
        member->was_bad = is_judged (rollout, member, now_ms);
        rollout_member_count (rollout, member, true);
        rollout_member_pend (rollout, wave->first + i, ROLLOUT_KEEP);
    }
    check_budgets (rollout, now_ms);
}

void rollout_wave_begin_or_ask (struct rollout *rollout, uint64_t now_ms)
{
    if (rollout->spec.waves[rollout->wave].approval)
        go_to (rollout, WIRE_PHASE_APPROVAL, now_ms);
    else
        begin_wave (rollout, now_ms);
}

bool rollout_is_unproven (const struct rollout *rollout)
{
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    if (rollout->members[wave->first].start_ms == 0)
        return false;
    for (uint32_t i = wave->first; i < wave->first + wave->count; i++) {
        enum wire_member state = rollout->members[i].state;
        if (state == WIRE_MEMBER_UPDATED || state == WIRE_MEMBER_WAITING || is_under_way (state))
            return false;
    }
    return true;
}

uint32_t rollout_approves (const struct rollout *rollout)
{
    if (rollout->phase == WIRE_PHASE_APPROVAL)
        return rollout->wave;
    bool unproven = rollout->phase == WIRE_PHASE_HALTED && rollout_is_unproven (rollout);
    return unproven ? rollout->wave + 1 : ROLLOUT_NOBODY;
}

/*  Leaves the wave. approved: nobody need be asked about the next one. */
static void end_wave (struct rollout *rollout, bool approved, uint64_t now_ms)
{
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    leave_waiting (rollout, wave->first, wave->count, now_ms);
    if (rollout->wave + 1 == rollout->n_waves) {
        go_to (rollout, WIRE_PHASE_DONE, now_ms);
        return;
    }
    if (!approved && rollout_is_unproven (rollout)) {
        because (rollout, "wave %u: none of its nodes is updated, so that nothing speaks for wave %u",
                 rollout->wave + 1, rollout->wave + 2);
        halt (rollout, now_ms);
        return;
    }
    rollout->wave++;
    if (approved)
        begin_wave (rollout, now_ms);
    else
        rollout_wave_begin_or_ask (rollout, now_ms);
}

/*  events */

/*  The first wave may have to show that it can go back. Returns whether the member has something to do. */
static bool rehearse_revert (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    const struct rollout_member *member = &rollout->members[index];
    if (!rollout->spec.rehearse_revert || member->wave != 0 || member->revert_ms || !runs (rollout))
        return false;
    enter (rollout, index, WIRE_MEMBER_BACKING, ROLLOUT_BACK, now_ms);
    return true;
}

static void on_confirmed (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    struct rollout_member *member = &rollout->members[index];
    if (member->state == WIRE_MEMBER_BACKING || member->state == WIRE_MEMBER_UPDATED ||
        member->state == WIRE_MEMBER_BACK)
        return; /* told before */
    if (member->charged)
        charge (rollout, index, false); /* late, or silent for a while, but there */
    enter (rollout, index, WIRE_MEMBER_UPDATED, ROLLOUT_KEEP, now_ms);
    if (rollout->phase == WIRE_PHASE_REVERTING || rollout->phase == WIRE_PHASE_REVERTED) {
        go_to (rollout, WIRE_PHASE_REVERTING, now_ms);
        enter (rollout, index, WIRE_MEMBER_BACKING, ROLLOUT_BACK, now_ms);
    } else
        (void) rehearse_revert (rollout, index, now_ms);
}

static void on_reverted (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    struct rollout_member *member = &rollout->members[index];
    if (member->state != WIRE_MEMBER_BACKING && member->state != WIRE_MEMBER_STUCK &&
        member->state != WIRE_MEMBER_DARK) {
        if (member->confirmed || member->state == WIRE_MEMBER_ORDERED) { /* somebody else had it go back */
            enter (rollout, index, WIRE_MEMBER_FAILED, ROLLOUT_KEEP, now_ms);
            charge (rollout, index, true);
            check_budgets (rollout, now_ms);
        }
        return;
    }
    uint64_t took_ms = now_ms - member->since_ms;
    bool rehearsed =
        rollout->spec.rehearse_revert && member->wave == 0 && !member->revert_ms && runs (rollout);
    enter (rollout, index, WIRE_MEMBER_BACK, ROLLOUT_KEEP, now_ms);
    if (!rehearsed)
        return;
    member->revert_ms = took_ms ? took_ms : 1;
    if (took_ms <= rollout->spec.revert_limit_ms) {
        enter (rollout, index, WIRE_MEMBER_ORDERED, ROLLOUT_ORDER, now_ms);
        return;
    }
    charge (rollout, index, true);
    because (rollout, "the rehearsed revert of a node took %llu ms; the limit is %llu ms",
             (unsigned long long) took_ms, (unsigned long long) rollout->spec.revert_limit_ms);
    halt (rollout, now_ms);
}

static void on_failed (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    struct rollout_member *member = &rollout->members[index];
    if (member->state == WIRE_MEMBER_BACKING)
        enter (rollout, index, WIRE_MEMBER_STUCK, ROLLOUT_KEEP, now_ms);
    else if (member->state == WIRE_MEMBER_ORDERED || member->state == WIRE_MEMBER_UPDATED ||
             member->state == WIRE_MEMBER_OVERDUE || member->state == WIRE_MEMBER_DARK)
        enter (rollout, index, WIRE_MEMBER_FAILED, ROLLOUT_KEEP, now_ms);
    else
        return;
    charge (rollout, index, true);
    check_budgets (rollout, now_ms);
}

void rollout_ended (struct rollout *rollout, uint32_t index, enum rollout_result result, uint64_t now_ms)
{
    if (index >= rollout->n_members || rollout->members[index].state == WIRE_MEMBER_WAITING)
        return;
    switch (result) {
    case ROLLOUT_CONFIRMED:
        on_confirmed (rollout, index, now_ms);
        break;
    case ROLLOUT_REVERTED:
        on_reverted (rollout, index, now_ms);
        break;
    case ROLLOUT_FAILED:
        on_failed (rollout, index, now_ms);
        break;
    case ROLLOUT_SKIPPED:
        if (rollout->members[index].state == WIRE_MEMBER_ORDERED)
            enter (rollout, index, WIRE_MEMBER_LEFT, ROLLOUT_KEEP, now_ms);
        break;
    }
    finish_reverting (rollout, now_ms);
}

/*  A node that was away when it was its turn has come back in time. */
static void call_again (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    struct rollout_wave *wave = &rollout->waves[rollout->wave];
    if (rollout->members[index].state != WIRE_MEMBER_WAITING || rollout->members[index].wave != rollout->wave)
        return;
    if (index - wave->first < wave->cursor)
        wave->cursor = index - wave->first;
    if (rollout->phase == WIRE_PHASE_SOAKING)
        go_to (rollout, WIRE_PHASE_UPDATING, now_ms);
}

void rollout_heard (struct rollout *rollout, uint32_t index, bool online, uint64_t now_ms)
{
    if (index >= rollout->n_members || rollout->members[index].online == online)
        return;
    struct rollout_member *member = &rollout->members[index];
    rollout_member_count (rollout, member, false);
    member->online = online;
    member->dark_ms = online ? 0 : now_ms;
    rollout_member_count (rollout, member, true);
    if (!online) {
        look_by (rollout, now_ms + rollout->settle_ms);
        return;
    }
    if (member->state == WIRE_MEMBER_DARK) { /* what it says of its version follows */
        charge (rollout, index, false);
        enter (rollout, index, member->confirmed ? WIRE_MEMBER_UPDATED : WIRE_MEMBER_ORDERED, ROLLOUT_KEEP,
               now_ms);
    }
    call_again (rollout, index, now_ms);
}

void rollout_other (struct rollout *rollout, uint32_t neighbours, int all, int dark)
{
    if (neighbours >= rollout->n_neighbours)
        return;
    rollout->neighbours[neighbours].others += (uint32_t) all;
    rollout->neighbours[neighbours].others_dark += (uint32_t) dark;
}

void rollout_compare (struct rollout *rollout, const struct rollout_round *round, uint64_t now_ms)
{
    if (!runs (rollout) || rollout->spec.false_halt == 0)
        return;
    rollout_evidence_add (&rollout->evidence, round);
    if (!rollout_evidence_is_enough (&rollout->evidence, (unsigned) rollout->spec.false_halt))
        return;
    const struct rollout_evidence *evidence = &rollout->evidence;
    because (
        rollout,
        "updated nodes do worse: %llu of %llu looks at them were bad, and %llu of %llu at the others; were "
        "they alike, that would be seen with a chance of one in %.0f",
        (unsigned long long) evidence->updated_bad, (unsigned long long) evidence->updated,
        (unsigned long long) evidence->others_bad, (unsigned long long) evidence->others,
        rollout_evidence_factor (evidence));
    halt (rollout, now_ms);
}

/*  the clock */

static uint64_t stopped_ms (const struct rollout *rollout, uint64_t now_ms)
{
    uint64_t running = rollout->stop_ms && now_ms > rollout->stop_ms ? now_ms - rollout->stop_ms : 0;
    return rollout->stopped_ms + running;
}

static void stop_clock (struct rollout *rollout, bool stop, uint64_t now_ms)
{
    if (stop == (rollout->stop_ms != 0))
        return;
    rollout->stopped_ms = stopped_ms (rollout, now_ms);
    rollout->stop_ms = stop ? now_ms : 0;
    rollout->changed = true;
}

/*  Most of those who lose their broker together with it, and were not updated, are silent too: then it is the
    network, or the broker. */
static bool is_alone (const struct rollout *rollout, const struct rollout_member *member)
{
    const struct rollout_neighbours *neighbours = &rollout->neighbours[member->neighbours];
    return neighbours->others_dark == 0 || 2 * neighbours->others_dark < neighbours->others;
}

static void judge_silence (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    struct rollout_member *member = &rollout->members[index];
    if (!member->dark_ms || (member->state != WIRE_MEMBER_ORDERED && member->state != WIRE_MEMBER_UPDATED))
        return;
    if (now_ms < member->dark_ms + rollout->settle_ms) {
        look_by (rollout, member->dark_ms + rollout->settle_ms);
        return;
    }
    if (!is_alone (rollout, member)) {
        look_by (rollout,
                 now_ms + rollout->settle_ms); /* and again, should the others come back without it */
        return;
    }
    member->dark_ms = 0;
    enter (rollout, index, WIRE_MEMBER_DARK, ROLLOUT_KEEP, now_ms);
    charge (rollout, index, true);
}

static void look_at_deadline (struct rollout *rollout, uint32_t index, uint64_t now_ms)
{
    struct rollout_member *member = &rollout->members[index];
    if (!is_under_way (member->state))
        return;
    if (now_ms < member->since_ms + node_deadline (rollout)) {
        look_by (rollout, member->since_ms + node_deadline (rollout));
        return;
    }
    bool back = member->state == WIRE_MEMBER_BACKING;
    enter (rollout, index, back ? WIRE_MEMBER_STUCK : WIRE_MEMBER_OVERDUE,
           back ? ROLLOUT_KEEP : ROLLOUT_CANCEL, now_ms);
    charge (rollout, index, true);
}

/*  Everybody whose time may be over; seldom, because it goes through all. */
static void look (struct rollout *rollout, uint64_t now_ms)
{
    if (now_ms < rollout->look_ms)
        return;
    rollout->look_ms = UINT64_MAX;
    for (uint32_t i = 0; i < rollout->n_members; i++) {
        judge_silence (rollout, i, now_ms);
        look_at_deadline (rollout, i, now_ms);
    }
    check_budgets (rollout, now_ms);
    finish_reverting (rollout, now_ms);
}

/*  When the wave's time is over; it stands still while nothing may be begun with. */
static uint64_t wave_ends_ms (const struct rollout *rollout, uint64_t now_ms)
{
    if (rollout->phase == WIRE_PHASE_APPROVAL)
        return rollout->paused ? UINT64_MAX : rollout->phase_ms + rollout->spec.wave_deadline_ms;
    if (rollout->stop_ms)
        return UINT64_MAX;
    return rollout->wave_ms + rollout->spec.wave_deadline_ms + stopped_ms (rollout, now_ms);
}

static void end_overdue_wave (struct rollout *rollout, uint64_t now_ms)
{
    if (rollout->phase == WIRE_PHASE_APPROVAL)
        because (rollout, "wave %u: nobody let it begin within its deadline", rollout->wave + 1);
    else
        because (rollout, "wave %u did not end within its deadline", rollout->wave + 1);
    halt (rollout, now_ms);
}

/*  Every node of the wave has ended, but for those that are silent: waits until it is known that they are. */
static void soak_or_wait (struct rollout *rollout, uint64_t now_ms, uint64_t *ret_until_ms)
{
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    uint64_t until_ms = 0;
    for (uint32_t i = wave->first; i < wave->first + wave->count; i++) {
        const struct rollout_member *member = &rollout->members[i];
        if (member->state == WIRE_MEMBER_WAITING && !member->online && !is_judged (rollout, member, now_ms) &&
            member->dark_ms + rollout->settle_ms > until_ms)
            until_ms = member->dark_ms + rollout->settle_ms;
    }
    if (until_ms == 0)
        go_to (rollout, WIRE_PHASE_SOAKING, now_ms);
    else if (until_ms < *ret_until_ms)
        *ret_until_ms = until_ms;
}

/*  Begins with the next node of the wave. Returns false, and until when nothing changes by itself. */
static bool begin_with_next (struct rollout *rollout, uint64_t now_ms, uint64_t *ret_until_ms)
{
    struct rollout_wave *wave = &rollout->waves[rollout->wave];
    for (; wave->cursor < wave->count; wave->cursor++) {
        uint32_t index = wave->first + wave->cursor;
        const struct rollout_member *member = &rollout->members[index];
        if (member->state != WIRE_MEMBER_WAITING || !member->online)
            continue;
        if (rollout->spec.concurrency && wave->under_way >= rollout->spec.concurrency)
            return false;
        uint64_t start_ms = member->start_ms + rollout->stopped_ms;
        if (now_ms < start_ms) {
            *ret_until_ms = start_ms;
            return false;
        }
        wave->cursor++;
        enter (rollout, index, WIRE_MEMBER_ORDERED, ROLLOUT_ORDER, now_ms);
        return true;
    }
    if (wave->under_way == 0)
        soak_or_wait (rollout, now_ms, ret_until_ms);
    return false;
}

/*  Moves on. Returns until when nothing changes by itself; 0: something has changed. */
static uint64_t move (struct rollout *rollout, uint64_t now_ms)
{
    uint64_t until_ms = UINT64_MAX, ends_ms;
    if (!runs (rollout))
        return until_ms;
    uint64_t closed_ms = rollout_window_opens_ms (rollout->spec.window, now_ms);
    if (rollout->phase != WIRE_PHASE_APPROVAL)
        stop_clock (rollout, rollout->paused || (closed_ms && rollout->phase == WIRE_PHASE_UPDATING), now_ms);
    ends_ms = wave_ends_ms (rollout, now_ms);
    if (now_ms >= ends_ms) {
        end_overdue_wave (rollout, now_ms);
        return 0;
    }
    if (rollout->phase == WIRE_PHASE_UPDATING && !rollout->paused && !closed_ms) {
        if (begin_with_next (rollout, now_ms, &until_ms) || rollout->phase == WIRE_PHASE_SOAKING)
            return 0;
        uint64_t closes_ms = rollout_window_closes_ms (rollout->spec.window, now_ms);
        if (closes_ms != UINT64_MAX && now_ms + closes_ms < until_ms)
            until_ms = now_ms + closes_ms;
    } else if (rollout->phase == WIRE_PHASE_UPDATING && !rollout->paused) {
        const struct rollout_wave *wave = &rollout->waves[rollout->wave];
        until_ms = now_ms + closed_ms;
        if (wave->cursor == wave->count && wave->under_way == 0) /* the last one ended after it had closed */
            soak_or_wait (rollout, now_ms, &until_ms);
        if (rollout->phase == WIRE_PHASE_SOAKING)
            return 0;
    } else if (rollout->phase == WIRE_PHASE_SOAKING && !rollout->paused && rollout->under_way == 0) {
        until_ms = rollout->phase_ms + rollout->spec.soak_ms;
        if (now_ms >= until_ms) {
            end_wave (rollout, false, now_ms);
            return 0;
        }
    }
    return ends_ms < until_ms ? ends_ms : until_ms;
}

struct rollout_action rollout_next (struct rollout *rollout, uint64_t now_ms)
{
    uint64_t until_ms;
    do {
        look (rollout, now_ms);
        if (rollout->changed) {
            rollout->changed = false;
            return (struct rollout_action){.kind = ROLLOUT_TURN, .member = ROLLOUT_NOBODY};
        }
        if (rollout->pending_first != ROLLOUT_NOBODY) {
            uint32_t index = rollout->pending_first;
            struct rollout_member *member = &rollout->members[index];
            struct rollout_action action = {.kind = member->pending, .member = index};
            rollout->pending_first = member->pending_next;
            if (rollout->pending_first == ROLLOUT_NOBODY)
                rollout->pending_last = ROLLOUT_NOBODY;
            member->pending = ROLLOUT_WAIT;
            return action;
        }
        until_ms = move (rollout, now_ms);
    } while (until_ms == 0 || rollout->changed);
    if (rollout->look_ms < until_ms)
        until_ms = rollout->look_ms;
    return (struct rollout_action){.kind = ROLLOUT_WAIT, .member = ROLLOUT_NOBODY, .until_ms = until_ms};
}

/*  commands */

bool rollout_is_over (const struct rollout *rollout)
{
    return rollout->phase == WIRE_PHASE_DONE || rollout->phase == WIRE_PHASE_ABORTED ||
           rollout->phase == WIRE_PHASE_REVERTED;
}

static int refuse (const struct rollout *rollout, char text[ROLLOUT_REASON], const char *what)
{
    (void) snprintf (text, ROLLOUT_REASON, "%s: the rollout is %s%s", what,
                     rollout->paused && runs (rollout) ? "paused, " : "", wire_phase_word (rollout->phase));
    return -EINVAL;
}

bool rollout_is_forgiven (const struct rollout_member *member)
{
    bool bad = member->state == WIRE_MEMBER_FAILED || member->state == WIRE_MEMBER_OVERDUE ||
               member->state == WIRE_MEMBER_DARK || member->state == WIRE_MEMBER_STUCK;
    return bad && !member->charged && !member->was_bad;
}

/*  A person takes it upon himself: what was bad until now does not count any more. */
static void forgive (struct rollout *rollout)
{
    for (uint32_t i = 0; i < rollout->n_members; i++) {
        struct rollout_member *member = &rollout->members[i];
        if (!member->charged && !member->was_bad)
            continue;
        rollout_member_count (rollout, member, false);
        member->charged = member->was_bad = false;
        rollout_member_count (rollout, member, true);
        rollout_member_pend (rollout, i, ROLLOUT_KEEP);
    }
    rollout->evidence = (struct rollout_evidence){.rounds = 0};
}

/*  Has the wave's nodes tried again. Who is silent keeps his state: he may have been updated unseen. */
static void try_again (struct rollout *rollout, uint64_t now_ms)
{
    const struct rollout_wave *wave = &rollout->waves[rollout->wave];
    for (uint32_t i = wave->first; i < wave->first + wave->count; i++) {
        const struct rollout_member *member = &rollout->members[i];
        bool ended = member->state == WIRE_MEMBER_FAILED || member->state == WIRE_MEMBER_OVERDUE ||
                     member->state == WIRE_MEMBER_LEFT || member->state == WIRE_MEMBER_BACK;
        if (ended && member->online)
            enter (rollout, i, WIRE_MEMBER_WAITING, ROLLOUT_KEEP, now_ms);
    }
}

static void forget_halt (struct rollout *rollout)
{
    forgive (rollout);
    rollout->paused = false;
    because (rollout, "%s", "");
}

static int approve (struct rollout *rollout, uint64_t now_ms, char text[ROLLOUT_REASON])
{
    if (rollout_approves (rollout) == ROLLOUT_NOBODY)
        return refuse (rollout, text, "nothing waits for an approval");
    if (rollout->phase == WIRE_PHASE_APPROVAL) {
        begin_wave (rollout, now_ms);
        return 0;
    }
    forget_halt (rollout);
    end_wave (rollout, true, now_ms);
    return 0;
}

static int resume (struct rollout *rollout, uint64_t now_ms, char text[ROLLOUT_REASON])
{
    if (rollout->phase == WIRE_PHASE_HALTED) {
        struct rollout_wave *wave = &rollout->waves[rollout->wave];
        forget_halt (rollout);
        if (rollout->members[wave->first].start_ms == 0) { /* halted before this wave was begun with */
            rollout_wave_begin_or_ask (rollout, now_ms);
            return 0;
        }
        if (rollout_is_unproven (rollout))
            try_again (rollout, now_ms);
        wave->cursor = 0;
        rollout->wave_ms = now_ms;
        rollout->stopped_ms = rollout->stop_ms = 0;
        go_to (rollout, WIRE_PHASE_UPDATING, now_ms);
        return 0;
    }
    if (!runs (rollout) || !rollout->paused)
        return refuse (rollout, text, "there is nothing to resume");
    because (rollout, "%s", "");
    rollout->paused = false;
    rollout->changed = true;
    return 0;
}

static int retry (struct rollout *rollout, uint32_t index, uint64_t now_ms, char text[ROLLOUT_REASON])
{
    if (index >= rollout->n_members)
        return refuse (rollout, text, "it has no such node");
    struct rollout_member *member = &rollout->members[index];
    bool ended = member->state == WIRE_MEMBER_FAILED || member->state == WIRE_MEMBER_OVERDUE ||
                 member->state == WIRE_MEMBER_DARK || member->state == WIRE_MEMBER_LEFT ||
                 member->state == WIRE_MEMBER_BACK || member->state == WIRE_MEMBER_STUCK;
    if (ended && (rollout->phase == WIRE_PHASE_HALTED || (rollout->paused && runs (rollout))))
        return refuse (rollout, text, "resume it first, then retry");
    if (!ended || !runs (rollout) || rollout->phase == WIRE_PHASE_APPROVAL) {
        (void) snprintf (text, ROLLOUT_REASON, "the node is %s and the rollout %s: there is nothing to retry",
                         wire_member_word (member->state), wire_phase_word (rollout->phase));
        return -EINVAL;
    }
    if (member->charged)
        charge (rollout, index, false);
    if (member->wave < rollout->wave) { /* its wave is over: it is begun with by itself */
        enter (rollout, index, WIRE_MEMBER_ORDERED, ROLLOUT_ORDER, now_ms);
        return 0;
    }
    enter (rollout, index, WIRE_MEMBER_WAITING, ROLLOUT_KEEP, now_ms);
    call_again (rollout, index, now_ms);
    return 0;
}

int rollout_command (struct rollout *rollout, enum wire_command command, uint32_t member, uint64_t now_ms,
                     char text[ROLLOUT_REASON])
{
    switch (command) {
    case WIRE_COMMAND_PAUSE:
        if (!runs (rollout) || rollout->paused)
            return refuse (rollout, text, "there is nothing to pause");
        rollout->paused = true;
        rollout->changed = true;
        return 0;
    case WIRE_COMMAND_RESUME:
        return resume (rollout, now_ms, text);
    case WIRE_COMMAND_APPROVE:
        return approve (rollout, now_ms, text);
    case WIRE_COMMAND_ABORT:
        if (!runs (rollout) && rollout->phase != WIRE_PHASE_HALTED)
            return refuse (rollout, text, "there is nothing to abort");
        because (rollout, "aborted by an operator");
        go_to (rollout, WIRE_PHASE_ABORTED, now_ms);
        leave_waiting (rollout, 0, rollout->n_members, now_ms);
        stop_everybody (rollout, false, now_ms);
        return 0;
    case WIRE_COMMAND_REVERT:
        if (rollout->phase == WIRE_PHASE_REVERTING || rollout->phase == WIRE_PHASE_REVERTED)
            return refuse (rollout, text, "it goes back already");
        because (rollout, "reverted by an operator");
        revert (rollout, now_ms);
        return 0;
    case WIRE_COMMAND_RETRY:
        return retry (rollout, member, now_ms, text);
    case WIRE_COMMAND_NULL:
    case WIRE_COMMAND_END:
        break;
    }
    return refuse (rollout, text, "that is no command");
}
