/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/callback.c - how a program reports to the manager that started it */

#include "bus/callback.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "wire/text.h"

enum {
    FRAME_SHARE = 48 * 1024, /* bytes for arguments and variables; the marks need 12 KiB at most */
    STRING_MOST = 16384,
    STRING_HEAD = 5,
    ARGS_MOST = 300, /* these limits are those of schemas/callback.def */
    ENV_MOST = 1024,
    MARKS_MOST = 640,
    MARK_LENGTH = 16,
    TIMEOUT_MOST_MS = 600000
};

int bus_callback_parse (const char *text, struct bus_callback *ret_callback, struct base_error *error)
{
    base_assert (text && ret_callback);
    const char *space = strchr (text, ' ');
    size_t length = space ? (size_t) (space - text) : 0;
    if (!length || !space[1])
        return base_error_set (error, -EINVAL, "the value must have the form \"ENDPOINT NONCE\"");
    if (length >= sizeof ret_callback->endpoint || strlen (space + 1) >= sizeof ret_callback->nonce)
        return base_error_set (error, -EINVAL, "the endpoint has at most %zu bytes, the nonce at most %zu",
                               sizeof ret_callback->endpoint - 1, sizeof ret_callback->nonce - 1);
    memcpy (ret_callback->endpoint, text, length);
    ret_callback->endpoint[length] = '\0';
    return base_text_copy (ret_callback->nonce, sizeof ret_callback->nonce, space + 1);
}

static bool string_fits (const char *string, size_t *room)
{
    base_assert (string && room);
    size_t size = strlen (string) + STRING_HEAD;
    if (size > *room || size > STRING_MOST)
        return false;
    *room -= size;
    return true;
}

char *bus_callback_mark (const char *entry)
{
    base_assert (entry);
    char digest[BASE_DIGEST_TEXT];
    struct base_digest of = base_digest_of (entry, strlen (entry));
    return strndup (base_digest_format (&of, digest), MARK_LENGTH);
}

int bus_callback_ready (const char *version, char **args, char **env, struct wire_ready *ret_ready)
{
    base_assert (args && env && ret_ready);
    size_t room = FRAME_SHARE;
    const char **listed = calloc (ENV_MOST, sizeof *listed), **marks = calloc (MARKS_MOST + 1, sizeof *marks);
    struct wire_ready ready = {.pid = (uint64_t) getpid (),
                               .version = version,
                               .args = (const char *const *) args,
                               .env = listed,
                               .env_marks = marks};
    int r = listed && marks ? 0 : -ENOMEM;
    while (ready.n_args < ARGS_MOST && args[ready.n_args] && string_fits (args[ready.n_args], &room))
        ready.n_args++;
    for (size_t i = 0; r == 0 && env[i]; i++)
        if (ready.n_env < ENV_MOST && string_fits (env[i], &room))
            listed[ready.n_env++] = env[i];
        else if (ready.n_env_marks == MARKS_MOST)
            ready.env_more++;
        else if (!(marks[ready.n_env_marks++] = bus_callback_mark (env[i])))
            r = -ENOMEM;
    base_assert (ready.n_args <= ARGS_MOST && ready.n_env <= ENV_MOST && ready.n_env_marks <= MARKS_MOST);
    if (r < 0) {
        bus_callback_ready_deinit (&ready);
        return r;
    }
    *ret_ready = ready;
    return 0;
}

void bus_callback_ready_deinit (struct wire_ready *ready)
{
    base_assert (ready);
    free (wire_texts_own (ready->env)); /* the list only: the strings are the caller's */
    (void) base_list_free (wire_texts_own (ready->env_marks));
    *ready = (struct wire_ready){.pid = 0};
}

/*  A context and one socket of it. Closing waits at most for the rest of the timeout. */
struct delivery {
    void *context, *socket;
};

static void delivery_deinit (struct delivery *delivery)
{
    if (delivery->socket)
        (void) zmq_close (delivery->socket);
    while (delivery->context && zmq_ctx_term (delivery->context) < 0 && errno == EINTR)
        ;
}

static int time_left_ms (uint64_t until_ms)
{
    uint64_t now_ms = base_time_boot_ms ();
    return now_ms < until_ms ? (int) (until_ms - now_ms) : 0;
}

static int option_set (void *socket, int name, int value)
{
    return zmq_setsockopt (socket, name, &value, sizeof value) < 0 ? -errno : 0;
}

static int delivery_connect (const struct delivery *delivery, const char *endpoint)
{
    /*  Without this option, libzmq queues the message even if nothing listens, and reports no error. */
    int r = option_set (delivery->socket, ZMQ_IMMEDIATE, 1);
    if (r == 0)
        r = option_set (delivery->socket, ZMQ_LINGER, 0);
    if (r == 0)
        r = option_set (delivery->socket, ZMQ_RECONNECT_IVL, 10);
    if (r == 0)
        r = option_set (delivery->socket, ZMQ_IPV6, strchr (endpoint, '[') != NULL);
    if (r == 0 && zmq_connect (delivery->socket, endpoint) < 0)
        r = -errno;
    return r;
}

/*  Sends one frame. The first frame waits until a peer is connected. */
static int frame_send (void *socket, const void *data, size_t size, int flags, uint64_t until_ms)
{
    for (;;) {
        int r = option_set (socket, ZMQ_SNDTIMEO, time_left_ms (until_ms));
        if (r < 0)
            return r;
        if (zmq_send (socket, data, size, flags) >= 0)
            return 0;
        if (errno != EINTR)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
    }
}

int bus_callback_deliver (const struct bus_callback *callback, const struct wire_record *record,
                          const void *message, uint64_t timeout_ms, struct base_error *error)
{
    base_assert (callback && record && message);
    base_cleanup (base_buffer_deinit) struct base_buffer map = {.size = 0};
    base_cleanup (delivery_deinit) struct delivery delivery = {.context = NULL};
    uint8_t prefix[WIRE_PREFIX_SIZE];
    wire_prefix (record, prefix);
    int r = wire_pack (record, message, &map, error);
    if (r < 0)
        return base_error_errno (error, r, "cannot report to %s", callback->endpoint);
    if (r > 0) { /* the error has the violation of the schema */
        if (error)
            error->code = -EINVAL;
        return -EINVAL;
    }
    uint64_t until_ms = base_time_boot_ms () + (timeout_ms < TIMEOUT_MOST_MS ? timeout_ms : TIMEOUT_MOST_MS);
    delivery.context = zmq_ctx_new ();
    delivery.socket = delivery.context ? zmq_socket (delivery.context, ZMQ_PUSH) : NULL;
    if (!delivery.socket)
        return base_error_errno (error, -errno, "cannot create a socket");
    r = delivery_connect (&delivery, callback->endpoint);
    if (r < 0)
        return base_error_set (error, r, "cannot connect to %s: %s", callback->endpoint, zmq_strerror (-r));
    r = frame_send (delivery.socket, prefix, sizeof prefix, ZMQ_SNDMORE, until_ms);
    if (r == 0)
        r = frame_send (delivery.socket, map.data, map.size, 0, until_ms);
    if (r == -ETIMEDOUT)
        return base_error_set (error, r, "nothing listens at %s, or it does not accept messages",
                               callback->endpoint);
    if (r < 0)
        return base_error_errno (error, r, "cannot send to %s", callback->endpoint);
    int left = time_left_ms (until_ms);
    return option_set (delivery.socket, ZMQ_LINGER, left > 100 ? left : 100);
}
