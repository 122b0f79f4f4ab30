/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/revisions.h - numbers of changes, and the requests that wait for a change

    Each changed record of a node gets the next revision. A rollout has got its revision in its own
    transaction. Clients ask for the records with a higher revision than their last one. */

#ifndef BROKER_REVISIONS_H
#define BROKER_REVISIONS_H

#include "broker/changes.h"

/*  context: struct broker. It subscribes first, so that the other subscribers find the new revision. */
extern const struct broker_changes_ops broker_revisions_ops;

#endif
