/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/client.c - the metadata that a client trusts

    Each step reads a file into locals, judges it completely, and takes it over in its last lines. */

#include "trust/client.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

const struct trust_limits trust_limits_default = {
    .root = 512 * 1024,
    .timestamp = 64 * 1024,
    .snapshot = 2 * 1024 * 1024,
    .targets = 4 * 1024 * 1024,
    .roots = 1024,
    .roles = 32,
};

void trust_client_check (const struct trust_client *client)
{
    base_assert (client && client->phase < TRUST_PHASE_END);
    base_assert (client->n_loaded <= TRUST_LOADED_MOST);
    if (client->phase == TRUST_PHASE_NULL) {
        base_assert (!client->has_timestamp && !client->has_snapshot && client->n_loaded == 0);
        return;
    }
    base_assert (client->root.common.version >= 1);
    for (int i = 0; i < TRUST_KINDS; i++)
        base_assert (client->root.roles[i].threshold >= 1);
    base_assert (client->steps <= client->limits.roots);
    base_assert (client->has_timestamp == (client->timestamp.snapshot.name != NULL));
    base_assert (client->has_snapshot == (client->snapshot.meta != NULL));
    base_assert (client->phase != TRUST_PHASE_ROOT || (!client->has_timestamp && !client->has_snapshot));
    base_assert (client->phase == TRUST_PHASE_ROOT || client->now < client->root.common.expires);
    base_assert (client->phase > TRUST_PHASE_TIMESTAMP || !client->has_snapshot);
    if (client->phase > TRUST_PHASE_TIMESTAMP) {
        base_assert (client->has_timestamp && client->now < client->timestamp.common.expires);
    }
    if (client->phase > TRUST_PHASE_SNAPSHOT) {
        base_assert (client->has_snapshot && client->now < client->snapshot.common.expires);
        base_assert (client->snapshot.common.version == client->timestamp.snapshot.version);
    }
    base_assert ((client->phase == TRUST_PHASE_READY) == (client->targets.targets != NULL));
    base_assert (client->phase != TRUST_PHASE_READY || client->now < client->targets.common.expires);
    base_assert (client->phase == TRUST_PHASE_READY || client->n_loaded == 0);
    for (size_t i = 0; i < client->n_loaded; i++)
        base_assert (client->loaded[i] && client->now < client->loaded[i]->targets.common.expires);
}

/*  "version 4 of ROLE", for sentences. */
struct what {
    char text[TRUST_NAME_TEXT + 48];
};

static struct what what_of (const char *name, uint64_t version)
{
    struct what what;
    (void) snprintf (what.text, sizeof what.text, "version %" PRIu64 " of %s", version, name);
    return what;
}

static int expired_check (const struct trust_client *client, const struct trust_common *common,
                          const char *name, struct base_error *error)
{
    char text[TRUST_EXPIRES_TEXT];
    if (!trust_expires_is_over (common->expires, client->now))
        return 0;
    return base_error_set (error, TRUST_E_EXPIRED,
                           "version %" PRIu64
                           " of %s expired at %s: the repository was not renewed, or newer metadata is "
                           "withheld, or the clock of this host is wrong",
                           common->version, name, trust_expires_format (common->expires, text));
}

/*  Parses a file and prefixes the role's name to what is wrong with it. */
static int file_parse (const char *name, const void *data, size_t size, size_t most,
                       struct trust_document *ret_document, struct base_error *error)
{
    int r = trust_document_parse (data, size, most, ret_document, error);
    if (r)
        base_error_prefix (error, "%s", name);
    return r;
}

/*  The checks of a file by what timestamp or snapshot say about it, before it is parsed. */
static int meta_check (const struct trust_meta *meta, const void *data, size_t size, struct base_error *error)
{
    if (meta->has_length && size != meta->length)
        return base_error_set (error, TRUST_E_LENGTH,
                               "version %" PRIu64 " of %s has %zu bytes instead of %" PRIu64, meta->version,
                               meta->name, size, meta->length);
    return trust_hashes_check (&meta->hashes, data, size, meta->name, error);
}

static int meta_version_check (const struct trust_meta *meta, const struct trust_common *common,
                               struct base_error *error)
{
    if (common->version != meta->version)
        return base_error_set (error, TRUST_E_VERSION,
                               "%s has version %" PRIu64 ", and should have version %" PRIu64, meta->name,
                               common->version, meta->version);
    return 0;
}

static size_t most_of (const struct trust_meta *meta, size_t limit)
{
    if (!meta || !meta->has_length)
        return limit;
    return meta->length < TRUST_DOCUMENT_MOST ? (size_t) meta->length : TRUST_DOCUMENT_MOST;
}

