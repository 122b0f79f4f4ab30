/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/applications.h - what a node reports of its applications */

#ifndef BROKER_APPLICATIONS_H
#define BROKER_APPLICATIONS_H

#include "broker/state.h"

#define NODED "noded" /* the application that every node has */

/*  How a node's report on an application differs from the record before. */
struct broker_application_news {
    bool changed;           /* the state or the release differs */
    bool damaged;           /* reports damage on its disk that the record does not have */
    bool known;             /* the node has reported this application before */
    bool quarantine_wanted; /* it has another list of quarantined releases than the records */
    bool plausible;         /* no reported epoch is too high to have been issued */
    uint64_t before;        /* the highest epoch of the record */
};

/*  Updates the record of an application from a node's report. */
int broker_application_store (struct broker *broker, const char *node,
                              const struct wire_application *reported,
                              struct broker_application_news *ret_news, struct base_error *error);

/*  Logs the damage that a node found on its disk. Returns what happened, for an event; valid as long as
    reported. */
struct broker_node_event broker_damage_log (struct broker *broker, const struct broker_node *node,
                                            const struct wire_application *reported);

/*  If a result that the node should have reported is missing: has the node checked again after
    DEPLOY_SETTLE_MS. */
void broker_settle_check (struct broker *broker, struct broker_node *node, const char *name);

#endif
