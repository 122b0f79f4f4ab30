/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/words.c - states and outcomes in words */

#include "ctl/words.h"

#include <string.h>

static const struct {
    const char *state, *words;
} state_table[] = {
    {"idle", "no update under way"},
    {"matching", "resolving the release"},
    {"fetching", "downloading missing blobs"},
    {"staging", "building the workspace"},
    {"probing", "running the rehearsal"},
    {"switching", "pointing stable to the new version"},
    {"restarting", "the old version is handing over"},
    {"trial", "the new version is on trial"},
    {"confirmed", "the new version has confirmed itself"},
    {"reverting", "reverting to the previous version"},
    {"unfit",
     "the running version fails the same rehearsal: the host or the origin is at fault; the order is tried "
     "again automatically"},
};

const char *ctl_state_words (const char *state)
{
    for (size_t i = 0; i < sizeof state_table / sizeof *state_table; i++)
        if (strcmp (state_table[i].state, state) == 0)
            return state_table[i].words;
    return "";
}

static const struct {
    const char *outcome, *words;
    bool ends;
} outcome_table[] = {
    {"started", "started", false},
    {"passed", "passed", false},
    {"failed", "failed", true},
    {"refused", "was refused", true},
    {"nothing", "nothing to do: it runs already", true},
    {"cancelled", "was cancelled", true},
    {"confirmed", "the new version confirmed itself", true},
    {"reverted", "reverted as ordered", true},
    {"went-back", "failed on trial; the previous version runs again", true},
};

const char *ctl_outcome_words (const char *outcome)
{
    for (size_t i = 0; i < sizeof outcome_table / sizeof *outcome_table; i++)
        if (strcmp (outcome_table[i].outcome, outcome) == 0)
            return outcome_table[i].words;
    return outcome;
}

bool ctl_outcome_ends (const char *outcome)
{
    for (size_t i = 0; i < sizeof outcome_table / sizeof *outcome_table; i++)
        if (strcmp (outcome_table[i].outcome, outcome) == 0)
            return outcome_table[i].ends;
    return false;
}

bool ctl_outcome_is_good (const char *outcome, bool revert)
{
    return strcmp (outcome, revert ? "reverted" : "confirmed") == 0 || strcmp (outcome, "nothing") == 0;
}
