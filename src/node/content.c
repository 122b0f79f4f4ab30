/* SPDX-License-Identifier: MPL-2.0 */
/*  node/content.c - a node's connection to its content peer */

#include "node/content.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/time.h"
#include "bus/keys.h"
#include "bus/refusals.h"

/*  The first and the longest pause between two attempts to send waiting gets. */
enum { SEND_LEAST_MS = 1, SEND_MOST_MS = 1000 };

enum { TRANSPORT_HEARTBEAT_MS = 60 * 1000 };

struct node_content {
    struct bus_loop *loop;
    const struct identity_config *config;
    struct bus_socket *socket; /* NULL: closed */
    struct node_content_user *users;
    uint64_t pause_ms;
    int timer;
    bool loses;                /* `lost` of users is being called */
    struct base_log_limit log; /* for lines that the peer can cause */
    struct bus_refusals_of refusals;
};

/*  The connection is open only while there are users. */
static void content_check (const struct node_content *content)
{
    base_assert (content->loop && content->config);
    base_assert (!content->socket || content->users);
    base_assert (content->pause_ms >= SEND_LEAST_MS && content->pause_ms <= SEND_MOST_MS);
    for (const struct node_content_user *user = content->users; user; user = user->next) {
        base_assert (user->content == content);
        base_assert (user->ops && user->ops->chunk);
        base_assert (user->count <= NODE_CONTENT_GETS_MOST);
    }
}

static bool user_is_joined (const struct node_content_user *user)
{
    return user && user->content;
}

struct node_content *node_content_new (struct bus_loop *loop, const struct identity_config *config)
{
    base_assert (loop && config);
    struct node_content *content = calloc (1, sizeof *content);
    if (content)
        *content = (struct node_content){.loop = loop, .config = config, .pause_ms = SEND_LEAST_MS};
    return content;
}

static void connection_close (struct node_content *content)
{
    bus_timer_cancel (content->loop, content->timer);
    content->timer = 0;
    content->socket = bus_socket_free (content->socket);
}

struct node_content *node_content_free (struct node_content *content)
{
    if (!content)
        return NULL;
    base_assert (!content->users && !content->loses);
    connection_close (content);
    free (content);
    return NULL;
}

void node_content_join (struct node_content *content, struct node_content_user *user,
                        const struct node_content_ops *ops, void *context)
{
    base_assert (content);
    base_assert (user && !user->content);
    base_assert (ops && ops->chunk);
    user->content = content;
    user->ops = ops;
    user->context = context;
    user->count = 0;
    user->loses = false;
    user->next = content->users;
    content->users = user;
}

void node_content_leave (struct node_content_user *user)
{
    base_assert (user);
    struct node_content *content = user->content;
    if (!content)
        return;
    struct node_content_user **link = &content->users;
    while (*link && *link != user)
        link = &(*link)->next;
    base_assert (*link == user);
    *link = user->next;
    user->content = NULL;
    user->count = 0;
    if (!content->users)
        connection_close (content);
}

void node_content_forget (struct node_content_user *user)
{
    base_assert (user_is_joined (user));
    user->count = 0;
}

static void get_forget (struct node_content_user *user, unsigned index)
{
    base_assert (index < user->count);
    user->count--;
    memmove (user->requests + index, user->requests + index + 1,
             (user->count - index) * sizeof *user->requests);
}

/*  Returns the index of an unanswered get; the number of gets if there is none. */
static unsigned get_find (const struct node_content_user *user, const struct base_digest *digest,
                          uint64_t offset, uint64_t length)
{
    unsigned i = 0;
    while (i < user->count &&
           (user->requests[i].get.offset != offset || user->requests[i].get.length != length ||
            !base_digest_equal (&user->requests[i].get.digest, digest)))
        i++;
    return i;
}

static void on_chunk (void *context, struct bus_socket *socket, const struct bus_message *message)
{
    struct node_content *content = context;
    (void) socket;
    if (message->record != &wire_chunk_record)
        return;
    const struct wire_chunk *chunk = message->body;
    for (struct node_content_user *user = content->users; user; user = user->next) {
        unsigned i = get_find (user, &chunk->digest, chunk->offset, chunk->length);
        if (i < user->count) {
            get_forget (user, i);
            user->ops->chunk (user->context, chunk, message->payload, message->payload_size);
            content_check (content);
            return;
        }
    }
    base_log_limited (&content->log, BASE_LOG_DEBUG, "ignoring a chunk of an unknown or answered get");
}

