/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/results.c - passes the reports of nodes to the machine of a rollout

    A result is the last report under the epoch of the order. If it is missing, but the node reports that it
    has completed the order, the result is inferred from the node's state. A node counts as updated only if it
    reports that it runs the release. */

#include "deploy/results.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "deploy/rollout.h"
#include "wire/text.h"

enum { UNSERVED_LOOK_MS = 200 };

static bool state_is_at_rest (enum wire_state state)
{
    return state == WIRE_STATE_NULL || state == WIRE_STATE_IDLE || state == WIRE_STATE_CONFIRMED ||
           state == WIRE_STATE_UNFIT;
}

/*  Moves a text into a field; *text is NULL then. */
static void text_take (const char **field, const char **text)
{
    wire_text_free (field);
    *field = *text;
    *text = NULL;
}

static void member_ended (struct deploy_rollout *rollout, uint32_t index, enum rollout_result result,
                          uint64_t now_ms)
{
    base_assert (index < rollout->machine.n_members);
    struct deploy_member *member = &rollout->members[index];
    enum wire_member before = rollout->machine.members[index].state;

    if (result == ROLLOUT_CONFIRMED && member->step && strcmp (member->step, DEPLOY_UNFIT_STEP) == 0) {
        (void) wire_text_set (&member->step, NULL);
        (void) wire_text_set (&member->reason, NULL);
    }
    rollout_ended (&rollout->machine, index, result, now_ms);
    if (result == ROLLOUT_CONFIRMED && before == WIRE_MEMBER_ORDERED && now_ms > member->ordered_ms)
        member->took_ms = now_ms - member->ordered_ms;
}

static void update_ended (struct deploy_rollout *rollout, uint32_t index,
                          const struct wire_application *reported, struct wire_node *shown, uint64_t now_ms)
{
    base_assert (index < rollout->machine.n_members && shown->outcome != WIRE_OUTCOME_NULL);
    struct deploy_member *member = &rollout->members[index];
    bool runs = base_digest_equal (&reported->release, &rollout->machine.spec.release);
    bool skipped = shown->outcome == WIRE_OUTCOME_CANCELLED ||
                   (shown->outcome == WIRE_OUTCOME_REFUSED && reported->held);

    switch (shown->outcome) {
    case WIRE_OUTCOME_CONFIRMED:
        if (runs)
            member_ended (rollout, index, ROLLOUT_CONFIRMED, now_ms);
        else if (state_is_at_rest (reported->state)) { /* it has been reverted since */
            if (!member->reason)
                member->reason =
                    strdup ("the node reverted to another release, but not by order of the rollout");
            member_ended (rollout, index, ROLLOUT_REVERTED, now_ms);
        }
        return;
    case WIRE_OUTCOME_NOTHING: /* the same program runs, under another release */
        member_ended (rollout, index, ROLLOUT_CONFIRMED, now_ms);
        return;
    default:
        if (rollout->machine.members[index].state == WIRE_MEMBER_FAILED && member->reason)
            return; /* reported before */
        text_take (&member->step, &shown->outcome_step);
        text_take (&member->reason, &shown->outcome_reason);
        member_ended (rollout, index, skipped ? ROLLOUT_SKIPPED : ROLLOUT_FAILED, now_ms);
    }
}

/*  Returns the blob that a content peer sent with wrong bytes; NULL: none. That peer need not be this
    program. */
static const struct base_digest *failure_blob (const struct deploy_member *member,
                                               const struct wire_failure *failure)
{
    return failure && member->transaction && strcmp (failure->transaction, member->transaction) == 0 &&
                   !base_digest_is_null (&failure->blob)
               ? &failure->blob
               : NULL;
}

/*  Returns whether a download failed because the origin lacks a blob of the release: then no node is charged.
    Also returns true if that is not known yet: then the node is checked again. */
