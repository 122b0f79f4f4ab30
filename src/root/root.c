/* SPDX-License-Identifier: MPL-2.0 */
/*  root/root.c - the links of a root, what their states mean, and the order of the steps between them

      on trial    .back exists, names a workspace, and differs from stable;
                  without such a .back: stable is not marked as confirmed
      switch      make tokens and .trial, .ok, .failed, then .back (equal to stable: no meaning yet), then
                  rename the new link to stable: now on trial
      confirm     rename .ok to .ok.STABLE, then .back to previous; remove the tokens, which have no
                  meaning without a trial
      rollback    rename .back to stable; remove the tokens
      revert      exchange stable and previous in one step. If the file system cannot: make a second name
                  for the link stable, rename previous to stable, then the second name to previous. The
                  second name is a hard link, so that a revert needs neither space nor inodes */

#include "root/root.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "base/time.h"
#include "root/manifest.h"
#include "root/outcome.h"
#include "root/spent.h"

enum { TOKENS_MOST = 9, TOKEN_SIZE = 16, TOKEN_BYTES = 512 };

const struct root_limits root_limits_default = {
    .starts = 3, .ready_ms = 60000, .confirm_ms = 600000, .pause_ms = 1000};

const char *root_error_text (int r)
{
    base_assert (r != 0);
    switch (r) {
    case ROOT_E_NONE:
        return "missing";
    case ROOT_E_DAMAGED:
        return "damaged";
    case ROOT_E_ON_TRIAL:
        return "a trial is in progress";
    case ROOT_E_UNSYNCED:
        return "done, but a power cut could undo it";
    }
    return strerror (r < 0 ? -r : EIO);
}

