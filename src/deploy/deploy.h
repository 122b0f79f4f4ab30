/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/deploy.h - live rollouts: connects the machine of room rollout to the records and to its owner

    Reports of nodes are on disk before they are passed to a machine. The actions of a machine and the orders
    that follow from them are written in one transaction; hints, events and answers are sent after its commit.
    If the transaction fails, the machine is ahead of the disk: the rollout is broken, and loaded again.

    The number of orders in a transaction is limited, so that the revert of a fleet does not block the
    channels. The orders that are left are in the records, too. */

#ifndef DEPLOY_DEPLOY_H
#define DEPLOY_DEPLOY_H

#include "deploy/schedule.h"

/*  context: for ops. Both must outlive deploy. No rollout is live after this. */
void deploy_init (struct deploy *deploy, const struct deploy_ops *ops, void *context);
void deploy_set_times (struct deploy *deploy, const struct deploy_times *times);

/*  Loads the live rollouts from the records, which must outlive deploy. A rollout that cannot be read is
    logged and ignored; the others continue. Returns 0 or -errno. */
int deploy_load (struct deploy *deploy, struct records *records, struct base_error *error);
/*  Saves the clock. Accepts what is null, or was not loaded. */
void deploy_deinit (struct deploy *deploy);

/*  Checks what is due; called as deploy_ops.wake has requested. */
void deploy_tick (struct deploy *deploy);

/*  To be called when a node connected, disconnected or reported, and when a missing result can be inferred
    from its state (deploy_ops.recheck). */
void deploy_node_changed (struct deploy *deploy, const char *node, bool online);
/*  Pauses the rollout of a node that has seen orders which the records lack: what the rollout did since then
    is not known either. No other rollout is paused, because a node may report what is false. */
void deploy_records_older (struct deploy *deploy, const char *node, const char *application);
/*  Skips a node that was forgotten in all rollouts. */
void deploy_node_forgotten (struct deploy *deploy, const char *node);
/*  To be called when a node was removed or its labels have changed: the nodes that are not members are
    counted again. */
void deploy_others_changed (struct deploy *deploy);

/*  Returns the rollout with this id, which stays with deploy; loads it if only the records have it.
    Returns 0, -ENOENT without a text, or another -errno. */
int deploy_rollout_get (struct deploy *deploy, const char *id, struct deploy_rollout **ret_rollout,
                        struct base_error *error);

/*  Takes ownership of a new rollout. Returns 0, or -ENOMEM: the rollout stays the caller's. */
int deploy_rollout_add (struct deploy *deploy, struct deploy_rollout *rollout);
/*  Removes and frees a rollout that could not be started. */
void deploy_rollout_drop (struct deploy *deploy, struct deploy_rollout *rollout);
/*  Returns how many rollouts have not ended. */
size_t deploy_count (const struct deploy *deploy);
/*  Halts the rollouts of a release that was withdrawn. */
void deploy_release_withdrawn (struct deploy *deploy, const struct base_digest *release);

#endif
