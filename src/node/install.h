/* SPDX-License-Identifier: MPL-2.0 */
/*  node/install.h - makes a root from the running program: the first workspace is sealed, rehearsed and made
    stable */

#ifndef NODE_INSTALL_H
#define NODE_INSTALL_H

#include <stdbool.h>

#include "base/error.h"
#include "root/root.h"

struct node_install {
    const char *root; /* directory; created if missing */
    const char *id;
    const char *broker;  /* HOST[:PORT] */
    const char *content; /* a content peer beside the broker, HOST[:PORT]; NULL: the broker serves blobs */
    const char *trust;   /* file of the root metadata to pin; NULL: releases are not verified */
    bool rehearse;
    uint64_t step_ms; /* deadline of each step of the rehearsal; 0: the default */
};

/*  Checks the arguments alone. Returns 0, or -EINVAL with a sentence. */
int node_install_check (const struct node_install *install, struct base_error *error);

/*  Installs. Returns 0 with the workspace's name and the duration of the rehearsal in ms (0: none); -EEXIST
    if the root already has a stable; or another error, and then the root has no stable. Errors have a
    sentence. */
int node_install_run (const struct node_install *install, char ret_workspace[ROOT_NAME_SIZE],
                      uint64_t *ret_took_ms, struct base_error *error);

/*  Repairs a root for `noded install --repair`: the steps of root/repair.h. If no workspace can be made
    stable, makes one from the running program, without a rehearsal. Settings, keys, journal and quarantine
    stay. changed is called with a line for each change. Returns 0, -EWOULDBLOCK if another process serves the
    root, ROOT_E_NONE if the directory is no root, or another error; each with a sentence in error, which must
    not be NULL. */
int node_install_repair (const char *path, void (*changed) (void *context, const char *text), void *context,
                         struct base_error *error);

/*  Returns the text of a systemd unit that starts the root. The caller frees it. NULL: out of memory. */
char *node_install_unit (const char *path);

#endif
