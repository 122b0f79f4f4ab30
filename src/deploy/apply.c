/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/apply.c - writes the actions of a machine with their orders, and sends them */

#include "deploy/apply.h"

#include <errno.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "deploy/rollout.h"
#include "deploy/state.h"
#include "wire/text.h"

/*  Returns the current wall-clock time as text, for people. */
static const char *time_text (char text[BASE_TIME_TEXT])
{
    return base_time_format (base_time_real_ns (), text);
}

/*  The work of one transaction, which is published when it is on disk. */
struct batch {
    struct deploy *deploy;
    struct deploy_rollout *rollout;
    uint64_t now_ms;
    struct base_error *error;
    struct {
        uint32_t member;
        uint64_t epoch;
        enum wire_order verb;
    } orders[DEPLOY_ORDERS_MOST];
    struct wire_transition transitions[DEPLOY_TRANSITIONS_MOST]; /* owned */
    unsigned n_orders, n_transitions;
    bool wrote;        /* the state of the rollout must be written */
    bool more;         /* the machine has more actions than fit into this transaction */
    uint64_t until_ms; /* when to check the machine again */
};

static void batch_free_p (struct batch **batch)
{
    for (unsigned i = 0; *batch && i < (*batch)->n_transitions; i++)
        wire_transition_deinit (&(*batch)->transitions[i]);
    free (*batch);
}

static int member_write (struct batch *batch, uint32_t index)
{
    base_assert (index < batch->rollout->machine.n_members);
    struct deploy_rollout *rollout = batch->rollout;
    struct deploy_member *member = &rollout->members[index];
    struct rollout_member *state = &rollout->machine.members[index];

    if (member->since_ms != state->since_ms || member->real_ms == 0) {
        member->since_ms = state->since_ms;
        member->real_ms = base_time_real_ns () / 1000000;
    }
    struct records_member row = {.index = index,
                                 .node = member->id,
                                 .epoch = member->epoch,
                                 .verb = member->verb,
                                 .transaction = member->transaction,
                                 .ordered_ms = member->ordered_ms,
                                 .took_ms = member->took_ms,
                                 .real_ms = member->real_ms,
                                 .step = member->step,
                                 .reason = member->reason};
    int r = records_revision_next (batch->deploy->records, &member->revision, batch->error);
    if (r < 0)
        return r;
    deploy_member_save (state, &row);
    row.revision = member->revision;
    r = records_member_put (batch->deploy->records, rollout->serial, &row, batch->error);
    if (r < 0)
        return r;
    state->kept = true;
    return 0;
}

/*  Reads the last report and the desired state of a member. If there is no record, ret_application is
    null. */
static int application_read (const struct batch *batch, uint32_t index,
                             struct records_application *ret_application)
{
    base_assert (index < batch->rollout->machine.n_members);
    const struct deploy_rollout *rollout = batch->rollout;
    int r = records_application_get (batch->deploy->records, rollout->members[index].id,
                                     rollout->machine.spec.application, ret_application, batch->error);

    return r == -ENOENT ? 0 : r;
}

/*  The order was refused. A node that a person holds or updates is skipped, because that is no failure of the
    release; any other node has failed. */
static int member_not_ordered (struct batch *batch, uint32_t index, enum rollout_kind kind,
                               const struct wire_order_result *ordered)
{
    base_assert (ordered->status != WIRE_STATUS_OK);
    struct deploy_rollout *rollout = batch->rollout;
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    struct deploy_member *member = &rollout->members[index];
    int r = application_read (batch, index, &application);
    if (r < 0)
        return r;
    if (kind == ROLLOUT_CANCEL) /* the update has ended or switched: the node will report the result */
        return 0;
    bool skip = ordered->status == WIRE_STATUS_BUSY || batch->deploy->ops->held (&application);
    if (wire_text_set (&member->step, "order") != 0 || wire_text_set (&member->reason, ordered->reason) != 0)
        return -ENOMEM;
    member->epoch = 0;
    rollout_ended (&rollout->machine, index, skip ? ROLLOUT_SKIPPED : ROLLOUT_FAILED, batch->now_ms);
    return 0;
}

/*  *ret_back: a member that is to revert already runs another release. Either it was not updated, because it
    ran the same program, or it was reverted by another order. A report from before it accepted the order does
    not count. */
static int member_is_reverted (const struct batch *batch, uint32_t index, bool *ret_back)
{
    const struct deploy_rollout *rollout = batch->rollout;
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    int r = application_read (batch, index, &application);
    if (r < 0)
        return r;
    *ret_back =
        application.is_reported && application.reported.epoch >= rollout->members[index].epoch &&
        !base_digest_equal (&application.reported.release, &rollout->machine.spec.release) &&
        (application.reported.state == WIRE_STATE_IDLE || application.reported.state == WIRE_STATE_UNFIT);
    return 0;
}

