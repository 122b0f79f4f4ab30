/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/deploy.c - the list of live rollouts, and when each of them is checked */

#include "deploy/deploy.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "deploy/queue.h"
#include "deploy/results.h"
#include "wire/text.h"

enum {
    COMPARE_LEAST_MS = 10 * 1000,
    SWEEP_MS = 1000 /* from the change of a node to the count of nodes that are not members */
};

static void member_forget (struct deploy *deploy, struct deploy_rollout *rollout, uint32_t index);

/*  Checks all members after the rollout was loaded: the machine does not know the reports since it was
    written. */
static void members_look (struct deploy *deploy, struct deploy_rollout *rollout)
{
    uint64_t now_ms = deploy_now_ms (deploy);
    struct deploy_node node;

    for (uint32_t i = 0; i < rollout->machine.n_members; i++) {
        deploy_member_look (deploy, rollout, i, now_ms);
        /* The node may have been forgotten since the rollout was written. */
        if (!deploy->ops->node (deploy->context, rollout->members[i].id, &node))
            member_forget (deploy, rollout, i);
    }
}

/*  The clock. */

/*  Saves the clock if no rollout has written anything for a while: each write of a rollout saves it, too. */
static void clock_keep (struct deploy *deploy, uint64_t now_ms)
{
    struct deploy_clock *clock = &deploy->clock;
    struct base_error error = {.code = 0};

    if (deploy->n_live == 0 || now_ms - clock->kept_ms < clock->keep_ms)
        return;
    clock->keep_ms =
        2 * clock->keep_ms < DEPLOY_CLOCK_KEEP_MS ? 2 * clock->keep_ms : (uint64_t) DEPLOY_CLOCK_KEEP_MS;
    if (records_clock_put (deploy->records, now_ms, &error) != 0)
        base_log_limited (&deploy->log, BASE_LOG_ERROR, "%s", error.text[0] ? error.text : "out of memory");
    else
        clock->kept_ms = now_ms;
}

static void live_remove (struct deploy *deploy, size_t at)
{
    base_assert (at < deploy->n_live);
    deploy_rollout_free (deploy->live[at]);
    deploy->n_live--;
    memmove (&deploy->live[at], &deploy->live[at + 1], (deploy->n_live - at) * sizeof *deploy->live);
}

void deploy_rollout_drop (struct deploy *deploy, struct deploy_rollout *rollout)
{
    base_assert (deploy && rollout);
    for (size_t i = 0; i < deploy->n_live; i++)
        if (deploy->live[i] == rollout) {
            live_remove (deploy, i);
            return;
        }
}

/*  Loads a broken rollout again, in its place. On failure it stays as it is. */
static int rollout_reload (struct deploy *deploy, size_t at, struct base_error *error)
{
    base_cleanup (records_rollout_deinit) struct records_rollout row = {.serial = 0};
    base_assert (at < deploy->n_live && deploy->live[at]->broken);
    struct deploy_rollout *old = deploy->live[at], *rollout;
    int r = records_rollout_get (deploy->records, old->state.id, &row, error);
    if (r < 0)
        return r;
    r = deploy_rollout_load (deploy, &row, &rollout, error);
    if (r < 0)
        return r;
    memcpy (rollout->sequences, old->sequences, sizeof rollout->sequences);
    rollout->older = old->older;
    rollout->doubted = old->doubted;
    deploy_rollout_free (old);
    deploy->live[at] = rollout;
    deploy_rollout_count_others (deploy, rollout);
    members_look (deploy, rollout);
    return 0;
}

/*  Checks the members that have reported since the last check. */
static void queued_look (struct deploy *deploy, struct deploy_rollout *rollout, uint64_t now_ms)
{
    deploy_rollout_check (rollout);
    for (uint32_t i = 0; i < rollout->n_queue; i++) {
        rollout->members[rollout->queue[i]].queued = false;
        deploy_member_look (deploy, rollout, rollout->queue[i], now_ms);
    }
    rollout->n_queue = 0;
}