int root_open (const struct disk *disk, const char *path, struct root *ret_root, struct base_error *error)
{
    base_assert (disk && disk->ops);
    base_assert (path);
    base_assert (ret_root);
    base_cleanup (base_free_p) char *absolute = realpath (path, NULL);
    if (!absolute)
        return base_error_errno (error, -errno, "cannot find the root %s", path);
    base_cleanup (base_close_p) int fd =
        disk->ops->openat (disk->context, AT_FDCWD, absolute, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot open the root %s", path);
    *ret_root = (struct root){.disk = disk, .fd = base_take_fd (&fd), .path = base_take (absolute)};
    return 0;
}

void root_deinit (struct root *root)
{
    base_assert (root);
    if (root->disk && root->fd >= 0)
        (void) close (root->fd);
    free (root->path);
    *root = (struct root){.fd = -1};
}

/*  Makes the directory and its missing parents. */
static int directories_make (const struct disk *disk, const char *path, struct base_error *error)
{
    base_cleanup (base_free_p) char *part = strdup (path);
    if (!part)
        return base_error_errno (error, -ENOMEM, "cannot make the root %s", path);
    size_t length = strlen (part);
    while (length > 1 && part[length - 1] == '/')
        part[--length] = '\0';
    for (char *at = part + 1; length > 0; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char end = *at;
        *at = '\0';
        struct stat status;
        int r = stat (part, &status) == 0 ? 0 : disk_directory_make (disk, AT_FDCWD, part, 0755, error);
        if (r || end == '\0')
            return r;
        *at = end;
    }
    return base_error_errno (error, -ENOENT, "cannot make a root without a name");
}

int root_make (const struct disk *disk, const char *path, struct root *ret_root, struct base_error *error)
{
    base_assert (disk && disk->ops);
    base_assert (path);
    base_assert (ret_root);
    int r = directories_make (disk, path, error);
    if (r < 0)
        return r;
    base_cleanup (root_deinit) struct root root = {.fd = -1};
    r = root_open (disk, path, &root, error);
    if (r < 0)
        return r;
    r = disk_directory_make (disk, root.fd, ROOT_VAR, 0700, error);
    if (r < 0)
        return r;
    r = disk_directory_make (disk, root.fd, ROOT_PROBE, 0755, error);
    if (r < 0)
        return r;
    r = disk_directory_make (disk, root.fd, ROOT_APPS, 0755, error);
    if (r < 0)
        return r;
    *ret_root = root;
    root = (struct root){.fd = -1};
    return 0;
}

bool root_is_made (const struct root *root)
{
    base_assert (root_is_open (root));
    static const char *const signs[] = {ROOT_STABLE, ROOT_PREVIOUS, ROOT_SETTINGS, ROOT_VAR "/journal"};
    struct stat status;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (fstatat (root->fd, signs[i], &status, AT_SYMLINK_NOFOLLOW) == 0)
            return true;
    return false;
}

bool root_name_is_valid (const char *text)
{
    base_assert (text);
    uint64_t time;
    char again[BASE_TIME_TEXT];
    return base_time_parse (text, &time) == 0 && strcmp (base_time_format (time, again), text) == 0;
}

int root_link (const struct root *root, const char *link, char ret_name[ROOT_NAME_SIZE])
{
    base_assert (root_is_open (root));
    base_assert (link);
    base_assert (ret_name);
    char name[ROOT_NAME_SIZE];
    int r = disk_link_read (root->fd, link, name, sizeof name);
    if (r == -ENOENT)
        return ROOT_E_NONE;
    if (r == -ENAMETOOLONG || r == -EINVAL || (r == 0 && !root_name_is_valid (name)))
        return ROOT_E_DAMAGED;
    if (r < 0)
        return r;
    memcpy (ret_name, name, sizeof name);
    return 0;
}

static const char *token_name (unsigned number, char name[TOKEN_SIZE])
{
    (void) snprintf (name, TOKEN_SIZE, ROOT_TOKEN "%u", number);
    return name;
}

static bool token_is_there (const struct root *root, unsigned number)
{
    char name[TOKEN_SIZE];
    struct stat status;
    return fstatat (root->fd, token_name (number, name), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

unsigned root_tokens_count (const struct root *root)
{
    base_assert (root_is_open (root));
    unsigned count = 0;
    for (unsigned i = 1; i <= TOKENS_MOST; i++)
        count += token_is_there (root, i);
    return count;
}

/*  A version that does not know .ok confirms itself by renaming .back to previous, also under a launcher that
    knows .ok. So previous pointing to the way back counts as confirmation. */
bool root_is_unproven (const struct root *root, const char *stable)
{
    base_assert (root_is_open (root));
    base_assert (stable);
    struct root_began began;
    char previous[ROOT_NAME_SIZE];
    if (root_ok_is (root, stable))
        return false;
    bool noted = root_began_read (root, &began) == 0 && strcmp (began.workspace, stable) == 0;
    if (noted && root_link (root, ROOT_PREVIOUS, previous) == 0 && strcmp (previous, began.back) == 0)
        return false;
    return noted || root_ok_any (root);
}

/*  Returns whether there is a workspace to roll back to: without one there is no trial. */
static bool fallback_first (const struct root *root, const char *stable, char ret_name[ROOT_NAME_SIZE])
{
    char **names = root_fallbacks (root, stable, NULL);
    bool found = names && names[0];
    if (found)
        (void) base_text_copy (ret_name, ROOT_NAME_SIZE, names[0]);
    (void) base_list_free (names);
    return found;
}

/*  Whether .back belongs to the trial of another version. Then stable is a proven version that replaced that
    one, by hand or because the way back was damaged. */
static bool back_is_of_another (const struct root *root, const char *stable)
{
    struct root_began began;
    return root_ok_is (root, stable) && root_began_read (root, &began) == 0 &&
           strcmp (began.workspace, stable) != 0;
}

int root_trial_read (const struct root *root, struct root_trial *ret_trial, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_trial);
    struct root_trial trial = {0};
    int r = root_link (root, ROOT_STABLE, trial.stable);
    if (r == ROOT_E_NONE)
        return base_error_set (error, r, "%s has no link stable", root->path);
    if (r == ROOT_E_DAMAGED)
        return base_error_set (error, r, "%s/stable does not name a workspace", root->path);
    if (r)
        return base_error_errno (error, r, "cannot read %s/stable", root->path);
    r = root_link (root, ROOT_BACK, trial.back);
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s/.back", root->path);
    trial.on_trial =
        r == 0 && strcmp (trial.stable, trial.back) != 0 && !back_is_of_another (root, trial.stable);
    if (!trial.on_trial) {
        trial.back[0] = '\0';
        trial.on_trial =
            root_is_unproven (root, trial.stable) && fallback_first (root, trial.stable, trial.back);
    }
    trial.tokens = trial.on_trial ? root_tokens_count (root) : 0;
    *ret_trial = trial;
    return 0;
}

/*  Lines "KEY NUMBER". A key that is missing or out of bounds keeps its default. */
static void limits_parse (char *text, struct root_limits *limits)
{
    char *rest = text;
    for (char *line; (line = strsep (&rest, "\n"));) {
        char *value = strchr (line, ' ');
        uint64_t number;
        if (!value)
            continue;
        *value++ = '\0';
        if (base_text_parse_u64 (value, ROOT_DEADLINE_MOST_MS, &number))
            continue;
        if (strcmp (line, "starts") == 0 && number >= 1 && number <= TOKENS_MOST)
            limits->starts = (unsigned) number;
        else if (strcmp (line, "ready_ms") == 0 && number > 0)
            limits->ready_ms = number;
        else if (strcmp (line, "confirm_ms") == 0 && number > 0)
            limits->confirm_ms = number;
        else if (strcmp (line, "pause_ms") == 0 && number <= ROOT_PAUSE_MOST_MS)
            limits->pause_ms = number;
    }
}

static struct root_limits limits_read (const struct root *root, const char *token)
{
    struct root_limits limits = root_limits_default;
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    if (disk_file_read (root->disk, root->fd, token, TOKEN_BYTES, &buffer))
        return limits;
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&buffer);
    if (text)
        limits_parse (text, &limits);
    return limits;
}

static int token_make (const struct root *root, unsigned number, const struct root_limits *limits,
                       struct base_error *error)
{
    char name[TOKEN_SIZE], text[TOKEN_BYTES];
    int length = snprintf (text, sizeof text,
                           "starts %u\nready_ms %" PRIu64 "\nconfirm_ms %" PRIu64 "\npause_ms %" PRIu64 "\n",
                           limits->starts, limits->ready_ms, limits->confirm_ms, limits->pause_ms);
    return disk_file_write (root->disk, root->fd, token_name (number, name), 0644, text, (size_t) length,
                            error);
}

struct root_limits root_trial_limits (const struct root *root)
{
    base_assert (root_is_open (root));
    unsigned number = TOKENS_MOST;
    char name[TOKEN_SIZE];
    while (number > 0 && !token_is_there (root, number))
        number--;
    return limits_read (root, token_name (number, name));
}

int root_token_take (const struct root *root, struct root_limits *ret_limits, unsigned *ret_left,
                     struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_limits);
    unsigned number = TOKENS_MOST, left = 0;
    while (number > 0 && !token_is_there (root, number))
        number--;
    if (number == 0)
        return base_error_set (error, ROOT_E_NONE, "no start is left");
    for (unsigned i = 1; i < number; i++)
        left += token_is_there (root, i);
    char name[TOKEN_SIZE];
    *ret_limits = limits_read (root, token_name (number, name));
    if (ret_left)
        *ret_left = left;
    int r = disk_unlink (root->disk, root->fd, name);
    if ((r == -EPERM || r == -EACCES) && root_loosen (root))
        r = disk_unlink (root->disk, root->fd, name);
    /*  A version on trial may have put something else in its place or mounted something over it: that counts
        as a token and is removed, too. */
    if (r == -EBUSY && root_uncover (root, NULL))
        r = disk_unlink (root->disk, root->fd, name);
    if (r == -EISDIR && disk_tree_remove (root->disk, root->fd, name, NULL) == 0)
        r = 0;
    return r ? base_error_errno (error, r, "cannot take the token %s", name) : 0;
}

