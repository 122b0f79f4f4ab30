/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_entries.c - listed releases as entries of the log */

#include "broker/trust_entries.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "broker/errors.h"
#include "trust/client.h"

void broker_trust_entries_deinit (struct broker_trust_entries *entries)
{
    base_assert (entries);
    free (entries->all);
    *entries = (struct broker_trust_entries){.count = 0};
}

static bool entries_have (const struct broker_trust_entries *entries, const struct base_digest *leaf)
{
    for (size_t i = 0; i < entries->count; i++)
        if (base_digest_equal (&entries->all[i].leaf, leaf))
            return true;
    return false;
}

/*  Fills all but the role and the version. */
static int entry_make (const struct trust_target *target, struct broker_trust_entry *entry,
                       struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    int r = trust_release_of_target (target, &entry->custom, &entry->release, error);
    if (r == 0)
        r = trust_log_entry (target, &bytes, error);
    if (r == 0 && base_text_copy (entry->path, sizeof entry->path, target->path) != 0)
        r = base_error_set (error, TRUST_E_FORMAT, "the path of a release is too long");
    if (r)
        return r;
    entry->length = target->length;
    entry->leaf = trust_merkle_leaf (bytes.data, bytes.size);
    return 0;
}

static int entry_add (struct broker_trust_entries *entries, const struct broker_trust_log *log,
                      const struct broker_trust_entry *entry, struct base_error *error)
{
    if (broker_trust_log_find (log, &entry->leaf) >= 0 || entries_have (entries, &entry->leaf))
        return 0;
    struct broker_trust_entry *more = reallocarray (entries->all, entries->count + 1, sizeof *more);
    if (!more)
        return base_error_errno (error, -ENOMEM, "cannot read the targets");
    entries->all = more;
    entries->all[entries->count++] = *entry;
    return 0;
}

int broker_trust_entries_add (struct broker_trust_entries *entries, const struct broker_trust_log *log,
                              const char *role, const void *data, size_t size, struct base_error *error)
{
    base_assert (entries && log && role && (data || size == 0));
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    base_cleanup (trust_targets_deinit) struct trust_targets targets = {0};
    int r = trust_document_parse (data, size, trust_limits_default.targets, &document, error);
    if (r == 0)
        r = trust_targets_read (document.content, &targets, error);
    for (size_t i = 0; r == 0 && i < targets.n_targets; i++) {
        struct broker_trust_entry entry = {.version = targets.common.version};
        r = base_text_copy (entry.role, sizeof entry.role, role);
        base_assert (r == 0);
        r = entry_make (&targets.targets[i], &entry, error);
        if (r == 0)
            r = entry_add (entries, log, &entry, error);
    }
    return r;
}

static int entries_compare (const void *a, const void *b)
{
    const struct broker_trust_entry *left = a, *right = b;
    if (left->version != right->version)
        return left->version < right->version ? -1 : 1;
    int order = strcmp (left->role, right->role);
    if (order)
        return order;
    if (left->custom.counter != right->custom.counter)
        return left->custom.counter < right->custom.counter ? -1 : 1;
    return strcmp (left->path, right->path);
}

void broker_trust_entries_sort (struct broker_trust_entries *entries)
{
    base_assert (entries);
    if (entries->count > 0)
        qsort (entries->all, entries->count, sizeof *entries->all, entries_compare);
}

int broker_trust_entries_extend (const struct broker_trust_entries *entries,
                                 const struct broker_trust_log *log, struct broker_trust_log *ret_log,
                                 struct base_error *error)
{
    base_assert (entries && log && ret_log);
    base_cleanup (base_free_p) struct base_digest *leaves = calloc (entries->count + 1, sizeof *leaves);
    if (!leaves)
        return base_error_errno (error, -ENOMEM, "cannot extend the log of releases");
    for (size_t i = 0; i < entries->count; i++)
        leaves[i] = entries->all[i].leaf;
    return broker_trust_log_extend (log, leaves, entries->count, ret_log, error);
}

static int versions_compare (const void *a, const void *b)
{
    const struct broker_trust_name *left = a, *right = b;
    if (left->version != right->version)
        return left->version < right->version ? -1 : 1;
    return strcmp (left->role, right->role);
}

static bool role_lists_targets (const char *role)
{
    return strcmp (role, trust_kind_name (TRUST_TARGETS)) == 0 || trust_name_is_delegated (role);
}

/*  Adds the entries of one file to a log. A file that cannot be read adds none. */
static int replay_file (const struct broker_trust_files *files, const struct broker_trust_name *name,
                        struct broker_trust_log *log, struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    base_cleanup (broker_trust_entries_deinit) struct broker_trust_entries entries = {.count = 0};
    struct broker_trust_log longer = {.count = 0};
    int r = broker_trust_files_read (files, name->role, name->version, trust_limits_default.targets, &buffer,
                                     error);
    if (r == 0)
        r = broker_trust_entries_add (&entries, log, name->role, buffer.data, buffer.size, error);
    if (r == -ENOMEM)
        return r;
    if (r != 0)
        return 0;
    broker_trust_entries_sort (&entries);
    r = broker_trust_entries_extend (&entries, log, &longer, error);
    if (r < 0)
        return r;
    broker_trust_log_deinit (log);
    *log = longer;
    return 0;
}

int broker_trust_entries_replay (const struct broker_trust_files *files, const struct trust_log_head *head,
                                 struct broker_trust_log *ret_log, struct base_error *error)
{
    base_assert (files && ret_log);
    base_cleanup (base_free_p) struct broker_trust_name *names = NULL;
    base_cleanup (broker_trust_log_deinit) struct broker_trust_log log = {.count = 0};
    size_t count = 0;
    int r = broker_trust_files_list (files, &names, &count, error);
    if (r < 0)
        return r;
    if (count > 0)
        qsort (names, count, sizeof *names, versions_compare);
    for (size_t i = 0; i < count && (!head || log.count < head->size); i++) {
        r = role_lists_targets (names[i].role) ? replay_file (files, &names[i], &log, error) : 0;
        if (r < 0)
            return r;
    }
    struct trust_log_head made = broker_trust_log_head (&log);
    if (head && !trust_log_head_equal (&made, head))
        return base_error_set (
            error, BROKER_E_REFUSED,
            "the published log does not come out of the files of ROOT/" BROKER_TRUST_DIRECTORY);
    *ret_log = log;
    log = (struct broker_trust_log){.count = 0};
    return 0;
}
