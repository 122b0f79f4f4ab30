/* SPDX-License-Identifier: MPL-2.0 */
/*  node/stage.c - builds the workspace of a release */

#include "node/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "node/launcher.h"
#include "root/verified.h"

/*  Formats the path of a blob below the store's directory. */
static void content_path (const struct base_digest *digest, char path[BASE_DIGEST_TEXT + 3])
{
    char name[BASE_DIGEST_TEXT];
    (void) base_digest_format (digest, name);
    (void) snprintf (path, BASE_DIGEST_TEXT + 3, "%.2s/%s", name, name);
}

/*  Places a file from the downloads, or else from a workspace: from the running one, or, if its file is
    damaged, from another one. Returns ROOT_E_DAMAGED if the file must be downloaded. */
static int place_one (struct root_draft *draft, const struct root *root, struct disk_blobs *contents,
                      const struct identity_running *running, const char *path,
                      const struct base_digest *digest, mode_t mode, struct base_error *error)
{
    struct identity_place place;
    base_cleanup (base_close_p) int fetched = -1;
    if (disk_blobs_get (contents, digest, &fetched, NULL) == 0) {
        char from[BASE_DIGEST_TEXT + 3];
        content_path (digest, from);
        int rc = root_draft_adopt (draft, path, mode, digest, contents->fd, from, error);
        if (rc == ROOT_E_DAMAGED)
            (void) disk_blobs_remove (contents, digest);
        return rc;
    }
    int rc = ROOT_E_DAMAGED;
    (void) base_error_set (error, rc, "%s is neither in a workspace nor among the downloaded blobs", path);
    for (int distrust = 0; distrust <= 1 && rc == ROOT_E_DAMAGED; distrust++) {
        base_cleanup (base_close_p) int workspace = -1;
        if (!identity_running_find (root, running, digest, distrust, &place) &&
            !root_workspace_open (root, place.workspace, &workspace))
            rc = root_draft_copy (draft, path, mode, digest, workspace, place.path, error);
    }
    return rc;
}

static void note_one (struct root_verified *verified, int workspace, const char *path,
                      const struct base_digest *digest, uint64_t size)
{
    if (size < ROOT_VERIFIED_LARGE)
        return;
    base_cleanup (base_close_p) int fd = openat (workspace, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0)
        root_verified_note (verified, fd, digest);
}

/*  The files were verified when the workspace was sealed. Removing their other name has changed their change
    time since. */
static void note_verified (const struct root *root, const char *workspace,
                           const struct wire_envelope *envelope)
{
    base_cleanup (root_verified_deinit) struct root_verified verified = {.boot = ""};
    base_cleanup (base_close_p) int fd = -1;
    if (root_workspace_open (root, workspace, &fd))
        return;
    root_verified_load (root, &verified);
    note_one (&verified, fd, ROOT_PROGRAM, &envelope->binary, envelope->size);
    for (size_t i = 0; i < envelope->n_files; i++) {
        char path[300];
        (void) snprintf (path, sizeof path, ROOT_FILES "/%s", envelope->files[i].path);
        note_one (&verified, fd, path, &envelope->files[i].digest, envelope->files[i].size);
    }
    root_verified_save (root, &verified);
}

int node_stage (const struct root *root, struct disk_blobs *contents, const struct identity_running *running,
                const struct wire_installed *installed, const struct base_buffer *document,
                char ret_name[ROOT_NAME_SIZE], struct base_error *error)
{
    const struct wire_envelope *envelope = installed->envelope;
    base_cleanup (root_draft_deinit) struct root_draft draft = {.fd = -1};
    int rc = root_draft_begin (root, base_time_real_ns (), &draft, error);
    if (!rc)
        rc = place_one (&draft, root, contents, running, ROOT_PROGRAM, &envelope->binary, 0755, error);
    for (size_t i = 0; i < envelope->n_files && !rc; i++) {
        const struct wire_file *file = &envelope->files[i];
        char path[300];
        (void) snprintf (path, sizeof path, ROOT_FILES "/%s", file->path);
        rc = place_one (&draft, root, contents, running, path, &file->digest, file->executable ? 0755 : 0644,
                        error);
    }
    rc = rc ? rc : root_draft_start_files (&draft, node_launcher_begin, node_launcher_size (), error);
    rc = rc ? rc : root_draft_describe (&draft, installed, document, error);
    rc = rc ? rc : root_draft_seal (&draft, installed, ret_name, error);
    if (rc)
        return rc;
    rc = disk_blobs_remove (contents, &envelope->binary);
    for (size_t i = 0; i < envelope->n_files; i++) {
        int one = disk_blobs_remove (contents, &envelope->files[i].digest);
        rc = rc ? rc : one;
    }
    if (rc) { /* it would share files with downloads, and the next version may be made from those */
        (void) root_workspace_remove (root, ret_name, NULL);
        *ret_name = '\0';
        return base_error_errno (error, rc, "cannot remove the downloads after staging");
    }
    note_verified (root, ret_name, envelope);
    return 0;
}
