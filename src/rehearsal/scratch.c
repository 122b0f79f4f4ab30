/* SPDX-License-Identifier: MPL-2.0 */
/*  rehearsal/scratch.c - makes, fills and removes scratch roots */

#include "rehearsal/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/random.h"
#include "base/text.h"
#include "root/verified.h"

enum { BLOCK_SIZE = 64 * 1024, PIECE_SIZE = 16 * 1024 * 1024, DEPTH_MOST = 4 };

/*  Returns the number of bytes copied, 0 at the end, or -errno. Some file systems cannot copy by
    themselves. */
static ssize_t piece_copy (int from, int to)
{
    ssize_t got = copy_file_range (from, NULL, to, NULL, PIECE_SIZE, 0);
    if (got >= 0 || (errno != EINVAL && errno != ENOSYS && errno != EXDEV && errno != EOPNOTSUPP))
        return got < 0 ? -errno : got;
    char block[BLOCK_SIZE];
    got = read (from, block, sizeof block);
    for (ssize_t done = 0; done < got;) {
        ssize_t wrote = write (to, block + done, (size_t) (got - done));
        if (wrote < 0 && errno != EINTR)
            return -errno;
        done += wrote < 0 ? 0 : wrote;
    }
    return got < 0 ? -errno : got;
}

int rehearsal_scratch_copy_bytes (int from, int to, const atomic_bool *stop)
{
    base_assert (from >= 0 && to >= 0);
    ssize_t got;
    do {
        if (stop && atomic_load (stop))
            return -ECANCELED;
        got = piece_copy (from, to);
    } while (got > 0 || got == -EINTR);
    return (int) got;
}

struct copying {
    const atomic_bool *stop;
    struct root_verified from, to; /* the copy of a verified file need not be read to be verified */
};

