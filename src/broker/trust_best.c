/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_best.c - the newest files that can be trusted, without a snapshot */

#include "broker/trust_best.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

#define BYTES_MOST ((size_t) 256 * 1024 * 1024) /* in memory at the same time */

struct broker_trust_best_file {
    struct broker_trust_file file; /* its bytes are those of the buffer */
    struct base_buffer bytes;
    struct trust_targets targets;
};

static void file_deinit (struct broker_trust_best_file *file)
{
    base_buffer_deinit (&file->bytes);
    trust_targets_deinit (&file->targets);
    *file = (struct broker_trust_best_file){.file = {.version = 0}};
}

void broker_trust_best_deinit (struct broker_trust_best *best)
{
    base_assert (best);
    for (size_t i = 0; i < best->count; i++)
        file_deinit (&best->all[i]);
    free (best->all);
    *best = (struct broker_trust_best){.count = 0};
}

const struct broker_trust_file *broker_trust_best_get (const struct broker_trust_best *best, size_t index)
{
    base_assert (best && index < best->count);
    return &best->all[index].file;
}

/*  Reads the bytes of a file, and whether these keys signed it. */
static int file_verify (struct broker_trust_best_file *file, uint64_t version, const struct trust_keys *keys,
                        const struct trust_role *role)
{
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    int r = trust_document_parse (file->bytes.data, file->bytes.size, trust_limits_default.targets, &document,
                                  NULL);
    if (r == 0)
        r = trust_targets_read (document.content, &file->targets, NULL);
    if (r == 0 && file->targets.common.version != version)
        r = TRUST_E_VERSION;
    if (r == 0)
        r = trust_document_verify (&document, keys, role, file->file.role, NULL);
    return r;
}

static int best_add (struct broker_trust_best *best, struct broker_trust_best_file *file)
{
    size_t bytes = file->bytes.size;
    for (size_t i = 0; i < best->count; i++)
        bytes += best->all[i].bytes.size;
    struct broker_trust_best_file *more =
        bytes > BYTES_MOST ? NULL : reallocarray (best->all, best->count + 1, sizeof *more);
    if (!more)
        return -ENOMEM;
    file->file.version = file->targets.common.version;
    file->file.bytes = (struct broker_trust_bytes){.data = file->bytes.data, .size = file->bytes.size};
    best->all = more;
    best->all[best->count++] = *file;
    *file = (struct broker_trust_best_file){.file = {.version = 0}};
    return 0;
}

struct finding {
    struct broker_trust_best *best;
    const struct broker_trust_files *files;
    const struct broker_trust_set *set;
    const struct broker_trust_name *names; /* sorted by role, then version */
    size_t n_names;
};

/*  Tries one version. Returns whether it was added; -ENOMEM. */
static int version_try (const struct finding *finding, const char *role, uint64_t version,
                        const struct broker_trust_bytes *bytes, const struct trust_keys *keys,
                        const struct trust_role *signers)
{
    base_cleanup (file_deinit) struct broker_trust_best_file file = {.file = {.version = 0}};
    int r = base_text_copy (file.file.role, sizeof file.file.role, role);
    base_assert (r == 0);
    r = bytes ? base_buffer_append (&file.bytes, bytes->data, bytes->size)
              : broker_trust_files_read (finding->files, role, version, trust_limits_default.targets,
                                         &file.bytes, NULL);
    if (r == 0)
        r = file_verify (&file, version, keys, signers);
    if (r == 0)
        r = best_add (finding->best, &file);
    return r == 0 ? 1 : r == -ENOMEM ? r : 0;
}

/*  Adds the newest version of a role that these keys signed. Returns as version_try. */
static int role_try (const struct finding *finding, const char *role, const struct trust_keys *keys,
                     const struct trust_role *signers)
{
    const struct broker_trust_file *file = broker_trust_set_find (finding->set, role);
    int r = file ? version_try (finding, role, file->version, &file->bytes, keys, signers) : 0;
    for (size_t i = finding->n_names; r == 0 && i-- > 0;)
        if (strcmp (finding->names[i].role, role) == 0)
            r = version_try (finding, role, finding->names[i].version, NULL, keys, signers);
    return r;
}

static bool best_has (const struct broker_trust_best *best, const char *role)
{
    for (size_t i = 0; i < best->count; i++)
        if (strcmp (best->all[i].file.role, role) == 0)
            return true;
    return false;
}

/*  Adds a role if one that is there delegates to it. Returns as version_try. */
static int delegated_try (const struct finding *finding, const char *role)
{
    struct trust_delegate delegate;
    if (!trust_name_is_delegated (role) || best_has (finding->best, role))
        return 0;
    for (size_t i = 0; i < finding->best->count; i++)
        if (trust_delegate_find (&finding->best->all[i].targets, role, &delegate))
            return role_try (finding, role, delegate.keys, delegate.role);
    return 0;
}

int broker_trust_best_find (struct broker_trust_best *best, const struct trust_root *root,
                            const struct broker_trust_files *files, const struct broker_trust_set *set,
                            struct base_error *error)
{
    base_assert (best && root && files);
    base_cleanup (base_free_p) struct broker_trust_name *names = NULL;
    struct finding finding = {.best = best, .files = files, .set = set};
    *best = (struct broker_trust_best){.count = 0};
    int r = broker_trust_files_list (files, &names, &finding.n_names, error);
    if (r < 0)
        return r;
    finding.names = names;
    r = role_try (&finding, trust_kind_name (TRUST_TARGETS), &root->keys, &root->roles[TRUST_TARGETS]);
    for (bool progress = r > 0; r >= 0 && progress;) {
        progress = false;
        for (size_t i = 0; r >= 0 && set && i < set->count; i++)
            progress = (r = delegated_try (&finding, set->files[i].role)) > 0 || progress;
        for (size_t i = 0; r >= 0 && i < finding.n_names; i++)
            if (i == 0 || strcmp (names[i].role, names[i - 1].role) != 0)
                progress = (r = delegated_try (&finding, names[i].role)) > 0 || progress;
    }
    if (r >= 0)
        return 0;
    broker_trust_best_deinit (best);
    return base_error_errno (error, r, "cannot read the metadata files");
}
