/* SPDX-License-Identifier: MPL-2.0 */
/*  root/outcome.h - the launcher's notes for the version that it starts

    .failed.WORKSPACE records how the launcher ended a trial; var/repaired records that it repaired stable
    outside of a trial. Both are lines "key value". .failed.WORKSPACE lies directly in the root and is
    synced: a version on trial may remove var/, or write it in a format that the version before it cannot
    read, and even then its release must not be tried again. Its space is reserved before the switch by the
    file .failed, which also records the start of the trial: on a full disk that file is overwritten in place
    and renamed. */

#ifndef ROOT_OUTCOME_H
#define ROOT_OUTCOME_H

#include "base/time.h"
#include "root/root.h"

enum root_cause {
    ROOT_CAUSE_NONE,
    ROOT_CAUSE_CRASHED,     /* exited, or was killed by a signal, on its last start */
    ROOT_CAUSE_HUNG,        /* not ready within the ready-deadline */
    ROOT_CAUSE_UNCONFIRMED, /* ready, but never confirmed */
    ROOT_CAUSE_DAMAGED,     /* its files no longer match the manifest */
    ROOT_CAUSE_CORRUPT,     /* damaged before it ever ran: a fault of the disk */
    ROOT_CAUSE_INTERRUPTED, /* no tokens left and no exit seen: the host went down each time */
    ROOT_CAUSE_LOST,        /* stable was dangling; cause unknown */
    ROOT_CAUSE_STOPPED,     /* init stopped it repeatedly; reason unknown */
};

/*  What the restored version has decided about the note. */
enum root_judged {
    ROOT_JUDGED_NONE,     /* nothing yet */
    ROOT_JUDGED_PENDING,  /* blame check in progress; the restored version remembers the order */
    ROOT_JUDGED_GUILTY,   /* the release is quarantined */
    ROOT_JUDGED_INNOCENT, /* not to blame; the order is unknown and is refused once */
};

struct root_outcome {
    char workspace[ROOT_NAME_SIZE];
    enum root_cause cause;
    char text[256];             /* one line for people */
    struct base_digest release; /* null: unknown */
    char time[BASE_TIME_TEXT];  /* time of writing; set by reading */
    enum root_judged judged;
};

enum { ROOT_FAILED_MOST = 16 /* notes kept: the newest */ };

/*  Writes .failed.WORKSPACE. If the outcome has no release, takes the one recorded in .failed. On a full
    disk, uses the space of .failed. */
int root_failed_write (const struct root *root, const struct root_outcome *outcome, struct base_error *error);

/*  Reads one. If it has no release, takes that of the workspace, if it still exists. A damaged note still
    means that a trial ended, and is read as INTERRUPTED. Returns 0 or ROOT_E_NONE. */
int root_failed_read (const struct root *root, const char *workspace, struct root_outcome *ret_outcome);

/*  The workspaces that have a note, newest first, NULL-terminated; free with base_list_free. */
int root_failed_list (const struct root *root, char ***ret_workspaces);

/*  Removes the note of a version that was confirmed or of a release that was cleared. */
int root_failed_remove (const struct root *root, const char *workspace);

/*  The start of a trial, recorded in .failed. */
struct root_began {
    char workspace[ROOT_NAME_SIZE]; /* on trial */
    char back[ROOT_NAME_SIZE];      /* the way back */
    struct base_digest release;
};
int root_began_write (const struct root *root, const struct root_began *began, struct base_error *error);
/*  Returns 0, ROOT_E_NONE, or ROOT_E_DAMAGED. */
int root_began_read (const struct root *root, struct root_began *ret_began);
int root_began_remove (const struct root *root);

/*  The release of a workspace, from its envelope.json. Searched without a parser, for the launcher. Returns 0
    or ROOT_E_NONE. */
int root_release_of (const struct root *root, const char *workspace, struct base_digest *ret_release);

/*  var/outcome, for versions that do not know .failed.WORKSPACE: a version that rolls back by
    itself may be one, or may roll back to one. Read returns 0, ROOT_E_NONE or ROOT_E_DAMAGED (set
    aside as var/outcome.damaged). */
int root_outcome_write (const struct root *root, const struct root_outcome *outcome,
                        struct base_error *error);
int root_outcome_read (const struct root *root, struct root_outcome *ret_outcome);
int root_outcome_remove (const struct root *root);

/*  The same for var/repaired: DAMAGED with the workspace that was stable before, or LOST with the one that is
    stable now. */
int root_repaired_write (const struct root *root, const struct root_outcome *outcome,
                         struct base_error *error);
int root_repaired_read (const struct root *root, struct root_outcome *ret_outcome);
int root_repaired_remove (const struct root *root);

/*  "crashed", "hung", ... */
const char *root_cause_word (enum root_cause cause);

#endif
