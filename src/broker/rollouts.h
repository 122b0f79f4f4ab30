/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollouts.h - the operations that room deploy needs, and the changes of nodes that it gets */

#ifndef BROKER_ROLLOUTS_H
#define BROKER_ROLLOUTS_H

#include "broker/changes.h"
#include "deploy/ops.h"

/*  context: struct broker. */
extern const struct deploy_ops broker_deploy_ops;

/*  Passes the changes of nodes to rollouts. context: struct broker. */
extern const struct broker_changes_ops broker_rollouts_ops;

#endif
