/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/draft_root.c - root metadata in the making */

#include "trust/draft_root.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "trust/draft_private.h"
#include "trust/errors.h"

static json_t *root_keys (const struct trust_draft *root)
{
    base_assert (root->kind == TRUST_ROOT);
    json_t *keys = json_object_get (trust_draft_content (root), "keys");
    base_assert (json_is_object (keys));
    return keys;
}

static json_t *root_role (const struct trust_draft *root, enum trust_kind kind)
{
    base_assert (root->kind == TRUST_ROOT && kind < TRUST_KINDS);
    json_t *role =
        json_object_get (json_object_get (trust_draft_content (root), "roles"), trust_kind_name (kind));
    base_assert (json_is_object (role));
    return role;
}

static void root_collect (struct trust_draft *root)
{
    json_t *all = json_object_get (trust_draft_content (root), "roles"), *roles[TRUST_KINDS + 1];
    size_t count = 0;
    for (int kind = 0; kind < TRUST_KINDS; kind++)
        roles[count++] = root_role (root, (enum trust_kind) kind);
    json_t *mirrors = json_object_get (all, "mirrors"); /* a repository of somebody else may have it */
    if (json_is_object (mirrors))
        roles[count++] = mirrors;
    trust_draft_keys_collect (root_keys (root), roles, count);
}

static int role_fill (struct trust_draft *root, enum trust_kind kind, const struct trust_draft_keys *keys,
                      struct base_error *error)
{
    base_assert (keys && (keys->keys || keys->count == 0));
    int r = trust_draft_root_set_threshold (root, kind, keys->threshold, error);
    for (size_t i = 0; r == 0 && i < keys->count; i++)
        r = trust_draft_root_add_key (root, kind, keys->keys[i], error);
    return r;
}

int trust_draft_root_new (const struct trust_draft_keys keys[TRUST_KINDS], uint64_t expires,
                          struct trust_draft *ret_draft, struct base_error *error)
{
    base_assert (keys && ret_draft);
    base_cleanup (trust_draft_deinit) struct trust_draft draft = {0};
    json_t *content = trust_draft_begin (TRUST_ROOT, 1, expires), *roles = json_object ();
    bool failed = !content || !roles;
    for (int kind = 0; kind < TRUST_KINDS && !failed; kind++)
        failed =
            json_object_set_new (roles, trust_kind_name ((enum trust_kind) kind), trust_draft_role (1)) != 0;
    if (failed || json_object_set_new (content, "consistent_snapshot", json_true ()) ||
        json_object_set_new (content, "keys", json_object ()) || json_object_set (content, "roles", roles)) {
        json_decref (content);
        content = NULL;
    }
    json_decref (roles);
    int r = trust_draft_init (&draft, TRUST_ROOT, content, error);
    for (int kind = 0; r == 0 && kind < TRUST_KINDS; kind++)
        r = role_fill (&draft, (enum trust_kind) kind, &keys[kind], error);
    if (r)
        return r;
    *ret_draft = draft;
    draft = (struct trust_draft){0};
    return 0;
}

int trust_draft_root_next (const struct trust_draft *last, uint64_t expires, struct trust_draft *ret_draft,
                           struct base_error *error)
{
    base_assert (last && last->kind == TRUST_ROOT && ret_draft);
    uint64_t version = trust_draft_version (last);
    if (version >= TRUST_VERSION_MOST)
        return base_error_set (error, TRUST_E_VERSION, "there is no root after version %llu",
                               (unsigned long long) version);
    return trust_draft_follow (last, version + 1, expires, ret_draft, error);
}

int trust_draft_root_add_key (struct trust_draft *root, enum trust_kind role, const json_t *key,
                              struct base_error *error)
{
    base_assert (root && key);
    int r =
        trust_draft_role_add (root_keys (root), root_role (root, role), trust_kind_name (role), key, error);
    trust_draft_unsign (root);
    return r;
}

int trust_draft_root_remove_key (struct trust_draft *root, enum trust_kind role,
                                 const struct base_digest *keyid, struct base_error *error)
{
    base_assert (root && keyid);
    int r = trust_draft_role_remove (root_role (root, role), trust_kind_name (role), keyid, error);
    if (r == 0)
        root_collect (root);
    trust_draft_unsign (root);
    return r;
}

