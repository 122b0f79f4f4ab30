/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/sessions.h - nodes that connect, live and disconnect */

#ifndef BROKER_SESSIONS_H
#define BROKER_SESSIONS_H

#include "broker/state.h"

/*  A message of a session arrived. Returns its node; NULL: the session must say hello first. */
struct broker_node *broker_hear (struct broker *broker, const struct bus_peer *peer, const char *id,
                                 const char *session);

/*  Ends the session of a node, if it has one. */
void broker_session_end (struct broker *broker, const char *id, const char *reason);

int broker_on_hello (void *context, const struct bus_peer *peer, const struct wire_hello *hello,
                     struct wire_welcome *answer);
void broker_on_heartbeat (void *context, const struct bus_peer *peer, const struct wire_heartbeat *heartbeat);
void broker_on_bye (void *context, const struct bus_peer *peer, const struct wire_bye *bye);
void broker_on_subscription (void *context, const char *topic, bool subscribed);

extern const struct broker_registry_ops broker_registry_ops;

#endif
