/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/status.h - what the broker has counted since it started */

#ifndef BROKER_STATUS_H
#define BROKER_STATUS_H

#include "origin/origin.h"

struct broker;

/*  The counts of its origin; received, malformed, refused and ended also count the channel events. */
struct origin_counts broker_counts (const struct broker *broker);

#endif