/*  ---- the chain of roots ---- */

/*  Reads a root that is signed by its own keys. */
static int root_read (const struct trust_limits *limits, const void *data, size_t size,
                      struct trust_document *ret_document, struct trust_root *ret_root,
                      struct base_error *error)
{
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    base_cleanup (trust_root_deinit) struct trust_root root = {0};
    int r = file_parse ("root", data, size, limits->root, &document, error);
    if (r)
        return r;
    r = trust_root_read (document.content, &root, error);
    if (r) {
        base_error_prefix (error, "root");
        return r;
    }
    struct what what = what_of ("root", root.common.version);
    r = trust_document_verify (&document, &root.keys, &root.roles[TRUST_ROOT], what.text, error);
    if (r) {
        base_error_prefix (error, "its own keys");
        return r;
    }
    *ret_document = document;
    *ret_root = root;
    memset (&document, 0, sizeof document);
    memset (&root, 0, sizeof root); /* owned by the caller now */
    return 0;
}

int trust_client_init (struct trust_client *client, const struct trust_limits *limits, uint64_t now,
                       const void *root, size_t size, struct base_error *error)
{
    base_assert (client && (root || size == 0));
    *client = (struct trust_client){.limits = limits ? *limits : trust_limits_default, .now = now};
    base_assert (client->limits.roots > 0 && client->limits.roles > 0 &&
                 client->limits.roles <= TRUST_LOADED_MOST);
    base_assert (client->limits.root <= TRUST_DOCUMENT_MOST &&
                 client->limits.timestamp <= TRUST_DOCUMENT_MOST);
    base_assert (client->limits.snapshot <= TRUST_DOCUMENT_MOST &&
                 client->limits.targets <= TRUST_DOCUMENT_MOST);
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    int r = root_read (&client->limits, root, size, &document, &client->root, error);
    if (r) {
        *client = (struct trust_client){0};
        return r;
    }
    client->phase = TRUST_PHASE_ROOT;
    trust_client_check (client);
    return 0;
}

void trust_client_deinit (struct trust_client *client)
{
    base_assert (client);
    trust_client_forget (client);
    trust_root_deinit (&client->root);
    trust_timestamp_deinit (&client->timestamp);
    trust_snapshot_deinit (&client->snapshot);
    trust_targets_deinit (&client->targets);
    *client = (struct trust_client){0};
}

static bool role_has_material (const struct trust_root *root, enum trust_kind kind,
                               const struct base_digest *material)
{
    const struct trust_role *role = &root->roles[kind];
    for (size_t i = 0; i < role->n_keyids; i++) {
        const struct trust_key *key = trust_keys_find (&root->keys, &role->keyids[i]);
        if (key && base_digest_equal (&key->material, material))
            return true;
    }
    return false;
}

/*  Whether a key that could sign for a role cannot any more. */
static bool role_lost_key (const struct trust_root *before, const struct trust_root *after,
                           enum trust_kind kind)
{
    const struct trust_role *role = &before->roles[kind];
    for (size_t i = 0; i < role->n_keyids; i++) {
        const struct trust_key *key = trust_keys_find (&before->keys, &role->keyids[i]);
        if (key && !role_has_material (after, kind, &key->material))
            return true;
    }
    return false;
}

int trust_client_root (struct trust_client *client, const void *data, size_t size, struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_ROOT);
    base_assert (client->steps < client->limits.roots);
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    base_cleanup (trust_root_deinit) struct trust_root root = {0};
    int r = root_read (&client->limits, data, size, &document, &root, error);
    if (r)
        return r;
    struct what what = what_of ("root", root.common.version);
    r = trust_document_verify (&document, &client->root.keys, &client->root.roles[TRUST_ROOT], what.text,
                               error);
    if (r) {
        base_error_prefix (error, "the keys of root version %" PRIu64, client->root.common.version);
        return r;
    }
    if (root.common.version != client->root.common.version + 1)
        return base_error_set (error, TRUST_E_VERSION,
                               "root has version %" PRIu64 " where %" PRIu64
                               " must follow: a rollback, or a gap in the chain",
                               root.common.version, client->root.common.version + 1);
    client->keys_left = client->keys_left || role_lost_key (&client->root, &root, TRUST_TIMESTAMP) ||
                        role_lost_key (&client->root, &root, TRUST_SNAPSHOT);
    client->steps++;
    trust_root_deinit (&client->root);
    client->root = root;
    memset (&root, 0, sizeof root); /* owned by the caller now */
    trust_client_check (client);
    return 0;
}

