/* SPDX-License-Identifier: MPL-2.0 */
/*  client/listen.c - the events channel

    Events that arrive outside a call wait in the socket. Events that arrive in a call, beyond the one that it
    returns, are kept here. */

#include "client/client.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum {
    LISTEN_MOST = 4096 /* events kept here; the oldest is dropped first, which leaves a gap in the sequence */
};

struct listen_event {
    char *topic, *json;
};

struct client_listener {
    noded_client *client;
    struct bus_socket *socket;
    struct listen_event events[LISTEN_MOST];
    size_t first, count;
    bool waiting, expired, denied;
};

static struct listen_event listener_pop (struct client_listener *listener)
{
    base_assert (listener->count > 0 && listener->count <= LISTEN_MOST);
    base_assert (listener->first < LISTEN_MOST);
    struct listen_event event = listener->events[listener->first];
    listener->first = (listener->first + 1) % LISTEN_MOST;
    listener->count--;
    return event;
}

static void listener_drop (struct client_listener *listener)
{
    struct listen_event event = listener_pop (listener);
    free (event.topic);
    free (event.json);
}

void client_listener_free (struct client_listener *listener)
{
    if (!listener)
        return;
    while (listener->count)
        listener_drop (listener);
    bus_socket_free (listener->socket);
    free (listener);
}

static void listener_free_p (struct client_listener **listener)
{
    client_listener_free (*listener);
}

static void listener_take (void *context, const char *topic, const char *text)
{
    base_assert (topic && text);
    struct client_listener *listener = context;
    base_assert (listener);
    base_assert (listener->count <= LISTEN_MOST);
    if (!wire_is_json (text, strlen (text))) /* nothing that a broker sends */
        return;
    struct listen_event event = {strdup (topic), strdup (text)};
    if (!event.topic || !event.json) {
        free (event.topic);
        free (event.json);
        return;
    }
    if (listener->count == LISTEN_MOST)
        listener_drop (listener);
    listener->events[(listener->first + listener->count++) % LISTEN_MOST] = event;
    if (listener->waiting)
        bus_loop_stop (listener->client->loop);
}

static void listener_denied (void *context, struct bus_socket *socket)
{
    struct client_listener *listener = context;
    base_assert (listener);
    (void) socket;
    listener->denied = true;
    bus_loop_stop (listener->client->loop);
}

static void listener_expire (void *context)
{
    struct client_listener *listener = context;
    base_assert (listener && listener->waiting);
    listener->expired = true;
    bus_loop_stop (listener->client->loop);
}

/*  Sends an empty request, to find out whether a broker is there: a SUB would wait for ever without an
    error. */
static int listener_check (noded_client *client)
{
    struct wire_list_nodes request = {.since = WIRE_EPOCH_MOST};
    base_cleanup (wire_nodes_deinit) struct wire_nodes answer = {.serial = 0};
    return client_ask (client, &wire_list_nodes_record, &request, 0, "listen to events", &answer);
}

static int listener_subscribe (struct client_listener *listener)
{
    base_assert (listener->socket);
    int r = bus_socket_subscribe (listener->socket, "event/");
    return r < 0 ? r : bus_socket_subscribe (listener->socket, "rollout/");
}

static int listener_open (noded_client *client)
{
    base_assert (client->loop);
    if (client->listener)
        return 0;
    base_cleanup (listener_free_p) struct client_listener *listener = calloc (1, sizeof *listener);
    if (!listener)
        return client_out_of_memory (client);
    listener->client = client;
    const struct bus_socket_options options = {
        .on_text = listener_take,
        .on_denied = listener_denied,
        .context = listener,
        .keys = client->has_keys ? &client->keys : NULL,
        .high_water = LISTEN_MOST,
    };
    int r = bus_socket_new (client->loop, BUS_SUB, &options, &listener->socket, &client->error);
    if (r < 0)
        return r;
    r = bus_socket_connect (listener->socket, client->endpoints.events, &client->error);
    if (r < 0)
        return r;
    r = listener_subscribe (listener);
    if (r < 0)
        return base_error_errno (&client->error, r, "cannot subscribe to events");
    /*  Sent after subscribing: then the connection to the broker is known to work while the subscription is
        under way. */
    r = listener_check (client);
    if (r < 0)
        return r;
    client->listener = base_take (listener);
    return 0;
}

/*  The text as the record, on the heap; NULL: it is another one, or memory is out. */
static void *event_read (const struct wire_record *record, const char *text)
{
    base_assert (record && text);
    void *message = calloc (1, wire_record_size (record));
    if (message && wire_json_parse (record, text, strlen (text), message, NULL) == 0)
        return message;
    free (message);
    return NULL;
}

int noded_client_event (noded_client *client, uint64_t wait_ms, noded_event *ret_event)
{
    *ret_event = (noded_event){.json = NULL};
    int r = listener_open (client);
    if (r < 0)
        return r;
    struct client_listener *listener = client->listener;
    listener->expired = false;
    int timer = listener->count ? 0 : bus_timer_start (client->loop, wait_ms, listener_expire, listener);
    if (timer < 0)
        return client_out_of_memory (client);
    listener->waiting = true;
    while (r == 0 && !listener->count && !listener->expired && !listener->denied)
        r = bus_loop_run (client->loop);
    listener->waiting = false;
    bus_timer_cancel (client->loop, timer);
    if (r < 0)
        return base_error_errno (&client->error, r, "cannot listen to events");
    if (!listener->count && listener->denied) {
        client_listener_free (listener);
        client->listener = NULL; /* the next call makes a new attempt */
        return client_denied (client, client->endpoints.events);
    }
    if (!listener->count)
        return base_error_set (&client->error, -EAGAIN, "no event was received");
    struct listen_event event = listener_pop (listener);
    ret_event->topic = event.topic;
    ret_event->json = event.json;
    ret_event->node_event = event_read (&wire_node_event_record, event.json);
    if (!ret_event->node_event)
        ret_event->rollout_event = event_read (&wire_rollout_event_record, event.json);
    return 0;
}
