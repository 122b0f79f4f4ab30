/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/repository.c - all metadata of a repository, and its publication */

#include "trust/repository.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "trust/delegate.h"
#include "trust/draft_private.h"
#include "trust/errors.h"
#include "trust/repository_private.h"

void trust_repository_check (const struct trust_repository *repository)
{
    base_assert (repository && (repository->files || repository->n_files == 0));
    uint64_t roots = 0;
    for (size_t i = 0; i < repository->n_files; i++) {
        const struct trust_repository_file *file = &repository->files[i];
        base_assert (file->version > 0 && file->version <= TRUST_VERSION_MOST);
        base_assert (file->bytes.size > 0);
        if (trust_repository_is_root (file)) {
            base_assert (i == roots); /* before all others */
            base_assert (i == 0 || file->version == repository->files[i - 1].version + 1);
            roots++;
            continue;
        }
        for (size_t j = 0; j < i; j++)
            base_assert (strcmp (repository->files[j].role, file->role) != 0);
    }
    base_assert (repository->n_files == 0 || roots > 0);
    for (int kind = 0; repository->n_files && kind < TRUST_KINDS; kind++)
        base_assert (trust_repository_find (repository, trust_kind_name ((enum trust_kind) kind)));
}

static void file_deinit (struct trust_repository_file *file)
{
    base_buffer_deinit (&file->bytes);
    *file = (struct trust_repository_file){0};
}

void trust_repository_deinit (struct trust_repository *repository)
{
    if (!repository)
        return;
    for (size_t i = 0; i < repository->n_files; i++)
        file_deinit (&repository->files[i]);
    free (repository->files);
    *repository = (struct trust_repository){0};
}

static void repository_hand_over (struct trust_repository *from, struct trust_repository *ret_to)
{
    *ret_to = *from;
    *from = (struct trust_repository){0};
}

static struct trust_repository_file *file_find (const struct trust_repository *repository, const char *role)
{
    for (size_t i = repository->n_files; i-- > 0;)
        if (strcmp (repository->files[i].role, role) == 0)
            return &repository->files[i];
    return NULL;
}

const struct trust_repository_file *trust_repository_find (const struct trust_repository *repository,
                                                           const char *role)
{
    base_assert (repository && role);
    return file_find (repository, role);
}

const struct trust_repository_file *trust_repository_expires (const struct trust_repository *repository)
{
    base_assert (repository && repository->n_files > 0);
    const struct trust_repository_file *first = file_find (repository, "root");
    for (size_t i = 0; i < repository->n_files; i++)
        if (!trust_repository_is_root (&repository->files[i]) &&
            repository->files[i].expires < first->expires)
            first = &repository->files[i];
    return first;
}

static enum trust_kind kind_of_role (const char *role)
{
    for (int kind = 0; kind < TRUST_KINDS; kind++)
        if (strcmp (role, trust_kind_name ((enum trust_kind) kind)) == 0)
            return (enum trust_kind) kind;
    return TRUST_TARGETS;
}

/*  Reads a file that has the form of its role; with now (else NULL) also one that may be published at that time. */
static int file_read (const struct trust_draft_file *from, const uint64_t *now,
                      struct trust_repository_file *ret_file, struct base_error *error)
{
    base_assert (from->role && (from->data || from->size == 0));
    base_cleanup (trust_draft_deinit) struct trust_draft draft = {0};
    struct trust_repository_file file = {0};
    enum trust_kind kind = kind_of_role (from->role);
    if (base_text_copy (file.role, sizeof file.role, from->role) ||
        (kind == TRUST_TARGETS && strcmp (from->role, "targets") != 0 &&
         !trust_name_is_delegated (from->role)))
        return base_error_set (error, TRUST_E_FORMAT, "a file is given under a name that no role can have");
    int r = trust_draft_read (from->data, from->size, &draft, error);
    if (r == 0 && now)
        r = trust_draft_check (&draft, *now, error);
    if (r) {
        (void) base_error_prefix (error, "%s", file.role);
        return r;
    }
    if (draft.kind != kind)
        return base_error_set (error, TRUST_E_FORMAT, "the file of %s is one of %s", file.role,
                               trust_kind_name (draft.kind));
    file.version = trust_draft_version (&draft);
    r = trust_expires_parse (json_string_value (json_object_get (trust_draft_content (&draft), "expires")),
                             &file.expires);
    base_assert (r == 0); /* the form is checked */
    r = base_buffer_append (&file.bytes, from->data, from->size);
    if (r < 0)
        return trust_draft_no_memory (error);
    *ret_file = file;
    return 0;
}

