/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/metadata_targets.c - targets and their delegations as checked structs */

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "trust/errors.h"
#include "trust/metadata.h"
#include "trust/metadata_private.h"

void trust_delegation_deinit (struct trust_delegation *delegation)
{
    base_assert (delegation);
    free (delegation->name);
    trust_role_deinit (&delegation->role);
    base_list_free (delegation->paths);
    base_list_free (delegation->prefixes);
    *delegation = (struct trust_delegation){0};
}

void trust_targets_deinit (struct trust_targets *targets)
{
    base_assert (targets);
    for (size_t i = 0; i < targets->n_targets; i++)
        trust_target_deinit (&targets->targets[i]);
    free (targets->targets);
    trust_keys_deinit (&targets->keys);
    for (size_t i = 0; i < targets->n_delegations; i++)
        trust_delegation_deinit (&targets->delegations[i]);
    free (targets->delegations);
    trust_role_deinit (&targets->succinct.role);
    free (targets->succinct.prefix);
    *targets = (struct trust_targets){0};
}

static int target_compare (const void *a, const void *b)
{
    const struct trust_target *one = a, *other = b;
    return strcmp (one->path, other->path);
}

static int target_list_read (json_t *json, struct trust_targets *targets, struct base_error *error)
{
    size_t count = json_object_size (json);
    if (!json_is_object (json))
        return base_error_set (error, TRUST_E_FORMAT, "it has no targets object");
    if (count > TRUST_TARGETS_MOST)
        return base_error_set (error, TRUST_E_TOO_LARGE, "it names more than %d targets", TRUST_TARGETS_MOST);
    targets->targets = calloc (count ? count : 1, sizeof *targets->targets);
    if (!targets->targets)
        return base_error_set (error, -ENOMEM, "no memory for %zu targets", count);
    const char *path;
    json_t *value;
    json_object_foreach (json, path, value)
    {
        base_assert (targets->n_targets < count);
        int r = trust_target_read (path, value, &targets->targets[targets->n_targets], error);
        if (r)
            return r;
        targets->n_targets++;
    }
    qsort (targets->targets, targets->n_targets, sizeof *targets->targets, target_compare);
    return 0;
}

/*  A list of texts of 1 to most bytes. */
static int texts_read (const json_t *json, size_t most, char ***ret_texts, struct base_error *error)
{
    base_cleanup (base_list_free_p) char **texts = NULL;
    size_t count = 0;
    if (!json_is_array (json))
        return base_error_set (error, TRUST_E_FORMAT, "paths or path_hash_prefixes is no array");
    if (json_array_size (json) > TRUST_PATTERNS_MOST)
        return base_error_set (error, TRUST_E_TOO_LARGE, "a delegation has more than %d paths",
                               TRUST_PATTERNS_MOST);
    texts = calloc (1, sizeof *texts);
    if (!texts)
        return base_error_set (error, -ENOMEM, "no memory for a delegation");
    for (size_t i = 0; i < json_array_size (json); i++) {
        const char *text = json_string_value (json_array_get (json, i));
        if (!text || *text == 0 || strlen (text) > most)
            return base_error_set (error, TRUST_E_FORMAT,
                                   "one of paths or path_hash_prefixes is no text, empty or too long");
        if (base_list_append_next (&texts, &count, text))
            return base_error_set (error, -ENOMEM, "no memory for a delegation");
    }
    *ret_texts = base_take (texts);
    return 0;
}

static int delegation_read (const json_t *json, struct trust_delegation *ret_delegation,
                            struct base_error *error)
{
    base_cleanup (trust_delegation_deinit) struct trust_delegation delegation = {0};
    const char *name = json_string_value (json_object_get (json, "name"));
    const json_t *terminating = json_object_get (json, "terminating"),
                 *paths = json_object_get (json, "paths");
    const json_t *prefixes = json_object_get (json, "path_hash_prefixes");
    if (!name || !trust_name_is_delegated (name))
        return base_error_set (error, TRUST_E_FORMAT,
                               "the name of a delegated role is missing, longer than %d bytes, has "
                               "control characters, or is that of a top-level role",
                               TRUST_NAME_MOST);
    if ((terminating && !json_is_boolean (terminating)) || (paths && prefixes))
        return base_error_set (
            error, TRUST_E_FORMAT,
            "delegated role %s has both paths and path_hash_prefixes, or an invalid terminating", name);
    delegation.terminating = json_is_true (terminating);
    int r = trust_role_read (json, &delegation.role, error);
    if (r == 0 && paths)
        r = texts_read (paths, TRUST_PATH_MOST, &delegation.paths, error);
    if (r == 0 && prefixes)
        r = texts_read (prefixes, BASE_DIGEST_TEXT - 1, &delegation.prefixes, error);
    if (r) {
        base_error_prefix (error, "delegated role %s", name);
        return r;
    }
    delegation.name = strdup (name);
    if (!delegation.name)
        return base_error_set (error, -ENOMEM, "no memory for a delegation");
    *ret_delegation = delegation;
    memset (&delegation, 0, sizeof delegation); /* owned by the caller now */
    return 0;
}

