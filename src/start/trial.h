/*  start/trial.h - how much of a trial is left

    A trial ends when its tokens are used, or when what it ran, measured by CLOCK_BOOTTIME and summed over its
    starts, reaches its confirm-deadline. Time switched off and between two starts does not count.

    The disk has both (.try.N, .trial), and a version on trial may write there whatever it wants to. So this
    process remembers what it saw at the trial's first start: within its life there are never more starts and
    never longer limits than then, whatever stands on the disk later; and a .trial that cannot be used only
    means that no further token is returned. */

#ifndef START_TRIAL_H
#define START_TRIAL_H

#include "root/root.h"
#include "root/spent.h"

enum {
    START_RETURNED_MOST = 2,   /* tokens that are returned in a trial */
    START_SAVE_MS = 10 * 1000, /* how often what it spent is written */
    START_LATE_MOST = 5, /* how often a deadline that passed while the host slept is not held against it */
};

struct start_trial {
    struct root_limits limits; /* of its first start here */
    unsigned left;             /* starts that may still be taken */
    struct root_spent spent;   /* with those of earlier launchers; workspace empty: no start was taken here */
    unsigned late;             /* deadlines that were not held against it */
    uint64_t counted_ms;       /* when spent was brought up to date */
    uint64_t saved_ms;         /* when it was written */
};

/*  Takes a start. Returns 0, ROOT_E_NONE where none is left, or -EROFS where nothing on this disk can be changed:
    then nothing counts. A token that cannot be removed is said, and counted here. The limits are known then,
    whatever it returned. */
int start_trial_take (struct start_trial *trial, const struct root *root, const char *workspace);

/*  Whether the start that was taken is the trial's first. */
bool start_trial_is_first (const struct start_trial *trial);

/*  Whether its time is used up. */
bool start_trial_is_over (const struct start_trial *trial);

/*  Nothing can be gone back to: whatever it has used up, its deadlines hold anew. */
void start_trial_extend (struct start_trial *trial);

/*  The version starts now. */
void start_trial_begin (struct start_trial *trial, uint64_t now_ms);

/*  When it has to be confirmed. */
uint64_t start_trial_deadline_ms (const struct start_trial *trial);

/*  It has run until now. Written where that is due. */
void start_trial_count (struct start_trial *trial, const struct root *root, uint64_t now_ms);

/*  The host slept through a deadline: the version gets its time anew. Returns false where that happened too
    often: on a host that is always late a trial has to end, too. */
bool start_trial_forgive (struct start_trial *trial, uint64_t now_ms);

/*  It has ended: written at once. */
void start_trial_end (struct start_trial *trial, const struct root *root, uint64_t now_ms);

/*  Init stopped the version: its token is returned. Returns false where that was done too often. */
bool start_trial_return (struct start_trial *trial, const struct root *root);

#endif
