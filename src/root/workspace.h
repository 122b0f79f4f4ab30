/* SPDX-License-Identifier: MPL-2.0 */
/*  root/workspace.h - makes, seals, reads and removes workspaces

    A workspace holds the program `noded` (or the application's name), the start files `noded.sh` and `start`,
    `envelope.json`, `release` (the release document), `command` (what the launcher runs), `files/` and, written last, `manifest` in the format
    of sha256sum -c. It has its name only when it is complete and durable. */

#ifndef ROOT_WORKSPACE_H
#define ROOT_WORKSPACE_H

#include "root/verified.h"
#include "wire/wire.h"

/*  An unfinished workspace. Null value: all zero with fd -1. */
struct root_draft {
    const struct root *root;
    int fd;                        /* of the hidden directory; owned */
    struct root_verified verified; /* digests of the files added so far, not to be read again; owned */
    char hidden[ROOT_NAME_SIZE + 8];
    char name[ROOT_NAME_SIZE]; /* name after sealing */
};

/*  Begins a draft under a hidden name. Its name will be real_ns, or the newest name in the root plus one
    nanosecond if that is later. */
int root_draft_begin (const struct root *root, uint64_t real_ns, struct root_draft *ret_draft,
                      struct base_error *error);

/*  Adds a file with the given bytes. Makes the directories of path. */
int root_draft_write (struct root_draft *draft, const char *path, mode_t mode, const void *data, size_t size,
                      struct base_error *error);

/*  Adds a copy of a file, by reflink if possible, never by hard link. from_path is relative to
    from_directory. Returns ROOT_E_DAMAGED if the source cannot be read or does not have the digest (NULL:
    not checked). */
int root_draft_copy (struct root_draft *draft, const char *path, mode_t mode,
                     const struct base_digest *digest, int from_directory, const char *from_path,
                     struct base_error *error);

/*  Adds a downloaded file that has only one name, as a hard link; the caller removes the download's name
    after the draft is sealed. Until then both names are one file, so the download survives a draft that is
    dropped. Falls back to a copy. */
int root_draft_adopt (struct root_draft *draft, const char *path, mode_t mode,
                      const struct base_digest *digest, int from_directory, const char *from_path,
                      struct base_error *error);

/*  root_draft_start_files adds noded.sh and start (launcher: the bytes of the launcher program).
    root_draft_describe adds envelope.json and command from installed, and the release document. */
int root_draft_start_files (struct root_draft *draft, const void *launcher, size_t launcher_size,
                            struct base_error *error);
int root_draft_describe (struct root_draft *draft, const struct wire_installed *installed,
                         const struct base_buffer *document, struct base_error *error);

/*  Writes the manifest, checks the release document against the release's digest, and program and files
    against the envelope (ROOT_E_DAMAGED), syncs everything,
    renames the draft to its name and syncs the root. The draft is null afterwards. */
int root_draft_seal (struct root_draft *draft, const struct wire_installed *installed,
                     char ret_name[ROOT_NAME_SIZE], struct base_error *error);

/*  Drops the draft with all its files. Safe on a null draft. */
void root_draft_deinit (struct root_draft *draft);

/*  Opens a workspace; the caller owns the descriptor. Returns 0, ROOT_E_NONE or -errno. */
int root_workspace_open (const struct root *root, const char *name, int *ret_fd);

/*  Reads the envelope of a workspace. Returns 0, ROOT_E_NONE, ROOT_E_DAMAGED or -errno; the caller owns
    the message. */
int root_workspace_read (const struct root *root, const char *name, struct wire_installed *ret_installed,
                         struct base_error *error);

/*  Names, oldest first, NULL-terminated; free with base_list_free. */
int root_workspaces (const struct root *root, char ***ret_names);

/*  Renames a workspace to a hidden name, then removes it. Refuses (-EBUSY) if a link of the root points
    to it. */
int root_workspace_remove (const struct root *root, const char *name, struct base_error *error);

/*  Removes workspaces until at most keep are left: first those never confirmed, then the others, each oldest
    first. Workspaces that links point to are kept. */
int root_collect (const struct root *root, unsigned keep, unsigned *ret_removed, struct base_error *error);

#endif