int trust_client_root_end (struct trust_client *client, struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_ROOT);
    int r = expired_check (client, &client->root.common, "root", error);
    if (r)
        return r;
    client->phase = TRUST_PHASE_TIMESTAMP;
    trust_client_check (client);
    return 0;
}

/*  ---- timestamp ---- */

static int timestamp_read (const struct trust_client *client, const void *data, size_t size,
                           struct trust_timestamp *ret_timestamp, struct base_error *error)
{
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    base_cleanup (trust_timestamp_deinit) struct trust_timestamp timestamp = {0};
    int r = file_parse ("timestamp", data, size, client->limits.timestamp, &document, error);
    if (r)
        return r;
    r = trust_timestamp_read (document.content, &timestamp, error);
    if (r) {
        base_error_prefix (error, "timestamp");
        return r;
    }
    struct what what = what_of ("timestamp", timestamp.common.version);
    r = trust_document_verify (&document, &client->root.keys, &client->root.roles[TRUST_TIMESTAMP], what.text,
                               error);
    if (r)
        return r;
    *ret_timestamp = timestamp;
    memset (&timestamp, 0, sizeof timestamp); /* owned by the caller now */
    return 0;
}

static void timestamp_take (struct trust_client *client, struct trust_timestamp *timestamp)
{
    trust_timestamp_deinit (&client->timestamp);
    client->timestamp = *timestamp;
    client->has_timestamp = true;
    *timestamp = (struct trust_timestamp){0};
}

int trust_client_timestamp_stored (struct trust_client *client, const void *data, size_t size,
                                   struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_TIMESTAMP && !client->has_timestamp);
    base_cleanup (trust_timestamp_deinit) struct trust_timestamp timestamp = {0};
    int r = timestamp_read (client, data, size, &timestamp, error);
    if (r)
        return r;
    timestamp_take (client, &timestamp);
    trust_client_check (client);
    return 0;
}

/*  Against the stored timestamp. */
static int timestamp_rollback_check (const struct trust_client *client,
                                     const struct trust_timestamp *timestamp, struct base_error *error)
{
    const struct trust_timestamp *stored = &client->timestamp;
    if (!client->has_timestamp)
        return 0;
    if (timestamp->common.version < stored->common.version)
        return base_error_set (error, TRUST_E_VERSION,
                               "timestamp went back from version %" PRIu64 " to %" PRIu64
                               ": a rollback, or a repository that was restored without raising its versions",
                               stored->common.version, timestamp->common.version);
    if (timestamp->common.version > stored->common.version &&
        timestamp->snapshot.version < stored->snapshot.version)
        return base_error_set (
            error, TRUST_E_VERSION,
            "version %" PRIu64 " of timestamp takes the snapshot back from version %" PRIu64 " to %" PRIu64
            ": a rollback",
            timestamp->common.version, stored->snapshot.version, timestamp->snapshot.version);
    return 0;
}

int trust_client_timestamp (struct trust_client *client, const void *data, size_t size, bool *ret_changed,
                            struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_TIMESTAMP && ret_changed);
    base_cleanup (trust_timestamp_deinit) struct trust_timestamp timestamp = {0};
    int r = timestamp_read (client, data, size, &timestamp, error);
    if (r)
        return r;
    r = timestamp_rollback_check (client, &timestamp, error);
    if (r)
        return r;
    bool changed = !client->has_timestamp || timestamp.common.version != client->timestamp.common.version;
    r = expired_check (client, changed ? &timestamp.common : &client->timestamp.common, "timestamp", error);
    if (r)
        return r;
    if (changed)
        timestamp_take (client, &timestamp);
    client->phase = TRUST_PHASE_SNAPSHOT;
    *ret_changed = changed;
    trust_client_check (client);
    return 0;
}

/*  ---- snapshot ---- */

static int snapshot_read (const struct trust_client *client, const void *data, size_t size, size_t most,
                          struct trust_snapshot *ret_snapshot, struct base_error *error)
{
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    base_cleanup (trust_snapshot_deinit) struct trust_snapshot snapshot = {0};
    int r = file_parse ("snapshot", data, size, most, &document, error);
    if (r)
        return r;
    r = trust_snapshot_read (document.content, &snapshot, error);
    if (r) {
        base_error_prefix (error, "snapshot");
        return r;
    }
    struct what what = what_of ("snapshot", snapshot.common.version);
    r = trust_document_verify (&document, &client->root.keys, &client->root.roles[TRUST_SNAPSHOT], what.text,
                               error);
    if (r)
        return r;
    *ret_snapshot = snapshot;
    memset (&snapshot, 0, sizeof snapshot); /* owned by the caller now */
    return 0;
}