static bool update_unserved (struct deploy *deploy, struct deploy_rollout *rollout, uint32_t index,
                             const struct wire_node *shown, const struct wire_failure *failure,
                             uint64_t now_ms)
{
    base_assert (index < rollout->machine.n_members);
    const struct base_digest *corrupt = failure_blob (&rollout->members[index], failure);
    const char *id = rollout->members[index].id;
    struct deploy_node node;
    struct base_digest blob;
    char text[BASE_DIGEST_TEXT], reason[ROLLOUT_REASON];
    int r;

    if (!shown->outcome_step || strcmp (shown->outcome_step, "fetching") != 0 ||
        !deploy->ops->node (deploy->context, id, &node))
        return false;
    r = deploy->ops->serve_verify (deploy->context, &rollout->machine.spec.release, node.platform, &blob);
    if (r == 0 && !corrupt)
        return false;
    if (r == -EBUSY) {
        deploy->ops->recheck (deploy->context, id, base_time_boot_ms () + UNSERVED_LOOK_MS);
        return true;
    }
    (void) snprintf (
        reason, sizeof reason,
        "the blob %s of its release is missing or damaged at the %s: publish it again from the same files,"
        " then resume",
        base_digest_format (r == 0 ? corrupt : &blob, text), r == 0 ? "content peer" : "broker");
    rollout_pause (&rollout->machine, reason);
    member_ended (rollout, index, ROLLOUT_UNSERVED, now_ms);
    return true;
}

/*  Returns whether a node reports on the update that the member was ordered. */
static bool transaction_is_of (const struct deploy_member *member, const char *transaction)
{
    return transaction && member->transaction && strcmp (transaction, member->transaction) == 0;
}

/*  Keeps the reason why an update failed. A node that lost contact or exceeded its deadline reports it only
    after it was ordered to revert. */
static void failure_keep (struct deploy_member *member, const struct wire_failure *failure)
{
    if (!failure || !transaction_is_of (member, failure->transaction))
        return;
    (void) wire_text_set (&member->step, failure->step);
    (void) wire_text_set (&member->reason, failure->reason);
}

static void revert_ended (struct deploy_rollout *rollout, uint32_t index,
                          const struct wire_application *reported, struct wire_node *shown, uint64_t now_ms)
{
    base_assert (index < rollout->machine.n_members && shown->outcome != WIRE_OUTCOME_NULL);
    struct deploy_member *member = &rollout->members[index];

    if (!base_digest_equal (&reported->release, &rollout->machine.spec.release)) {
        if (!state_is_at_rest (reported->state))
            return;
        failure_keep (member, reported->last_error);
        member_ended (rollout, index, ROLLOUT_REVERTED, now_ms);
        return;
    }
    if (shown->outcome == WIRE_OUTCOME_REVERTED)
        return; /* the release that it runs now is reported next */
    text_take (&member->step, &shown->outcome_step);
    text_take (&member->reason, &shown->outcome_reason);
    member_ended (rollout, index, ROLLOUT_FAILED, now_ms);
}

/*  Handles a node on an unfit host, which keeps its order and retries it by itself. The reason and the time
    of the next try are shown to operators. */
static void unfit_look (struct deploy_rollout *rollout, uint32_t index,
                        const struct wire_application *reported)
{
    base_assert (index < rollout->machine.n_members);
    struct deploy_member *member = &rollout->members[index];
    const struct rollout_member *state = &rollout->machine.members[index];
    bool unfit = reported->state == WIRE_STATE_UNFIT && transaction_is_of (member, reported->transaction);
    const struct wire_failure *failure =
        reported->last_error && transaction_is_of (member, reported->last_error->transaction)
            ? reported->last_error
            : NULL;
    char *reason;

    if (state->state != WIRE_MEMBER_ORDERED || (!unfit && !state->unfit))
        return;
    if (unfit) {
        reason = wire_reason ("%s: %.300s" DEPLOY_UNFIT_NEXT "%s", failure ? failure->step : "probing",
                              failure ? failure->reason : "its host is unfit for the update",
                              reported->retry ? reported->retry : "an unknown time");
        if (reason && state->unfit && member->reason && strcmp (member->reason, reason) == 0) {
            free (reason);
            return;
        }
        wire_text_give (&member->reason, reason);
        (void) wire_text_set (&member->step, DEPLOY_UNFIT_STEP);
    }
    rollout_unfit (&rollout->machine, index, unfit ? ROLLOUT_UNFIT : ROLLOUT_TRIES);
}

