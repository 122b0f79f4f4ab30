/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/monitor.c - libzmq's connection events: which descriptors it has accepted, connected and closed */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/assert.h"
#include "bus/guard_private.h"

/*  Reads one event of libzmq: [number, value] [endpoint]. Returns false if there is none. */
static bool event_read (void *pair, uint16_t *ret_event, uint32_t *ret_value)
{
    base_assert (pair && ret_event && ret_value);
    zmq_msg_t frame;
    bool more = true;
    *ret_event = 0;
    for (unsigned n = 0; more; n++) {
        (void) zmq_msg_init (&frame);
        if (zmq_msg_recv (&frame, pair, ZMQ_DONTWAIT) < 0) {
            if (errno == EINTR && n == 0)
                continue;
            return false;
        }
        if (n == 0 && zmq_msg_size (&frame) == sizeof *ret_event + sizeof *ret_value) {
            memcpy (ret_event, zmq_msg_data (&frame), sizeof *ret_event);
            memcpy (ret_value, (uint8_t *) zmq_msg_data (&frame) + sizeof *ret_event, sizeof *ret_value);
        }
        more = zmq_msg_more (&frame);
        (void) zmq_msg_close (&frame);
    }
    return true;
}

void bus_monitor_drain (struct bus_guard *guard, const struct bus_monitor *monitor)
{
    base_assert (guard && monitor && monitor->socket);
    struct bus_socket *socket = monitor->socket;
    uint16_t event = 0;
    uint32_t value = 0;
    bool denied = false;
    while (event_read (monitor->pair, &event, &value)) {
        if (event == ZMQ_EVENT_ACCEPTED || event == ZMQ_EVENT_CONNECTED)
            (void) bus_connection_find (guard, socket, (int) value);
        else if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
            denied = true;
        else if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            socket->denied_ms = 0;
        else if (value < guard->n_table && guard->table[value])
            bus_guard_look_at (guard->table[value]); /* closed next; the next look finds it gone */
    }
    if (denied)
        bus_socket_denied (socket); /* last: the owner may free the socket */
}

static int monitor_open (struct bus_guard *guard, struct bus_monitor *monitor)
{
    char endpoint[64];
    int unlimited = 0, events = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED;
    if (!monitor->socket->is_server)
        events |= ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    size_t size = sizeof monitor->fd;
    (void) snprintf (endpoint, sizeof endpoint, "inproc://noded.guard.%u", ++guard->serial);
    if (zmq_socket_monitor (monitor->socket->zmq, endpoint, events) < 0)
        return -errno;
    monitor->pair = zmq_socket (bus_loop_zmq (guard->loop), ZMQ_PAIR);
    /*  If the pair is full, libzmq's I/O thread blocks, and every connection with it. */
    if (!monitor->pair || zmq_setsockopt (monitor->pair, ZMQ_RCVHWM, &unlimited, sizeof unlimited) < 0 ||
        zmq_connect (monitor->pair, endpoint) < 0 ||
        zmq_getsockopt (monitor->pair, ZMQ_FD, &monitor->fd, &size) < 0)
        return -errno;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = monitor->fd};
    if (epoll_ctl (guard->epoll, EPOLL_CTL_ADD, monitor->fd, &event) < 0)
        return -errno;
    bus_monitor_drain (guard, monitor); /* the mailbox is signalled only after a reader has found it empty */
    return 0;
}

static void monitor_free (struct bus_guard *guard, struct bus_monitor *monitor)
{
    (void) zmq_socket_monitor (monitor->socket->zmq, NULL, 0);
    (void) epoll_ctl (guard->epoll, EPOLL_CTL_DEL, monitor->fd, NULL);
    if (monitor->pair)
        (void) zmq_close (monitor->pair);
    free (monitor);
}

int bus_guard_add (struct bus_guard *guard, struct bus_socket *socket)
{
    base_assert (guard && socket);
    base_assert (socket->zmq && !socket->guard);
    struct bus_monitor *monitor = calloc (1, sizeof *monitor);
    if (!monitor)
        return -ENOMEM;
    monitor->socket = socket;
    monitor->fd = -1;
    int r = monitor_open (guard, monitor);
    if (r < 0) {
        monitor_free (guard, monitor);
        return r;
    }
    monitor->next = guard->monitors;
    guard->monitors = monitor;
    return 0;
}

void bus_guard_forget (struct bus_guard *guard, struct bus_socket *socket)
{
    base_assert (guard && socket);
    for (struct bus_monitor **link = &guard->monitors; *link; link = &(*link)->next)
        if ((*link)->socket == socket) {
            struct bus_monitor *monitor = *link;
            *link = monitor->next;
            monitor_free (guard, monitor);
            break;
        }
    for (size_t i = 0; i < guard->n_table && socket->n_connections > 0; i++)
        if (guard->table[i] && guard->table[i]->socket == socket) {
            /*  The descriptor may stay open for a while, but the guard must not be woken by it any more. */
            (void) epoll_ctl (guard->epoll, EPOLL_CTL_DEL, guard->table[i]->fd, NULL);
            bus_connection_drop (guard->table[i]);
        }
}