int root_token_return (const struct root *root, const struct root_limits *limits, unsigned most,
                       struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (limits);
    unsigned number = TOKENS_MOST;
    while (number > 0 && !token_is_there (root, number))
        number--;
    if (number >= limits->starts || number >= TOKENS_MOST || root_tokens_count (root) >= most)
        return 0; /* already the maximum */
    return token_make (root, number + 1, limits, error);
}

int root_tokens_remove (const struct root *root, struct base_error *error)
{
    base_assert (root_is_open (root));
    /*  Other files without a meaning outside of a trial. */
    static const char *const others[] = {ROOT_OK, ROOT_FAILED};
    enum { OTHERS = sizeof others / sizeof *others };
    bool any = root_spent_remove (root);
    int first = 0;
    for (unsigned i = 1; i <= TOKENS_MOST + OTHERS; i++) {
        char token[TOKEN_SIZE];
        const char *name = i <= TOKENS_MOST ? token_name (i, token) : others[i - TOKENS_MOST - 1];
        if (root->disk->ops->unlinkat (root->disk->context, root->fd, name, 0) == 0 ||
            ((errno == EISDIR || errno == EPERM) && disk_tree_remove (root->disk, root->fd, name, NULL) == 0))
            any = true;
        else if (errno != ENOENT && first == 0)
            first = base_error_errno (error, -errno, "cannot remove %s/%s", root->path, name);
    }
    if (first < 0)
        return first;
    if (any && root->disk->ops->fsync (root->disk->context, root->fd) && errno != EINVAL)
        return base_error_errno (error, -errno, "cannot sync %s", root->path);
    return 0;
}

