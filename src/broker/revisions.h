/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/revisions.h - numbers of changes */

#ifndef BROKER_REVISIONS_H
#define BROKER_REVISIONS_H

#include "broker/state.h"

/*  Gives the changed record of a node the next revision, and wakes requests that wait for a change. */
void broker_node_changed (struct broker *broker, struct broker_node *node);

#endif
