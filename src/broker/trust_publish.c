/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_publish.c - the signed metadata that a broker serves: publishing targets and delegated roles */

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "broker/errors.h"
#include "broker/trust_making.h"
#include "trust/draft.h"

/*  The roles that are published now: refused if nodes could use them before the set, and cannot after it. The files of
    the set: nodes must be able to use them. */
static int roles_check (const struct broker_trust *trust, const struct broker_trust_making *making,
                        struct trust_client *timely, struct trust_client *timeless, struct base_error *error)
{
    const struct broker_trust_source source = {.files = &trust->files, .set = &making->all};
    const struct trust_targets *targets;
    for (size_t i = 0; i < making->set->count; i++) {
        const char *role = making->set->files[i].role;
        int r =
            trust_name_is_delegated (role) ? broker_trust_load (timely, &source, role, &targets, error) : 0;
        if (r)
            return r;
    }
    for (size_t i = 0; i < timeless->snapshot.n_meta; i++) {
        const char *role = timeless->snapshot.meta[i].name;
        if (!trust_name_is_delegated (role) || broker_trust_set_find (making->set, role))
            continue;
        int r = broker_trust_load (timeless, &source, role, &targets, error);
        if (r == -ENOMEM || r == TRUST_E_THRESHOLD) {
            base_error_prefix (
                error, "publish a new file of the role %s in the same set, or remove its delegation", role);
            return r;
        }
    }
    return 0;
}

/*  Every new entry: nodes find the release by its path, in the file that lists it, and it is here. */
static int entries_check (const struct broker_trust *trust, const struct broker_trust_making *making,
                          struct trust_client *timeless, broker_trust_fits *fits, void *context,
                          struct base_error *error)
{
    const struct broker_trust_source source = {.files = &trust->files, .set = &making->all};
    for (size_t i = 0; i < making->entries.count; i++) {
        const struct broker_trust_entry *entry = &making->entries.all[i];
        char role[TRUST_NAME_TEXT];
        struct base_digest sha256;
        int r = broker_trust_search (timeless, &source, entry->path, role, &sha256, error);
        if (r)
            return r;
        if (strcmp (role, entry->role) != 0)
            return base_error_set (
                error, TRUST_E_NO_TARGET,
                "the role %s lists %s, but nodes %s%s: correct the delegations, or sign the"
                " release with another role",
                entry->role, entry->path,
                role[0] ? "find it in the role "
                        : "do not trust the"
                          " role for it",
                role);
        r = fits ? fits (context, entry, error) : 0;
        if (r)
            return r;
    }
    return 0;
}

/*  Checks the files of a set alone. */
static int set_check (const struct broker_trust_set *set, struct base_error *error)
{
    for (size_t i = 0; i < set->count; i++) {
        base_cleanup (trust_draft_deinit) struct trust_draft draft = {.json = NULL};
        const struct broker_trust_file *file = &set->files[i];
        if (strcmp (file->role, "targets") != 0 && !trust_name_is_delegated (file->role))
            return base_error_set (
                error, BROKER_E_REFUSED,
                "a file of %.64s is not published in this way: only targets and delegated roles"
                " are",
                file->role);
        if (broker_trust_set_find (set, file->role) != file)
            return base_error_set (error, BROKER_E_REFUSED, "two files of the role %s are in the set",
                                   file->role);
        int r = trust_draft_read (file->bytes.data, file->bytes.size, &draft, error);
        if (r) {
            base_error_prefix (error, "the file of %s", file->role);
            return r;
        }
        if (draft.kind != TRUST_TARGETS || trust_draft_version (&draft) != file->version)
            return base_error_set (
                error, BROKER_E_REFUSED,
                "the file of %s is version %" PRIu64 " of %s, not version %" PRIu64 " of targets", file->role,
                trust_draft_version (&draft), trust_kind_name (draft.kind), file->version);
    }
    return 0;
}

