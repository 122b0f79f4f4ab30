/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust.c - the signed metadata that a broker serves: reading */

#include "broker/trust.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/random.h"
#include "base/text.h"
#include "broker/errors.h"

static void trust_check (const struct broker_trust *trust)
{
    const struct broker_trust_state *state = &trust->state;
    base_assert ((state->view.phase != TRUST_PHASE_NULL) == (state->root.size > 0));
    base_assert (state->published || state->root.size == 0);
    base_assert ((state->view.phase >= TRUST_PHASE_SNAPSHOT) == (state->timestamp.size > 0));
    base_assert ((state->view.phase >= TRUST_PHASE_TARGETS) == (state->snapshot.size > 0));
}

static void state_deinit (struct broker_trust_state *state)
{
    if (state->view.phase != TRUST_PHASE_NULL)
        trust_client_deinit (&state->view);
    base_buffer_deinit (&state->root);
    base_buffer_deinit (&state->timestamp);
    base_buffer_deinit (&state->snapshot);
    broker_trust_log_deinit (&state->log);
    state->faults = base_list_free (state->faults);
    *state = (struct broker_trust_state){.published = false};
}

/*  Returns 0 or -ENOMEM. */
__attribute__ ((format (printf, 2, 3))) static int fault_add (struct broker_trust_state *state,
                                                              const char *format, ...)
{
    struct base_error text = {.code = 0};
    char line[BASE_ERROR_SIZE];
    va_list arguments;
    if (state->faults && base_list_count (state->faults) >= BROKER_TRUST_FAULTS_MOST)
        return 0;
    va_start (arguments, format);
    (void) vsnprintf (line, sizeof line, format, arguments);
    va_end (arguments);
    (void) base_error_set (&text, -EIO, "%s", line);
    return base_list_append (&state->faults, text.text);
}

/*  Makes the newest intact root the view's. Newer ones that are damaged are faults. */
static int root_pick (struct broker_trust_state *state, const struct broker_trust_files *files,
                      const struct broker_trust_name *roots, size_t n_roots, struct base_error *error)
{
    for (size_t i = n_roots; i-- > 0;) {
        struct base_error why = {.code = 0};
        state->root.size = 0;
        int r = broker_trust_files_read (files, "root", roots[i].version, trust_limits_default.root,
                                         &state->root, &why);
        if (r == 0)
            r = trust_client_init (&state->view, NULL, 0, state->root.data, state->root.size, &why);
        if (r == 0 && state->view.root.common.version != roots[i].version) {
            trust_client_deinit (&state->view);
            r = base_error_set (&why, TRUST_E_VERSION, "it has another version");
        }
        if (r == 0)
            return 0;
        state->root.size = 0;
        if (r == -ENOMEM || fault_add (state,
                                       "root version %" PRIu64
                                       " cannot be used: %s: publish it again, or restore ROOT/trust/%" PRIu64
                                       ".root.json from a backup; until then an older root is served",
                                       roots[i].version, why.text, roots[i].version) != 0)
            return base_error_errno (error, -ENOMEM, "cannot read the root");
    }
    return 0;
}

/*  Whether the root `next` follows the file of the version before it. */
static int root_precedes (const struct broker_trust_files *files, uint64_t version,
                          const struct base_buffer *next, struct base_buffer *ret_bytes,
                          struct base_error *error)
{
    struct trust_client client = {.phase = TRUST_PHASE_NULL};
    int r = broker_trust_files_read (files, "root", version, trust_limits_default.root, ret_bytes, error);
    if (r == 0)
        r = trust_client_init (&client, NULL, 0, ret_bytes->data, ret_bytes->size, error);
    if (r != 0)
        return r;
    r = trust_client_root (&client, next->data, next->size, error);
    trust_client_deinit (&client);
    return r;
}

/*  Checks that nodes with an older root can follow to the newest one. */
static int chain_check (struct broker_trust_state *state, const struct broker_trust_files *files,
                        uint64_t oldest, struct base_error *error)
{
    base_cleanup (base_buffer_deinit) struct base_buffer next = {0};
    if (base_buffer_append (&next, state->root.data, state->root.size) != 0)
        return base_error_errno (error, -ENOMEM, "cannot read the roots");
    for (uint64_t version = state->view.root.common.version; version > oldest; version--) {
        base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
        struct base_error why = {.code = 0};
        int r = root_precedes (files, version - 1, &next, &bytes, &why);
        if (r != 0)
            return r == -ENOMEM ||
                           fault_add (state,
                                      "nodes whose root is older than version %" PRIu64
                                      " cannot follow: root version %" PRIu64
                                      " cannot be used: %s: publish it again, or restore ROOT/trust/%" PRIu64
                                      ".root.json from a backup",
                                      version, version - 1, why.text, version - 1) != 0
                       ? base_error_errno (error, -ENOMEM, "cannot read the roots")
                       : 0;
        base_buffer_deinit (&next);
        next = bytes;
        bytes = (struct base_buffer){0};
    }
    return 0;
}

