/* SPDX-License-Identifier: MPL-2.0 */
/*  deploy/ops.h - the operations that the program around the rollouts provides

    Rollouts order nodes to update or revert, announce the orders, and send events; they use nodes and blobs.
    The program that owns the rollouts provides these operations. context is the owner's. */

#ifndef DEPLOY_OPS_H
#define DEPLOY_OPS_H

#include "records/records.h"
#include "rollout/selector.h"

struct deploy_rollout;

enum {
    DEPLOY_SETTLE_MS = 5000,  /* how long a missing result may still arrive */
    DEPLOY_ORDERS_MOST = 256, /* in one transaction, and in one announcement */
    DEPLOY_BLOBS_TEXT = 320
};

/*  Contract codes of this room. */
enum {
    DEPLOY_E_REFUSED = 1, /* a request was refused: its answer has status and reason */
    DEPLOY_E_UNSERVED,    /* a release cannot be served: a blob is missing or damaged */
};

/*  A node as it is now. The texts are the owner's, and valid until the owner changes its nodes. */
struct deploy_node {
    const char *id;
    const char *platform;
    bool online;
    uint64_t restarts;  /* sessions that began without an update or a goodbye */
    const void *labels; /* for the operation label */
};
typedef int deploy_node_each (void *context, const struct deploy_node *node);

/*  An order to a node. A revert does not hold the node. */
struct deploy_order {
    enum wire_order verb; /* update, revert, cancel */
    const char *node, *application;
    const struct base_digest *release; /* to update to, or to revert from */
};

/*  An order that was given. */
struct deploy_issued {
    enum wire_order verb;
    uint64_t epoch;
    const struct base_digest *release;
    const char *transaction; /* of an update; may be NULL */
};

struct deploy_ops {
    /*  Nodes. */

    /*  Returns whether the node is known. */
    bool (*node) (void *context, const char *id, struct deploy_node *ret_node);
    /*  Calls each for all nodes, by id. Stops at a non-zero return and returns it. */
    int (*nodes) (void *context, deploy_node_each *each, void *each_context);
    /*  Returns the value of a label of a node, or NULL. */
    rollout_label *label;
    /*  Calls deploy_node_changed for the node at at_ms since boot, unless a call is due before that. */
    void (*recheck) (void *context, const char *node, uint64_t at_ms);

    /*  Orders. The records are written in the caller's transaction. */

    /*  Makes an order. If none was made, status and reason of *ret_ordered, which the caller owns, say why.
        *ret_epoch: of a new order; 0 if none was made, or if the order is under way already. Returns 0 or
        -errno. */
    int (*order) (void *context, const struct deploy_order *order, struct wire_order_result *ret_ordered,
                  uint64_t *ret_epoch, struct base_error *error);
    /*  Fills outcome, outcome_step and outcome_reason of ret_shown with the result of an order; outcome is 0
        if the order has not ended. *ret_missing: the node has completed the order, but its report is missing.
        Then the result is inferred from the node's state, unless the report may still arrive (may_come).
        Returns 0 or -errno. */
    int (*result) (void *context, const struct records_application *application,
                   const struct deploy_issued *issued, bool may_come, struct wire_node *ret_shown,
                   bool *ret_missing, struct base_error *error);
    /*  Returns whether a person holds the node. */
    bool (*held) (const struct records_application *application);
    /*  Returns whether the release failed on the node before, and its quarantine was not cleared. */
    bool (*quarantined) (void *context, const struct records_application *application,
                         const struct base_digest *release);

    /*  Blobs. */

    /*  Returns 0, or DEPLOY_E_UNSERVED: then text is a sentence that says why, and what to do. */
    int (*serve_check) (void *context, const struct wire_release *release, const struct base_digest *digest,
                        char text[DEPLOY_BLOBS_TEXT]);
    /*  Checks the blobs of a release that a node could not download. Returns 0: they are intact; -EBUSY: they
        are being read, ask again; DEPLOY_E_UNSERVED: ret_blob is missing or damaged. */
    int (*serve_verify) (void *context, const struct base_digest *release, const char *platform,
                         struct base_digest *ret_blob);

    /*  Announcements. Called after the transaction is on disk. */

    /*  Orders were given to these nodes; epoch is the highest of them. An unknown node is skipped. */
    void (*announce) (void *context, const char *const *nodes, size_t n_nodes, const char *application,
                      uint64_t epoch);
    /*  The state of a rollout was written, with the transitions that it made; there may be none. */
    void (*changed) (void *context, struct deploy_rollout *rollout, const struct wire_transition *transitions,
                     size_t n_transitions);

    /*  The owner's loop and records. */

    /*  Returns the revision of the last change of anything. */
    uint64_t (*revision) (void *context);
    /*  Commits the owner's open transaction, so that the records can be written and shown. */
    void (*settle) (void *context);
    /*  Calls deploy_tick after delay_ms, instead of an earlier request. Returns 0 or -errno. */
    int (*wake) (void *context, uint64_t delay_ms);
};

#endif
