/* SPDX-License-Identifier: MPL-2.0 */
/*  client/client.c - making and freeing a client

    Nothing is sent before the first request, so making a client needs no broker. */

#include "client/client.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"

static void client_free_p (noded_client **client)
{
    noded_client_free (*client);
}

/*  The user name comes from the user id, not from the environment: it goes into the broker's records. */
static void client_name_user (char *ret_user, size_t size)
{
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
    base_cleanup (client_settings_deinit) struct client_settings settings = {.broker = NULL};
    base_cleanup (client_free_p) noded_client *client = calloc (1, sizeof *client);
    if (!client)
        return base_error_set (error, -ENOMEM, "out of memory");
    int rc = client_settings_read (path, &settings, error);
    if (rc != 0)
        return rc;
    const char *variable = getenv ("NODED_BROKER");
    if (!broker && variable && *variable)
        broker = variable;
    if (!broker)
        broker = settings.broker ? settings.broker : "127.0.0.1";
    rc = bus_endpoints_parse (broker, &client->endpoints, error);
    if (rc != 0)
        return rc;
    memcpy (client->broker_content, client->endpoints.content, sizeof client->broker_content);
    variable = getenv ("NODED_CONTENT");
    if (variable && *variable && bus_content_parse (variable, settings.content, error))
        return base_error_prefix (error, "the variable NODED_CONTENT");
    if (*settings.content)
        memcpy (client->endpoints.content, settings.content, sizeof settings.content);
    client->has_keys = settings.has_keys;
    client->keys = settings.keys;
    client->timeout_ms = timeout_ms            ? timeout_ms
                         : settings.timeout_ms ? settings.timeout_ms
                                               : CLIENT_TIMEOUT_MS;
    client_name_user (client->user, sizeof client->user);
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
    int rc = client_open (broker, settings, timeout_ms, ret_client, &reason);
    if (rc != 0 && error && error_size)
        (void) snprintf (error, error_size, "%s", reason.text);
    return rc;
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