/*  Puts a file behind the others of its kind, or in the place of the older one of its role. There is room. Takes it. */
static void file_put (struct trust_repository *repository, struct trust_repository_file *file)
{
    struct trust_repository_file *place =
        trust_repository_is_root (file) ? NULL : file_find (repository, file->role);
    if (place) {
        file_deinit (place);
    } else {
        size_t at = repository->n_files++;
        for (; trust_repository_is_root (file) && at &&
               !(trust_repository_is_root (&repository->files[at - 1]) &&
                 repository->files[at - 1].version <= file->version);
             at--)
            repository->files[at] = repository->files[at - 1];
        place = &repository->files[at];
    }
    *place = *file;
    *file = (struct trust_repository_file){0};
}

static int file_add (struct trust_repository *repository, const struct trust_draft_file *from,
                     struct base_error *error)
{
    struct trust_repository_file file = {0};
    int r = file_read (from, NULL, &file, error);
    if (r == 0)
        file_put (repository, &file);
    return r;
}

/*  A copy with room for more files. */
static int repository_copy (const struct trust_repository *repository, size_t more,
                            struct trust_repository *ret_copy, struct base_error *error)
{
    base_cleanup (trust_repository_deinit) struct trust_repository copy = {0};
    copy.files = calloc (repository->n_files + more, sizeof *copy.files);
    if (!copy.files)
        return trust_draft_no_memory (error);
    for (; copy.n_files < repository->n_files; copy.n_files++) {
        const struct trust_repository_file *from = &repository->files[copy.n_files];
        struct trust_repository_file *file = &copy.files[copy.n_files];
        *file = *from;
        file->bytes = (struct base_buffer){0};
        if (base_buffer_append (&file->bytes, from->bytes.data, from->bytes.size))
            return trust_draft_no_memory (error);
    }
    repository_hand_over (&copy, ret_copy);
    return 0;
}

static int draft_of (const struct trust_repository *repository, const char *role,
                     struct trust_draft *ret_draft, struct base_error *error)
{
    const struct trust_repository_file *file = file_find (repository, role);
    return file ? trust_draft_read (file->bytes.data, file->bytes.size, ret_draft, error) : 0;
}

/*  Signs, and puts it into the repository. */
static int draft_put (struct trust_repository *repository, struct trust_draft *draft, uint64_t now,
                      const struct trust_secret *const *keys, size_t n_keys, struct base_error *error)
{
    base_assert (keys || n_keys == 0);
    base_cleanup (base_buffer_deinit) struct base_buffer bytes = {0};
    int r = trust_draft_check (draft, now, error);
    for (size_t i = 0; r == 0 && i < n_keys; i++)
        r = trust_draft_sign (draft, keys[i], error);
    if (r == 0)
        r = trust_draft_write (draft, &bytes, error);
    if (r)
        return r;
    const struct trust_draft_file file = {trust_kind_name (draft->kind), bytes.data, bytes.size};
    return file_add (repository, &file, error);
}

/*  What a publication begins with. */
struct beginning {
    bool
        fresh; /* nodes drop the timestamp and the snapshot that they stored, so versions and lists may start again */
    struct trust_draft snapshot, timestamp;
};

static void beginning_deinit (struct beginning *beginning)
{
    trust_draft_deinit (&beginning->snapshot);
    trust_draft_deinit (&beginning->timestamp);
}

