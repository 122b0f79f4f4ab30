/* SPDX-License-Identifier: MPL-2.0 */
/*  start/trial.c - counts starts and time of a trial */

#include "start/trial.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "start/log.h"

/*  Loads what earlier launchers have recorded for the same trial. */
static void spent_load (struct start_trial *trial, const struct root *root, const char *workspace)
{
    int r = root_spent_read (root, workspace, &trial->spent);
    if (r == 0)
        return;
    start_log ("%s/" ROOT_TRIAL " %s: no further token is returned to %s", root->path,
               r == ROOT_E_NONE ? "does not belong to this trial" : "cannot be used", workspace);
    root_spent_begin (root, workspace, &trial->spent);
    trial->spent.returned = START_RETURNED_MOST;
}

static void spent_save (struct start_trial *trial, const struct root *root)
{
    struct base_error error = {0};
    if (root_spent_write (root, &trial->spent, &error))
        start_log ("ignoring: %s", error.text);
}

static bool trial_is_of (const struct start_trial *trial, const char *workspace)
{
    return strcmp (trial->spent.workspace, workspace) == 0;
}

int start_trial_take (struct start_trial *trial, const struct root *root, const char *workspace)
{
    base_assert (trial);
    base_assert (root_is_open (root));
    base_assert (workspace);
    struct base_error error = {0};
    struct root_limits limits = root_limits_default;
    unsigned left = 0;
    int r = root_token_take (root, &limits, &left, &error);
    if (!trial_is_of (trial, workspace)) {
        *trial = (struct start_trial){.limits = limits, .left = left + 1};
        spent_load (trial, root, workspace);
    }
    if (r == ROOT_E_NONE || trial->left == 0) {
        trial->left = 0;
        return ROOT_E_NONE;
    }
    if (r < 0)
        start_log ("%s: this start is not counted%s", error.text, r == -EROFS ? "" : " on the disk");
    if (r == -EROFS)
        return r;
    trial->left--;
    if (left < trial->left)
        trial->left = left;
    start_log ("%s is on trial, %u starts left", workspace, trial->left);
    return 0;
}

static uint64_t trial_left_ms (const struct start_trial *trial)
{
    uint64_t spent = trial->spent.spent_ms, all = trial->limits.confirm_ms;
    return spent < all ? all - spent : 0;
}

bool start_trial_is_first (const struct start_trial *trial)
{
    base_assert (trial);
    return trial->left + 1 >= trial->limits.starts && trial->spent.spent_ms == 0 && trial->saved_ms == 0;
}

bool start_trial_is_over (const struct start_trial *trial)
{
    base_assert (trial);
    return trial_left_ms (trial) == 0;
}

void start_trial_extend (struct start_trial *trial)
{
    base_assert (trial);
    trial->spent.spent_ms = 0;
}

void start_trial_begin (struct start_trial *trial, uint64_t now_ms)
{
    base_assert (trial);
    trial->counted_ms = trial->saved_ms = now_ms;
}

uint64_t start_trial_deadline_ms (const struct start_trial *trial)
{
    base_assert (trial);
    return trial->counted_ms + trial_left_ms (trial);
}

/*  In a process restored on another host the clock may have gone back. */
static void spent_count (struct start_trial *trial, uint64_t now_ms)
{
    trial->spent.spent_ms += now_ms > trial->counted_ms ? now_ms - trial->counted_ms : 0;
    trial->counted_ms = now_ms;
}

void start_trial_count (struct start_trial *trial, const struct root *root, uint64_t now_ms)
{
    base_assert (trial);
    base_assert (root_is_open (root));
    spent_count (trial, now_ms);
    if (now_ms < trial->saved_ms + START_SAVE_MS)
        return;
    trial->saved_ms = now_ms;
    spent_save (trial, root);
}

bool start_trial_forgive (struct start_trial *trial, uint64_t now_ms)
{
    base_assert (trial);
    if (trial->late == START_LATE_MOST)
        return false;
    trial->late++;
    trial->spent.spent_ms = 0;
    trial->counted_ms = now_ms;
    return true;
}

void start_trial_end (struct start_trial *trial, const struct root *root, uint64_t now_ms)
{
    base_assert (trial);
    base_assert (root_is_open (root));
    spent_count (trial, now_ms);
    spent_save (trial, root);
}

bool start_trial_return (struct start_trial *trial, const struct root *root)
{
    base_assert (trial);
    base_assert (root_is_open (root));
    struct base_error error = {0};
    if (trial->spent.returned >= START_RETURNED_MOST)
        return false;
    /*  Count first: a crash in between costs a start, and never gives one. */
    trial->spent.returned++;
    trial->left++;
    spent_save (trial, root);
    if (root_token_return (root, &trial->limits, trial->left, &error))
        start_log ("ignoring: %s", error.text);
    return true;
}
