/* SPDX-License-Identifier: MPL-2.0 */
/*  root/rollback.c - verifies workspaces and rolls back from a version that failed its trial

    That version ran as the owner of the root, or as root. So nothing that it could reach is trusted, and
    nothing that it did by accident (a mode, an attribute, a link) may keep the version before it from
    running. Deliberate forgery is out of scope: that version can write whatever this process can. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "root/manifest.h"
#include "root/root.h"
#include "root/verified.h"

enum { DEPTH_MOST = 32, MANIFEST_MOST = 4 * 1024 * 1024 };

/*  modes: the manifest does not record them */

static bool file_is_executed (const char *name)
{
    return strcmp (name, ROOT_LAUNCHER) == 0 || strcmp (name, ROOT_SCRIPT) == 0 ||
           strcmp (name, ROOT_PROGRAM) == 0;
}

/*  Restores the owner permissions that a workspace needs. Consumes fd. Returns whether anything
    was changed. */
static bool modes_repair (int fd, unsigned depth)
{
    bool changed = false;
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (fd);
    for (const struct dirent *entry; directory && (entry = readdir (directory));) {
        const char *name = entry->d_name;
        struct stat status;
        if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0 ||
            fstatat (fd, name, &status, AT_SYMLINK_NOFOLLOW))
            continue;
        bool below = S_ISDIR (status.st_mode);
        if (!below && !S_ISREG (status.st_mode))
            continue;
        mode_t wanted = below ? 0700 : depth == 0 && file_is_executed (name) ? 0500 : 0400;
        if ((status.st_mode & wanted) != wanted)
            changed |= fchmodat (fd, name, (status.st_mode & 07777) | (wanted == 0400 ? 0644 : 0755), 0) == 0;
        int deeper = below && depth < DEPTH_MOST
                         ? openat (fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                         : -1;
        changed |= deeper >= 0 && modes_repair (deeper, depth + 1);
    }
    return changed;
}

bool root_modes_repair (const struct root *root, const char *name)
{
    struct stat status;
    bool changed = false;
    if (fstatat (root->fd, name, &status, AT_SYMLINK_NOFOLLOW) || !S_ISDIR (status.st_mode))
        return false;
    if ((status.st_mode & 0700) != 0700)
        changed = fchmodat (root->fd, name, (status.st_mode & 07777) | 0755, 0) == 0;
    int fd = openat (root->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return (fd >= 0 && modes_repair (fd, 0)) || changed;
}

/*  Checks that this user can execute the start files. */
static int modes_check (const struct root *root, const char *name, struct base_error *error)
{
    static const char *const files[] = {ROOT_SCRIPT, ROOT_LAUNCHER};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[ROOT_NAME_SIZE + 16];
        (void) snprintf (path, sizeof path, "%s/%s", name, files[i]);
        if (faccessat (root->fd, path, X_OK, AT_EACCESS))
            return base_error_set (error, ROOT_E_DAMAGED, "%s/%s cannot be executed: %s", root->path, path,
                                   strerror (errno));
    }
    return 0;
}