static void snapshot_take (struct trust_client *client, struct trust_snapshot *snapshot)
{
    trust_snapshot_deinit (&client->snapshot);
    client->snapshot = *snapshot;
    client->has_snapshot = true;
    *snapshot = (struct trust_snapshot){0};
}

int trust_client_snapshot_stored (struct trust_client *client, const void *data, size_t size,
                                  struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_SNAPSHOT && !client->has_snapshot);
    base_cleanup (trust_snapshot_deinit) struct trust_snapshot snapshot = {0};
    int r = snapshot_read (client, data, size, TRUST_DOCUMENT_MOST, &snapshot, error);
    if (r)
        return r;
    const struct trust_meta *meta = &client->timestamp.snapshot;
    bool final = meta_check (meta, data, size, NULL) == 0 &&
                 meta_version_check (meta, &snapshot.common, NULL) == 0 &&
                 expired_check (client, &snapshot.common, "snapshot", NULL) == 0;
    snapshot_take (client, &snapshot);
    if (final)
        client->phase = TRUST_PHASE_TARGETS;
    trust_client_check (client);
    return 0;
}

/*  Against the stored snapshot: no file may go back or disappear. */
static int snapshot_rollback_check (const struct trust_client *client, const struct trust_snapshot *snapshot,
                                    struct base_error *error)
{
    const struct trust_snapshot *stored = &client->snapshot;
    if (!client->has_snapshot)
        return 0;
    if (snapshot->common.version < stored->common.version)
        return base_error_set (error, TRUST_E_VERSION,
                               "snapshot went back from version %" PRIu64 " to %" PRIu64,
                               stored->common.version, snapshot->common.version);
    for (size_t i = 0; i < stored->n_meta; i++) {
        const struct trust_meta *before = &stored->meta[i];
        const struct trust_meta *after = trust_snapshot_find (snapshot, before->name);
        if (!after)
            return base_error_set (error, TRUST_E_VERSION,
                                   "version %" PRIu64 " of snapshot no longer names %s",
                                   snapshot->common.version, before->name);
        if (after->version < before->version)
            return base_error_set (error, TRUST_E_VERSION,
                                   "version %" PRIu64 " of snapshot takes %s back from version %" PRIu64
                                   " to %" PRIu64,
                                   snapshot->common.version, before->name, before->version, after->version);
    }
    return 0;
}

int trust_client_snapshot (struct trust_client *client, const void *data, size_t size,
                           struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_SNAPSHOT);
    base_cleanup (trust_snapshot_deinit) struct trust_snapshot snapshot = {0};
    const struct trust_meta *meta = &client->timestamp.snapshot;
    int r = meta_check (meta, data, size, error);
    if (r)
        return r;
    r = snapshot_read (client, data, size, most_of (meta, client->limits.snapshot), &snapshot, error);
    if (r)
        return r;
    r = meta_version_check (meta, &snapshot.common, error);
    if (r)
        return r;
    r = snapshot_rollback_check (client, &snapshot, error);
    if (r)
        return r;
    r = expired_check (client, &snapshot.common, "snapshot", error);
    if (r)
        return r;
    snapshot_take (client, &snapshot);
    client->phase = TRUST_PHASE_TARGETS;
    trust_client_check (client);
    return 0;
}

/*  ---- targets ---- */

/*  All checks of a targets file but those of its signatures. */
static int targets_read (const struct trust_client *client, const char *name, const void *data, size_t size,
                         struct trust_document *ret_document, struct trust_targets *ret_targets,
                         struct base_error *error)
{
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    base_cleanup (trust_targets_deinit) struct trust_targets targets = {0};
    const struct trust_meta *meta = trust_snapshot_find (&client->snapshot, name);
    if (!meta)
        return base_error_set (error, TRUST_E_UNKNOWN_ROLE, "the snapshot does not name the role %s", name);
    int r = meta_check (meta, data, size, error);
    if (r)
        return r;
    r = file_parse (name, data, size, most_of (meta, client->limits.targets), &document, error);
    if (r)
        return r;
    r = trust_targets_read (document.content, &targets, error);
    if (r) {
        base_error_prefix (error, "%s", name);
        return r;
    }
    r = meta_version_check (meta, &targets.common, error);
    if (r)
        return r;
    r = expired_check (client, &targets.common, name, error);
    if (r)
        return r;
    *ret_document = document;
    *ret_targets = targets;
    memset (&document, 0, sizeof document);
    memset (&targets, 0, sizeof targets); /* owned by the caller now */
    return 0;
}