/*  Names the delegated roles that nodes cannot load. */
static int roles_check (struct broker_trust_state *state, const struct broker_trust_source *source,
                        struct base_error *error)
{
    const struct trust_snapshot *snapshot = &state->view.snapshot;
    for (size_t i = 0; i < snapshot->n_meta; i++) {
        const struct trust_targets *targets;
        struct base_error why = {.code = 0};
        if (!trust_name_is_delegated (snapshot->meta[i].name))
            continue;
        int r = broker_trust_load (&state->view, source, snapshot->meta[i].name, &targets, &why);
        if (r == 0 || r == TRUST_E_UNKNOWN_ROLE) /* a role that is gone stays in the snapshot */
            continue;
        if (r == -ENOMEM || fault_add (state,
                                       "the role %s cannot be used: %s: publish its file again, or restore"
                                       " ROOT/trust from a backup",
                                       snapshot->meta[i].name, why.text) != 0)
            return base_error_errno (error, -ENOMEM, "cannot read the roles");
    }
    return 0;
}

/*  Takes what the files say as far as they are intact. */
static int view_build (struct broker_trust_state *state, const struct broker_trust_files *files,
                       struct base_error *error)
{
    struct broker_trust_source source = {
        .files = files, .ret_timestamp = &state->timestamp, .ret_snapshot = &state->snapshot};
    struct base_error why = {.code = 0};
    int r = broker_trust_refresh (&state->view, &source, &why);
    if (r == 0)
        return roles_check (state, &source, error);
    if (r == -ENOMEM)
        return base_error_errno (error, r, "cannot read the metadata");
    if (!state->has_targets) /* what is missing is shown, but nothing is damaged */
        r = 0;
    else if (state->view.phase == TRUST_PHASE_TARGETS)
        r = fault_add (state,
                       "the targets cannot be used: %s: publish them again, or restore ROOT/trust from a"
                       " backup",
                       why.text);
    else
        r = fault_add (state, "%s: the broker makes snapshot and timestamp again", why.text);
    return r < 0 ? base_error_errno (error, r, "cannot read the metadata") : 0;
}

/*  The head of the log in a timestamp. */
static int head_read (const struct base_buffer *timestamp, struct trust_log_head *ret_head,
                      struct base_error *error)
{
    base_cleanup (trust_document_deinit) struct trust_document document = {0};
    int r = trust_document_parse (timestamp->data, timestamp->size, TRUST_DOCUMENT_MOST, &document, error);
    return r ? r : trust_log_head_read (document.content, ret_head, error);
}

/*  Reads the log, or makes it again from the published files. */
static int log_read (struct broker_trust_state *state, const struct broker_trust_files *files,
                     struct base_error *error)
{
    struct trust_log_head head = {.size = 0};
    bool has_head = state->timestamp.size > 0;
    int r = has_head ? head_read (&state->timestamp, &head, error) : 0;
    if (r == -ENOMEM)
        return r;
    r = broker_trust_log_open (&state->log, files, has_head && r == 0 ? &head : NULL, error);
    if (r < 0)
        return r;
    if (!state->log.damage[0] && (has_head || state->log.count > 0))
        return 0;
    struct broker_trust_log again = {.count = 0};
    r = broker_trust_entries_replay (files, has_head ? &head : NULL, &again, NULL);
    if (r < 0)
        return base_error_errno (error, r, "cannot make the log of releases again");
    if (r == 0) {
        broker_trust_log_deinit (&state->log);
        state->log = again;
    }
    return state->log.damage[0] && fault_add (state, "%s", state->log.damage) < 0
               ? base_error_errno (error, -ENOMEM, "cannot read the log of releases")
               : 0;
}

