/*  broker/waiters.h - requests that are answered when something has changed

    Bounded in all and a peer. A waiter is looked at again shortly after a change, so that many changes at
    once cost one answer, and at the latest when its time is over. */

#ifndef BROKER_WAITERS_H
#define BROKER_WAITERS_H

#include "bus/socket.h"

enum {
    BROKER_WAITERS_MOST = 512,
    BROKER_WAITERS_PEER_MOST = 4,
    BROKER_WAITERS_PAUSE_MS = 5 /* from a change to the look */
};

struct broker_waiter {
    struct bus_peer peer;
    struct wire_request request; /* owned */
    uint64_t until_ms;
    uint64_t order; /* in which they came */
};

struct broker_waiters {
    struct bus_loop *loop;
    /*  Answers, and returns true; or false: nothing has changed for this one. over: its time is over,
        answer anyway. */
    bool (*look) (void *context, const struct broker_waiter *waiter, bool over);
    void *context;
    struct broker_waiter *waiters;
    size_t n_waiters;
    uint64_t order;
    int timer;
    uint64_t timer_ms; /* when it fires */
};

void broker_waiters_init (struct broker_waiters *waiters, struct bus_loop *loop,
                          bool (*look) (void *context, const struct broker_waiter *waiter, bool over),
                          void *context);
void broker_waiters_deinit (struct broker_waiters *waiters);

/*  Takes a copy of a request. Returns 0, -ENOMEM, or -EBUSY where too many of the peer wait. The same request of
    the same peer again takes the place of the first. Where too many wait in all, the oldest is answered. */
int broker_waiters_add (struct broker_waiters *waiters, const struct bus_peer *peer,
                        const struct wire_request *request);

/*  Something has changed. */
void broker_waiters_wake (struct broker_waiters *waiters);

#endif