static int rollout_attend (struct deploy *deploy, size_t at, uint64_t now_ms, struct base_error *error)
{
    base_assert (at < deploy->n_live);
    struct deploy_rollout *rollout;
    uint64_t every_ms =
        deploy->times.heartbeat_ms > COMPARE_LEAST_MS ? deploy->times.heartbeat_ms : COMPARE_LEAST_MS;
    int r;

    if (deploy->live[at]->broken) {
        r = rollout_reload (deploy, at, error);
        if (r < 0)
            return r;
    }
    rollout = deploy->live[at];
    if (rollout->older)
        rollout_pause (
            &rollout->machine,
            "a node has seen an order that is not in the broker's records: they may have been replaced by "
            "an older copy; check what the nodes run, then resume");
    queued_look (deploy, rollout, now_ms);
    r = deploy_queue_look (deploy, rollout, error);
    if (r < 0)
        return r;
    if (rollout->machine.spec.significance && now_ms - rollout->compared_ms >= every_ms) {
        deploy_rollout_compare (deploy, rollout, now_ms);
        rollout->compared_ms = now_ms;
    }
    r = deploy_rollout_advance (deploy, rollout, NULL, error);
    if (r < 0)
        return r;
    if (rollout->older) {
        rollout->older = false;
        rollout->doubted = true;
    }
    if (rollout->machine.spec.significance && !rollout_is_over (&rollout->machine) &&
        rollout->due_ms > now_ms + every_ms)
        rollout->due_ms = now_ms + every_ms;
    return 0;
}

void deploy_tick (struct deploy *deploy)
{
    base_assert (deploy && deploy->records);
    uint64_t now_ms = deploy_now_ms (deploy), next_ms = UINT64_MAX;
    bool sweep = deploy->others_changed && now_ms - deploy->swept_ms >= SWEEP_MS;

    deploy->is_awaited = false;
    deploy->ops->settle (deploy->context);
    clock_keep (deploy, now_ms);
    if (sweep) {
        deploy->others_changed = false;
        deploy->swept_ms = now_ms;
    }
    for (size_t i = 0; i < deploy->n_live; i++) {
        struct base_error error = {.code = 0};
        struct deploy_rollout *rollout = deploy->live[i];
        if (sweep)
            deploy_rollout_count_others (deploy, rollout);
        if (rollout->due_ms > now_ms)
            continue;
        if (rollout_attend (deploy, i, now_ms, &error) != 0) {
            base_log_limited (&deploy->log, BASE_LOG_ERROR, "rollout %s: %s", deploy->live[i]->state.id,
                              error.text[0] ? error.text : "out of memory");
            deploy_rollout_broken (deploy, deploy->live[i]);
        }
    }
    for (size_t i = deploy->n_live; i > 0; i--) {
        struct deploy_rollout *rollout = deploy->live[i - 1];
        if (!rollout->live && !rollout->broken)
            live_remove (deploy, i - 1);
        else if (rollout->due_ms < next_ms)
            next_ms = rollout->due_ms;
    }
    if (deploy->others_changed && deploy->n_live > 0 && deploy->swept_ms + SWEEP_MS < next_ms)
        next_ms = deploy->swept_ms + SWEEP_MS;
    if (next_ms != UINT64_MAX)
        deploy_tick_want (deploy, next_ms);
}

/*  Changes of nodes. */

void deploy_others_changed (struct deploy *deploy)
{
    base_assert (deploy);
    deploy->others_changed = true;
    if (deploy->n_live > 0)
        deploy_tick_want (deploy, deploy->swept_ms + SWEEP_MS);
}

