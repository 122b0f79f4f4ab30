/*  node/install.h - makes a root from the program that runs: its first workspace, rehearsed and sealed,
    and stable */

#ifndef NODE_INSTALL_H
#define NODE_INSTALL_H

#include <stdbool.h>

#include "base/error.h"
#include "root/root.h"

struct node_install {
    const char *root; /* directory; made where it is missing */
    const char *id;
    const char *broker;  /* HOST[:PORT] */
    const char *content; /* a content peer beside the broker, HOST[:PORT]; NULL: the broker serves contents */
    bool rehearse;
    uint64_t step_ms; /* for each step of the rehearsal; 0: the default */
};

/*  Returns 0, or -EINVAL where what is asked for could not work anywhere. */
int node_install_check (const struct node_install *install, struct base_error *error);

/*  Returns 0 with the workspace's name and how long the rehearsal took (0: none), -EEXIST where the root
    has a stable already, or another error with a sentence; then the root has no stable. */
int node_install_run (const struct node_install *install, char ret_workspace[ROOT_NAME_SIZE],
                      uint64_t *ret_took_ms, struct base_error *error);

/*  What `noded install --repair` does: root/repair.h, and where no workspace can be stable, one that is made from the
    program that runs, without a rehearsal. Settings, keys, journal and quarantine stay. changed is called for each
    change, and behind the last one with what is stable. Returns 0, -EWOULDBLOCK where somebody serves the root,
    ROOT_E_NONE where the directory is no root, or another error; each with a sentence. */
int node_install_repair (const char *path, void (*changed) (void *context, const char *text), void *context,
                         struct base_error *error);

/*  A systemd unit that starts the root, on the heap for the caller. */
char *node_install_unit (const char *path);

#endif
