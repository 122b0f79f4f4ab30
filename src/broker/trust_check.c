/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_check.c - asks the client of room trust, as a node would */

#include "broker/trust_check.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "trust/refresh.h"
#include "trust/search.h"

const struct broker_trust_file *broker_trust_set_find (const struct broker_trust_set *set, const char *role)
{
    base_assert (role);
    for (size_t i = 0; set && i < set->count; i++)
        if (strcmp (set->files[i].role, role) == 0)
            return &set->files[i];
    return NULL;
}

/*  A file that a client fetches. Returns 0, -ENOENT or -errno. */
static int file_get (const struct broker_trust_source *source, const char *role, uint64_t version,
                     size_t most, struct base_buffer *buffer, struct base_error *error)
{
    const struct broker_trust_file *file = broker_trust_set_find (source->set, role);
    if (!file || (version && file->version != version))
        return broker_trust_files_read (source->files, role, version, most, buffer, error);
    if (file->bytes.size > most)
        return base_error_errno (error, -EFBIG, "%s", role);
    return base_buffer_append (buffer, file->bytes.data, file->bytes.size);
}

static const struct broker_trust_bytes *stored_get (const struct broker_trust_source *source,
                                                    const char *role)
{
    if (strcmp (role, trust_kind_name (TRUST_TIMESTAMP)) == 0)
        return &source->timestamp;
    return strcmp (role, trust_kind_name (TRUST_SNAPSHOT)) == 0 ? &source->snapshot : NULL;
}

/*  Keeps what the client trusts. Returns 0 or -ENOMEM. */
static int stored_put (const struct broker_trust_source *source, const struct trust_action *action)
{
    struct base_buffer *buffer = NULL;
    if (strcmp (action->role, trust_kind_name (TRUST_TIMESTAMP)) == 0)
        buffer = source->ret_timestamp;
    else if (strcmp (action->role, trust_kind_name (TRUST_SNAPSHOT)) == 0)
        buffer = source->ret_snapshot;
    if (!buffer)
        return 0;
    buffer->size = 0;
    return base_buffer_append (buffer, action->data, action->size);
}

static void refresh_fetch (struct trust_refresh *refresh, const struct broker_trust_source *source,
                           const struct trust_action *action)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    struct base_error why = {.code = 0};
    /*  The client begins with the newest root. */
    int r = strcmp (action->role, trust_kind_name (TRUST_ROOT)) == 0
                ? -ENOENT
                : file_get (source, action->role, action->version, action->most, &buffer, &why);
    if (r == -ENOMEM)
        trust_refresh_failed (refresh, r, "out of memory");
    else if (r < 0)
        trust_refresh_absent (refresh);
    else
        trust_refresh_bytes (refresh, buffer.data, buffer.size);
}

int broker_trust_refresh (struct trust_client *client, const struct broker_trust_source *source,
                          struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_ROOT && source && source->files);
    base_cleanup (trust_refresh_deinit) struct trust_refresh refresh;
    struct trust_action action;

    trust_refresh_init (&refresh, client);
    for (trust_refresh_next (&refresh, &action); action.kind != TRUST_DONE && action.kind != TRUST_FAILED;
         trust_refresh_next (&refresh, &action)) {
        const struct broker_trust_bytes *stored =
            action.kind == TRUST_LOAD ? stored_get (source, action.role) : NULL;
        if (action.kind == TRUST_FETCH)
            refresh_fetch (&refresh, source, &action);
        else if (action.kind == TRUST_LOAD && stored && stored->size > 0)
            trust_refresh_bytes (&refresh, stored->data, stored->size);
        else if (action.kind == TRUST_LOAD)
            trust_refresh_absent (&refresh);
        else if (action.kind == TRUST_STORE && stored_put (source, &action) < 0)
            trust_refresh_failed (&refresh, -ENOMEM, "out of memory");
        else
            trust_refresh_done (&refresh);
    }
    return action.kind == TRUST_DONE ? 0 : base_error_set (error, refresh.code, "%s", refresh.error.text);
}

/*  Fetches a role that parent delegates to. */
static int role_fetch (struct trust_client *client, const struct broker_trust_source *source,
                       const struct trust_targets *parent, const char *role,
                       const struct trust_targets **ret_targets, struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    const struct trust_meta *meta = trust_client_meta (client, role);
    base_assert (meta && parent);
    if (client->n_loaded == TRUST_LOADED_MOST)
        return base_error_set (error, TRUST_E_TOO_LARGE, "more than %d roles lead to the role %s",
                               TRUST_LOADED_MOST, role);
    int r = file_get (source, role, meta->version, trust_client_most (client, role), &buffer, error);
    if (r < 0)
        return r;
    return trust_client_delegated (client, parent, role, buffer.data, buffer.size, ret_targets, error);
}

