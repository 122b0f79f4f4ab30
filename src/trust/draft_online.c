/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/draft_online.c - snapshot and timestamp in the making */

#include "trust/draft_online.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "trust/draft_private.h"
#include "trust/errors.h"

/*  An entry of "meta". NULL if out of memory. */
static json_t *meta_json (const void *data, size_t size, uint64_t version)
{
    struct base_digest digest = base_digest_of (data, size);
    char text[BASE_DIGEST_TEXT];
    return json_pack ("{s:{s:s}, s:I, s:I}", "hashes", "sha256", base_digest_format (&digest, text), "length",
                      (json_int_t) size, "version", (json_int_t) version);
}

/*  A copy of last, or new content. */
static int draft_begin (const struct trust_draft *last, enum trust_kind kind, uint64_t now, uint64_t expires,
                        struct trust_draft *ret_draft, struct base_error *error)
{
    base_assert (!last || last->kind == kind);
    uint64_t version = 0;
    int r = trust_version_next (last ? trust_draft_version (last) : 0, now, &version, error);
    if (r)
        return r;
    if (last)
        return trust_draft_follow (last, version, expires, ret_draft, error);
    json_t *content = trust_draft_begin (kind, version, expires);
    if (content && json_object_set_new (content, "meta", json_object ())) {
        json_decref (content);
        content = NULL;
    }
    return trust_draft_init (ret_draft, kind, content, error);
}

static int snapshot_put (struct trust_draft *snapshot, const struct trust_draft_file *file,
                         struct base_error *error)
{
    base_assert (file->role && file->data);
    base_assert (strcmp (file->role, "targets") == 0 || trust_name_is_delegated (file->role));
    base_cleanup (trust_draft_deinit) struct trust_draft targets = {0};
    int r = trust_draft_read (file->data, file->size, &targets, error);
    if (r)
        return r;
    if (targets.kind != TRUST_TARGETS)
        return base_error_set (error, TRUST_E_FORMAT, "the file of %s is one of %s", file->role,
                               trust_kind_name (targets.kind));
    char name[TRUST_NAME_TEXT + sizeof ".json"];
    (void) snprintf (name, sizeof name, "%s.json", file->role);
    uint64_t version = trust_draft_version (&targets);
    json_t *meta = json_object_get (trust_draft_content (snapshot), "meta"),
           *before = json_object_get (meta, name), *after = meta_json (file->data, file->size, version);
    uint64_t last = (uint64_t) json_integer_value (json_object_get (before, "version"));
    if (!after)
        return trust_draft_no_memory (error);
    if (version < last || (version == last && !json_equal (before, after))) {
        json_decref (after);
        return base_error_set (error, TRUST_E_VERSION,
                               version < last ? "version %" PRIu64 " of %s is older than version %" PRIu64
                                                ", which is published: sign it with a higher version"
                                              : "version %" PRIu64
                                                " of %s differs from the published version %" PRIu64
                                                ": sign it with a higher version",
                               version, file->role, last);
    }
    return json_object_set_new (meta, name, after) ? trust_draft_no_memory (error) : 0;
}

int trust_draft_snapshot_next (const struct trust_draft *last, const struct trust_draft_file *files,
                               size_t n_files, uint64_t now, uint64_t expires, struct trust_draft *ret_draft,
                               struct base_error *error)
{
    base_assert ((files || n_files == 0) && ret_draft);
    base_cleanup (trust_draft_deinit) struct trust_draft draft = {0};
    int r = draft_begin (last, TRUST_SNAPSHOT, now, expires, &draft, error);
    for (size_t i = 0; r == 0 && i < n_files; i++)
        r = snapshot_put (&draft, &files[i], error);
    if (r)
        return r;
    *ret_draft = draft;
    draft = (struct trust_draft){0};
    return 0;
}

/*  The head that follows that of last. */
static int log_next (const struct trust_draft *last, const struct trust_log_head *log,
                     struct trust_log_head *ret_head, struct base_error *error)
{
    struct trust_log_head before;
    int r = trust_log_head_read (last ? trust_draft_content (last) : NULL, &before, error);
    if (r)
        return r;
    if (log && (log->size < before.size ||
                (log->size == before.size && !base_digest_equal (&log->root, &before.root))))
        return base_error_set (error, TRUST_E_PROOF,
                               "the log of releases has %" PRIu64
                               " entries and does not continue the published one of "
                               "%" PRIu64 ": restore the log",
                               log->size, before.size);
    *ret_head = log ? *log : before;
    return 0;
}

int trust_draft_timestamp_next (const struct trust_draft *last, const void *snapshot, size_t size,
                                const struct trust_log_head *log, uint64_t now, uint64_t expires,
                                struct trust_draft *ret_draft, struct base_error *error)
{
    base_assert (snapshot && ret_draft);
    base_cleanup (trust_draft_deinit) struct trust_draft draft = {0}, below = {0};
    struct trust_log_head head;
    int r = trust_draft_read (snapshot, size, &below, error);
    if (r == 0 && below.kind != TRUST_SNAPSHOT)
        r = base_error_set (error, TRUST_E_FORMAT, "this is not a snapshot, but a file of %s",
                            trust_kind_name (below.kind));
    if (r == 0)
        r = log_next (last, log, &head, error);
    if (r == 0)
        r = draft_begin (last, TRUST_TIMESTAMP, now, expires, &draft, error);
    if (r)
        return r;
    json_t *content = trust_draft_content (&draft), *meta = json_object_get (content, "meta");
    if (json_object_set_new (meta, "snapshot.json",
                             meta_json (snapshot, size, trust_draft_version (&below))) ||
        json_object_set_new (content, "log", trust_log_head_json (&head)))
        return trust_draft_no_memory (error);
    *ret_draft = draft;
    draft = (struct trust_draft){0};
    return 0;
}
