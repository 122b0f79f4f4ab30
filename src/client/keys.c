/* SPDX-License-Identifier: MPL-2.0 */
/*  client/keys.c - keys: list, add, revoke

    A key pair is made here. Its secret half goes into a file of this user and nowhere else, before the broker
    gets the public half: a key that is admitted has an owner. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "bus/settings.h"
#include "client/list.h"
#include "disk/disk.h"
#include "wire/envelope.h"

enum { KEY_SIZE = 41, ADDRESS_SIZE = 320 };

int noded_client_keys (noded_client *client, const char *name, noded_keys *ret_keys)
{
    static const struct client_list list = CLIENT_LIST_OF (list_keys, keys, key);
    struct wire_list_keys request = {.name = name};
    struct client_items items = {.count = 0};
    int r = client_list_ask (client, &list, &request, 0, "list the keys", &items);
    if (r < 0)
        client_items_deinit (&list, &items);
    *ret_keys = (noded_keys){.items = items.items, .count = items.count};
    return r;
}

int noded_client_key_revoke (noded_client *client, const char *fingerprint, const char *name,
                             noded_keys *ret_revoked)
{
    base_cleanup (wire_key_revoked_deinit) struct wire_key_revoked answer = {.serial = 0};
    struct wire_revoke_key request = {.name = name};
    *ret_revoked = (noded_keys){.count = 0};
    if (!fingerprint == !name)
        return base_error_set (&client->error, -EINVAL, "cannot revoke: give a fingerprint or a name");
    if (fingerprint && base_digest_parse (fingerprint, &request.fingerprint) != 0)
        return base_error_set (&client->error, -EINVAL,
                               "\"%s\" is not a fingerprint: give the 64 hexadecimal digits that list shows",
                               fingerprint);
    int r = client_ask (client, &wire_revoke_key_record, &request, 0, "revoke the key", &answer);
    if (r < 0)
        return r;
    *ret_revoked =
        (noded_keys){.items = (noded_key *) (void *) base_take (answer.revoked), .count = answer.n_revoked};
    answer.n_revoked = 0;
    return 0;
}

/*  A pair, and what the file needs besides it. */
struct pair {
    char public_key[KEY_SIZE], secret_key[KEY_SIZE];
    char server_key[KEY_SIZE];
    char address[ADDRESS_SIZE];
    char content_key[KEY_SIZE], content[ADDRESS_SIZE]; /* of a separate content peer; empty: none */
};

static void pair_deinit (struct pair *pair)
{
    explicit_bzero (pair, sizeof *pair);
}

/*  The address for the new file: as given, else where this client found the broker. Over ipc that is what the
    broker tells, and this host's name if it listens on all addresses. */
static int address_find (noded_client *client, const char *given, const char *told,
                         char ret_address[ADDRESS_SIZE])
{
    base_assert (ret_address);
    static const char tcp[] = "tcp://";
    static const char *const everywhere[] = {"0.0.0.0:", "[::]:", "*:"};
    char host[256] = "";
    if (!given && base_text_begins (client->endpoints.announce, tcp))
        given = client->endpoints.announce + strlen (tcp);
    if (!given && !told)
        return base_error_set (
            &client->error, -EINVAL,
            "cannot make the file: the broker listens on no address that others reach; give"
            " the address for the new file");
    for (size_t i = 0; !given && i < sizeof everywhere / sizeof *everywhere; i++) {
        if (!base_text_begins (told, everywhere[i]))
            continue;
        if (gethostname (host, sizeof host - 1) != 0)
            return base_error_errno (&client->error, -errno, "cannot get the name of this host");
        (void) snprintf (ret_address, ADDRESS_SIZE, "%s:%s", host, told + strlen (everywhere[i]));
        return 0;
    }
    if (base_text_copy (ret_address, ADDRESS_SIZE, given ? given : told) < 0)
        return base_error_set (&client->error, -EINVAL, "the address of the broker is too long");
    struct bus_endpoints endpoints;
    int r = bus_endpoints_parse (ret_address, &endpoints, &client->error);
    return r < 0 ? base_error_prefix (&client->error, "the address for the new file") : 0;
}

/*  The separate content peer, as the broker knows it. */
static int content_find (noded_client *client, const struct wire_broker_state *broker, struct pair *pair)
{
    char endpoint[BUS_ENDPOINT_SIZE];

    if (!broker->content_key || !broker->content_address)
        return 0;
    if (base_text_copy (pair->content_key, KEY_SIZE, broker->content_key) < 0 ||
        base_text_copy (pair->content, ADDRESS_SIZE, broker->content_address) < 0 ||
        bus_content_parse (pair->content, endpoint, &client->error) < 0)
        return base_error_set (&client->error, -EPROTO,
                               "cannot add the key: the broker's answer names a content peer that cannot be"
                               " used");
    return 0;
}

/*  Gets the broker's own key. */
static int pair_prepare (noded_client *client, const noded_new_key *wanted, struct pair *pair)
{
    base_cleanup (wire_shown_deinit) struct wire_shown answer = {.serial = 0};
    struct wire_show_broker request = {.serial = 0};
    int r = client_ask (client, &wire_show_broker_record, &request, 0, "add the key", &answer);
    if (r < 0)
        return r;
    if (!answer.broker || !answer.broker->public_key || answer.broker->open)
        return base_error_set (&client->error, -EPERM,
                               "cannot add the key: the broker has no keys: it was started with --insecure");
    if (base_text_copy (pair->server_key, KEY_SIZE, answer.broker->public_key) < 0)
        return base_error_set (&client->error, -EPROTO,
                               "cannot add the key: the broker's own key is not one");
    r = address_find (client, wanted->address, answer.broker->address, pair->address);
    if (r == 0)
        r = content_find (client, answer.broker, pair);
    if (r < 0)
        return r;
    r = bus_keys_make (pair->public_key, pair->secret_key);
    return r < 0 ? base_error_errno (&client->error, r, "cannot make a key pair") : 0;
}

