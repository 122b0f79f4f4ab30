/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollouts.c - live rollouts: which there are, and when each is checked */

#include "broker/rollouts.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "broker/private.h"
#include "broker/rollouts_carry.h"
#include "broker/rollouts_results.h"
#include "broker/text.h"

enum {
    WINDOW_MS = 10 * 1000, /* between two checks of a window */
    COMPARE_LEAST_MS = 10 * 1000,
    RETRY_MS = 1000, /* after a failed transaction */
    SWEEP_MS = 1000  /* from the change of a node to the count of nodes that are not members */
};

static void member_forget (struct broker *broker, struct broker_rollout *rollout, uint32_t index);

/*  Checks all members: nodes may have reported while no broker ran, or a report was lost with the
    machine. */
static void look_at_all (struct broker *broker, struct broker_rollout *rollout)
{
    uint64_t now_ms = broker_rollouts_now_ms (broker);

    for (uint32_t i = 0; i < rollout->machine.n_members; i++) {
        broker_rollout_look (broker, rollout, i, now_ms);
        /* The node may have been forgotten since the rollout was written. */
        if (!broker_registry_find (&broker->registry, rollout->members[i].id))
            member_forget (broker, rollout, i);
    }
}

/*  the clock */

uint64_t broker_rollouts_now_ms (struct broker *broker)
{
    return broker_watch_ms (&broker->rollouts.watch, base_time_boot_ms ());
}

/*  Saves the clock when rollouts write nothing; their own writes save it, too. */
static void watch_keep (struct broker *broker, uint64_t now_ms)
{
    struct broker_watch *watch = &broker->rollouts.watch;
    struct base_error error = {.code = 0};

    if (broker->rollouts.n_live == 0 || now_ms - watch->kept_ms < watch->keep_ms)
        return;
    watch->keep_ms =
        2 * watch->keep_ms < BROKER_WATCH_KEEP_MS ? 2 * watch->keep_ms : (uint64_t) BROKER_WATCH_KEEP_MS;
    if (broker_store_watched_put (broker->store, now_ms, &error) != 0)
        (void) broker_storage_failed (broker, &error);
    else
        watch->kept_ms = now_ms;
}

static void on_timer (void *context);

/*  Makes the timer fire at at_ms or earlier. */
static void timer_set (struct broker *broker, uint64_t at_ms)
{
    struct broker_rollouts *rollouts = &broker->rollouts;
    uint64_t now_ms = broker_rollouts_now_ms (broker), delay_ms = at_ms > now_ms ? at_ms - now_ms : 0;

    if (delay_ms > rollouts->watch.keep_ms) /* the clock must be saved, and does not count long gaps */
        delay_ms = rollouts->watch.keep_ms;
    if (rollouts->timer > 0 && rollouts->timer_ms <= now_ms + delay_ms)
        return;
    bus_timer_cancel (broker->loop, rollouts->timer > 0 ? rollouts->timer : 0);
    rollouts->timer_ms = now_ms + delay_ms;
    rollouts->timer = bus_timer_start (broker->loop, delay_ms, on_timer, broker);
}

static void make_due (struct broker *broker, struct broker_rollout *rollout, uint64_t at_ms)
{
    rollout->due_ms = at_ms;
    timer_set (broker, at_ms);
}

static void rollout_drop (struct broker *broker, size_t at)
{
    struct broker_rollouts *rollouts = &broker->rollouts;

    broker_rollout_free (rollouts->live[at]);
    rollouts->n_live--;
    memmove (&rollouts->live[at], &rollouts->live[at + 1], (rollouts->n_live - at) * sizeof *rollouts->live);
}

void broker_rollouts_drop (struct broker *broker, struct broker_rollout *rollout)
{
    for (size_t i = 0; i < broker->rollouts.n_live; i++)
        if (broker->rollouts.live[i] == rollout) {
            rollout_drop (broker, i);
            return;
        }
}

void broker_rollouts_broken (struct broker *broker, struct broker_rollout *rollout)
{
    rollout->broken = true;
    make_due (broker, rollout, broker_rollouts_now_ms (broker) + RETRY_MS);
}

