/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollouts_carry.c - writes the actions of a machine with their orders, and sends them */

#include "broker/rollouts_carry.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "broker/orders.h"
#include "broker/private.h"
#include "broker/rollouts_state.h"
#include "broker/text.h"

/*  Writes the current wall-clock time, for people. */
static const char *time_text (char text[BASE_TIME_TEXT])
{
    return base_time_format (base_time_real_ns (), text);
}

/*  What one transaction has written, to be sent when it is on disk. */
struct batch {
    struct {
        uint32_t member;
        uint64_t epoch;
        enum wire_verb verb;
    } orders[BROKER_ROLLOUT_ORDERS];
    struct wire_turn turns[BROKER_ROLLOUT_TURNS]; /* owned */
    unsigned n_orders, n_turns;
    bool wrote, more;
    uint64_t until_ms;
};

static void batch_free_p (struct batch **batch)
{
    for (unsigned i = 0; *batch && i < (*batch)->n_turns; i++)
        wire_turn_deinit (&(*batch)->turns[i]);
    free (*batch);
}

static int member_write (struct broker *broker, struct broker_rollout *rollout, uint32_t index,
                         struct base_error *error)
{
    struct broker_member *member = &rollout->members[index];
    struct rollout_member *state = &rollout->machine.members[index];

    if (member->since_ms != state->since_ms || member->real_ms == 0) {
        member->since_ms = state->since_ms;
        member->real_ms = base_time_real_ns () / 1000000;
    }
    struct broker_member_row row = {.index = index,
                                    .node = member->id,
                                    .member = *state,
                                    .epoch = member->epoch,
                                    .verb = member->verb,
                                    .transaction = member->transaction,
                                    .ordered_ms = member->ordered_ms,
                                    .took_ms = member->took_ms,
                                    .real_ms = member->real_ms,
                                    .step = member->step,
                                    .reason = member->reason};
    int r = broker_store_revision_next (broker->store, &member->revision, error);

    row.revision = member->revision;
    if (r == 0)
        r = broker_store_member_put (broker->store, rollout->serial, &row, error);
    if (r == 0)
        state->kept = true;
    return r;
}

/*  Reads the last report and the desired state of a member. If there is no record, ret_application is
    null. */
static int application_read (struct broker *broker, const struct broker_rollout *rollout, uint32_t index,
                             struct broker_application *ret_application, struct base_error *error)
{
    int r = broker_store_application_get (broker->store, rollout->members[index].id,
                                          rollout->machine.spec.application, ret_application, error);

    return r == -ENOENT ? 0 : r;
}

/*  No order was made. If a person holds the node, or updates it, that says nothing about the release: it is
    skipped. */
static int not_given (struct broker *broker, struct broker_rollout *rollout, uint32_t index,
                      enum rollout_kind kind, const struct wire_ordered *ordered, uint64_t now_ms,
                      struct base_error *error)
{
    base_cleanup (broker_application_deinit) struct broker_application application = {.epoch = 0};
    struct broker_member *member = &rollout->members[index];
    int r = application_read (broker, rollout, index, &application, error);
    bool skip = ordered->status == WIRE_STATUS_BUSY || broker_order_held (&application);

    if (r != 0)
        return r;

    if (kind == ROLLOUT_CANCEL) /* it has ended, or has switched: its result will be reported */
        return 0;
    if (broker_text_set (&member->step, "order") != 0 ||
        broker_text_set (&member->reason, ordered->reason) != 0)
        return -ENOMEM;
    member->epoch = 0;
    rollout_ended (&rollout->machine, index, skip ? ROLLOUT_SKIPPED : ROLLOUT_FAILED, now_ms);
    return 0;
}

/*  *ret_back: a member that is to revert already runs another release. Either it was never updated, because
    it ran the same program, or it was reverted by someone else. A report from before it accepted the order
    does not count. */