int root_startable (const struct root *root, const char *name, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (name);
    static const char *const needed[] = {ROOT_SCRIPT, ROOT_LAUNCHER, ROOT_MANIFEST};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        char path[ROOT_NAME_SIZE + 16];
        struct stat status;
        (void) snprintf (path, sizeof path, "%s/%s", name, needed[i]);
        if (fstatat (root->fd, path, &status, AT_SYMLINK_NOFOLLOW))
            return errno == ENOENT
                       ? base_error_set (error, ROOT_E_DAMAGED, "%s/%s is missing", root->path, path)
                       : base_error_errno (error, -errno, "cannot stat %s/%s", root->path, path);
        if (!S_ISREG (status.st_mode))
            return base_error_set (error, ROOT_E_DAMAGED, "%s/%s is not a file", root->path, path);
    }
    return 0;
}

int root_remove (const struct root *root, const char *path, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (path);
    int r = disk_unlink (root->disk, root->fd, path);
    if (r == -EISDIR || r == -EPERM) /* a version on trial may have put a directory in its place */
        r = disk_tree_remove (root->disk, root->fd, path, NULL);
    return r && r != -ENOENT ? base_error_errno (error, r, "cannot remove %s/%s", root->path, path) : 0;
}

/*  Synced together with the links made later. */
static int mark_prepare (const struct root *root, struct base_error *error)
{
    base_cleanup (base_close_p) int fd =
        root->disk->ops->openat (root->disk->context, root->fd, ROOT_OK,
                                 O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    return fd < 0 ? base_error_errno (error, -errno, "cannot make %s/" ROOT_OK, root->path) : 0;
}

/*  Prepares what a trial needs besides tokens. Removes the mark and the note of an earlier trial of the
    same name. */
static int trial_prepare (const struct root *root, const char *name, const char *stable,
                          struct base_error *error)
{
    struct root_began began = {.workspace = ""};
    (void) base_text_copy (began.workspace, sizeof began.workspace, name);
    (void) base_text_copy (began.back, sizeof began.back, stable);
    (void) root_release_of (root, name, &began.release);
    int r = root_ok_is (root, stable) ? 0 : root_ok_set (root, stable, error);
    if (r < 0)
        return r;
    r = root_ok_remove (root, name);
    if (r == 0)
        r = root_failed_remove (root, name);
    if (r < 0)
        return base_error_errno (error, r, "cannot remove what an earlier trial of %s left", name);
    r = mark_prepare (root, error);
    if (r < 0)
        return r;
    return root_began_write (root, &began, error);
}

/*  The steps of a switch, in the order that root/root.c describes. */
static int switch_run (const struct root *root, const char *name, const char *stable,
                       const struct root_limits *limits, struct base_error *error)
{
    int r = root_tokens_remove (root, error); /* those of an earlier trial must not prolong this one */
    if (r < 0)
        return r;
    for (unsigned i = 1; i <= limits->starts; i++) {
        r = token_make (root, i, limits, error);
        if (r < 0)
            return r;
    }
    struct root_spent spent;
    root_spent_begin (root, name, &spent);
    r = root_spent_write (root, &spent, error);
    if (r < 0)
        return r;
    r = trial_prepare (root, name, stable, error);
    if (r < 0)
        return r;
    r = root_remove (root, ROOT_REVERT, error); /* of a revert that never happened */
    if (r < 0)
        return r;
    r = disk_link_replace (root->disk, root->fd, ROOT_BACK, stable, error);
    if (r < 0)
        return r;
    r = disk_link_prepare (root->disk, root->fd, ROOT_TMP_STABLE, name, error);
    if (r < 0)
        return r;
    return disk_rename (root->disk, root->fd, ROOT_TMP_STABLE, ROOT_STABLE, error);
}

int root_switch (const struct root *root, const char *name, const struct root_limits *limits,
                 struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (name);
    base_assert (limits);
    struct root_trial trial;
    if (!root_name_is_valid (name))
        return base_error_set (error, -EINVAL, "%s is not the name of a workspace", name);
    if (limits->starts < 1 || limits->starts > TOKENS_MOST)
        return base_error_set (error, -EINVAL, "a trial has 1 to %d starts, not %u", TOKENS_MOST,
                               limits->starts);
    int r = root_trial_read (root, &trial, error);
    if (r)
        return r;
    if (trial.on_trial)
        return base_error_set (error, ROOT_E_ON_TRIAL, "%s is on trial", trial.stable);
    if (strcmp (trial.stable, name) == 0)
        return base_error_set (error, -EINVAL, "stable already points to %s", name);
    r = root_startable (root, name, error);
    if (r)
        return r;
    r = switch_run (root, name, trial.stable, limits, error);
    if (r == 0)
        return 0;
    /*  If only the sync after the rename failed, the switch has happened. So clean up only if the root is not
        on trial. */
    if (root_trial_read (root, &trial, NULL) == 0 && !trial.on_trial) {
        (void) root_remove (root, ROOT_TMP_STABLE, NULL);
        (void) root_remove (root, ROOT_BACK, NULL);
        (void) root_tokens_remove (root, NULL);
    }
    (void) base_error_prefix (error, "cannot switch to %s", name);
    return r;
}

int root_stable_set (const struct root *root, const char *name, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (name);
    if (!root_name_is_valid (name))
        return base_error_set (error, -EINVAL, "%s is not the name of a workspace", name);
    int r = root_startable (root, name, error);
    if (r)
        return r;
    r = root_remove (root, ROOT_BACK, error);
    if (r < 0)
        return r;
    r = root_tokens_remove (root, error);
    if (r < 0)
        return r;
    r = root_ok_set (root, name, error);
    if (r < 0)
        return r;
    return disk_link_replace (root->disk, root->fd, ROOT_STABLE, name, error);
}

int root_confirm (const struct root *root, struct base_error *error)
{
    base_assert (root_is_open (root));
    struct root_trial trial;
    char back[ROOT_NAME_SIZE];
    int r = root_trial_read (root, &trial, error);
    if (r || !trial.on_trial)
        return r;
    if (root_link (root, ROOT_BACK, back) || strcmp (back, trial.back) != 0) { /* .back was removed */
        r = disk_link_replace (root->disk, root->fd, ROOT_BACK, trial.back, error);
        if (r < 0)
            return r;
    }
    r = root_ok_set (root, trial.stable, error);
    if (r < 0)
        return r;
    r = disk_rename (root->disk, root->fd, ROOT_BACK, ROOT_PREVIOUS, error);
    if (r < 0)
        return r;
    (void) root_failed_remove (root, trial.stable);
    (void) root_remove (root, ROOT_REVERT, NULL); /* else the next ordered revert would seem done already */
    if (!root_ok_is (root, trial.back))           /* that version sets no marks */
        (void) root_ok_set (root, trial.back, NULL);
    return root_tokens_remove (root, error);
}
