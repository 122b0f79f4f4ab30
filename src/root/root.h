/*  root/root.h - a root on disk: its links, and what each state of them means

        stable      the workspace that init starts
        previous    the one that a revert goes back to
        .back       only during a trial: the workspace to go back to; on trial means that it is there and
                    differs from stable
        .try.N      the starts left on trial, N from 1; each holds the trial's deadlines
        .trial      what the trial has used up: root/spent.h
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
};

/*  Names in the root that more than one file of this project speaks of. */
#define ROOT_STABLE "stable"
#define ROOT_PREVIOUS "previous"
#define ROOT_BACK ".back"
#define ROOT_LOCK ".lock"
#define ROOT_MANAGER_LOCK ".lock.manager"
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

/*  Where stable points to and whether it is on trial. */
struct root_trial {
    bool on_trial;
    char stable[ROOT_NAME_SIZE];
    char back[ROOT_NAME_SIZE]; /* empty unless on trial */
    unsigned tokens;           /* starts left */
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

/*  How many are there, with or without a trial. */
unsigned root_tokens_count (const struct root *root);

/*  Gives a token back: the version was asked to stop. Never makes more than most of them. */
int root_token_return (const struct root *root, const struct root_limits *limits, unsigned most,
                       struct base_error *error);

/*  Makes .back, the tokens and the prepared link, all durable, then renames the link onto stable: name is
    on trial. */
int root_switch (const struct root *root, const char *name, const struct root_limits *limits,
                 struct base_error *error);

/*  Whether a link may point to a workspace: it is there, and has the files that a start needs. Not verified.
    Returns 0, ROOT_E_DAMAGED with what is missing, or -errno. */
int root_startable (const struct root *root, const char *name, struct base_error *error);

/*  The same, verified against its manifest: ROOT_E_DAMAGED with what does not fit. */
int root_workspace_check (const struct root *root, const char *name, struct base_error *error);

/*  Makes stable point to name with nobody on trial: for install and for scratch roots. */
int root_stable_set (const struct root *root, const char *name, struct base_error *error);

/*  Ends a trial well: .back becomes previous, in one rename; then the tokens go. 0 where no trial is under
    way. */
int root_confirm (const struct root *root, struct base_error *error);

/*  Ends a trial badly: .back becomes stable, in one rename; then the tokens go. ROOT_E_NONE where no trial
    is under way. */
int root_go_back (const struct root *root, struct base_error *error);

/*  On purpose: on trial like root_go_back; else stable and previous change places, stable first, in an
    order in which every moment has a runnable stable. Where stable leads nowhere, the way back of a trial or
    previous takes its place. Verifies the target before. Returns 0, ROOT_E_NONE (no previous),
    ROOT_E_DAMAGED. */
int root_revert (const struct root *root, char ret_name[ROOT_NAME_SIZE], struct base_error *error);

/*  Parts of the above that other files of this room need too. Removes a link or file; one that is not there
    is no error. Removes all tokens and .trial. Finishes a revert that was cut between
    its two renames (it left no previous, and a second name for the version that ran): *ret_finished (may
    be NULL) tells whether there was one. */
int root_remove (const struct root *root, const char *path, struct base_error *error);
int root_tokens_remove (const struct root *root, struct base_error *error);
int root_swap_finish (const struct root *root, const char *stable, bool *ret_finished,
                      struct base_error *error);

/*  Removes what a crash left: a stale .back (equal to stable), tokens without a trial, ".tmp.*", half-made
    and half-removed workspaces. */
int root_tidy (const struct root *root, struct base_error *error);

#endif
