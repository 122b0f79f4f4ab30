/* SPDX-License-Identifier: MPL-2.0 */
/*  client/client.c - making and freeing a client

    Nothing is sent before the first request, so making a client needs no broker. */

#include "client/client.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"

static void client_free_p (noded_client **client)
{
    noded_client_free (*client);
}

/*  The user name comes from the user id, not from the environment: it goes into the broker's records. */
static void user_name (char *ret_user, size_t size)
{
    base_assert (ret_user && size > 0);
    char host[65] = "", text[1024], number[16];
    struct passwd entry, *found = NULL;
    (void) gethostname (host, sizeof host - 1);
    (void) getpwuid_r (getuid (), &entry, text, sizeof text, &found);
    (void) snprintf (number, sizeof number, "%u", (unsigned) getuid ());
    const char *user = found ? entry.pw_name : number;
    (void) snprintf (ret_user, size, "%.60s@%.60s", user, host);
    if (!base_text_is_utf8 (ret_user, strlen (ret_user)))
        (void) snprintf (ret_user, size, "%s", number);
}

static int client_open (const char *broker, const char *path, uint64_t timeout_ms, noded_client **ret_client,
                        struct base_error *error)
{
    base_assert (ret_client);
    base_assert (error);
    base_cleanup (client_settings_deinit) struct client_settings settings = {.broker = NULL};
    base_cleanup (client_free_p) noded_client *client = calloc (1, sizeof *client);
    if (!client)
        return base_error_set (error, -ENOMEM, "out of memory");
    int r = client_settings_read (path, &settings, error);
    if (r < 0)
        return r;
    const char *variable = getenv ("NODED_BROKER");
    if (!broker && variable && *variable)
        broker = variable;
    if (!broker)
        broker = settings.broker ? settings.broker : "127.0.0.1";
    r = bus_endpoints_parse (broker, &client->endpoints, error);
    if (r < 0)
        return r;
    memcpy (client->broker_content, client->endpoints.content, sizeof client->broker_content);
    variable = getenv ("NODED_CONTENT");
    if (variable && *variable) {
        r = bus_content_parse (variable, settings.content, error);
        if (r < 0)
            return base_error_prefix (error, "the variable NODED_CONTENT");
    }
    if (*settings.content)
        memcpy (client->endpoints.content, settings.content, sizeof settings.content);
    client->has_keys = settings.has_keys;
    client->keys = settings.keys;
    client->timeout_ms = timeout_ms            ? timeout_ms
                         : settings.timeout_ms ? settings.timeout_ms
                                               : CLIENT_TIMEOUT_MS;
    user_name (client->user, sizeof client->user);
    client->serial = base_random_below (UINT64_C (1) << 32);
    client->loop = bus_loop_new ();
    if (!client->loop)
        return base_error_set (error, -ENOMEM, "cannot make an event loop: out of memory or descriptors");
    *ret_client = base_take (client);
    return 0;
}

int noded_client_new (const char *broker, const char *settings, uint64_t timeout_ms,
                      noded_client **ret_client, char *error, size_t error_size)
{
    struct base_error reason = {.code = 0};
    int r = client_open (broker, settings, timeout_ms, ret_client, &reason);
    if (r < 0 && error && error_size)
        (void) snprintf (error, error_size, "%s", reason.text);
    return r;
}

void noded_client_free (noded_client *client)
{
    if (!client)
        return;
    client_listener_free (client->listener);
    bus_socket_free (client->content);
    bus_socket_free (client->control);
    bus_loop_free (client->loop);
    explicit_bzero (&client->keys, sizeof client->keys);
    free (client);
}

const char *noded_error_text (int error)
{
    static const struct {
        enum noded_error error;
        const char *text;
    } table[] = {
        {NODED_E_TIMEOUT, "the broker did not answer in time"},
        {NODED_E_NONE, "no such release, node, rollout or file"},
        {NODED_E_REFUSED, "the broker refuses the request"},
        {NODED_E_BUSY, "the broker has too much to do: try again later"},
        {NODED_E_INVALID, "the request is not well-formed"},
        {NODED_E_PROTOCOL, "the broker's answer violates the protocol"},
        {NODED_E_FAILED, "the broker could not carry out the request"},
        {NODED_E_NO_EVENT, "no event came in time"},
        {NODED_E_EXISTS, "the file exists"},
        {NODED_E_UNTRUSTED, "metadata, a key or a signature is not trusted"},
        {NODED_E_PASSPHRASE, "the passphrase is missing or wrong"},
        {NODED_E_CHANGED, "somebody else has published meanwhile"},
        {NODED_E_MEMORY, "out of memory"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if ((int) table[i].error == error)
            return table[i].text;
    return error < 0 ? strerror (-error) : "success";
}

const char *noded_client_notice (const noded_client *client)
{
    return client->notice;
}

const char *noded_client_error (const noded_client *client)
{
    return client->error.text;
}

const char *noded_client_endpoint (const noded_client *client)
{
    return client->endpoints.control;
}
