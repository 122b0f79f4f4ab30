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
    BROKER_HINT_SLOTS
};

struct broker_hints {
    struct bus_loop *loop;
    /*  Sends one. slot: a ring, or BROKER_HINT_ALL; application may be NULL. */
    void (*send) (void *context, unsigned slot, const char *application, uint64_t epoch);
    void *context;
    int timer;
    struct {
        uint64_t sent_ms;     /* 0: never */
        uint64_t epoch;       /* the highest that is wanted */
        char application[65]; /* empty: more than one, or any */
        bool wanted;
    } slots[BROKER_HINT_SLOTS];
};

void broker_hints_init (struct broker_hints *hints, struct bus_loop *loop,
                        void (*send) (void *context, unsigned slot, const char *application, uint64_t epoch),
                        void *context);
void broker_hints_deinit (struct broker_hints *hints);

/*  Wants a hint on a topic. */
void broker_hints_want (struct broker_hints *hints, unsigned slot, const char *application, uint64_t epoch);

/*  The same, unless there was one within the last quiet_ms. */
void broker_hints_want_after (struct broker_hints *hints, unsigned slot, uint64_t quiet_ms);

/*  The topic of a slot: "update/ring/XX", "update/all". Returns text. */
enum { BROKER_HINT_TOPIC_SIZE = 32 };
const char *broker_hints_topic (unsigned slot, char text[BROKER_HINT_TOPIC_SIZE]);

/*  The slot of a topic, or -1 where it is neither a ring nor all. */
int broker_hints_slot (const char *topic);

#endif
