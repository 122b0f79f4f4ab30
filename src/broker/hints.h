/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/hints.h - announcements, at most five a second and topic

    A hint is sent at once if its topic had none in the last BROKER_HINT_MS, else as soon as that time has
    passed. So an order to many nodes, or a fleet that subscribes again, causes one hint a ring and period,
    not one a node. Each topic has a slot: one a ring, one for all nodes, and BROKER_HINT_GROUPS for
    groups. */

#ifndef BROKER_HINTS_H
#define BROKER_HINTS_H

#include <stdbool.h>

#include "bus/loop.h"
#include "wire/wire.h"

enum {
    BROKER_HINT_MS = 200,
    BROKER_HINT_SOON_MS = 50,
    /* A node on trial that asks and has not received a hint gets at most one in this time. */
    BROKER_TRIAL_HINT_MS = 2000,
    BROKER_HINT_RINGS = 256,
    BROKER_HINT_ALL = BROKER_HINT_RINGS,
    BROKER_HINT_GROUP, /* the first of BROKER_HINT_GROUPS */
    BROKER_HINT_GROUPS = 64,
    BROKER_HINT_SLOTS = BROKER_HINT_GROUP + BROKER_HINT_GROUPS,
    BROKER_HINT_NODES = 64 /* that a hint can name */
};

typedef void (broker_hints_send) (void *context, unsigned slot, const struct wire_update *hint);

struct broker_hints {
    struct bus_loop *loop;
    /*  Sends a hint. slot: a ring, BROKER_HINT_ALL, or a group's. hint: without instance and sequence. */
    broker_hints_send *send;
    void *context;
    int timer;
    struct {
        uint64_t sent_ms;     /* 0: never */
        uint64_t epoch;       /* the highest of the waiting hint */
        char application[65]; /* empty: more than one, or any */
        char **nodes;         /* owned; the nodes that should ask; NULL: every subscriber */
        bool wanted;          /* a hint waits */
    } slots[BROKER_HINT_SLOTS];
    char groups[BROKER_HINT_GROUPS][65]; /* which group has the slot; empty: none yet */
};

/*  loop and context must outlive hints. */
void broker_hints_init (struct broker_hints *hints, struct bus_loop *loop, broker_hints_send *send,
                        void *context);
void broker_hints_deinit (struct broker_hints *hints);

/*  Requests a hint on a topic. Uses application, epoch and nodes of hint. Every subscriber should ask if hint
    has no nodes, or if the slot collects more than BROKER_HINT_NODES. */
void broker_hints_want (struct broker_hints *hints, unsigned slot, const struct wire_update *hint);

/*  Requests a hint for a node, unless the topic had one within the last quiet_ms. It is sent after a short
    delay, because a node that connects causes several requests, and many nodes on trial share a ring. */
void broker_hints_want_after (struct broker_hints *hints, unsigned slot, const char *node, uint64_t quiet_ms);

/*  Returns the slot of a group, which keeps it until another group needs it. Returns BROKER_HINT_ALL if all
    slots of groups are in use. */
unsigned broker_hints_group (struct broker_hints *hints, const char *name);

/*  Writes the topic of a slot: "update/ring/XX", "update/all", "update/group/NAME". Returns text. */
enum { BROKER_HINT_TOPIC_SIZE = 80 };
const char *broker_hints_topic (const struct broker_hints *hints, unsigned slot,
                                char text[BROKER_HINT_TOPIC_SIZE]);

/*  Returns the ring of a topic, or -1 if it is not the topic of a ring. */
int broker_hints_ring (const char *topic);

#endif
