/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/words.h - states, outcomes, nodes and events as text for operators; pure */

#ifndef CTL_WORDS_H
#define CTL_WORDS_H

#include <stdbool.h>
#include <stdio.h>

#include "noded/records.h"

/*  What a node does in a state; "" for an unknown state. */
const char *ctl_state_words (enum noded_state state);

/*  The outcome of a step in words. */
const char *ctl_outcome_words (enum noded_outcome outcome);

/*  Whether an outcome ends an order; whether the order succeeded with it. revert: the order was a revert. */
bool ctl_outcome_ends (enum noded_outcome outcome);
bool ctl_outcome_is_good (enum noded_outcome outcome, bool revert);

/*  The application of a node; an empty one if the node has not reported it. */
const noded_application *ctl_application (const noded_node *node);

/*  Prints why a node runs its version: its reports, grouped by transaction, in the order of the groups' first
    reports. */
void ctl_why_print (FILE *out, const noded_node *node, const noded_reports *reports);

/*  Prints the state of one node in detail. application: the one that was requested. */
void ctl_status_print (FILE *out, const noded_node *node, const char *application);

/*  Prints the state of the broker itself. */
void ctl_broker_print (FILE *out, const noded_broker *broker);

/*  The table of `nodectl nodes`. width as in ctl/text.h. */
void ctl_nodes_print (FILE *out, const noded_nodes *nodes, size_t width);

/*  The tables of `nodectl releases` and `nodectl quarantine list`. */
void ctl_releases_print (FILE *out, const noded_releases *releases, size_t width);
void ctl_quarantine_print (FILE *out, const noded_failure *failures, size_t count, size_t width);

/*  An event as a line without newline. On the heap; NULL if memory is out. */
char *ctl_event_line (const noded_node_event *event);

#endif
