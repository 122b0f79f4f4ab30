/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/keys.c - CURVE keys from settings */

#include "bus/keys.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

enum { KEY_LENGTH = 40 };

const char *const bus_keys_settings[] = {"curve/secret-key-file",
                                         "curve/secret-key",
                                         "curve/public-key",
                                         "curve/server-key",
                                         "curve/content-key",
                                         "curve/allow",
                                         NULL};

const char bus_keys_help[] =
    "  curve/secret-key-file  a certificate in the format of zcert_save_secret\n"
    "  curve/secret-key       or the keys themselves, 40 characters of Z85\n"
    "  curve/public-key\n"
    "  curve/allow            server: a client's public key; may be repeated\n"
    "  curve/server-key       client: the server's public key\n"
    "  curve/content-key      client: that of a separate content peer (server-key)\n";

static void settings_free_p (struct bus_settings **settings)
{
    bus_settings_free (*settings);
}

static bool key_is_valid (const char *key)
{
    static const char letters[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

    return strlen (key) == KEY_LENGTH && strspn (key, letters) == KEY_LENGTH;
}

static int key_take (const char *name, const char *key, char ret_key[KEY_LENGTH + 1],
                     struct base_error *error)
{
    if (!key)
        return base_error_set (error, -EINVAL, "curve/%s is missing in the settings", name);
    if (!key_is_valid (key))
        return base_error_set (error, -EINVAL, "curve/%s is not a key: a key has 40 characters of Z85", name);
    return base_text_copy (ret_key, KEY_LENGTH + 1, key);
}

static int pair_take (const struct bus_settings *settings, struct bus_keys *keys, struct base_error *error)
{
    int r = key_take ("secret-key", bus_settings_get (settings, "curve/secret-key"), keys->secret_key, error);

    if (r == 0)
        r = key_take ("public-key", bus_settings_get (settings, "curve/public-key"), keys->public_key, error);
    return r;
}

/*  Keeps the first error. */
static void unknown_note (void *context, const char *path)
{
    struct base_error *unknown = context;
    if (unknown->code != 0)
        return;
    if (strcmp (path, "curve") == 0)
        (void) base_error_set (
            unknown, -EINVAL, "the section curve is empty: set curve/secret-key-file, or remove the section");
    else if (base_text_begins (path, "curve/"))
        (void) base_error_set (unknown, -EINVAL, "%.300s: there is no such setting", path);
}

/*  Whoever writes anything below curve/ wants keys. A name that is misspelt must not leave the program without
    them. */
static int names_check (const struct bus_settings *settings, struct base_error *error)
{
    struct base_error unknown = {.code = 0};
    bus_settings_check (settings, bus_keys_settings, unknown_note, &unknown);
    return unknown.code == 0 ? 0 : base_error_set (error, unknown.code, "%s", unknown.text);
}

int bus_keyring_read (const struct bus_settings *settings, bool is_server, struct bus_keyring *ret_keys,
                      struct base_error *error)
{
    base_assert (ret_keys);
    base_cleanup (settings_free_p) struct bus_settings *certificate = NULL;
    base_cleanup (bus_keyring_deinit) struct bus_keyring keys = {.bus.is_server = is_server};
    const char *file = settings ? bus_settings_get (settings, "curve/secret-key-file") : NULL;
    int r = settings ? names_check (settings, error) : 0;

    if (r < 0)
        return r;
    if (!file && (!settings || !bus_settings_get (settings, "curve/secret-key"))) {
        if (settings &&
            (bus_settings_get (settings, "curve/allow") || bus_settings_get (settings, "curve/server-key") ||
             bus_settings_get (settings, "curve/content-key") ||
             bus_settings_get (settings, "curve/public-key")))
            return base_error_set (error, -EINVAL,
                                   "neither curve/secret-key-file nor curve/secret-key is in the settings");
        *ret_keys = keys;
        return 0;
    }
    keys.configured = true;
    if (file) {
        r = bus_settings_load (file, &certificate, error);
        if (r == -ENOENT)
            return base_error_errno (error, r, "curve/secret-key-file: cannot read \"%s\"", file);
        if (r != 0)
            return r;
    }
    r = pair_take (certificate ? certificate : settings, &keys.bus, error);
    if (r != 0)
        return file ? base_error_prefix (error, "%s", file) : r;
    if (!is_server) {
        r = key_take ("server-key", bus_settings_get (settings, "curve/server-key"), keys.bus.server_key,
                      error);
        if (r == 0 && bus_settings_get (settings, "curve/content-key"))
            r = key_take ("content-key", bus_settings_get (settings, "curve/content-key"),
                          keys.bus.content_key, error);
        if (r != 0)
            return r;
    } else {
        keys.allowed = bus_settings_get_all (settings, "curve/allow");
        for (char **key = keys.allowed; key && *key; key++)
            if (!key_is_valid (*key))
                return base_error_set (
                    error, -EINVAL, "curve/allow: \"%s\" is not a key: a key has 40 characters of Z85", *key);
    }
    *ret_keys = keys;
    keys.allowed = NULL;
    return 0;
}

void bus_keyring_deinit (struct bus_keyring *keys)
{
    base_assert (keys);
    keys->allowed = base_list_free (keys->allowed);
    explicit_bzero (keys, sizeof *keys);
}

struct bus_keys bus_keys_for_content (const struct bus_keys *keys)
{
    base_assert (keys && !keys->is_server);
    struct bus_keys content = *keys;

    if (*content.content_key)
        memcpy (content.server_key, content.content_key, sizeof content.server_key);
    return content;
}

int bus_keyring_admit (const struct bus_keyring *keys, struct bus_admission *admission, unsigned channels,
                       struct base_error *error)
{
    base_assert (keys && keys->bus.is_server && admission);
    int r = bus_admission_replace (admission, keys->allowed, channels);
    if (r == -EINVAL)
        return base_error_set (error, r, "curve/allow: not a key: a key has 40 characters of Z85");
    return r < 0 ? base_error_errno (error, r, "cannot admit the allowed keys") : 0;
}
