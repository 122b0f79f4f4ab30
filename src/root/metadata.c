/* SPDX-License-Identifier: MPL-2.0 */
/*  root/metadata.c - the pinned trust root, and the metadata that was received since */

#include "root/metadata.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "root/metadata_file.h"
#include "root/record_file.h"
#include "root/verified.h"

#define PIN_ADVICE "noded trust pin --root %s FILE"

const char *root_trust_path (const struct root_metadata *metadata, const char *name,
                             char path[ROOT_TRUST_PATH_SIZE])
{
    char set[BASE_DIGEST_TEXT];
    base_assert (metadata && root_is_open (metadata->root));
    int length = snprintf (path, ROOT_TRUST_PATH_SIZE, ROOT_TRUST "/%s%s%s",
                           base_digest_format (&metadata->pinned, set), *name ? "/" : "", name);
    base_assert (length > 0 && length < ROOT_TRUST_PATH_SIZE);
    return path;
}

bool root_metadata_is_pinned (const struct root *root)
{
    struct stat status;
    base_assert (root_is_open (root));
    return fstatat (root->fd, ROOT_TRUST, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

int root_metadata_open (const struct root *root, struct root_metadata *ret_metadata,
                        struct base_buffer *ret_pinned, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (ret_metadata && ret_pinned && ret_pinned->size == 0);
    if (!root_metadata_is_pinned (root))
        return base_error_set (error, ROOT_E_NONE, "no trust root is pinned in %s: " PIN_ADVICE, root->path,
                               root->path);
    int r = disk_file_read (root->disk, root->fd, ROOT_TRUST_PINNED, ROOT_METADATA_PINNED_MOST, ret_pinned);
    if (r == -ENOENT || r == -ENOTDIR || root_record_is_damaged (r))
        return base_error_set (
            error, ROOT_E_DAMAGED,
            "the trust root in %s/" ROOT_TRUST_PINNED
            " cannot be read (%s), so no release can be verified: pin it again with " PIN_ADVICE,
            root->path, r < 0 ? strerror (-r) : "it is damaged", root->path);
    if (r < 0)
        return base_error_errno (error, r, "cannot read %s/" ROOT_TRUST_PINNED, root->path);
    *ret_metadata =
        (struct root_metadata){.root = root, .pinned = base_digest_of (ret_pinned->data, ret_pinned->size)};
    return 0;
}

/*  pinning */

/*  A manager that runs as another user must be able to write below trust/: gives it to the owner of the root. */
static int owner_set (const struct root *root, const char *path, struct base_error *error)
{
    struct stat owner, status;
    if (fstat (root->fd, &owner) || fstatat (root->fd, path, &status, AT_SYMLINK_NOFOLLOW))
        return base_error_errno (error, -errno, "cannot stat %s/%s", root->path, path);
    if ((owner.st_uid == status.st_uid && owner.st_gid == status.st_gid) || geteuid () != 0)
        return 0;
    if (fchownat (root->fd, path, owner.st_uid, owner.st_gid, AT_SYMLINK_NOFOLLOW))
        return base_error_errno (error, -errno, "cannot give %s/%s to the owner of the root", root->path,
                                 path);
    return 0;
}

/*  The first pin: trust/ gets its name when it is complete, because an empty one refuses every release. */
static int pin_first (const struct root *root, const void *data, size_t size, struct base_error *error)
{
    static const char file[] = ROOT_NEW_TRUST "/pinned.json";
    int r = disk_tree_remove (root->disk, root->fd, ROOT_NEW_TRUST, error);
    if (r == 0)
        r = disk_directory_make (root->disk, root->fd, ROOT_NEW_TRUST, 0755, error);
    if (r == 0)
        r = disk_file_write (root->disk, root->fd, file, 0644, data, size, error);
    if (r == 0)
        r = owner_set (root, file, error);
    if (r == 0)
        r = owner_set (root, ROOT_NEW_TRUST, error);
    return r == 0 ? disk_rename (root->disk, root->fd, ROOT_NEW_TRUST, ROOT_TRUST, error) : r;
}

static DIR *directory_open (const struct root *root, const char *path)
{
    return base_directory_list (openat (root->fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/*  Removes the files of other pinned roots. They have no meaning any more, so what cannot be removed may stay. */
static void sets_remove_others (const struct root *root, const struct base_digest *pinned)
{
    base_cleanup (base_list_free_p) char **names = NULL;
    base_cleanup (base_directory_close_p) DIR *directory = directory_open (root, ROOT_TRUST);
    size_t count = 0;
    for (const struct dirent *entry; directory && (entry = readdir (directory));) {
        struct base_digest digest;
        if (base_digest_parse (entry->d_name, &digest) == 0 && !base_digest_equal (&digest, pinned) &&
            base_list_append_next (&names, &count, entry->d_name) < 0)
            break;
    }
    for (size_t i = 0; i < count; i++) {
        char path[ROOT_TRUST_PATH_SIZE];
        (void) snprintf (path, sizeof path, ROOT_TRUST "/%s", names[i]);
        (void) disk_tree_remove (root->disk, root->fd, path, NULL);
    }
}

int root_metadata_pin (const struct root *root, const void *data, size_t size, struct base_error *error)
{
    base_assert (root_is_open (root));
    base_assert (data || size == 0);
    base_cleanup (base_buffer_deinit) struct base_buffer before = {0};
    struct root_metadata metadata;
    struct base_digest pinned = base_digest_of (data, size);
    if (size > ROOT_METADATA_PINNED_MOST)
        return base_error_set (error, -EFBIG,
                               "a trust root of %zu bytes is too large: at most %u are allowed", size,
                               ROOT_METADATA_PINNED_MOST);
    int r = root_metadata_open (root, &metadata, &before, error);
    if (r == 0 && base_digest_equal (&metadata.pinned, &pinned))
        return 0;
    if (r < 0)
        return r;
    struct stat status;
    if (fstatat (root->fd, ROOT_TRUST, &status, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR (status.st_mode)) {
        root_record_set_aside (root, ROOT_TRUST);
        r = ROOT_E_NONE;
    }
    if (r == ROOT_E_NONE)
        r = pin_first (root, data, size, error);
    else {
        r = disk_file_write (root->disk, root->fd, ROOT_TRUST_PINNED, 0644, data, size, error);
        if (r == 0)
            r = owner_set (root, ROOT_TRUST_PINNED, error);
    }
    if (r < 0)
        return r;
    sets_remove_others (root, &pinned);
    return 0;
}

/*  files */

static int file_read (const struct root_metadata *metadata, const char *path, size_t most,
                      struct base_buffer *ret_bytes)
{
    int r = disk_file_read (metadata->root->disk, metadata->root->fd, path, most, ret_bytes);
    if (r == -ENOENT || r == -ENOTDIR)
        return ROOT_E_NONE;
    return root_record_is_damaged (r) ? ROOT_E_DAMAGED : r;
}

/*  Makes a directory below trust/. Anything else with that name is in the way, and is set aside. */
static int directory_make (const struct root_metadata *metadata, const char *name, struct base_error *error)
{
    char path[ROOT_TRUST_PATH_SIZE];
    int r = root_record_make_directory (metadata->root, root_trust_path (metadata, "", path), error);
    if (r == 0 && *name)
        r = root_record_make_directory (metadata->root, root_trust_path (metadata, name, path), error);
    return r;
}

int root_trust_write (const struct root_metadata *metadata, const char *directory, const char *path,
                      const void *data, size_t size, struct base_error *error)
{
    const struct root *root = metadata->root;
    base_assert (data || size == 0);
    int r = directory_make (metadata, directory, error);
    if (r == 0)
        r = disk_file_write (root->disk, root->fd, path, 0644, data, size, error);
    if (r == -EISDIR || r == -ENOTEMPTY || r == -EEXIST) {
        root_record_set_aside (root, path);
        r = disk_file_write (root->disk, root->fd, path, 0644, data, size, error);
    }
    if (root_verified_make_room (root, r))
        r = disk_file_write (root->disk, root->fd, path, 0644, data, size, error);
    return r;
}

static const char *root_path (const struct root_metadata *metadata, uint64_t version,
                              char path[ROOT_TRUST_PATH_SIZE])
{
    char name[64];
    (void) snprintf (name, sizeof name, ROOT_TRUST_ROOTS "/%" PRIu64 ".json", version);
    return root_trust_path (metadata, name, path);
}

int root_metadata_read_root (const struct root_metadata *metadata, uint64_t version, size_t most,
                             struct base_buffer *ret_bytes)
{
    char path[ROOT_TRUST_PATH_SIZE];
    base_assert (metadata && ret_bytes && ret_bytes->size == 0);
    return file_read (metadata, root_path (metadata, version, path), most, ret_bytes);
}

int root_metadata_write_root (const struct root_metadata *metadata, uint64_t version, const void *data,
                              size_t size, struct base_error *error)
{
    char path[ROOT_TRUST_PATH_SIZE];
    base_assert (metadata && version > 0);
    return root_trust_write (metadata, ROOT_TRUST_ROOTS, root_path (metadata, version, path), data, size,
                             error);
}

static bool file_is_valid (const char *file)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-~%";
    size_t length = strnlen (file, ROOT_METADATA_FILE_MOST + 1);
    return length <= ROOT_METADATA_FILE_MOST && length > sizeof ".json" - 1 &&
           file[strspn (file, allowed)] == '\0' &&
           strcmp (file + length - (sizeof ".json" - 1), ".json") == 0;
}

/*  Returns 0 or -EINVAL. */
static int role_path (const struct root_metadata *metadata, const char *file, char path[ROOT_TRUST_PATH_SIZE],
                      struct base_error *error)
{
    char name[sizeof ROOT_TRUST_ROLES "/" + ROOT_METADATA_FILE_MOST];
    base_assert (metadata && file);
    if (!file_is_valid (file))
        return base_error_set (error, -EINVAL, "%.64s cannot be the name of a metadata file", file);
    (void) snprintf (name, sizeof name, ROOT_TRUST_ROLES "/%s", file);
    (void) root_trust_path (metadata, name, path);
    return 0;
}

int root_metadata_read_role (const struct root_metadata *metadata, const char *file, size_t most,
                             struct base_buffer *ret_bytes)
{
    char path[ROOT_TRUST_PATH_SIZE];
    base_assert (ret_bytes && ret_bytes->size == 0);
    int r = role_path (metadata, file, path, NULL);
    return r < 0 ? r : file_read (metadata, path, most, ret_bytes);
}

static bool role_is_top (const char *file)
{
    return strcmp (file, "timestamp.json") == 0 || strcmp (file, "snapshot.json") == 0 ||
           strcmp (file, "targets.json") == 0;
}

/*  If there are too many files of roles, removes those of delegated roles, which are fetched again when needed. */
static void roles_bound (const struct root_metadata *metadata)
{
    char path[ROOT_TRUST_PATH_SIZE];
    base_cleanup (base_list_free_p) char **names = NULL;
    base_cleanup (base_directory_close_p) DIR *directory =
        directory_open (metadata->root, root_trust_path (metadata, ROOT_TRUST_ROLES, path));
    size_t count = 0;
    for (const struct dirent *entry; directory && (entry = readdir (directory));)
        if (file_is_valid (entry->d_name) && !role_is_top (entry->d_name) &&
            base_list_append_next (&names, &count, entry->d_name) < 0)
            break;
    for (size_t i = 0; count >= ROOT_METADATA_FILES_MOST && i < count; i++)
        (void) root_metadata_remove_role (metadata, names[i], NULL);
}

int root_metadata_write_role (const struct root_metadata *metadata, const char *file, const void *data,
                              size_t size, struct base_error *error)
{
    char path[ROOT_TRUST_PATH_SIZE];
    int r = role_path (metadata, file, path, error);
    if (r < 0)
        return r;
    if (!role_is_top (file))
        roles_bound (metadata);
    return root_trust_write (metadata, ROOT_TRUST_ROLES, path, data, size, error);
}

int root_metadata_remove_role (const struct root_metadata *metadata, const char *file,
                               struct base_error *error)
{
    char path[ROOT_TRUST_PATH_SIZE];
    int r = role_path (metadata, file, path, error);
    if (r < 0)
        return r;
    const struct root *root = metadata->root;
    r = disk_unlink (root->disk, root->fd, path);
    if (r == -EISDIR || r == -EPERM)
        r = disk_tree_remove (root->disk, root->fd, path, NULL);
    if (r == 0 || r == -ENOENT || r == -ENOTDIR)
        return 0;
    return base_error_errno (error, r, "cannot remove %s/%s", root->path, path);
}

void root_metadata_directories_each (const struct root *root, void (*each) (void *context, const char *path),
                                     void *context)
{
    base_assert (root_is_open (root));
    base_assert (each);
    base_cleanup (base_directory_close_p) DIR *directory = directory_open (root, ROOT_TRUST);
    if (!directory)
        return;
    each (context, ROOT_TRUST);
    for (const struct dirent *entry; (entry = readdir (directory));) {
        static const char *const below[] = {"", ROOT_TRUST_ROOTS, ROOT_TRUST_ROLES};
        struct root_metadata metadata = {.root = root};
        char path[ROOT_TRUST_PATH_SIZE];
        if (base_digest_parse (entry->d_name, &metadata.pinned) < 0)
            continue;
        for (size_t i = 0; i < sizeof below / sizeof *below; i++)
            each (context, root_trust_path (&metadata, below[i], path));
    }
}