static const struct trust_targets *role_loaded (const struct trust_client *client, const char *role)
{
    for (size_t i = 0; i < client->n_loaded; i++)
        if (strcmp (client->loaded[i]->name, role) == 0)
            return &client->loaded[i]->targets;
    return NULL;
}

/*  A loaded role that delegates to another; NULL: there is none. */
static const struct trust_targets *parent_find (const struct trust_client *client, const char *role)
{
    struct trust_delegate delegate;
    if (trust_delegate_find (&client->targets, role, &delegate))
        return &client->targets;
    for (size_t i = 0; i < client->n_loaded; i++)
        if (trust_delegate_find (&client->loaded[i]->targets, role, &delegate))
            return &client->loaded[i]->targets;
    return NULL;
}

/*  Loads roles one level after another until one of them delegates to the role. */
static int role_load (struct trust_client *client, const struct broker_trust_source *source, const char *role,
                      const struct trust_targets **ret_targets, struct base_error *error)
{
    const struct trust_targets *parent = NULL, *loaded;
    bool progress = true;
    while (progress && !(parent = parent_find (client, role))) {
        progress = false;
        for (size_t i = 0; i < client->snapshot.n_meta; i++) {
            const char *name = client->snapshot.meta[i].name;
            const struct trust_targets *above =
                trust_name_is_delegated (name) && strcmp (name, role) != 0 && !role_loaded (client, name)
                    ? parent_find (client, name)
                    : NULL;
            progress = (above && role_fetch (client, source, above, name, &loaded, NULL) == 0) || progress;
        }
    }
    if (!parent)
        return base_error_set (error, TRUST_E_UNKNOWN_ROLE, "no trusted role delegates to the role %s", role);
    return role_fetch (client, source, parent, role, ret_targets, error);
}

int broker_trust_load (struct trust_client *client, const struct broker_trust_source *source,
                       const char *role, const struct trust_targets **ret_targets, struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_READY && source && ret_targets);
    base_assert (trust_name_is_delegated (role));
    const struct trust_targets *loaded = role_loaded (client, role);
    if (loaded) {
        *ret_targets = loaded;
        return 0;
    }
    if (!trust_client_meta (client, role))
        return base_error_set (error, TRUST_E_UNKNOWN_ROLE, "the snapshot does not name the role %s", role);
    if (client->n_loaded > TRUST_LOADED_MOST / 2)
        trust_client_forget (client);
    return role_load (client, source, role, ret_targets, error);
}

static void search_fetch (struct trust_search *search, const struct broker_trust_source *source,
                          const struct trust_action *action)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    struct base_error why = {.code = 0};
    int r = file_get (source, action->role, action->version, action->most, &buffer, &why);
    if (r == -ENOMEM)
        trust_search_failed (search, r, "out of memory");
    else if (r < 0)
        trust_search_absent (search);
    else
        trust_search_bytes (search, buffer.data, buffer.size);
}

int broker_trust_search (struct trust_client *client, const struct broker_trust_source *source,
                         const char *path, char ret_role[TRUST_NAME_TEXT], struct base_digest *ret_sha256,
                         struct base_error *error)
{
    base_assert (client && client->phase == TRUST_PHASE_READY && source && path && ret_role && ret_sha256);
    base_cleanup (trust_search_deinit) struct trust_search search = {.path = NULL};
    struct trust_action action;
    int r = trust_search_init (&search, client, path, error);
    if (r)
        return r;
    for (trust_search_next (&search, &action); action.kind != TRUST_DONE && action.kind != TRUST_FAILED;
         trust_search_next (&search, &action))
        if (action.kind == TRUST_FETCH)
            search_fetch (&search, source, &action);
        else if (action.kind == TRUST_LOAD)
            trust_search_absent (&search);
        else
            trust_search_done (&search);
    if (action.kind == TRUST_FAILED)
        return base_error_set (error, search.code, "%s", search.error.text);
    ret_role[0] = '\0';
    if (search.target.path) {
        r = base_text_copy (ret_role, TRUST_NAME_TEXT, search.role);
        base_assert (r == 0);
        *ret_sha256 = search.target.hashes.sha256;
    }
    return 0;
}
