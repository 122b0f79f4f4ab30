/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/changes.h - the change bus: "a node changed" and "a rollout changed" are published once

    A file that needs changes subscribes once, when the broker is created, with a table of functions. A file
    that publishes does not know the subscribers. All subscribers are called in the order in which they
    subscribed, before the publishing call returns. So a subscriber finds the work of the earlier ones done:
    the node has its new revision, for example.

    A change is on disk and in the registry before it is published. A subscriber must not keep its arguments,
    and must not publish. There are no sockets, clocks or records here. */

#ifndef BROKER_CHANGES_H
#define BROKER_CHANGES_H

#include "wire/wire.h"

struct broker_node;
struct deploy_rollout;

enum { BROKER_SUBSCRIBERS_MOST = 8 };

/*  What has changed of a node: a set of flags. */
enum broker_node_flags {
    BROKER_NODE_CONTACT = 1, /* it connected or disconnected */
    BROKER_NODE_REPORT = 2,  /* it reported something new, or a result that is missing can be inferred */
    BROKER_NODE_REPEAT = 4,  /* it repeated a report; if this is the only flag, no record has changed */
    BROKER_NODE_LABELS = 8,
    BROKER_NODE_ORDER = 16, /* an order was given */
};

/*  Something that happened on a node, for an event. application to reason may be NULL. */
struct broker_node_event {
    enum wire_event event;
    const struct wire_application *application;
    const char *transaction, *step, *reason;
};

struct broker_node_change {
    struct broker_node *node;
    unsigned flags;
    const struct broker_node_event *events; /* in the order in which they happened */
    size_t n_events;
};

struct broker_rollout_change {
    struct deploy_rollout *rollout;            /* its state has the new revision */
    const struct wire_transition *transitions; /* the transitions that it made; may be none */
    size_t n_transitions;
};

/*  A function that is NULL is not called. */
struct broker_changes_ops {
    void (*node) (void *context, const struct broker_node_change *change);
    void (*rollout) (void *context, const struct broker_rollout_change *change);
};

/*  Null value: all zero, nobody subscribes. */
struct broker_changes {
    struct {
        const struct broker_changes_ops *ops;
        void *context;
    } subscribers[BROKER_SUBSCRIBERS_MOST];
    size_t n_subscribers;
};

/*  ops and context must outlive changes. Returns 0, or -ENOSPC. */
int broker_changes_subscribe (struct broker_changes *changes, const struct broker_changes_ops *ops,
                              void *context);

void broker_changes_node (const struct broker_changes *changes, const struct broker_node_change *change);
void broker_changes_rollout (const struct broker_changes *changes,
                             const struct broker_rollout_change *change);

#endif