static int load_again (struct broker *broker, size_t at, struct base_error *error)
{
    base_cleanup (broker_rollout_row_deinit) struct broker_rollout_row row = {.serial = 0};
    struct broker_rollout *old = broker->rollouts.live[at], *rollout;
    int r = broker_store_rollout_get (broker->store, old->state.id, &row, error);

    if (r == 0)
        r = broker_rollout_load (broker, &row, &rollout, error);
    if (r != 0)
        return r;
    memcpy (rollout->sequences, old->sequences, sizeof rollout->sequences);
    rollout->older = old->older;
    rollout->doubted = old->doubted;
    broker_rollout_free (old);
    broker->rollouts.live[at] = rollout;
    broker_rollout_count_others (broker, rollout);
    look_at_all (broker, rollout);
    return 0;
}

/*  Checks the members that have reported since the last time. */
static void look_at_queued (struct broker *broker, struct broker_rollout *rollout, uint64_t now_ms)
{
    for (uint32_t i = 0; i < rollout->n_queue; i++) {
        rollout->members[rollout->queue[i]].queued = false;
        broker_rollout_look (broker, rollout, rollout->queue[i], now_ms);
    }
    rollout->n_queue = 0;
}

int broker_rollouts_advance (struct broker *broker, struct broker_rollout *rollout,
                             const struct broker_steering *by, struct base_error *error)
{
    enum wire_phase phase = rollout->state.phase;
    bool paused = rollout->state.paused, turned;
    int r = broker_rollout_carry (broker, rollout, by, error);
    uint64_t look_ms = broker_rollouts_now_ms (broker) + WINDOW_MS;

    if (r != 0)
        return r;
    if (rollout->machine.spec.window && !rollout_is_over (&rollout->machine) && rollout->due_ms > look_ms)
        rollout->due_ms = look_ms; /* the wall clock may be changed */
    if (rollout->machine.phase == WIRE_PHASE_QUEUED && !rollout->machine.paused && (by || !rollout->blocked))
        rollout->due_ms = 0; /* it may not have to wait any more */
    timer_set (broker, rollout->due_ms);
    turned = rollout->state.phase != phase || rollout->state.paused != paused ||
             rollout_is_over (&rollout->machine) || rollout_gives (&rollout->machine);
    for (size_t i = 0; turned && i < broker->rollouts.n_live; i++) {
        struct broker_rollout *other = broker->rollouts.live[i];
        if (other != rollout && other->machine.phase == WIRE_PHASE_QUEUED) /* may have waited for this one */
            make_due (broker, other, 0);
    }
    return 0;
}

/*  queued rollouts */

/*  Takes over as many nodes as it can from another rollout. */
static int take_over (struct broker *broker, struct broker_rollout *rollout, struct broker_rollout *other,
                      struct base_error *error)
{
    char reason[128];
    struct broker_steering by = {.reason = reason};
    uint32_t taken = 0;
    int r;

    for (uint32_t i = 0; i < rollout->machine.n_members; i++) {
        uint32_t index = broker_rollout_find (other, rollout->members[i].id);
        if (index == ROLLOUT_NOBODY ||
            !rollout_take (&other->machine, index, rollout->state.id, broker_rollouts_now_ms (broker)))
            continue;
        struct broker_member *member = &other->members[index];
        member->epoch = 0;
        (void) broker_text_set (&member->step, NULL);
        (void) broker_text_set (&member->reason, NULL);
        member->reason = broker_reason ("rollout %s has taken it over", rollout->state.id);
        taken++;
    }
    if (taken == 0)
        return 0;
    (void) snprintf (reason, sizeof reason, "rollout %s takes over %u of its nodes", rollout->state.id,
                     taken);
    r = broker_rollouts_advance (broker, other, &by, error);
    if (r != 0)
        broker_rollouts_broken (broker, other);
    return r;
}

/*  Takes over nodes from the earlier rollouts that are halted or paused. */
static int take_over_all (struct broker *broker, struct broker_rollout *rollout, struct base_error *error)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < broker->rollouts.n_live; i++) {
        struct broker_rollout *other = broker->rollouts.live[i];
        if (other != rollout && !other->broken && rollout_gives (&other->machine) &&
            broker_rollout_comes_before (other, rollout))
            r = take_over (broker, rollout, other, error);
    }
    return r;
}

