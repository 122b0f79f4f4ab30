/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bench/light_node.h - a node without a disk

    Real: the session (node/session.h) on sockets of its own, the choice of what to do (update/order.h) and
    the update machine (update/procedure.h). Simulated: the machine's actions. To fetch, stage, rehearse and
    switch takes a random time and changes a few variables; a restart closes the session and opens another
    one. The confirmation of a version is real again: it needs an announcement, a match and a chunk of its
    program. */

#ifndef BENCH_LIGHT_NODE_H
#define BENCH_LIGHT_NODE_H

#include "node/content.h"
#include "node/session.h"
#include "update/order.h"
#include "update/procedure.h"
#include "update/proof.h"

enum { LIGHT_EVENTS_MOST = 8, LIGHT_QUARANTINE_MOST = 4 };

/*  Calls to the owner of the nodes. context: of the node. */
struct light_ops {
    void (*welcome) (void *context);
    void (*hint) (void *context);
    void (*desired) (void *context); /* an answer to ask was received */
};

/*  Shared by all nodes. */
struct light_setting {
    struct bus_loop *loop;
    uint64_t step_least, step_most; /* range of the time of a simulated step, in milliseconds */
    const struct light_ops *ops;
};

/*  An installed version. */
struct light_version {
    struct base_digest release, binary;
    uint64_t size; /* of the binary */
    char name[65];
};

/*  A quarantined release. */
struct light_failure {
    struct base_digest release;
    char transaction[65], version[65];
};

struct light_node {
    const struct light_setting *setting;
    void *context; /* for the calls of ops */
    struct identity_config config;
    struct node_session *session; /* NULL between an old version and a new one */
    struct node_subject subject;
    struct node_match match;
    struct node_content *content;
    struct node_content_user user; /* on trial */
    struct update_procedure procedure;
    struct wire_order_state order_state;
    struct light_version running, previous;
    bool fails; /* the rehearsal fails for versions that begin with "bad" */

    /* the order under way */
    uint64_t epoch;
    char transaction[65];
    struct light_version candidate;
    const char *failure;
    bool on_trial; /* the running version has not confirmed itself */
    bool by_order; /* the return to the previous version was a revert, not a rollback */

    char last_transaction[65];
    struct light_failure quarantine[LIGHT_QUARANTINE_MOST];
    size_t n_quarantine;
    struct update_proof proof;
    enum update_event events[LIGHT_EVENTS_MOST];
    unsigned n_events;
    bool busy;
    enum update_event next; /* the event at the end of the simulated step */
    int step, deadline, proving;

    unsigned taken, confirmed, failed, reverted, refused; /* orders taken up, and their outcomes */
};

/*  Opens the session. The caller has set setting, context, config and running. Returns 0 or -errno. */
int light_node_start (struct light_node *node, struct base_error *error);

/*  Closes the session with a goodbye, and releases the config. */
void light_node_stop (struct light_node *node);

#endif
