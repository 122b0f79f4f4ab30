/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/apply.c - writes the actions of a machine with their orders, and sends them */

#include "deploy/apply.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "deploy/rollout.h"
#include "deploy/state.h"
#include "wire/text.h"

/*  Writes the current wall-clock time, for people. */
static const char *time_text (char text[BASE_TIME_TEXT])
{
    return base_time_format (base_time_real_ns (), text);
}

/*  What one transaction writes, to be sent when it is on disk. */
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
    struct wire_transition turns[DEPLOY_TURNS_MOST]; /* owned */
    unsigned n_orders, n_turns;
    bool wrote, more;
    uint64_t until_ms;
};

static void batch_free_p (struct batch **batch)
{
    for (unsigned i = 0; *batch && i < (*batch)->n_turns; i++)
        wire_transition_deinit (&(*batch)->turns[i]);
    free (*batch);
}

static int member_write (struct batch *batch, uint32_t index)
{
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

    deploy_member_save (state, &row);
    row.revision = member->revision;
    if (r == 0)
        r = records_member_put (batch->deploy->records, rollout->serial, &row, batch->error);
    if (r == 0)
        state->kept = true;
    return r;
}

/*  Reads the last report and the desired state of a member. If there is no record, ret_application is
    null. */
static int application_read (const struct batch *batch, uint32_t index,
                             struct records_application *ret_application)
{
    const struct deploy_rollout *rollout = batch->rollout;
    int r = records_application_get (batch->deploy->records, rollout->members[index].id,
                                     rollout->machine.spec.application, ret_application, batch->error);

    return r == -ENOENT ? 0 : r;
}

/*  No order was made. If a person holds the node, or updates it, that says nothing about the release: it is
    skipped. */
static int not_given (struct batch *batch, uint32_t index, enum rollout_kind kind,
                      const struct wire_order_result *ordered)
{
    struct deploy_rollout *rollout = batch->rollout;
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    struct deploy_member *member = &rollout->members[index];
    int r = application_read (batch, index, &application);
    bool skip = ordered->status == WIRE_STATUS_BUSY || batch->deploy->ops->held (&application);

    if (r != 0)
        return r;
    if (kind == ROLLOUT_CANCEL) /* it has ended, or has switched: its result will be reported */
        return 0;
    if (wire_text_set (&member->step, "order") != 0 || wire_text_set (&member->reason, ordered->reason) != 0)
        return -ENOMEM;
    member->epoch = 0;
    rollout_ended (&rollout->machine, index, skip ? ROLLOUT_SKIPPED : ROLLOUT_FAILED, batch->now_ms);
    return 0;
}

/*  *ret_back: a member that is to revert already runs another release. Either it was never updated, because
    it ran the same program, or it was reverted by someone else. A report from before it accepted the order
    does not count. */
static int is_back (const struct batch *batch, uint32_t index, bool *ret_back)
{
    const struct deploy_rollout *rollout = batch->rollout;
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    int r = application_read (batch, index, &application);

    *ret_back = r == 0 && application.is_told && application.told.epoch >= rollout->members[index].epoch &&
                !base_digest_equal (&application.told.release, &rollout->machine.spec.release) &&
                (application.told.state == WIRE_STATE_IDLE || application.told.state == WIRE_STATE_UNFIT);
    return r;
}

static int note_given (const struct batch *batch, uint32_t index, enum wire_order verb,
                       const struct wire_order_result *ordered)
{
    const struct deploy_rollout *rollout = batch->rollout;
    char time[BASE_TIME_TEXT];
    struct records_given given = {.node = rollout->members[index].id,
                                  .application = rollout->machine.spec.application,
                                  .epoch = ordered->epoch,
                                  .verb = verb,
                                  .transaction = ordered->transaction,
                                  .rollout = rollout->state.id,
                                  .wave = rollout->machine.members[index].wave + 1,
                                  .time = time_text (time)};

    return records_given_put (batch->deploy->records, &given, batch->error);
}