/*  Returns another rollout that has one of its nodes. This is called often, so it starts with the member
    that was not free the last time: the others are checked only when that one is free. */
static struct broker_rollout *first_before (struct broker *broker, struct broker_rollout *rollout,
                                            uint32_t *ret_member)
{
    uint32_t n = rollout->machine.n_members, from = rollout->waits_at;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (from + i) % n, index;
        struct broker_rollout *other = broker_rollouts_before (broker, rollout, rollout->members[at].id,
                                                               rollout->machine.spec.application, &index);
        *ret_member = rollout->waits_at = at;
        if (other)
            return other;
    }
    return NULL;
}

/*  Begins a queued rollout if it need not wait any more; else records what it waits for. */
static int look_at_queue (struct broker *broker, struct broker_rollout *rollout, struct base_error *error)
{
    struct broker_rollout *other;
    uint32_t member;
    char text[256];
    int r = 0;

    if (rollout->machine.phase != WIRE_PHASE_QUEUED || rollout->machine.paused)
        return 0;
    if (rollout->machine.spec.supersede)
        r = take_over_all (broker, rollout, error);
    if (r != 0)
        return r;
    other = first_before (broker, rollout, &member);
    if (!other) {
        rollout_begin (&rollout->machine, broker_rollouts_now_ms (broker));
        return 0;
    }
    (void) snprintf (text, sizeof text, "rollout %s (%s%s), which has node %s", other->state.id,
                     other->machine.paused ? "paused, " : "", wire_phase_word (other->machine.phase),
                     rollout->members[member].id);
    if (rollout->blocked && strcmp (rollout->blocked, text) == 0)
        return 0;
    rollout->machine.changed = true; /* what it waits for is part of its state */
    return broker_text_set (&rollout->blocked, text);
}

static int rollout_attend (struct broker *broker, size_t at, uint64_t now_ms, struct base_error *error)
{
    struct broker_rollout *rollout = broker->rollouts.live[at];
    uint64_t every_ms = broker->heartbeat_ms > COMPARE_LEAST_MS ? broker->heartbeat_ms : COMPARE_LEAST_MS;
    int r = rollout->broken ? load_again (broker, at, error) : 0;

    if (r != 0)
        return r;
    rollout = broker->rollouts.live[at];
    if (rollout->older)
        rollout_pause (
            &rollout->machine,
            "nodes have seen orders that are not in the broker's records: the records were replaced by "
            "an older copy; check what the nodes run, then resume");
    look_at_queued (broker, rollout, now_ms);
    r = look_at_queue (broker, rollout, error);
    if (r != 0)
        return r;
    if (rollout->machine.spec.false_halt && now_ms - rollout->compared_ms >= every_ms) {
        broker_rollout_compare (broker, rollout, now_ms);
        rollout->compared_ms = now_ms;
    }
    r = broker_rollouts_advance (broker, rollout, NULL, error);
    if (r == 0 && rollout->older) {
        rollout->older = false;
        rollout->doubted = true;
    }
    if (r == 0 && rollout->machine.spec.false_halt && !rollout_is_over (&rollout->machine) &&
        rollout->due_ms > now_ms + every_ms)
        rollout->due_ms = now_ms + every_ms;
    return r;
}

