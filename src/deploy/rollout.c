/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/rollout.c - rollouts in memory: loads them from the records, and finds members and failure
    domains */

#include "deploy/rollout.h"

#include <errno.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "wire/text.h"

struct deploy_rollout *deploy_rollout_free (struct deploy_rollout *rollout)
{
    if (!rollout)
        return NULL;
    for (uint32_t i = 0; rollout->members && i < rollout->machine.n_members; i++) {
        struct deploy_member *member = &rollout->members[i];
        wire_text_free (&member->id);
        wire_text_free (&member->transaction);
        wire_text_free (&member->step);
        wire_text_free (&member->reason);
    }
    free (rollout->members);
    free (rollout->by_id);
    free (rollout->queue);
    free (rollout->values);
    free (rollout->value_texts);
    free (rollout->others);
    wire_text_free (&rollout->blocked);
    rollout_deinit (&rollout->machine);
    wire_rollout_state_deinit (&rollout->state);
    free (rollout);
    return NULL;
}

static void rollout_free_p (struct deploy_rollout **rollout)
{
    deploy_rollout_free (*rollout);
}

void deploy_rollout_check (const struct deploy_rollout *rollout)
{
    base_assert (rollout);
    uint32_t n = rollout->machine.n_members;
    base_assert (n > 0 && rollout->members && rollout->by_id && rollout->values && rollout->others);
    base_assert (rollout->machine.n_failure_domains > 0 && rollout->machine.n_failure_domains <= n);
    base_assert (rollout->state.id && rollout->state.spec);
    base_assert (rollout->state.n_waves == rollout->machine.n_waves);
    base_assert (rollout->waits_at < n);
    base_assert (rollout->queue && rollout->n_queue <= n);
    for (uint32_t i = 0; i < rollout->n_queue; i++)
        base_assert (rollout->queue[i] < n && rollout->members[rollout->queue[i]].queued);
}

static int ids_compare (const void *a, const void *b, void *context)
{
    const struct deploy_member *members = context;

    return strcmp (members[*(const uint32_t *) a].id, members[*(const uint32_t *) b].id);
}

uint32_t deploy_rollout_find (const struct deploy_rollout *rollout, const char *id)
{
    base_assert (rollout && id);
    uint32_t low = 0, high = rollout->machine.n_members;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        base_assert (rollout->by_id[middle] < rollout->machine.n_members);
        int order = strcmp (rollout->members[rollout->by_id[middle]].id, id);
        if (order == 0)
            return rollout->by_id[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return ROLLOUT_NOBODY;
}

/*  Returns the name of a node's failure domain: the nodes that lose their broker together. */
static const char *failure_domain_of (const struct deploy *deploy, const struct deploy_rollout *rollout,
                                      const struct deploy_node *node)
{
    const char *label = rollout->machine.spec.failure_domain;
    const char *value = label && node ? deploy->ops->label (node->labels, label) : NULL;

    return value ? value : "";
}

static int texts_compare (const void *a, const void *b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static uint32_t value_number (const struct deploy_rollout *rollout, const char *value)
{
    const char **found = bsearch (&value, rollout->values, rollout->machine.n_failure_domains,
                                  sizeof *rollout->values, texts_compare);

    return found ? (uint32_t) (found - rollout->values) : ROLLOUT_NOBODY;
}

/*  Numbers the failure domains of the members. The names are copied, because labels change. */
static int values_index (struct deploy *deploy, struct deploy_rollout *rollout)
{
    base_assert (!rollout->values);
    uint32_t n = rollout->machine.n_members, count = 0;
    size_t bytes = 0;
    char *at;

    rollout->values = calloc (n, sizeof *rollout->values);
    if (!rollout->values)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        struct deploy_node node;
        bool known = deploy->ops->node (deploy->context, rollout->members[i].id, &node);
        rollout->values[i] = failure_domain_of (deploy, rollout, known ? &node : NULL);
    }
    qsort (rollout->values, n, sizeof *rollout->values, texts_compare);
    for (uint32_t i = 0; i < n; i++)
        if (count == 0 || strcmp (rollout->values[count - 1], rollout->values[i]) != 0)
            rollout->values[count++] = rollout->values[i];
    for (uint32_t i = 0; i < count; i++)
        bytes += strlen (rollout->values[i]) + 1;
    rollout->value_texts = at = malloc (bytes);
    rollout->others = calloc (count, sizeof *rollout->others);
    if (!at || !rollout->others)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = strlen (rollout->values[i]) + 1;
        memcpy (at, rollout->values[i], size);
        rollout->values[i] = at;
        at += size;
    }
    rollout->machine.n_failure_domains = count;
    return 0;
}

