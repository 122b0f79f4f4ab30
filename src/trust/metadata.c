/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/metadata.c - root, timestamp and snapshot as checked structs */

#include "trust/metadata.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "trust/errors.h"
#include "trust/metadata_private.h"

const char *trust_kind_name (enum trust_kind kind)
{
    static const char *const names[] = {[TRUST_ROOT] = "root",
                                        [TRUST_TIMESTAMP] = "timestamp",
                                        [TRUST_SNAPSHOT] = "snapshot",
                                        [TRUST_TARGETS] = "targets"};
    base_assert (kind < TRUST_KINDS);
    return kind < TRUST_KINDS ? names[kind] : "";
}

void trust_meta_deinit (struct trust_meta *meta)
{
    base_assert (meta);
    free (meta->name);
    *meta = (struct trust_meta){0};
}

void trust_root_deinit (struct trust_root *root)
{
    base_assert (root);
    trust_keys_deinit (&root->keys);
    for (int i = 0; i < TRUST_KINDS; i++)
        trust_role_deinit (&root->roles[i]);
    *root = (struct trust_root){0};
}

void trust_timestamp_deinit (struct trust_timestamp *timestamp)
{
    base_assert (timestamp);
    trust_meta_deinit (&timestamp->snapshot);
    *timestamp = (struct trust_timestamp){0};
}

void trust_snapshot_deinit (struct trust_snapshot *snapshot)
{
    base_assert (snapshot && (snapshot->meta || snapshot->n_meta == 0));
    for (size_t i = 0; i < snapshot->n_meta; i++)
        trust_meta_deinit (&snapshot->meta[i]);
    free (snapshot->meta);
    *snapshot = (struct trust_snapshot){0};
}

bool trust_integer_read (const json_t *json, uint64_t least, uint64_t most, uint64_t *ret_number)
{
    base_assert (least <= most && most <= INT64_MAX);
    if (!json_is_integer (json) || json_integer_value (json) < (json_int_t) least ||
        json_integer_value (json) > (json_int_t) most)
        return false;
    *ret_number = (uint64_t) json_integer_value (json);
    return true;
}

/*  "1.N" or "1.N.M": the minor versions of the format only add fields. */
static bool spec_version_is_ours (const char *text)
{
    size_t minor = base_text_begins (text, "1.") ? strspn (text + 2, "0123456789") : 0;
    if (minor == 0)
        return false;
    text += 2 + minor;
    return *text == 0 || (*text == '.' && text[1] && text[1 + strspn (text + 1, "0123456789")] == 0);
}

int trust_common_read (const json_t *content, enum trust_kind kind, struct trust_common *ret_common,
                       struct base_error *error)
{
    base_assert (ret_common && kind < TRUST_KINDS);
    struct trust_common common = {0};
    const char *type = json_string_value (json_object_get (content, "_type"));
    const char *spec_version = json_string_value (json_object_get (content, "spec_version"));
    const char *expires = json_string_value (json_object_get (content, "expires"));
    if (!type || strcmp (type, trust_kind_name (kind)) != 0)
        return base_error_set (error, TRUST_E_FORMAT, "its _type is not %s", trust_kind_name (kind));
    if (!spec_version || base_text_copy (common.spec_version, sizeof common.spec_version, spec_version) ||
        !spec_version_is_ours (spec_version))
        return base_error_set (error, TRUST_E_FORMAT, "its spec_version is not 1.N or 1.N.M");
    if (!trust_integer_read (json_object_get (content, "version"), 1, TRUST_VERSION_MOST, &common.version))
        return base_error_set (error, TRUST_E_FORMAT, "its version is no positive integer");
    if (!expires || trust_expires_parse (expires, &common.expires))
        return base_error_set (error, TRUST_E_FORMAT, "its expires is not YYYY-MM-DDTHH:MM:SSZ");
    *ret_common = common;
    return 0;
}

int trust_root_read (const json_t *content, struct trust_root *ret_root, struct base_error *error)
{
    base_assert (ret_root);
    base_cleanup (trust_root_deinit) struct trust_root root = {0};
    int r = trust_common_read (content, TRUST_ROOT, &root.common, error);
    if (r)
        return r;
    const json_t *consistent = json_object_get (content, "consistent_snapshot");
    if (consistent && !json_is_boolean (consistent))
        return base_error_set (error, TRUST_E_FORMAT, "its consistent_snapshot is no boolean");
    root.consistent_snapshot = json_is_true (consistent);
    r = trust_keys_read (json_object_get (content, "keys"), &root.keys, error);
    if (r)
        return r;
    for (int i = 0; i < TRUST_KINDS; i++) {
        const char *name = trust_kind_name ((enum trust_kind) i);
        r = trust_role_read (json_object_get (json_object_get (content, "roles"), name), &root.roles[i],
                             error);
        if (r) {
            base_error_prefix (error, "role %s", name);
            return r;
        }
    }
    *ret_root = root;
    memset (&root, 0, sizeof root); /* owned by the caller now */
    return 0;
}