static void on_timer (void *context)
{
    struct broker *broker = context;
    struct broker_rollouts *rollouts = &broker->rollouts;
    uint64_t now_ms = broker_rollouts_now_ms (broker), next_ms = UINT64_MAX;
    bool sweep = rollouts->others_changed && now_ms - rollouts->swept_ms >= SWEEP_MS;

    rollouts->timer = 0;
    broker_round_settle (broker);
    watch_keep (broker, now_ms);
    if (sweep) {
        rollouts->others_changed = false;
        rollouts->swept_ms = now_ms;
    }
    for (size_t i = 0; i < rollouts->n_live; i++) {
        struct base_error error = {.code = 0};
        struct broker_rollout *rollout = rollouts->live[i];
        if (sweep)
            broker_rollout_count_others (broker, rollout);
        if (rollout->due_ms > now_ms)
            continue;
        if (rollout_attend (broker, i, now_ms, &error) != 0) {
            base_log_limited (&broker->log, BASE_LOG_ERROR, "rollout %s: %s", rollouts->live[i]->state.id,
                              error.text[0] ? error.text : "out of memory");
            broker_rollouts_broken (broker, rollouts->live[i]);
        }
    }
    for (size_t i = rollouts->n_live; i > 0; i--) {
        struct broker_rollout *rollout = rollouts->live[i - 1];
        if (!rollout->live && !rollout->broken)
            rollout_drop (broker, i - 1);
        else if (rollout->due_ms < next_ms)
            next_ms = rollout->due_ms;
    }
    if (rollouts->others_changed && rollouts->n_live > 0 && rollouts->swept_ms + SWEEP_MS < next_ms)
        next_ms = rollouts->swept_ms + SWEEP_MS;
    if (next_ms != UINT64_MAX)
        timer_set (broker, next_ms);
}

/*  changes of nodes */

void broker_rollouts_others (struct broker *broker)
{
    broker->rollouts.others_changed = true;
    if (broker->rollouts.n_live > 0)
        timer_set (broker, broker->rollouts.swept_ms + SWEEP_MS);
}

/*  Not at once: the node's report may be in a transaction that is still open. */
void broker_rollouts_node (struct broker *broker, const struct broker_node *node)
{
    uint64_t now_ms = broker_rollouts_now_ms (broker);

    for (size_t i = 0; i < broker->rollouts.n_live; i++) {
        struct broker_rollout *rollout = broker->rollouts.live[i];
        uint32_t index = broker_rollout_find (rollout, node->id);
        if (index == ROLLOUT_NOBODY)
            continue;
        rollout_heard (&rollout->machine, index, node->online ? ROLLOUT_CONTACT : ROLLOUT_CONTACT_LOST,
                       now_ms);
        if (!rollout->members[index].queued) {
            rollout->members[index].queued = true;
            rollout->queue[rollout->n_queue++] = index;
        }
        make_due (broker, rollout, 0);
    }
    broker_rollouts_others (broker);
}

/*  Skips a member whose node is not in the records any more. */
static void member_forget (struct broker *broker, struct broker_rollout *rollout, uint32_t index)
{
    struct broker_member *member = &rollout->members[index];

    if (rollout->machine.members[index].state != WIRE_MEMBER_WAITING &&
        !rollout_is_under_way (rollout->machine.members[index].state))
        return;
    (void) broker_text_set (&member->step, NULL);
    (void) broker_text_set (&member->reason, "the node was forgotten during the rollout");
    member->epoch = 0;
    rollout_forget (&rollout->machine, index, broker_rollouts_now_ms (broker));
}

void broker_rollouts_forgotten (struct broker *broker, const char *node)
{
    for (size_t i = 0; i < broker->rollouts.n_live; i++) {
        struct broker_rollout *rollout = broker->rollouts.live[i];
        uint32_t index = broker_rollout_find (rollout, node);
        if (index == ROLLOUT_NOBODY)
            continue;
        member_forget (broker, rollout, index);
        make_due (broker, rollout, 0);
    }
    broker_rollouts_others (broker);
}

void broker_rollouts_older (struct broker *broker, const struct broker_node *node, const char *application)
{
    uint32_t index;
    struct broker_rollout *rollout = broker_rollouts_of (broker, node->id, application, &index);

    if (!rollout || rollout->doubted)
        return;
    rollout->older = true;
    make_due (broker, rollout, 0);
}

void broker_rollouts_withdrawn (struct broker *broker, const struct base_digest *release)
{
    for (size_t i = 0; i < broker->rollouts.n_live; i++) {
        struct broker_rollout *rollout = broker->rollouts.live[i];
        if (!base_digest_equal (&rollout->machine.spec.release, release))
            continue;
        rollout_halt (&rollout->machine, "its release was withdrawn", broker_rollouts_now_ms (broker));
        make_due (broker, rollout, 0);
    }
}

/*  all rollouts */

