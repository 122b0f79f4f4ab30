/*  root/workspace.h - workspaces: made hidden, sealed, verified, removed

    A workspace holds the program `noded` (or the application's name), `noded.sh` and `start` (the start
    files), `envelope.json`, `command` (what the launcher runs), `files/` and, written last, `manifest` in
    the form that sha256sum -c reads. It has its name only when it is complete and durable. */

#ifndef ROOT_WORKSPACE_H
#define ROOT_WORKSPACE_H

#include "root/verified.h"
#include "wire/wire.h"

#define ROOT_PROGRAM "noded"
#define ROOT_SCRIPT "noded.sh"
#define ROOT_LAUNCHER "start"
#define ROOT_ENVELOPE "envelope.json"
#define ROOT_COMMAND "command"
#define ROOT_MANIFEST "manifest"

/*  A workspace in the making. Null value: all zero with fd -1. */
struct root_draft {
    const struct root *root;
    int fd;                        /* of the hidden directory; owned */
    struct root_verified verified; /* what was hashed when it was put in need not be read; owned */
    char hidden[ROOT_NAME_SIZE + 8];
    char name[ROOT_NAME_SIZE]; /* that it will have */
};

/*  Begins one under a hidden name. Its name will be the later of real_ns and the newest name in the root
    plus one nanosecond. */
int root_draft_begin (const struct root *root, uint64_t real_ns, struct root_draft *ret_draft,
                      struct base_error *error);

/*  Puts a file in, from bytes; directories of path are made. */
int root_draft_write (struct root_draft *draft, const char *path, mode_t mode, const void *data, size_t size,
                      struct base_error *error);

/*  The same from a file, which may share its blocks and never is the same file. from_path is relative to
    from_directory. Returns ROOT_E_DAMAGED where it cannot be read or does not have the digest (NULL: any). */
int root_draft_copy (struct root_draft *draft, const char *path, mode_t mode,
                     const struct base_digest *digest, int from_directory, const char *from_path,
                     struct base_error *error);

/*  The same from a download, of which nobody else has another name: the draft gets one, and the caller removes
    that of the download once the draft is sealed. Until then both are one file, so that what is downloaded
    outlives a draft that is dropped. Falls back to a copy. */
int root_draft_adopt (struct root_draft *draft, const char *path, mode_t mode,
                      const struct base_digest *digest, int from_directory, const char *from_path,
                      struct base_error *error);

/*  Puts noded.sh and start in (launcher: the bytes of the launcher program), and envelope.json and command
    from what is installed. */
int root_draft_start_files (struct root_draft *draft, const void *launcher, size_t launcher_size,
                            struct base_error *error);
int root_draft_describe (struct root_draft *draft, const struct wire_installed *installed,
                         struct base_error *error);

/*  Writes the manifest over all that is in the draft (checking program and files against the envelope:
    ROOT_E_DAMAGED), syncs everything, renames it to its name, syncs the root. The draft is null
    afterwards. */
int root_draft_seal (struct root_draft *draft, const struct wire_installed *installed,
                     char ret_name[ROOT_NAME_SIZE], struct base_error *error);

/*  Drops it with all that is in it. Safe on a null draft. */
void root_draft_deinit (struct root_draft *draft);

/*  A directory descriptor of a workspace, for the caller. Returns 0 or ROOT_E_NONE. */
int root_workspace_open (const struct root *root, const char *name, int *ret_fd);

/*  What is installed there. Returns 0, ROOT_E_NONE or ROOT_E_DAMAGED; the caller owns the message. */
int root_workspace_read (const struct root *root, const char *name, struct wire_installed *ret_installed,
                         struct base_error *error);

/*  Names, oldest first, NULL-terminated; free with base_list_free. */
int root_workspaces (const struct root *root, char ***ret_names);

/*  Renames to a hidden name, then removes. Refuses (-EBUSY) what stable, previous or .back point to. */
int root_workspace_remove (const struct root *root, const char *name, struct base_error *error);

/*  Removes workspaces, those that were never confirmed first, and of them the oldest, until at most keep are left;
    stable, previous and .back stay. */
int root_collect (const struct root *root, unsigned keep, unsigned *ret_removed, struct base_error *error);

#endif
