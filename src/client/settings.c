/* SPDX-License-Identifier: MPL-2.0 */
/*  client/settings.c - the settings file of an operator's program */

#include "client/client.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "bus/keys.h"

static const char *const settings_known[] = {"client/broker",         "client/content",    "client/timeout",
                                             "curve/secret-key-file", "curve/public-key",  "curve/secret-key",
                                             "curve/server-key",      "curve/content-key", NULL};

static void settings_free_p (struct bus_settings **settings)
{
    bus_settings_free (*settings);
}

void client_settings_deinit (struct client_settings *settings)
{
    base_assert (settings);
    free (settings->broker);
    explicit_bzero (settings, sizeof *settings);
}

static int settings_keys (const struct bus_settings *settings, struct client_settings *result,
                          struct base_error *error)
{
    base_assert (result && !result->has_keys);
    base_cleanup (bus_keyring_deinit) struct bus_keyring keys = {.configured = false};
    int r = bus_keyring_read (settings, false, &keys, error);
    if (r < 0)
        return r;
    result->has_keys = keys.configured;
    result->keys = keys.bus;
    return 0;
}

static void settings_unknown (void *context, const char *path)
{
    struct base_error *error = context;
    if (error->code == 0)
        base_error_set (error, -EINVAL,
                        "%s is not a setting of a client; the settings are client/broker, client/content, "
                        "client/timeout and the section curve",
                        path);
}

static int settings_take (const struct bus_settings *settings, struct client_settings *result,
                          struct base_error *error)
{
    base_assert (settings && result);
    struct base_error unknown = {.code = 0};
    bus_settings_check (settings, settings_known, settings_unknown, &unknown);
    if (unknown.code != 0)
        return base_error_set (error, -EINVAL, "%s", unknown.text);
    const char *broker = bus_settings_get (settings, "client/broker");
    if (broker && !(result->broker = strdup (broker)))
        return base_error_set (error, -ENOMEM, "out of memory");
    const char *content = bus_settings_get (settings, "client/content");
    int r = content ? bus_content_parse (content, result->content, error) : 0;
    if (r < 0)
        return base_error_prefix (error, "client/content");
    const char *timeout = bus_settings_get (settings, "client/timeout");
    if (timeout && (base_text_parse_span_ms (timeout, &result->timeout_ms) != 0 || result->timeout_ms == 0))
        return base_error_set (error, -EINVAL, "client/timeout is \"%s\": give a span such as 5s or 500ms",
                               timeout);
    return settings_keys (settings, result, error);
}

int client_settings_read (const char *path, struct client_settings *ret_settings, struct base_error *error)
{
    base_assert (ret_settings);
    base_assert (error);
    base_cleanup (settings_free_p) struct bus_settings *settings = NULL;
    base_cleanup (client_settings_deinit) struct client_settings result = {.broker = NULL};
    if (path) {
        int r = bus_settings_load (path, &settings, error);
        if (r < 0)
            return r;
        r = settings_take (settings, &result, error);
        if (r < 0)
            return base_error_prefix (error, "%s", path);
    }
    *ret_settings = result;
    result = (struct client_settings){.broker = NULL};
    return 0;
}