/*  The member is checked later, because the node's report may be in a transaction that is still open. */
void deploy_node_changed (struct deploy *deploy, const char *node, bool online)
{
    base_assert (deploy && node);
    uint64_t now_ms = deploy_now_ms (deploy);

    for (size_t i = 0; i < deploy->n_live; i++) {
        struct deploy_rollout *rollout = deploy->live[i];
        uint32_t index = deploy_rollout_find (rollout, node);
        if (index == ROLLOUT_NOBODY)
            continue;
        rollout_heard (&rollout->machine, index, online ? ROLLOUT_CONTACT : ROLLOUT_CONTACT_LOST, now_ms);
        if (!rollout->members[index].queued) {
            base_assert (rollout->n_queue < rollout->machine.n_members);
            rollout->members[index].queued = true;
            rollout->queue[rollout->n_queue++] = index;
        }
        deploy_rollout_due (deploy, rollout, 0);
    }
    deploy_others_changed (deploy);
}

/*  Skips a member whose node is not in the records any more. */
static void member_forget (struct deploy *deploy, struct deploy_rollout *rollout, uint32_t index)
{
    base_assert (index < rollout->machine.n_members);
    struct deploy_member *member = &rollout->members[index];

    if (rollout->machine.members[index].state != WIRE_MEMBER_WAITING &&
        !rollout_is_under_way (rollout->machine.members[index].state))
        return;
    (void) wire_text_set (&member->step, NULL);
    (void) wire_text_set (&member->reason, "the node was forgotten during the rollout");
    member->epoch = 0;
    rollout_forget (&rollout->machine, index, deploy_now_ms (deploy));
}

void deploy_node_forgotten (struct deploy *deploy, const char *node)
{
    base_assert (deploy && node);
    for (size_t i = 0; i < deploy->n_live; i++) {
        struct deploy_rollout *rollout = deploy->live[i];
        uint32_t index = deploy_rollout_find (rollout, node);
        if (index == ROLLOUT_NOBODY)
            continue;
        member_forget (deploy, rollout, index);
        deploy_rollout_due (deploy, rollout, 0);
    }
    deploy_others_changed (deploy);
}

void deploy_records_older (struct deploy *deploy, const char *node, const char *application)
{
    base_assert (deploy && node && application);
    uint32_t index;
    struct deploy_rollout *rollout = deploy_rollout_of (deploy, node, application, &index);

    if (!rollout || rollout->doubted)
        return;
    rollout->older = true;
    deploy_rollout_due (deploy, rollout, 0);
}

void deploy_release_withdrawn (struct deploy *deploy, const struct base_digest *release)
{
    base_assert (deploy && release);
    for (size_t i = 0; i < deploy->n_live; i++) {
        struct deploy_rollout *rollout = deploy->live[i];
        if (!base_digest_equal (&rollout->machine.spec.release, release))
            continue;
        rollout_halt (&rollout->machine, "its release was withdrawn", deploy_now_ms (deploy));
        deploy_rollout_due (deploy, rollout, 0);
    }
}

/*  All rollouts. */

/*  A rollout that has ended stays in the list until the next tick. */
size_t deploy_count (const struct deploy *deploy)
{
    base_assert (deploy);
    size_t count = 0;

    for (size_t i = 0; i < deploy->n_live; i++)
        count += deploy->live[i]->live || deploy->live[i]->broken;
    return count;
}

static bool live_has (const struct deploy *deploy, const struct deploy_rollout *rollout)
{
    for (size_t i = 0; i < deploy->n_live; i++)
        if (deploy->live[i] == rollout)
            return true;
    return false;
}

int deploy_rollout_add (struct deploy *deploy, struct deploy_rollout *rollout)
{
    deploy_rollout_check (rollout);
    base_assert (deploy && !live_has (deploy, rollout));
    struct deploy_rollout **live = reallocarray (deploy->live, deploy->n_live + 1, sizeof *live);

    if (!live)
        return -ENOMEM;
    deploy->live = live;
    deploy->live[deploy->n_live++] = rollout;
    deploy_rollout_count_others (deploy, rollout);
    return 0;
}

