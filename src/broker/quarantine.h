/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/quarantine.h - the releases that are quarantined on nodes, collected page by page

    A node sends its list in pages, in order. The stored list is replaced when all pages are here and match the
    digest. At most BROKER_COLLECTING_MOST lists are collected at a time, one a node. One that gets no page for
    BROKER_COLLECTING_IDLE_MS gives way to another. A list of one page is stored at once. */

#ifndef BROKER_QUARANTINE_H
#define BROKER_QUARANTINE_H

#include "broker/state.h"

enum { BROKER_COLLECTING_IDLE_MS = 10 * 1000 };

/*  An operation of the origin (origin/origin.h). */
int broker_on_quarantine (void *context, const struct bus_peer *peer, const struct wire_quarantine *page,
                          struct wire_quarantined *answer);

/*  Frees what is being collected. */
void broker_quarantine_deinit (struct broker *broker);

#endif