int broker_rollouts_add (struct broker *broker, struct broker_rollout *rollout)
{
    struct broker_rollouts *rollouts = &broker->rollouts;
    struct broker_rollout **live = reallocarray (rollouts->live, rollouts->n_live + 1, sizeof *live);

    if (!live)
        return -ENOMEM;
    rollouts->live = live;
    rollouts->live[rollouts->n_live++] = rollout;
    broker_rollout_count_others (broker, rollout);
    return 0;
}

int broker_rollouts_get (struct broker *broker, const char *id, struct broker_rollout **ret_rollout,
                         struct base_error *error)
{
    base_cleanup (broker_rollout_row_deinit) struct broker_rollout_row row = {.serial = 0};
    struct broker_rollout *rollout;
    int r;

    for (size_t i = 0; i < broker->rollouts.n_live; i++) {
        if (strcmp (broker->rollouts.live[i]->state.id, id) != 0)
            continue;
        if (broker->rollouts.live[i]->broken) {
            r = load_again (broker, i, error);
            if (r != 0)
                return r;
        }
        *ret_rollout = broker->rollouts.live[i];
        return 0;
    }
    r = broker_store_rollout_get (broker->store, id, &row, error);
    if (r == 0)
        r = broker_rollout_load (broker, &row, &rollout, error);
    if (r != 0)
        return r;
    r = broker_rollouts_add (broker, rollout);
    if (r != 0)
        broker_rollout_free (rollout);
    else {
        make_due (broker, rollout, 0);
        *ret_rollout = rollout;
    }
    return r;
}

struct loading {
    struct broker *broker;
    struct base_error *error;
};

static int live_load (void *context, const struct broker_rollout_row *row)
{
    struct loading *loading = context;
    struct broker_rollout *rollout;
    int r = broker_rollout_load (loading->broker, row, &rollout, loading->error);

    if (r != 0) { /* the others continue */
        base_log (BASE_LOG_ERROR, "ignoring rollout %s: %s", row->state.id,
                  loading->error->text[0] ? loading->error->text : strerror (-r));
        return r == -ENOMEM ? r : 0;
    }
    r = broker_rollouts_add (loading->broker, rollout);
    if (r != 0)
        broker_rollout_free (rollout);
    return r;
}

int broker_rollouts_load (struct broker *broker, struct base_error *error)
{
    struct loading loading = {.broker = broker, .error = error};
    struct broker_rollouts *rollouts = &broker->rollouts;
    uint64_t watched_ms = 0;
    int r = broker_store_watched_get (broker->store, &watched_ms, error);

    broker_watch_begin (&rollouts->watch, watched_ms, base_time_boot_ms ());
    if (r == 0)
        r = broker_store_rollouts (broker->store, 0, 0, true, live_load, &loading, error);

    if (r != 0)
        return r;
    for (size_t i = 0; i < rollouts->n_live / 2; i++) { /* they were read newest first */
        struct broker_rollout *swap = rollouts->live[i];
        rollouts->live[i] = rollouts->live[rollouts->n_live - 1 - i];
        rollouts->live[rollouts->n_live - 1 - i] = swap;
    }
    for (size_t i = 0; i < rollouts->n_live; i++) {
        base_log (BASE_LOG_INFO, "rollout %s: continues: %s, wave %u of %u", rollouts->live[i]->state.id,
                  wire_phase_word (rollouts->live[i]->machine.phase), rollouts->live[i]->machine.wave + 1,
                  rollouts->live[i]->machine.n_waves);
        look_at_all (broker, rollouts->live[i]);
        make_due (broker, rollouts->live[i], 0);
    }
    return 0;
}

void broker_rollouts_deinit (struct broker *broker)
{
    struct broker_rollouts *rollouts = &broker->rollouts;
    struct base_error error = {.code = 0};

    if (rollouts->n_live > 0)
        (void) broker_store_watched_put (broker->store, broker_rollouts_now_ms (broker), &error);
    bus_timer_cancel (broker->loop, rollouts->timer > 0 ? rollouts->timer : 0);
    for (size_t i = 0; i < rollouts->n_live; i++)
        broker_rollout_free (rollouts->live[i]);
    free (rollouts->live);
    *rollouts = (struct broker_rollouts){.live = NULL};
}
