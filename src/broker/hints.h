/*  broker/hints.h - announcements, at most so many a second

    A hint that is wanted goes out at once where its topic was quiet, else when the topic may speak again:
    an order to many nodes, or a fleet that subscribes anew, is one hint a ring and period, not one a node. */

#ifndef BROKER_HINTS_H
#define BROKER_HINTS_H

#include <stdbool.h>

#include "bus/loop.h"
#include "wire/wire.h"

enum {
    BROKER_HINT_MS = 200,
    BROKER_HINT_SOON_MS = 50,
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
    /*  Sends one. slot: a ring, BROKER_HINT_ALL, or a group's. hint: without instance and sequence. */
    broker_hints_send *send;
    void *context;
    int timer;
    struct {
        uint64_t sent_ms;     /* 0: never */
        uint64_t epoch;       /* the highest that is wanted */
        char application[65]; /* empty: more than one, or any */
        char **nodes;         /* that it is meant for; NULL: everybody on the topic */
        bool wanted;
    } slots[BROKER_HINT_SLOTS];
    char groups[BROKER_HINT_GROUPS][65]; /* who has the slot; empty: nobody yet */
};

void broker_hints_init (struct broker_hints *hints, struct bus_loop *loop, broker_hints_send *send,
                        void *context);
void broker_hints_deinit (struct broker_hints *hints);

/*  Wants a hint on a topic. Of hint, application, epoch and nodes count; without nodes, or with too many in
    the end, it is for everybody who hears it. */
void broker_hints_want (struct broker_hints *hints, unsigned slot, const struct wire_update *hint);

/*  Wants one for a node, unless there was one on the topic within the last quiet_ms. Not at once: a node that
    connects gives several occasions for it, and many nodes on trial have a ring in common. */
void broker_hints_want_after (struct broker_hints *hints, unsigned slot, const char *node, uint64_t quiet_ms);

/*  The slot of a group, which it keeps until another one needs it. BROKER_HINT_ALL where more groups than
    there are slots have something to say at once. */
unsigned broker_hints_group (struct broker_hints *hints, const char *name);

/*  The topic of a slot: "update/ring/XX", "update/all", "update/group/NAME". Returns text. */
enum { BROKER_HINT_TOPIC_SIZE = 80 };
const char *broker_hints_topic (const struct broker_hints *hints, unsigned slot,
                                char text[BROKER_HINT_TOPIC_SIZE]);

/*  The ring of a topic, or -1 where it is none. */
int broker_hints_ring (const char *topic);

#endif
