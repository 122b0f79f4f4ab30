/* SPDX-License-Identifier: MPL-2.0 */
/*  root/links.c - repairs the links stable and previous */

#include "root/links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"

enum { TRIAL_MOST = 64 * 1024 };

int root_stable_check (const struct root *root, struct base_error *error)
{
    base_assert (root_is_open (root));
    char name[ROOT_NAME_SIZE];
    struct base_error why = {0};
    int r = root_link (root, ROOT_STABLE, name);
    if (r == ROOT_E_NONE)
        return base_error_set (error, r, "%s/" ROOT_STABLE " is missing", root->path);
    if (r == ROOT_E_DAMAGED)
        return base_error_set (error, r, "%s/" ROOT_STABLE " is not a link to a workspace", root->path);
    if (r)
        return base_error_errno (error, r, "cannot read %s/" ROOT_STABLE, root->path);
    r = root_startable (root, name, &why);
    return r ? base_error_set (error, r, "%s/" ROOT_STABLE " points to nothing that can be started: %s",
                               root->path, why.text)
             : 0;
}

static const char *text_skip (const char *at, const char *characters)
{
    return at + strspn (at, characters);
}

/*  Searches the record without parsing it: the launcher has no parser. */
static bool trial_record_names (const struct root *root, const char *name)
{
    static const char key[] = "\"workspace\"";
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    if (disk_file_read (root->disk, root->fd, ROOT_TRIAL_RECORD, TRIAL_MOST, &buffer))
        return false;
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&buffer);
    const char *at = text ? strstr (text, key) : NULL;
    if (!at)
        return false;
    at = text_skip (at + sizeof key - 1, " \t\n");
    if (*at++ != ':')
        return false;
    at = text_skip (at, " \t\n");
    size_t length = strlen (name);
    return *at == '"' && strncmp (at + 1, name, length) == 0 && at[1 + length] == '"';
}

bool root_trial_is_likely (const struct root *root, const char *name)
{
    base_assert (root_is_open (root));
    base_assert (name);
    char back[ROOT_NAME_SIZE];
    int r = root_link (root, ROOT_BACK, back);
    if (r == 0 && strcmp (back, name) != 0)
        return true;
    if (root_ok_is (root, name) || r == 0)
        return false;
    return r != ROOT_E_NONE || root_tokens_count (root) > 0 || root_ok_any (root) ||
           trial_record_names (root, name);
}

/*  Moves aside anything but a link, so that a link can be renamed to this name. */
static int link_make_room (const struct root *root, const char *link, struct base_error *error)
{
    struct stat status;
    char aside[32];
    if (fstatat (root->fd, link, &status, AT_SYMLINK_NOFOLLOW) || S_ISLNK (status.st_mode))
        return 0;
    (void) snprintf (aside, sizeof aside, "%s.damaged", link);
    int r = disk_tree_remove (root->disk, root->fd, aside, error);
    if (r < 0)
        return r;
    return disk_rename (root->disk, root->fd, link, aside, error);
}

int root_stable_take (const struct root *root, const char *name, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (name);
    static const char *const links[] = {ROOT_BACK, ROOT_PREVIOUS};
    char target[ROOT_NAME_SIZE];
    int r = 0;
    root_ok_adopt (root, name);
    for (int again = 0; again < 2; again++) {
        const char *link = NULL;
        for (size_t i = 0; !link && i < sizeof links / sizeof *links; i++)
            if (root_link (root, links[i], target) == 0 && strcmp (target, name) == 0)
                link = links[i];
        r = link_make_room (root, ROOT_STABLE, error);
        if (r == 0)
            r = link ? disk_rename (root->disk, root->fd, link, ROOT_STABLE, error)
                     : disk_link_replace (root->disk, root->fd, ROOT_STABLE, name, error);
        bool changed =
            r == -EBUSY ? root_uncover (root, NULL) : (r == -EPERM || r == -EACCES) && root_loosen (root);
        if (!changed)
            break;
    }
    return r;
}

/*  Makes a workspace stable if it is intact. Returns 0, or an error with what is wrong with it. */
static int stable_take_checked (const struct root *root, const char *name, char ret_name[ROOT_NAME_SIZE],
                                struct base_error *error)
{
    int r = root_workspace_check (root, name, error);
    if (r)
        return r;
    r = root_stable_take (root, name, error);
    if (r < 0)
        return r;
    return base_text_copy (ret_name, ROOT_NAME_SIZE, name);
}

