/*  root/outcome.h - the launcher's notes for the version that it starts: var/outcome on a trial that it ended,
    var/mended on a stable that it had to point elsewhere without one

    Plain lines "key value": workspace, cause, text, time. Commentary: what has no note is not told. */

#ifndef ROOT_OUTCOME_H
#define ROOT_OUTCOME_H

#include "root/root.h"

enum root_cause {
    ROOT_CAUSE_NONE,
    ROOT_CAUSE_CRASHED,     /* ended, or was ended by a signal, on its last start */
    ROOT_CAUSE_HUNG,        /* was not ready within the ready-deadline */
    ROOT_CAUSE_UNCONFIRMED, /* was ready, and never confirmed */
    ROOT_CAUSE_DAMAGED,     /* its files do not fit the manifest any more */
    ROOT_CAUSE_ROTTEN,      /* they did not before it ever ran: the disk is at fault */
    ROOT_CAUSE_INTERRUPTED, /* no start left, and no end of one was seen: the host went down each time */
    ROOT_CAUSE_LOST,        /* stable led nowhere any more; who did that is not known */
    ROOT_CAUSE_STOPPED,     /* init stopped it again and again; why is not known */
};

struct root_outcome {
    char workspace[ROOT_NAME_SIZE];
    enum root_cause cause;
    char text[256]; /* for a person: one line */
};

int root_outcome_write (const struct root *root, const struct root_outcome *outcome,
                        struct base_error *error);

/*  Returns 0, ROOT_E_NONE or ROOT_E_DAMAGED (set aside as var/outcome.damaged). */
int root_outcome_read (const struct root *root, struct root_outcome *ret_outcome);
int root_outcome_remove (const struct root *root);

/*  The same for var/mended: DAMAGED with the workspace that was stable, or LOST with the one that is now. */
int root_mended_write (const struct root *root, const struct root_outcome *outcome, struct base_error *error);
int root_mended_read (const struct root *root, struct root_outcome *ret_outcome);
int root_mended_remove (const struct root *root);

/*  "crashed", "hung", ... */
const char *root_cause_word (enum root_cause cause);

#endif
