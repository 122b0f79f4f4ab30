/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/refresh.c - the update of the top-level metadata

    One table: what each state asks of the owner. Then one function for each kind of answer. */

#include "trust/refresh.h"

#include <errno.h>

#include "base/assert.h"
#include "base/text.h"

struct refresh_row {
    const char *name;
    enum trust_action_kind kind;
    enum trust_kind role; /* unused in the last two */
};

static const struct refresh_row rows[] = {
    [TRUST_REFRESH_ROOT_FETCH] = {"root-fetch", TRUST_FETCH, TRUST_ROOT},
    [TRUST_REFRESH_TIMESTAMP_DROP] = {"timestamp-drop", TRUST_DROP, TRUST_TIMESTAMP},
    [TRUST_REFRESH_SNAPSHOT_DROP] = {"snapshot-drop", TRUST_DROP, TRUST_SNAPSHOT},
    [TRUST_REFRESH_ROOT_STORE] = {"root-store", TRUST_STORE, TRUST_ROOT},
    [TRUST_REFRESH_TIMESTAMP_LOAD] = {"timestamp-load", TRUST_LOAD, TRUST_TIMESTAMP},
    [TRUST_REFRESH_TIMESTAMP_FETCH] = {"timestamp-fetch", TRUST_FETCH, TRUST_TIMESTAMP},
    [TRUST_REFRESH_TIMESTAMP_STORE] = {"timestamp-store", TRUST_STORE, TRUST_TIMESTAMP},
    [TRUST_REFRESH_SNAPSHOT_LOAD] = {"snapshot-load", TRUST_LOAD, TRUST_SNAPSHOT},
    [TRUST_REFRESH_SNAPSHOT_FETCH] = {"snapshot-fetch", TRUST_FETCH, TRUST_SNAPSHOT},
    [TRUST_REFRESH_SNAPSHOT_STORE] = {"snapshot-store", TRUST_STORE, TRUST_SNAPSHOT},
    [TRUST_REFRESH_TARGETS_LOAD] = {"targets-load", TRUST_LOAD, TRUST_TARGETS},
    [TRUST_REFRESH_TARGETS_FETCH] = {"targets-fetch", TRUST_FETCH, TRUST_TARGETS},
    [TRUST_REFRESH_TARGETS_STORE] = {"targets-store", TRUST_STORE, TRUST_TARGETS},
    [TRUST_REFRESH_DONE] = {"done", TRUST_DONE, TRUST_ROOT},
    [TRUST_REFRESH_FAILED] = {"failed", TRUST_FAILED, TRUST_ROOT},
};
_Static_assert(sizeof rows / sizeof *rows == TRUST_REFRESH_STATES, "each state has a row");

const char *trust_refresh_state_name (enum trust_refresh_state state)
{
    base_assert (state < TRUST_REFRESH_STATES);
    return rows[state].name;
}

static void refresh_machine_check (const struct trust_refresh *refresh)
{
    base_assert (refresh && refresh->client && refresh->state < TRUST_REFRESH_STATES);
    enum trust_refresh_state state = refresh->state;
    enum trust_phase phase = refresh->client->phase;
    bool stores = rows[state].kind == TRUST_STORE || rows[state].kind == TRUST_DROP;
    base_assert (stores || refresh->bytes.size == 0);
    base_assert ((state == TRUST_REFRESH_FAILED) == (refresh->code != 0));
    base_assert (state != TRUST_REFRESH_FAILED || *refresh->error.text);
    base_assert (state > TRUST_REFRESH_ROOT_STORE || phase == TRUST_PHASE_ROOT);
    base_assert ((state != TRUST_REFRESH_TIMESTAMP_LOAD && state != TRUST_REFRESH_TIMESTAMP_FETCH) ||
                 phase == TRUST_PHASE_TIMESTAMP);
    base_assert ((state < TRUST_REFRESH_TIMESTAMP_STORE || state > TRUST_REFRESH_SNAPSHOT_FETCH) ||
                 phase == TRUST_PHASE_SNAPSHOT);
    base_assert ((state < TRUST_REFRESH_SNAPSHOT_STORE || state > TRUST_REFRESH_TARGETS_FETCH) ||
                 phase == TRUST_PHASE_TARGETS);
    base_assert ((state != TRUST_REFRESH_TARGETS_STORE && state != TRUST_REFRESH_DONE) ||
                 phase == TRUST_PHASE_READY);
    trust_client_check (refresh->client);
}

static void refresh_fail (struct trust_refresh *refresh, int code)
{
    base_assert (code != 0);
    if (!*refresh->error.text)
        base_error_set (&refresh->error, code, "%s failed (%s)", rows[refresh->state].name,
                        trust_error_word (code));
    refresh->code = code;
    refresh->state = TRUST_REFRESH_FAILED;
    base_buffer_deinit (&refresh->bytes);
}

