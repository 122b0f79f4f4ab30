/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/words.c - states and outcomes in words */

#include "ctl/words.h"

#include "base/assert.h"

static const char *const state_words[] = {
    [NODED_STATE_IDLE] = "no update under way",
    [NODED_STATE_MATCHING] = "resolving the release",
    [NODED_STATE_FETCHING] = "downloading missing blobs",
    [NODED_STATE_STAGING] = "building the workspace",
    [NODED_STATE_PROBING] = "running the rehearsal",
    [NODED_STATE_SWITCHING] = "pointing stable to the new version",
    [NODED_STATE_RESTARTING] = "the old version is handing over",
    [NODED_STATE_TRIAL] = "the new version is on trial",
    [NODED_STATE_CONFIRMED] = "the new version has confirmed itself",
    [NODED_STATE_REVERTING] = "reverting to the previous version",
    [NODED_STATE_UNFIT] =
        ("the running version fails the same rehearsal: the host or the origin is at fault; the "
         "order is tried again automatically"),
};

const char *ctl_state_words (enum noded_state state)
{
    bool known = state < sizeof state_words / sizeof *state_words && state_words[state];
    return known ? state_words[state] : "";
}

static const struct {
    const char *words;
    bool ends;
} outcome_table[] = {
    [NODED_OUTCOME_STARTED] = {"started", false},
    [NODED_OUTCOME_PASSED] = {"passed", false},
    [NODED_OUTCOME_FAILED] = {"failed", true},
    [NODED_OUTCOME_REFUSED] = {"was refused", true},
    [NODED_OUTCOME_NOTHING] = {"nothing to do: it runs already", true},
    [NODED_OUTCOME_CANCELLED] = {"was cancelled", true},
    [NODED_OUTCOME_CONFIRMED] = {"the new version confirmed itself", true},
    [NODED_OUTCOME_REVERTED] = {"reverted as ordered", true},
    [NODED_OUTCOME_ROLLED_BACK] = {"failed on trial; the previous version runs again", true},
};
enum { OUTCOMES = sizeof outcome_table / sizeof *outcome_table };

const char *ctl_outcome_words (enum noded_outcome outcome)
{
    return (size_t) outcome < OUTCOMES && outcome_table[outcome].words ? outcome_table[outcome].words
                                                                       : "unknown";
}

bool ctl_outcome_ends (enum noded_outcome outcome)
{
    return (size_t) outcome < OUTCOMES && outcome_table[outcome].ends;
}

bool ctl_outcome_is_good (enum noded_outcome outcome, bool revert)
{
    return outcome == (revert ? NODED_OUTCOME_REVERTED : NODED_OUTCOME_CONFIRMED) ||
           outcome == NODED_OUTCOME_NOTHING;
}

const noded_application *ctl_application (const noded_node *node)
{
    base_assert (node);
    static const noded_application not_reported;
    return node->application ? node->application : &not_reported;
}
