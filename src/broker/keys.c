/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/keys.c - the broker's own key, and the keys that it admits */

#include "broker/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "bus/keys.h"
#include "disk/disk.h"
#include "wire/role.h"

enum { SLOTS_LEAST = 64 };

/*  The table. */

static void key_free (struct broker_key *key)
{
    if (key)
        (void) base_list_free (key->applications);
    if (key)
        free (key->address);
    free (key);
}

static void key_free_p (struct broker_key **key)
{
    key_free (*key);
}

/*  The slot of a key, or the empty one where it belongs. */
static struct broker_key **slot_find (const struct broker_keys *keys, const struct base_digest *fingerprint)
{
    base_assert (keys->n_slots > keys->n_keys);
    base_assert ((keys->n_slots & (keys->n_slots - 1)) == 0);
    size_t at;

    memcpy (&at, fingerprint->bytes, sizeof at);
    for (;; at++) {
        struct broker_key **slot = &keys->slots[at & (keys->n_slots - 1)];
        if (!*slot || base_digest_equal (&(*slot)->fingerprint, fingerprint))
            return slot;
    }
}

const struct broker_key *broker_keys_find (const struct broker_keys *keys,
                                           const struct base_digest *fingerprint)
{
    base_assert (keys && fingerprint);
    return keys->n_slots > 0 ? *slot_find (keys, fingerprint) : NULL;
}

/*  Makes room for one more key: at least half of the slots stay empty. */
static int table_grow (struct broker_keys *keys)
{
    struct broker_keys grown = *keys;

    if (2 * (keys->n_keys + 1) <= keys->n_slots)
        return 0;
    grown.n_slots = keys->n_slots ? 2 * keys->n_slots : SLOTS_LEAST;
    grown.slots = calloc (grown.n_slots, sizeof (struct broker_key *));
    if (!grown.slots)
        return -ENOMEM;
    for (size_t i = 0; i < keys->n_slots; i++)
        if (keys->slots[i])
            *slot_find (&grown, &keys->slots[i]->fingerprint) = keys->slots[i];
    free (keys->slots);
    *keys = grown;
    return 0;
}

/*  Makes room for two more changes: a key that is added is revoked at most once. */
static int changes_grow (struct broker_keys *keys)
{
    struct broker_key_change *grown;
    size_t size = keys->changes_size ? 2 * keys->changes_size : SLOTS_LEAST;

    if (keys->n_changes + keys->n_active + 2 <= keys->changes_size)
        return 0;
    grown = reallocarray (keys->changes, size, sizeof *grown);
    if (!grown)
        return -ENOMEM;
    keys->changes = grown;
    keys->changes_size = size;
    return 0;
}

static void change_add (struct broker_keys *keys, const struct broker_key *key, bool is_revoked)
{
    if (!wire_role_uses_content (key->role))
        return;
    base_assert (keys->n_changes < keys->changes_size);
    keys->changes[keys->n_changes++] = (struct broker_key_change){.key = key, .is_revoked = is_revoked};
}

const struct broker_key *broker_keys_content (const struct broker_keys *keys)
{
    base_assert (keys && keys->n_changes <= keys->changes_size);
    for (size_t i = keys->n_changes; i > 0; i--) {
        const struct broker_key *key = keys->changes[i - 1].key;
        if (key->role == WIRE_ROLE_CONTENT && key->is_active && key->address &&
            !keys->changes[i - 1].is_revoked)
            return key;
    }
    return NULL;
}

/*  Roles. */

unsigned broker_keys_channels (enum wire_role role)
{
    enum {
        ANNOUNCE = 1 << BUS_CHANNEL_ANNOUNCE,
        CONTROL = 1 << BUS_CHANNEL_CONTROL,
        CONTENT = 1 << BUS_CHANNEL_CONTENT,
        EVENTS = 1 << BUS_CHANNEL_EVENTS
    };
    static const unsigned channels[WIRE_ROLE_END] = {
        [WIRE_ROLE_NODE] = CONTROL | ANNOUNCE | CONTENT, [WIRE_ROLE_CONTENT] = CONTROL | CONTENT,
        [WIRE_ROLE_OBSERVER] = CONTROL | EVENTS,         [WIRE_ROLE_DEPLOYER] = CONTROL | EVENTS,
        [WIRE_ROLE_PUBLISHER] = CONTROL | CONTENT,       [WIRE_ROLE_ADMIN] = CONTROL | CONTENT | EVENTS};

    base_assert ((unsigned) role < WIRE_ROLE_END);
    return channels[role];
}

static struct broker_key *key_make (const struct wire_key *key)
{
    base_cleanup (key_free_p) struct broker_key *made = calloc (1, sizeof *made);