static int order_given (struct batch *batch, uint32_t index, enum wire_order verb,
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
    if (epoch == 0) /* it was under way already, and is reported again */
        return 0;
    batch->orders[batch->n_orders].member = index;
    batch->orders[batch->n_orders].epoch = epoch;
    batch->orders[batch->n_orders].verb = verb;
    batch->n_orders++;
    return note_given (batch, index, verb, ordered);
}

static int order_give (struct batch *batch, uint32_t index, enum rollout_kind kind)
{
    struct deploy *deploy = batch->deploy;
    struct deploy_rollout *rollout = batch->rollout;
    base_cleanup (wire_order_result_deinit) struct wire_order_result ordered = {.epoch = 0};
    struct deploy_order order = {.verb = kind == ROLLOUT_ORDER  ? WIRE_ORDER_UPDATE
                                         : kind == ROLLOUT_BACK ? WIRE_ORDER_REVERT
                                                                : WIRE_ORDER_CANCEL,
                                 .node = rollout->members[index].id,
                                 .application = rollout->machine.spec.application,
                                 .release = &rollout->machine.spec.release};
    uint64_t epoch = 0;
    bool back = false;
    int r = kind == ROLLOUT_BACK ? is_back (batch, index, &back) : 0;

    if (r != 0)
        return r;
    if (back) {
        rollout->members[index].epoch = 0;
        rollout_ended (&rollout->machine, index, ROLLOUT_REVERTED, batch->now_ms);
        return 0;
    }
    r = deploy->ops->order (deploy->context, &order, &ordered, &epoch, batch->error);
    if (r != 0)
        return r;
    return ordered.status == WIRE_STATUS_OK ? order_given (batch, index, order.verb, &ordered, epoch)
                                            : not_given (batch, index, kind, &ordered);
}

static int wave_time (const char **field)
{
    char text[BASE_TIME_TEXT];

    return *field ? 0 : wire_text_set (field, time_text (text));
}

/*  Records when waves began and ended. */
static int waves_time (struct deploy_rollout *rollout)
{
    const struct rollout *machine = &rollout->machine;
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < rollout->state.n_waves; i++) {
        struct wire_wave_state *wave = &rollout->state.waves[i];
        bool current = i == machine->wave;
        if (i < machine->wave || (current && machine->members[machine->waves[i].first].start_ms))
            r = wave_time (&wave->begun);
        if (r == 0 && (i < machine->wave || (current && machine->phase == WIRE_PHASE_DONE)))
            r = wave_time (&wave->ended);
    }
    return r;
}

