/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/search.c - which target a path names */

#include "trust/search.h"

#include <errno.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"

struct trust_search_step {
    char name[TRUST_NAME_TEXT];
    const struct trust_targets *parent; /* borrowed from the client */
};

static const enum trust_action_kind kinds[] = {
    [TRUST_SEARCH_LOAD] = TRUST_LOAD,     [TRUST_SEARCH_FETCH] = TRUST_FETCH,
    [TRUST_SEARCH_STORE] = TRUST_STORE,   [TRUST_SEARCH_DONE] = TRUST_DONE,
    [TRUST_SEARCH_FAILED] = TRUST_FAILED,
};
_Static_assert(sizeof kinds / sizeof *kinds == TRUST_SEARCH_STATES, "each state has a kind of action");

static void search_machine_check (const struct trust_search *search)
{
    base_assert (search && search->client && search->path && search->state < TRUST_SEARCH_STATES);
    base_assert (search->n_visited <= search->client->limits.roles);
    base_assert ((search->state == TRUST_SEARCH_STORE) == (search->pending != NULL));
    base_assert (search->state == TRUST_SEARCH_STORE || search->bytes.size == 0);
    base_assert (search->state >= TRUST_SEARCH_STORE || search->n_steps > 0);
    base_assert (search->state == TRUST_SEARCH_DONE || !search->target.path);
    base_assert ((search->state == TRUST_SEARCH_FAILED) == (search->code != 0));
    base_assert (search->state != TRUST_SEARCH_FAILED || *search->error.text);
    base_assert (search->client->phase == TRUST_PHASE_READY);
    trust_client_check (search->client);
}

static void search_fail (struct trust_search *search, int code)
{
    base_assert (code != 0);
    if (!*search->error.text)
        base_error_set (&search->error, code, "the search for %s failed (%s)", search->path,
                        trust_error_word (code));
    search->code = code;
    search->state = TRUST_SEARCH_FAILED;
    search->pending = NULL;
    base_buffer_deinit (&search->bytes);
}

static bool search_has_visited (const struct trust_search *search, const char *name)
{
    for (unsigned i = 0; i < search->n_visited; i++)
        if (strcmp (search->visited[i], name) == 0)
            return true;
    return false;
}

/*  Puts the delegations of a role on the stack, the first on top. Of these, at most limits.roles are visited and at most
    limits.roles were visited before, so no more than twice as many are needed. */
static int search_push (struct trust_search *search, const struct trust_targets *targets)
{
    size_t most = 2 * (size_t) search->client->limits.roles, position = 0, count = 0;
    base_cleanup (base_free_p) struct trust_search_step *children = calloc (most, sizeof *children);
    struct trust_delegate delegate;
    bool terminated = false;
    if (!children)
        return -ENOMEM;
    while (!terminated && count < most &&
           trust_delegate_next (targets, search->path, &search->digest, &position, &delegate)) {
        terminated = delegate.terminating;
        children[count].parent = targets;
        int r = base_text_copy (children[count++].name, sizeof children->name, delegate.name);
        base_assert (r == 0);
    }
    size_t kept = terminated ? 0 : search->n_steps;
    struct trust_search_step *steps = reallocarray (search->steps, kept + count + 1, sizeof *steps);
    if (!steps)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        steps[kept + i] = children[count - 1 - i];
    search->steps = steps;
    search->n_steps = kept + count;
    return 0;
}

/*  Looks into a trusted role: the target, or more delegations. */
static int search_visit (struct trust_search *search, const char *name, const struct trust_targets *targets)
{
    base_assert (search->n_visited < search->client->limits.roles);
    int r = base_text_copy (search->visited[search->n_visited++], sizeof *search->visited, name);
    base_assert (r == 0);
    const struct trust_target *target = trust_targets_find (targets, search->path);
    if (!target)
        return search_push (search, targets);
    r = trust_target_copy (target, &search->target);
    if (r)
        return r;
    r = base_text_copy (search->role, sizeof search->role, name);
    base_assert (r == 0);
    search->state = TRUST_SEARCH_DONE;
    return 0;
}

/*  Goes on to the next role that has to be loaded, or to the end. */
static int search_advance (struct trust_search *search)
{
    while (search->state != TRUST_SEARCH_DONE) {
        if (search->n_steps == 0 || search->n_visited == search->client->limits.roles) {
            search->state = TRUST_SEARCH_DONE;
            break;
        }
        const struct trust_search_step *step = &search->steps[search->n_steps - 1];
        if (search_has_visited (search, step->name)) {
            search->n_steps--;
            continue;
        }
        const struct trust_targets *targets = NULL;
        int r = trust_client_loaded (search->client, step->parent, step->name, &targets, &search->error);
        if (r)
            return r;
        if (!targets) {
            search->state = TRUST_SEARCH_LOAD;
            return trust_client_meta (search->client, step->name)
                       ? 0
                       : base_error_set (&search->error, TRUST_E_UNKNOWN_ROLE,
                                         "the role %s is delegated to, but the snapshot does not name it",
                                         step->name);
        }
        char name[TRUST_NAME_TEXT];
        r = base_text_copy (name, sizeof name, step->name);
        base_assert (r == 0);
        search->n_steps--;
        r = search_visit (search, name, targets);
        if (r)
            return r;
    }
    return 0;
}