static int is_back (struct broker *broker, const struct broker_rollout *rollout, uint32_t index,
                    bool *ret_back, struct base_error *error)
{
    base_cleanup (broker_application_deinit) struct broker_application application = {.epoch = 0};
    int r = application_read (broker, rollout, index, &application, error);

    *ret_back = r == 0 && application.is_told && application.told.epoch >= rollout->members[index].epoch &&
                !base_digest_equal (&application.told.release, &rollout->machine.spec.release) &&
                (application.told.state == WIRE_STATE_IDLE || application.told.state == WIRE_STATE_UNFIT);
    return r;
}

static int note_given (struct broker *broker, const struct broker_rollout *rollout, uint32_t index,
                       enum wire_verb verb, const struct wire_ordered *ordered, struct base_error *error)
{
    char time[BASE_TIME_TEXT];
    struct broker_given given = {.node = rollout->members[index].id,
                                 .application = rollout->machine.spec.application,
                                 .epoch = ordered->epoch,
                                 .verb = verb,
                                 .transaction = ordered->transaction,
                                 .rollout = rollout->state.id,
                                 .wave = rollout->machine.members[index].wave + 1,
                                 .time = time_text (time)};

    return broker_store_given_put (broker->store, &given, error);
}

static int order_given (struct broker *broker, struct broker_rollout *rollout, uint32_t index,
                        enum wire_verb verb, const struct wire_ordered *ordered, uint64_t epoch,
                        struct batch *batch, uint64_t now_ms, struct base_error *error)
{
    struct broker_member *member = &rollout->members[index];

    if (verb != WIRE_VERB_CANCEL) {
        member->epoch = ordered->epoch;
        member->verb = verb;
        member->settle_ms = 0;
        if (broker_text_set (&member->step, NULL) != 0 || broker_text_set (&member->reason, NULL) != 0)
            return -ENOMEM;
    }
    if (verb == WIRE_VERB_UPDATE) {
        member->ordered_ms = now_ms;
        member->took_ms = 0;
        if (broker_text_set (&member->transaction, ordered->transaction) != 0)
            return -ENOMEM;
    }
    if (epoch == 0) /* it was under way already, and is reported again */
        return 0;
    batch->orders[batch->n_orders].member = index;
    batch->orders[batch->n_orders].epoch = epoch;
    batch->orders[batch->n_orders].verb = verb;
    batch->n_orders++;
    return note_given (broker, rollout, index, verb, ordered, error);
}

static int order_give (struct broker *broker, struct broker_rollout *rollout, uint32_t index,
                       enum rollout_kind kind, struct batch *batch, uint64_t now_ms, struct base_error *error)
{
    const struct broker_node *node = broker_registry_find (&broker->registry, rollout->members[index].id);
    base_cleanup (wire_ordered_deinit) struct wire_ordered ordered = {.epoch = 0};
    struct broker_order order = {.verb = kind == ROLLOUT_ORDER  ? WIRE_VERB_UPDATE
                                         : kind == ROLLOUT_BACK ? WIRE_VERB_REVERT
                                                                : WIRE_VERB_CANCEL,
                                 .application = rollout->machine.spec.application,
                                 .release = &rollout->machine.spec.release,
                                 .node = rollout->members[index].id,
                                 .platform = node ? node->platform : "",
                                 .online = node && node->online,
                                 .no_hold = true,
                                 .now_ms = base_time_real_ns () / 1000000};
    uint64_t epoch = 0;
    bool back = false;
    int r = kind == ROLLOUT_BACK ? is_back (broker, rollout, index, &back, error) : 0;

    if (r != 0)
        return r;
    if (back) {
        rollout->members[index].epoch = 0;
        rollout_ended (&rollout->machine, index, ROLLOUT_REVERTED, now_ms);
        return 0;
    }
    r = broker_order_make (broker->store, &order, &ordered, &epoch, error);
    if (r != 0)
        return r;
    return ordered.status == WIRE_STATUS_OK
               ? order_given (broker, rollout, index, order.verb, &ordered, epoch, batch, now_ms, error)
               : not_given (broker, rollout, index, kind, &ordered, now_ms, error);
}

static int wave_time (char **field)
{
    char text[BASE_TIME_TEXT];

    return *field ? 0 : broker_text_set (field, time_text (text));
}