static void settings_free_p (struct bus_settings **settings)
{
    (void) bus_settings_free (*settings);
}

/*  Frees a text that has a secret. */
static void secret_free_p (char **text)
{
    if (*text)
        explicit_bzero (*text, strlen (*text));
    free (*text);
}

/*  The text of the file, on the heap; NULL if memory is exhausted. */
static char *settings_make (const noded_new_key *wanted, const struct pair *pair)
{
    base_cleanup (settings_free_p) struct bus_settings *settings = bus_settings_new ();
    bool is_node = wanted->role == NODED_ROLE_NODE, is_content = wanted->role == NODED_ROLE_CONTENT;
    bool uses_content = is_node || wanted->role == NODED_ROLE_PUBLISHER || wanted->role == NODED_ROLE_ADMIN;
    const char *broker = is_node ? "node/broker" : is_content ? "content/broker" : "client/broker";
    if (!settings || (is_node && bus_settings_put (settings, "node/id", wanted->name) < 0) ||
        bus_settings_put (settings, broker, pair->address) < 0 ||
        bus_settings_put (settings, "curve/public-key", pair->public_key) < 0 ||
        bus_settings_put (settings, "curve/secret-key", pair->secret_key) < 0 ||
        bus_settings_put (settings, "curve/server-key", pair->server_key) < 0)
        return NULL;
    if (uses_content && *pair->content &&
        (bus_settings_put (settings, is_node ? "node/content" : "client/content", pair->content) < 0 ||
         bus_settings_put (settings, "curve/content-key", pair->content_key) < 0))
        return NULL;
    return bus_settings_format (settings);
}

static int file_write (noded_client *client, const char *path, const char *text)
{
    char random[9];
    base_random_hex (random, 4);
    base_cleanup (base_free_p) char *part = base_text_printf ("%s.%s.part", path, random);
    base_cleanup (base_close_p) int fd = -1;
    if (!part)
        return client_out_of_memory (client);
    int r = client_file_begin (client, part, &fd);
    if (r < 0)
        return r;
    r = disk_write_all (&disk_system, fd, text, strlen (text));
    if (r < 0)
        base_error_errno (&client->error, r, "cannot write %s", part);
    else
        r = client_file_finish (client, part, fd, path, false);
    if (r < 0)
        (void) disk_unlink (&disk_system, AT_FDCWD, part);
    return r;
}

/*  Sends the public half. */
static int pair_send (noded_client *client, const noded_new_key *wanted, const struct pair *pair,
                      noded_keys *ret_key)
{
    base_cleanup (wire_key_added_deinit) struct wire_key_added answer = {.serial = 0};
    struct wire_add_key request = {.public_key = pair->public_key,
                                   .role = (enum wire_role) wanted->role,
                                   .name = wanted->name,
                                   .applications = wanted->applications,
                                   .n_applications = wanted->n_applications,
                                   .address = wanted->content};
    int r = client_ask (client, &wire_add_key_record, &request, 0, "add the key", &answer);
    if (r < 0)
        return r;
    if (!answer.added)
        return base_error_set (&client->error, -EPROTO, "cannot add the key: the broker's answer lacks it");
    *ret_key = (noded_keys){.items = (noded_key *) (void *) base_take (answer.added), .count = 1};
    return 0;
}

int noded_client_key_add (noded_client *client, const noded_new_key *wanted, noded_keys *ret_key)
{
    base_cleanup (pair_deinit) struct pair pair = {.address = ""};
    base_cleanup (secret_free_p) char *text = NULL;
    struct stat status;
    *ret_key = (noded_keys){.count = 0};
    if (!wanted->name || !wanted->path || !wanted->role)
        return base_error_set (&client->error, -EINVAL, "cannot add the key: give its name, role and file");
    if (lstat (wanted->path, &status) == 0)
        return base_error_set (&client->error, -EEXIST,
                               "cannot write %s: the file exists, and may hold a key: choose another name",
                               wanted->path);
    if (wanted->role == NODED_ROLE_NODE && !wire_node_is_valid (wanted->name))
        return base_error_set (
            &client->error, -EINVAL,
            "\"%s\" is not the id of a node: it has 1 to 64 letters, digits, '.', '_', '-' or"
            " ':'",
            wanted->name);
    int r = pair_prepare (client, wanted, &pair);
    if (r < 0)
        return r;
    text = settings_make (wanted, &pair);
    if (!text)
        return client_out_of_memory (client);
    r = file_write (client, wanted->path, text);
    if (r < 0)
        return r;
    r = pair_send (client, wanted, &pair, ret_key);
    if (r == -ETIMEDOUT || r == -EPROTO)
        (void) base_error_prefix (
            &client->error,
            "%s is written, but it is unknown whether the key was added (see nodectl keys"
            " list)",
            wanted->path);
    else if (r < 0)
        (void) disk_unlink (&disk_system, AT_FDCWD, wanted->path);
    return r;
}