/*  The role on top of the stack is trusted now: visits it and goes on. */
static void search_take (struct trust_search *search, const struct trust_targets *targets)
{
    base_assert (search->n_steps > 0);
    char name[TRUST_NAME_TEXT];
    int r = base_text_copy (name, sizeof name, search->steps[--search->n_steps].name);
    base_assert (r == 0);
    r = search_visit (search, name, targets);
    if (r == 0)
        r = search_advance (search);
    if (r)
        search_fail (search, r);
}

int trust_search_init (struct trust_search *search, struct trust_client *client, const char *path,
                       struct base_error *error)
{
    base_assert (search && client && client->phase == TRUST_PHASE_READY && path);
    if (!trust_name_is_plain (path, TRUST_PATH_MOST))
        return base_error_set (
            error, TRUST_E_FORMAT,
            "the path of a target is empty, longer than %d bytes, or has control characters",
            TRUST_PATH_MOST);
    if (client->n_loaded + client->limits.roles > TRUST_LOADED_MOST)
        trust_client_forget (client);
    *search = (struct trust_search){.client = client, .digest = base_digest_of (path, strlen (path))};
    search->path = strdup (path);
    search->visited = calloc (client->limits.roles, sizeof *search->visited);
    int r = search->path && search->visited ? 0 : -ENOMEM;
    if (r == 0)
        r = search_visit (search, "targets", &client->targets);
    if (r == -ENOMEM) {
        trust_search_deinit (search);
        return base_error_set (error, r, "no memory for a search");
    }
    r = search_advance (search);
    if (r)
        search_fail (search, r);
    search_machine_check (search);
    return 0;
}

void trust_search_deinit (struct trust_search *search)
{
    base_assert (search);
    free (search->path);
    free (search->steps);
    free (search->visited);
    base_buffer_deinit (&search->bytes);
    trust_target_deinit (&search->target);
    *search = (struct trust_search){0};
}

void trust_search_next (const struct trust_search *search, struct trust_action *ret_action)
{
    base_assert (search && ret_action);
    *ret_action = (struct trust_action){.kind = kinds[search->state]};
    if (search->state == TRUST_SEARCH_DONE || search->state == TRUST_SEARCH_FAILED)
        return;
    base_assert (search->n_steps > 0);
    const char *name = search->steps[search->n_steps - 1].name;
    const struct trust_meta *meta = trust_client_meta (search->client, name);
    base_assert (meta);
    int r = base_text_copy (ret_action->role, sizeof ret_action->role, name);
    base_assert (r == 0);
    if (search->state == TRUST_SEARCH_FETCH && search->client->root.consistent_snapshot)
        ret_action->version = meta->version;
    trust_name_file (name, ret_action->version, ret_action->file);
    ret_action->most = trust_client_most (search->client, name);
    ret_action->data = search->bytes.data;
    ret_action->size = search->bytes.size;
}

void trust_search_bytes (struct trust_search *search, const void *data, size_t size)
{
    base_assert (search && (data || size == 0));
    base_assert (search->state == TRUST_SEARCH_LOAD || search->state == TRUST_SEARCH_FETCH);
    const struct trust_search_step *step = &search->steps[search->n_steps - 1];
    const struct trust_targets *targets = NULL;
    bool stored = search->state == TRUST_SEARCH_LOAD;
    int r = trust_client_delegated (search->client, step->parent, step->name, data, size, &targets,
                                    stored ? NULL : &search->error);
    if (r == 0 && stored) {
        search_take (search, targets);
    } else if (r == 0) {
        r = base_buffer_append (&search->bytes, data, size);
        if (r == 0) {
            search->pending = targets;
            search->state = TRUST_SEARCH_STORE;
        }
    } else if (stored && r > 0) {
        search->state = TRUST_SEARCH_FETCH;
        r = 0;
    }
    if (r)
        search_fail (search, r);
    search_machine_check (search);
}

void trust_search_absent (struct trust_search *search)
{
    base_assert (search && (search->state == TRUST_SEARCH_LOAD || search->state == TRUST_SEARCH_FETCH));
    if (search->state == TRUST_SEARCH_LOAD) {
        search->state = TRUST_SEARCH_FETCH;
    } else {
        struct trust_action action;
        trust_search_next (search, &action);
        search_fail (search,
                     base_error_set (&search->error, TRUST_E_UNAVAILABLE,
                                     "the repository has no %s, which its snapshot names", action.file));
    }
    search_machine_check (search);
}

void trust_search_done (struct trust_search *search)
{
    base_assert (search && search->state == TRUST_SEARCH_STORE && search->pending);
    const struct trust_targets *targets = search->pending;
    search->pending = NULL;
    search->state = TRUST_SEARCH_LOAD;
    base_buffer_deinit (&search->bytes);
    search_take (search, targets);
    search_machine_check (search);
}

void trust_search_failed (struct trust_search *search, int code, const char *reason)
{
    base_assert (search && code && reason);
    base_assert (search->state < TRUST_SEARCH_DONE);
    struct trust_action action;
    trust_search_next (search, &action);
    base_error_set (&search->error, code, "%s: %s", action.file, reason);
    search_fail (search, code);
    search_machine_check (search);
}
