/* SPDX-License-Identifier: MPL-2.0 */
/*  root/tidy.c - removes what a crash left behind

    A manager that serves the root calls this before it makes a draft, while its launcher waits for readiness.
    So it works in batches and observes a time limit. */

#include "root/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"

enum { BATCH = 512 };

static bool is_leftover (const char *name)
{
    return base_text_begins (name, ROOT_TMP) || base_text_begins (name, ROOT_NEW) ||
           base_text_begins (name, ROOT_OLD);
}

/*  Removes leftovers, at most BATCH, and counts them. Names are collected first, because removal while
    reading could skip entries. Continues after an error and returns the first one. */
static int remove_some (const struct root *root, DIR *directory, const struct disk_until *until,
                        size_t *ret_removed, struct base_error *error)
{
    char **names = NULL;
    size_t count = 0;
    int rc = 0;
    *ret_removed = 0;
    rewinddir (directory);
    for (const struct dirent *entry; rc == 0 && count < BATCH && (entry = readdir (directory));)
        if (is_leftover (entry->d_name))
            rc = base_list_append_next (&names, &count, entry->d_name);
    if (rc)
        (void) base_error_errno (error, rc, "cannot list the leftovers of an earlier process");
    for (size_t i = 0; i < count && !disk_until_over (until); i++) {
        int one = disk_tree_remove_until (root->disk, dirfd (directory), names[i], until, rc ? NULL : error);
        *ret_removed += one == 0;
        rc = rc ? rc : one;
    }
    (void) base_list_free (names);
    return rc;
}

/*  Removes the leftovers in a directory of the root. A missing directory has none. */
static int tidy_directory (const struct root *root, const char *path, const struct disk_until *until,
                           struct base_error *error)
{
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (root->disk->ops->openat (
        root->disk->context, root->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0));
    if (!directory)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : base_error_errno (error, -errno, "cannot open %s/%s", root->path, path);
    size_t removed;
    int rc = 0;
    do {
        int one = remove_some (root, directory, until, &removed, rc ? NULL : error);
        rc = rc ? rc : one;
    } while (removed && !disk_until_over (until));
    return rc;
}

/*  Removes marks of workspaces that no longer exist, and old notes. A note keeps a release from being tried
    again, so the newest notes are kept even without their workspace. */
static int tidy_marks (const struct root *root, const struct disk_until *until, struct base_error *error)
{
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (
        root->disk->ops->openat (root->disk->context, root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    if (!directory)
        return base_error_errno (error, -errno, "cannot list %s", root->path);
    char **gone = NULL, **failed = NULL;
    size_t count = 0;
    int rc = 0;
    for (const struct dirent *entry; rc == 0 && count < BATCH && (entry = readdir (directory));) {
        const char *name = entry->d_name + sizeof ROOT_OK;
        struct stat status;
        if (strncmp (entry->d_name, ROOT_OK ".", sizeof ROOT_OK) == 0 &&
            (!root_name_is_valid (name) || fstatat (root->fd, name, &status, AT_SYMLINK_NOFOLLOW)))
            rc = base_list_append_next (&gone, &count, name);
    }
    for (size_t i = 0; i < count && !disk_until_over (until); i++) {
        int one = root_ok_remove (root, gone[i]);
        rc = rc ? rc : one;
    }
    int listed = root_failed_list (root, &failed);
    for (size_t i = 0; listed == 0 && failed[i] && !disk_until_over (until); i++) {
        int one = i < ROOT_FAILED_MOST ? 0 : root_failed_remove (root, failed[i]);
        rc = rc ? rc : one;
    }
    if (listed == 0)
        (void) base_list_free (failed);
    (void) base_list_free (gone);
    return rc ? base_error_errno (error, rc, "cannot clean up %s", root->path) : listed;
}

int root_tidy (const struct root *root, const struct disk_until *until, struct base_error *error)
{
    struct root_trial trial;
    int rc = root_trial_read (root, &trial, error);
    int swap = rc ? 0 : root_swap_finish (root, trial.stable, NULL, error);
    if (swap) /* the unmoved name is the only link to the previous version */
        return swap;
    if (rc == 0 && !trial.on_trial) {
        struct root_began began; /* how a version that sets no mark is known as confirmed */
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
        int one = tidy_directory (root, places[i], until, rc ? NULL : error);
        if (rc == 0)
            rc = one;
    }
    int one = tidy_marks (root, until, rc ? NULL : error);
    return rc ? rc : one;
}
