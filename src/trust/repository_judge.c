/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/repository_judge.c - what nodes would make of a repository */

#include "base/assert.h"
#include "base/cleanup.h"
#include "trust/client.h"
#include "trust/errors.h"
#include "trust/repository_private.h"

static int target_check (const struct trust_target *target, struct base_error *error)
{
    struct trust_custom custom;
    struct base_digest release;
    return trust_release_of_target (target, &custom, &release, error);
}

static int publisher_check (struct trust_client *client, const struct trust_delegation *delegation,
                            const struct trust_repository_file *file, struct base_error *error)
{
    const struct trust_targets *targets = NULL;
    int r = trust_client_delegated (client, NULL, delegation->name, file->bytes.data, file->bytes.size,
                                    &targets, error);
    if (r == 0 && targets->has_delegations && (targets->n_delegations || targets->succinct.present))
        r = base_error_set (error, TRUST_E_FORMAT,
                            "publisher %s delegates further, which noded does not serve", delegation->name);
    for (size_t i = 0; r == 0 && i < targets->n_targets; i++) {
        const char *path = targets->targets[i].path;
        bool may = false;
        for (char **pattern = delegation->paths; pattern && *pattern && !may; pattern++)
            may = trust_pattern_matches (*pattern, path);
        r = may ? target_check (&targets->targets[i], error)
                : base_error_set (error, TRUST_E_NO_TARGET, "publisher %s may not publish %.200s",
                                  delegation->name, path);
    }
    trust_client_forget (client);
    return r;
}

static int targets_check (struct trust_client *client, const struct trust_repository *repository,
                          struct base_error *error)
{
    const struct trust_targets *targets = &client->targets;
    int r = 0;
    for (size_t i = 0; r == 0 && i < targets->n_targets; i++)
        r = target_check (&targets->targets[i], error);
    /*  A publisher who has published nothing has no file. */
    for (size_t i = 0; r == 0 && i < targets->n_delegations; i++) {
        const struct trust_repository_file *file =
            trust_repository_find (repository, targets->delegations[i].name);
        if (file)
            r = publisher_check (client, &targets->delegations[i], file, error);
    }
    return r;
}

/*  The file of a top-level role that a client asks for. */
static int file_need (const struct trust_repository *repository, const char *role,
                      const struct trust_repository_file **ret_file, struct base_error *error)
{
    *ret_file = trust_repository_find (repository, role);
    return *ret_file ? 0
                     : base_error_set (error, TRUST_E_UNAVAILABLE, "the repository has no file of %s", role);
}

/*  The chain of roots behind the one of this position. */
static int client_roots (struct trust_client *client, const struct trust_repository *repository, size_t root,
                         struct base_error *error)
{
    int r = 0;
    for (size_t i = root + 1;
         r == 0 && i < repository->n_files && trust_repository_is_root (&repository->files[i]); i++) {
        client->steps = 0; /* the whole history, however long; a node goes on in its next refresh */
        r = trust_client_root (client, repository->files[i].bytes.data, repository->files[i].bytes.size,
                               error);
    }
    return r;
}

static int client_walk (struct trust_client *client, const struct trust_repository *repository, size_t root,
                        const struct trust_repository *stored, struct base_error *error)
{
    const struct trust_repository_file *timestamp, *snapshot, *targets;
    bool changed = false;
    int r = file_need (repository, "timestamp", &timestamp, error);
    if (r == 0)
        r = file_need (repository, "snapshot", &snapshot, error);
    if (r == 0)
        r = file_need (repository, "targets", &targets, error);
    if (r == 0)
        r = client_roots (client, repository, root, error);
    if (r == 0)
        r = trust_client_root_end (client, error);
    if (r)
        return r;
    const struct trust_repository_file *had =
        client->keys_left ? NULL : trust_repository_find (stored, "timestamp");
    if (had)
        (void) trust_client_timestamp_stored (client, had->bytes.data, had->bytes.size, NULL);
    r = trust_client_timestamp (client, timestamp->bytes.data, timestamp->bytes.size, &changed, error);
    if (r)
        return r;
    had = client->keys_left ? NULL : trust_repository_find (stored, "snapshot");
    if (had)
        (void) trust_client_snapshot_stored (client, had->bytes.data, had->bytes.size, NULL);
    if (client->phase == TRUST_PHASE_SNAPSHOT)
        r = trust_client_snapshot (client, snapshot->bytes.data, snapshot->bytes.size, error);
    if (r == 0)
        r = trust_client_targets (client, targets->bytes.data, targets->bytes.size, error);
    return r ? r : targets_check (client, repository, error);
}

int trust_repository_judge (const struct trust_repository *repository, size_t root,
                            const struct trust_repository *stored, struct base_error *error)
{
    if (root >= repository->n_files || !trust_repository_is_root (&repository->files[root]))
        return base_error_set (error, TRUST_E_UNAVAILABLE, "the repository has no root");
    base_cleanup (trust_client_deinit) struct trust_client client = {0};
    const struct base_buffer *bytes = &repository->files[root].bytes;
    int r = trust_client_init (&client, NULL, 0, bytes->data, bytes->size, error);
    return r ? r : client_walk (&client, repository, root, stored, error);
}

int trust_repository_drops_stored (const struct trust_repository *repository, size_t root, bool *ret_drops,
                                   struct base_error *error)
{
    base_assert (root < repository->n_files && trust_repository_is_root (&repository->files[root]));
    base_cleanup (trust_client_deinit) struct trust_client client = {0};
    int r = trust_client_init (&client, NULL, 0, repository->files[root].bytes.data,
                               repository->files[root].bytes.size, error);
    if (r == 0)
        r = client_roots (&client, repository, root, error);
    *ret_drops = client.keys_left;
    return r;
}
