/* SPDX-License-Identifier: MPL-2.0 */
/*  root/revert.c - revert by command: exchanges stable and previous (steps in root/root.c) */

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "root/lock.h"
#include "root/links.h"
#include "root/root.h"

/*  Longest wait for another revert, which may verify two versions meanwhile. */
enum { CHANGE_MS = 10 * 1000 };

int root_swap_finish (const struct root *root, const char *stable, bool *ret_finished,
                      struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (stable);
    char name[ROOT_NAME_SIZE];
    if (ret_finished)
        *ret_finished = false;
    if (root_link (root, ROOT_PREVIOUS, name) != ROOT_E_NONE ||
        root_link (root, ROOT_TMP_PREVIOUS, name) != 0 || strcmp (name, stable) == 0)
        return 0;
    int r = disk_rename (root->disk, root->fd, ROOT_TMP_PREVIOUS, ROOT_PREVIOUS, error);
    if (ret_finished)
        *ret_finished = r == 0;
    return r;
}

/*  Makes a second name for the link stable. Returns false if the disk allows none: previous is lost then, but
    the revert is still possible. */
static bool swap_prepare (const struct root *root, const char *stable)
{
    const struct disk *disk = root->disk;
    if (disk->ops->linkat (disk->context, root->fd, ROOT_STABLE, root->fd, ROOT_TMP_PREVIOUS) == 0) {
        (void) disk->ops->fsync (disk->context, root->fd); /* if this fails, a power cut may lose previous */
        return true;
    }
    return disk_link_prepare (disk, root->fd, ROOT_TMP_PREVIOUS, stable, NULL) == 0;
}

/*  Finds the target of a revert from a proven version: previous, else another confirmed workspace. */
static int target_find (const struct root *root, const char *stable, char ret_name[ROOT_NAME_SIZE],
                        struct base_error *error)
{
    char previous[ROOT_NAME_SIZE];
    struct base_error other;
    int r = root_link (root, ROOT_PREVIOUS, previous);
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s/previous", root->path);
    if (r == ROOT_E_DAMAGED)
        (void) base_error_set (error, r, "%s/previous does not name a workspace", root->path);
    else if (r == ROOT_E_NONE || strcmp (previous, stable) == 0)
        r = base_error_set (error, ROOT_E_NONE, "%s has no previous version", root->path);
    else {
        r = root_workspace_check (root, previous, error);
        if (r == 0)
            return base_text_copy (ret_name, ROOT_NAME_SIZE, previous);
        (void) base_error_prefix (error, "a revert to %s/%s is not possible", root->path, previous);
    }
    char **names = root_fallbacks (root, stable, NULL);
    for (size_t i = 0; r && names && names[i]; i++)
        if (root_ok_is (root, names[i]) && root_workspace_check (root, names[i], &other) == 0)
            r = base_text_copy (ret_name, ROOT_NAME_SIZE, names[i]);
    (void) base_list_free (names);
    return r;
}

static int stable_sync (const struct root *root, const char *target, struct base_error *error)
{
    if (root->disk->ops->fsync (root->disk->context, root->fd) == 0 || errno == EINVAL)
        return 0;
    return base_error_set (error, ROOT_E_UNSYNCED,
                           "%s/" ROOT_STABLE " now points to %s, but this may not survive a power cut: %s",
                           root->path, target, strerror (errno));
}

/*  Exchanges stable and previous. */
static int links_exchange (const struct root *root, const char *stable, const char *target,
                           struct base_error *error)
{
    char previous[ROOT_NAME_SIZE], now[ROOT_NAME_SIZE];
    bool linked = root_link (root, ROOT_PREVIOUS, previous) == 0 && strcmp (previous, target) == 0;
    int r = root_remove (root, ROOT_TMP_PREVIOUS, error); /* a leftover would be taken for the new one */
    if (r < 0)
        return r;
    root_ok_adopt (root, target);
    /*  In one step if the file system can. */
    if (linked) {
        if (root->disk->ops->exchangeat (root->disk->context, root->fd, ROOT_STABLE, ROOT_PREVIOUS) == 0)
            return stable_sync (root, target, error);
        if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
            return base_error_errno (error, -errno, "cannot exchange %s/stable and previous", root->path);
    }
    bool swapping = swap_prepare (root, stable);
    r = linked ? disk_rename (root->disk, root->fd, ROOT_PREVIOUS, ROOT_STABLE, error)
               : disk_link_replace (root->disk, root->fd, ROOT_STABLE, target, error);
    if (r < 0 && (root_link (root, ROOT_STABLE, now) || strcmp (now, target) != 0)) {
        (void) root_remove (root, ROOT_TMP_PREVIOUS, NULL);
        return r;
    }
    int swapped = swapping ? disk_rename (root->disk, root->fd, ROOT_TMP_PREVIOUS, ROOT_PREVIOUS, error) : 0;
    return r < 0 || swapped < 0 ? stable_sync (root, target, error) : 0;
}

