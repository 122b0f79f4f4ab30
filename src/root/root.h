/*  root/root.h - a root on disk: its links, and what each state of them means

        stable      the workspace that init starts
        previous    the one that a revert goes back to
        .back       only during a trial: the workspace to go back to; on trial means that it is there and
                    differs from stable
        .try.N      the starts left on trial, N from 1; each holds the trial's deadlines
        .ok.W       the workspace W was confirmed once, or installed
        .ok         the same file before it has its name: a full disk keeps nobody from being confirmed
        .failed.W   how the trial of W ended, and .failed what it began from (root/outcome.h)
        .trial      what the trial has used up (root/spent.h); means nothing without one
        .revert     a revert that was ordered on this host: where to
        .lock       held (flock) by the launcher that serves this root
        .lock.manager   the same by the node manager, under a launcher too

    Everything here survives kill -9 between any two system calls and may be repeated. */

#ifndef ROOT_ROOT_H
#define ROOT_ROOT_H

#include <stdbool.h>

#include "disk/disk.h"

enum {
    ROOT_NAME_SIZE = 40,    /* a workspace's name with its NUL */
    ROOT_EXIT_RESTART = 85, /* exit status of a version that wants its launcher to start stable anew */
    ROOT_EXIT_BY_INIT = 86, /* the same, where its launcher is to leave that to init */
    ROOT_EXIT_KILLED = 87,  /* exit status of a launcher that killed a version which did not stop when told */
    ROOT_EXIT_LEFT =
        88, /* of a probe's launcher: told to stop, the version left processes, which were ended */
    ROOT_EXIT_LOCKED = 75, /* exit status of a launcher that finds the root in use */
};

/*  Contract codes of this room. */
enum {
    ROOT_E_NONE = 1, /* no such link, workspace or record */
    ROOT_E_DAMAGED,  /* does not fit its manifest, or cannot be parsed; the error says what */
    ROOT_E_ON_TRIAL, /* not now: a trial is under way */
    ROOT_E_UNSYNCED, /* it is done, and the disk did not say that it would survive a power cut */
};

/*  Names in the root that more than one file of this project speaks of. */
#define ROOT_STABLE "stable"
#define ROOT_PREVIOUS "previous"
#define ROOT_BACK ".back"
#define ROOT_LOCK ".lock"
#define ROOT_MANAGER_LOCK ".lock.manager"
#define ROOT_OK ".ok"
#define ROOT_FAILED ".failed"
#define ROOT_TRIAL ".trial"
#define ROOT_REVERT ".revert"
#define ROOT_SETTINGS "node.zpl"
#define ROOT_VAR "var"
#define ROOT_CONTENTS ROOT_VAR "/contents"
#define ROOT_PROBE "probe"
#define ROOT_APPS "apps"
#define ROOT_KEEPERS "keepers"

struct root {
    const struct disk *disk;
    int fd;     /* of the root's directory; owned */
    char *path; /* absolute, as opened; owned */
};

/*  Opens a root. Returns 0 or -errno (-ENOENT: no such directory). */
int root_open (const struct disk *disk, const char *path, struct root *ret_root, struct base_error *error);
void root_deinit (struct root *root);

/*  Makes the directory with var/, probe/ and apps/ (mode 0755; var 0700) where they are missing, and opens
    it. */
int root_make (const struct disk *disk, const char *path, struct root *ret_root, struct base_error *error);

/*  Whether the directory is a root, even a damaged one, and not some other directory. */
bool root_is_made (const struct root *root);

/*  The workspace a link (ROOT_STABLE, ROOT_PREVIOUS, ROOT_BACK) points to. Returns 0, ROOT_E_NONE, or
    ROOT_E_DAMAGED where the target is no workspace's name. */
int root_link (const struct root *root, const char *link, char ret_name[ROOT_NAME_SIZE]);

/*  Whether text has the form of a workspace's name (RFC 3339, nanoseconds, UTC). */
bool root_name_is_valid (const char *text);

/*  Where stable points to and whether it is on trial. What was never confirmed is on trial without .back too,
    for a version on trial can take that away: then another proven version is gone back to. (A root in which
    nothing was ever marked as confirmed is of a version that does not mark: there .back alone tells.) */