static int file_copy (struct copying *copying, int from_directory, int to_directory, const char *name,
                      mode_t mode)
{
    base_cleanup (base_close_p) int from = openat (from_directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    base_cleanup (base_close_p) int to =
        openat (to_directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (from < 0 || to < 0)
        return -errno;
    int r = rehearsal_scratch_copy_bytes (from, to, copying->stop);
    if (r < 0)
        return r;
    if (fchmod (to, mode & 0777) < 0)
        return -errno;
    struct base_digest digest;
    if (root_verified_knows (&copying->from, from, &digest))
        root_verified_note (&copying->to, to, &digest);
    return 0;
}

static int tree_copy (struct copying *copying, int from, int to, struct base_error *error)
{
    base_assert (copying && from >= 0 && to >= 0);
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return base_error_errno (error, -errno, "cannot list a workspace");
    const struct dirent *entry;
    while ((entry = readdir (directory))) {
        const char *name = entry->d_name;
        struct stat status;
        if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
            continue;
        if (fstatat (from, name, &status, AT_SYMLINK_NOFOLLOW))
            return base_error_errno (error, -errno, "cannot stat %s", name);
        if (S_ISREG (status.st_mode)) {
            int r = file_copy (copying, from, to, name, status.st_mode);
            if (r < 0)
                return base_error_errno (error, r, "cannot copy %s into a scratch root", name);
        } else if (S_ISDIR (status.st_mode)) {
            if (mkdirat (to, name, 0755))
                return base_error_errno (error, -errno, "cannot make %s in a scratch root", name);
            base_cleanup (base_close_p) int deeper_from =
                openat (from, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            base_cleanup (base_close_p) int deeper_to =
                openat (to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
            if (deeper_from < 0 || deeper_to < 0)
                return base_error_errno (error, -errno, "cannot enter %s", name);
            int r = tree_copy (copying, deeper_from, deeper_to, error);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

int rehearsal_scratch_make (const struct root *parent, struct rehearsal_scratch *ret_scratch,
                            struct base_error *error)
{
    base_assert (parent && ret_scratch);
    struct rehearsal_scratch scratch = {.root = {.fd = -1}, .parent = parent};
    (void) base_random_hex (scratch.name, 8);
    base_cleanup (base_free_p) char *path =
        base_text_printf ("%s/%s/%s", parent->path, ROOT_PROBE, scratch.name);
    if (!path)
        return -ENOMEM;
    int r = root_make (&disk_unsynced, path, &scratch.root, error);
    if (r)
        return r;
    *ret_scratch = scratch;
    return 0;
}

int rehearsal_scratch_copy (struct rehearsal_scratch *scratch, const char *workspace, const atomic_bool *stop,
                            struct base_error *error)
{
    base_assert (scratch && scratch->parent && workspace);
    base_assert (root_is_open (&scratch->root));
    base_cleanup (base_close_p) int from = -1;
    int r = root_workspace_open (scratch->parent, workspace, &from);
    if (r)
        return base_error_set (error, r, "cannot open the workspace %s in %s: %s", workspace,
                               scratch->parent->path, root_error_text (r));
    if (mkdirat (scratch->root.fd, workspace, 0755))
        return base_error_errno (error, -errno, "cannot make %s/%s", scratch->root.path, workspace);
    base_cleanup (base_close_p) int to =
        openat (scratch->root.fd, workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (to < 0)
        return base_error_errno (error, -errno, "cannot enter %s/%s", scratch->root.path, workspace);
    struct copying copying = {.stop = stop};
    root_verified_load (scratch->parent, &copying.from);
    root_verified_load (&scratch->root, &copying.to);
    r = tree_copy (&copying, from, to, error);
    root_verified_save (&scratch->root, &copying.to);
    root_verified_deinit (&copying.from);
    root_verified_deinit (&copying.to);
    return r;
}

int rehearsal_scratch_settings (struct rehearsal_scratch *scratch, const char *text, struct base_error *error)
{
    base_assert (scratch && text);
    base_assert (root_is_open (&scratch->root));
    return disk_file_write (scratch->root.disk, scratch->root.fd, ROOT_SETTINGS, 0600, text, strlen (text),
                            error);
}

/*  Where the directory of sockets may be. A link that names any other place is ignored, and nothing is
    removed there. There are several, because a candidate may have filled one of them. */
static const char *const sockets_parents[] = {"/tmp", "/run", "/dev/shm", "/var/tmp"};

#define SOCKETS_NAME "/noded-XXXXXX"
#define SOCKETS_LINK ".sockets"

/*  Writes the link first: if this process is killed after that, a later one finds what it left. Returns 0 or
    -errno. */
static int sockets_make (struct rehearsal_scratch *scratch, const char *parent)
{
    base_assert (strlen (parent) + sizeof SOCKETS_NAME <= sizeof scratch->sockets);
    enum { NAMES_MOST = 16 };
    char path[sizeof scratch->sockets];
    int length = snprintf (path, sizeof path, "%s" SOCKETS_NAME, parent);
    int r = -EEXIST;
    for (unsigned i = 0; r == -EEXIST && i < NAMES_MOST; i++) {
        (void) base_random_hex (path + length - 6, 3);
        r = disk_link_replace (scratch->root.disk, scratch->root.fd, SOCKETS_LINK, path, NULL);
        if (r == 0 && mkdir (path, 0700) < 0)
            r = -errno;
    }
    return r < 0 ? r : base_text_copy (scratch->sockets, sizeof scratch->sockets, path);
}

int rehearsal_scratch_rendezvous (struct rehearsal_scratch *scratch, struct base_error *error)
{
    base_assert (scratch && root_is_open (&scratch->root));
    base_assert (!*scratch->sockets);
    int first = 0;
    for (size_t i = 0; i < sizeof sockets_parents / sizeof *sockets_parents; i++) {
        int r = sockets_make (scratch, sockets_parents[i]);
        if (r == 0)
            return 0;
        if (i == 0)
            first = r;
    }
    return base_error_errno (error, first, "cannot make a directory for sockets, %s" SOCKETS_NAME,
                             sockets_parents[0]);
}

static void sockets_remove (const struct disk *disk, int root, const struct disk_until *until)
{
    char path[sizeof ((struct rehearsal_scratch *) NULL)->sockets];
    if (disk_link_read (root, SOCKETS_LINK, path, sizeof path) < 0)
        return;
    for (size_t i = 0; i < sizeof sockets_parents / sizeof *sockets_parents; i++) {
        size_t above = strlen (sockets_parents[i]);
        struct stat status;
        if (strncmp (path, sockets_parents[i], above) != 0 || strncmp (path + above, SOCKETS_NAME, 7) != 0 ||
            strlen (path + above) != sizeof SOCKETS_NAME - 1 || strchr (path + above + 1, '/'))
            continue;
        base_cleanup (base_close_p) int top = open (sockets_parents[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (top >= 0 && fstatat (top, path + above + 1, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            status.st_uid == geteuid ())
            (void) disk_tree_remove_until (disk, top, path + above + 1, until, NULL);
    }
}

static int probe_open (int root)
{
    return openat (root, ROOT_PROBE, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static void probes_remove (const struct disk *disk, int root, unsigned depth, const struct disk_until *until);

/*  Removes what a probe left, and the probes below it: a killed process has removed nothing. */
static void probe_remove (const struct disk *disk, int probe, const char *name, unsigned depth,
                          const struct disk_until *until)
{
    base_cleanup (base_close_p) int below =
        openat (probe, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (below >= 0 && depth < DEPTH_MOST) {
        sockets_remove (disk, below, until);
        probes_remove (disk, below, depth + 1, until);
    }
    (void) disk_tree_remove_until (disk, probe, name, until, NULL);
}

static bool name_is_entry (const char *name)
{
    return strcmp (name, ".") != 0 && strcmp (name, "..") != 0;
}

static void probes_remove (const struct disk *disk, int root, unsigned depth, const struct disk_until *until)
{
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (probe_open (root));
    const struct dirent *entry;
    while (directory && !disk_until_over (until) && (entry = readdir (directory)))
        if (name_is_entry (entry->d_name))
            probe_remove (disk, dirfd (directory), entry->d_name, depth, until);
}

void rehearsal_scratch_empty (const struct rehearsal_scratch *scratch, const struct disk_until *until)
{
    base_assert (scratch);
    if (scratch->root.fd < 0 || !scratch->parent)
        return;
    const struct disk *disk = scratch->parent->disk;
    base_cleanup (base_close_p) int probe = probe_open (scratch->parent->fd);
    probes_remove (disk, scratch->root.fd, 0, until);
    if (*scratch->sockets) /* not by the link: a candidate may have changed it */
        (void) disk_tree_remove_until (disk, AT_FDCWD, scratch->sockets, until, NULL);
    if (probe >= 0)
        (void) disk_tree_remove_until (disk, probe, scratch->name, until, NULL);
}

void rehearsal_scratch_deinit (struct rehearsal_scratch *scratch)
{
    base_assert (scratch);
    rehearsal_scratch_empty (scratch, NULL);
    rehearsal_scratch_leave (scratch);
}

void rehearsal_scratch_leave (struct rehearsal_scratch *scratch)
{
    base_assert (scratch);
    if (scratch->root.fd >= 0 && scratch->parent)
        root_deinit (&scratch->root);
    *scratch = (struct rehearsal_scratch){.root = {.fd = -1}};
}

char **rehearsal_scratch_left (const struct root *parent)
{
    base_assert (parent);
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (probe_open (parent->fd));
    char **names = NULL;
    size_t count = 0;
    for (const struct dirent *entry; directory && (entry = readdir (directory));)
        if (name_is_entry (entry->d_name) && base_list_append_next (&names, &count, entry->d_name) < 0)
            break;
    return names;
}

void rehearsal_scratch_sweep (const struct root *parent, char *const *names, const struct disk_until *until)
{
    base_assert (parent);
    base_cleanup (base_close_p) int probe = probe_open (parent->fd);
    for (size_t i = 0; probe >= 0 && names && names[i] && !disk_until_over (until); i++)
        probe_remove (parent->disk, probe, names[i], 0, until);
}
