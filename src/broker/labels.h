/*  broker/labels.h - what nodes are called by

    A label is set on the node itself (it tells them in hello) or by an operator, whose value goes before the
    node's own until it is removed. The records have both; the registry holds a copy for selectors. */

#ifndef BROKER_LABELS_H
#define BROKER_LABELS_H

#include "broker/private.h"

enum { BROKER_LABELS_MOST = 32 /* a node, set by operators; as many again by itself */ };

/*  The value of a label, or NULL. id, platform, kernel and version (of the node manager) are there too. Valid
    until the node's next hello or label. */
const char *broker_node_label (const struct broker_node *node, const char *name);

/*  The same as rollout_label. */
const char *broker_label_of (const void *node, const char *name);

/*  The group to whose announcements the node listens, or NULL: its own label `group`, whatever an operator
    calls it. */
const char *broker_node_group (const struct broker_node *node);

/*  Copies the labels of the records into the registry. */
int broker_labels_load (struct broker *broker, struct broker_node *node, struct base_error *error);

/*  Puts what a hello tells into the records. *ret_changed: it tells others than the node had. What is no label
    is ignored. */
int broker_labels_tell (struct broker *broker, const struct wire_hello *hello, bool *ret_changed,
                        struct base_error *error);

/*  Whether a request to set and remove labels is well-formed; *ret_answer tells where it is not. */
int broker_labels_check (const struct wire_request *request, struct wire_answer *ret_answer, bool *ret_valid);

/*  Sets and removes an operator's labels in the records. ordered: its status tells what came of it. */
int broker_labels_order (struct broker *broker, const struct broker_node *node,
                         const struct wire_request *request, struct wire_ordered *ordered,
                         struct base_error *error);

/*  The labels that count, one a name, for a message. */
int broker_labels_show (const struct broker_node *node, struct wire_node *shown);

#endif
