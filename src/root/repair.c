/* SPDX-License-Identifier: MPL-2.0 */
/*  root/repair.c - `noded install --repair`: places, modes and links of a root */

#include "root/repair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "disk/attributes.h"
#include "disk/entry.h"
#include "root/manifest.h"
#include "root/outcome.h"
#include "root/workspace.h"

enum { NOTE_SIZE = ROOT_NAME_SIZE + sizeof ROOT_FAILED "." };

__attribute__ ((format (printf, 2, 3))) static void change_report (const struct root_repair *repair,
                                                                   const char *format, ...)
{
    char text[BASE_ERROR_SIZE];
    va_list arguments;
    va_start (arguments, format);
    (void) vsnprintf (text, sizeof text, format, arguments);
    va_end (arguments);
    base_text_clean (text);
    repair->changed (repair->context, text);
}

static DIR *directory_open (int directory, const char *path)
{
    return base_directory_list (openat (directory, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool root_repair_is_root (const char *path)
{
    base_assert (path);
    static const char *const signs[] = {ROOT_STABLE, ROOT_PREVIOUS, ROOT_SETTINGS, ROOT_LOCK, ROOT_PROBE};
    struct stat status;
    if (stat (path, &status) == 0 && (status.st_mode & S_IRWXU) != S_IRWXU)
        (void) chmod (path, (status.st_mode & 07777) | S_IRWXU);
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    bool found = false;
    for (const struct dirent *entry; !found && directory && (entry = readdir (directory));) {
        found = root_name_is_valid (entry->d_name);
        for (size_t i = 0; !found && i < sizeof signs / sizeof *signs; i++)
            found = strcmp (entry->d_name, signs[i]) == 0;
    }
    return found;
}

/*  places */

static int entry_set_aside (const struct root_repair *repair, const char *name, struct base_error *error)
{
    const struct root *root = repair->root;
    char aside[64];
    (void) snprintf (aside, sizeof aside, "%.50s.damaged", name);
    int r = disk_tree_remove (root->disk, root->fd, aside, error);
    if (r < 0)
        return r;
    r = disk_rename (root->disk, root->fd, name, aside, error);
    if (r == -EPERM && disk_attributes_clear (root->fd, name))
        r = disk_rename (root->disk, root->fd, name, aside, error);
    if (r < 0)
        return r;
    change_report (repair, "%s: moved aside to %s", name, aside);
    return 0;
}

/*  Directories of a root. optional: made on first use. */
static const struct directory {
    const char *name;
    mode_t mode;
    bool optional;
} root_directories[] = {
    {".", 0755, false},
    {ROOT_VAR, 0700, false},
    {ROOT_PROBE, 0755, false},
    {ROOT_APPS, 0755, true},
    {ROOT_BLOBS, 0700, true},
    {ROOT_BLOBS "/partial", 0700, true},
    {ROOT_VAR "/quarantine", 0700, true},
};

enum { N_DIRECTORIES = sizeof root_directories / sizeof *root_directories };

static int directory_restore (const struct root_repair *repair, const struct directory *directory,
                              struct base_error *error)
{
    const struct root *root = repair->root;
    const char *name = directory->name;
    struct stat status;
    bool there = fstatat (root->fd, name, &status, 0) == 0; /* a link to another disk is valid */
    if (there && S_ISDIR (status.st_mode)) {
        if (disk_attributes_clear (root->fd, name))
            change_report (repair, "%s: removed the attribute (chattr) that prevented changes", name);
        if ((status.st_mode & S_IRWXU) == S_IRWXU)
            return 0;
        if (fchmodat (root->fd, name, (status.st_mode & 07777) | S_IRWXU, 0))
            return base_error_errno (error, -errno, "cannot set the mode of %s/%s", root->path, name);
        change_report (repair, "%s: restored the owner's permissions, the mode was %04o", name,
                       status.st_mode & 07777);
        return 0;
    }
    if (fstatat (root->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        int r = entry_set_aside (repair, name, error);
        if (r < 0)
            return r;
    } else if (directory->optional)
        return 0;
    int r = disk_directory_make (root->disk, root->fd, name, directory->mode, error);
    if (r < 0)
        return r;
    change_report (repair, "%s: was missing, and was created", name);
    return 0;
}

/*  Repairs the root itself first: without search permission nothing below it can be reached, only the open
    descriptor still works. */
static void directory_repair (const struct root_repair *repair)
{
    struct stat status;
    if (fstat (repair->root->fd, &status) == 0 && (status.st_mode & S_IRWXU) != S_IRWXU &&
        fchmod (repair->root->fd, (status.st_mode & 07777) | S_IRWXU) == 0)
        change_report (repair, "%s: restored the owner's permissions, the mode was %04o", repair->root->path,
                       status.st_mode & 07777);
    if (disk_attributes_clear (repair->root->fd, "."))
        change_report (repair, "%s: removed the attribute (chattr) that prevented changes",
                       repair->root->path);
}

int root_repair_directories (const struct root_repair *repair, struct base_error *error)
{
    base_assert (repair && root_is_open (repair->root));
    base_assert (repair->changed);
    int failed = 0;
    directory_repair (repair);
    if (root_uncover (repair->root, NULL))
        change_report (repair, "%s: removed mounts over names in it", repair->root->path);
    if (root_loosen_directories (repair->root))
        change_report (repair, "%s: removed attributes or modes that forbid changes", repair->root->path);
    for (size_t i = 1; i < N_DIRECTORIES; i++) {
        int r = directory_restore (repair, &root_directories[i], failed ? NULL : error);
        failed = failed ? failed : r;
    }
    return failed;
}

void root_directories_check (const struct root_repair *repair)
{
    base_assert (repair && root_is_open (repair->root));
    base_assert (repair->changed);
    for (size_t i = 0; i < N_DIRECTORIES; i++) {
        struct stat status;
        const char *name = root_directories[i].name;
        if (fstatat (repair->root->fd, name, &status, 0)) {
            bool needed = !root_directories[i].optional || (repair->served && strcmp (name, ROOT_BLOBS) == 0);
            if (errno != ENOENT)
                change_report (repair, "cannot stat %s: %s", name, strerror (errno));
            else if (needed)
                change_report (repair, "%s is missing: the next update creates it", name);
        } else if (!S_ISDIR (status.st_mode))
            change_report (repair, "%s is not a directory: the next update sets it aside", name);
        else if ((status.st_mode & S_IRWXU) != S_IRWXU)
            change_report (repair,
                           "%s has the mode %04o, which locks out its owner: the next update corrects it",
                           i ? name : repair->root->path, status.st_mode & 07777);
        else if (disk_attributes_are_locked (repair->root->fd, name))
            change_report (repair,
                           "%s has an attribute (chattr) that forbids changes: the "
                           "next update removes it",
                           i ? name : repair->root->path);
    }
}

/*  workspaces */

/*  Whether a workspace is intact and can be started. Reads every file: the cache of verified digests may
    be wrong. */
static bool workspace_is_intact (const struct root_repair *repair, const char *name)
{
    const struct root *root = repair->root;
    base_cleanup (base_close_p) int fd = -1;
    if (root_modes_repair (root, name))
        change_report (repair, "%s: restored the owner's permissions", name);
    if (root_workspace_open (root, name, &fd))
        return false;
    return root_startable (root, name, NULL) == 0 && root_manifest_verify (NULL, fd, NULL) == 0;
}

static bool note_exists (const struct root *root, const char *what, const char *name)
{
    char path[NOTE_SIZE];
    struct stat status;
    (void) snprintf (path, sizeof path, "%s%.*s", what, ROOT_NAME_SIZE - 1, name);
    return fstatat (root->fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/*  Candidates for stable, best first, NULL-terminated. They are not checked. *ret_marked: the root has marks
    of confirmed workspaces. */
static char **stable_candidates (const struct root *root, bool *ret_marked)
{
    static const char *const links[] = {ROOT_BACK, ROOT_PREVIOUS, ROOT_STABLE};
    char **names = NULL, **chosen = calloc (1, sizeof *chosen);
    *ret_marked = root_ok_any (root); /* if any mark exists, a workspace without one was never confirmed */
    if (root_workspaces (root, &names))
        return base_list_free (chosen);
    for (size_t i = base_list_count (names); chosen && i-- > 0;) {
        if (note_exists (root, ROOT_OK ".", names[i]) && !note_exists (root, ROOT_FAILED ".", names[i]) &&
            base_list_append (&chosen, names[i]))
            break;
    }
    (void) base_list_free (names);
    for (size_t i = 0; chosen && !*ret_marked && i < sizeof links / sizeof *links; i++) {
        char name[ROOT_NAME_SIZE];
        struct root_began began;
        bool tried = root_link (root, links[i], name) ||
                     (root_began_read (root, &began) == 0 && strcmp (began.workspace, name) == 0);
        if (!tried && !note_exists (root, ROOT_FAILED ".", name))
            (void) base_list_append (&chosen, name);
    }
    return chosen;
}

/*  Chooses the first intact candidate other than except (may be NULL). */
static int workspace_choose (const struct root_repair *repair, const char *except,
                             char ret_name[ROOT_NAME_SIZE])
{
    bool marked;
    char **names = stable_candidates (repair->root, &marked);
    int r = ROOT_E_NONE;
    for (size_t i = 0; names && names[i] && r; i++)
        if ((!except || strcmp (names[i], except) != 0) && workspace_is_intact (repair, names[i]))
            r = base_text_copy (ret_name, ROOT_NAME_SIZE, names[i]);
    (void) base_list_free (names);
    return r;
}

int root_repair_choose (const struct root_repair *repair, char ret_name[ROOT_NAME_SIZE])
{
    base_assert (repair && root_is_open (repair->root));
    base_assert (repair->changed);
    base_assert (ret_name);
    return workspace_choose (repair, NULL, ret_name);
}

/*  links */

static bool link_points_to (const struct root *root, const char *link, const char *name)
{
    char found[ROOT_NAME_SIZE];
    return root_link (root, link, found) == 0 && strcmp (found, name) == 0;
}

/*  Makes a link unless it already points there. Anything else with that name is moved aside. */
static int link_set (const struct root_repair *repair, const char *link, const char *name,
                     struct base_error *error)
{
    const struct root *root = repair->root;
    struct stat status;
    if (link_points_to (root, link, name))
        return 0;
    int r = fstatat (root->fd, link, &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISLNK (status.st_mode)
                ? entry_set_aside (repair, link, error)
                : 0;
    if (r)
        return r;
    return disk_link_replace (root->disk, root->fd, link, name, error);
}

static int stable_set (const struct root_repair *repair, const char *name, struct base_error *error)
{
    const struct root *root = repair->root;
    char before[ROOT_NAME_SIZE];
    int known = root_link (root, ROOT_STABLE, before);
    if (known == 0 && strcmp (before, name) == 0)
        return 0;
    /*  By way of .back: until the rename the root is on trial with name as the way back. */
    int r = link_set (repair, ROOT_BACK, name, error);
    if (r < 0)
        return r;
    struct stat status;
    if (fstatat (root->fd, ROOT_STABLE, &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISLNK (status.st_mode)) {
        r = entry_set_aside (repair, ROOT_STABLE, error);
        if (r < 0)
            return r;
    }
    r = disk_rename (root->disk, root->fd, ROOT_BACK, ROOT_STABLE, error);
    if (r < 0)
        return r;
    if (known == 0)
        change_report (repair, ROOT_STABLE ": now points to %s (was %s)", name, before);
    else
        change_report (repair, ROOT_STABLE ": now points to %s (was dangling)", name);
    return 0;
}

static int previous_set (const struct root_repair *repair, const char *stable, struct base_error *error)
{
    const struct root *root = repair->root;
    char now[ROOT_NAME_SIZE] = "", name[ROOT_NAME_SIZE];
    struct stat status;
    bool there = fstatat (root->fd, ROOT_PREVIOUS, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (root_link (root, ROOT_PREVIOUS, now) == 0 && strcmp (now, stable) != 0 &&
        workspace_is_intact (repair, now))
        return 0;
    if (workspace_choose (repair, stable, name) == 0) {
        int r = link_set (repair, ROOT_PREVIOUS, name, error);
        if (r < 0)
            return r;
        change_report (repair, ROOT_PREVIOUS ": now points to %s", name);
        return 0;
    }
    if (!there)
        return 0;
    int r = disk_tree_remove (root->disk, root->fd, ROOT_PREVIOUS, error);
    if (r < 0)
        return r;
    change_report (repair, ROOT_PREVIOUS ": removed, because it pointed to nothing that can be started");
    return 0;
}

static bool name_is_leftover (const char *name)
{
    static const char *const whole[] = {ROOT_BACK, ROOT_TRIAL, ROOT_OK, ROOT_FAILED, ROOT_REVERT};
    static const char *const begins[] = {ROOT_TOKEN, ROOT_TMP, ROOT_NEW, ROOT_OLD};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp (name, whole[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp (name, begins[i], strlen (begins[i])) == 0)
            return true;
    return false;
}

/*  Removes the files of a trial, so that it is not resumed, and unfinished or half-removed files. */
static int leftovers_remove (const struct root_repair *repair, struct base_error *error)
{
    const struct root *root = repair->root;
    base_cleanup (base_directory_close_p) DIR *directory = directory_open (root->fd, ".");
    char **names = NULL; /* removal while reading a directory could skip entries */
    int failed = directory ? 0 : -errno;
    for (const struct dirent *entry; directory && !failed && (entry = readdir (directory));)
        if (name_is_leftover (entry->d_name))
            failed = base_list_append (&names, entry->d_name);
    if (failed)
        (void) base_error_errno (error, failed, "cannot list %s", root->path);
    for (size_t i = 0; names && names[i]; i++) {
        int r = disk_tree_remove (root->disk, root->fd, names[i], failed ? NULL : error);
        if (r == 0)
            change_report (repair, "%s: removed a leftover", names[i]);
        failed = failed ? failed : r;
    }
    (void) base_list_free (names);
    (void) disk_tree_remove (root->disk, root->fd, ROOT_VAR "/trial", NULL);
    return failed;
}

static int ok_mark (const struct root *root, const char *name, struct base_error *error)
{
    char path[NOTE_SIZE];
    (void) snprintf (path, sizeof path,
                     ROOT_OK "."
                             "%.*s",
                     ROOT_NAME_SIZE - 1, name);
    return note_exists (root, ROOT_OK ".", name)
               ? 0
               : disk_file_write (root->disk, root->fd, path, 0644, "", 0, error);
}

/*  Notes the interrupted trial as failed: otherwise its order would be carried out again at once. */
static void trial_note_failed (const struct root_repair *repair, const char *name)
{
    const struct root *root = repair->root;
    char stable[ROOT_NAME_SIZE];
    struct root_began began;
    struct root_outcome outcome = {.cause = ROOT_CAUSE_LOST,
                                   .text = "the root was repaired by hand during its trial"};
    if (root_began_read (root, &began) || strcmp (began.workspace, name) == 0 ||
        note_exists (root, ROOT_FAILED ".", began.workspace) ||
        (root_link (root, ROOT_STABLE, stable) == 0 && strcmp (stable, began.workspace) != 0))
        return;
    (void) base_text_copy (outcome.workspace, sizeof outcome.workspace, began.workspace);
    outcome.release = began.release;
    if (root_failed_write (root, &outcome, NULL) == 0)
        change_report (repair, "%s: was on trial, and is recorded as failed", began.workspace);
}

static int links_set (const struct root_repair *repair, const char *name, struct base_error *error)
{
    const struct root *root = repair->root;
    bool marked = root_ok_any (root);
    char previous[ROOT_NAME_SIZE];
    int r = stable_set (repair, name, error);
    if (r < 0)
        return r;
    r = leftovers_remove (repair, error);
    if (r < 0)
        return r;
    r = previous_set (repair, name, error);
    if (r < 0)
        return r;
    r = ok_mark (root, name, error);
    if (r < 0)
        return r;
    if (!marked && root_link (root, ROOT_PREVIOUS, previous) == 0)
        return ok_mark (root, previous, error); /* a mark exists now, so no mark means never confirmed */
    return 0;
}

int root_repair_links (const struct root_repair *repair, const char *name, struct base_error *error)
{
    base_assert (repair && root_is_open (repair->root));
    base_assert (repair->changed);
    base_assert (name && root_name_is_valid (name));
    const struct root *root = repair->root;
    trial_note_failed (repair, name);
    int r = links_set (repair, name, error);
    int synced = disk_directory_sync (root->disk, root->fd); /* what was done, on failure too */
    if (r < 0)
        return r;
    if (synced < 0)
        return base_error_errno (error, synced, "cannot sync %s", root->path);
    return 0;
}
