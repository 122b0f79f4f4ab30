/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollouts.h - live rollouts: connects the machine of room rollout to records, orders and bus

    The reports of nodes are on disk before they go into a machine. The actions of a machine are then
    written in one transaction, together with the orders that follow from them. Hints, events and answers
    are sent only after the commit. A failed transaction leaves the machine ahead of the disk: it is dropped
    and loaded again. The number of orders in a transaction is limited, so that the revert of a fleet does
    not block the channels; the records also have the orders that are still to be given. */

#ifndef BROKER_ROLLOUTS_H
#define BROKER_ROLLOUTS_H

#include "broker/rollout.h"

struct broker_node;
struct broker_steering;

/*  Loads the live rollouts. A rollout that cannot be read is logged and ignored; the others continue.
    Returns 0 or -errno. */
int broker_rollouts_load (struct broker *broker, struct base_error *error);
void broker_rollouts_deinit (struct broker *broker);

/*  A node connected, disconnected or reported, or its result has been missing for so long that it can be
    inferred from its state. */
void broker_rollouts_node (struct broker *broker, const struct broker_node *node);
/*  A node has seen orders of an application that the records do not have. What its rollout has done since
    then is not known either, so it is paused. Only the node's own rollout, because a node may report what
    is false. */
void broker_rollouts_older (struct broker *broker, const struct broker_node *node, const char *application);
/*  A node was forgotten: rollouts skip it. */
void broker_rollouts_forgotten (struct broker *broker, const char *node);
/*  A node was removed, or its labels have changed. */
void broker_rollouts_others (struct broker *broker);

/*  Returns the rollout with this id, which stays the broker's; loads it if only the records have it.
    Returns 0, -ENOENT without a text, or another -errno. */
int broker_rollouts_get (struct broker *broker, const char *id, struct broker_rollout **ret_rollout,
                         struct base_error *error);

/*  Takes ownership of a new rollout. Returns 0, or -ENOMEM: the rollout stays the caller's. */
int broker_rollouts_add (struct broker *broker, struct broker_rollout *rollout);
/*  Lets a rollout continue, with the command of an operator (NULL: none), and schedules its next check.
    Returns 0 or -errno, as broker_rollout_carry. */
int broker_rollouts_advance (struct broker *broker, struct broker_rollout *rollout,
                             const struct broker_steering *by, struct base_error *error);
/*  The rollout was not started after all: removes and frees it. */
void broker_rollouts_drop (struct broker *broker, struct broker_rollout *rollout);
/*  Marks the rollout to be loaded again: its machine is ahead of the disk. */
void broker_rollouts_broken (struct broker *broker, struct broker_rollout *rollout);

/*  A release was withdrawn: halts the rollouts of it. */
void broker_rollouts_withdrawn (struct broker *broker, const struct base_digest *release);

#endif
