/*  root/outcome.h - the launcher's notes for the version that it starts: .failed.WORKSPACE on a trial that it
    ended, var/mended on a stable that it had to point elsewhere without one

    Plain lines "key value". .failed.WORKSPACE lies directly in the root and is synced: a version on trial may
    take var/ away, or write it in a form that the version before it cannot read, and its release must not be
    tried again all the same. Its room is taken before the switch, in the file .failed, which also says what the
    trial began from: on a full disk that file is overwritten where it lies, and renamed. */

#ifndef ROOT_OUTCOME_H
#define ROOT_OUTCOME_H

#include "base/time.h"
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

/*  What the version that was gone back to has made of the note. */
enum root_judged {
    ROOT_JUDGED_NONE,     /* nothing yet */
    ROOT_JUDGED_PENDING,  /* it is finding out who is to blame, and remembers the order by itself */
    ROOT_JUDGED_GUILTY,   /* the release is quarantined */
    ROOT_JUDGED_INNOCENT, /* it is not to blame; the order is not known, and is refused once */
};

struct root_outcome {
    char workspace[ROOT_NAME_SIZE];
    enum root_cause cause;
    char text[256];             /* for a person: one line */
    struct base_digest release; /* null: not known */
    char time[BASE_TIME_TEXT];  /* when it was written; filled in by reading */
    enum root_judged judged;
};

enum { ROOT_FAILED_MOST = 16 /* notes that are kept: the newest */ };

/*  Writes .failed.WORKSPACE, with the release that .failed names for it where the outcome has none. On a disk
    without room for it what .failed has is used up. */
int root_failed_write (const struct root *root, const struct root_outcome *outcome, struct base_error *error);

/*  Reads one. Without a release in it, that of the workspace is taken, where it is there. One that is damaged
    tells of a trial that ended all the same: INTERRUPTED. Returns 0 or ROOT_E_NONE. */
int root_failed_read (const struct root *root, const char *workspace, struct root_outcome *ret_outcome);

/*  The workspaces that have one, the newest first, NULL-terminated; free with base_list_free. */
int root_failed_list (const struct root *root, char ***ret_workspaces);

/*  Removes one; that of a version that was confirmed, or of a release that was cleared. */
int root_failed_remove (const struct root *root, const char *workspace);

/*  What a trial began from: .failed. */
struct root_began {
    char workspace[ROOT_NAME_SIZE]; /* that is on trial */
    char back[ROOT_NAME_SIZE];      /* that it began from */
    struct base_digest release;
};
int root_began_write (const struct root *root, const struct root_began *began, struct base_error *error);
/*  Returns 0, ROOT_E_NONE, or ROOT_E_DAMAGED. */
int root_began_read (const struct root *root, struct root_began *ret_began);
int root_began_remove (const struct root *root);

/*  The release that a workspace is of, as its envelope.json says; not parsed, for the launcher. Returns 0 or
    ROOT_E_NONE. */
int root_release_of (const struct root *root, const char *workspace, struct base_digest *ret_release);

/*  var/outcome, as versions write and read it that do not know .failed.WORKSPACE. A version that goes back by
    itself may go back to such a one, and may be one. Read returns 0, ROOT_E_NONE or ROOT_E_DAMAGED (set aside as
    var/outcome.damaged). */
int root_outcome_write (const struct root *root, const struct root_outcome *outcome,
                        struct base_error *error);
int root_outcome_read (const struct root *root, struct root_outcome *ret_outcome);
int root_outcome_remove (const struct root *root);

/*  The same for var/mended: DAMAGED with the workspace that was stable, or LOST with the one that is now. */
int root_mended_write (const struct root *root, const struct root_outcome *outcome, struct base_error *error);
int root_mended_read (const struct root *root, struct root_outcome *ret_outcome);
int root_mended_remove (const struct root *root);

/*  "crashed", "hung", ... */
const char *root_cause_word (enum root_cause cause);

#endif
