/* SPDX-License-Identifier: MPL-2.0 */
/*  node/stage.c - builds the workspace of a release */

#include "node/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "node/launcher.h"
#include "root/verified.h"

enum { PATH_SIZE = 300 };

/*  A workspace that is being made, and the sources of its files. */
struct stage {
    struct root_draft draft;
    const struct root *root;
    struct disk_blobs *blobs;
    const struct identity_running *running;
};

/*  Formats the path of a blob below the store's directory. */
static void blob_path (const struct base_digest *digest, char path[BASE_DIGEST_TEXT + 3])
{
    char name[BASE_DIGEST_TEXT];
    (void) base_digest_format (digest, name);
    (void) snprintf (path, BASE_DIGEST_TEXT + 3, "%.2s/%s", name, name);
}

static const char *file_path (const struct wire_file *file, char path[PATH_SIZE])
{
    (void) snprintf (path, PATH_SIZE, ROOT_FILES "/%s", file->path);
    return path;
}

/*  Adds a file from the downloads, or else from a workspace: from the running one, or, if its file is
    damaged, from another one. Returns 0, ROOT_E_DAMAGED if the file must be downloaded, or -errno. */
static int file_stage (struct stage *stage, const char *path, const struct base_digest *digest, mode_t mode,
                       struct base_error *error)
{
    struct identity_source source;
    base_assert (stage->draft.root && stage->draft.fd >= 0);
    base_assert (path && digest);
    base_cleanup (base_close_p) int fetched = -1;
    if (disk_blobs_get (stage->blobs, digest, &fetched, NULL) == 0) {
        char from[BASE_DIGEST_TEXT + 3];
        blob_path (digest, from);
        int r = root_draft_adopt (&stage->draft, path, mode, digest, stage->blobs->fd, from, error);
        if (r == ROOT_E_DAMAGED)
            (void) disk_blobs_remove (stage->blobs, digest);
        return r;
    }
    int r = ROOT_E_DAMAGED;
    (void) base_error_set (error, r, "%s is neither in a workspace nor among the downloaded blobs", path);
    for (int distrust = 0; distrust <= 1 && r == ROOT_E_DAMAGED; distrust++) {
        base_cleanup (base_close_p) int workspace = -1;
        if (identity_running_find (stage->root, stage->running, digest, distrust, &source) == 0 &&
            root_workspace_open (stage->root, source.workspace, &workspace) == 0)
            r = root_draft_copy (&stage->draft, path, mode, digest, workspace, source.path, error);
    }
    return r;
}

static void file_note_verified (struct root_verified *verified, int workspace, const char *path,
                                const struct base_digest *digest, uint64_t size)
{
    if (size < ROOT_VERIFIED_LARGE)
        return;
    base_cleanup (base_close_p) int fd = openat (workspace, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        root_verified_note (verified, fd, digest);
}

/*  Notes the files as verified: they were, when the workspace was sealed. Removing their second name has
    changed their ctime since. */
static void workspace_note_verified (const struct root *root, const char *workspace,
                                     const struct wire_envelope *envelope)
{
    base_cleanup (root_verified_deinit) struct root_verified verified = {.boot = ""};
    base_cleanup (base_close_p) int fd = -1;
    int r = root_workspace_open (root, workspace, &fd);
    if (r)
        return;
    root_verified_load (root, &verified);
    file_note_verified (&verified, fd, ROOT_PROGRAM, &envelope->binary, envelope->size);
    for (size_t i = 0; i < envelope->n_files; i++) {
        const struct wire_file *file = &envelope->files[i];
        char path[PATH_SIZE];
        file_note_verified (&verified, fd, file_path (file, path), &file->digest, file->size);
    }
    root_verified_save (root, &verified);
}

/*  Adds the program and the files of the envelope. */
static int stage_files (struct stage *stage, const struct wire_envelope *envelope, struct base_error *error)
{
    int r = file_stage (stage, ROOT_PROGRAM, &envelope->binary, 0755, error);
    for (size_t i = 0; i < envelope->n_files && r == 0; i++) {
        const struct wire_file *file = &envelope->files[i];
        char path[PATH_SIZE];
        r = file_stage (stage, file_path (file, path), &file->digest, file->executable ? 0755 : 0644, error);
    }
    return r;
}

/*  Removes the blobs of the envelope from the downloads: all that can be removed. Returns 0, or the -errno of
    the first that cannot. */
static int blobs_remove (struct disk_blobs *blobs, const struct wire_envelope *envelope)
{
    base_assert (blobs && envelope);
    int first = disk_blobs_remove (blobs, &envelope->binary);
    for (size_t i = 0; i < envelope->n_files; i++) {
        int r = disk_blobs_remove (blobs, &envelope->files[i].digest);
        if (first == 0)
            first = r;
    }
    return first;
}

int node_stage (const struct root *root, struct disk_blobs *blobs, const struct identity_running *running,
                const struct wire_installed *installed, const struct base_buffer *document,
                char ret_name[ROOT_NAME_SIZE], struct base_error *error)
{
    base_assert (root_is_open (root) && blobs && running);
    base_assert (installed && installed->envelope && document && ret_name);
    const struct wire_envelope *envelope = installed->envelope;
    struct stage stage = {.draft = {.fd = -1}, .root = root, .blobs = blobs, .running = running};
    int r = root_draft_begin (root, base_time_real_ns (), &stage.draft, error);
    if (r)
        return r;
    r = stage_files (&stage, envelope, error);
    if (r == 0)
        r = root_draft_start_files (&stage.draft, node_launcher_begin, node_launcher_size (), error);
    if (r == 0)
        r = root_draft_describe (&stage.draft, installed, document, error);
    if (r == 0)
        r = root_draft_seal (&stage.draft, installed, ret_name, error);
    root_draft_deinit (&stage.draft);
    if (r)
        return r;
    r = blobs_remove (blobs, envelope);
    if (r < 0) { /* the workspace would share files with downloads, from which the next version may be made */
        (void) root_workspace_remove (root, ret_name, NULL);
        *ret_name = '\0';
        return base_error_errno (error, r, "cannot remove the downloads after staging");
    }
    workspace_note_verified (root, ret_name, envelope);
    return 0;
}
