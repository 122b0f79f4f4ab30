/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/rehearsal/loop.h - a loop in a scratch directory, for tests with real processes */

#ifndef TEST_REHEARSAL_LOOP_H
#define TEST_REHEARSAL_LOOP_H

#include "bus/loop.h"
#include "test/fault/scratch.h"
#include "test/lib/load.h"

static struct bus_loop *loop;

static void loop_begin (void)
{
    scratch_begin ();
    loop = bus_loop_new ();
    cr_assert_not_null (loop);
}

static void loop_end (void)
{
    (void) bus_loop_free (loop);
    scratch_end ();
}

static void loop_give_up (void *context)
{
    (void) context;
    bus_loop_stop (loop);
}

/*  Runs until a handler stops the loop, for a minute at most. */
static void loop_run (void)
{
    int timer = bus_timer_start (loop, load_deadline_ms (60000), loop_give_up, NULL);
    cr_assert_eq (bus_loop_run (loop), 0);
    bus_timer_cancel (loop, timer);
}

#endif
