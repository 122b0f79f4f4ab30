/* SPDX-License-Identifier: MPL-2.0 */
/*  root/draft.c - builds a workspace in the hidden directory `.new.NAME`

    Nothing is synced until the draft is sealed. Then all files and directories are synced, and one rename
    gives the draft its name. Many small syncs would wait for the disk many times.

    No two workspaces share a file. A version can write to its own files, and this must not change the version
    that replaces it. So unchanged files are copied, by reflink if the file system supports it. A hard link
    would be safe only if the program ran under a user that can write neither the file nor its directory, but
    the manager owns the root. */

#include "root/workspace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "base/time.h"
#include "root/command.h"
#include "root/manifest.h"

enum { DEPTH_MOST = 32 };

/*  Sets no variables, because the version would inherit them. init may start a symbolic link of its own (`ln
    -s` into a service directory), which a shell cannot resolve itself; `command -p` finds readlink whatever
    PATH is. */
static const char start_script[] =
    "#!/bin/sh\n"
    "# Runs the launcher beside this file, which decides what is started.\n"
    "if [ -h \"$0\" ]; then\n"
    "    set -- \"$0\" \"$(command -p readlink -f -- \"$0\")\"\n"
    "    case $2 in\n"
    "    /*) exec \"${2%/*}/" ROOT_LAUNCHER "\" ;;\n"
    "    esac\n"
    "    printf '%s\\n' \"noded.sh: cannot resolve the link $1 (is readlink missing?): start "
    "stable/noded.sh from a script instead\" >&2\n"
    "    exit 71\n"
    "fi\n"
    "case $0 in\n"
    "/*) exec \"${0%/*}/" ROOT_LAUNCHER "\" ;;\n"
    "*/*) exec \"./${0%/*}/" ROOT_LAUNCHER "\" ;;\n"
    "*) exec ./" ROOT_LAUNCHER " ;;\n"
    "esac\n";

