/*  test/bench/light_node.h - a node without a disk

    It has the real session (node/session.h) on sockets of its own, the real choice of what to do
    (update/order.h) and the real update machine (update/procedure.h). What lies below the machine's actions
    is made up: to fetch, to stage, to rehearse and to switch takes a drawn time and changes a few
    variables; to restart closes the session and opens another one. What confirms a version is real again:
    an announcement, a match and a chunk of its program. */

#ifndef BENCH_LIGHT_NODE_H
#define BENCH_LIGHT_NODE_H

#include "node/session.h"
#include "update/order.h"
#include "update/proof.h"

enum { LIGHT_EVENTS_MOST = 8, LIGHT_QUARANTINE_MOST = 4 };

/*  What many nodes have in common. */
struct light_ops {
    void (*welcome) (void *context);
    void (*hint) (void *context);
    void (*desired) (void *context); /* an ask was answered */
};

struct light_setting {
    struct bus_loop *loop;
    uint64_t step_least, step_most; /* what a made-up step takes, in milliseconds */
    const struct light_ops *ops;
};

/*  What is installed. */
struct light_version {
    struct base_digest release, binary;
    uint64_t size; /* of the binary */
    char name[65];
};

/*  A release that was tried and failed. */
struct light_failure {
    struct base_digest release;
    char transaction[65], version[65];
};

struct light_node {
    const struct light_setting *setting;
    void *context; /* of ops */
    struct node_config config;
    struct node_session *session; /* NULL between an old version and a new one */
    struct update_procedure procedure;
    struct wire_standing standing;
    struct light_version running, previous;
    bool fails; /* the rehearsal of a release whose version begins with "bad" */

    /* the order under way */
    uint64_t epoch;
    char transaction[65];
    struct light_version candidate;
    const char *failure;
    bool on_trial; /* what runs has not confirmed itself */
    bool by_order; /* went back because it was told to */

    char last_transaction[65];
    struct light_failure quarantine[LIGHT_QUARANTINE_MOST];
    size_t n_quarantine;
    struct update_proof proof;
    enum update_event events[LIGHT_EVENTS_MOST];
    unsigned n_events;
    bool busy;
    enum update_event next; /* once the made-up step is over */
    int step, deadline, proving;

    unsigned taken, confirmed, failed, reverted, refused; /* orders that came to that */
};

/*  The node's config is filled, running is set. Opens the session. Returns 0 or -errno. */
int light_node_start (struct light_node *node, struct base_error *error);

/*  With a goodbye. */
void light_node_stop (struct light_node *node);

#endif