/*  Keeps bytes to be stored, and goes on to state. */
static void refresh_keep (struct trust_refresh *refresh, const void *data, size_t size,
                          enum trust_refresh_state state)
{
    base_assert (refresh->bytes.size == 0 && rows[state].kind != TRUST_FETCH);
    int r = base_buffer_append (&refresh->bytes, data, size);
    if (r) {
        base_error_set (&refresh->error, r, "no memory for metadata to be stored");
        refresh_fail (refresh, r);
        return;
    }
    refresh->state = state;
}

/*  What was stored before is not judged by keys that signed it, if the chain of roots removed one. */
static void refresh_end_roots (struct trust_refresh *refresh)
{
    int r = trust_client_root_end (refresh->client, &refresh->error);
    if (r)
        refresh_fail (refresh, r);
    else
        refresh->state =
            refresh->client->keys_left ? TRUST_REFRESH_TIMESTAMP_FETCH : TRUST_REFRESH_TIMESTAMP_LOAD;
}

static void refresh_load_snapshot (struct trust_refresh *refresh)
{
    refresh->state = refresh->client->keys_left ? TRUST_REFRESH_SNAPSHOT_FETCH : TRUST_REFRESH_SNAPSHOT_LOAD;
}

void trust_refresh_init (struct trust_refresh *refresh, struct trust_client *client)
{
    base_assert (refresh && client && client->phase == TRUST_PHASE_ROOT && client->steps == 0);
    *refresh = (struct trust_refresh){.client = client, .state = TRUST_REFRESH_ROOT_FETCH};
    refresh_machine_check (refresh);
}

void trust_refresh_deinit (struct trust_refresh *refresh)
{
    base_assert (refresh);
    base_buffer_deinit (&refresh->bytes);
    *refresh = (struct trust_refresh){0};
}

/*  The version in the name of the file to fetch: always for root; for the others with consistent snapshots. */
static uint64_t fetch_version (const struct trust_client *client, enum trust_kind kind)
{
    if (kind == TRUST_ROOT)
        return client->root.common.version + 1;
    const struct trust_meta *meta = trust_client_meta (client, trust_kind_name (kind));
    return kind != TRUST_TIMESTAMP && client->root.consistent_snapshot && meta ? meta->version : 0;
}

void trust_refresh_next (const struct trust_refresh *refresh, struct trust_action *ret_action)
{
    base_assert (refresh && ret_action);
    const struct refresh_row *row = &rows[refresh->state];
    const char *name = trust_kind_name (row->role);
    *ret_action = (struct trust_action){.kind = row->kind};
    if (row->kind == TRUST_DONE || row->kind == TRUST_FAILED)
        return;
    int r = base_text_copy (ret_action->role, sizeof ret_action->role, name);
    base_assert (r == 0);
    if (row->kind == TRUST_FETCH)
        ret_action->version = fetch_version (refresh->client, row->role);
    trust_name_file (name, ret_action->version, ret_action->file);
    if (row->kind == TRUST_FETCH)
        ret_action->most = trust_client_most (refresh->client, name);
    if (row->kind == TRUST_LOAD)
        ret_action->most = TRUST_DOCUMENT_MOST;
    if (row->kind == TRUST_STORE) {
        ret_action->data = refresh->bytes.data;
        ret_action->size = refresh->bytes.size;
    }
}

/*  A fetched file: it is judged, and kept to be stored. */
static void refresh_fetched (struct trust_refresh *refresh, const void *data, size_t size)
{
    bool changed = true, lost = refresh->client->keys_left;
    int r;
    switch (refresh->state) {
    case TRUST_REFRESH_ROOT_FETCH:
        r = trust_client_root (refresh->client, data, size, &refresh->error);
        if (r == 0)
            refresh_keep (refresh, data, size,
                          refresh->client->keys_left && !lost ? TRUST_REFRESH_TIMESTAMP_DROP
                                                              : TRUST_REFRESH_ROOT_STORE);
        break;
    case TRUST_REFRESH_TIMESTAMP_FETCH:
        r = trust_client_timestamp (refresh->client, data, size, &changed, &refresh->error);
        if (r == 0 && changed)
            refresh_keep (refresh, data, size, TRUST_REFRESH_TIMESTAMP_STORE);
        else if (r == 0)
            refresh_load_snapshot (refresh);
        break;
    case TRUST_REFRESH_SNAPSHOT_FETCH:
        r = trust_client_snapshot (refresh->client, data, size, &refresh->error);
        if (r == 0)
            refresh_keep (refresh, data, size, TRUST_REFRESH_SNAPSHOT_STORE);
        break;
    default:
        base_assert (refresh->state == TRUST_REFRESH_TARGETS_FETCH);
        r = trust_client_targets (refresh->client, data, size, &refresh->error);
        if (r == 0)
            refresh_keep (refresh, data, size, TRUST_REFRESH_TARGETS_STORE);
        break;
    }
    if (r)
        refresh_fail (refresh, r);
}