static int issued_write (const struct batch *batch, uint32_t index, enum wire_order verb,
                         const struct wire_order_result *ordered)
{
    base_assert (index < batch->rollout->machine.n_members && ordered->epoch > 0);
    const struct deploy_rollout *rollout = batch->rollout;
    char time[BASE_TIME_TEXT];
    struct records_issued issued = {.node = rollout->members[index].id,
                                    .application = rollout->machine.spec.application,
                                    .epoch = ordered->epoch,
                                    .verb = verb,
                                    .transaction = ordered->transaction,
                                    .rollout = rollout->state.id,
                                    .wave = rollout->machine.members[index].wave + 1,
                                    .time = time_text (time)};

    return records_issued_put (batch->deploy->records, &issued, batch->error);
}

static int order_issued (struct batch *batch, uint32_t index, enum wire_order verb,
                         const struct wire_order_result *ordered, uint64_t epoch)
{
    struct deploy_member *member = &batch->rollout->members[index];

    if (verb != WIRE_ORDER_CANCEL) {
        member->epoch = ordered->epoch;
        member->verb = verb;
        member->settle_ms = 0;
        if (wire_text_set (&member->step, NULL) != 0 || wire_text_set (&member->reason, NULL) != 0)
            return -ENOMEM;
    }
    if (verb == WIRE_ORDER_UPDATE) {
        member->ordered_ms = batch->now_ms;
        member->took_ms = 0;
        if (wire_text_set (&member->transaction, ordered->transaction) != 0)
            return -ENOMEM;
    }
    if (epoch == 0) /* the order is under way already */
        return 0;
    base_assert (batch->n_orders < DEPLOY_ORDERS_MOST);
    batch->orders[batch->n_orders].member = index;
    batch->orders[batch->n_orders].epoch = epoch;
    batch->orders[batch->n_orders].verb = verb;
    batch->n_orders++;
    return issued_write (batch, index, verb, ordered);
}

static int order_give (struct batch *batch, uint32_t index, enum rollout_kind kind)
{
    struct deploy *deploy = batch->deploy;
    struct deploy_rollout *rollout = batch->rollout;
    base_cleanup (wire_order_result_deinit) struct wire_order_result ordered = {.epoch = 0};
    struct deploy_order order = {.verb = kind == ROLLOUT_ORDER    ? WIRE_ORDER_UPDATE
                                         : kind == ROLLOUT_REVERT ? WIRE_ORDER_REVERT
                                                                  : WIRE_ORDER_CANCEL,
                                 .node = rollout->members[index].id,
                                 .application = rollout->machine.spec.application,
                                 .release = &rollout->machine.spec.release};
    uint64_t epoch = 0;
    bool back = false;
    int r;

    base_assert (kind == ROLLOUT_ORDER || kind == ROLLOUT_REVERT || kind == ROLLOUT_CANCEL);
    if (kind == ROLLOUT_REVERT) {
        r = member_is_reverted (batch, index, &back);
        if (r < 0)
            return r;
    }
    if (back) {
        rollout->members[index].epoch = 0;
        rollout_ended (&rollout->machine, index, ROLLOUT_REVERTED, batch->now_ms);
        return 0;
    }
    r = deploy->ops->order (deploy->context, &order, &ordered, &epoch, batch->error);
    if (r < 0)
        return r;
    if (ordered.status != WIRE_STATUS_OK)
        return member_not_ordered (batch, index, kind, &ordered);
    return order_issued (batch, index, order.verb, &ordered, epoch);
}

/*  Sets a time that is not set yet to the current one. */
static int wave_time_set (const char **field)
{
    char text[BASE_TIME_TEXT];

    return *field ? 0 : wire_text_set (field, time_text (text));
}

/*  Records when waves began and ended. */
static int waves_time_set (struct deploy_rollout *rollout)
{
    const struct rollout *machine = &rollout->machine;

    base_assert (rollout->state.n_waves == machine->n_waves);
    for (uint32_t i = 0; i < machine->n_waves; i++) {
        struct wire_wave_state *wave = &rollout->state.waves[i];
        bool is_current = i == machine->wave;
        bool is_started = is_current && machine->members[machine->waves[i].first].start_ms;
        bool is_done = is_current && machine->phase == WIRE_PHASE_DONE;
        if ((i < machine->wave || is_started) && wave_time_set (&wave->started) != 0)
            return -ENOMEM;
        if ((i < machine->wave || is_done) && wave_time_set (&wave->ended) != 0)
            return -ENOMEM;
    }
    return 0;
}