int deploy_rollout_index (struct deploy *deploy, struct deploy_rollout *rollout)
{
    base_assert (deploy && rollout && rollout->members);
    uint32_t n = rollout->machine.n_members;

    rollout->by_id = calloc (n, sizeof *rollout->by_id);
    rollout->queue = calloc (n, sizeof *rollout->queue);
    if (!rollout->by_id || !rollout->queue)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        rollout->by_id[i] = i;
    qsort_r (rollout->by_id, n, sizeof *rollout->by_id, ids_compare, rollout->members);
    return values_index (deploy, rollout);
}

void deploy_member_save (const struct rollout_member *member, struct records_member *row)
{
    base_assert (member && row);
    row->wave = member->wave;
    row->state = member->state;
    row->since_ms = member->since_ms;
    row->start_ms = member->start_ms;
    row->revert_ms = member->revert_ms;
    row->confirmed = member->confirmed;
    row->lost_before = member->lost_before;
    row->charged = member->charged;
    row->pending = member->pending == ROLLOUT_KEEP ? ROLLOUT_WAIT : member->pending;
}

struct rollout_member deploy_member_restore (const struct records_member *row)
{
    base_assert (row);
    return (struct rollout_member){.wave = row->wave,
                                   .state = row->state,
                                   .since_ms = row->since_ms,
                                   .start_ms = row->start_ms,
                                   .revert_ms = row->revert_ms,
                                   .confirmed = row->confirmed,
                                   .lost_before = row->lost_before,
                                   .charged = row->charged,
                                   .pending = row->pending < ROLLOUT_KEEP ? (enum rollout_kind) row->pending
                                                                          : ROLLOUT_WAIT};
}

_Static_assert((int) RECORDS_BETS == (int) ROLLOUT_BETS, "the records have room for every bet");
_Static_assert((int) RECORDS_WAVES_MOST == (int) ROLLOUT_WAVES, "the records check the number of the wave");

struct records_evidence deploy_evidence_save (const struct rollout_evidence *evidence)
{
    base_assert (evidence);
    struct records_evidence saved = {.samples = evidence->samples,
                                     .updated = evidence->updated,
                                     .updated_failed = evidence->updated_failed,
                                     .others = evidence->others,
                                     .others_failed = evidence->others_failed};

    memcpy (saved.logs, evidence->logs, sizeof saved.logs);
    return saved;
}

static struct rollout_evidence evidence_restore (const struct records_evidence *saved)
{
    struct rollout_evidence evidence = {.samples = saved->samples,
                                        .updated = saved->updated,
                                        .updated_failed = saved->updated_failed,
                                        .others = saved->others,
                                        .others_failed = saved->others_failed};

    memcpy (evidence.logs, saved->logs, sizeof evidence.logs);
    return evidence;
}

struct loading {
    struct deploy_rollout *rollout;
    uint32_t capacity;
    struct base_error *error;
};

static int member_load (void *context, const struct records_member *row)
{
    struct loading *loading = context;
    struct deploy_rollout *rollout = loading->rollout;
    struct rollout *machine = &rollout->machine;
    struct deploy_member *member;

    if (row->state == WIRE_MEMBER_EXCLUDED)
        return 0;
    if (row->index != machine->n_members || row->wave >= ROLLOUT_WAVES || row->state == WIRE_MEMBER_NULL)
        return base_error_set (loading->error, -EBADMSG,
                               "a member of a rollout in the database has an invalid index, wave or state");
    if (machine->n_members == loading->capacity) {
        uint32_t capacity = loading->capacity ? 2 * loading->capacity : 64;
        struct rollout_member *members = reallocarray (machine->members, capacity, sizeof *members);
        struct deploy_member *more;
        if (members)
            machine->members = members;
        more = reallocarray (rollout->members, capacity, sizeof *more);
        if (more)
            rollout->members = more;
        if (!members || !more)
            return -ENOMEM;
        loading->capacity = capacity;
    }
    member = &rollout->members[machine->n_members];
    *member = (struct deploy_member){.epoch = row->epoch,
                                     .verb = row->verb,
                                     .ordered_ms = row->ordered_ms,
                                     .since_ms = row->since_ms,
                                     .real_ms = row->real_ms,
                                     .took_ms = row->took_ms,
                                     .revision = row->revision};
    machine->members[machine->n_members++] = deploy_member_restore (row);
    if (wire_text_set (&member->id, row->node) != 0 ||
        wire_text_set (&member->transaction, row->transaction) != 0 ||
        wire_text_set (&member->step, row->step) != 0 || wire_text_set (&member->reason, row->reason) != 0)
        return -ENOMEM;
    machine->members[machine->n_members - 1].was_unfit =
        row->state == WIRE_MEMBER_ORDERED && row->step && strcmp (row->step, DEPLOY_UNFIT_STEP) == 0;
    return 0;
}

