/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/publish.h - publishes changes of nodes on the change bus (broker/changes.h) */

#ifndef BROKER_PUBLISH_H
#define BROKER_PUBLISH_H

#include "broker/state.h"

/*  Commits the open transaction, because subscribers may write records, and publishes the change. */
void broker_node_publish (struct broker *broker, const struct broker_node_change *change);

/*  Publishes that an order was given to a node. */
void broker_node_changed (struct broker *broker, struct broker_node *node);

#endif