void deploy_member_look (struct deploy *deploy, struct deploy_rollout *rollout, uint32_t index,
                         uint64_t now_ms)
{
    base_assert (deploy && rollout && index < rollout->machine.n_members);
    base_cleanup (records_application_deinit) struct records_application application = {.epoch = 0};
    base_cleanup (wire_node_deinit) struct wire_node shown = {.revision = 0};
    struct deploy_member *member = &rollout->members[index];
    struct deploy_issued issued = {.verb = member->verb,
                                   .epoch = member->epoch,
                                   .release = &rollout->machine.spec.release,
                                   .transaction = member->transaction};
    struct base_error error = {.code = 0};
    uint64_t boot_ms = base_time_boot_ms ();
    bool missing = false;
    int r;

    if (member->epoch == 0 || rollout->broken)
        return;
    r = records_application_get (deploy->records, member->id, rollout->machine.spec.application, &application,
                                 &error);
    if (r == 0)
        r = deploy->ops->result (deploy->context, &application, &issued,
                                 !member->settle_ms || boot_ms < member->settle_ms, &shown, &missing, &error);
    if (r < 0) {
        if (r != -ENOENT)
            base_log_limited (&deploy->log, BASE_LOG_ERROR, "rollout %s: node %s: %s", rollout->state.id,
                              member->id, error.text[0] ? error.text : "out of memory");
        return;
    }
    if (missing && !state_is_at_rest (application.reported.state))
        missing = false;
    if (!missing)
        member->settle_ms = 0;
    else if (!member->settle_ms) {
        member->settle_ms = boot_ms + DEPLOY_SETTLE_MS;
        deploy->ops->recheck (deploy->context, member->id, member->settle_ms);
        return;
    }
    if (shown.outcome == WIRE_OUTCOME_NULL) {
        if (member->verb != WIRE_ORDER_REVERT)
            unfit_look (rollout, index, &application.reported);
        return;
    }
    if (member->verb != WIRE_ORDER_REVERT && shown.outcome == WIRE_OUTCOME_FAILED &&
        rollout->machine.members[index].state == WIRE_MEMBER_ORDERED &&
        update_unserved (deploy, rollout, index, &shown, application.reported.last_error, now_ms))
        return;
    if (member->verb == WIRE_ORDER_REVERT)
        revert_ended (rollout, index, &application.reported, &shown, now_ms);
    else
        update_ended (rollout, index, &application.reported, &shown, now_ms);
}

/*  Comparison of updated members with the others. */

/*  Adds a node of the last round to this one, and whether its state is worse now. node: NULL if it is not
    known. */
static void member_compare (const struct deploy_member *member, const struct rollout_member *state,
                            const struct deploy_node *node, struct rollout_sample *sample)
{
    bool is_worse = !node || !node->online || node->restarts != member->restarts;

    if (member->look == DEPLOY_LOOK_UPDATED) {
        is_worse = is_worse || state->state == WIRE_MEMBER_FAILED || state->state == WIRE_MEMBER_LOST_CONTACT;
        sample->updated++;
        sample->updated_failed += is_worse;
    } else if (member->look == DEPLOY_LOOK_OTHER &&
               (state->state == WIRE_MEMBER_WAITING || state->state == WIRE_MEMBER_SKIPPED)) {
        sample->others++;
        sample->others_failed += is_worse;
    }
}

void deploy_rollout_compare (struct deploy *deploy, struct deploy_rollout *rollout, uint64_t now_ms)
{
    base_assert (deploy && rollout && rollout->members);
    struct rollout_sample sample = {.updated = 0};

    for (uint32_t i = 0; i < rollout->machine.n_members; i++) {
        struct deploy_member *member = &rollout->members[i];
        const struct rollout_member *state = &rollout->machine.members[i];
        struct deploy_node found;
        const struct deploy_node *node =
            deploy->ops->node (deploy->context, member->id, &found) ? &found : NULL;
        member_compare (member, state, node, &sample);
        member->restarts = node ? node->restarts : 0;
        member->look = !node || !node->online                ? DEPLOY_LOOK_NONE
                       : state->state == WIRE_MEMBER_UPDATED ? DEPLOY_LOOK_UPDATED
                       : state->state == WIRE_MEMBER_WAITING || state->state == WIRE_MEMBER_SKIPPED
                           ? DEPLOY_LOOK_OTHER
                           : DEPLOY_LOOK_NONE;
    }
    rollout_compare (&rollout->machine, &sample, now_ms);
}