/*  Restores the waves from the members. Returns 0 or -EBADMSG. */
static int waves_load (struct rollout *machine)
{
    for (uint32_t i = 0; i < machine->n_members; i++) {
        struct rollout_wave *wave = &machine->waves[machine->members[i].wave];
        if (wave->count++ == 0)
            wave->first = i;
        if (i > 0 && machine->members[i].wave < machine->members[i - 1].wave)
            return -EBADMSG;
    }
    machine->n_waves = machine->n_members ? machine->members[machine->n_members - 1].wave + 1 : 0;
    return machine->n_waves == 0 || machine->n_waves > machine->spec.n_waves ||
                   machine->wave >= machine->n_waves
               ? -EBADMSG
               : 0;
}

/*  Completes the machine of a loaded rollout. A node is offline until a message of it arrives. A node that
    lost the previous broker waits for its reconnect delay, so it counts as silent only after that. */
static int machine_wake (struct deploy *deploy, struct deploy_rollout *rollout, uint64_t now_ms)
{
    struct rollout *machine = &rollout->machine;
    int r = deploy_rollout_index (deploy, rollout);

    if (r < 0)
        return r;
    machine->failure_domains = calloc (machine->n_failure_domains, sizeof *machine->failure_domains);
    if (!machine->failure_domains)
        return -ENOMEM;
    for (uint32_t i = 0; i < machine->n_members; i++) {
        struct deploy_node node;
        bool known = deploy->ops->node (deploy->context, rollout->members[i].id, &node);
        struct rollout_member *member = &machine->members[i];
        member->failure_domain =
            value_number (rollout, failure_domain_of (deploy, rollout, known ? &node : NULL));
        member->online = known && node.online;
        member->lost_ms = member->online ? 0 : now_ms + deploy->times.reconnect_ms;
    }
    machine->settle_ms = 2 * deploy->times.liveness_ms;
    return rollout_resume (machine);
}

int deploy_rollout_load (struct deploy *deploy, const struct records_rollout *row,
                         struct deploy_rollout **ret_rollout, struct base_error *error)
{
    base_assert (deploy && deploy->records && row && ret_rollout);
    base_cleanup (rollout_free_p) struct deploy_rollout *rollout = calloc (1, sizeof *rollout);
    struct loading loading = {.rollout = rollout, .error = error};
    struct rollout *machine;
    int r;

    if (!rollout)
        return -ENOMEM;
    rollout->serial = row->serial;
    rollout->live = row->live;
    rollout->since_ms = row->phase_ms;
    machine = &rollout->machine;
    *machine = (struct rollout){.wave = row->wave,
                                .phase = row->state.phase,
                                .paused = row->state.paused,
                                .gate = row->state.gate,
                                .phase_ms = row->phase_ms,
                                .wave_ms = row->wave_ms,
                                .stopped_ms = row->stopped_ms,
                                .stop_ms = row->stop_ms,
                                .evidence = evidence_restore (&row->evidence)};
    if (row->state.reason)
        (void) snprintf (machine->reason, sizeof machine->reason, "%s", row->state.reason);
    r = wire_copy (&wire_rollout_record, row->state.spec, &machine->spec);
    if (r < 0)
        return r;
    r = wire_copy (&wire_rollout_state_record, &row->state, &rollout->state);
    if (r < 0)
        return r;
    r = records_members (deploy->records, row->serial, 0, 0, member_load, &loading, error);
    if (r < 0)
        return r;
    r = waves_load (machine);
    if (r < 0)
        return r;
    if (rollout->state.n_waves != machine->n_waves)
        return -EBADMSG;
    r = machine_wake (deploy, rollout, deploy_now_ms (deploy));
    if (r < 0)
        return r;
    deploy_rollout_check (rollout);
    *ret_rollout = base_take (rollout);
    return 0;
}

