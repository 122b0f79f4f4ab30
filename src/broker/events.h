/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/events.h - events for subscribers */

#ifndef BROKER_EVENTS_H
#define BROKER_EVENTS_H

#include "broker/state.h"

/*  Sends an event about a fault of the broker itself: reason is a sentence for people. An event that cannot
    be sent is logged and ignored. */
void broker_event_notice (struct broker *broker, const char *reason);

/*  Sends what happened on nodes, and the transitions of rollouts. context: struct broker. */
extern const struct broker_changes_ops broker_events_ops;

#endif
