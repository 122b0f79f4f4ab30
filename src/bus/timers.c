/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/timers.c - one-shot timers by due time */

#include "bus/timers.h"

#include <errno.h>

#include "base/assert.h"

enum {
    SLOTS_FIRST = 256,
    SLOTS_MOST = 1 << 16,
    GENERATION_MOST = (1 << 15) - 1,
};

void bus_timers_deinit (struct bus_timers *timers)
{
    base_assert (timers);
    free (timers->slots);
    free (timers->heap);
    *timers = (struct bus_timers){0};
}

static bool slot_is_before (const struct bus_timers *timers, uint32_t a, uint32_t b)
{
    base_assert (a < timers->n_slots && b < timers->n_slots);
    const struct bus_timer *left = &timers->slots[a], *right = &timers->slots[b];
    return left->due_ms != right->due_ms ? left->due_ms < right->due_ms : left->order < right->order;
}

static void heap_put (struct bus_timers *timers, uint32_t position, uint32_t slot)
{
    base_assert (position < timers->n_slots && slot < timers->n_slots);
    timers->heap[position] = slot;
    timers->slots[slot].position = position;
}

static void heap_rise (struct bus_timers *timers, uint32_t position)
{
    base_assert (position < timers->n_heap);
    uint32_t slot = timers->heap[position];
    while (position > 0) {
        uint32_t parent = (position - 1) / 2;
        if (!slot_is_before (timers, slot, timers->heap[parent]))
            break;
        heap_put (timers, position, timers->heap[parent]);
        position = parent;
    }
    heap_put (timers, position, slot);
}

static void heap_sink (struct bus_timers *timers, uint32_t position)
{
    base_assert (position < timers->n_heap);
    uint32_t slot = timers->heap[position];
    for (;;) {
        uint32_t child = 2 * position + 1;
        if (child >= timers->n_heap)
            break;
        if (child + 1 < timers->n_heap &&
            slot_is_before (timers, timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!slot_is_before (timers, timers->heap[child], slot))
            break;
        heap_put (timers, position, timers->heap[child]);
        position = child;
    }
    heap_put (timers, position, slot);
}

static void free_slots_append (struct bus_timers *timers, uint32_t slot, bool is_only)
{
    if (is_only)
        timers->first_free = slot;
    else
        timers->slots[timers->last_free].position = slot;
    timers->last_free = slot;
}

/*  Only called if every slot is in use. */
static int slots_grow (struct bus_timers *timers)
{
    base_assert (timers->n_heap == timers->n_slots);
    uint32_t n_slots = timers->n_slots ? timers->n_slots * 2 : SLOTS_FIRST;
    if (n_slots > SLOTS_MOST)
        return -ENOMEM;

    struct bus_timer *slots = realloc (timers->slots, n_slots * sizeof *slots);
    if (!slots)
        return -ENOMEM;
    timers->slots = slots;
    uint32_t *heap = realloc (timers->heap, n_slots * sizeof *heap);
    if (!heap)
        return -ENOMEM;
    timers->heap = heap;

    for (uint32_t slot = timers->n_slots; slot < n_slots; slot++) {
        slots[slot] = (struct bus_timer){0};
        free_slots_append (timers, slot, slot == timers->n_slots);
    }
    timers->n_slots = n_slots;
    return 0;
}

int bus_timers_add (struct bus_timers *timers, uint64_t due_ms, bus_handler *handler, void *context)
{
    base_assert (timers && handler);
    base_assert (timers->n_heap <= timers->n_slots);
    if (timers->n_heap == timers->n_slots) {
        int r = slots_grow (timers);
        if (r < 0)
            return r;
    }

    uint32_t slot = timers->first_free;
    base_assert (slot < timers->n_slots && !timers->slots[slot].active);
    struct bus_timer *timer = &timers->slots[slot];
    timers->first_free = timer->position;
    timer->generation = timer->generation % GENERATION_MOST + 1;
    timer->due_ms = due_ms;
    timer->order = timers->next_order++;
    timer->handler = handler;
    timer->context = context;
    timer->active = true;

    timers->heap[timers->n_heap] = slot;
    heap_rise (timers, timers->n_heap++);
    return (int) (timer->generation * SLOTS_MOST + slot);
}

static void slot_drop (struct bus_timers *timers, uint32_t slot)
{
    base_assert (slot < timers->n_slots && timers->slots[slot].active);
    base_assert (timers->n_heap > 0 && timers->heap[timers->slots[slot].position] == slot);
    uint32_t position = timers->slots[slot].position;
    bool is_only = timers->n_heap == timers->n_slots;

    uint32_t last = timers->heap[--timers->n_heap];
    if (last != slot) {
        heap_put (timers, position, last);
        heap_rise (timers, position);
        heap_sink (timers, timers->slots[last].position);
    }
    timers->slots[slot].active = false;
    free_slots_append (timers, slot, is_only);
}

void bus_timers_remove (struct bus_timers *timers, int id)
{
    base_assert (timers);
    if (id <= 0)
        return;
    uint32_t slot = (uint32_t) id % SLOTS_MOST;
    if (slot < timers->n_slots && timers->slots[slot].active &&
        timers->slots[slot].generation == (uint32_t) id / SLOTS_MOST)
        slot_drop (timers, slot);
}

uint64_t bus_timers_due (const struct bus_timers *timers)
{
    base_assert (timers);
    return timers->n_heap ? timers->slots[timers->heap[0]].due_ms : UINT64_MAX;
}

bool bus_timers_take (struct bus_timers *timers, uint64_t now_ms, uint64_t order, bus_handler **ret_handler,
                      void **ret_context)
{
    base_assert (timers && ret_handler && ret_context);
    if (timers->n_heap == 0)
        return false;
    uint32_t slot = timers->heap[0];
    base_assert (slot < timers->n_slots && timers->slots[slot].active);
    const struct bus_timer *timer = &timers->slots[slot];
    if (timer->due_ms > now_ms || timer->order >= order)
        return false;
    *ret_handler = timer->handler;
    *ret_context = timer->context;
    slot_drop (timers, slot);
    return true;
}