static int state_load (struct broker_trust_state *state, const struct broker_trust_files *files,
                       struct base_error *error)
{
    base_cleanup (base_free_p) struct broker_trust_name *names = NULL;
    const struct broker_trust_name *roots = NULL;
    base_cleanup (base_buffer_deinit) struct base_buffer timestamp = {0};
    size_t count = 0, n_roots = 0;
    int r = broker_trust_files_list (files, &names, &count, error);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        if (strcmp (names[i].role, "root") == 0) {
            roots = n_roots++ ? roots : &names[i];
        } else if (strcmp (names[i].role, "snapshot") == 0)
            state->snapshot_newest = names[i].version; /* sorted */
        else if (strcmp (names[i].role, "targets") == 0)
            state->has_targets = true;
    state->published =
        n_roots > 0 || broker_trust_files_read (files, "timestamp", 0, trust_limits_default.timestamp,
                                                &timestamp, NULL) != -ENOENT;
    if (!state->published)
        return 0;
    r = root_pick (state, files, roots, n_roots, error);
    if (r == 0 && state->root.size > 0)
        r = chain_check (state, files, roots[0].version, error);
    if (r == 0 && state->root.size > 0)
        r = view_build (state, files, error);
    if (r == 0 && n_roots == 0 &&
        fault_add (state,
                   "there is metadata, but no root: publish the root again, or restore ROOT/trust from a"
                   " backup") != 0)
        r = base_error_errno (error, -ENOMEM, "cannot read the metadata");
    return r < 0 ? r : log_read (state, files, error);
}

static void cache_drop (struct broker_trust *trust)
{
    for (size_t i = 0; i < BROKER_TRUST_CACHED_MOST; i++) {
        base_buffer_deinit (&trust->cached[i].bytes);
        trust->cached[i] = (struct broker_trust_cached){.version = 0};
    }
}

int broker_trust_reload (struct broker_trust *trust, struct base_error *error)
{
    base_assert (trust);
    struct broker_trust_state state = {.published = false};
    int r = state_load (&state, &trust->files, error);
    cache_drop (trust);
    trust->proof.older = 0;
    if (r < 0) {
        state_deinit (&state);
        return r;
    }
    state_deinit (&trust->state);
    trust->state = state;
    trust_check (trust);
    return 0;
}

int broker_trust_open (struct broker_trust *trust, const struct disk *disk, int root,
                       struct base_error *error)
{
    base_assert (trust && disk && root >= 0);
    *trust = (struct broker_trust){.reads = 0};
    int r = broker_trust_files_open (&trust->files, disk, root, error);
    if (r == 0)
        r = broker_trust_keys_open (&trust->keys, &trust->files, error);
    if (r == 0)
        r = broker_trust_reload (trust, error);
    if (r < 0)
        broker_trust_deinit (trust);
    return r;
}

void broker_trust_deinit (struct broker_trust *trust)
{
    base_assert (trust);
    cache_drop (trust);
    state_deinit (&trust->state);
    broker_staging_deinit (&trust->staging);
    broker_trust_keys_deinit (&trust->keys);
    broker_trust_files_deinit (&trust->files);
}

uint64_t broker_trust_version (const struct broker_trust *trust, const char *role)
{
    base_assert (trust && role);
    const struct trust_client *view = &trust->state.view;
    if (view->phase == TRUST_PHASE_NULL)
        return 0;
    if (strcmp (role, "root") == 0)
        return view->root.common.version;
    if (strcmp (role, "timestamp") == 0)
        return trust->state.timestamp.size > 0 ? view->timestamp.common.version : 0;
    if (strcmp (role, "snapshot") == 0)
        return trust->state.snapshot.size > 0 ? view->snapshot.common.version : 0;
    const struct trust_meta *meta =
        trust->state.snapshot.size > 0 ? trust_snapshot_find (&view->snapshot, role) : NULL;
    return meta ? meta->version : 0;
}

/*  Whether bytes are what the metadata above says of this file. A root is signed by its own keys. */
static int file_check (const struct broker_trust *trust, const struct broker_trust_cached *file,
                       struct base_error *error)
{
    struct trust_client client = {.phase = TRUST_PHASE_NULL};
    struct base_error why = {.code = 0};
    int r = 0;
    if (strcmp (file->role, "root") == 0) {
        r = trust_client_init (&client, NULL, 0, file->bytes.data, file->bytes.size, &why);
        if (r == 0)
            trust_client_deinit (&client);
    } else if (file->version == broker_trust_version (trust, file->role)) {
        const struct trust_meta *meta = trust_client_meta (&trust->state.view, file->role);
        if (meta)
            r = trust_hashes_check (&meta->hashes, file->bytes.data, file->bytes.size, file->role, &why);
    }
    return r == 0 || r == -ENOMEM
               ? r
               : base_error_set (error, -EIO, "version %" PRIu64 " of %s is damaged at the broker: %s",
                                 file->version, file->role, why.text);
}