struct root_trial {
    bool on_trial;
    char stable[ROOT_NAME_SIZE];
    char back
        [ROOT_NAME_SIZE]; /* as .back says, else the first that could be gone back to; empty unless on trial */
    unsigned tokens;      /* starts left */
};
int root_trial_read (const struct root *root, struct root_trial *ret_trial, struct base_error *error);

/*  What a trial allows. Written into every token, so that the launcher needs no other source. */
struct root_limits {
    unsigned starts;     /* tokens; default 3, at most 9 */
    uint64_t ready_ms;   /* from start to "ready"; default 60 s */
    uint64_t confirm_ms; /* from start to "confirmed"; default 10 min */
    uint64_t pause_ms;   /* before the next token; default 1 s */
};
extern const struct root_limits root_limits_default;

/*  A token that asks for more than this says nothing: a version on trial can write one. */
#define ROOT_DEADLINE_MOST_MS (UINT64_C (24) * 3600 * 1000)
#define ROOT_PAUSE_MOST_MS (UINT64_C (3600) * 1000)

/*  One token taken by the launcher: unlinked and synced, with what it held (defaults where it cannot be
    read). Returns 0, ROOT_E_NONE where none is left, or -errno where it cannot be removed: what it held and
    what is left are told all the same. */
int root_token_take (const struct root *root, struct root_limits *ret_limits, unsigned *ret_left,
                     struct base_error *error);

/*  What the trial under way allows. */
struct root_limits root_trial_limits (const struct root *root);

/*  How many are there, with or without a trial. */
unsigned root_tokens_count (const struct root *root);

/*  Gives a token back: the version was asked to stop. Never makes more than most of them. */
int root_token_return (const struct root *root, const struct root_limits *limits, unsigned most,
                       struct base_error *error);

/*  Makes .back, the tokens, .ok, .failed and the prepared link, all durable, then renames the link onto stable:
    name is on trial. */
int root_switch (const struct root *root, const char *name, const struct root_limits *limits,
                 struct base_error *error);

/*  Whether a link may point to a workspace: it is there, and has the files that a start needs. Not verified.
    Returns 0, ROOT_E_DAMAGED with what is missing, or -errno. */
int root_startable (const struct root *root, const char *name, struct base_error *error);

/*  The same, verified against its manifest: ROOT_E_DAMAGED with what does not fit. Modes that keep this user from
    entering it, or from executing its start files, are put right. */
int root_workspace_check (const struct root *root, const char *name, struct base_error *error);

/*  The same, with every file read anew, and the manifest of that digest where it is known (NULL: it is not). */
int root_workspace_verify (const struct root *root, const char *name, const struct base_digest *manifest,
                           struct base_error *error);

/*  Opens one of its start files, read and found to fit the manifest: what is executed through the descriptor is what
    was read. Close-on-exec; the caller owns it. */
int root_start_open (const struct root *root, const char *name, const char *file, int *ret_fd,
                     struct base_error *error);

/*  The digest of its manifest. Returns 0 or -errno. */
int root_manifest_digest (const struct root *root, const char *name, struct base_digest *ret_digest);

/*  Whether it was confirmed once, here: .ok.NAME. */
bool root_ok_is (const struct root *root, const char *name);
bool root_ok_any (const struct root *root);
/*  Whether nothing says that what is stable was ever confirmed, in a root that knows of confirmed ones. */
bool root_is_unproven (const struct root *root, const char *stable);
/*  Marks it so, durably; on a full disk the prepared .ok, or a start that is left, gets the name. */
int root_ok_set (const struct root *root, const char *name, struct base_error *error);
/*  Marks, as well as it can be, what is known to be proven without a mark: what ran before there were marks, and what
    previous led to then. */
void root_ok_adopt (const struct root *root, const char *name);
int root_ok_remove (const struct root *root, const char *name);

/*  The workspaces that could be gone back to from one, the best first: known (may be NULL) and .back, previous,
    the others that were confirmed once, the newest first. None is looked into. Without a name that was ever
    confirmed and has not failed since, the first two count as they are. Returns a list that ends with NULL, for
    base_list_free; NULL where memory is out. */
