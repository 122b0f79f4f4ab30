/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/scratch.h - scratch roots below probe/: each holds a copy of a workspace in which a probe runs

    Files are copied, not linked: what a candidate does to its own files stays in its scratch root. Nothing is
    synced: a scratch root has no meaning after a crash, and the next start removes what is left of it. */

#ifndef REHEARSAL_SCRATCH_H
#define REHEARSAL_SCRATCH_H

#include <stdatomic.h>

#include "root/workspace.h"

struct rehearsal_scratch {
    struct root root; /* of the probe */
    const struct root *parent;
    char name[40];    /* below ROOT_PROBE */
    char sockets[32]; /* directory of its ipc sockets; empty: none */
};

/*  Makes an empty scratch root. The caller frees ret_scratch with rehearsal_scratch_deinit; its null value
    has root.fd -1. Returns 0, or -errno or ROOT_E_ with a sentence. */
int rehearsal_scratch_make (const struct root *parent, struct rehearsal_scratch *ret_scratch,
                            struct base_error *error);

/*  Copies a workspace of the parent into it under its own name. May run on a thread: it stops with -ECANCELED
    soon after *stop has become true (NULL: never). Returns 0, ROOT_E_NONE or -errno, with a sentence. */
int rehearsal_scratch_copy (struct rehearsal_scratch *scratch, const char *workspace, const atomic_bool *stop,
                            struct base_error *error);

/*  Writes node.zpl. Returns 0 or -errno, with a sentence. */
int rehearsal_scratch_settings (struct rehearsal_scratch *scratch, const char *text,
                                struct base_error *error);

/*  Makes a new directory with a short path for its ipc sockets (a socket's path has at most 107 bytes, a
    root's may have more), accessible to this user only. A link in the scratch root names it, so that a later
    process can remove it. */
int rehearsal_scratch_rendezvous (struct rehearsal_scratch *scratch, struct base_error *error);

/*  Removes the scratch root with all that is in it from the disk, or stops at until (NULL: never). May run on
    a thread: a candidate may have left millions of files. Safe on the null value. */
void rehearsal_scratch_empty (const struct rehearsal_scratch *scratch, const struct disk_until *until);

/*  Removes the scratch root with all that is in it, and closes it. Safe on the null value. */
void rehearsal_scratch_deinit (struct rehearsal_scratch *scratch);

/*  Closes it without removing anything, because a process in it cannot be ended. A later sweep removes it. */
void rehearsal_scratch_leave (struct rehearsal_scratch *scratch);

/*  Returns the names that earlier processes left below probe/. The caller frees them with base_list_free.
    NULL: none. */
char **rehearsal_scratch_left (const struct root *parent);

/*  Removes those names, or stops at until (NULL: never). May run on a thread: what is made meanwhile has
    other names. */
void rehearsal_scratch_sweep (const struct root *parent, char *const *names, const struct disk_until *until);

/*  Copies the rest of one file behind the end of another; the file system does it itself if it can. stop: may
    be set by another thread, or NULL. Returns 0 or -errno (-ECANCELED). */
int rehearsal_scratch_copy_bytes (int from, int to, const atomic_bool *stop);

#endif