int trust_draft_root_set_threshold (struct trust_draft *root, enum trust_kind role, uint64_t threshold,
                                    struct base_error *error)
{
    base_assert (root);
    if (threshold == 0 || threshold > TRUST_ROLE_KEYS_MOST)
        return base_error_set (error, TRUST_E_THRESHOLD, "the threshold of %s must be 1 to %d",
                               trust_kind_name (role), TRUST_ROLE_KEYS_MOST);
    trust_draft_unsign (root);
    return json_object_set_new (root_role (root, role), "threshold", json_integer ((json_int_t) threshold))
               ? trust_draft_no_memory (error)
               : 0;
}

static bool role_has (const struct trust_root *root, enum trust_kind kind, const struct trust_key *key)
{
    const struct trust_role *role = &root->roles[kind];
    for (size_t i = 0; i < role->n_keyids; i++) {
        const struct trust_key *other = trust_keys_find (&root->keys, &role->keyids[i]);
        if (other && other->kind != TRUST_KEY_UNUSABLE &&
            base_digest_equal (&other->material, &key->material))
            return true;
    }
    return false;
}

/*  Whether no online role had these keys, however they are written. */
static int keys_are_new (const struct trust_root *root, const struct trust_draft_keys *keys,
                         struct base_error *error)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct trust_key key = {0};
        char text[BASE_DIGEST_TEXT];
        int r = trust_draft_key_read (keys->keys[i], &key, error);
        if (r)
            return r;
        if (key.kind != TRUST_KEY_UNUSABLE &&
            (role_has (root, TRUST_TIMESTAMP, &key) || role_has (root, TRUST_SNAPSHOT, &key)))
            r = base_error_set (error, TRUST_E_KEY, "key %s is an online key already: make a new one",
                                base_digest_format (&key.keyid, text));
        trust_key_deinit (&key);
        if (r)
            return r;
    }
    return 0;
}

static int role_empty (struct trust_draft *root, enum trust_kind kind, struct base_error *error)
{
    trust_draft_unsign (root);
    return json_object_set_new (root_role (root, kind), "keyids", json_array ())
               ? trust_draft_no_memory (error)
               : 0;
}

int trust_draft_root_rotate_online (struct trust_draft *root, const struct trust_draft_keys *timestamp,
                                    const struct trust_draft_keys *snapshot, struct base_error *error)
{
    base_assert (root && timestamp && snapshot);
    base_cleanup (trust_root_deinit) struct trust_root before = {0};
    int r = trust_root_read (trust_draft_content (root), &before, error);
    if (r == 0)
        r = keys_are_new (&before, timestamp, error);
    if (r == 0)
        r = keys_are_new (&before, snapshot, error);
    if (r == 0)
        r = role_empty (root, TRUST_TIMESTAMP, error);
    if (r == 0)
        r = role_empty (root, TRUST_SNAPSHOT, error);
    if (r == 0)
        r = role_fill (root, TRUST_TIMESTAMP, timestamp, error);
    if (r == 0)
        r = role_fill (root, TRUST_SNAPSHOT, snapshot, error);
    if (r == 0)
        root_collect (root);
    return r;
}

int trust_draft_root_missing (const struct trust_draft *root, const struct trust_draft *last,
                              struct trust_missing *ret_last, struct trust_missing *ret_own,
                              struct base_error *error)
{
    base_assert (root && root->kind == TRUST_ROOT && ret_last && ret_own);
    base_assert (!last || last->kind == TRUST_ROOT);
    base_cleanup (trust_root_deinit) struct trust_root own = {0}, before = {0};
    base_cleanup (trust_missing_deinit) struct trust_missing missing = {0};
    int r = trust_root_read (trust_draft_content (root), &own, error);
    if (r == 0 && last)
        r = trust_root_read (trust_draft_content (last), &before, error);
    if (r == 0 && last)
        r = trust_draft_missing (root, &before.keys, &before.roles[TRUST_ROOT], &missing, error);
    if (r == 0)
        r = trust_draft_missing (root, &own.keys, &own.roles[TRUST_ROOT], ret_own, error);
    if (r)
        return r;
    *ret_last = missing;
    missing = (struct trust_missing){0};
    return 0;
}
