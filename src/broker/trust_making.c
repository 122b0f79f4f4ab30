/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_making.c - a publication or a renewal in the making */

#include "broker/trust_making.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/version.h"
#include "broker/errors.h"
#include "trust/draft_online.h"

void broker_trust_making_deinit (struct broker_trust_making *making)
{
    base_assert (making);
    broker_trust_best_deinit (&making->best);
    broker_trust_entries_deinit (&making->entries);
    broker_trust_log_deinit (&making->log);
    base_buffer_deinit (&making->snapshot);
    base_buffer_deinit (&making->timestamp);
}

int broker_trust_refusal (int r, struct base_error *error)
{
    if (r <= 0)
        return r;
    if (error)
        error->code = BROKER_E_REFUSED;
    return BROKER_E_REFUSED;
}

int broker_trust_clock_check (uint64_t now, struct base_error *error)
{
    char text[TRUST_EXPIRES_TEXT];
    if (now >= base_built && now <= TRUST_EXPIRES_MOST - BROKER_TRUST_VALID_S)
        return 0;
    return base_error_set (error, BROKER_E_REFUSED,
                           "the clock of the broker's host is wrong (%s): nothing is signed until it is set",
                           trust_expires_format (now <= TRUST_EXPIRES_MOST ? now : 0, text));
}

/*  Signs a draft and writes it to a buffer. */
static int draft_finish (struct broker_trust *trust, struct trust_draft *draft, struct base_buffer *buffer,
                         struct base_error *error)
{
    const struct broker_trust_key *key =
        broker_trust_keys_find (&trust->keys, &trust->state.view.root, draft->kind);
    int r;
    if (!key)
        return base_error_set (error, BROKER_E_REFUSED,
                               "the broker has no key that root version %" PRIu64
                               " lists for %s: restore ROOT/trust/keys from a backup, or publish a root"
                               " that lists the broker's keys (nodectl trust shows them)",
                               trust->state.view.root.common.version, trust_kind_name (draft->kind));
    r = trust_draft_sign (draft, &key->secret, error);
    return r ? r : trust_draft_write (draft, buffer, error);
}

/*  What is continued, and from which version on. */
static int making_begin (const struct broker_trust *trust, struct broker_trust_making *making,
                         struct base_error *error)
{
    const struct broker_trust_state *state = &trust->state;
    uint64_t newest = state->snapshot_newest;
    int r = broker_trust_clock_check (making->now, error);
    if (r)
        return r;
    making->anew = making->is_replaced || state->timestamp.size == 0 || state->snapshot.size == 0;
    making->version_least = making->now;
    if (making->is_replaced ? newest == making->now
                            : making->anew && newest >= making->now && newest < TRUST_VERSION_MOST)
        making->version_least = newest + 1;
    if (!making->anew)
        return 0;
    r = broker_trust_best_find (&making->best, &state->view.root, &trust->files, making->set, error);
    if (r == 0 && making->best.count == 0)
        r = base_error_set (error, BROKER_E_REFUSED,
                            "no file of targets is signed by the keys of root version %" PRIu64
                            ": sign targets and publish them",
                            state->view.root.common.version);
    return r;
}

/*  The log with what the files list for the first time. */
static int log_make (const struct broker_trust *trust, struct broker_trust_making *making,
                     struct base_error *error)
{
    const struct broker_trust_log *log = &trust->state.log;
    size_t count = making->anew ? making->best.count : making->set->count;
    int r = 0;
    making->has_log = !log->damage[0];
    for (size_t i = 0; r == 0 && making->has_log && i < count; i++) {
        const struct broker_trust_file *file =
            making->anew ? broker_trust_best_get (&making->best, i) : &making->set->files[i];
        r = broker_trust_entries_add (&making->entries, log, file->role, file->bytes.data, file->bytes.size,
                                      error);
    }
    broker_trust_entries_sort (&making->entries);
    return r || !making->has_log ? r
                                 : broker_trust_entries_extend (&making->entries, log, &making->log, error);
}

/*  The files that the snapshot has to name: those of the set, or, without a snapshot before it, all that can be trusted.
    The caller frees *ret_files, which borrow from making. */
static int files_collect (const struct broker_trust_making *making, struct trust_draft_file **ret_files,
                          size_t *ret_count)
{
    size_t count = making->anew ? making->best.count : making->set->count;
    struct trust_draft_file *files = calloc (count + 1, sizeof *files);
    if (!files)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct broker_trust_file *file =
            making->anew ? broker_trust_best_get (&making->best, i) : &making->set->files[i];
        files[i] =
            (struct trust_draft_file){.role = file->role, .data = file->bytes.data, .size = file->bytes.size};
    }
    *ret_files = files;
    *ret_count = count;
    return 0;
}

