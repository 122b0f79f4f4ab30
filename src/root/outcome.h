/*  root/outcome.h - var/outcome: the launcher's note on a trial that it ended, for the version that comes
    back

    Plain lines "key value": workspace, cause, text, time. Commentary: without it the version that comes
    back takes the cause as crashed. */

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

/*  "crashed", "hung", ... */
const char *root_cause_word (enum root_cause cause);

#endif