int root_manifest_digest (const struct root *root, const char *name, struct base_digest *ret_digest)
{
    base_assert (root_is_open (root));
    base_assert (name);
    base_assert (ret_digest);
    char path[ROOT_NAME_SIZE + 16];
    (void) snprintf (path, sizeof path, "%.*s/manifest", ROOT_NAME_SIZE - 1, name);
    base_cleanup (base_close_p) int fd =
        openat (root->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return fd < 0 ? -errno : root_verified_digest (NULL, fd, ret_digest);
}

int root_start_open (const struct root *root, const char *name, const char *file, int *ret_fd,
                     struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (name && file);
    base_assert (ret_fd);
    struct base_digest listed, found;
    base_cleanup (base_buffer_deinit) struct base_buffer manifest = {0};
    base_cleanup (base_close_p) int workspace =
        openat (root->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    base_cleanup (base_close_p) int fd =
        workspace < 0 ? -1 : openat (workspace, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot read %s/%s", name, file);
    int r = disk_file_read (&disk_system, workspace, ROOT_MANIFEST, MANIFEST_MOST, &manifest);
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s/" ROOT_MANIFEST, name);
    r = root_manifest_find (&manifest, file, &listed);
    if (r < 0)
        return base_error_errno (error, r, "cannot search %s/" ROOT_MANIFEST, name);
    if (r > 0)
        return base_error_set (error, ROOT_E_DAMAGED, "%s/%s is not in the manifest", name, file);
    r = root_verified_digest (NULL, fd, &found);
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s/%s", name, file);
    if (!base_digest_equal (&listed, &found))
        return base_error_set (error, ROOT_E_DAMAGED, "%s/%s does not match the manifest", name, file);
    *ret_fd = base_take_fd (&fd);
    return 0;
}

static bool launcher_is_intact (const struct root *root, const char *name)
{
    base_cleanup (base_close_p) int fd = -1;
    return root_start_open (root, name, ROOT_LAUNCHER, &fd, NULL) == 0;
}

enum verify {
    VERIFY_CACHED, /* files that were read since boot are not read again */
    VERIFY_ALL,
};

static int workspace_verify_once (const struct root *root, const char *name, enum verify verify,
                                  const struct base_digest *manifest, struct base_error *error)
{
    struct base_digest found;
    int r = root_startable (root, name, error);
    if (r)
        return r;
    r = modes_check (root, name, error);
    if (r)
        return r;
    base_cleanup (base_close_p) int fd = root->disk->ops->openat (
        root->disk->context, root->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot open %s/%s", root->path, name);
    if (manifest && !base_digest_is_null (manifest) && root_manifest_digest (root, name, &found) == 0 &&
        !base_digest_equal (&found, manifest))
        return base_error_set (error, ROOT_E_DAMAGED, "%s/%s/manifest was changed", root->path, name);
    r = root_manifest_verify (verify == VERIFY_CACHED ? root : NULL, fd, error);
    return r == ROOT_E_NONE ? ROOT_E_DAMAGED : r;
}

static int workspace_verify (const struct root *root, const char *name, enum verify verify,
                             const struct base_digest *manifest, struct base_error *error)
{
    int r = workspace_verify_once (root, name, verify, manifest, error);
    return r && root_modes_repair (root, name) ? workspace_verify_once (root, name, verify, manifest, error)
                                               : r;
}

int root_workspace_check (const struct root *root, const char *name, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (name);
    return workspace_verify (root, name, VERIFY_CACHED, NULL, error);
}

int root_workspace_verify (const struct root *root, const char *name, const struct base_digest *manifest,
                           struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (name);
    return workspace_verify (root, name, VERIFY_ALL, manifest, error);
}

/*  rollback */

/*  Chooses the first intact workspace, else the first one with start files: a proven version that is damaged
    may still do what the failed version does not. Returns NULL if there is none, with the fault of the first
    in error. */
static const char *target_choose (const struct root *root, char *const *names,
                                  const struct root_fallback *known, struct base_error *error)
{
    struct base_error other = {.code = 0};
    for (size_t i = 0; names[i]; i++) {
        bool is_known = known && strcmp (known->name, names[i]) == 0;
        int r =
            root_workspace_verify (root, names[i], is_known ? &known->manifest : NULL, i ? &other : error);
        if (r == 0 || r == -ENOMEM || r == -EMFILE || r == -ENFILE) /* not a fault of the files */
            return names[i];
    }
    for (size_t i = 0; names[i]; i++)
        if (root_startable (root, names[i], NULL) == 0 && modes_check (root, names[i], NULL) == 0 &&
            launcher_is_intact (root, names[i]))
            return names[i];
    return NULL;
}

int root_roll_back_to (const struct root *root, const struct root_fallback *known, struct base_error *error)
{
    base_assert (root_is_open (root));
    struct root_trial trial;
    struct base_error wrong = {.code = 0};
    (void) root_uncover (root, NULL);
    int r = root_trial_read (root, &trial, error);
    if (r)
        return r;
    if (!trial.on_trial)
        return base_error_set (error, ROOT_E_NONE, "no trial is in progress");
    base_cleanup (base_list_free_p) char **names =
        root_fallbacks (root, trial.stable, known && *known->name ? known->name : NULL);
    if (!names)
        return base_error_errno (error, -ENOMEM, "cannot search for a version to roll back to");
    const char *name = target_choose (root, names, known, &wrong);
    if (!name)
        return base_error_set (error, ROOT_E_DAMAGED, "no version to roll back to: %.300s",
                               *wrong.text ? wrong.text : "no other workspace was ever confirmed here");
    r = root_stable_take (root, name, error);
    if (r < 0)
        return r;
    (void) root_ok_remove (root, trial.stable);
    (void) disk_tree_remove (root->disk, root->fd, ROOT_BACK, NULL); /* if it pointed elsewhere */
    r = root_tokens_remove (root, error);
    if ((r == -EPERM || r == -EACCES) && root_loosen (root))
        r = root_tokens_remove (root, error);
    return r;
}

int root_roll_back (const struct root *root, struct base_error *error)
{
    return root_roll_back_to (root, NULL, error);
}
