/* SPDX-License-Identifier: MPL-2.0 */
/*  root/root.h - a root on disk: its links, and what each state of them means

      stable      the workspace that init starts
      previous    the workspace that a revert returns to
      .back       the workspace that a rollback returns to; the root is on trial if .back exists and
                  differs from stable
      .try.N      the tokens: starts left on trial, N from 1; each holds the trial's limits
      .ok.W       workspace W was confirmed once, or installed
      .ok         the same file before it gets its name, so that a full disk does not prevent confirmation
      .failed.W   how the trial of W ended; .failed: how it started (root/outcome.h)
      .trial      what the trial has used up (root/spent.h); no meaning without a trial
      .revert     the target of a revert that was ordered on this host
      .lock       held (flock) by the launcher that serves this root
      .lock.manager   held by the node manager, also under a launcher

    Every operation here survives kill -9 between any two system calls and may be repeated. */

#ifndef ROOT_ROOT_H
#define ROOT_ROOT_H

#include <stdbool.h>

#include "disk/disk.h"
#include "root/layout.h"

enum {
    ROOT_NAME_SIZE = 40,    /* size of a workspace's name with NUL */
    ROOT_EXIT_RESTART = 85, /* exit status of a version: the launcher is to start stable again */
    ROOT_EXIT_BY_INIT = 86, /* the same, but the launcher exits and init starts stable again */
    ROOT_EXIT_KILLED = 87,  /* exit status of a launcher that killed a version which did not stop */
    ROOT_EXIT_LEFT =
        88, /* exit status of a probe's launcher: the version stopped, but left processes, which were ended */
    ROOT_EXIT_LOCKED = 75, /* exit status of a launcher that finds the root in use */
};

/*  Contract codes of this room. */
enum {
    ROOT_E_NONE = 1, /* no such link, workspace or record */
    ROOT_E_DAMAGED,  /* does not match its manifest, or cannot be parsed; the error has details */
    ROOT_E_ON_TRIAL, /* refused while a trial is under way */
    ROOT_E_UNSYNCED, /* done, but the disk did not confirm that it survives a power cut */
};

/*  What a failure means, as the end of a sentence ("cannot open it: TEXT"). r: a ROOT_E_ code or -errno, not
    0. */
const char *root_error_text (int r);

struct root {
    const struct disk *disk;
    int fd;     /* of the root directory; owned */
    char *path; /* absolute, of the opened directory; owned */
};

/*  Whether it was opened and not closed since; for assertions. */
static inline bool root_is_open (const struct root *root)
{
    return root && root->disk && root->disk->ops && root->fd >= 0;
}

/*  Opens a root. Returns 0 or -errno (-ENOENT: no such directory). */
int root_open (const struct disk *disk, const char *path, struct root *ret_root, struct base_error *error);
void root_deinit (struct root *root);

/*  Makes the directory, and var/, probe/ and apps/ in it (mode 0755; var 0700), if they are missing, and
    opens it. */
int root_make (const struct disk *disk, const char *path, struct root *ret_root, struct base_error *error);

/*  Whether the directory is a root, possibly a damaged one. */
bool root_is_made (const struct root *root);

/*  Reads the workspace that a link (ROOT_STABLE, ROOT_PREVIOUS, ROOT_BACK) names. Returns 0, ROOT_E_NONE,
    ROOT_E_DAMAGED if the target is not the name of a workspace, or -errno. */
int root_link (const struct root *root, const char *link, char ret_name[ROOT_NAME_SIZE]);

/*  Whether text is a valid workspace name (RFC 3339, nanoseconds, UTC). */
bool root_name_is_valid (const char *text);

/*  The target of stable and whether it is on trial. A version that was never confirmed is on trial even
    without .back, which a version on trial could remove; the way back is then another proven version. (A
    root without any mark of a confirmed workspace belongs to a version that sets no marks: there only
    .back counts.) */
struct root_trial {
    bool on_trial;
    char stable[ROOT_NAME_SIZE];
    char back
        [ROOT_NAME_SIZE]; /* the target of .back, else the first of root_fallbacks; empty unless on trial */
    unsigned tokens;      /* starts left */
};
int root_trial_read (const struct root *root, struct root_trial *ret_trial, struct base_error *error);