/*  A count of the nodes that are not members. */
struct counting {
    const struct deploy *deploy;
    const struct deploy_rollout *rollout;
    struct rollout_failure_domain *now;
};

static int other_count (void *context, const struct deploy_node *node)
{
    const struct counting *counting = context;
    const struct deploy_rollout *rollout = counting->rollout;
    uint32_t number = value_number (rollout, failure_domain_of (counting->deploy, rollout, node));

    if (number == ROLLOUT_NOBODY || deploy_rollout_find (rollout, node->id) != ROLLOUT_NOBODY)
        return 0;
    base_assert (number < rollout->machine.n_failure_domains);
    counting->now[number].others++;
    counting->now[number].others_lost += !node->online;
    return 0;
}

void deploy_rollout_count_others (struct deploy *deploy, struct deploy_rollout *rollout)
{
    base_assert (deploy && rollout && rollout->others);
    struct rollout *machine = &rollout->machine;
    base_cleanup (base_free_p) struct rollout_failure_domain *now =
        calloc (machine->n_failure_domains, sizeof *now);
    struct counting counting = {.deploy = deploy, .rollout = rollout, .now = now};

    if (!now)
        return;
    (void) deploy->ops->nodes (deploy->context, other_count, &counting);
    for (uint32_t i = 0; i < machine->n_failure_domains; i++) {
        struct rollout_failure_domain *then = &rollout->others[i];
        rollout_other (machine, i, (int) (now[i].others - then->others),
                       (int) (now[i].others_lost - then->others_lost));
        *then = now[i];
    }
}

bool deploy_rollout_comes_before (const struct deploy_rollout *rollout, const struct deploy_rollout *other)
{
    base_assert (rollout && other);
    return strcmp (rollout->machine.spec.application, other->machine.spec.application) == 0 &&
           (rollout->machine.phase != WIRE_PHASE_QUEUED || rollout->serial < other->serial);
}

/*  Returns the newest rollout, except `but`, that has the node and has not ended with it; NULL: none. Queued
    rollouts count only if their serial is below queued_until. */
static struct deploy_rollout *rollout_of_node (struct deploy *deploy, const struct deploy_rollout *but,
                                               const char *node, const char *application,
                                               uint64_t queued_until, uint32_t *ret_index)
{
    base_assert (node && application && ret_index);
    for (size_t i = deploy->n_live; i > 0; i--) {
        struct deploy_rollout *rollout = deploy->live[i - 1];
        uint32_t index;
        if (rollout == but || strcmp (rollout->machine.spec.application, application) != 0)
            continue;
        if (rollout_is_over (&rollout->machine) && rollout->machine.under_way == 0)
            continue;
        if (rollout->machine.phase == WIRE_PHASE_QUEUED && rollout->serial >= queued_until)
            continue;
        index = deploy_rollout_find (rollout, node);
        if (index == ROLLOUT_NOBODY || rollout->machine.members[index].state == WIRE_MEMBER_TAKEN)
            continue;
        *ret_index = index;
        return rollout;
    }
    return NULL;
}

struct deploy_rollout *deploy_rollout_of (struct deploy *deploy, const char *node, const char *application,
                                          uint32_t *ret_index)
{
    base_assert (deploy && node && application && ret_index);
    return rollout_of_node (deploy, NULL, node, application, 0, ret_index);
}

struct deploy_rollout *deploy_rollout_before (struct deploy *deploy, const struct deploy_rollout *rollout,
                                              const char *node, const char *application, uint32_t *ret_index)
{
    base_assert (deploy && node && application && ret_index);
    return rollout_of_node (deploy, rollout, node, application, rollout ? rollout->serial : UINT64_MAX,
                            ret_index);
}

uint64_t deploy_now_ms (struct deploy *deploy)
{
    base_assert (deploy);
    return deploy_clock_ms (&deploy->clock, base_time_boot_ms ());
}