    if (!made)
        return NULL;
    made->fingerprint = key->fingerprint;
    made->role = key->role;
    made->is_active = key->state == WIRE_KEY_STATE_ACTIVE;
    if (base_text_copy (made->name, sizeof made->name, key->name) < 0)
        return NULL;
    for (size_t i = 0; i < key->n_applications; i++)
        if (base_list_append (&made->applications, key->applications[i]) < 0)
            return NULL;
    if (key->address) {
        made->address = strdup (key->address);
        if (!made->address)
            return NULL;
    }
    return base_take (made);
}

int broker_keys_put (struct broker_keys *keys, const struct wire_key *key, struct base_error *error)
{
    base_assert (keys && keys->on && keys->admission);
    base_assert (key && key->public_key && key->role != WIRE_ROLE_NULL);
    base_cleanup (key_free_p) struct broker_key *made = NULL;
    struct broker_key **slot;
    uint8_t public_key[BUS_KEY_BYTES];
    struct base_digest fingerprint;
    int r;

    if (broker_keys_find (keys, &key->fingerprint))
        return 0;
    if (bus_key_decode (key->public_key, public_key) < 0)
        return base_error_set (error, -EBADMSG, "the records are damaged: the key of %s is not a key",
                               key->name);
    fingerprint = bus_fingerprint (public_key);
    if (!base_digest_equal (&fingerprint, &key->fingerprint))
        return base_error_set (error, -EBADMSG,
                               "the records are damaged: the key of %s has the fingerprint of another one",
                               key->name);
    made = key_make (key);
    if (!made || table_grow (keys) < 0 || changes_grow (keys) < 0)
        return base_error_errno (error, -ENOMEM, "cannot load the key of %s", key->name);
    memcpy (made->public_key, public_key, sizeof made->public_key);
    if (made->is_active) {
        r = bus_admission_allow (keys->admission, public_key, broker_keys_channels (made->role));
        if (r < 0)
            return base_error_errno (error, r, "cannot admit the key of %s", key->name);
        keys->n_active++;
    }
    slot = slot_find (keys, &made->fingerprint);
    *slot = base_take (made);
    keys->n_keys++;
    if ((*slot)->is_active)
        change_add (keys, *slot, false);
    return 0;
}

void broker_keys_revoke (struct broker_keys *keys, const struct base_digest *fingerprint)
{
    base_assert (keys && keys->on && keys->n_slots > 0 && fingerprint);
    struct broker_key *key = *slot_find (keys, fingerprint);

    if (!key || !key->is_active)
        return;
    base_assert (keys->n_active > 0);
    key->is_active = false;
    keys->n_active--;
    (void) bus_admission_remove (keys->admission, fingerprint);
    change_add (keys, key, true);
}

/*  The broker's own key. */

static void settings_free_p (struct bus_settings **settings)
{
    (void) bus_settings_free (*settings);
}

static void secret_free_p (char **text)
{
    if (*text)
        explicit_bzero (*text, strlen (*text));
    free (*text);
}

