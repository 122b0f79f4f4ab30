/*  root/spent.h - `.trial`: what the trial under way has used up

    Lines "key value": workspace, release, boot, spent_ms, returned. Written by root_switch and, on trial, by
    the launcher; means nothing without a trial, and goes with the tokens. A version on trial may remove or
    rewrite it, so nothing in it ends or lengthens a trial alone: see start/trial.h. */

#ifndef ROOT_SPENT_H
#define ROOT_SPENT_H

#include "root/root.h"

struct root_spent {
    char workspace[ROOT_NAME_SIZE]; /* that is on trial */
    char release[BASE_DIGEST_TEXT]; /* its release; empty: not known */
    char boot[40];                  /* boot id of the host when it was written; empty: not known */
    uint64_t spent_ms;              /* CLOCK_BOOTTIME that it ran on trial, over all its starts */
    unsigned returned;              /* tokens that were returned, since init stopped it */
};

/*  Returns 0, ROOT_E_NONE (none, or that of another workspace), ROOT_E_DAMAGED (no file, no workspace, a number
    that is none) or -errno. */
int root_spent_read (const struct root *root, const char *workspace, struct root_spent *ret_spent);

/*  Replaces it, with the boot id of now. What has the name and is no file is removed. */
int root_spent_write (const struct root *root, const struct root_spent *spent, struct base_error *error);

/*  As a switch begins one: nothing is used up, the release is the one that the workspace's envelope.json names. */
void root_spent_begin (const struct root *root, const char *workspace, struct root_spent *ret_spent);

/*  Removes it, whatever it is. Not synced: see root_tokens_remove. Returns whether one was there. */
bool root_spent_remove (const struct root *root);

#endif
