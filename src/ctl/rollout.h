/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/rollout.h - rollouts as text for operators: pictures, tables and sentences; pure

    The input is the records of noded/records.h. */

#ifndef CTL_ROLLOUT_H
#define CTL_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "noded/records.h"

/*  The picture of a rollout: a line with its name and state, a line for each wave, then failures and what it
    waits for. width: of the terminal, at which the caller cuts the lines; 0: they are not cut. height:
    maximum number of lines, earlier waves are left out first; 0: no limit. A list for base_list_free; NULL if
    memory is out. */
char **ctl_rollout_picture (const noded_rollout *rollout, size_t width, size_t height);

/*  The state in one line, on the heap. The text changes only if a new line should be printed. NULL if memory
    is out. */
char *ctl_rollout_news (const noded_rollout *rollout);

/*  "[#####<>>x!.....]": the nodes of a wave: updated #, reverted <, under way >, forgiven x, failed !, others
    '.'. cells: number of marks between the brackets. Returns text. */
enum { CTL_BAR_CELLS = 24, CTL_BAR_SIZE = CTL_BAR_CELLS + 3 };
const char *ctl_rollout_bar (const noded_wave_state *wave, size_t cells, char text[CTL_BAR_SIZE]);

/*  Whether following a rollout ends, and how. */
enum ctl_rollout_end {
    CTL_ROLLOUT_CONTINUES,
    CTL_ROLLOUT_DONE,
    CTL_ROLLOUT_ENDED, /* aborted, or reverted */
    CTL_ROLLOUT_HALTED /* action required */
};
enum ctl_rollout_end ctl_rollout_end (const noded_rollout *rollout);

/*  The commands that an operator can give now, in a sentence on the heap. NULL: no action is required. */
char *ctl_rollout_advice (const noded_rollout *rollout);

/*  The tables of `rollout list` and of the nodes of a rollout. width as in ctl/text.h. */
void ctl_rollouts_print (FILE *out, const noded_rollouts *rollouts, size_t width);
void ctl_members_print (FILE *out, const noded_members *members, size_t width);

/*  Prints a plan. command: the command line that starts it, or NULL. all: list every node. */
void ctl_plan_print (FILE *out, const noded_plan *plan, const noded_members *members, const char *command,
                     size_t width, bool all);

/*  Prints the skipped nodes, grouped by reason: "2 nodes skipped (offline): web-1, web-2". Prints nothing if
    no node is skipped. */
void ctl_skipped_print (FILE *out, const noded_members *members, size_t width, bool all);

/*  A transition of a rollout, from the events channel, as a line without newline. On the heap; NULL if memory
    is out. */
char *ctl_rollout_event_line (const noded_rollout_event *rollout_event);

/*  Prints the transitions of a rollout, and its state now. */
void ctl_rollout_why_print (FILE *out, const noded_rollout *rollout, const noded_transitions *transitions);

#endif