static int name_compare (const void *a, const void *b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static int delegation_names_check (const struct trust_targets *targets, struct base_error *error)
{
    size_t count = targets->n_delegations;
    base_cleanup (base_free_p) const char **names = calloc (count ? count : 1, sizeof *names);
    if (!names)
        return base_error_set (error, -ENOMEM, "no memory for %zu delegations", count);
    for (size_t i = 0; i < count; i++)
        names[i] = targets->delegations[i].name;
    qsort (names, count, sizeof *names, name_compare);
    for (size_t i = 1; i < count; i++)
        if (strcmp (names[i - 1], names[i]) == 0)
            return base_error_set (error, TRUST_E_FORMAT, "delegated role %s stands there twice", names[i]);
    return 0;
}

static int delegation_list_read (const json_t *json, struct trust_targets *targets, struct base_error *error)
{
    size_t count = json_array_size (json);
    if (!json_is_array (json))
        return base_error_set (error, TRUST_E_FORMAT, "the roles of its delegations are no array");
    if (count > TRUST_DELEGATIONS_MOST)
        return base_error_set (error, TRUST_E_TOO_LARGE, "it has more than %d delegations",
                               TRUST_DELEGATIONS_MOST);
    targets->delegations = calloc (count ? count : 1, sizeof *targets->delegations);
    if (!targets->delegations)
        return base_error_set (error, -ENOMEM, "no memory for %zu delegations", count);
    for (; targets->n_delegations < count; targets->n_delegations++) {
        int r = delegation_read (json_array_get (json, targets->n_delegations),
                                 &targets->delegations[targets->n_delegations], error);
        if (r)
            return r;
    }
    return delegation_names_check (targets, error);
}

static int succinct_read (const json_t *json, struct trust_succinct *succinct, struct base_error *error)
{
    uint64_t bits = 0;
    const char *prefix = json_string_value (json_object_get (json, "name_prefix"));
    if (!trust_integer_read (json_object_get (json, "bit_length"), 1, TRUST_SUCCINCT_BITS_MOST, &bits))
        return base_error_set (error, TRUST_E_FORMAT, "succinct_roles: bit_length is not from 1 to %d",
                               TRUST_SUCCINCT_BITS_MOST);
    /*  "-" and up to 8 digits follow. */
    if (!prefix || !trust_name_is_plain (prefix, TRUST_NAME_MOST - 9))
        return base_error_set (error, TRUST_E_FORMAT, "succinct_roles: name_prefix is missing or invalid");
    int r = trust_role_read (json, &succinct->role, error);
    if (r)
        return r;
    succinct->prefix = strdup (prefix);
    if (!succinct->prefix)
        return base_error_set (error, -ENOMEM, "no memory for a delegation");
    succinct->bits = (unsigned) bits;
    succinct->present = true;
    return 0;
}

static int delegations_read (const json_t *json, struct trust_targets *targets, struct base_error *error)
{
    const json_t *roles = json_object_get (json, "roles"),
                 *succinct = json_object_get (json, "succinct_roles");
    if (!json_is_object (json) || !roles == !succinct)
        return base_error_set (error, TRUST_E_FORMAT,
                               "its delegations have neither roles nor succinct_roles, or both");
    targets->has_delegations = true;
    int r = trust_keys_read (json_object_get (json, "keys"), &targets->keys, error);
    if (r)
        return r;
    return succinct ? succinct_read (succinct, &targets->succinct, error)
                    : delegation_list_read (roles, targets, error);
}

int trust_targets_read (const json_t *content, struct trust_targets *ret_targets, struct base_error *error)
{
    base_assert (ret_targets);
    base_cleanup (trust_targets_deinit) struct trust_targets targets = {0};
    int r = trust_common_read (content, TRUST_TARGETS, &targets.common, error);
    if (r)
        return r;
    r = target_list_read (json_object_get (content, "targets"), &targets, error);
    if (r)
        return r;
    const json_t *delegations = json_object_get (content, "delegations");
    r = delegations ? delegations_read (delegations, &targets, error) : 0;
    if (r)
        return r;
    *ret_targets = targets;
    memset (&targets, 0, sizeof targets); /* owned by the caller now */
    return 0;
}

const struct trust_target *trust_targets_find (const struct trust_targets *targets, const char *path)
{
    base_assert (targets && path);
    const void *wanted = &(struct trust_target){.path = (char *) (uintptr_t) path};
    return targets->n_targets ? bsearch (wanted, targets->targets, targets->n_targets,
                                         sizeof *targets->targets, target_compare)
                              : NULL;
}
