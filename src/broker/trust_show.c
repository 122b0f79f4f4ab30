/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_show.c - the signed metadata and the online keys, for operators */

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "broker/errors.h"
#include "broker/operator.h"
#include "broker/trust.h"
#include "broker/trust_loop.h"
#include "wire/page.h"
#include "wire/text.h"

static const enum trust_kind top_level[] = {TRUST_ROOT, TRUST_TIMESTAMP, TRUST_SNAPSHOT, TRUST_TARGETS};

enum { TOP_LEVEL = sizeof top_level / sizeof *top_level };

/*  Which keys sign for a role, through the first role that delegates to it. NULL: none. */
static const struct trust_role *role_signers (struct broker_trust *trust, const char *role)
{
    const struct trust_client *view = &trust->state.view;
    const struct broker_trust_source source = {.files = &trust->files};
    const struct trust_targets *targets;
    struct trust_delegate delegate;

    for (int kind = 0; kind < TRUST_KINDS; kind++)
        if (strcmp (role, trust_kind_name ((enum trust_kind) kind)) == 0)
            return &view->root.roles[kind];
    if (view->phase != TRUST_PHASE_READY)
        return NULL;
    if (trust_delegate_find (&view->targets, role, &delegate))
        return delegate.role;
    (void) broker_trust_load (&trust->state.view, &source, role, &targets, NULL);
    for (size_t i = 0; i < view->n_loaded; i++)
        if (trust_delegate_find (&view->loaded[i]->targets, role, &delegate))
            return delegate.role;
    return NULL;
}

static int signers_fill (struct wire_trust_role *shown, const struct trust_role *signers)
{
    char **keys = NULL;
    char text[BASE_DIGEST_TEXT];

    shown->threshold = signers->threshold;
    for (size_t i = 0; i < signers->n_keyids && i < TRUST_ROLE_KEYS_MOST; i++)
        if (base_list_append_next (&keys, &shown->n_keys, base_digest_format (&signers->keyids[i], text)) <
            0) {
            shown->n_keys = 0;
            (void) base_list_free (keys);
            return -ENOMEM;
        }
    shown->keys = (const char *const *) keys;
    return 0;
}

/*  What the file of a role says of itself. */
static int file_fill (struct wire_trust_role *shown, const struct broker_trust_cached *file)
{
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    base_cleanup (trust_targets_deinit) struct trust_targets targets = {0};
    const char *expires;
    int r = trust_document_parse (file->bytes.data, file->bytes.size, TRUST_DOCUMENT_MOST, &document, NULL);

    if (r)
        return r;
    shown->version = file->version ? file->version : shown->version;
    shown->size = file->bytes.size;
    shown->file = file->digest;
    if (trust_targets_read (document.content, &targets, NULL) == 0)
        shown->targets = targets.n_targets;
    expires = json_string_value (json_object_get (document.content, "expires"));
    return wire_text_set (&shown->expires, expires ? expires : "");
}

static int role_fill (struct broker_trust *trust, const char *role, struct wire_trust_role *shown)
{
    const struct broker_trust_cached *file;
    const struct trust_role *signers = NULL;
    int r = wire_text_set (&shown->role, role);

    if (r == 0 && trust->state.root.size > 0)
        signers = role_signers (trust, role);
    if (r == 0 && signers)
        r = signers_fill (shown, signers);
    if (r == 0 && broker_trust_read (trust, role, 0, &file, NULL) == 0 && file_fill (shown, file) == -ENOMEM)
        r = -ENOMEM;
    return r;
}

/*  The roles of delegated files in the snapshot are sorted by name. */
static const char *role_at (const struct broker_trust *trust, size_t *position)
{
    const struct trust_snapshot *snapshot = &trust->state.view.snapshot;

    if (*position < TOP_LEVEL)
        return trust_kind_name (top_level[(*position)++]);
    while (trust->state.snapshot.size > 0 && *position - TOP_LEVEL < snapshot->n_meta) {
        const char *name = snapshot->meta[(*position)++ - TOP_LEVEL].name;
        if (trust_name_is_delegated (name))
            return name;
    }
    return NULL;
}

static int roles_fill (struct broker_trust *trust, const char *after, struct wire_trust_shown *answer)
{
    struct wire_page page = {.record = &wire_trust_role_record};
    bool begun = !after;
    const char *role;
    int r = 0;

    for (size_t position = 0; r == 0 && (role = role_at (trust, &position));) {
        base_cleanup (wire_trust_role_deinit) struct wire_trust_role shown = {.version = 0};
        if (begun)
            r = role_fill (trust, role, &shown);
        if (r == 0 && begun)
            r = wire_page_add (&page, &shown);
        begun = begun || strcmp (role, after) == 0;
    }
    if (r < 0) {
        wire_page_deinit (&page);
        return r;
    }
    answer->roles = page.items;
    answer->n_roles = page.count;
    answer->more = r == WIRE_PAGE_FULL;
    base_assert (!answer->more || (answer->roles && answer->n_roles > 0)); /* the first one fits */
    if (answer->more)
        return wire_text_set (&answer->next, answer->roles[answer->n_roles - 1].role);
    return begun ? 0
                 : wire_answer_set (answer, WIRE_STATUS_INVALID,
                                    "there is no role of the name in after: list"
                                    " them from the beginning");
}

/*  The generation of the newest key that the root lists. */
static uint64_t generation_listed (const struct broker_trust *trust)
{
    uint64_t listed = 0;

    for (size_t i = 0; trust->state.root.size > 0 && i < trust->keys.count; i++)
        if (broker_trust_key_is_listed (trust->keys.all[i], &trust->state.view.root))
            listed = trust->keys.all[i]->generation;
    return listed;
}

