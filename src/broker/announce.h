/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/announce.h - hints to nodes */

#ifndef BROKER_ANNOUNCE_H
#define BROKER_ANNOUNCE_H

#include "broker/state.h"

/*  Sends hints to these nodes, on as few topics as reach them. epoch: the highest that was ordered for
    application. The caller keeps nodes. A hint that cannot be sent is logged and ignored. */
void broker_announce (struct broker *broker, struct broker_node *const *nodes, size_t count,
                      const char *application, uint64_t epoch);

#endif
