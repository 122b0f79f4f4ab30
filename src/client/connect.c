/* SPDX-License-Identifier: MPL-2.0 */
/*  client/connect.c - a client's connections, and errors that any request may report */

#include "client/client.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "bus/keys.h"

int client_out_of_memory (noded_client *client)
{
    return base_error_set (&client->error, -ENOMEM, "out of memory");
}

int client_silent (noded_client *client, const char *endpoint, uint64_t ms)
{
    base_assert (endpoint && *endpoint);
    char span[32];
    if (ms % 1000)
        (void) snprintf (span, sizeof span, "%" PRIu64 " ms", ms);
    else
        (void) snprintf (span, sizeof span, "%" PRIu64 " s", ms / 1000);
    if (client->refused[0])
        return base_error_set (&client->error, -EPROTO,
                               "no valid answer from %s within %s: an answer was refused: %s", endpoint, span,
                               client->refused);
    return base_error_set (&client->error, -ETIMEDOUT,
                           "no answer from %s within %s: is noded-broker running there%s?", endpoint, span,
                           client->has_keys ? ", and do the keys match" : "");
}

static void answer_refused (void *context, struct bus_socket *socket, const struct bus_refusal *refusal)
{
    base_assert (context);
    base_assert (refusal);
    noded_client *client = context;
    (void) socket;
    (void) snprintf (client->refused, sizeof client->refused, "%s", refusal->text);
}

int client_denied (noded_client *client, const char *endpoint)
{
    base_assert (endpoint && *endpoint);
    return base_error_set (
        &client->error, -EPERM,
        "%s refuses the key of these settings: it was revoked or never added, or its role is"
        " not served there (nodectl keys list, as admin)",
        endpoint);
}

/*  The socket would try again later; here nobody waits for that. */
static void key_denied (void *context, struct bus_socket *socket)
{
    base_assert (context);
    noded_client *client = context;
    (void) socket;
    client->denied = true;
    bus_loop_stop (client->loop);
}

int client_connect (noded_client *client, bus_message_handler *take, const char *endpoint,
                    struct bus_socket **socket)
{
    base_assert (client->loop);
    base_assert (take);
    base_assert (endpoint && *endpoint);
    base_assert (socket);
    client->refused[0] = '\0';
    client->denied = false;
    if (*socket)
        return 0;
    struct bus_keys keys = socket == &client->content ? bus_keys_for_content (&client->keys) : client->keys;
    const struct bus_socket_options options = {
        .on_message = take,
        .on_refused = answer_refused,
        .on_denied = key_denied,
        .context = client,
        .keys = client->has_keys ? &keys : NULL,
    };
    struct bus_socket *made;
    int r = bus_socket_new (client->loop, BUS_DEALER, &options, &made, &client->error);
    explicit_bzero (&keys, sizeof keys);
    if (r < 0)
        return r;
    r = bus_socket_connect (made, endpoint, &client->error);
    if (r < 0) {
        bus_socket_free (made);
        return r;
    }
    *socket = made;
    return 0;
}