/*  The time of the newest workspace name in the root, hidden names included; 0 if there is none. */
static int names_newest (const struct root *root, uint64_t *ret_ns)
{
    base_cleanup (base_directory_close_p) DIR *directory =
        base_directory_list (openat (root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return -errno;
    uint64_t newest = 0;
    for (struct dirent *entry; (entry = readdir (directory));) {
        const char *name = entry->d_name;
        uint64_t ns;
        if (base_text_begins (name, ROOT_NEW) || base_text_begins (name, ROOT_OLD))
            name += 5;
        if (base_time_parse (name, &ns) == 0 && ns > newest)
            newest = ns;
    }
    *ret_ns = newest;
    return 0;
}

int root_draft_begin (const struct root *root, uint64_t real_ns, struct root_draft *ret_draft,
                      struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_draft);
    uint64_t newest = 0;
    int r = names_newest (root, &newest);
    if (r < 0)
        return base_error_errno (error, r, "cannot read the root %s", root->path);
    struct root_draft draft = {.root = root, .fd = -1};
    uint64_t ns = real_ns > newest ? real_ns : newest + 1;
    (void) base_time_format (ns, draft.name);
    (void) snprintf (draft.hidden, sizeof draft.hidden, ROOT_NEW "%s", draft.name);
    if (root->disk->ops->mkdirat (root->disk->context, root->fd, draft.hidden, 0755))
        return base_error_errno (error, -errno, "cannot make %s", draft.hidden);
    draft.fd = root->disk->ops->openat (root->disk->context, root->fd, draft.hidden,
                                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (draft.fd < 0 || fchmod (draft.fd, 0755)) { /* independent of the umask */
        r = base_error_errno (error, -errno, "cannot open %s", draft.hidden);
        base_close_p (&draft.fd);
        (void) disk_tree_remove (root->disk, root->fd, draft.hidden, NULL);
        return r;
    }
    root_verified_load (root, &draft.verified);
    *ret_draft = draft;
    return 0;
}

/*  Whether it was begun and neither sealed nor dropped since. */
static bool draft_is_open (const struct root_draft *draft)
{
    return draft && root_is_open (draft->root) && draft->fd >= 0;
}

void root_draft_deinit (struct root_draft *draft)
{
    base_assert (draft);
    if (draft->root && draft->fd >= 0) {
        (void) close (draft->fd);
        (void) disk_tree_remove (draft->root->disk, draft->root->fd, draft->hidden, NULL);
    }
    root_verified_deinit (&draft->verified);
    *draft = (struct root_draft){.fd = -1};
}

/*  Opens the parent directory of path in the draft and makes missing directories. A component must not be
    empty, '.', '..' or a symbolic link. Returns a descriptor or -errno; *ret_leaf points into path. */
static int parent_open (const struct root_draft *draft, const char *path, const char **ret_leaf)
{
    const struct disk *disk = draft->root->disk;
    base_cleanup (base_close_p) int fd = fcntl (draft->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    for (const char *at = path;;) {
        const char *slash = strchrnul (at, '/');
        base_cleanup (base_free_p) char *part = strndup (at, (size_t) (slash - at));
        if (!part)
            return -ENOMEM;
        if (!*part || strcmp (part, ".") == 0 || strcmp (part, "..") == 0)
            return -EINVAL;
        if (!*slash) {
            *ret_leaf = at;
            return base_take_fd (&fd);
        }
        bool made = disk->ops->mkdirat (disk->context, fd, part, 0755) == 0;
        if (!made && errno != EEXIST)
            return -errno;
        int below =
            disk->ops->openat (disk->context, fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
        if (below < 0)
            return -errno;
        (void) close (fd);
        fd = below;
        if (made && fchmod (fd, 0755)) /* independent of the umask */
            return -errno;
        at = slash + 1;
    }
}

/*  Creates a file in the draft. Returns a descriptor or -errno, and the parent directory and last component
    of path. */
static int file_make (const struct root_draft *draft, const char *path, int *ret_parent,
                      const char **ret_leaf)
{
    const struct disk *disk = draft->root->disk;
    const char *leaf = NULL;
    base_cleanup (base_close_p) int parent = parent_open (draft, path, &leaf);
    if (parent < 0)
        return parent;
    int fd = disk->ops->openat (disk->context, parent, leaf,
                                O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    *ret_leaf = leaf;
    *ret_parent = base_take_fd (&parent);
    return fd;
}

int root_draft_write (struct root_draft *draft, const char *path, mode_t mode, const void *data, size_t size,
                      struct base_error *error)
{
    base_assert (draft_is_open (draft));
    base_assert (path);
    base_assert (data || size == 0);
    const struct disk *disk = draft->root->disk;
    const char *leaf = NULL;
    base_cleanup (base_close_p) int parent = -1;
    base_cleanup (base_close_p) int fd = file_make (draft, path, &parent, &leaf);
    int r = fd < 0 ? fd : disk_write_all (disk, fd, data, size);
    if (r == 0 && fchmod (fd, mode))
        r = -errno;
    if (r && fd >= 0)
        (void) disk->ops->unlinkat (disk->context, parent, leaf, 0);
    return r ? base_error_errno (error, r, "cannot put %s into the workspace", path) : 0;
}

/*  Opens a regular file for reading. Returns a descriptor or -errno. */
static int source_open (const struct root_draft *draft, int directory, const char *path,
                        struct stat *ret_status)
{
    const struct disk *disk = draft->root->disk;
    base_cleanup (base_close_p) int fd =
        disk->ops->openat (disk->context, directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd < 0 || fstat (fd, ret_status))
        return -errno;
    return S_ISREG (ret_status->st_mode) ? base_take_fd (&fd) : -EINVAL;
}

/*  wanted NULL: the content is not checked. */
static int file_copy (struct root_draft *draft, const char *path, mode_t mode, int from,
                      const struct base_digest *wanted, struct base_error *error)
{
    const struct disk *disk = draft->root->disk;
    const char *leaf = NULL;
    struct base_digest found;
    base_cleanup (base_close_p) int parent = -1;
    base_cleanup (base_close_p) int to = file_make (draft, path, &parent, &leaf);
    int r = to < 0 ? to : disk_file_copy (disk, from, to, &found);
    if (r == DISK_E_SOURCE)
        r = base_error_set (error, ROOT_E_DAMAGED, "the source of %s cannot be read: %s", path,
                            strerror (errno));
    else if (r == 0 && fchmod (to, mode))
        r = -errno;
    if (r == 0 && wanted && !base_digest_equal (&found, wanted))
        r = base_error_set (error, ROOT_E_DAMAGED, "the source of %s is damaged", path);
    if (r == 0)
        root_verified_note (&draft->verified, to, &found);
    else if (to >= 0)
        (void) disk->ops->unlinkat (disk->context, parent, leaf, 0);
    return r < 0 ? base_error_errno (error, r, "cannot copy the source of %s into the workspace", path) : r;
}

int root_draft_copy (struct root_draft *draft, const char *path, mode_t mode,
                     const struct base_digest *digest, int from_directory, const char *from_path,
                     struct base_error *error)
{
    base_assert (draft_is_open (draft));
    base_assert (path && from_path);
    struct stat status;
    base_cleanup (base_close_p) int from = source_open (draft, from_directory, from_path, &status);
    if (from >= 0)
        return file_copy (draft, path, mode, from, digest, error);
    if (from == -EMFILE || from == -ENFILE || from == -ENOMEM || !digest)
        return base_error_errno (error, from, "cannot open %s", from_path);
    return base_error_set (error, ROOT_E_DAMAGED, "the source of %s cannot be read: %s: %s", path, from_path,
                           strerror (-from));
}

/*  All hard links of a file share owner and mode, so they must match already, or the file must have only
    one name. */
static int file_adopt (struct root_draft *draft, const char *path, mode_t mode, int from_directory,
                       const char *from_path)
{
    const struct disk *disk = draft->root->disk;
    struct stat status;
    base_cleanup (base_close_p) int from = source_open (draft, from_directory, from_path, &status);
    if (from < 0)
        return from;
    if (status.st_uid != geteuid () || status.st_nlink != 1)
        return -EPERM;
    struct base_digest digest;
    bool known = root_verified_knows (&draft->verified, from, &digest);
    if ((status.st_mode & 07777) != mode && fchmod (from, mode))
        return -EPERM;
    const char *leaf = NULL;
    base_cleanup (base_close_p) int parent = parent_open (draft, path, &leaf);
    if (parent < 0)
        return parent;
    if (disk->ops->linkat (disk->context, from_directory, from_path, parent, leaf))
        return -errno;
    struct stat after;
    if (known && !fstat (from, &after) && after.st_size == status.st_size &&
        after.st_mtim.tv_sec == status.st_mtim.tv_sec && after.st_mtim.tv_nsec == status.st_mtim.tv_nsec)
        root_verified_note (&draft->verified, from, &digest); /* chmod and link changed the ctime */
    return 0;
}

int root_draft_adopt (struct root_draft *draft, const char *path, mode_t mode,
                      const struct base_digest *digest, int from_directory, const char *from_path,
                      struct base_error *error)
{
    base_assert (draft_is_open (draft));
    base_assert (path && from_path);
    return file_adopt (draft, path, mode, from_directory, from_path) == 0
               ? 0
               : root_draft_copy (draft, path, mode, digest, from_directory, from_path, error);
}

int root_draft_start_files (struct root_draft *draft, const void *launcher, size_t launcher_size,
                            struct base_error *error)
{
    base_assert (draft_is_open (draft));
    base_assert (launcher && launcher_size > 0);
    int r = root_draft_write (draft, ROOT_SCRIPT, 0755, start_script, sizeof start_script - 1, error);
    if (r < 0)
        return r;
    return root_draft_write (draft, ROOT_LAUNCHER, 0755, launcher, launcher_size, error);
}

int root_draft_describe (struct root_draft *draft, const struct wire_installed *installed,
                         const struct base_buffer *document, struct base_error *error)
{
    base_assert (draft_is_open (draft));
    base_assert (installed && installed->envelope && document);
    const struct wire_envelope *envelope = installed->envelope;
    base_cleanup (base_free_p) char *json = wire_json (&wire_installed_record, installed, WIRE_JSON_PRETTY);
    if (!json)
        return base_error_errno (error, -ENOMEM, "cannot describe the workspace");
    int r = root_draft_write (draft, ROOT_ENVELOPE, 0644, json, strlen (json), error);
    if (r < 0)
        return r;
    r = root_draft_write (draft, ROOT_RELEASE, 0644, document->data, document->size, error);
    if (r < 0)
        return r;
    /*  The node manager gets the argument `run` here: an envelope has only what its publisher specified. */
    bool manager = strcmp (envelope->application, ROOT_PROGRAM) == 0;
    base_cleanup (base_free_p) const char **args = calloc (envelope->n_args + 1, sizeof *args);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    size_t count = 0;
    if (!args)
        return base_error_errno (error, -ENOMEM, "cannot describe the workspace");
    if (manager)
        args[count++] = "run";
    for (size_t i = 0; i < envelope->n_args; i++)
        args[count++] = envelope->args[i];
    r = root_command_pack (ROOT_PROGRAM, args, count, envelope->env, envelope->n_env, &buffer);
    if (r < 0)
        return base_error_errno (error, r, "cannot describe the workspace");
    return root_draft_write (draft, ROOT_COMMAND, 0644, buffer.data, buffer.size, error);
}

/*  seal */

/*  Finds a file in the manifest. */
static int file_find (const struct base_buffer *manifest, const char *path, struct base_digest *ret_digest,
                      struct base_error *error)
{
    int r = root_manifest_find (manifest, path, ret_digest);
    if (r == ROOT_E_NONE)
        return base_error_set (error, ROOT_E_DAMAGED, "%s is missing", path);
    if (r == ROOT_E_DAMAGED)
        return base_error_set (error, r, "the manifest has no digest of %s", path);
    if (r < 0)
        return base_error_errno (error, r, "cannot search the manifest for %s", path);
    return 0;
}

/*  Compares the file at path in the draft with the envelope's description of it. */
static int file_check (const struct root_draft *draft, const struct base_buffer *manifest, const char *path,
                       const struct wire_file *wanted, struct base_error *error)
{
    struct base_digest found;
    int r = file_find (manifest, path, &found, error);
    if (r)
        return r;
    struct stat status;
    if (fstatat (draft->fd, path, &status, AT_SYMLINK_NOFOLLOW))
        return base_error_errno (error, -errno, "cannot stat %s", path);
    if (!base_digest_equal (&found, &wanted->digest) || (uint64_t) status.st_size != wanted->size)
        return base_error_set (error, ROOT_E_DAMAGED, "%s does not match the envelope", path);
    if (((status.st_mode & 0111) != 0) != wanted->executable)
        return base_error_set (error, ROOT_E_DAMAGED, "%s %s executable", path,
                               wanted->executable ? "must be" : "must not be");
    return 0;
}

/*  Checks that the draft has every file that a workspace needs, as the envelope describes it. */
static int files_check (const struct root_draft *draft, const struct base_buffer *manifest,
                        const struct wire_installed *installed, struct base_error *error)
{
    const struct wire_envelope *envelope = installed->envelope;
    static const char *const needed[] = {ROOT_SCRIPT, ROOT_LAUNCHER, ROOT_ENVELOPE, ROOT_COMMAND};
    const struct wire_file program = {.digest = envelope->binary, .size = envelope->size, .executable = true};
    struct base_digest digest;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        int r = file_find (manifest, needed[i], &digest, error);
        if (r)
            return r;
    }
    int r = file_find (manifest, ROOT_RELEASE, &digest, error);
    if (r)
        return r;
    if (!base_digest_equal (&digest, &installed->release))
        return base_error_set (error, ROOT_E_DAMAGED, "the release document is not that of the release");
    r = file_check (draft, manifest, ROOT_PROGRAM, &program, error);
    if (r)
        return r;
    for (size_t i = 0; i < envelope->n_files; i++) {
        const struct wire_file *file = &envelope->files[i];
        base_cleanup (base_free_p) char *path = base_text_printf (ROOT_FILES "/%s", file->path);
        if (!path)
            return base_error_errno (error, -ENOMEM, "cannot check the files");
        r = file_check (draft, manifest, path, file, error);
        if (r)
            return r;
    }
    return 0;
}

static int file_sync (const struct disk *disk, int directory, const char *name)
{
    base_cleanup (base_close_p) int fd =
        disk->ops->openat (disk->context, directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    return fd < 0 || disk->ops->fsync (disk->context, fd) ? -errno : 0;
}

/*  Syncs a directory tree. Consumes fd. */
static int tree_sync (const struct disk *disk, int fd, unsigned depth)
{
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (fd);
    if (!directory)
        return -errno;
    for (;;) {
        struct stat status;
        errno = 0;
        const struct dirent *entry = readdir (directory);
        if (!entry && errno)
            return -errno;
        if (!entry)
            break;
        if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
            continue;
        if (fstatat (fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW))
            return -errno;
        int r = 0;
        if (S_ISREG (status.st_mode))
            r = file_sync (disk, fd, entry->d_name);
        else if (S_ISDIR (status.st_mode)) {
            if (depth == DEPTH_MOST)
                return -ELOOP; /* the manifest has refused it already */
            int below = openat (fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            r = below < 0 ? -errno : tree_sync (disk, below, depth + 1);
        }
        if (r < 0)
            return r;
    }
    return disk->ops->fsync (disk->context, fd) && errno != EINVAL ? -errno : 0;
}

int root_draft_seal (struct root_draft *draft, const struct wire_installed *installed,
                     char ret_name[ROOT_NAME_SIZE], struct base_error *error)
{
    base_assert (draft_is_open (draft));
    base_assert (installed && installed->envelope);
    base_assert (ret_name);
    const struct root *root = draft->root;
    base_cleanup (base_buffer_deinit) struct base_buffer manifest = {0};
    int r = root_manifest_make (draft->fd, &draft->verified, &manifest, error);
    root_verified_save (root, &draft->verified);
    if (r)
        return r;
    r = files_check (draft, &manifest, installed, error);
    if (r)
        return r;
    r = root_draft_write (draft, ROOT_MANIFEST, 0644, manifest.data, manifest.size, error);
    if (r < 0)
        return r;
    int fd = openat (draft->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = fd < 0 ? -errno : tree_sync (root->disk, fd, 0);
    if (r < 0)
        return base_error_errno (error, r, "cannot sync the workspace");
    r = disk_rename (root->disk, root->fd, draft->hidden, draft->name, error);
    if (r < 0)
        return r;
    memcpy (ret_name, draft->name, sizeof draft->name);
    (void) close (draft->fd);
    root_verified_deinit (&draft->verified);
    *draft = (struct root_draft){.fd = -1};
    return 0;
}
