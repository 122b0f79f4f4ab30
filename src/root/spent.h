/* SPDX-License-Identifier: MPL-2.0 */
/*  root/spent.h - `.trial`: what the trial under way has used up

    Lines "key value": workspace, release, boot, spent_ms, returned. Written by root_switch and, on trial, by
    the launcher. It has no meaning without a trial and is removed with the tokens. A version on trial may
    remove or rewrite it, so nothing in it can end or prolong a trial alone (start/trial.h). */

#ifndef ROOT_SPENT_H
#define ROOT_SPENT_H

#include "root/root.h"

struct root_spent {
    char workspace[ROOT_NAME_SIZE]; /* on trial */
    char release[BASE_DIGEST_TEXT]; /* its release; empty: unknown */
    char boot[40];                  /* boot ID at the time of writing; empty: unknown */
    uint64_t spent_ms;              /* time run on trial, by CLOCK_BOOTTIME, sum of all starts */
    unsigned returned;              /* number of tokens returned because init stopped the version */
};

/*  Returns 0, ROOT_E_NONE (missing, or for another workspace), ROOT_E_DAMAGED (not a file, no workspace, or
    an invalid value) or -errno. */
int root_spent_read (const struct root *root, const char *workspace, struct root_spent *ret_spent);

/*  Replaces .trial, with the current boot ID. A directory with that name is removed. */
int root_spent_write (const struct root *root, const struct root_spent *spent, struct base_error *error);

/*  The values at the start of a trial: nothing used, and the release from the workspace's envelope.json. */
void root_spent_begin (const struct root *root, const char *workspace, struct root_spent *ret_spent);

/*  Removes .trial, whatever it is. Not synced; see root_tokens_remove. Returns whether there was one. */
bool root_spent_remove (const struct root *root);

#endif
