/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/rescue.h - saves records that were removed while the broker runs */

#ifndef BROKER_RESCUE_H
#define BROKER_RESCUE_H

#include "broker/state.h"

/*  If the files of the records were removed or replaced, logs that, sends a notice, and saves a copy of them,
    once. Call it every few seconds. */
void broker_rescue_look (struct broker *broker);

#endif