static int draft_of (const struct base_buffer *bytes, struct trust_draft *ret_draft, struct base_error *error)
{
    return bytes->size > 0 ? trust_draft_read (bytes->data, bytes->size, ret_draft, error) : 0;
}

static int snapshot_make (struct broker_trust *trust, struct broker_trust_making *making,
                          uint64_t *ret_version, struct base_error *error)
{
    base_cleanup (trust_draft_deinit) struct trust_draft last = {.json = NULL}, next = {.json = NULL};
    base_cleanup (base_free_p) struct trust_draft_file *files = NULL;
    size_t count = 0;
    int r = making->anew ? 0 : draft_of (&trust->state.snapshot, &last, error);
    if (r)
        return r;
    if (files_collect (making, &files, &count) < 0)
        return base_error_errno (error, -ENOMEM, "cannot make a snapshot");
    r = trust_draft_snapshot_next (last.json ? &last : NULL, files, count, making->version_least,
                                   making->now + BROKER_TRUST_VALID_S, &next, error);
    if (r == 0)
        r = draft_finish (trust, &next, &making->snapshot, error);
    if (r == 0)
        *ret_version = trust_draft_version (&next);
    return r;
}

static int timestamp_make (struct broker_trust *trust, struct broker_trust_making *making,
                           uint64_t *ret_version, struct base_error *error)
{
    base_cleanup (trust_draft_deinit) struct trust_draft last = {.json = NULL}, next = {.json = NULL};
    struct trust_log_head head = {.size = 0};
    int r = making->anew ? 0 : draft_of (&trust->state.timestamp, &last, error);
    if (r)
        return r;
    if (making->has_log)
        head = broker_trust_log_head (&making->log);
    else if (!last.json)
        return base_error_set (error, BROKER_E_REFUSED, "%s", trust->state.log.damage);
    r = trust_draft_timestamp_next (last.json ? &last : NULL, making->snapshot.data, making->snapshot.size,
                                    making->has_log ? &head : NULL, making->version_least,
                                    making->now + BROKER_TRUST_VALID_S, &next, error);
    if (r == 0)
        r = draft_finish (trust, &next, &making->timestamp, error);
    if (r == 0)
        *ret_version = trust_draft_version (&next);
    return r;
}

static void set_add (struct broker_trust_set *set, const char *role, uint64_t version,
                     const struct base_buffer *bytes)
{
    base_assert (set->count < BROKER_TRUST_SET_MOST);
    struct broker_trust_file *file = &set->files[set->count++];
    *file =
        (struct broker_trust_file){.version = version, .bytes = {.data = bytes->data, .size = bytes->size}};
    int r = base_text_copy (file->role, sizeof file->role, role);
    base_assert (r == 0);
}

int broker_trust_making_finish (struct broker_trust *trust, struct broker_trust_making *making,
                                struct base_error *error)
{
    uint64_t snapshot = 0, timestamp = 0;
    base_assert (making->set && making->set->count <= BROKER_TRUST_SET_MOST - 2);
    int r = making_begin (trust, making, error);
    if (r == 0)
        r = log_make (trust, making, error);
    if (r == 0)
        r = snapshot_make (trust, making, &snapshot, error);
    if (r == 0)
        r = timestamp_make (trust, making, &timestamp, error);
    if (r)
        return r;
    making->all = *making->set;
    set_add (&making->all, "snapshot", snapshot, &making->snapshot);
    set_add (&making->all, "timestamp", 0, &making->timestamp);
    return 0;
}

int broker_trust_making_refresh (const struct broker_trust *trust, const struct broker_trust_making *making,
                                 uint64_t now, struct trust_client *ret_client, struct base_error *error)
{
    struct broker_trust_source source = {.files = &trust->files, .set = &making->all};
    const struct broker_trust_state *state = &trust->state;
    if (!making->anew) {
        source.timestamp = (struct broker_trust_bytes){state->timestamp.data, state->timestamp.size};
        source.snapshot = (struct broker_trust_bytes){state->snapshot.data, state->snapshot.size};
    }
    int r = trust_client_init (ret_client, NULL, now, state->root.data, state->root.size, error);
    return r ? r : broker_trust_refresh (ret_client, &source, error);
}

void broker_trust_client_deinit (struct trust_client *client)
{
    if (client->phase != TRUST_PHASE_NULL)
        trust_client_deinit (client);
}

int broker_trust_making_write (struct broker_trust *trust, const struct broker_trust_making *making,
                               struct base_error *error)
{
    for (size_t i = 0; i < making->all.count; i++) {
        const struct broker_trust_file *file = &making->all.files[i];
        int r = 0;
        if (i == making->set->count && making->has_log)
            r = broker_trust_log_write (&making->log, &trust->files, error);
        if (r == 0)
            r = broker_trust_files_write (&trust->files, file->role, file->version, file->bytes.data,
                                          file->bytes.size, error);
        if (r < 0)
            return r;
    }
    return broker_trust_reload (trust, error);
}