/*  The limits of a trial. Every token contains them, so the launcher needs no other source. */
struct root_limits {
    unsigned starts;     /* tokens; default 3, at most 9 */
    uint64_t ready_ms;   /* from start to "ready"; default 60 s */
    uint64_t confirm_ms; /* from start to "confirmed"; default 10 min */
    uint64_t pause_ms;   /* before the next token; default 1 s */
};
extern const struct root_limits root_limits_default;

/*  Upper bounds of a token's values. Larger values are ignored, because a version on trial can
    write tokens. */
#define ROOT_DEADLINE_MOST_MS (UINT64_C (24) * 3600 * 1000)
#define ROOT_PAUSE_MOST_MS (UINT64_C (3600) * 1000)

/*  Takes one token: reads its limits (defaults if unreadable), unlinks it and syncs. Returns 0, ROOT_E_NONE
    if none is left, or -errno if it cannot be removed; limits and number of tokens left are set even then. */
int root_token_take (const struct root *root, struct root_limits *ret_limits, unsigned *ret_left,
                     struct base_error *error);

/*  The limits of the trial under way. */
struct root_limits root_trial_limits (const struct root *root);

/*  The number of tokens, with or without a trial. */
unsigned root_tokens_count (const struct root *root);

/*  Returns a token because init stopped the version. Never makes more than `most` tokens. */
int root_token_return (const struct root *root, const struct root_limits *limits, unsigned most,
                       struct base_error *error);

/*  Makes the tokens, .trial, .ok, .failed, .back and the prepared link, all durable, then renames that link
    to stable: name is now on trial. */
int root_switch (const struct root *root, const char *name, const struct root_limits *limits,
                 struct base_error *error);

/*  Whether a link may point to a workspace: it exists and has the files needed for a start. Their content is
    not verified. Returns 0, ROOT_E_DAMAGED with what is missing, or -errno. */
int root_startable (const struct root *root, const char *name, struct base_error *error);

/*  The same, and verifies the workspace against its manifest: ROOT_E_DAMAGED with the first difference.
    Corrects modes that prevent this user from entering it or executing its start files. */
int root_workspace_check (const struct root *root, const char *name, struct base_error *error);

/*  The same, but reads every file, and compares the manifest with its digest if known (NULL: unknown). */
int root_workspace_verify (const struct root *root, const char *name, const struct base_digest *manifest,
                           struct base_error *error);

/*  Opens a start file whose content matches the manifest. Executing the descriptor runs exactly the file that
    was verified. Close-on-exec; the caller owns it. */
int root_start_open (const struct root *root, const char *name, const char *file, int *ret_fd,
                     struct base_error *error);

/*  The digest of the manifest of a workspace. Returns 0 or -errno. */
int root_manifest_digest (const struct root *root, const char *name, struct base_digest *ret_digest);

/*  Whether the workspace was confirmed here once: .ok.NAME exists. */
bool root_ok_is (const struct root *root, const char *name);
bool root_ok_any (const struct root *root);
/*  Whether no file shows that stable was ever confirmed, in a root that has marks or a .failed of
    this version. */
bool root_is_unproven (const struct root *root, const char *stable);
/*  Marks the workspace as confirmed, durably. On a full disk, renames the prepared .ok or a token to
    the mark. */
int root_ok_set (const struct root *root, const char *name, struct base_error *error);
/*  Sets missing marks for versions known to be proven: name, and in a root without marks also previous.
    Best effort. */
void root_ok_adopt (const struct root *root, const char *name);
int root_ok_remove (const struct root *root, const char *name);

/*  The workspaces that a rollback or revert from `from` can use, best first. First known (may be NULL),
    .back, the way back recorded in .failed, and previous, if confirmed once and not failed since; then all
    other such workspaces, newest first; last the rest of the first four. They exist, but are not checked.
    Returns a NULL-terminated list for base_list_free, or NULL if out of memory. */
char **root_fallbacks (const struct root *root, const char *from, const char *known);