/*  The clock; if a fresh start would repeat the last version, one more. */
static uint64_t fresh_now (const struct trust_draft *last, uint64_t now)
{
    return last->json && trust_draft_version (last) == now ? now + 1 : now;
}

static int snapshot_make (struct trust_repository *next, const struct trust_publication *publication,
                          const struct beginning *beginning, struct base_error *error)
{
    base_cleanup (base_free_p) struct trust_draft_file *files =
        calloc (next->n_files + publication->n_files + 1, sizeof *files);
    base_cleanup (trust_draft_deinit) struct trust_draft draft = {0};
    const struct trust_draft *last =
        beginning->snapshot.json && !beginning->fresh ? &beginning->snapshot : NULL;
    size_t count = 0;
    if (!files)
        return trust_draft_no_memory (error);
    for (size_t i = 0; i < publication->n_files && last; i++)
        if (strcmp (publication->files[i].role, "root") != 0)
            files[count++] = publication->files[i];
    for (size_t i = 0; i < next->n_files && !last; i++)
        if (kind_of_role (next->files[i].role) == TRUST_TARGETS)
            files[count++] = (struct trust_draft_file){next->files[i].role, next->files[i].bytes.data,
                                                       next->files[i].bytes.size};
    int r = trust_draft_snapshot_next (
        last, files, count, last ? publication->now : fresh_now (&beginning->snapshot, publication->now),
        publication->snapshot_expires, &draft, error);
    return r ? r
             : draft_put (next, &draft, publication->now, publication->snapshot_keys,
                          publication->n_snapshot_keys, error);
}

static int timestamp_make (struct trust_repository *next, const struct trust_publication *publication,
                           const struct beginning *beginning, struct base_error *error)
{
    const struct trust_repository_file *snapshot = file_find (next, "snapshot");
    base_assert (snapshot);
    base_cleanup (trust_draft_deinit) struct trust_draft draft = {0};
    const struct trust_draft *last =
        beginning->timestamp.json && !beginning->fresh ? &beginning->timestamp : NULL;
    struct trust_log_head head;
    int r = trust_log_head_read (
        beginning->timestamp.json ? trust_draft_content (&beginning->timestamp) : NULL, &head, error);
    if (r == 0)
        r = trust_draft_timestamp_next (
            last, snapshot->bytes.data, snapshot->bytes.size, publication->log ? publication->log : &head,
            last ? publication->now : fresh_now (&beginning->timestamp, publication->now),
            publication->timestamp_expires, &draft, error);
    return r ? r
             : draft_put (next, &draft, publication->now, publication->timestamp_keys,
                          publication->n_timestamp_keys, error);
}

/*  Takes the files that are given. */
static int files_take (struct trust_repository *next, const struct trust_publication *publication,
                       struct base_error *error)
{
    for (size_t i = 0; i < publication->n_files; i++) {
        struct trust_repository_file file = {0};
        int r = file_read (&publication->files[i], &publication->now, &file, error);
        if (r)
            return r;
        enum trust_kind kind = kind_of_role (file.role);
        if (kind == TRUST_SNAPSHOT || kind == TRUST_TIMESTAMP)
            r = base_error_set (error, TRUST_E_FORMAT, "%s is made here, and not taken", file.role);
        else if (trust_repository_is_root (&file) && next->n_files && file_find (next, "root") &&
                 file.version != file_find (next, "root")->version + 1)
            r = base_error_set (error, TRUST_E_VERSION,
                                "root has version %" PRIu64 " where %" PRIu64 " must follow", file.version,
                                file_find (next, "root")->version + 1);
        if (r) {
            file_deinit (&file);
            return r;
        }
        file_put (next, &file);
    }
    return 0;
}