/*  Whether the snapshot names exactly this file. */
static bool file_is_published (const struct broker_trust *trust, const struct broker_trust_file *file)
{
    const struct trust_meta *meta =
        trust->state.snapshot.size > 0 ? trust_snapshot_find (&trust->state.view.snapshot, file->role) : NULL;
    struct base_digest digest = base_digest_of (file->bytes.data, file->bytes.size);
    return meta && meta->version == file->version && meta->hashes.has_sha256 &&
           base_digest_equal (&meta->hashes.sha256, &digest);
}

/*  All files of the set are published: writes those that are missing or damaged on disk. */
static int set_repair (struct broker_trust *trust, const struct broker_trust_set *set,
                       struct base_error *error)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct broker_trust_file *file = &set->files[i];
        int r = broker_trust_files_write (&trust->files, file->role, file->version, file->bytes.data,
                                          file->bytes.size, error);
        if (r < 0)
            return r;
    }
    return broker_trust_reload (trust, error);
}

static void published_fill (const struct broker_trust *trust, struct broker_trust_published *ret_published)
{
    ret_published->snapshot = broker_trust_version (trust, "snapshot");
    ret_published->timestamp = broker_trust_version (trust, "timestamp");
    ret_published->head = broker_trust_log_head (&trust->state.log);
}

/*  Whether the snapshot names each file of the set: one that its keys did not sign is left out when there is no snapshot
    to continue. */
static int set_is_named (const struct broker_trust_set *set, const struct trust_client *client,
                         struct base_error *error)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct trust_meta *meta = trust_snapshot_find (&client->snapshot, set->files[i].role);
        if (!meta || meta->version != set->files[i].version)
            return base_error_set (error, BROKER_E_REFUSED,
                                   "version %" PRIu64
                                   " of %s is not signed by the keys that root and targets list for it",
                                   set->files[i].version, set->files[i].role);
    }
    return 0;
}

/*  Makes and checks what the set needs, and writes it. */
static int set_publish (struct broker_trust *trust, struct broker_trust_making *making,
                        broker_trust_fits *fits, void *context, struct base_error *error)
{
    base_cleanup (broker_trust_client_deinit) struct trust_client timely = {.phase = TRUST_PHASE_NULL};
    base_cleanup (broker_trust_client_deinit) struct trust_client timeless = {.phase = TRUST_PHASE_NULL};
    int r = broker_trust_making_finish (trust, making, error);
    if (r == 0)
        r = broker_trust_making_refresh (trust, making, making->now, &timely, error);
    if (r == 0)
        r = set_is_named (making->set, &timely, error);
    if (r == 0)
        r = broker_trust_making_refresh (trust, making, 0, &timeless, error);
    if (r == 0)
        r = roles_check (trust, making, &timely, &timeless, error);
    if (r == 0)
        r = entries_check (trust, making, &timeless, fits, context, error);
    return r ? r : broker_trust_making_write (trust, making, error);
}

int broker_trust_publish (struct broker_trust *trust, const struct broker_trust_set *set,
                          broker_trust_fits *fits, void *context, uint64_t now,
                          struct broker_trust_published *ret_published, struct base_error *error)
{
    base_assert (trust && set && ret_published && set->count > 0);
    base_assert (set->count <= BROKER_TRUST_SET_MOST - 2);
    base_cleanup (broker_trust_making_deinit) struct broker_trust_making making = {.set = set, .now = now};
    bool is_published = true;
    if (trust->state.root.size == 0)
        return base_error_set (
            error, BROKER_E_REFUSED,
            "no root is published%s: publish the root first (nodectl trust init makes one)",
            trust->state.published ? " that is intact" : "");
    int r = set_check (set, error);
    if (r)
        return broker_trust_refusal (r, error);
    for (size_t i = 0; i < set->count; i++)
        is_published = is_published && file_is_published (trust, &set->files[i]);
    if (is_published)
        r = set_repair (trust, set, error);
    else if (trust->state.log.damage[0])
        r = base_error_set (error, BROKER_E_REFUSED, "%s", trust->state.log.damage);
    else
        r = set_publish (trust, &making, fits, context, error);
    if (r)
        return broker_trust_refusal (r, error);
    published_fill (trust, ret_published);
    return 0;
}
