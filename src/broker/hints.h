/*  broker/hints.h - announcements, at most so many a second

    A hint that is wanted goes out at once where its topic was quiet, else when the topic may speak again:
    an order to many nodes, or a fleet that subscribes anew, is one hint a ring and period, not one a node. */

#ifndef BROKER_HINTS_H
#define BROKER_HINTS_H

#include <stdbool.h>

#include "bus/loop.h"

enum {
    BROKER_HINT_MS = 200,
    BROKER_HINT_RINGS = 256,
    BROKER_HINT_ALL = BROKER_HINT_RINGS,
    BROKER_HINT_GROUP, /* the first of BROKER_HINT_GROUPS */
    BROKER_HINT_GROUPS = 64,
    BROKER_HINT_SLOTS = BROKER_HINT_GROUP + BROKER_HINT_GROUPS
};

struct broker_hints {
    struct bus_loop *loop;
    /*  Sends one. slot: a ring, BROKER_HINT_ALL, or a group's; application may be NULL. */
    void (*send) (void *context, unsigned slot, const char *application, uint64_t epoch);
    void *context;
    int timer;
    struct {
        uint64_t sent_ms;     /* 0: never */
        uint64_t epoch;       /* the highest that is wanted */
        char application[65]; /* empty: more than one, or any */
        bool wanted;
    } slots[BROKER_HINT_SLOTS];
    char groups[BROKER_HINT_GROUPS][65]; /* who has the slot; empty: nobody yet */
};

void broker_hints_init (struct broker_hints *hints, struct bus_loop *loop,
                        void (*send) (void *context, unsigned slot, const char *application, uint64_t epoch),
                        void *context);
void broker_hints_deinit (struct broker_hints *hints);

/*  Wants a hint on a topic. */
void broker_hints_want (struct broker_hints *hints, unsigned slot, const char *application, uint64_t epoch);

/*  The same, unless there was one within the last quiet_ms. */
void broker_hints_want_after (struct broker_hints *hints, unsigned slot, uint64_t quiet_ms);

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
