/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rollouts.h - what room deploy needs of the broker */

#ifndef BROKER_ROLLOUTS_H
#define BROKER_ROLLOUTS_H

#include "deploy/ops.h"

/*  context: struct broker. */
extern const struct deploy_ops broker_deploy_ops;

#endif
