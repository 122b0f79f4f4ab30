/*  node/scratch.h - scratch roots below probe/: a copy of a workspace, for a probe to live in

    Files are copied, not linked: what a candidate does to its own files stays in its scratch root. Nothing
    is synced: a scratch root means nothing after a crash, and what is left of it is removed at the next
    start. */

#ifndef NODE_SCRATCH_H
#define NODE_SCRATCH_H

#include <stdatomic.h>

#include "root/workspace.h"

struct node_scratch {
    struct root root; /* of the probe */
    const struct root *parent;
    char name[40];    /* below ROOT_PROBE */
    char sockets[32]; /* directory of its ipc sockets; empty: none */
};

/*  Makes an empty one. Null value: root.fd -1. */
int node_scratch_make (const struct root *parent, struct node_scratch *ret_scratch, struct base_error *error);

/*  Copies a workspace of the parent into it under its own name. Stops with -ECANCELED soon after *stop
    (NULL: never) has become true: it may run on a thread of its own. */
int node_scratch_copy (struct node_scratch *scratch, const char *workspace, const atomic_bool *stop,
                       struct base_error *error);

/*  Writes node.zpl. */
int node_scratch_settings (struct node_scratch *scratch, const char *text, struct base_error *error);

/*  Makes a fresh short directory for its ipc sockets (a socket's path has 107 bytes, a root's may have
    more), readable by this user only. A link in the scratch root tells where, so that a later process can
    remove it. */
int node_scratch_rendezvous (struct node_scratch *scratch, struct base_error *error);

/*  Removes what is in it, and itself, from the disk, until it is told to end (NULL: all of it). A candidate may have left
    millions of files: it may run on a thread of its own. Safe on the null value. */
void node_scratch_empty (const struct node_scratch *scratch, const struct disk_until *until);

/*  Removes it with all that is in it. Safe on the null value. */
void node_scratch_deinit (struct node_scratch *scratch);

/*  The same without removing anything: something in it cannot be ended. A later sweep removes it. */
void node_scratch_leave (struct node_scratch *scratch);

/*  What earlier processes left below probe/. NULL: nothing; else to be freed with base_list_free. */
char **node_scratch_left (const struct root *parent);

/*  Removes that, until it is told to end (NULL: all of it), and nothing that is made meanwhile: it may run on a thread
    of its own. */
void node_scratch_sweep (const struct root *parent, char *const *names, const struct disk_until *until);

/*  Copies what is left to read of one file behind the end of another, by the file system itself where it
    can. stop: NULL, or where another thread may end it. Returns 0 or -errno (-ECANCELED). */
int node_scratch_copy_bytes (int from, int to, const atomic_bool *stop);

#endif
