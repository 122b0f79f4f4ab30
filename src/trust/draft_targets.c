/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/draft_targets.c - targets metadata in the making */

#include "trust/draft_targets.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "trust/delegate.h"
#include "trust/draft_private.h"
#include "trust/errors.h"

static json_t *targets_object (const struct trust_draft *targets)
{
    base_assert (targets && targets->kind == TRUST_TARGETS);
    json_t *object = json_object_get (trust_draft_content (targets), "targets");
    base_assert (json_is_object (object));
    return object;
}

int trust_draft_targets_new (uint64_t now, uint64_t expires, struct trust_draft *ret_draft,
                             struct base_error *error)
{
    base_assert (ret_draft);
    uint64_t version = 0;
    int r = trust_version_next (0, now, &version, error);
    if (r)
        return r;
    json_t *content = trust_draft_begin (TRUST_TARGETS, version, expires);
    if (content && json_object_set_new (content, "targets", json_object ())) {
        json_decref (content);
        content = NULL;
    }
    return trust_draft_init (ret_draft, TRUST_TARGETS, content, error);
}

int trust_draft_targets_next (const struct trust_draft *last, uint64_t now, uint64_t expires,
                              struct trust_draft *ret_draft, struct base_error *error)
{
    base_assert (last && last->kind == TRUST_TARGETS && ret_draft);
    uint64_t version = 0;
    int r = trust_version_next (trust_draft_version (last), now, &version, error);
    return r ? r : trust_draft_follow (last, version, expires, ret_draft, error);
}

int trust_draft_targets_add (struct trust_draft *targets, const struct trust_custom *custom,
                             const struct base_digest *release, uint64_t size, struct base_error *error)
{
    base_assert (targets && custom && release && !base_digest_is_null (release));
    if (size == 0 || size > WIRE_DOCUMENT_MOST)
        return base_error_set (error, TRUST_E_LENGTH, "a release document has 1 to %d bytes, not %" PRIu64,
                               WIRE_DOCUMENT_MOST, size);
    char path[TRUST_RELEASE_PATH_TEXT], digest[BASE_DIGEST_TEXT];
    (void) trust_release_path (custom->application, release, path);
    json_t *object = targets_object (targets);
    if (json_object_size (object) >= TRUST_TARGETS_MOST && !json_object_get (object, path))
        return base_error_set (error, TRUST_E_TOO_LARGE, "there are %d releases already: remove some",
                               TRUST_TARGETS_MOST);
    trust_draft_unsign (targets);
    json_t *target = json_pack ("{s:o, s:{s:s}, s:I}", "custom", trust_custom_json (custom), "hashes",
                                "sha256", base_digest_format (release, digest), "length", (json_int_t) size);
    return json_object_set_new (object, path, target) ? trust_draft_no_memory (error) : 0;
}

int trust_draft_targets_remove (struct trust_draft *targets, const char *application,
                                const struct base_digest *release, struct base_error *error)
{
    base_assert (targets && application && release);
    char path[TRUST_RELEASE_PATH_TEXT];
    (void) trust_release_path (application, release, path);
    if (json_object_del (targets_object (targets), path))
        return base_error_set (error, TRUST_E_NO_TARGET, "there is no release %s", path);
    trust_draft_unsign (targets);
    return 0;
}

static bool pattern_is_valid (const char *pattern)
{
    size_t size = strlen (pattern);
    if (size == 0 || size >= TRUST_CUSTOM_TEXT)
        return false;
    for (size_t i = 0; i < size; i++) {
        char text[] = {'a', pattern[i], '\0'};
        if (!strchr ("*?", pattern[i]) && !wire_application_is_valid (text))
            return false;
    }
    return true;
}

/*  "paths" of a delegation; NULL if out of memory. */
static json_t *publisher_paths (const struct trust_publisher *publisher)
{
    json_t *paths = json_array ();
    for (size_t i = 0; paths && i < publisher->n_applications; i++)
        if (json_array_append_new (paths, json_sprintf ("%s/*", publisher->applications[i]))) {
            json_decref (paths);
            paths = NULL;
        }
    return paths;
}

/*  "delegations", made if it is missing. NULL if out of memory. */
static json_t *targets_delegations (struct trust_draft *targets)
{
    json_t *content = trust_draft_content (targets), *delegations = json_object_get (content, "delegations");
    if (!delegations) {
        delegations = json_pack ("{s:{}, s:[]}", "keys", "roles");
        if (!delegations || json_object_set_new (content, "delegations", delegations))
            return NULL;
    }
    return delegations;
}

/*  The position of a publisher; the number of publishers if there is none of this name. */
static size_t publisher_at (const json_t *roles, const char *name)
{
    size_t at = 0;
    for (; at < json_array_size (roles); at++) {
        const char *other = json_string_value (json_object_get (json_array_get (roles, at), "name"));
        if (other && strcmp (other, name) == 0)
            break;
    }
    return at;
}

static int delegations_collect (json_t *delegations, struct base_error *error)
{
    const json_t *roles = json_object_get (delegations, "roles");
    size_t count = json_array_size (roles);
    base_cleanup (base_free_p) json_t **all = calloc (count + 1, sizeof *all);
    if (!all)
        return trust_draft_no_memory (error);
    for (size_t i = 0; i < count; i++)
        all[i] = json_array_get (roles, i);
    trust_draft_keys_collect (json_object_get (delegations, "keys"), all, count);
    return 0;
}