/*  Records when waves began and ended. */
static int waves_time (struct broker_rollout *rollout)
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
static int turn_write (struct broker *broker, struct broker_rollout *rollout,
                       const struct broker_steering *by, struct batch *batch, struct base_error *error)
{
    const struct rollout *machine = &rollout->machine;
    struct wire_rollout_state *state = &rollout->state;
    bool moved = state->phase != machine->phase || state->wave != machine->wave + 1 ||
                 state->paused != machine->paused;
    char time[BASE_TIME_TEXT];
    const char *reason = by && by->reason ? by->reason : machine->reason[0] && moved ? machine->reason : NULL;
    struct wire_turn turn = {.rollout = state->id,
                             .time = (char *) time_text (time),
                             .phase = machine->phase,
                             .wave = machine->wave + 1,
                             .paused = machine->paused,
                             .command = by ? by->command : WIRE_COMMAND_NULL,
                             .place = by ? (char *) by->place : NULL,
                             .reason = (char *) reason};
    int r;

    if (!moved && !by)
        return 0;
    r = broker_store_turn_add (broker->store, rollout->serial, &turn, error);
    if (r == 0)
        r = wire_copy (&wire_turn_record, &turn, &batch->turns[batch->n_turns]);
    if (r != 0)
        return r;
    batch->n_turns++;
    state->phase = machine->phase;
    state->wave = machine->wave + 1;
    state->paused = machine->paused;
    return waves_time (rollout);
}

/*  A skipped member whose host was unfit does not retry by itself any more: changes its reason. */
static int unfit_left (struct broker_rollout *rollout, uint32_t index)
{
    struct broker_member *member = &rollout->members[index];
    char *next, *reason;

    if (rollout->machine.members[index].state != WIRE_MEMBER_LEFT || !member->step || !member->reason ||
        strcmp (member->step, BROKER_UNFIT_STEP) != 0)
        return 0;
    next = strstr (member->reason, BROKER_UNFIT_NEXT);
    if (!next)
        return 0;
    *next = '\0';
    reason = broker_reason ("%s; unfit until its deadline: nodectl rollout retry %s %s", member->reason,
                            rollout->state.id, member->id);
    if (!reason)
        return -ENOMEM;
    free (member->reason);
    member->reason = reason;
    return 0;
}

static int action_write (struct broker *broker, struct broker_rollout *rollout,
                         const struct rollout_action *action, struct batch *batch, uint64_t now_ms,
                         struct base_error *error)
{
    int r = 0;

    batch->wrote = true;
    if (action->kind == ROLLOUT_TRANSITION)
        return turn_write (broker, rollout, NULL, batch, error);
    r = unfit_left (rollout, action->member);
    if (r == 0 && action->kind != ROLLOUT_KEEP)
        r = order_give (broker, rollout, action->member, action->kind, batch, now_ms, error);
    return r == 0 ? member_write (broker, rollout, action->member, error) : r;
}

/*  Records the pending actions that had no room in this transaction. */
static int pending_write (struct broker *broker, struct broker_rollout *rollout, struct base_error *error)
{
    const struct rollout *machine = &rollout->machine;
    int r = 0;

    for (uint32_t i = machine->pending_first; r == 0 && i != ROLLOUT_NOBODY;
         i = machine->members[i].pending_next)
        if (!machine->members[i].kept)
            r = member_write (broker, rollout, i, error);
    return r;
}

/*  Returns whether something may still happen to it, so that reports must be handled: such as a node that
    was under way when the rollout ended, and is to be reverted. */
static bool is_live (const struct broker_rollout *rollout)
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

static int state_write (struct broker *broker, struct broker_rollout *rollout, uint64_t now_ms,
                        struct base_error *error)
{
    const struct rollout *machine = &rollout->machine;
    struct broker_rollout_row row = {.serial = rollout->serial,
                                     .wave = machine->wave,
                                     .phase_ms = machine->phase_ms,
                                     .wave_ms = machine->wave_ms,
                                     .stopped_ms = machine->stopped_ms,
                                     .stop_ms = machine->stop_ms,
                                     .evidence = machine->evidence};
    int r;

