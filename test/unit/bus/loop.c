/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/loop.c - timers, descriptors, signals, and handlers that cancel or close them */

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/time.h"
#include "bus/loop.h"
#include "bus/timers.h"

static struct bus_loop *loop;
static char trace[64];
static int ids[8];

static void trace_add (char what)
{
    size_t length = strlen (trace);
    if (length + 1 < sizeof trace) {
        trace[length] = what;
        trace[length + 1] = '\0';
    }
}

static void note_a (void *context)
{
    (void) context;
    trace_add ('a');
}

static void note_b (void *context)
{
    (void) context;
    trace_add ('b');
}

static void note_and_stop (void *context)
{
    (void) context;
    trace_add ('.');
    bus_loop_stop (loop);
}

static void deadline_fail (void *context)
{
    (void) context;
    cr_assert_fail ("the test's deadline has passed");
}

static void suite_begin (void)
{
    loop = bus_loop_new ();
    cr_assert_not_null (loop);
    trace[0] = '\0';
    cr_assert_gt (bus_timer_start (loop, 20000, deadline_fail, NULL), 0);
}

static void suite_end (void)
{
    loop = bus_loop_free (loop);
}

TestSuite (loop, .init = suite_begin, .fini = suite_end, .timeout = 40);

Test (loop, timers_fire_in_the_order_of_their_due_times)
{
    bus_timer_start (loop, 30, note_and_stop, NULL);
    bus_timer_start (loop, 20, note_b, NULL);
    bus_timer_start (loop, 5, note_a, NULL);
    cr_assert_eq (bus_loop_run (loop), 0);
    cr_assert_str_eq (trace, "ab.");
}

Test (loop, timers_of_equal_due_time_fire_in_the_order_of_starting)
{
    bus_timer_start (loop, 0, note_a, NULL);
    bus_timer_start (loop, 0, note_b, NULL);
    bus_timer_start (loop, 0, note_a, NULL);
    bus_timer_start (loop, 0, note_and_stop, NULL);
    cr_assert_eq (bus_loop_run (loop), 0);
    cr_assert_str_eq (trace, "aba.");
}

Test (loop, a_timer_never_fires_before_its_delay_has_passed)
{
    struct timespec before, after;
    (void) clock_gettime (CLOCK_BOOTTIME, &before);
    bus_timer_start (loop, 25, note_and_stop, NULL);
    bus_loop_run (loop);
    (void) clock_gettime (CLOCK_BOOTTIME, &after);
    double ms =
        (double) (after.tv_sec - before.tv_sec) * 1e3 + (double) (after.tv_nsec - before.tv_nsec) / 1e6;
    cr_assert_geq (ms, 25.0);
}

static void cancel_second_and_itself (void *context)
{
    (void) context;
    trace_add ('c');
    bus_timer_cancel (loop, ids[1]);
    bus_timer_cancel (loop, ids[0]);
}

Test (loop, a_handler_may_cancel_another_due_timer_and_its_own)
{
    ids[0] = bus_timer_start (loop, 0, cancel_second_and_itself, NULL);
    ids[1] = bus_timer_start (loop, 0, note_b, NULL);
    bus_timer_start (loop, 5, note_and_stop, NULL);
    bus_loop_run (loop);
    cr_assert_str_eq (trace, "c.");
}

static unsigned counted;

static void count_call (void *context)
{
    (void) context;
    counted++;
}

Test (loop, cancelling_a_fired_timer_does_not_affect_a_later_one)
{
    int fired = bus_timer_start (loop, 0, note_and_stop, NULL);
    bus_loop_run (loop);
    /* More timers than the initial slots, so that the slot of the fired timer is used again. */
    for (int i = 0; i < 300; i++)
        bus_timer_start (loop, 0, count_call, NULL);
    bus_timer_start (loop, 0, note_and_stop, NULL);
    bus_timer_cancel (loop, fired);
    bus_timer_cancel (loop, 0);
    bus_timer_cancel (loop, -1);
    bus_loop_run (loop);
    cr_assert_eq (counted, 300);
}

static void stall_60_ms (void *context)
{
    /* All other timers become due during this time. */
    uint64_t until = base_time_boot_ms () + 60;
    while (base_time_boot_ms () < until)
        ;
    trace_add ('s');
    (void) context;
}

static void trace_a_every_20_ms (void *context)
{
    trace_add ('a');
    bus_timer_start (loop, 20, trace_a_every_20_ms, context);
}

Test (loop, a_timer_that_restarts_itself_fires_once_after_a_stall)
{
    bus_timer_start (loop, 1, stall_60_ms, NULL);
    bus_timer_start (loop, 10, trace_a_every_20_ms, NULL);
    bus_timer_start (loop, 70, note_and_stop, NULL);
    bus_loop_run (loop);
    cr_assert_str_eq (trace, "sa.");
}

static int pair[2];

static void take_byte (void *context)
{
    char byte;
    cr_assert_eq (read (pair[0], &byte, 1), 1);
    trace_add (byte);
    if (byte == '.')
        bus_loop_stop (loop);
    (void) context;
}

