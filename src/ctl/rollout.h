/*  ctl/rollout.h - rollouts for people: pictures, tables and sentences; pure

    What the pictures show comes from the client's JSON; noded/client.h has its keys. */

#ifndef CTL_ROLLOUT_H
#define CTL_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

/*  The picture: one line what it is and where it stands, one a wave, then what counts and what it waits for.
    width: of the terminal, where lines will be cut; 0: they will not. height: so many lines at most, waves
    that have ended go first; 0: all. A list for base_list_free; NULL where memory is out. */
char **ctl_rollout_picture (const json_t *rollout, size_t width, size_t height);

/*  One line that tells where it stands; the same text as long as there is nothing worth a new line. */
char *ctl_rollout_news (const json_t *rollout);

/*  "[#####!>>>.....]": nodes of a wave that are updated #, reverted <, bad !, under way >, and the others.
    cells: between the brackets. Returns text. */
enum { CTL_BAR_CELLS = 24, CTL_BAR_SIZE = CTL_BAR_CELLS + 3 };
const char *ctl_rollout_bar (const json_t *wave, size_t cells, char text[CTL_BAR_SIZE]);

/*  How it stands for whoever follows it. */
enum ctl_rollout_end {
    CTL_ROLLOUT_GOES_ON,
    CTL_ROLLOUT_DONE,
    CTL_ROLLOUT_ENDED, /* aborted, or reverted */
    CTL_ROLLOUT_HALTED /* a person has to decide */
};
enum ctl_rollout_end ctl_rollout_end (const json_t *rollout);

/*  What a person can do about it now, in a sentence on the heap; NULL: nothing is to be done. */
char *ctl_rollout_advice (const json_t *rollout);

/*  The tables of `rollout list` and of its nodes. width as in ctl/text.h. */
void ctl_rollouts_print (FILE *out, const json_t *rollouts, size_t width);
void ctl_members_print (FILE *out, const json_t *members, size_t width);

/*  What the plan would do. command: that starts it. all: name every node. */
void ctl_plan_print (FILE *out, const json_t *plan, const json_t *members, const char *command, size_t width,
                     bool all);

/*  Who is left out, grouped by why: "2 nodes offline: web-1, web-2". Nothing where nobody is. */
void ctl_left_out_print (FILE *out, const json_t *members, size_t width, bool all);

/*  A step of a rollout, as the events channel tells it, as a line without its newline, on the heap. NULL
    where memory is out. */
char *ctl_rolled_line (const json_t *rolled);

/*  How it came to where it stands, and what it waits for. */
void ctl_rollout_why_print (FILE *out, const json_t *rollout, const json_t *turns);

#endif