    rollout->live = row.live = is_live (rollout);
    r = broker_rollout_describe (rollout, now_ms);
    if (r == 0)
        r = broker_store_revision_next (broker->store, &rollout->state.revision, error);
    row.state = rollout->state;
    if (r == 0)
        r = broker_store_rollout_put (broker->store, &row, error);
    return r == 0 ? broker_store_watched_put (broker->store, now_ms, error) : r;
}

/*  Writes everything; called in a transaction. */
static int all_write (struct broker *broker, struct broker_rollout *rollout, const struct broker_steering *by,
                      struct batch *batch, uint64_t now_ms, struct base_error *error)
{
    int r = by && by->begin ? by->begin (by->context, rollout, error) : 0;

    if (r == 0 && by) {
        batch->wrote = true;
        r = turn_write (broker, rollout, by, batch, error);
    }
    while (r == 0) {
        struct rollout_action action;
        if (batch->n_orders == BROKER_ROLLOUT_ORDERS || batch->n_turns == BROKER_ROLLOUT_TURNS) {
            batch->more = true;
            break;
        }
        action = rollout_next (&rollout->machine, now_ms, base_time_real_ns () / 1000000);
        if (action.kind == ROLLOUT_WAIT) {
            batch->until_ms = action.until_ms;
            break;
        }
        r = action_write (broker, rollout, &action, batch, now_ms, error);
    }
    if (r == 0 && batch->more)
        r = pending_write (broker, rollout, error);
    if (r == 0 && batch->wrote)
        r = state_write (broker, rollout, now_ms, error);
    if (r == 0 && by && by->end)
        r = by->end (by->context, rollout, error);
    return r;
}

static void batch_tell (struct broker *broker, struct broker_rollout *rollout, const struct batch *batch)
{
    struct broker_node *nodes[BROKER_ROLLOUT_ORDERS];
    size_t n_nodes = 0;
    uint64_t highest = 0;

    for (unsigned i = 0; i < batch->n_turns; i++) {
        const struct wire_turn *turn = &batch->turns[i];
        base_log (BASE_LOG_INFO, "rollout %s: %s%s, wave %llu of %zu%s%s", rollout->state.id,
                  wire_phase_word (turn->phase), turn->paused ? ", paused" : "",
                  (unsigned long long) turn->wave, rollout->state.n_waves, turn->reason ? ": " : "",
                  turn->reason ? turn->reason : "");
        broker_event_turn (broker, rollout, turn);
    }
    for (unsigned i = 0; i < batch->n_orders; i++) {
        const struct broker_member *member = &rollout->members[batch->orders[i].member];
        struct broker_node *node = broker_registry_find (&broker->registry, member->id);
        base_log (BASE_LOG_DEBUG, "rollout %s: node %s: %s ordered, epoch %llu", rollout->state.id,
                  member->id, wire_verb_word (batch->orders[i].verb),
                  (unsigned long long) batch->orders[i].epoch);
        if (!node)
            continue;
        broker_node_changed (broker, node);
        nodes[n_nodes++] = node;
        if (batch->orders[i].epoch > highest)
            highest = batch->orders[i].epoch;
    }
    broker_announce (broker, nodes, n_nodes, rollout->machine.spec.application, highest);
    if (batch->wrote) {
        if (rollout->state.revision > broker->revision)
            broker->revision = rollout->state.revision;
        broker_waiters_wake (&broker->waiters);
    }
}

int broker_rollout_carry (struct broker *broker, struct broker_rollout *rollout,
                          const struct broker_steering *by, struct base_error *error)
{
    base_cleanup (batch_free_p) struct batch *batch = calloc (1, sizeof *batch);
    uint64_t now_ms = broker_rollouts_now_ms (broker);
    int r;

    if (!batch)
        return -ENOMEM;
    broker_round_settle (broker);
    r = broker_store_begin (broker->store, error);
    if (r == 0)
        r = all_write (broker, rollout, by, batch, now_ms, error);
    if (r == 0)
        r = broker_store_commit (broker->store, error);
    if (r != 0) {
        broker_store_rollback (broker->store);
        return r;
    }
    if (batch->wrote)
        broker->rollouts.watch.kept_ms = now_ms;
    batch_tell (broker, rollout, batch);
    rollout->due_ms = batch->more ? 0 : batch->until_ms;
    return 0;
}