static int key_fill (const struct broker_trust *trust, const struct broker_trust_key *key,
                     struct wire_online_key *shown)
{
    json_t *json = trust_public_json (trust_secret_public (&key->secret));
    char *text = json ? json_dumps (json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

    json_decref (json);
    wire_text_give (&shown->key, text);
    shown->keyid = key->secret.keyid;
    shown->listed = trust->state.root.size > 0 && broker_trust_key_is_listed (key, &trust->state.view.root);
    shown->next = key->generation > generation_listed (trust);
    return text ? wire_text_set (&shown->role, trust_kind_name (key->kind)) : -ENOMEM;
}

/*  Whether the broker signs with the key now. */
static bool key_signs (const struct broker_trust *trust, const struct broker_trust_key *key)
{
    return trust->state.root.size > 0 &&
           broker_trust_keys_find (&trust->keys, &trust->state.view.root, key->kind) == key;
}

/*  The keys of the newest generation, and, unless only they are wanted, those that sign now. */
static int keys_fill (const struct broker_trust *trust, bool only_newest, struct wire_online_key **ret_keys,
                      size_t *ret_count)
{
    *ret_keys = calloc (trust->keys.count + 1, sizeof **ret_keys);
    if (!*ret_keys)
        return -ENOMEM;
    for (size_t i = 0; i < trust->keys.count; i++) {
        const struct broker_trust_key *key = trust->keys.all[i];
        bool is_newest = key->generation == trust->keys.all[trust->keys.count - 1]->generation;
        int r = is_newest || (!only_newest && key_signs (trust, key))
                    ? key_fill (trust, key, &(*ret_keys)[(*ret_count)++])
                    : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

struct missing {
    char **texts;
    size_t count;
};

/*  Returns 0 or -ENOMEM. */
static int missing_add (struct missing *missing, const char *text)
{
    return !text[0] || missing->count == 16 ? 0
                                            : base_list_append_next (&missing->texts, &missing->count, text);
}

static int missing_expired (struct missing *missing, const char *name, const struct trust_common *common)
{
    char text[256], time[TRUST_EXPIRES_TEXT];

    if (!trust_expires_is_over (common->expires, broker_trust_now ()))
        return 0;
    (void) snprintf (text, sizeof text,
                     "%s version %" PRIu64 " expired at %s: nodes do not update until a new one is signed and"
                     " published",
                     name, common->version, trust_expires_format (common->expires, time));
    return missing_add (missing, text);
}

static int missing_fill (struct broker_trust *trust, struct missing *missing)
{
    const struct broker_trust_state *state = &trust->state;
    int r = 0;

    if (!state->published)
        r = missing_add (missing, "no root is published: nodectl trust init makes one");
    if (r == 0 && state->published && !state->has_targets)
        r = missing_add (missing, "no targets are published: sign targets and publish them, so that nodes can"
                                  " update");
    for (size_t i = 0; r == 0 && state->faults && state->faults[i]; i++)
        r = missing_add (missing, state->faults[i]);
    if (r == 0)
        r = missing_add (missing, trust->keys.damage);
    if (r == 0)
        r = missing_add (missing, trust->renewal);
    if (r == 0 && state->view.phase != TRUST_PHASE_NULL)
        r = missing_expired (missing, "root", &state->view.root.common);
    if (r == 0 && state->timestamp.size > 0)
        r = missing_expired (missing, "timestamp", &state->view.timestamp.common);
    if (r == 0 && state->snapshot.size > 0)
        r = missing_expired (missing, "snapshot", &state->view.snapshot.common);
    if (r == 0 && state->view.phase == TRUST_PHASE_READY)
        r = missing_expired (missing, "targets", &state->view.targets.common);
    return r;
}

static int broker_fill (struct broker_trust *trust, struct wire_trust_shown *answer)
{
    struct missing missing = {.count = 0};
    int r = missing_fill (trust, &missing);

    answer->missing = (const char *const *) missing.texts;
    answer->n_missing = r == 0 ? missing.count : base_list_count (missing.texts);
    return r == 0 ? keys_fill (trust, false, &answer->online, &answer->n_online) : r;
}

int broker_serve_show_trust (struct broker_call *call, const struct wire_show_trust *request,
                             struct wire_trust_shown *answer)
{
    base_assert (call && request && answer);
    struct broker_trust *trust = call->broker->trust;
    int r = 0;

    if (trust->keys.generation == 0 && !trust->state.published)
        r = broker_trust_make_keys (trust, call->error);
    if (r < 0)
        return r;
    answer->status = WIRE_STATUS_OK;
    answer->published = trust->state.published;
    r = roles_fill (trust, request->after, answer);
    if (r == 0 && !request->after)
        r = broker_fill (trust, answer);
    const struct trust_log_head head = broker_trust_log_head (&trust->state.log);
    answer->log_size = head.size;
    answer->log_root = head.root;
    return r;
}

int broker_serve_make_online_keys (struct broker_call *call, const struct wire_make_online_keys *request,
                                   struct wire_online_keys_made *answer)
{
    base_assert (call && request && answer);
    struct broker_trust *trust = call->broker->trust;
    int r = broker_trust_make_keys (trust, call->error);

    if (r < 0)
        return r;
    if (r == BROKER_E_REFUSED)
        return wire_answer_set (answer, WIRE_STATUS_REFUSED, "%s", call->error->text);
    answer->status = WIRE_STATUS_OK;
    return keys_fill (trust, true, &answer->online, &answer->n_online);
}
