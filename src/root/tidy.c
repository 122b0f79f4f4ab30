/* SPDX-License-Identifier: MPL-2.0 */
/*  root/tidy.c - removes what a crash left behind

    A manager that serves the root calls this before it makes a draft, while its launcher waits for readiness.
    So it works in batches and observes a time limit. */

#include "root/metadata.h"
#include "root/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"

enum { BATCH = 512 };

/*  Tidying continues after an error and returns the first one. */
static void first_keep (int *first, int r)
{
    if (*first == 0)
        *first = r;
}

static bool name_is_leftover (const char *name)
{
    return base_text_begins (name, ROOT_TMP) || base_text_begins (name, ROOT_NEW) ||
           base_text_begins (name, ROOT_OLD);
}

/*  Removes leftovers, at most BATCH, and counts them. Names are collected first, because removal while
    reading could skip entries. */
static int leftovers_remove (const struct root *root, DIR *directory, const struct disk_until *until,
                             size_t *ret_removed, struct base_error *error)
{
    base_cleanup (base_list_free_p) char **names = NULL;
    size_t count = 0;
    int first = 0;
    *ret_removed = 0;
    rewinddir (directory);
    for (const struct dirent *entry; first == 0 && count < BATCH && (entry = readdir (directory));)
        if (name_is_leftover (entry->d_name))
            first = base_list_append_next (&names, &count, entry->d_name);
    if (first < 0)
        (void) base_error_errno (error, first, "cannot list the leftovers of an earlier process");
    for (size_t i = 0; i < count && !disk_until_over (until); i++) {
        int r = disk_tree_remove_until (root->disk, dirfd (directory), names[i], until, first ? NULL : error);
        *ret_removed += r == 0;
        first_keep (&first, r);
    }
    return first;
}

/*  Removes the leftovers in a directory of the root. A missing directory has none. */
static int directory_tidy (const struct root *root, const char *path, const struct disk_until *until,
                           struct base_error *error)
{
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (root->disk->ops->openat (
        root->disk->context, root->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0));
    if (!directory && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (!directory)
        return base_error_errno (error, -errno, "cannot open %s/%s", root->path, path);
    size_t removed;
    int first = 0;
    do
        first_keep (&first, leftovers_remove (root, directory, until, &removed, first ? NULL : error));
    while (removed && !disk_until_over (until));
    return first;
}

/*  Whether a name of the root is a mark whose workspace does not exist. If that is not certain, the mark
    stays: without it the workspace would count as never confirmed. */
static bool mark_is_stale (const struct root *root, const char *mark)
{
    struct stat status;
    if (strncmp (mark, ROOT_OK ".", sizeof ROOT_OK) != 0)
        return false;
    const char *workspace = mark + sizeof ROOT_OK;
    return !root_name_is_valid (workspace) ||
           (fstatat (root->fd, workspace, &status, AT_SYMLINK_NOFOLLOW) && errno == ENOENT);
}

/*  Removes marks of workspaces that no longer exist, and old notes. A note keeps a release from being tried
    again, so the newest notes are kept even without their workspace. */
static int marks_tidy (const struct root *root, const struct disk_until *until, struct base_error *error)
{
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (
        root->disk->ops->openat (root->disk->context, root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
    if (!directory)
        return base_error_errno (error, -errno, "cannot list %s", root->path);
    base_cleanup (base_list_free_p) char **stale = NULL, **failed = NULL;
    size_t count = 0;
    int first = 0;
    for (const struct dirent *entry; first == 0 && count < BATCH && (entry = readdir (directory));)
        if (mark_is_stale (root, entry->d_name))
            first = base_list_append_next (&stale, &count, entry->d_name + sizeof ROOT_OK);
    for (size_t i = 0; i < count && !disk_until_over (until); i++)
        first_keep (&first, root_ok_remove (root, stale[i]));
    first_keep (&first, root_failed_list (root, &failed));
    for (size_t i = 0; failed && failed[i] && !disk_until_over (until); i++)
        if (i >= ROOT_FAILED_MOST)
            first_keep (&first, root_failed_remove (root, failed[i]));
    if (first < 0)
        return base_error_errno (error, first, "cannot clean up %s", root->path);
    return 0;
}

/*  Removes what belongs to a trial, outside of one. */
static int trial_tidy (const struct root *root, const char *stable, struct base_error *error)
{
    struct root_began began; /* how a version that sets no mark is known as confirmed */
    int first = 0;
    if (root_began_read (root, &began) == 0 && strcmp (began.workspace, stable) == 0)
        first = root_ok_set (root, stable, error);
    first_keep (&first, root_remove (root, ROOT_BACK, first ? NULL : error));
    if (first < 0)
        return first;
    return root_tokens_remove (root, error);
}

/*  The directories of signed metadata. */
struct metadata_tidy {
    const struct root *root;
    const struct disk_until *until;
    struct base_error *error;
    int first;
};

static void metadata_tidy (void *context, const char *path)
{
    struct metadata_tidy *tidy = context;
    first_keep (&tidy->first,
                directory_tidy (tidy->root, path, tidy->until, tidy->first ? NULL : tidy->error));
}

int root_tidy (const struct root *root, const struct disk_until *until, struct base_error *error)
{
    base_assert (root_is_open (root));
    static const char *const directories[] = {".", ROOT_VAR, ROOT_VAR "/quarantine"};
    struct root_trial trial;
    int first = root_trial_read (root, &trial, error);
    if (first == 0) {
        int r = root_swap_finish (root, trial.stable, NULL, error);
        if (r < 0) /* the unmoved name is the only link to the previous version */
            return r;
    }
    if (first == 0 && !trial.on_trial)
        first = trial_tidy (root, trial.stable, error);
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
        first_keep (&first, directory_tidy (root, directories[i], until, first ? NULL : error));
    struct metadata_tidy tidy = {.root = root, .until = until, .error = first ? NULL : error};
    root_metadata_directories_each (root, metadata_tidy, &tidy);
    first_keep (&first, tidy.first);
    first_keep (&first, marks_tidy (root, until, first ? NULL : error));
    return first;
}