/*  Records a transition if phase, wave or pause have changed, or if an operator did something. */
static int turn_write (struct batch *batch, const struct deploy_steering *by)
{
    struct deploy_rollout *rollout = batch->rollout;
    const struct rollout *machine = &rollout->machine;
    struct wire_rollout_state *state = &rollout->state;
    bool moved = state->phase != machine->phase || state->wave != machine->wave + 1 ||
                 state->paused != machine->paused;
    char time[BASE_TIME_TEXT];
    const char *reason = by && by->reason ? by->reason : machine->reason[0] && moved ? machine->reason : NULL;
    struct wire_transition turn = {.rollout = state->id,
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
    r = records_turn_add (batch->deploy->records, rollout->serial, &turn, batch->error);
    if (r == 0)
        r = wire_copy (&wire_transition_record, &turn, &batch->turns[batch->n_turns]);
    if (r != 0)
        return r;
    batch->n_turns++;
    state->phase = machine->phase;
    state->wave = machine->wave + 1;
    state->paused = machine->paused;
    return waves_time (rollout);
}

/*  A skipped member whose host was unfit does not retry by itself any more: changes its reason. */
static int unfit_left (struct deploy_rollout *rollout, uint32_t index)
{
    struct deploy_member *member = &rollout->members[index];
    char *next, *reason;

    if (rollout->machine.members[index].state != WIRE_MEMBER_LEFT || !member->step || !member->reason ||
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
    int r = 0;

    batch->wrote = true;
    if (action->kind == ROLLOUT_TRANSITION)
        return turn_write (batch, NULL);
    r = unfit_left (batch->rollout, action->member);
    if (r == 0 && action->kind != ROLLOUT_KEEP)
        r = order_give (batch, action->member, action->kind);
    return r == 0 ? member_write (batch, action->member) : r;
}

/*  Records the pending actions that had no room in this transaction. */
static int pending_write (struct batch *batch)
{
    const struct rollout *machine = &batch->rollout->machine;
    int r = 0;

    for (uint32_t i = machine->pending_first; r == 0 && i != ROLLOUT_NOBODY;
         i = machine->members[i].pending_next)
        if (!machine->members[i].kept)
            r = member_write (batch, i);
    return r;
}

/*  Returns whether something may still happen to it, so that reports must be handled: such as a node that
    was under way when the rollout ended, and is to be reverted. */
static bool is_live (const struct deploy_rollout *rollout)
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

    rollout->live = row.live = is_live (rollout);
    r = deploy_rollout_describe (rollout, batch->now_ms);
    if (r == 0)
        r = records_revision_next (records, &rollout->state.revision, batch->error);
    row.state = rollout->state;
    if (r == 0)
        r = records_rollout_put (records, &row, batch->error);
    return r == 0 ? records_clock_put (records, batch->now_ms, batch->error) : r;
}

/*  Writes everything; called in a transaction. */
static int all_write (struct batch *batch, const struct deploy_steering *by)
{
    struct deploy_rollout *rollout = batch->rollout;
    int r = by && by->begin ? by->begin (by->context, rollout, batch->error) : 0;

    if (r == 0 && by) {
        batch->wrote = true;
        r = turn_write (batch, by);
    }
    while (r == 0) {
        struct rollout_action action;
        if (batch->n_orders == DEPLOY_ORDERS_MOST || batch->n_turns == DEPLOY_TURNS_MOST) {
            batch->more = true;
            break;
        }
        action = rollout_next (&rollout->machine, batch->now_ms, base_time_real_ns () / 1000000);
        if (action.kind == ROLLOUT_WAIT) {
            batch->until_ms = action.until_ms;
            break;
        }
        r = action_write (batch, &action);
    }
    if (r == 0 && batch->more)
        r = pending_write (batch);
    if (r == 0 && batch->wrote)
        r = state_write (batch);
    if (r == 0 && by && by->end)
        r = by->end (by->context, rollout, batch->error);
    return r;
}

static void batch_publish (const struct batch *batch)
{
    struct deploy *deploy = batch->deploy;
    struct deploy_rollout *rollout = batch->rollout;
    const char *nodes[DEPLOY_ORDERS_MOST];
    size_t n_nodes = 0;
    uint64_t highest = 0;

    for (unsigned i = 0; i < batch->n_turns; i++) {
        const struct wire_transition *turn = &batch->turns[i];
        base_log (BASE_LOG_INFO, "rollout %s: %s%s, wave %llu of %zu%s%s", rollout->state.id,
                  wire_phase_word (turn->phase), turn->paused ? ", paused" : "",
                  (unsigned long long) turn->wave, rollout->state.n_waves, turn->reason ? ": " : "",
                  turn->reason ? turn->reason : "");
    }
    if (batch->wrote)
        deploy->ops->changed (deploy->context, rollout, batch->turns, batch->n_turns);
    for (unsigned i = 0; i < batch->n_orders; i++) {
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
        r = all_write (batch, by);
    if (r == 0)
        r = records_commit (deploy->records, error);
    if (r != 0) {
        records_rollback (deploy->records);
        return r;
    }
    if (batch->wrote)
        deploy->clock.kept_ms = batch->now_ms;
    batch_publish (batch);
    rollout->due_ms = batch->more ? 0 : batch->until_ms;
    return 0;
}