static void restart_at_once (void *context)
{
    bus_timer_start (loop, 0, restart_at_once, context);
}

Test (loop, timers_without_delay_do_not_starve_descriptors)
{
    cr_assert_eq (pipe (pair), 0);
    cr_assert_eq (bus_watch (loop, pair[0], take_byte, NULL), 0);
    cr_assert_eq (bus_watch (loop, pair[0], take_byte, NULL), -EEXIST);
    bus_timer_start (loop, 0, restart_at_once, NULL);
    cr_assert_eq (write (pair[1], "xyz.", 4), 4);
    bus_loop_run (loop);
    cr_assert_str_eq (trace, "xyz.");
    bus_unwatch (loop, pair[0]);
}

static int second[2];

static void close_the_other (void *context)
{
    /* The first handler unwatches and closes both descriptors. The other handler must not be called in this
       round. */
    (void) context;
    trace_add ('o');
    bus_unwatch (loop, pair[0]);
    bus_unwatch (loop, second[0]);
    (void) close (pair[0]);
    (void) close (second[0]);
    bus_timer_start (loop, 10, note_and_stop, NULL);
}

Test (loop, a_handler_may_end_any_watch)
{
    cr_assert_eq (pipe (pair), 0);
    cr_assert_eq (pipe (second), 0);
    cr_assert_eq (bus_watch (loop, pair[0], close_the_other, NULL), 0);
    cr_assert_eq (bus_watch (loop, second[0], close_the_other, NULL), 0);
    cr_assert_eq (write (pair[1], "x", 1), 1);
    cr_assert_eq (write (second[1], "x", 1), 1);
    bus_loop_run (loop);
    cr_assert_str_eq (trace, "o.");
}

Test (loop, a_hung_up_descriptor_is_ready)
{
    cr_assert_eq (pipe (pair), 0);
    cr_assert_eq (bus_watch (loop, pair[0], note_and_stop, NULL), 0);
    (void) close (pair[1]);
    bus_loop_run (loop);
    cr_assert_str_eq (trace, ".");
    bus_unwatch (loop, pair[0]);
}

static void on_signal (void *context, int signal)
{
    (void) context;
    trace_add (signal == SIGUSR1 ? '1' : '2');
    if (strlen (trace) == 2)
        bus_loop_stop (loop);
}

Test (loop, signals_arrive_as_calls)
{
    const int signals[] = {SIGUSR1, SIGUSR2};
    cr_assert_eq (bus_signals (loop, signals, 2, on_signal, NULL), 0);
    cr_assert_eq (raise (SIGUSR2), 0);
    cr_assert_eq (raise (SIGUSR1), 0);
    bus_loop_run (loop);
    cr_assert (strchr (trace, '1') && strchr (trace, '2'));
}

Test (loop, an_idle_loop_sleeps)
{
    struct rusage before, after;
    bus_timer_start (loop, 500, note_and_stop, NULL);
    (void) getrusage (RUSAGE_SELF, &before);
    bus_loop_run (loop);
    (void) getrusage (RUSAGE_SELF, &after);
    cr_assert_leq (after.ru_nvcsw - before.ru_nvcsw, 5);
}

Test (loop, a_stop_before_the_run_ends_only_the_next_run)
{
    bus_loop_stop (loop);
    cr_assert_eq (bus_loop_run (loop), 0);
    bus_timer_start (loop, 0, note_and_stop, NULL);
    cr_assert_eq (bus_loop_run (loop), 0);
    cr_assert_str_eq (trace, ".");
}

/*  Compares the heap with a plain list: 3000 random starts, then cancels and takes. */
Test (timers, timers_agree_with_a_plain_list)
{
    enum { N = 3000 };
    struct bus_timers timers = {0};
    static uint64_t due[N];
    static int id[N];
    unsigned seed = 4711;
    for (int i = 0; i < N; i++) {
        seed = seed * 1103515245 + 12345;
        due[i] = 1 + (seed >> 20);
        id[i] = bus_timers_add (&timers, due[i], note_a, &due[i]);
        cr_assert_gt (id[i], 0);
    }
    for (int i = 0; i < N; i += 3)
        bus_timers_remove (&timers, id[i]);
    uint64_t last = 0;
    const uint64_t *last_time = NULL;
    int taken = 0;
    bus_handler *handler;
    void *context;
    cr_assert_not (bus_timers_take (&timers, bus_timers_due (&timers) - 1, UINT64_MAX, &handler, &context));
    while (bus_timers_take (&timers, UINT64_MAX, UINT64_MAX, &handler, &context)) {
        const uint64_t *time = context;
        cr_assert_neq ((time - due) % 3, 0);
        cr_assert (*time > last || (*time == last && time > last_time) || !last_time);
        last = *time;
        last_time = time;
        taken++;
    }
    cr_assert_eq (taken, N - N / 3);
    cr_assert_eq (bus_timers_due (&timers), UINT64_MAX);
    bus_timers_deinit (&timers);
}