/*  Writes a transition if phase, wave or pause have changed, or if there is a command of an operator (by). */
static int transition_write (struct batch *batch, const struct deploy_steering *by)
{
    struct deploy_rollout *rollout = batch->rollout;
    const struct rollout *machine = &rollout->machine;
    struct wire_rollout_state *state = &rollout->state;
    bool moved = state->phase != machine->phase || state->wave != machine->wave + 1 ||
                 state->paused != machine->paused;
    char time[BASE_TIME_TEXT];
    const char *reason = by && by->reason ? by->reason : machine->reason[0] && moved ? machine->reason : NULL;
    struct wire_transition transition = {.rollout = state->id,
                                         .time = time_text (time),
                                         .phase = machine->phase,
                                         .wave = machine->wave + 1,
                                         .paused = machine->paused,
                                         .command = by ? by->command : WIRE_COMMAND_NULL,
                                         .user = by ? by->user : NULL,
                                         .reason = reason};
    int r;

    if (!moved && !by)
        return 0;
    base_assert (batch->n_transitions < DEPLOY_TRANSITIONS_MOST);
    r = records_transition_add (batch->deploy->records, rollout->serial, &transition, batch->error);
    if (r < 0)
        return r;
    r = wire_copy (&wire_transition_record, &transition, &batch->transitions[batch->n_transitions]);
    if (r < 0)
        return r;
    batch->n_transitions++;
    state->phase = machine->phase;
    state->wave = machine->wave + 1;
    state->paused = machine->paused;
    return waves_time_set (rollout);
}

/*  Changes the reason of a skipped member whose host is unfit: it does not retry by itself any more. */
static int unfit_reason_end (struct deploy_rollout *rollout, uint32_t index)
{
    base_assert (index < rollout->machine.n_members);
    struct deploy_member *member = &rollout->members[index];
    char *next, *reason;

    if (rollout->machine.members[index].state != WIRE_MEMBER_SKIPPED || !member->step || !member->reason ||
        strcmp (member->step, DEPLOY_UNFIT_STEP) != 0)
        return 0;
    next = strstr (member->reason, DEPLOY_UNFIT_NEXT);
    if (!next)
        return 0;
    reason = wire_reason ("%.*s; unfit until its deadline: nodectl rollout retry %s %s",
                          (int) (next - member->reason), member->reason, rollout->state.id, member->id);
    if (!reason)
        return -ENOMEM;
    wire_text_give (&member->reason, reason);
    return 0;
}

static int action_write (struct batch *batch, const struct rollout_action *action)
{
    int r;

    batch->wrote = true;
    if (action->kind == ROLLOUT_TRANSITION)
        return transition_write (batch, NULL);
    base_assert (action->member < batch->rollout->machine.n_members);
    r = unfit_reason_end (batch->rollout, action->member);
    if (r < 0)
        return r;
    if (action->kind != ROLLOUT_KEEP) {
        r = order_give (batch, action->member, action->kind);
        if (r < 0)
            return r;
    }
    return member_write (batch, action->member);
}

/*  Writes the members whose pending actions have no room in this transaction. */
static int pending_write (struct batch *batch)
{
    const struct rollout *machine = &batch->rollout->machine;

    for (uint32_t i = machine->pending_first; i != ROLLOUT_NOBODY; i = machine->members[i].pending_next) {
        base_assert (i < machine->n_members);
        if (machine->members[i].kept)
            continue;
        int r = member_write (batch, i);
        if (r < 0)
            return r;
    }
    return 0;
}

/*  Returns whether reports of its nodes can still change the rollout. One that has ended may have nodes that
    were under way at its end and are to be reverted. */
static bool rollout_is_active (const struct deploy_rollout *rollout)
{
    const struct rollout *machine = &rollout->machine;

    if (!rollout_is_over (machine) || machine->under_way > 0 || machine->pending_first != ROLLOUT_NOBODY)
        return true;
    if (machine->phase != WIRE_PHASE_REVERTED)
        return false;
    for (uint32_t i = 0; i < machine->n_members; i++)
        if (machine->members[i].state == WIRE_MEMBER_OVERDUE ||
            machine->members[i].state == WIRE_MEMBER_STUCK)
            return true;
    return false;
}

static int state_write (struct batch *batch)
{
    struct records *records = batch->deploy->records;
    struct deploy_rollout *rollout = batch->rollout;
    const struct rollout *machine = &rollout->machine;
    struct records_rollout row = {.serial = rollout->serial,
                                  .wave = machine->wave,
                                  .phase_ms = machine->phase_ms,
                                  .wave_ms = machine->wave_ms,
                                  .stopped_ms = machine->stopped_ms,
                                  .stop_ms = machine->stop_ms,
                                  .evidence = deploy_evidence_save (&machine->evidence)};
    int r;

    rollout->live = row.live = rollout_is_active (rollout);
    r = deploy_rollout_describe (rollout, batch->now_ms);
    if (r < 0)
        return r;
    r = records_revision_next (records, &rollout->state.revision, batch->error);
    if (r < 0)
        return r;
    row.state = rollout->state;
    r = records_rollout_put (records, &row, batch->error);
    if (r < 0)
        return r;
    return records_clock_put (records, batch->now_ms, batch->error);
}

