/*  Going back on purpose: stable and previous change places; what each step leaves, root/root.c tells. */

#include <errno.h>
#include <string.h>

#include "root/mend.h"
#include "root/root.h"

#define SWAPPED ".tmp.previous"

static int verify (const struct root *root, const char *name, struct base_error *error)
{
    int rc = root_workspace_check (root, name, error);
    return rc ? base_error_prefix (error, "%s/%s cannot be gone back to", root->path, name), rc : 0;
}

int root_swap_finish (const struct root *root, const char *stable, bool *ret_finished,
                      struct base_error *error)
{
    char name[ROOT_NAME_SIZE];
    if (ret_finished)
        *ret_finished = false;
    if (root_link (root, ROOT_PREVIOUS, name) != ROOT_E_NONE || root_link (root, SWAPPED, name) != 0 ||
        strcmp (name, stable) == 0)
        return 0;
    int rc = disk_rename (root->disk, root->fd, SWAPPED, ROOT_PREVIOUS, error);
    if (ret_finished)
        *ret_finished = rc == 0;
    return rc;
}

/*  A second name for stable's link. Returns false where the disk allows none: then previous is lost, and
    going back is not. */
static bool prepare_swap (const struct root *root, const char *stable)
{
    const struct disk *disk = root->disk;
    if (disk->ops->linkat (disk->context, root->fd, ROOT_STABLE, root->fd, SWAPPED) == 0) {
        (void) disk->ops->fsync (disk->context,
                                 root->fd); /* where it fails, only a power cut can still lose previous */
        return true;
    }
    return disk_link_prepare (disk, root->fd, SWAPPED, stable, NULL) == 0;
}

int root_revert (const struct root *root, char ret_name[ROOT_NAME_SIZE], struct base_error *error)
{
    struct root_trial trial;
    char target[ROOT_NAME_SIZE];
    int rc = root_stable_check (root, NULL);
    if (rc > 0) { /* there is nothing to change places with */
        rc = root_stable_mend (root, NULL, false, target, error);
        if (rc == 0 && ret_name)
            memcpy (ret_name, target, sizeof target);
        return rc;
    }
    rc = root_trial_read (root, &trial, error);
    if (rc)
        return rc;
    if (trial.on_trial) {
        rc = verify (root, trial.back, error);
        if (rc == 0)
            rc = root_go_back (root, error);
        if (rc == 0 && ret_name)
            memcpy (ret_name, trial.back, sizeof trial.back);
        return rc;
    }
    bool finished;
    rc = root_swap_finish (root, trial.stable, &finished, error);
    if (rc)
        return rc;
    if (finished) {
        if (ret_name)
            memcpy (ret_name, trial.stable, sizeof trial.stable);
        return 0;
    }
    char previous[ROOT_NAME_SIZE];
    rc = root_link (root, ROOT_PREVIOUS, previous);
    if (rc == 0 && strcmp (previous, trial.stable) == 0)
        rc = ROOT_E_NONE;
    if (rc == ROOT_E_NONE)
        return base_error_set (error, rc, "%s has no previous version", root->path);
    if (rc == ROOT_E_DAMAGED)
        return base_error_set (error, rc, "%s/previous does not name a workspace", root->path);
    if (rc)
        return base_error_errno (error, rc, "cannot read %s/previous", root->path);
    rc = verify (root, previous, error);
    if (rc == 0) /* what an earlier attempt left would be taken for ours */
        rc = root_remove (root, SWAPPED, error);
    if (rc)
        return rc;
    if (ret_name)
        memcpy (ret_name, previous, sizeof previous);
    /*  In one step, where the file system can. */
    if (root->disk->ops->exchangeat (root->disk->context, root->fd, ROOT_STABLE, ROOT_PREVIOUS) == 0) {
        rc = root->disk->ops->fsync (root->disk->context, root->fd) && errno != EINVAL ? -errno : 0;
        return rc ? base_error_errno (error, rc, "cannot sync %s", root->path) : 0;
    }
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return base_error_errno (error, -errno, "cannot exchange %s/stable and previous", root->path);
    bool swapping = prepare_swap (root, trial.stable);
    rc = disk_rename (root->disk, root->fd, ROOT_PREVIOUS, ROOT_STABLE, error);
    if (rc)
        return rc;
    return swapping ? disk_rename (root->disk, root->fd, SWAPPED, ROOT_PREVIOUS, error) : 0;
}
