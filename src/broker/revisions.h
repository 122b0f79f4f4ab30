/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/revisions.h - numbers of changes, and the requests that wait for a change

    Each changed record of a node gets the next revision. A rollout has its own from its transaction. Clients
    ask for what has a higher revision than they know. */

#ifndef BROKER_REVISIONS_H
#define BROKER_REVISIONS_H

#include "broker/changes.h"

/*  context: struct broker. The first subscriber, so that all others see the new revision. */
extern const struct broker_changes_ops broker_revisions_ops;

#endif