/*  Drops the files of publishers who are delegated to no more. */
static int publishers_drop (struct trust_repository *next, const struct trust_publication *publication,
                            struct base_error *error)
{
    base_cleanup (trust_draft_deinit) struct trust_draft draft = {0};
    base_cleanup (trust_targets_deinit) struct trust_targets targets = {0};
    struct trust_delegate delegate;
    int r = draft_of (next, "targets", &draft, error);
    if (r || !draft.json) /* without targets the client will refuse it */
        return r;
    r = trust_targets_read (trust_draft_content (&draft), &targets, error);
    for (size_t i = 0; r == 0 && i < publication->n_files; i++)
        if (strcmp (publication->files[i].role, "root") != 0 &&
            strcmp (publication->files[i].role, "targets") != 0 &&
            !trust_delegate_find (&targets, publication->files[i].role, &delegate))
            r = base_error_set (error, TRUST_E_UNKNOWN_ROLE, "the targets delegate nothing to %.64s",
                                publication->files[i].role);
    size_t kept = 0;
    for (size_t i = 0; r == 0 && i < next->n_files; i++) {
        struct trust_repository_file *file = &next->files[i];
        bool publisher = kind_of_role (file->role) == TRUST_TARGETS && strcmp (file->role, "targets") != 0;
        if (publisher && !trust_delegate_find (&targets, file->role, &delegate))
            file_deinit (file);
        else if (kept++ != i)
            next->files[kept - 1] = *file;
    }
    if (r == 0)
        next->n_files = kept;
    return r;
}

int trust_repository_publish (struct trust_repository *repository,
                              const struct trust_publication *publication, struct base_error *error)
{
    base_assert (repository && publication);
    base_assert (publication->files || publication->n_files == 0);
    trust_repository_check (repository);
    base_cleanup (trust_repository_deinit) struct trust_repository next = {0};
    base_cleanup (beginning_deinit) struct beginning beginning = {0};
    size_t root = 0; /* the last one before the publication, or the first of all */
    while (root + 1 < repository->n_files && trust_repository_is_root (&repository->files[root + 1]))
        root++;
    int r = repository_copy (repository, publication->n_files + 2, &next, error);
    if (r == 0)
        r = files_take (&next, publication, error);
    if (r == 0)
        r = file_find (&next, "root")
                ? trust_repository_drops_stored (&next, root, &beginning.fresh, error)
                : base_error_set (error, TRUST_E_UNAVAILABLE, "the repository has no root");
    if (r == 0)
        r = draft_of (repository, "snapshot", &beginning.snapshot, error);
    if (r == 0)
        r = draft_of (repository, "timestamp", &beginning.timestamp, error);
    if (r == 0)
        r = publishers_drop (&next, publication, error);
    if (r == 0)
        r = snapshot_make (&next, publication, &beginning, error);
    if (r == 0)
        r = timestamp_make (&next, publication, &beginning, error);
    if (r == 0)
        r = trust_repository_judge (&next, root, repository, error);
    if (r)
        return r;
    trust_repository_check (&next);
    trust_repository_deinit (repository);
    repository_hand_over (&next, repository);
    return 0;
}

int trust_repository_load (struct trust_repository *ret_repository, const struct trust_draft_file *files,
                           size_t n_files, struct base_error *error)
{
    base_assert (ret_repository && (files || n_files == 0));
    static const struct trust_repository nothing;
    base_cleanup (trust_repository_deinit) struct trust_repository repository = {0};
    *ret_repository = (struct trust_repository){0};
    int r = repository_copy (&nothing, n_files + 1, &repository, error);
    for (size_t i = 0; r == 0 && i < n_files; i++) {
        if (strcmp (files[i].role, "root") != 0 && file_find (&repository, files[i].role))
            r = base_error_set (error, TRUST_E_FORMAT, "there are two files of %.64s", files[i].role);
        else
            r = file_add (&repository, &files[i], error);
    }
    if (r == 0)
        r = trust_repository_judge (&repository, 0, &nothing, error);
    if (r)
        return r;
    trust_repository_check (&repository);
    repository_hand_over (&repository, ret_repository);
    return 0;
}
