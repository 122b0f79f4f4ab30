/* SPDX-License-Identifier: MPL-2.0 */
/*  start/trial.h - how much of a trial is left

    A trial ends when its tokens are used, or when its running time, by CLOCK_BOOTTIME and summed over its
    starts, reaches the confirm-deadline. Time switched off and time between two starts do not count.

    Both are on disk (.try.N, .trial), where a version on trial can write anything. So this process remembers
    the values of the first start that it saw: as long as it lives, there are no more starts and no longer
    limits than that, whatever the disk says later. If .trial is unusable, no further token is returned; that
    is the only effect. */

#ifndef START_TRIAL_H
#define START_TRIAL_H

#include "root/root.h"
#include "root/spent.h"

enum {
    START_RETURNED_MOST = 2,   /* tokens returned in a trial, at most */
    START_SAVE_MS = 10 * 1000, /* interval between writes of the time spent */
    START_LATE_MOST = 5,       /* deadlines missed while the host slept that are restarted, at most */
};

struct start_trial {
    struct root_limits limits; /* at the first start seen here */
    unsigned left;             /* starts left */
    struct root_spent spent;   /* includes earlier launchers; workspace empty: no start taken yet */
    unsigned late;             /* deadlines restarted */
    uint64_t counted_ms;       /* when spent was updated */
    uint64_t saved_ms;         /* when it was written */
};

/*  Takes a start. Returns 0, ROOT_E_NONE if none is left, or -EROFS on a read-only disk, where starts are not
    counted. A token that cannot be removed is logged and counted here. The limits are set in any case. */
int start_trial_take (struct start_trial *trial, const struct root *root, const char *workspace);

/*  Whether the start taken is the first of the trial. */
bool start_trial_is_first (const struct start_trial *trial);

/*  Whether the time of the trial is used up. */
bool start_trial_is_over (const struct start_trial *trial);

/*  If there is nothing to roll back to: resets the time, so that the deadlines apply again. */
void start_trial_extend (struct start_trial *trial);

/*  The version starts now. */
void start_trial_begin (struct start_trial *trial, uint64_t now_ms);

/*  When the version must be confirmed. */
uint64_t start_trial_deadline_ms (const struct start_trial *trial);

/*  Adds the time until now. Writes it if START_SAVE_MS have passed. */
void start_trial_count (struct start_trial *trial, const struct root *root, uint64_t now_ms);

/*  The host slept through a deadline: resets the time. Returns false if that happened too often, because a
    trial must end even on a host that is always late. */
bool start_trial_forgive (struct start_trial *trial, uint64_t now_ms);

/*  The version has ended: adds the time and writes it. */
void start_trial_end (struct start_trial *trial, const struct root *root, uint64_t now_ms);

/*  Init stopped the version: returns its token. Returns false if that happened too often. */
bool start_trial_return (struct start_trial *trial, const struct root *root);

#endif