int trust_client_targets (struct trust_client *client, const void *data, size_t size,
                          struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_TARGETS);
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    base_cleanup (trust_targets_deinit) struct trust_targets targets = {0};
    int r = targets_read (client, "targets", data, size, &document, &targets, error);
    if (r)
        return r;
    struct what what = what_of ("targets", targets.common.version);
    r = trust_document_verify (&document, &client->root.keys, &client->root.roles[TRUST_TARGETS], what.text,
                               error);
    if (r)
        return r;
    client->targets = targets;
    memset (&targets, 0, sizeof targets); /* owned by the caller now */
    client->phase = TRUST_PHASE_READY;
    trust_client_check (client);
    return 0;
}

/*  Whether parent trusts a document as the role's. */
static int delegate_verify (const struct trust_targets *parent, const char *name,
                            const struct trust_document *document, uint64_t version, struct base_error *error)
{
    struct trust_delegate delegate;
    struct what what = what_of (name, version);
    if (!trust_delegate_find (parent, name, &delegate))
        return base_error_set (error, TRUST_E_UNKNOWN_ROLE, "the parent does not delegate to the role %s",
                               name);
    return trust_document_verify (document, delegate.keys, delegate.role, what.text, error);
}

static struct trust_loaded *loaded_find (const struct trust_client *client, const char *name)
{
    for (size_t i = 0; i < client->n_loaded; i++)
        if (strcmp (client->loaded[i]->name, name) == 0)
            return client->loaded[i];
    return NULL;
}

static void loaded_free_p (struct trust_loaded **loaded)
{
    if (!*loaded)
        return;
    trust_document_deinit (&(*loaded)->document);
    trust_targets_deinit (&(*loaded)->targets);
    free (*loaded);
    *loaded = NULL;
}

int trust_client_delegated (struct trust_client *client, const struct trust_targets *parent, const char *name,
                            const void *data, size_t size, const struct trust_targets **ret_targets,
                            struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_READY && name && ret_targets);
    base_assert (client->n_loaded < TRUST_LOADED_MOST && !loaded_find (client, name));
    base_cleanup (loaded_free_p) struct trust_loaded *loaded = calloc (1, sizeof *loaded);
    if (!loaded)
        return base_error_set (error, -ENOMEM, "no memory for the role %s", name);
    int r = base_text_copy (loaded->name, sizeof loaded->name, name);
    base_assert (r == 0);
    r = targets_read (client, name, data, size, &loaded->document, &loaded->targets, error);
    if (r)
        return r;
    r = delegate_verify (parent ? parent : &client->targets, name, &loaded->document,
                         loaded->targets.common.version, error);
    if (r)
        return r;
    *ret_targets = &loaded->targets;
    client->loaded[client->n_loaded++] = base_take (loaded);
    trust_client_check (client);
    return 0;
}

int trust_client_loaded (const struct trust_client *client, const struct trust_targets *parent,
                         const char *name, const struct trust_targets **ret_targets, struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_READY && name && ret_targets);
    const struct trust_loaded *loaded = loaded_find (client, name);
    if (loaded) {
        int r = delegate_verify (parent ? parent : &client->targets, name, &loaded->document,
                                 loaded->targets.common.version, error);
        if (r)
            return r;
    }
    *ret_targets = loaded ? &loaded->targets : NULL;
    return 0;
}

void trust_client_forget (struct trust_client *client)
{
    base_assert (client && client->n_loaded <= TRUST_LOADED_MOST);
    while (client->n_loaded)
        loaded_free_p (&client->loaded[--client->n_loaded]);
    trust_client_check (client);
}

const struct trust_meta *trust_client_meta (const struct trust_client *client, const char *name)
{
    base_assert (client && name);
    if (strcmp (name, "snapshot") == 0)
        return client->has_timestamp ? &client->timestamp.snapshot : NULL;
    return client->has_snapshot ? trust_snapshot_find (&client->snapshot, name) : NULL;
}

size_t trust_client_most (const struct trust_client *client, const char *name)
{
    base_assert (client && client->phase != TRUST_PHASE_NULL && name);
    if (strcmp (name, "root") == 0)
        return client->limits.root;
    if (strcmp (name, "timestamp") == 0)
        return client->limits.timestamp;
    if (strcmp (name, "snapshot") == 0)
        return most_of (trust_client_meta (client, name), client->limits.snapshot);
    return most_of (trust_client_meta (client, name), client->limits.targets);
}
