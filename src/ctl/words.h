/*  ctl/words.h - states and outcomes in words for people; pure */

#ifndef CTL_WORDS_H
#define CTL_WORDS_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/*  What a node does in a state; "" for a state that is not known here. */
const char *ctl_state_words (const char *state);

/*  What came of a step; the word itself where it is not known here. */
const char *ctl_outcome_words (const char *outcome);

/*  Whether an outcome ends an order, and whether that is what the order asked for. */
bool ctl_outcome_ends (const char *outcome);
bool ctl_outcome_is_good (const char *outcome, bool revert);

/*  How a node came to what it runs: its reports, grouped by transaction in the order in which these began.
    node: its object, or NULL. */
void ctl_why_print (FILE *out, const json_t *node, const json_t *told);

/*  All about one node. */
void ctl_status_print (FILE *out, const json_t *node);

/*  The table of `nodectl nodes`. width as in ctl/text.h. */
void ctl_nodes_print (FILE *out, const json_t *nodes, size_t width);

/*  The tables of `nodectl releases` and `nodectl quarantine list`. */
void ctl_releases_print (FILE *out, const json_t *releases, size_t width);
void ctl_quarantine_print (FILE *out, const json_t *failures, size_t width);

/*  One event as a line without its newline, on the heap. NULL where memory is out. */
char *ctl_event_line (const json_t *event);

#endif
