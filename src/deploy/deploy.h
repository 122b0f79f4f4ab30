/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/deploy.h - live rollouts: connects the machine of room rollout to the records and to its owner

    The reports of nodes are on disk before they go into a machine. The actions of a machine are then
    written in one transaction, together with the orders that follow from them. Hints, events and answers
    are sent only after the commit. A failed transaction leaves the machine ahead of the disk: it is dropped
    and loaded again. The number of orders in a transaction is limited, so that the revert of a fleet does
    not block the channels; the records also have the orders that are still to be given. */

#ifndef DEPLOY_DEPLOY_H
#define DEPLOY_DEPLOY_H

#include "deploy/schedule.h"

/*  context: for ops. No rollout is live. */
void deploy_init (struct deploy *deploy, const struct deploy_ops *ops, void *context);
void deploy_set_times (struct deploy *deploy, const struct deploy_times *times);

/*  Loads the live rollouts from the records, which must outlive deploy. A rollout that cannot be read is logged and ignored; the others continue.
    Returns 0 or -errno. */
int deploy_load (struct deploy *deploy, struct records *records, struct base_error *error);
/*  Saves the clock. Accepts what is null, or was not loaded. */
void deploy_deinit (struct deploy *deploy);

/*  Checks what is due; called as deploy_ops.wake has requested. */
void deploy_tick (struct deploy *deploy);

/*  A node connected, disconnected or reported, or its result has been missing for so long that it can be
    inferred from its state. */
void deploy_node_changed (struct deploy *deploy, const char *node, bool online);
/*  A node has seen orders of an application that the records do not have. What its rollout has done since
    then is not known either, so it is paused. Only the node's own rollout, because a node may report what
    is false. */
void deploy_records_older (struct deploy *deploy, const char *node, const char *application);
/*  A node was forgotten: rollouts skip it. */
void deploy_node_forgotten (struct deploy *deploy, const char *node);
/*  A node was removed, or its labels have changed. */
void deploy_others_changed (struct deploy *deploy);

/*  Returns the rollout with this id, which stays with deploy; loads it if only the records have it.
    Returns 0, -ENOENT without a text, or another -errno. */
int deploy_rollout_get (struct deploy *deploy, const char *id, struct deploy_rollout **ret_rollout,
                        struct base_error *error);

/*  Takes ownership of a new rollout. Returns 0, or -ENOMEM: the rollout stays the caller's. */
int deploy_rollout_add (struct deploy *deploy, struct deploy_rollout *rollout);
/*  The rollout was not started after all: removes and frees it. */
void deploy_rollout_drop (struct deploy *deploy, struct deploy_rollout *rollout);
/*  Returns how many rollouts have not ended. */
size_t deploy_count (const struct deploy *deploy);
/*  A release was withdrawn: halts the rollouts of it. */
void deploy_release_withdrawn (struct deploy *deploy, const struct base_digest *release);

#endif