/*  Writes the actions of the machine, as many as fit into the transaction. */
static int actions_write (struct batch *batch)
{
    for (;;) {
        if (batch->n_orders == DEPLOY_ORDERS_MOST || batch->n_transitions == DEPLOY_TRANSITIONS_MOST) {
            batch->more = true;
            return 0;
        }
        struct rollout_action action =
            rollout_next (&batch->rollout->machine, batch->now_ms, base_time_real_ns () / 1000000);
        if (action.kind == ROLLOUT_WAIT) {
            batch->until_ms = action.until_ms;
            return 0;
        }
        int r = action_write (batch, &action);
        if (r < 0)
            return r;
    }
}

/*  Writes the whole batch, within the transaction. */
static int batch_write (struct batch *batch, const struct deploy_steering *by)
{
    struct deploy_rollout *rollout = batch->rollout;
    int r;

    if (by && by->begin) {
        r = by->begin (by->context, rollout, batch->error);
        if (r < 0)
            return r;
    }
    if (by) {
        batch->wrote = true;
        r = transition_write (batch, by);
        if (r < 0)
            return r;
    }
    r = actions_write (batch);
    if (r < 0)
        return r;
    if (batch->more) {
        r = pending_write (batch);
        if (r < 0)
            return r;
    }
    if (batch->wrote) {
        r = state_write (batch);
        if (r < 0)
            return r;
    }
    return by && by->end ? by->end (by->context, rollout, batch->error) : 0;
}

static void batch_publish (const struct batch *batch)
{
    base_assert (batch->n_orders <= DEPLOY_ORDERS_MOST && batch->n_transitions <= DEPLOY_TRANSITIONS_MOST);
    struct deploy *deploy = batch->deploy;
    struct deploy_rollout *rollout = batch->rollout;
    const char *nodes[DEPLOY_ORDERS_MOST];
    size_t n_nodes = 0;
    uint64_t highest = 0;

    for (unsigned i = 0; i < batch->n_transitions; i++) {
        const struct wire_transition *transition = &batch->transitions[i];
        base_log (BASE_LOG_INFO, "rollout %s: %s%s, wave %llu of %zu%s%s", rollout->state.id,
                  wire_phase_word (transition->phase), transition->paused ? ", paused" : "",
                  (unsigned long long) transition->wave, rollout->state.n_waves,
                  transition->reason ? ": " : "", transition->reason ? transition->reason : "");
    }
    if (batch->wrote)
        deploy->ops->changed (deploy->context, rollout, batch->transitions, batch->n_transitions);
    for (unsigned i = 0; i < batch->n_orders; i++) {
        base_assert (batch->orders[i].member < rollout->machine.n_members);
        const struct deploy_member *member = &rollout->members[batch->orders[i].member];
        base_log (BASE_LOG_DEBUG, "rollout %s: node %s: %s ordered, epoch %llu", rollout->state.id,
                  member->id, wire_order_word (batch->orders[i].verb),
                  (unsigned long long) batch->orders[i].epoch);
        nodes[n_nodes++] = member->id;
        if (batch->orders[i].epoch > highest)
            highest = batch->orders[i].epoch;
    }
    deploy->ops->announce (deploy->context, nodes, n_nodes, rollout->machine.spec.application, highest);
}

int deploy_rollout_apply (struct deploy *deploy, struct deploy_rollout *rollout,
                          const struct deploy_steering *by, struct base_error *error)
{
    deploy_rollout_check (rollout);
    base_assert (deploy && deploy->records && !rollout->broken);
    base_cleanup (batch_free_p) struct batch *batch = calloc (1, sizeof *batch);
    int r;

    if (!batch)
        return -ENOMEM;
    batch->deploy = deploy;
    batch->rollout = rollout;
    batch->now_ms = deploy_now_ms (deploy);
    batch->error = error;
    deploy->ops->settle (deploy->context);
    r = records_begin (deploy->records, error);
    if (r == 0)
        r = batch_write (batch, by);
    if (r == 0)
        r = records_commit (deploy->records, error);
    if (r < 0) {
        records_rollback (deploy->records);
        return r;
    }
    if (batch->wrote)
        deploy->clock.kept_ms = batch->now_ms;
    batch_publish (batch);
    rollout->due_ms = batch->more ? 0 : batch->until_ms;
    return 0;
}
