/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/draft_role.c - the keys and thresholds of roles in the making */

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "trust/draft_private.h"
#include "trust/errors.h"

json_t *trust_draft_role (uint64_t threshold)
{
    base_assert (threshold <= INT64_MAX);
    return json_pack ("{s:[], s:I}", "keyids", "threshold", (json_int_t) threshold);
}

int trust_draft_key_read (const json_t *key, struct trust_key *ret_key, struct base_error *error)
{
    struct base_digest keyid;
    char text[BASE_DIGEST_TEXT];
    int r = trust_key_id (key, &keyid, error);
    if (r)
        return r;
    json_t *copy = json_deep_copy (key);
    if (!copy)
        return trust_draft_no_memory (error);
    r = trust_key_read (base_digest_format (&keyid, text), copy, ret_key, error);
    json_decref (copy);
    return r;
}

/*  Whether role has a key of this material, however it is written. */
static int role_find (const json_t *keys, const json_t *role, const struct trust_key *key, bool *ret_found,
                      struct base_error *error)
{
    const json_t *keyids = json_object_get (role, "keyids");
    *ret_found = false;
    for (size_t i = 0; i < json_array_size (keyids) && !*ret_found; i++) {
        const json_t *other = json_object_get (keys, json_string_value (json_array_get (keyids, i)));
        struct trust_key read = {0};
        if (!other)
            continue;
        int r = trust_draft_key_read (other, &read, error);
        if (r)
            return r;
        *ret_found = base_digest_equal (&read.keyid, &key->keyid) ||
                     (read.kind != TRUST_KEY_UNUSABLE && base_digest_equal (&read.material, &key->material));
        trust_key_deinit (&read);
    }
    return 0;
}

int trust_draft_role_add (json_t *keys, json_t *role, const char *name, const json_t *key,
                          struct base_error *error)
{
    base_assert (json_is_object (keys) && json_is_object (role) && name);
    struct trust_key read = {0};
    char keyid[BASE_DIGEST_TEXT];
    bool found = false;
    int r = trust_draft_key_read (key, &read, error);
    if (r)
        return r;
    (void) base_digest_format (&read.keyid, keyid);
    json_t *keyids = json_object_get (role, "keyids");
    if (read.kind == TRUST_KEY_UNUSABLE)
        r = base_error_set (error, TRUST_E_KEY, "key %s cannot sign for %s: %s", keyid, name, read.reason);
    else if (json_array_size (keyids) >= TRUST_ROLE_KEYS_MOST)
        r = base_error_set (error, TRUST_E_TOO_LARGE, "%s has %d keys already", name, TRUST_ROLE_KEYS_MOST);
    else
        r = role_find (keys, role, &read, &found, error);
    if (r == 0 && found)
        r = base_error_set (error, TRUST_E_KEY, "key %s is a key of %s already", keyid, name);
    if (r == 0 &&
        (json_object_set (keys, keyid, read.json) || json_array_append_new (keyids, json_string (keyid))))
        r = trust_draft_no_memory (error);
    trust_key_deinit (&read);
    return r;
}

int trust_draft_role_remove (json_t *role, const char *name, const struct base_digest *keyid,
                             struct base_error *error)
{
    base_assert (json_is_object (role) && name && keyid);
    char text[BASE_DIGEST_TEXT];
    (void) base_digest_format (keyid, text);
    json_t *keyids = json_object_get (role, "keyids");
    for (size_t i = 0; i < json_array_size (keyids); i++)
        if (strcasecmp (json_string_value (json_array_get (keyids, i)), text) == 0)
            return json_array_remove (keyids, i) ? -EINVAL : 0;
    return base_error_set (error, TRUST_E_KEY, "%s has no key %s", name, text);
}

int trust_draft_role_check (const struct trust_keys *keys, const struct trust_role *role, const char *name,
                            struct base_error *error)
{
    base_assert (keys && role && name);
    uint64_t different = 0;
    for (size_t i = 0; i < role->n_keyids; i++) {
        const struct trust_key *key = trust_keys_find (keys, &role->keyids[i]);
        bool counts = key && key->kind != TRUST_KEY_UNUSABLE;
        for (size_t j = 0; j < i && counts; j++) {
            const struct trust_key *other = trust_keys_find (keys, &role->keyids[j]);
            counts = !other || !base_digest_equal (&other->material, &key->material);
        }
        different += counts;
    }
    if (different >= role->threshold)
        return 0;
    return base_error_set (error, TRUST_E_THRESHOLD,
                           "%s needs %" PRIu64 " signatures and has %" PRIu64
                           " keys: add keys, or lower the threshold",
                           name, role->threshold, different);
}

static bool role_names (const json_t *role, const char *keyid)
{
    const json_t *keyids = json_object_get (role, "keyids");
    for (size_t i = 0; i < json_array_size (keyids); i++)
        if (strcasecmp (json_string_value (json_array_get (keyids, i)), keyid) == 0)
            return true;
    return false;
}

void trust_draft_keys_collect (json_t *keys, json_t *const *roles, size_t count)
{
    base_assert (json_is_object (keys) && (roles || count == 0));
    const char *keyid;
    json_t *key;
    void *next;
    json_object_foreach_safe (keys, next, keyid, key)
    {
        bool named = false;
        for (size_t i = 0; i < count && !named; i++)
            named = role_names (roles[i], keyid);
        if (!named)
            (void) json_object_del (keys, keyid);
    }
}