/*  The peer sent a message that violates the protocol. */
static void on_refused (void *context, struct bus_socket *socket, const struct bus_refusal *refusal)
{
    struct node_content *content = context;
    char more_text[BUS_REFUSALS_TEXT];
    uint64_t more;
    if (bus_refusals_due (&content->refusals, base_time_boot_ms (), &more))
        base_log (BASE_LOG_WARNING, "%s: refused a message on content: %s%s", bus_socket_endpoint (socket),
                  refusal->text, bus_refusals_more (more, more_text));
}

/*  Connects if that was not begun. libzmq must not queue gets while there is no connection: it would send all
    of them when the peer is reachable again. Returns 0 or -errno. */
static int connection_open (struct node_content *content)
{
    const struct identity_config *config = content->config;
    struct bus_keys keys = bus_keys_for_content (&config->keys);
    struct bus_socket_options options = {.on_message = on_chunk,
                                         .on_refused = on_refused,
                                         .context = content,
                                         .keys = config->has_keys ? &keys : NULL,
                                         .heartbeat_ms = TRANSPORT_HEARTBEAT_MS,
                                         .only_connected = true};
    struct base_error error = {.code = 0};
    base_assert (content->users);
    if (content->socket)
        return 0;
    int r = bus_socket_new (content->loop, BUS_DEALER, &options, &content->socket, &error);
    if (r == 0)
        r = bus_socket_connect (content->socket, config->endpoints.content, &error);
    if (r < 0) {
        base_log_limited (&content->log, BASE_LOG_WARNING, "%s", error.text);
        content->socket = bus_socket_free (content->socket);
    }
    return r;
}

static bool connection_is_ready (struct node_content *content)
{
    return connection_open (content) == 0 && bus_socket_is_ready (content->socket);
}

static void gets_send (void *context);

static void gets_send_later (struct node_content *content)
{
    bus_timer_cancel (content->loop, content->timer);
    content->timer = bus_timer_start (content->loop, content->pause_ms, gets_send, content);
    content->pause_ms = content->pause_ms * 2 < SEND_MOST_MS ? content->pause_ms * 2 : SEND_MOST_MS;
}

/*  Sends the gets that wait. One that cannot be sent now waits for the next attempt. */
static void gets_send (void *context)
{
    struct node_content *content = context;
    content_check (content);
    bool ready = connection_is_ready (content), waits = false;
    bus_timer_cancel (content->loop, content->timer);
    content->timer = 0;
    for (struct node_content_user *user = content->users; user; user = user->next)
        for (unsigned i = 0; i < user->count; i++) {
            struct node_content_get *get = &user->requests[i];
            if (!get->sent && ready)
                get->sent = bus_send (content->socket, NULL, &wire_get_record, &get->get) == 0;
            waits |= !get->sent;
        }
    if (waits)
        gets_send_later (content);
    else
        content->pause_ms = SEND_LEAST_MS;
}

bool node_content_is_connected (struct node_content_user *user)
{
    base_assert (user_is_joined (user));
    return connection_is_ready (user->content);
}

void node_content_get (struct node_content_user *user, const struct wire_get *get)
{
    base_assert (user_is_joined (user));
    base_assert (get);
    unsigned i = get_find (user, &get->digest, get->offset, get->length);
    if (i < user->count)
        get_forget (user, i);
    if (user->count == NODE_CONTENT_GETS_MOST)
        get_forget (user, 0);
    user->requests[user->count++] = (struct node_content_get){.get = *get};
    gets_send (user->content);
}

/*  Closes the connection and calls `lost` of all users except one (NULL: of all). */
static void connection_lose (struct node_content *content, const struct node_content_user *except)
{
    content_check (content);
    base_assert (!content->loses);
    connection_close (content);
    for (struct node_content_user *other = content->users; other; other = other->next) {
        other->count = 0;
        other->loses = other != except && other->ops->lost;
    }
    content->loses = true;
    /* a handler may make any user leave, so the list is searched from its start each time */
    for (struct node_content_user *other = content->users; other;) {
        if (!other->loses) {
            other = other->next;
            continue;
        }
        other->loses = false;
        other->ops->lost (other->context);
        other = content->users;
    }
    content->loses = false;
    content_check (content);
}

void node_content_reconnect (struct node_content_user *user)
{
    base_assert (user_is_joined (user));
    if (user->content->loses)
        user->count = 0;
    else
        connection_lose (user->content, user);
}

void node_content_lost (struct node_content *content)
{
    base_assert (content);
    if (!content->loses)
        connection_lose (content, NULL);
}
