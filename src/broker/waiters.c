/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/waiters.c - requests that are answered when something changes */

#include "broker/waiters.h"

#include <errno.h>

#include "base/assert.h"
#include "base/time.h"

void broker_waiters_init (struct broker_waiters *waiters, struct bus_loop *loop,
                          bool (*look) (void *context, const struct broker_waiter *waiter, bool over),
                          void *context)
{
    base_assert (waiters && loop);
    *waiters = (struct broker_waiters){.loop = loop, .look = look, .context = context};
}

/*  Asserts what always holds between two calls. */
static void waiters_check (const struct broker_waiters *waiters)
{
    base_assert (waiters->n_waiters <= BROKER_WAITERS_MOST);
    base_assert (waiters->waiters || waiters->n_waiters == 0);
    for (size_t i = 0; i < waiters->n_waiters; i++) {
        const struct broker_waiter *waiter = &waiters->waiters[i];
        base_assert (waiter->record && waiter->request);
        base_assert (waiter->order > 0 && waiter->order <= waiters->order);
    }
}

static void waiter_deinit (struct broker_waiter *waiter)
{
    if (waiter->request)
        wire_deinit (waiter->record, waiter->request);
    free (waiter->request);
    waiter->request = NULL;
}

void broker_waiters_deinit (struct broker_waiters *waiters)
{
    base_assert (waiters);
    if (waiters->loop)
        bus_timer_cancel (waiters->loop, waiters->timer);
    for (size_t i = 0; i < waiters->n_waiters; i++)
        waiter_deinit (&waiters->waiters[i]);
    free (waiters->waiters);
    *waiters = (struct broker_waiters){.loop = NULL};
}

static void on_timer (void *context);

static void timer_set (struct broker_waiters *waiters, uint64_t now_ms, uint64_t at_ms)
{
    if (waiters->timer > 0 && waiters->timer_ms <= at_ms)
        return;
    bus_timer_cancel (waiters->loop, waiters->timer);
    waiters->timer_ms = at_ms;
    waiters->timer = bus_timer_start (waiters->loop, at_ms > now_ms ? at_ms - now_ms : 0, on_timer, waiters);
}

static void on_timer (void *context)
{
    struct broker_waiters *waiters = context;
    uint64_t now_ms = base_time_boot_ms ();
    size_t kept = 0;

    waiters->timer = 0;
    for (size_t i = 0; i < waiters->n_waiters; i++) {
        struct broker_waiter *waiter = &waiters->waiters[i];
        if (waiters->look (waiters->context, waiter, now_ms >= waiter->until_ms)) {
            waiter_deinit (waiter);
            continue;
        }
        waiters->waiters[kept++] = *waiter;
    }
    waiters->n_waiters = kept;
    waiters_check (waiters);
    for (size_t i = 0; i < kept; i++)
        timer_set (waiters, now_ms, waiters->waiters[i].until_ms);
}

static void waiter_drop (struct broker_waiters *waiters, size_t index)
{
    base_assert (index < waiters->n_waiters);
    waiter_deinit (&waiters->waiters[index]);
    waiters->waiters[index] = waiters->waiters[--waiters->n_waiters];
}

/*  Answers the oldest request as unchanged; its client asks again. */
static void oldest_answer (struct broker_waiters *waiters)
{
    base_assert (waiters->n_waiters > 0);
    size_t oldest = 0;

    for (size_t i = 1; i < waiters->n_waiters; i++)
        if (waiters->waiters[i].order < waiters->waiters[oldest].order)
            oldest = i;
    (void) waiters->look (waiters->context, &waiters->waiters[oldest], true);
    waiter_drop (waiters, oldest);
}

/*  Makes room for a request of the peer. Returns 0, -ENOMEM or -EBUSY. */
static int waiters_admit (struct broker_waiters *waiters, const struct bus_peer *peer, uint64_t serial)
{
    unsigned of_peer = 0;

    for (size_t i = 0; i < waiters->n_waiters; i++) {
        if (!bus_peer_equal (&waiters->waiters[i].peer, peer))
            continue;
        if (waiters->waiters[i].serial == serial) {
            waiter_drop (waiters, i);
            break;
        }
        of_peer++;
    }
    if (of_peer >= BROKER_WAITERS_PEER_MOST)
        return -EBUSY;
    if (waiters->n_waiters == BROKER_WAITERS_MOST)
        oldest_answer (waiters);
    if (!waiters->waiters)
        waiters->waiters = calloc (BROKER_WAITERS_MOST, sizeof *waiters->waiters);
    return waiters->waiters ? 0 : -ENOMEM;
}

int broker_waiters_add (struct broker_waiters *waiters, const struct bus_peer *peer,
                        const struct wire_record *record, const void *request, uint64_t wait_ms)
{
    base_assert (waiters && waiters->look && peer && record && request);
    uint64_t now_ms = base_time_boot_ms ();
    struct broker_waiter waiter = {
        .peer = *peer, .record = record, .until_ms = now_ms + wait_ms, .order = ++waiters->order};
    struct wire_request head;
    int r;

    memcpy (&head, request, sizeof head);
    waiter.serial = head.serial;
    r = waiters_admit (waiters, peer, head.serial);
    if (r < 0)
        return r;
    waiter.request = calloc (1, wire_record_size (record));
    if (!waiter.request || wire_copy (record, request, waiter.request) != 0) {
        free (waiter.request);
        return -ENOMEM;
    }
    waiters->waiters[waiters->n_waiters++] = waiter;
    timer_set (waiters, now_ms, waiter.until_ms);
    waiters_check (waiters);
    return 0;
}

void broker_waiters_wake (struct broker_waiters *waiters)
{
    base_assert (waiters);
    uint64_t now_ms = base_time_boot_ms ();

    if (waiters->n_waiters > 0)
        timer_set (waiters, now_ms, now_ms + BROKER_WAITERS_PAUSE_MS);
}
