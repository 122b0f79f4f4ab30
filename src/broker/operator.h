/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/operator.h - requests of operators */

#ifndef BROKER_OPERATOR_H
#define BROKER_OPERATOR_H

#include "broker/state.h"

int broker_on_request (void *context, const struct bus_peer *peer, const struct wire_request *request,
                       struct wire_answer *answer);

/*  Answers a waiting request; see broker/waiters.h. */
bool broker_waiter_look (void *context, const struct broker_waiter *waiter, bool over);

#endif
