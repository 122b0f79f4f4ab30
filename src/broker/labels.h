/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/labels.h - labels of nodes

    A label is set on the node itself, which reports it in its hello, or by an operator. The operator's
    value precedes the node's own until it is removed. The records have both; the registry has a copy for
    selectors. */

#ifndef BROKER_LABELS_H
#define BROKER_LABELS_H

#include "broker/state.h"

enum { BROKER_LABELS_MOST = 32 /* a node, set by operators; a node can set as many itself */ };

/*  Returns the value of a label, or NULL. id, platform, kernel and version (of the node manager) count as
    labels. Valid until the node's next hello or change of a label. */
const char *broker_node_label (const struct broker_node *node, const char *name);

/*  The same as rollout_label. */
const char *broker_label_of (const void *node, const char *name);

/*  Returns the group whose announcements the node receives: its own label `group`, even if an operator has
    set another value. NULL: none. Valid as broker_node_label. */
const char *broker_node_group (const struct broker_node *node);

/*  Copies the labels of a node from the records into the registry. Returns 0, or -errno: the registry has the
    labels that it had. */
int broker_labels_load (struct broker *broker, struct broker_node *node, struct base_error *error);

/*  Stores the labels of a hello in the records. *ret_changed: they differ from those that the node reported
    before. Invalid labels are ignored. Returns 0 or -errno. */
int broker_labels_report (struct broker *broker, const struct wire_hello *hello, bool *ret_changed,
                          struct base_error *error);

/*  Checks labels to set and to remove. Returns 0, or -EINVAL with a text. */
int broker_labels_check (const struct wire_label *labels, size_t count, struct base_error *error);

/*  Sets and removes an operator's labels in the records. ordered: its status and reason have the result.
    Returns 0 or -errno. */
int broker_labels_order (struct broker *broker, const struct broker_node *node,
                         const struct wire_label *labels, size_t count, struct wire_order_result *ordered,
                         struct base_error *error);

/*  Fills the effective labels, one a name, into a message, which owns them. Returns 0 or -ENOMEM. */
int broker_labels_show (const struct broker_node *node, struct wire_node *shown);

#endif
