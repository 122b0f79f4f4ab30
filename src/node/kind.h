/* SPDX-License-Identifier: MPL-2.0 */
/*  node/kind.h - the kinds of applications that a node manager updates, and what each kind does in its own
    way

    Orders, downloads, workspaces, trials and reports are the same for every application (application.h). The
    kind decides how a candidate is probed, how a version is started, and what proves it on trial. */

#ifndef NODE_KIND_H
#define NODE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node_application;
struct wire_envelope;

struct node_kind_ops {
    /*  Returns the space that probing a candidate will need on the disk of the application's root, beyond its
        workspace: bytes and files. May be NULL: none. */
    void (*probe_space) (const struct node_application *app, const struct wire_envelope *envelope,
                         uint64_t *ret_bytes, uint64_t *ret_files);
    /*  Probes the version in app->order.workspace. The result is an event of the state probing: DONE, BLAMED,
        UNFIT or FAILED; it may come during the call. */
    void (*probe) (struct node_application *app);
    /*  Ends the probe if there is one; no event follows. What it started may end later. */
    void (*probe_abort) (struct node_application *app);
    /*  Starts the version that `stable` points to, instead of the one that runs. If that needs a new process
        of the node manager, this one ends; otherwise the operation calls node_application_restarted. */
    void (*restart) (struct node_application *app);
    /*  On trial: collects the proof that confirms the version; the event DONE says that it is complete.
        prove_end: stops that; also called without prove. */
    void (*prove) (struct node_application *app);
    void (*prove_end) (struct node_application *app);
    /*  The version on trial has been confirmed. May be NULL. */
    void (*confirmed) (struct node_application *app);
    /*  A signal ends this process. May be NULL. */
    void (*stopping) (struct node_application *app);
    /*  Frees what the kind holds. Accepts an application that was never started. May be NULL. */
    void (*close) (struct node_application *app);
};

struct node_kind {
    const char *application;
    bool is_manager; /* noded itself: its root is the node's, and this process is the running version */
    size_t own_size; /* bytes that the kind has for an application in app->own, zero at first */
    const struct node_kind_ops *ops;
};

/*  The applications of this node manager; NULL ends them. The first is noded itself. */
const struct node_kind *const *node_kinds (void);

extern const struct node_kind node_kind_manager;

#endif