/*  Makes name stable, without a trial. Renames a link that already points to name, if there is one, which
    needs no space. If stable is not a link, it is kept as stable.damaged. */
int root_stable_take (const struct root *root, const char *name, struct base_error *error);

/*  Removes what keeps this process from changing the links of the root: owner modes and, if permitted, the
    attributes immutable and append-only, of the root and of the entries in it. Returns whether anything was
    changed, so that another attempt makes sense. */
bool root_loosen (const struct root *root);
/*  The same, also for everything in var and probe. */
bool root_loosen_directories (const struct root *root);

/*  Mounts at and below the root. Null value: all zero. */
struct root_mounts {
    uint64_t *numbers;
    size_t count;
    bool noted;
};
void root_mounts_note (const struct root *root, struct root_mounts *ret_mounts);
void root_mounts_deinit (struct root_mounts *mounts);
/*  Unmounts what was mounted there since `before`. before NULL: everything mounted over names other than var,
    probe, apps and keepers; other names have no legitimate mounts. Returns whether anything was changed. */
bool root_uncover (const struct root *root, const struct root_mounts *before);

/*  Points stable to name without a trial: for install and for scratch roots. */
int root_stable_set (const struct root *root, const char *name, struct base_error *error);

/*  Ends a trial with success: marks stable as confirmed, renames .back to previous, then removes the tokens.
    Returns 0 if no trial is under way. */
int root_confirm (const struct root *root, struct base_error *error);

/*  Ends a trial with a rollback: renames .back to stable, then removes the tokens. If the workspace of .back
    does not match its manifest, uses the next of root_fallbacks; if none matches, the first that has start
    files. Returns ROOT_E_NONE if no trial is under way, ROOT_E_DAMAGED if there is no usable workspace. */
int root_roll_back (const struct root *root, struct base_error *error);

/*  What was known about the way back before the version on trial ran. */
struct root_fallback {
    char name[ROOT_NAME_SIZE];   /* empty: nothing */
    struct base_digest manifest; /* of its manifest; null: unknown */
};
/*  The same, with the known way back preferred if it is intact. */
int root_roll_back_to (const struct root *root, const struct root_fallback *known, struct base_error *error);

/*  Reverts by command. On trial, like root_roll_back. Otherwise stable and previous are exchanged, in an
    order in which stable is runnable at every moment. If stable is dangling, uses the way back of a trial or
    previous. Verifies the target first; if it is damaged, uses the next of root_fallbacks. Returns 0,
    ROOT_E_NONE (no previous), ROOT_E_DAMAGED, or ROOT_E_UNSYNCED with ret_name set. */
int root_revert (const struct root *root, char ret_name[ROOT_NAME_SIZE], struct base_error *error);

/*  The same, ordered by a person on this host. .revert records the target before any change and is
    kept: repeated after a crash, the command completes the same revert. *ret_again: there was nothing
    left to change. */
int root_revert_ordered (const struct root *root, char ret_name[ROOT_NAME_SIZE], bool *ret_again,
                         struct base_error *error);
/*  Ends an ordered revert after all its records are written: removes .revert. */
int root_revert_done (const struct root *root);

/*  Shared parts of the above, for this room. root_remove removes a link or file; a missing one is no error.
    root_tokens_remove removes all tokens, .trial, .ok and .failed. root_swap_finish completes a revert that
    was interrupted between its two renames (previous is missing, and a second name exists for the version
    that ran); *ret_finished (may be NULL): whether there was one. */
int root_remove (const struct root *root, const char *path, struct base_error *error);
int root_tokens_remove (const struct root *root, struct base_error *error);
int root_swap_finish (const struct root *root, const char *stable, bool *ret_finished,
                      struct base_error *error);

/*  Restores the owner's permissions that a workspace needs, which the manifest does not record. Returns
    whether anything was changed. */
bool root_modes_repair (const struct root *root, const char *name);

/*  Removes what a crash left: a stale .back, tokens without a trial, ".tmp.*", unfinished and half-removed
    workspaces. until (NULL: never): when the rest is left to the next call. */
int root_tidy (const struct root *root, const struct disk_until *until, struct base_error *error);

#endif
