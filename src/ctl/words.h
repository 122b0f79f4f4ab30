/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/words.h - states, outcomes, nodes and events as text for operators; pure */

#ifndef CTL_WORDS_H
#define CTL_WORDS_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/*  What a node does in a state; "" for an unknown state. */
const char *ctl_state_words (const char *state);

/*  The outcome of a step in words; an unknown outcome is returned as it is. */
const char *ctl_outcome_words (const char *outcome);

/*  Whether an outcome ends an order; whether the order succeeded with it. revert: the order was a revert. */
bool ctl_outcome_ends (const char *outcome);
bool ctl_outcome_is_good (const char *outcome, bool revert);

/*  Prints why a node runs its version: its reports, grouped by transaction, in the order of the groups' first
    reports. told: the reports. node: its object, or NULL. */
void ctl_why_print (FILE *out, const json_t *node, const json_t *told);

/*  Prints the state of one node in detail. */
void ctl_status_print (FILE *out, const json_t *node);

/*  The table of `nodectl nodes`. width as in ctl/text.h. */
void ctl_nodes_print (FILE *out, const json_t *nodes, size_t width);

/*  The tables of `nodectl releases` and `nodectl quarantine list`. */
void ctl_releases_print (FILE *out, const json_t *releases, size_t width);
void ctl_quarantine_print (FILE *out, const json_t *failures, size_t width);

/*  An event as a line without newline. On the heap; NULL if memory is out. */
char *ctl_event_line (const json_t *event);

#endif
