/* SPDX-License-Identifier: MPL-2.0 */
/*  peer/keys.c - the keys that a content peer apart from its broker admits

    ROOT/keys has a line with the key of the broker, and one with the JSON of a content_user for each active
    key. */

#include "peer/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "disk/disk.h"
#include "wire/role.h"

enum { SLOTS_LEAST = 64, SHORT_FINGERPRINT = 16 /* hexadecimal digits */, LINE_MOST = 512 };

#define HEAD "keys of the broker "

/*  The table. */

static void keys_check (const struct peer_keys *keys)
{
    base_assert (keys->n_active <= keys->n_keys && keys->n_keys <= PEER_KEYS_MOST);
    base_assert (2 * keys->n_keys <= keys->n_slots);
}

void peer_keys_deinit (struct peer_keys *keys)
{
    base_assert (keys);
    for (size_t i = 0; i < keys->n_slots; i++)
        free (keys->slots[i]);
    free (keys->slots);
    *keys = (struct peer_keys){.admission = NULL};
}

/*  The slot of a key, or the empty one where it belongs. */
static struct peer_key **slot_find (const struct peer_keys *keys, const struct base_digest *fingerprint)
{
    base_assert (keys->n_slots > keys->n_keys);
    base_assert ((keys->n_slots & (keys->n_slots - 1)) == 0);
    size_t at;

    memcpy (&at, fingerprint->bytes, sizeof at);
    for (;; at++) {
        struct peer_key **slot = &keys->slots[at & (keys->n_slots - 1)];
        if (!*slot || base_digest_equal (&(*slot)->fingerprint, fingerprint))
            return slot;
    }
}

const struct peer_key *peer_keys_find (const struct peer_keys *keys, const struct base_digest *fingerprint)
{
    base_assert (keys && fingerprint);
    return keys->n_slots > 0 ? *slot_find (keys, fingerprint) : NULL;
}

/*  Makes room for one more key: at least half of the slots stay empty. */
static int table_grow (struct peer_keys *keys)
{
    struct peer_keys grown = *keys;

    if (2 * (keys->n_keys + 1) <= keys->n_slots)
        return 0;
    grown.n_slots = keys->n_slots ? 2 * keys->n_slots : SLOTS_LEAST;
    grown.slots = calloc (grown.n_slots, sizeof (struct peer_key *));
    if (!grown.slots)
        return -ENOMEM;
    for (size_t i = 0; i < keys->n_slots; i++)
        if (keys->slots[i])
            *slot_find (&grown, &keys->slots[i]->fingerprint) = keys->slots[i];
    free (keys->slots);
    *keys = grown;
    return 0;
}

static void key_end (struct peer_keys *keys, struct peer_key *key)
{
    if (!key->is_active)
        return;
    base_assert (keys->n_active > 0);
    key->is_active = false;
    keys->n_active--;
    (void) bus_admission_remove (keys->admission, &key->fingerprint);
}

/*  Finds a key, or adds it as one that is not active. */
static int key_take (struct peer_keys *keys, const struct peer_key *wanted, struct peer_key **ret_key)
{
    struct peer_key **slot;

    if (peer_keys_find (keys, &wanted->fingerprint)) {
        *ret_key = *slot_find (keys, &wanted->fingerprint);
        return 0;
    }
    if (keys->n_keys == PEER_KEYS_MOST)
        return -ENOSPC;
    if (table_grow (keys) < 0)
        return -ENOMEM;
    slot = slot_find (keys, &wanted->fingerprint);
    *slot = malloc (sizeof **slot);
    if (!*slot)
        return -ENOMEM;
    **slot = *wanted;
    keys->n_keys++;
    *ret_key = *slot;
    return 0;
}

int peer_keys_put (struct peer_keys *keys, const struct wire_content_user *user, struct base_error *error)
{
    base_assert (keys && keys->admission && user && user->public_key && user->name);
    struct peer_key wanted = {.role = user->role}, *key;
    int r;

    if (bus_key_decode (user->public_key, wanted.public_key) < 0 ||
        base_text_copy (wanted.name, sizeof wanted.name, user->name) < 0)
        return base_error_set (error, -EBADMSG, "the key of %.64s is not a key", user->name);
    wanted.fingerprint = bus_fingerprint (wanted.public_key);
    r = key_take (keys, &wanted, &key);
    if (r < 0)
        return base_error_errno (error, r, "cannot take the key of %s", user->name);
    key->role = wanted.role; /* a role that this version does not know permits nothing */
    key->is_listed = true;
    if (user->revoked)
        key_end (keys, key);
    else if (!key->is_active) {
        r = bus_admission_allow (keys->admission, key->public_key, 1u << BUS_CHANNEL_CONTENT);
        if (r < 0)
            return base_error_errno (error, r, "cannot admit the key of %s", user->name);
        key->is_active = true;
        keys->n_active++;
    }
    keys_check (keys);
    return 0;
}