/*  A stored file, or none: data NULL. One that is not usable counts as none. */
static void refresh_loaded (struct trust_refresh *refresh, const void *data, size_t size)
{
    struct trust_client *client = refresh->client;
    int r = data ? 0 : TRUST_E_UNAVAILABLE;
    switch (refresh->state) {
    case TRUST_REFRESH_TIMESTAMP_LOAD:
        if (r == 0)
            r = trust_client_timestamp_stored (client, data, size, NULL);
        refresh->state = TRUST_REFRESH_TIMESTAMP_FETCH;
        break;
    case TRUST_REFRESH_SNAPSHOT_LOAD:
        if (r == 0)
            r = trust_client_snapshot_stored (client, data, size, NULL);
        refresh->state =
            client->phase == TRUST_PHASE_TARGETS ? TRUST_REFRESH_TARGETS_LOAD : TRUST_REFRESH_SNAPSHOT_FETCH;
        break;
    default:
        base_assert (refresh->state == TRUST_REFRESH_TARGETS_LOAD);
        if (r == 0)
            r = trust_client_targets (client, data, size, NULL);
        refresh->state =
            client->phase == TRUST_PHASE_READY ? TRUST_REFRESH_DONE : TRUST_REFRESH_TARGETS_FETCH;
        break;
    }
    if (r == -ENOMEM) {
        base_error_set (&refresh->error, r, "no memory for stored metadata");
        refresh_fail (refresh, r);
    }
}

void trust_refresh_bytes (struct trust_refresh *refresh, const void *data, size_t size)
{
    base_assert (refresh && (data || size == 0));
    if (!data)
        data = "";
    if (rows[refresh->state].kind == TRUST_LOAD) {
        refresh_loaded (refresh, data, size);
    } else {
        base_assert (rows[refresh->state].kind == TRUST_FETCH);
        refresh_fetched (refresh, data, size);
    }
    refresh_machine_check (refresh);
}

void trust_refresh_absent (struct trust_refresh *refresh)
{
    base_assert (refresh);
    if (rows[refresh->state].kind == TRUST_LOAD) {
        refresh_loaded (refresh, NULL, 0);
    } else if (refresh->state == TRUST_REFRESH_ROOT_FETCH) {
        refresh_end_roots (refresh);
    } else {
        base_assert (rows[refresh->state].kind == TRUST_FETCH);
        struct trust_action action;
        trust_refresh_next (refresh, &action);
        refresh_fail (refresh,
                      base_error_set (&refresh->error, TRUST_E_UNAVAILABLE,
                                      "the repository has no %s, which its metadata names", action.file));
    }
    refresh_machine_check (refresh);
}

void trust_refresh_done (struct trust_refresh *refresh)
{
    base_assert (refresh);
    base_assert (rows[refresh->state].kind == TRUST_STORE || rows[refresh->state].kind == TRUST_DROP);
    if (rows[refresh->state].kind == TRUST_STORE)
        base_buffer_deinit (&refresh->bytes);
    switch (refresh->state) {
    case TRUST_REFRESH_TIMESTAMP_DROP:
        refresh->state = TRUST_REFRESH_SNAPSHOT_DROP;
        break;
    case TRUST_REFRESH_SNAPSHOT_DROP:
        refresh->state = TRUST_REFRESH_ROOT_STORE;
        break;
    case TRUST_REFRESH_ROOT_STORE:
        refresh->state = TRUST_REFRESH_ROOT_FETCH;
        if (refresh->client->steps == refresh->client->limits.roots)
            refresh_end_roots (refresh);
        break;
    case TRUST_REFRESH_TIMESTAMP_STORE:
        refresh_load_snapshot (refresh);
        break;
    case TRUST_REFRESH_SNAPSHOT_STORE:
        refresh->state = TRUST_REFRESH_TARGETS_LOAD;
        break;
    default:
        base_assert (refresh->state == TRUST_REFRESH_TARGETS_STORE);
        refresh->state = TRUST_REFRESH_DONE;
        break;
    }
    refresh_machine_check (refresh);
}

void trust_refresh_failed (struct trust_refresh *refresh, int code, const char *reason)
{
    base_assert (refresh && code && reason);
    base_assert (refresh->state != TRUST_REFRESH_DONE && refresh->state != TRUST_REFRESH_FAILED);
    struct trust_action action;
    trust_refresh_next (refresh, &action);
    static const char *const verbs[] = {[TRUST_LOAD] = "reading",
                                        [TRUST_FETCH] = "fetching",
                                        [TRUST_STORE] = "storing",
                                        [TRUST_DROP] = "removing"};
    base_error_set (&refresh->error, code, "%s %s: %s", verbs[action.kind], action.file, reason);
    refresh_fail (refresh, code);
    refresh_machine_check (refresh);
}