char **root_ways_back (const struct root *root, const char *from, const char *known);

/*  Makes name stable, with nobody on trial. Where a link leads there already that one is renamed, which takes no
    space. What has the name stable and is no link is kept as stable.damaged. */
int root_stable_take (const struct root *root, const char *name, struct base_error *error);

/*  Takes what keeps this process from changing the root's links: modes of its owner, and where it may, the
    attributes "immutable" and "append only", of the root and of what lies in it. Returns whether anything was
    changed, so that trying again makes sense. */
bool root_loosen (const struct root *root);
/*  The same, of all that lies in var and probe too. */
bool root_loosen_places (const struct root *root);

/*  Mounts at and below the root. Null value: all zero. */
struct root_mounts {
    uint64_t *numbers;
    size_t count;
    bool noted;
};
void root_mounts_note (const struct root *root, struct root_mounts *ret_mounts);
void root_mounts_deinit (struct root_mounts *mounts);
/*  Takes off what was mounted there since (before NULL: what is mounted over another name than var, probe, apps and
    keepers, where nothing is ever mounted for a good reason). Returns whether anything was changed. */
bool root_uncover (const struct root *root, const struct root_mounts *before);

/*  Makes stable point to name with nobody on trial: for install and for scratch roots. */
int root_stable_set (const struct root *root, const char *name, struct base_error *error);

/*  Ends a trial well: stable is marked as confirmed, .back becomes previous, each in one rename; then the tokens
    go. 0 where no trial is under way. */
int root_confirm (const struct root *root, struct base_error *error);

/*  Ends a trial badly: .back becomes stable, in one rename; then the tokens go. Where it does not lead to a
    workspace that fits its manifest, the next of root_ways_back takes its place; where none fits, the first
    that has start files. ROOT_E_NONE where no trial is under way, ROOT_E_DAMAGED where there is nothing to go
    back to. */
int root_go_back (const struct root *root, struct base_error *error);

/*  What is known of the way back from before the version on trial ran. */
struct root_back {
    char name[ROOT_NAME_SIZE];   /* empty: nothing is */
    struct base_digest manifest; /* of its manifest; null: not known */
};
/*  The same, to what is known where that is whole. */
int root_go_back_to (const struct root *root, const struct root_back *known, struct base_error *error);

/*  On purpose: on trial like root_go_back; else stable and previous change places, stable first, in an
    order in which every moment has a runnable stable. Where stable leads nowhere, the way back of a trial or
    previous takes its place. Verifies the target before; one that is damaged gives way to the next of
    root_ways_back. Returns 0, ROOT_E_NONE (no previous), ROOT_E_DAMAGED, ROOT_E_UNSYNCED with the name. */
int root_revert (const struct root *root, char ret_name[ROOT_NAME_SIZE], struct base_error *error);

/*  The same for a person on this host. .revert says where to before anything is changed, and stays: repeated after a
    crash, it completes the same revert. Where nothing was left to change *ret_again is true. */
int root_revert_ordered (const struct root *root, char ret_name[ROOT_NAME_SIZE], bool *ret_again,
                         struct base_error *error);
/*  Everything that belongs to it has been written. */
int root_revert_done (const struct root *root);

/*  Parts of the above that other files of this room need too. Removes a link or file; one that is not there
    is no error. Removes all tokens and .trial. Finishes a revert that was cut between
    its two renames (it left no previous, and a second name for the version that ran): *ret_finished (may
    be NULL) tells whether there was one. */
int root_remove (const struct root *root, const char *path, struct base_error *error);
int root_tokens_remove (const struct root *root, struct base_error *error);
int root_swap_finish (const struct root *root, const char *stable, bool *ret_finished,
                      struct base_error *error);

/*  Removes what a crash left: a stale .back (equal to stable), tokens without a trial, ".tmp.*", half-made
    and half-removed workspaces. until (NULL: never): when the rest of these files is left to the next call. */
int root_tidy (const struct root *root, const struct disk_until *until, struct base_error *error);

#endif