static int meta_read (const char *path, const json_t *json, struct trust_meta *ret_meta,
                      struct base_error *error)
{
    base_cleanup (trust_meta_deinit) struct trust_meta meta = {0};
    size_t size = strlen (path), end = sizeof ".json" - 1;
    if (size <= end || strcmp (path + size - end, ".json") != 0)
        return base_error_set (error, TRUST_E_FORMAT, "meta has a name without .json");
    meta.name = strndup (path, size - end);
    if (!meta.name)
        return base_error_set (error, -ENOMEM, "no memory for meta");
    if (!trust_name_is_plain (meta.name, TRUST_NAME_MOST))
        return base_error_set (error, TRUST_E_FORMAT,
                               "meta has a name longer than %d bytes, or with control characters",
                               TRUST_NAME_MOST);
    if (!trust_integer_read (json_object_get (json, "version"), 1, TRUST_VERSION_MOST, &meta.version))
        return base_error_set (error, TRUST_E_FORMAT, "meta of %s: its version is no positive integer",
                               meta.name);
    const json_t *length = json_object_get (json, "length");
    meta.has_length = length != NULL;
    if (length && !trust_integer_read (length, 0, INT64_MAX, &meta.length))
        return base_error_set (error, TRUST_E_FORMAT, "meta of %s: its length is no integer", meta.name);
    int r = trust_hashes_read (json_object_get (json, "hashes"), &meta.hashes, error);
    if (r) {
        base_error_prefix (error, "meta of %s", meta.name);
        return r;
    }
    *ret_meta = meta;
    memset (&meta, 0, sizeof meta); /* owned by the caller now */
    return 0;
}

int trust_timestamp_read (const json_t *content, struct trust_timestamp *ret_timestamp,
                          struct base_error *error)
{
    base_assert (ret_timestamp);
    base_cleanup (trust_timestamp_deinit) struct trust_timestamp timestamp = {0};
    int r = trust_common_read (content, TRUST_TIMESTAMP, &timestamp.common, error);
    if (r)
        return r;
    const json_t *meta = json_object_get (content, "meta");
    if (json_object_size (meta) != 1 || !json_object_get (meta, "snapshot.json"))
        return base_error_set (error, TRUST_E_FORMAT, "its meta is not of snapshot.json alone");
    r = meta_read ("snapshot.json", json_object_get (meta, "snapshot.json"), &timestamp.snapshot, error);
    if (r)
        return r;
    *ret_timestamp = timestamp;
    memset (&timestamp, 0, sizeof timestamp); /* owned by the caller now */
    return 0;
}

static int meta_compare (const void *a, const void *b)
{
    const struct trust_meta *one = a, *other = b;
    return strcmp (one->name, other->name);
}

int trust_snapshot_read (const json_t *content, struct trust_snapshot *ret_snapshot, struct base_error *error)
{
    base_assert (ret_snapshot);
    base_cleanup (trust_snapshot_deinit) struct trust_snapshot snapshot = {0};
    int r = trust_common_read (content, TRUST_SNAPSHOT, &snapshot.common, error);
    if (r)
        return r;
    json_t *meta = json_object_get (content, "meta");
    size_t count = json_object_size (meta);
    if (!json_is_object (meta))
        return base_error_set (error, TRUST_E_FORMAT, "it has no meta");
    if (count > TRUST_META_MOST)
        return base_error_set (error, TRUST_E_TOO_LARGE, "it names more than %d files", TRUST_META_MOST);
    snapshot.meta = calloc (count ? count : 1, sizeof *snapshot.meta);
    if (!snapshot.meta)
        return base_error_set (error, -ENOMEM, "no memory for %zu files of the snapshot", count);
    const char *path;
    json_t *value;
    json_object_foreach (meta, path, value)
    {
        base_assert (snapshot.n_meta < count);
        r = meta_read (path, value, &snapshot.meta[snapshot.n_meta], error);
        if (r)
            return r;
        snapshot.n_meta++;
    }
    qsort (snapshot.meta, snapshot.n_meta, sizeof *snapshot.meta, meta_compare);
    *ret_snapshot = snapshot;
    memset (&snapshot, 0, sizeof snapshot); /* owned by the caller now */
    return 0;
}

const struct trust_meta *trust_snapshot_find (const struct trust_snapshot *snapshot, const char *name)
{
    base_assert (snapshot && name);
    const void *wanted = &(struct trust_meta){.name = (char *) (uintptr_t) name};
    return snapshot->n_meta
               ? bsearch (wanted, snapshot->meta, snapshot->n_meta, sizeof *snapshot->meta, meta_compare)
               : NULL;
}
