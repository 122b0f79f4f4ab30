/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/status.h - the counters of the broker since it started */

#ifndef BROKER_STATUS_H
#define BROKER_STATUS_H

#include "origin/origin.h"

struct broker;

/*  Returns the counts of its origin; received, malformed, refused and ended include those of the events
    channel. */
struct origin_counts broker_counts (const struct broker *broker);

#endif
