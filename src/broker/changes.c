/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/changes.c - the change bus */

#include "broker/changes.h"

#include <errno.h>

#include "base/assert.h"

int broker_changes_subscribe (struct broker_changes *changes, const struct broker_changes_ops *ops,
                              void *context)
{
    base_assert (changes && changes->n_subscribers <= BROKER_SUBSCRIBERS_MOST);
    base_assert (ops);
    if (changes->n_subscribers == BROKER_SUBSCRIBERS_MOST)
        return -ENOSPC;
    changes->subscribers[changes->n_subscribers].ops = ops;
    changes->subscribers[changes->n_subscribers++].context = context;
    return 0;
}

void broker_changes_node (const struct broker_changes *changes, const struct broker_node_change *change)
{
    base_assert (changes && changes->n_subscribers <= BROKER_SUBSCRIBERS_MOST);
    base_assert (change && change->node);
    base_assert (change->events || change->n_events == 0);
    for (size_t i = 0; i < changes->n_subscribers; i++)
        if (changes->subscribers[i].ops->node)
            changes->subscribers[i].ops->node (changes->subscribers[i].context, change);
}

void broker_changes_rollout (const struct broker_changes *changes, const struct broker_rollout_change *change)
{
    base_assert (changes && changes->n_subscribers <= BROKER_SUBSCRIBERS_MOST);
    base_assert (change && change->rollout);
    base_assert (change->transitions || change->n_transitions == 0);
    for (size_t i = 0; i < changes->n_subscribers; i++)
        if (changes->subscribers[i].ops->rollout)
            changes->subscribers[i].ops->rollout (changes->subscribers[i].context, change);
}