static struct broker_trust_cached *cache_find (struct broker_trust *trust, const char *role, uint64_t version)
{
    for (size_t i = 0; i < BROKER_TRUST_CACHED_MOST; i++)
        if (trust->cached[i].bytes.size > 0 && trust->cached[i].version == version &&
            strcmp (trust->cached[i].role, role) == 0)
            return &trust->cached[i];
    return NULL;
}

/*  Reads a file into the place of the one that was used the longest time ago. */
static int cache_fill (struct broker_trust *trust, const char *role, uint64_t version,
                       struct broker_trust_cached **ret_file, struct base_error *error)
{
    struct broker_trust_cached *file = &trust->cached[0];
    for (size_t i = 1; i < BROKER_TRUST_CACHED_MOST; i++)
        if (trust->cached[i].used < file->used)
            file = &trust->cached[i];
    base_buffer_deinit (&file->bytes);
    *file = (struct broker_trust_cached){.version = version};
    int r = base_text_copy (file->role, sizeof file->role, role);
    base_assert (r == 0);
    r = strcmp (role, "timestamp") == 0
            ? base_buffer_append (&file->bytes, trust->state.timestamp.data, trust->state.timestamp.size)
            : broker_trust_files_read (&trust->files, role, version, trust_limits_default.targets,
                                       &file->bytes, error);
    if (r == 0)
        r = file_check (trust, file, error);
    if (r == 0 && file->bytes.size == 0)
        r = base_error_set (error, -EIO, "version %" PRIu64 " of %s is empty at the broker", version, role);
    if (r < 0) {
        base_buffer_deinit (&file->bytes);
        return r;
    }
    file->digest = base_digest_of (file->bytes.data, file->bytes.size);
    *ret_file = file;
    return 0;
}

int broker_trust_read (struct broker_trust *trust, const char *role, uint64_t version,
                       const struct broker_trust_cached **ret_file, struct base_error *error)
{
    base_assert (trust && role && ret_file);
    struct broker_trust_cached *file = NULL;
    if (!broker_trust_is_role (role))
        return base_error_set (error, -ENOENT, "there is no role of this name");
    uint64_t newest = broker_trust_version (trust, role);
    if (version == 0 || strcmp (role, "timestamp") == 0)
        version = version == 0 || version == newest ? newest : 0;
    if (version == 0)
        return base_error_set (error, -ENOENT, "no such file of %s is published", role);
    file = cache_find (trust, role, version);
    if (!file) {
        int r = cache_fill (trust, role, version, &file, error);
        if (r < 0)
            return r;
    }
    file->used = ++trust->reads;
    *ret_file = file;
    return 0;
}

const char *broker_trust_fault (const struct broker_trust *trust)
{
    base_assert (trust);
    if (trust->state.faults)
        return trust->state.faults[0];
    if (trust->keys.damage[0])
        return trust->keys.damage;
    return trust->renewal[0] ? trust->renewal : NULL;
}

bool broker_trust_lists (struct broker_trust *trust, const char *application,
                         const struct base_digest *release)
{
    base_assert (trust && application && release);
    const struct broker_trust_source source = {.files = &trust->files};
    char path[TRUST_RELEASE_PATH_TEXT], role[TRUST_NAME_TEXT];
    struct base_digest sha256;
    if (trust->state.view.phase != TRUST_PHASE_READY || strlen (application) >= TRUST_CUSTOM_TEXT)
        return false;
    return broker_trust_search (&trust->state.view, &source, trust_release_path (application, release, path),
                                role, &sha256, NULL) == 0 &&
           role[0] && base_digest_equal (&sha256, release);
}

int broker_trust_make_keys (struct broker_trust *trust, struct base_error *error)
{
    base_assert (trust);
    uint8_t seeds[2 * TRUST_SEED_BYTES];
    base_random_bytes (seeds, sizeof seeds);
    int r = broker_trust_keys_make (&trust->keys, &trust->files, seeds, error);
    explicit_bzero (seeds, sizeof seeds);
    return r;
}