static bool own_exists (const struct broker_keys_config *config)
{
    return faccessat (config->root, BROKER_KEY_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*  Makes the key pair, durably, before anybody learns the public half. */
static int own_make (const struct broker_keys_config *config, struct base_error *error)
{
    base_cleanup (settings_free_p) struct bus_settings *settings = bus_settings_new ();
    base_cleanup (secret_free_p) char *text = NULL;
    struct bus_keys pair = {.is_server = true};
    int r = bus_keys_make (pair.public_key, pair.secret_key);

    if (r < 0)
        return base_error_errno (error, r, "cannot make a key pair");
    if (settings && bus_settings_put (settings, "curve/public-key", pair.public_key) == 0 &&
        bus_settings_put (settings, "curve/secret-key", pair.secret_key) == 0)
        text = bus_settings_format (settings);
    explicit_bzero (&pair, sizeof pair);
    if (!text)
        return base_error_errno (error, -ENOMEM, "cannot make a key pair");
    r = disk_file_write (&disk_system, config->root, BROKER_KEY_FILE, 0600, text, strlen (text), error);
    if (r < 0)
        return r;
    base_log (BASE_LOG_INFO, "made the key of this broker: %s/%s", config->path, BROKER_KEY_FILE);
    return 0;
}

static int own_read (const struct broker_keys_config *config, struct bus_keys *ret_own,
                     struct base_error *error)
{
    base_cleanup (settings_free_p) struct bus_settings *settings = NULL;
    base_cleanup (bus_keyring_deinit) struct bus_keyring ring = {.configured = false};
    base_cleanup (base_free_p) char *path = base_text_printf ("%s/%s", config->path, BROKER_KEY_FILE);
    int r;

    if (!path)
        return base_error_errno (error, -ENOMEM, "cannot read the key of this broker");
    r = bus_settings_load (path, &settings, error);
    if (r == 0)
        r = bus_keyring_read (settings, true, &ring, error);
    if (r < 0)
        return base_error_prefix (error, "the key of this broker");
    if (!ring.configured)
        return base_error_set (error, -EINVAL,
                               "%s has no key: restore the file, or remove it to make a new key", path);
    *ret_own = ring.bus;
    return 0;
}

/*  Opening. */

struct loading {
    struct broker_keys *keys;
    struct base_error *error;
    bool any;
};

static int key_load (void *context, uint64_t serial, const struct wire_key *key)
{
    struct loading *loading = context;

    (void) serial;
    loading->any = true;
    return loading->keys->on ? broker_keys_put (loading->keys, key, loading->error) : RECORDS_E_STOP;
}

/*  Root, and the user that the broker runs as, who owns the records and the broker's key, administer it without
    a key. */
static int locals_allow (struct broker_keys *keys)
{
    int r = bus_admission_allow_uid (keys->admission, 0, 1u << BUS_CHANNEL_CONTROL);

    return r < 0 || geteuid () == 0
               ? r
               : bus_admission_allow_uid (keys->admission, geteuid (), 1u << BUS_CHANNEL_CONTROL);
}

int broker_keys_open (struct broker_keys *keys, const struct broker_keys_config *config,
                      struct records *records, struct base_error *error)
{
    base_assert (keys && !keys->on && config && config->path && records);
    struct loading loading = {.keys = keys, .error = error};
    int r = records_keys (records, NULL, 0, key_load, &loading, error);

    if (r < 0)
        return r;
    if (!config->wanted)
        return loading.any || own_exists (config)
                   ? base_error_set (
                         error, -EPERM,
                         "%s has keys, and --insecure would let in everybody: start without that option",
                         config->path)
                   : 0;
    keys->admission = bus_admission_new ();
    if (!keys->admission)
        return base_error_errno (error, -ENOMEM, "cannot load the keys");
    keys->on = true;
    if (config->own)
        keys->own = *config->own;
    else {
        r = own_exists (config) ? 0 : own_make (config, error);
        if (r == 0)
            r = own_read (config, &keys->own, error);
        if (r < 0)
            return r;
    }
    r = locals_allow (keys);
    if (r < 0)
        return base_error_errno (error, r, "cannot admit the users of this host");
    return records_keys (records, NULL, 0, key_load, &loading, error);
}

void broker_keys_deinit (struct broker_keys *keys)
{
    base_assert (keys);
    for (size_t i = 0; i < keys->n_slots; i++)
        key_free (keys->slots[i]);
    free (keys->slots);
    free (keys->changes);
    (void) bus_admission_free (keys->admission);
    explicit_bzero (keys, sizeof *keys);
}

int broker_keys_local (const struct broker_keys_config *config, char ret_endpoint[BUS_ENDPOINT_SIZE],
                       struct base_error *error)
{
    base_assert (config && config->path && ret_endpoint);
    enum { SOCKET_PATH_MOST = sizeof ((struct sockaddr_un *) NULL)->sun_path - 1 };
    struct stat status;
    int length = snprintf (ret_endpoint, BUS_ENDPOINT_SIZE, "ipc://%s/" BROKER_IPC "/control", config->path);

    if (length - 6 > SOCKET_PATH_MOST)
        return base_error_set (error, -ENAMETOOLONG,
                               "%s/" BROKER_IPC "/control is too long for a socket (at most %d bytes): use a"
                               " shorter root",
                               config->path, SOCKET_PATH_MOST);
    if (mkdirat (config->root, BROKER_IPC, 0700) != 0 && errno != EEXIST)
        return base_error_errno (error, -errno, "cannot create %s/" BROKER_IPC, config->path);
    if (fstatat (config->root, BROKER_IPC, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR (status.st_mode))
        return base_error_set (error, -ENOTDIR, "%s/" BROKER_IPC " is not a directory: remove it",
                               config->path);
    if ((status.st_mode & 07777) != 0700 && fchmodat (config->root, BROKER_IPC, 0700, 0) != 0)
        return base_error_errno (error, -errno, "cannot restrict %s/" BROKER_IPC " to its owner",
                                 config->path);
    return 0;
}

int broker_keys_local_bound (const struct broker_keys_config *config, struct base_error *error)
{
    base_assert (config && config->path);
    if (fchmodat (config->root, BROKER_IPC "/control", 0600, 0) != 0)
        return base_error_errno (error, -errno, "cannot restrict %s/" BROKER_IPC "/control to its owner",
                                 config->path);
    return 0;
}
