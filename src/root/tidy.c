/*  Removes what a crash left behind. Called by a manager that serves the root, before it begins a draft of
    its own. */

#include "root/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"

static bool is_leftover (const char *name)
{
    return strncmp (name, ".tmp.", 5) == 0 || strncmp (name, ".new.", 5) == 0 ||
           strncmp (name, ".old.", 5) == 0;
}

/*  Removes the leftovers in a directory of the root; one that is not there has none. The first error is
    kept, the rest is done. */
static int tidy_directory (const struct root *root, const char *path, struct base_error *error)
{
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (root->disk->ops->openat (
        root->disk->context, root->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0));
    if (!directory)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : base_error_errno (error, -errno, "cannot open %s/%s", root->path, path);
    char **names = NULL; /* removing while reading could skip some */
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir (directory));)
        if (is_leftover (entry->d_name))
            rc = base_list_append (&names, entry->d_name);
    if (rc)
        (void) base_error_errno (error, rc, "cannot tidy %s/%s", root->path, path);
    for (size_t i = 0; names && names[i]; i++) {
        int one = disk_tree_remove (root->disk, dirfd (directory), names[i], rc ? NULL : error);
        if (rc == 0)
            rc = one;
    }
    (void) base_list_free (names);
    return rc;
}

/*  Marks and notes of workspaces that are gone. A note says that a release is not to be tried again, so that it stays
    longer than what it ran from: the newest ones do. */
static int tidy_marks (const struct root *root, struct base_error *error)
{
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (
        root->disk->ops->openat (root->disk->context, root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    if (!directory)
        return base_error_errno (error, -errno, "cannot list %s", root->path);
    char **gone = NULL, **failed = NULL;
    int rc = 0;
    for (const struct dirent *entry; rc == 0 && (entry = readdir (directory));) {
        const char *name = entry->d_name + sizeof ROOT_OK;
        struct stat status;
        if (strncmp (entry->d_name, ROOT_OK ".", sizeof ROOT_OK) == 0 &&
            (!root_name_is_valid (name) || fstatat (root->fd, name, &status, AT_SYMLINK_NOFOLLOW)))
            rc = base_list_append (&gone, name);
    }
    for (size_t i = 0; gone && gone[i]; i++) {
        int one = root_ok_remove (root, gone[i]);
        rc = rc ? rc : one;
    }
    int listed = root_failed_list (root, &failed);
    for (size_t i = 0; listed == 0 && failed[i]; i++) {
        int one = i < ROOT_FAILED_MOST ? 0 : root_failed_remove (root, failed[i]);
        rc = rc ? rc : one;
    }
    if (listed == 0)
        (void) base_list_free (failed);
    (void) base_list_free (gone);
    return rc ? base_error_errno (error, rc, "cannot tidy %s", root->path) : listed;
}

int root_tidy (const struct root *root, struct base_error *error)
{
    struct root_trial trial;
    int rc = root_trial_read (root, &trial, error);
    int swap = rc ? 0 : root_swap_finish (root, trial.stable, NULL, error);
    if (swap) /* the name that it could not move is the only one that leads to the previous version */
        return swap;
    if (rc == 0 && !trial.on_trial) {
        struct root_began began; /* by which a version is known as confirmed that sets no mark */
        if (root_began_read (root, &began) == 0 && strcmp (began.workspace, trial.stable) == 0)
            rc = root_ok_set (root, trial.stable, error);
        int one = root_remove (root, ROOT_BACK, rc ? NULL : error);
        if (rc == 0)
            rc = one;
        if (rc == 0)
            rc = root_tokens_remove (root, error);
    }
    static const char *const places[] = {".", ROOT_VAR, ROOT_VAR "/quarantine"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int one = tidy_directory (root, places[i], rc ? NULL : error);
        if (rc == 0)
            rc = one;
    }
    int one = tidy_marks (root, rc ? NULL : error);
    return rc ? rc : one;
}
