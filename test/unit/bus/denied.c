/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/denied.c - a client whose key was refused connects again by itself, but not often

    The first pause takes 10 s, so one test of this file takes as long. */

#include "keyed.h"

#include "base/time.h"
#include "bus/socket_private.h"

TestSuite (denied, .init = keyed_setup, .fini = keyed_teardown, .timeout = 120);

static struct heard heard;
static unsigned n_denied, n_subscribed;

static void on_denied (void *context, struct bus_socket *socket)
{
    (void) context;
    (void) socket;
    n_denied++;
    bus_loop_stop (loop);
}

static const struct bus_socket_options reports_denial = {.on_denied = on_denied};

static void on_deadline (void *context)
{
    (void) context;
    cr_assert_fail ("the test's deadline has passed");
}

static bool both_are_served (void *announce)
{
    n_subscribed = (unsigned) bus_socket_counts (announce).received;
    return heard.received > 0 && n_subscribed > 0;
}

Test (denied, a_client_connects_again_10_seconds_after_its_key_was_refused)
{
    struct pair pair = pair_make ();
    struct bus_socket *control = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, true, &heard);
    struct bus_socket *announce = keyed_server (BUS_XPUB, BUS_CHANNEL_ANNOUNCE, true, &heard);
    rig_bind (control, "tcp://127.0.0.1:*");
    rig_bind (announce, "tcp://127.0.0.1:*");
    bus_timer_cancel (loop, deadline_timer);
    (void) bus_timer_start (loop, load_deadline_ms (60000), on_deadline, NULL);
    struct bus_socket *asks =
        keyed_client (BUS_DEALER, &pair, &reports_denial, bus_socket_endpoint (control));
    struct bus_socket *hears = keyed_client (BUS_SUB, &pair, &reports_denial, bus_socket_endpoint (announce));
    cr_assert_eq (bus_socket_subscribe (hears, "update/all"), 0);
    while (n_denied < 2)
        rig_run ();
    uint64_t denied_ms = base_time_boot_ms ();
    keyed_allow (&pair, BUS_CHANNELS_ALL);
    cr_assert_eq (bus_socket_reconnect (asks), 0, "an owner that loses patience does not shorten the pause");
    while (!bus_socket_is_ready (asks) && base_time_boot_ms () < denied_ms + 9000)
        rig_run_for (100);
    cr_assert_not (bus_socket_is_ready (asks));
    cr_assert_eq (bus_admission_counts (table).admitted, 0);
    while (!bus_socket_is_ready (asks))
        rig_run_for (20);
    keyed_beat (asks);
    keyed_until (both_are_served, announce);
    uint64_t waited_ms = base_time_boot_ms () - denied_ms;
    cr_assert_geq (waited_ms, 9900);
    cr_assert_leq (waited_ms, 15000 + load_deadline_ms (5000));
    cr_assert_eq (n_denied, 2);
    cr_assert_eq (n_subscribed, 1);
    cr_assert_eq (asks->denied_ms, 0, "the next pause is a short one again");
    bus_socket_free (asks);
    bus_socket_free (hears);
    bus_socket_free (control);
    bus_socket_free (announce);
}

Test (denied, the_pauses_double_up_to_10_minutes)
{
    static const uint64_t pauses[] = {10000, 20000, 40000, 80000, 160000, 320000, 600000, 600000};
    struct bus_socket *socket = rig_socket (BUS_DEALER, &(struct bus_socket_options){0});
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        bus_socket_denied (socket);
        cr_assert_eq (socket->denied_ms, pauses[i]);
        int timer = socket->denied_timer;
        cr_assert_gt (timer, 0);
        bus_socket_denied (socket);
        cr_assert_eq (socket->denied_timer, timer, "it waits already");
        cr_assert_eq (socket->denied_ms, pauses[i]);
        bus_timer_cancel (loop, timer);
        socket->denied_timer = 0;
    }
    bus_socket_free (socket);
}

static void on_denied_free (void *context, struct bus_socket *socket)
{
    (void) context;
    (void) bus_socket_free (socket);
    bus_loop_stop (loop);
}

Test (denied, a_socket_can_be_freed_when_its_key_was_refused)
{
    struct pair pair = pair_make ();
    struct bus_socket *control = keyed_server (BUS_ROUTER, BUS_CHANNEL_CONTROL, true, &heard);
    rig_bind (control, "tcp://127.0.0.1:*");
    (void) keyed_client (BUS_DEALER, &pair, &(struct bus_socket_options){.on_denied = on_denied_free},
                         bus_socket_endpoint (control));
    rig_run ();
    rig_run_for (20);
    bus_socket_free (control);
}
