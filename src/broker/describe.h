/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/describe.h - which applications a node has, and the state of each */

#ifndef BROKER_DESCRIBE_H
#define BROKER_DESCRIBE_H

#include "broker/state.h"

/*  Operations of the origin (origin/origin.h). */
int broker_on_list (void *context, const struct bus_peer *peer, const struct wire_list *list,
                    struct wire_listed *answer);
int broker_on_describe (void *context, const struct bus_peer *peer, const struct wire_describe *describe,
                        struct wire_described *answer);

#endif
