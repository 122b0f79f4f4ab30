/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/timers.h - one-shot timers by due time; private to this room

    A binary heap of slots. An id consists of a slot and its generation. Freed slots are reused in the order
    in which they were freed, so that the id of a timer that has fired does not soon denote another one. */

#ifndef BUS_TIMERS_H
#define BUS_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "bus/loop.h"

struct bus_timer {
    uint64_t due_ms;
    uint64_t order; /* number of this start among those of all timers */
    bus_handler *handler;
    void *context;
    uint32_t generation;
    uint32_t position; /* in the heap; of a free slot: the next free one */
    bool active;
};

/*  Null value: all zero. */
struct bus_timers {
    struct bus_timer *slots;
    uint32_t *heap; /* as many entries as there are slots */
    uint32_t n_slots, n_heap;
    uint32_t first_free, last_free; /* valid if n_heap < n_slots */
    uint64_t next_order;
};

void bus_timers_deinit (struct bus_timers *timers);

/*  Returns an id (> 0), or -ENOMEM. */
int bus_timers_add (struct bus_timers *timers, uint64_t due_ms, bus_handler *handler, void *context);

/*  Does nothing if id is no running timer. */
void bus_timers_remove (struct bus_timers *timers, int id);

/*  The due time of the next timer; UINT64_MAX: there is none. */
uint64_t bus_timers_due (const struct bus_timers *timers);

/*  Removes and returns the next timer that is due at now_ms and was started before `order`. Equal due times
    fire in the order of starting. */
bool bus_timers_take (struct bus_timers *timers, uint64_t now_ms, uint64_t order, bus_handler **ret_handler,
                      void **ret_context);

#endif
