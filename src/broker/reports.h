/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/reports.h - reports of nodes */

#ifndef BROKER_REPORTS_H
#define BROKER_REPORTS_H

#include "broker/state.h"

/*  As origin_ops.report; context: struct broker. The report is answered when it is on disk. */
int broker_on_report (void *context, const struct bus_peer *peer, const struct wire_report *report,
                      struct wire_noted *noted);

#endif