static int publisher_check (const struct trust_publisher *publisher, const json_t *delegations,
                            struct base_error *error)
{
    const json_t *roles = json_object_get (delegations, "roles");
    if (delegations && !json_is_array (roles)) /* a repository of somebody else may use succinct_roles */
        return base_error_set (error, TRUST_E_FORMAT,
                               "these targets delegate in a form that noded does not write");
    if (!wire_application_is_valid (publisher->name) || !trust_name_is_delegated (publisher->name))
        return base_error_set (
            error, TRUST_E_FORMAT,
            "'%.64s' cannot be the name of a publisher: 1 to 64 letters, digits, '.', '_', '-', "
            "beginning with a letter or digit, and not the name of a role of root",
            publisher->name);
    if (publisher->n_applications == 0)
        return base_error_set (error, TRUST_E_FORMAT, "publisher %s needs at least one application",
                               publisher->name);
    for (size_t i = 0; i < publisher->n_applications; i++)
        if (!pattern_is_valid (publisher->applications[i]))
            return base_error_set (
                error, TRUST_E_FORMAT,
                "'%.64s' is not a pattern of application names: 1 to 64 letters, digits, '.', '_', "
                "'-', '*' and '?'",
                publisher->applications[i]);
    if (publisher->keys.threshold == 0 || publisher->keys.threshold > publisher->keys.count)
        return base_error_set (error, TRUST_E_THRESHOLD,
                               "publisher %s has %zu keys: its threshold must be 1 to %zu", publisher->name,
                               publisher->keys.count, publisher->keys.count);
    if (json_array_size (roles) >= TRUST_DELEGATIONS_MOST &&
        publisher_at (roles, publisher->name) == json_array_size (roles))
        return base_error_set (error, TRUST_E_TOO_LARGE, "there are %d publishers already",
                               TRUST_DELEGATIONS_MOST);
    return 0;
}

int trust_draft_targets_delegate (struct trust_draft *targets, const struct trust_publisher *publisher,
                                  struct base_error *error)
{
    base_assert (targets && targets->kind == TRUST_TARGETS && publisher && publisher->name);
    base_assert (publisher->applications || publisher->n_applications == 0);
    int r =
        publisher_check (publisher, json_object_get (trust_draft_content (targets), "delegations"), error);
    if (r)
        return r;
    trust_draft_unsign (targets);
    json_t *delegations = targets_delegations (targets);
    if (!delegations)
        return trust_draft_no_memory (error);
    json_t *role = trust_draft_role (publisher->keys.threshold),
           *roles = json_object_get (delegations, "roles");
    if (!role || json_object_set_new (role, "paths", publisher_paths (publisher)) ||
        json_object_set_new (role, "name", json_string (publisher->name)) ||
        json_object_set_new (role, "terminating", json_boolean (publisher->terminating)))
        r = trust_draft_no_memory (error);
    for (size_t i = 0; r == 0 && i < publisher->keys.count; i++)
        r = trust_draft_role_add (json_object_get (delegations, "keys"), role, publisher->name,
                                  publisher->keys.keys[i], error);
    if (r == 0) {
        size_t at = publisher_at (roles, publisher->name);
        if (at < json_array_size (roles) ? json_array_set (roles, at, role) : json_array_append (roles, role))
            r = trust_draft_no_memory (error);
    }
    json_decref (role);
    int collected = delegations_collect (delegations, error); /* also the keys of a role that was not added */
    return r ? r : collected;
}

int trust_draft_targets_undelegate (struct trust_draft *targets, const char *name, struct base_error *error)
{
    base_assert (targets && targets->kind == TRUST_TARGETS && name);
    json_t *delegations = json_object_get (trust_draft_content (targets), "delegations"),
           *roles = json_object_get (delegations, "roles");
    size_t at = publisher_at (roles, name);
    if (at >= json_array_size (roles))
        return base_error_set (error, TRUST_E_UNKNOWN_ROLE, "there is no publisher %.64s", name);
    trust_draft_unsign (targets);
    (void) json_array_remove (roles, at);
    return delegations_collect (delegations, error);
}

int trust_draft_targets_missing (const struct trust_draft *targets, const struct trust_draft *root,
                                 struct trust_missing *ret_missing, struct base_error *error)
{
    base_assert (targets && targets->kind == TRUST_TARGETS && root && root->kind == TRUST_ROOT &&
                 ret_missing);
    base_cleanup (trust_root_deinit) struct trust_root of = {0};
    int r = trust_root_read (trust_draft_content (root), &of, error);
    return r ? r : trust_draft_missing (targets, &of.keys, &of.roles[TRUST_TARGETS], ret_missing, error);
}

int trust_draft_publisher_missing (const struct trust_draft *file, const char *name,
                                   const struct trust_draft *targets, struct trust_missing *ret_missing,
                                   struct base_error *error)
{
    base_assert (file && file->kind == TRUST_TARGETS && name && targets && ret_missing);
    base_assert (targets->kind == TRUST_TARGETS);
    base_cleanup (trust_targets_deinit) struct trust_targets of = {0};
    struct trust_delegate delegate = {0};
    int r = trust_targets_read (trust_draft_content (targets), &of, error);
    if (r)
        return r;
    if (!trust_delegate_find (&of, name, &delegate))
        return base_error_set (error, TRUST_E_UNKNOWN_ROLE, "there is no publisher %.64s", name);
    return trust_draft_missing (file, delegate.keys, delegate.role, ret_missing, error);
}