/*  Whether the root has no other workspace. Then this one was installed, for a candidate lies beside the
    version that staged it. */
static bool workspace_is_alone (const struct root *root, const char *name)
{
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    bool alone = directory;
    for (const struct dirent *entry; directory && (entry = readdir (directory));)
        alone &= !root_name_is_valid (entry->d_name) || strcmp (entry->d_name, name) == 0;
    return alone;
}

int root_stable_repair (const struct root *root, const struct root_own *own, char ret_name[ROOT_NAME_SIZE],
                        struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_name);
    struct base_error first = {0}, one = {0};
    char back[ROOT_NAME_SIZE];
    int r = ROOT_E_NONE;
    (void) root_uncover (root, NULL);
    const char *name = own ? own->name : NULL;
    bool mine = name && (own->proven || root_ok_is (root, name) || workspace_is_alone (root, name));
    if (root_link (root, ROOT_BACK, back) == 0 && stable_take_checked (root, back, ret_name, &one) == 0) {
        (void) root_tokens_remove (root, NULL); /* without .back, tokens have no meaning */
        return 0;
    }
    if (mine)
        r = stable_take_checked (root, name, ret_name, &first);
    base_cleanup (base_list_free_p) char **others = r ? root_fallbacks (root, name ? name : "", NULL) : NULL;
    for (size_t i = 0; r && others && others[i]; i++)
        r = stable_take_checked (root, others[i], ret_name, *first.text ? &one : &first);
    if (r == 0) { /* the trial is over: its way back was damaged */
        (void) root_remove (root, ROOT_BACK, NULL);
        (void) root_tokens_remove (root, NULL);
        return 0;
    }
    return base_error_set (error, r < 0 ? r : ROOT_E_NONE,
                           "no proven version can become stable%s%.200s%s: choose one with "
                           "`ln -sfnT WORKSPACE %s/" ROOT_STABLE
                           "`, or run `noded install --repair` to use the newest proven and undamaged one",
                           *first.text ? " (" : "", first.text, *first.text ? ")" : "", root->path);
}

static bool workspace_is_stable (const struct root *root, const char *name)
{
    char stable[ROOT_NAME_SIZE];
    return root_link (root, ROOT_STABLE, stable) == 0 && strcmp (stable, name) == 0;
}

int root_previous_check (const struct root *root, const char *known, char ret_name[ROOT_NAME_SIZE],
                         struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_name);
    char name[ROOT_NAME_SIZE] = "";
    struct base_error why = {0};
    int r = root_link (root, ROOT_PREVIOUS, name);
    if (r == ROOT_E_NONE) {
        if (known && !workspace_is_stable (root, known) && root_startable (root, known, NULL) == 0)
            return base_error_set (error, r, "%s/" ROOT_PREVIOUS " is missing", root->path);
    } else if (r == ROOT_E_DAMAGED)
        return base_error_set (error, r, "%s/" ROOT_PREVIOUS " is not a link to a workspace", root->path);
    else if (r)
        return base_error_errno (error, r, "cannot read %s/" ROOT_PREVIOUS, root->path);
    else if (workspace_is_stable (root, name))
        return base_error_set (error, ROOT_E_DAMAGED,
                               "%s/" ROOT_PREVIOUS " points to the same version as stable", root->path);
    else if ((r = root_startable (root, name, &why)))
        return base_error_set (error, r, "%s/" ROOT_PREVIOUS " points to nothing that can be started: %s",
                               root->path, why.text);
    memcpy (ret_name, name, sizeof name);
    return 0;
}

int root_previous_repair (const struct root *root, const char *known, struct base_error *error)
{
    base_assert (root_is_open (root));
    if (!known || !root_name_is_valid (known))
        return base_error_set (error, ROOT_E_NONE, "its former target is unknown");
    if (workspace_is_stable (root, known))
        return base_error_set (error, ROOT_E_NONE, "its former target %s is now stable", known);
    int r = root_workspace_check (root, known, error);
    if (r)
        return r < 0 ? r : ROOT_E_NONE;
    r = link_make_room (root, ROOT_PREVIOUS, error);
    if (r < 0)
        return r;
    return disk_link_replace (root->disk, root->fd, ROOT_PREVIOUS, known, error);
}
