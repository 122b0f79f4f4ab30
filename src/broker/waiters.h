/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/waiters.h - requests that are answered when something changes

    Their number is limited, in all and for each peer. All are checked 5 ms after a change, so that many
    changes at once cost one answer. Each is answered at the latest when its waiting time is over. */

#ifndef BROKER_WAITERS_H
#define BROKER_WAITERS_H

#include "bus/socket.h"

enum {
    BROKER_WAITERS_MOST = 512,
    BROKER_WAITERS_PEER_MOST = 4,
    BROKER_WAITERS_PAUSE_MS = 5 /* from a change to the check */
};

struct broker_waiter {
    struct bus_peer peer;
    const struct wire_record *record; /* of the request */
    void *request;                    /* owned */
    uint64_t serial;
    uint64_t until_ms;
    uint64_t order; /* serial number: which waiter is the oldest */
};

struct broker_waiters {
    struct bus_loop *loop;
    /*  Answers the request and returns true, or returns false if nothing has changed for it. over: the
        waiting time is over, so the request must be answered. Must not add a waiter. */
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

/*  Lets a request of an operator wait for up to wait_ms. The request is copied. It replaces a waiting request
    of the same peer and serial. If too many wait in all, the oldest is answered. Returns 0, -ENOMEM, or
    -EBUSY if too many requests of the peer wait. */
int broker_waiters_add (struct broker_waiters *waiters, const struct bus_peer *peer,
                        const struct wire_record *record, const void *request, uint64_t wait_ms);

/*  Checks all waiters soon. Call it after each change. */
void broker_waiters_wake (struct broker_waiters *waiters);

#endif