void peer_keys_begin (struct peer_keys *keys)
{
    base_assert (keys);
    for (size_t i = 0; i < keys->n_slots; i++)
        if (keys->slots[i])
            keys->slots[i]->is_listed = false;
}

void peer_keys_end (struct peer_keys *keys)
{
    base_assert (keys);
    for (size_t i = 0; i < keys->n_slots; i++)
        if (keys->slots[i] && !keys->slots[i]->is_listed)
            key_end (keys, keys->slots[i]);
    keys_check (keys);
}

/*  Messages. */

bool peer_keys_permit (const struct peer_keys *keys, const struct bus_sender *sender,
                       const struct wire_record *record, char *ret_reason, size_t size)
{
    base_assert (keys && sender && record && ret_reason && size > 0);
    char text[BASE_DIGEST_TEXT];
    const struct peer_key *key;
    const char *needs;

    if (sender->kind == BUS_SENDER_LOCAL && (sender->uid == 0 || sender->uid == geteuid ()))
        return true;
    key = sender->kind == BUS_SENDER_KEY ? peer_keys_find (keys, &sender->key) : NULL;
    if (!key) {
        (void) snprintf (ret_reason, size, "the sender has no key that is known here");
        return false;
    }
    (void) base_digest_format (&key->fingerprint, text);
    text[SHORT_FINGERPRINT] = '\0';
    if (!key->is_active) {
        (void) snprintf (ret_reason, size, "key %s of %s is revoked", text, key->name);
        return false;
    }
    needs = wire_role_refuses_content (key->role, record);
    if (needs)
        (void) snprintf (ret_reason, size, "key %s of %s has the role %s; %s", text, key->name,
                         wire_role_word (key->role), needs);
    return !needs;
}

/*  The file. */

int peer_keys_store (const struct peer_keys *keys, int root, const char *broker, struct base_error *error)
{
    base_assert (keys && root >= 0 && broker);
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    char public_key[BUS_KEY_TEXT];
    int r = base_buffer_printf (&text, HEAD "%s\n", broker);

    for (size_t i = 0; r == 0 && i < keys->n_slots; i++) {
        const struct peer_key *key = keys->slots[i];
        if (!key || !key->is_active)
            continue;
        struct wire_content_user user = {
            .public_key = bus_key_encode (key->public_key, public_key), .role = key->role, .name = key->name};
        base_cleanup (base_free_p) char *line = wire_json (&wire_content_user_record, &user, 0);
        r = line ? base_buffer_printf (&text, "%s\n", line) : -ENOMEM;
    }
    if (r < 0)
        return base_error_errno (error, r, "cannot store the keys");
    r = disk_file_write (&disk_system, root, PEER_KEYS_FILE, 0600, text.data, text.size, error);
    return r < 0 ? base_error_prefix (error, "cannot store the keys") : 0;
}

/*  Calls peer_keys_put for each line, or only checks it. */
static int lines_take (struct peer_keys *keys, const char *text, bool put, struct base_error *error)
{
    for (const char *end; *text; text = end + 1) {
        base_cleanup (wire_content_user_deinit) struct wire_content_user user = {.name = NULL};
        uint8_t key[BUS_KEY_BYTES];
        int r;
        end = strchr (text, '\n');
        if (!end ||
            wire_json_parse (&wire_content_user_record, text, (size_t) (end - text), &user, error) != 0 ||
            bus_key_decode (user.public_key, key) < 0)
            return -EBADMSG;
        r = put ? peer_keys_put (keys, &user, error) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int peer_keys_load (struct peer_keys *keys, int root, const char *broker, struct base_error *error)
{
    base_assert (keys && keys->admission && root >= 0 && broker);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {.size = 0};
    base_cleanup (base_free_p) char *head = base_text_printf (HEAD "%s\n", broker);
    base_cleanup (base_free_p) char *text = NULL;
    int r = disk_file_read (&disk_system, root, PEER_KEYS_FILE, (size_t) PEER_KEYS_MOST * LINE_MOST, &buffer);

    if (r == -ENOENT)
        return r;
    if (r < 0 || !head)
        return base_error_errno (error, r < 0 ? r : -ENOMEM, "cannot read the stored keys");
    text = base_buffer_take_text (&buffer);
    if (!text)
        return base_error_errno (error, -ENOMEM, "cannot read the stored keys");
    if (!base_text_begins (text, HEAD))
        return base_error_set (error, -EBADMSG, "the stored keys (" PEER_KEYS_FILE ") are damaged");
    if (!base_text_begins (text, head))
        return -ENOENT;
    r = lines_take (keys, text + strlen (head), false, error);
    if (r == 0)
        r = lines_take (keys, text + strlen (head), true, error);
    return r == -EBADMSG ? base_error_set (error, r, "the stored keys (" PEER_KEYS_FILE ") are damaged") : r;
}