int deploy_rollout_get (struct deploy *deploy, const char *id, struct deploy_rollout **ret_rollout,
                        struct base_error *error)
{
    base_assert (deploy && id && ret_rollout);
    base_cleanup (records_rollout_deinit) struct records_rollout row = {.serial = 0};
    struct deploy_rollout *rollout;
    int r;

    for (size_t i = 0; i < deploy->n_live; i++) {
        if (strcmp (deploy->live[i]->state.id, id) != 0)
            continue;
        if (deploy->live[i]->broken) {
            r = rollout_reload (deploy, i, error);
            if (r < 0)
                return r;
        }
        *ret_rollout = deploy->live[i];
        return 0;
    }
    r = records_rollout_get (deploy->records, id, &row, error);
    if (r < 0)
        return r;
    r = deploy_rollout_load (deploy, &row, &rollout, error);
    if (r < 0)
        return r;
    r = deploy_rollout_add (deploy, rollout);
    if (r < 0) {
        deploy_rollout_free (rollout);
        return r;
    }
    deploy_rollout_due (deploy, rollout, 0);
    *ret_rollout = rollout;
    return 0;
}

struct loading {
    struct deploy *deploy;
    struct base_error *error;
};

static int live_load (void *context, const struct records_rollout *row)
{
    struct loading *loading = context;
    struct deploy_rollout *rollout;
    int r = deploy_rollout_load (loading->deploy, row, &rollout, loading->error);

    if (r < 0) { /* the others continue */
        base_log (BASE_LOG_ERROR, "ignoring rollout %s: %s", row->state.id,
                  loading->error->text[0] ? loading->error->text : strerror (-r));
        return r == -ENOMEM ? r : 0;
    }
    r = deploy_rollout_add (loading->deploy, rollout);
    if (r < 0)
        deploy_rollout_free (rollout);
    return r;
}

void deploy_init (struct deploy *deploy, const struct deploy_ops *ops, void *context)
{
    base_assert (deploy && ops);
    *deploy = (struct deploy){.ops = ops, .context = context};
}

void deploy_set_times (struct deploy *deploy, const struct deploy_times *times)
{
    base_assert (deploy && times);
    deploy->times = *times;
}

int deploy_load (struct deploy *deploy, struct records *records, struct base_error *error)
{
    base_assert (deploy && records && deploy->n_live == 0);
    struct loading loading = {.deploy = deploy, .error = error};
    uint64_t watched_ms = 0;
    int r = records_clock_get (records, &watched_ms, error);

    deploy->records = records;
    deploy_clock_begin (&deploy->clock, watched_ms, base_time_boot_ms ());
    if (r < 0)
        return r;
    r = records_rollouts (deploy->records, 0, 0, RECORDS_LIVE, live_load, &loading, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < deploy->n_live / 2; i++) { /* they were read newest first */
        struct deploy_rollout *swap = deploy->live[i];
        deploy->live[i] = deploy->live[deploy->n_live - 1 - i];
        deploy->live[deploy->n_live - 1 - i] = swap;
    }
    for (size_t i = 0; i < deploy->n_live; i++) {
        base_log (BASE_LOG_INFO, "rollout %s: continues: %s, wave %u of %u", deploy->live[i]->state.id,
                  wire_phase_word (deploy->live[i]->machine.phase), deploy->live[i]->machine.wave + 1,
                  deploy->live[i]->machine.n_waves);
        members_look (deploy, deploy->live[i]);
        deploy_rollout_due (deploy, deploy->live[i], 0);
    }
    return 0;
}

void deploy_deinit (struct deploy *deploy)
{
    base_assert (deploy);
    struct base_error error = {.code = 0};

    if (deploy->n_live > 0)
        (void) records_clock_put (deploy->records, deploy_now_ms (deploy), &error);
    for (size_t i = 0; i < deploy->n_live; i++)
        deploy_rollout_free (deploy->live[i]);
    free (deploy->live);
    deploy_plans_deinit (&deploy->plans);
    *deploy = (struct deploy){.live = NULL};
}
