/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/refusals.h - logs messages that are against the protocol */

#ifndef BROKER_REFUSALS_H
#define BROKER_REFUSALS_H

#include "bus/refusals.h"

/*  Logs once a peer and minute which field is wrong. context: the broker. */
void broker_on_refused (void *context, const char *channel, const struct bus_refusal *refusal);

#endif
