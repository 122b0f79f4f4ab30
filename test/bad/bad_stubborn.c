/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_stubborn.c - a launcher that never runs out of starts: a version that fails on trial is
    started again without end */

#include "base/text.h"
#include "start/trial.h"

int __wrap_start_trial_take (struct start_trial *trial, const struct root *root, const char *workspace)
{
    (void) root;
    *trial = (struct start_trial){.limits = root_limits_default, .left = 1};
    return base_text_copy (trial->spent.workspace, sizeof trial->spent.workspace, workspace);
}
