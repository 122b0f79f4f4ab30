/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/events.h - events for subscribers */

#ifndef BROKER_EVENTS_H
#define BROKER_EVENTS_H

#include "broker/state.h"

/*  Sends an event. application, transaction, step and reason may be NULL. */
void broker_event (struct broker *broker, enum wire_event event, struct broker_node *node,
                   const struct wire_application *application, const char *transaction, const char *step,
                   const char *reason);

/*  Sends an event about a fault of the broker itself. */
void broker_event_notice (struct broker *broker, const char *reason);

/*  Sends an event about a transition of a rollout. */
void broker_event_turn (struct broker *broker, struct deploy_rollout *rollout, const struct wire_turn *turn);

#endif