/*  Records the target before the revert. A second name of an existing link needs no inode. Without a record,
    a crash in between requires the command to be repeated. */
static void target_record (const struct root *root, const char *target)
{
    static const char *const links[] = {ROOT_BACK, ROOT_PREVIOUS};
    const struct disk *disk = root->disk;
    char name[ROOT_NAME_SIZE];
    (void) root_remove (root, ROOT_REVERT, NULL);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (root_link (root, links[i], name) == 0 && strcmp (name, target) == 0 &&
            disk->ops->linkat (disk->context, root->fd, links[i], root->fd, ROOT_REVERT) == 0) {
            (void) disk->ops->fsync (disk->context, root->fd);
            return;
        }
    (void) disk_link_replace (disk, root->fd, ROOT_REVERT, target, NULL);
}

/*  Whether an ordered revert that was interrupted has already made this version stable. */
static bool revert_was_intended (const struct root *root, const char *stable)
{
    char target[ROOT_NAME_SIZE];
    return root_link (root, ROOT_REVERT, target) == 0 && strcmp (target, stable) == 0;
}

/*  Waits for another process that is changing stable. *ret_done: it was a revert, to ret_name. */
static int change_wait (const struct root *root, char ret_name[ROOT_NAME_SIZE], bool *ret_done)
{
    char before[ROOT_NAME_SIZE] = "";
    struct root_trial trial;
    bool known = root_link (root, ROOT_STABLE, before) == 0;
    int change = root_change_lock (root, CHANGE_MS);
    *ret_done = known && root_trial_read (root, &trial, NULL) == 0 && !trial.on_trial &&
                strcmp (trial.stable, before) != 0;
    if (*ret_done)
        memcpy (ret_name, trial.stable, sizeof trial.stable);
    return change;
}

enum order { BY_MANAGER, BY_PERSON /* on this host */ };

/*  *ret_again: the revert was already done. */
static int revert_run (const struct root *root, enum order order, char ret_name[ROOT_NAME_SIZE],
                       bool *ret_again, struct base_error *error)
{
    struct root_trial trial;
    char target[ROOT_NAME_SIZE];
    bool finished;
    base_cleanup (base_close_p) int change = change_wait (root, target, ret_again);
    (void) change;    /* held until return; a revert continues without the lock */
    if (*ret_again) { /* another exchange would undo it */
        memcpy (ret_name, target, sizeof target);
        return stable_sync (root, target, error);
    }
    int r = root_stable_check (root, NULL);
    if (r > 0) { /* no stable to exchange */
        r = root_stable_repair (root, NULL, ret_name, error);
        if (r)
            return r;
        if (order == BY_PERSON)
            target_record (root, ret_name);
        return 0;
    }
    r = root_trial_read (root, &trial, error);
    if (r)
        return r;
    if (trial.on_trial) {
        if (order == BY_PERSON)
            target_record (root, trial.back);
        r = root_roll_back (root, error);
        if (r == 0)
            return root_link (root, ROOT_STABLE, ret_name);
        if (order == BY_PERSON)
            (void) root_remove (root, ROOT_REVERT, NULL);
        return r;
    }
    r = root_swap_finish (root, trial.stable, &finished, error);
    if (r < 0)
        return r;
    if (finished || (order == BY_PERSON && revert_was_intended (root, trial.stable))) {
        *ret_again = !finished;
        r = base_text_copy (ret_name, ROOT_NAME_SIZE, trial.stable);
        if (r < 0)
            return r;
        return stable_sync (root, trial.stable, error);
    }
    r = target_find (root, trial.stable, target, error);
    if (r)
        return r;
    if (order == BY_PERSON)
        target_record (root, target);
    r = links_exchange (root, trial.stable, target, error);
    if (r == 0 || r == ROOT_E_UNSYNCED)
        memcpy (ret_name, target, sizeof target);
    else if (order == BY_PERSON)
        (void) root_remove (root, ROOT_REVERT, NULL);
    return r;
}

int root_revert (const struct root *root, char ret_name[ROOT_NAME_SIZE], struct base_error *error)
{
    base_assert (root_is_open (root));
    char name[ROOT_NAME_SIZE];
    bool again;
    int r = revert_run (root, BY_MANAGER, name, &again, error);
    if (r == 0 || r == ROOT_E_UNSYNCED) {
        (void) root_revert_done (root);
        if (ret_name)
            memcpy (ret_name, name, sizeof name);
    }
    return r;
}

int root_revert_ordered (const struct root *root, char ret_name[ROOT_NAME_SIZE], bool *ret_again,
                         struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_name && ret_again);
    *ret_again = false;
    return revert_run (root, BY_PERSON, ret_name, ret_again, error);
}

int root_revert_done (const struct root *root)
{
    base_assert (root_is_open (root));
    return root_remove (root, ROOT_REVERT, NULL);
}
