#include "node/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "node/launcher.h"
#include "root/verified.h"

/*  Where a content of the store lies below its directory. */
static void content_path (const struct base_digest *digest, char path[BASE_DIGEST_TEXT + 3])
{
    char name[BASE_DIGEST_TEXT];
    (void) base_digest_format (digest, name);
    (void) snprintf (path, BASE_DIGEST_TEXT + 3, "%.2s/%s", name, name);
}

static int place_one (struct root_draft *draft, const struct root *root, struct disk_blobs *contents,
                      const struct node_self *self, const char *path, const struct base_digest *digest,
                      mode_t mode, struct base_error *error)
{
    struct node_place place;
    base_cleanup (base_close_p) int fetched = -1;
    uint64_t size;
    if (disk_blobs_get (contents, digest, &fetched, &size)) {
        base_cleanup (base_close_p) int workspace = -1;
        int rc = node_self_find (root, self, digest, false, &place);
        rc = rc ? rc : root_workspace_open (root, place.workspace, &workspace);
        return rc ? base_error_set (error, rc, "%s is neither in a workspace nor among the contents", path)
                  : root_draft_link (draft, path, mode, workspace, place.path, error);
    }
    char from[BASE_DIGEST_TEXT + 3];
    content_path (digest, from);
    return root_draft_link (draft, path, mode, contents->fd, from, error);
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

/*  The files were verified when the workspace was sealed; that their other name has gone since changed the
    time of their last change. */
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
        (void) snprintf (path, sizeof path, "files/%s", envelope->files[i].path);
        note_one (&verified, fd, path, &envelope->files[i].digest, envelope->files[i].size);
    }
    root_verified_save (root, &verified);
}

int node_stage (const struct root *root, struct disk_blobs *contents, const struct node_self *self,
                const struct wire_installed *installed, char ret_name[ROOT_NAME_SIZE],
                struct base_error *error)
{
    const struct wire_envelope *envelope = installed->envelope;
    base_cleanup (root_draft_deinit) struct root_draft draft = {.fd = -1};
    int rc = root_draft_begin (root, base_time_real_ns (), &draft, error);
    if (!rc)
        rc = place_one (&draft, root, contents, self, ROOT_PROGRAM, &envelope->binary, 0755, error);
    for (size_t i = 0; i < envelope->n_files && !rc; i++) {
        const struct wire_file *file = &envelope->files[i];
        char path[300];
        (void) snprintf (path, sizeof path, "files/%s", file->path);
        rc = place_one (&draft, root, contents, self, path, &file->digest, file->executable ? 0755 : 0644,
                        error);
    }
    rc = rc ? rc : root_draft_start_files (&draft, node_launcher_begin, node_launcher_size (), error);
    rc = rc ? rc : root_draft_describe (&draft, installed, error);
    rc = rc ? rc : root_draft_seal (&draft, installed, ret_name, error);
    if (rc)
        return rc;
    (void) disk_blobs_remove (contents, &envelope->binary);
    for (size_t i = 0; i < envelope->n_files; i++)
        (void) disk_blobs_remove (contents, &envelope->files[i].digest);
    note_verified (root, ret_name, envelope);
    return 0;
}
