/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_files.c - ROOT/trust: the metadata files of signed releases */

#include "broker/trust_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"
#include "trust/metadata.h"

enum { NAMES_MOST = 1024 * 1024 };

/*  Opens the directory if it is there. */
static int directory_open (struct broker_trust_files *files, struct base_error *error)
{
    if (files->fd >= 0)
        return 0;
    files->fd = openat (files->root, BROKER_TRUST_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (files->fd >= 0 || errno == ENOENT)
        return 0;
    return base_error_errno (error, -errno, "cannot open " BROKER_TRUST_DIRECTORY);
}

int broker_trust_files_open (struct broker_trust_files *files, const struct disk *disk, int root,
                             struct base_error *error)
{
    base_assert (files && disk && root >= 0);
    *files = (struct broker_trust_files){.disk = disk, .root = root, .fd = -1};
    return directory_open (files, error);
}

void broker_trust_files_deinit (struct broker_trust_files *files)
{
    base_assert (files);
    if (files->disk)
        base_close_p (&files->fd);
    *files = (struct broker_trust_files){.fd = -1};
}

bool broker_trust_is_role (const char *text)
{
    base_assert (text);
    for (int kind = 0; kind < TRUST_KINDS; kind++)
        if (strcmp (text, trust_kind_name ((enum trust_kind) kind)) == 0)
            return true;
    return trust_name_is_delegated (text);
}

/*  The file name. Only the timestamp has no version. */
static const char *file_name (const char *role, uint64_t version, char text[TRUST_FILE_TEXT])
{
    base_assert (broker_trust_is_role (role));
    base_assert ((version == 0) == (strcmp (role, trust_kind_name (TRUST_TIMESTAMP)) == 0));
    return trust_name_file (role, version, text);
}

int broker_trust_files_get (const struct broker_trust_files *files, const char *name, size_t most,
                            struct base_buffer *buffer, struct base_error *error)
{
    base_assert (files && files->disk && name && !strchr (name, '/') && buffer);
    int r = files->fd < 0 ? -ENOENT : disk_file_read (files->disk, files->fd, name, most, buffer);
    return r < 0 ? base_error_errno (error, r, "cannot read " BROKER_TRUST_DIRECTORY "/%s", name) : 0;
}

int broker_trust_files_read (const struct broker_trust_files *files, const char *role, uint64_t version,
                             size_t most, struct base_buffer *buffer, struct base_error *error)
{
    char name[TRUST_FILE_TEXT];
    return broker_trust_files_get (files, file_name (role, version, name), most, buffer, error);
}

int broker_trust_files_make (struct broker_trust_files *files, const char *directory,
                             struct base_error *error)
{
    base_assert (files && files->disk);
    int r = disk_directory_make (files->disk, files->root, BROKER_TRUST_DIRECTORY, 0700, error);
    if (r < 0)
        return r;
    r = directory_open (files, error);
    if (r < 0)
        return r;
    if (files->fd < 0)
        return base_error_errno (error, -ENOENT, "cannot open " BROKER_TRUST_DIRECTORY);
    return directory ? disk_directory_make (files->disk, files->fd, directory, 0700, error) : 0;
}

/*  Whether a file has these bytes. */
static bool file_has (const struct broker_trust_files *files, const char *name, const void *data, size_t size)
{
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    return broker_trust_files_get (files, name, size, &buffer, NULL) == 0 && buffer.size == size &&
           memcmp (buffer.data, data, size) == 0;
}

int broker_trust_files_put (struct broker_trust_files *files, const char *name, mode_t mode, const void *data,
                            size_t size, struct base_error *error)
{
    base_assert (files && name && !strchr (name, '/') && data && size > 0);
    if (file_has (files, name, data, size))
        return 0;
    int r = broker_trust_files_make (files, NULL, error);
    if (r < 0)
        return r;
    return disk_file_write (files->disk, files->fd, name, mode, data, size, error);
}

int broker_trust_files_write (struct broker_trust_files *files, const char *role, uint64_t version,
                              const void *data, size_t size, struct base_error *error)
{
    char name[TRUST_FILE_TEXT];
    return broker_trust_files_put (files, file_name (role, version, name), 0600, data, size, error);
}

/*  Reads "VERSION.ROLE.json". Only the name that trust_name_file writes for it is one. */
static bool name_parse (const char *name, struct broker_trust_name *ret_name)
{
    struct broker_trust_name parsed = {.version = 0};
    char text[TRUST_FILE_TEXT], digits[24];
    size_t length = strlen (name), end = length - 5, at = strcspn (name, "."), size = 0;

    if (length < 8 || length >= sizeof text || strcmp (name + end, ".json") != 0 || at >= end ||
        at >= sizeof digits)
        return false;
    memcpy (digits, name, at);
    digits[at] = '\0';
    if (base_text_parse_u64 (digits, TRUST_VERSION_MOST, &parsed.version) != 0 || parsed.version == 0)
        return false;
    for (at++; at < end; at++, size++) {
        unsigned byte = (unsigned char) name[at];
        char pair[3] = "";
        if (size == TRUST_NAME_MOST)
            return false;
        if (byte == '%' && at + 2 < end) {
            memcpy (pair, name + at + 1, 2);
            char *stop = NULL;
            byte = (unsigned) strtoul (pair, &stop, 16);
            if (stop != pair + 2)
                return false;
            at += 2;
        }
        parsed.role[size] = (char) byte;
    }
    parsed.role[size] = '\0';
    if (!broker_trust_is_role (parsed.role) || strcmp (parsed.role, trust_kind_name (TRUST_TIMESTAMP)) == 0 ||
        strcmp (trust_name_file (parsed.role, parsed.version, text), name) != 0)
        return false;
    *ret_name = parsed;
    return true;
}

static int names_compare (const void *a, const void *b)
{
    const struct broker_trust_name *left = a, *right = b;
    int order = strcmp (left->role, right->role);
    return order ? order : (left->version > right->version) - (left->version < right->version);
}

int broker_trust_files_list (const struct broker_trust_files *files, struct broker_trust_name **ret_names,
                             size_t *ret_count, struct base_error *error)
{
    base_assert (files && ret_names && ret_count);
    base_cleanup (base_free_p) struct broker_trust_name *names = NULL;
    base_cleanup (base_directory_close_p) DIR *directory =
        files->fd < 0 ? NULL
                      : base_directory_list (openat (files->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const struct dirent *entry;
    size_t count = 0, room = 0;

    if (!directory && files->fd >= 0)
        return base_error_errno (error, -errno, "cannot list " BROKER_TRUST_DIRECTORY);
    for (errno = 0; directory && (entry = readdir (directory)); errno = 0) {
        struct broker_trust_name name;
        if (!name_parse (entry->d_name, &name))
            continue;
        if (count == NAMES_MOST)
            return base_error_set (error, -E2BIG, BROKER_TRUST_DIRECTORY " has more than %d files",
                                   NAMES_MOST);
        if (count == room) {
            struct broker_trust_name *more = reallocarray (names, room + 64 + room / 2, sizeof *more);
            if (!more)
                return base_error_errno (error, -ENOMEM, "cannot list " BROKER_TRUST_DIRECTORY);
            names = more;
            room += 64 + room / 2;
        }
        names[count++] = name;
    }
    if (directory && errno != 0)
        return base_error_errno (error, -errno, "cannot list " BROKER_TRUST_DIRECTORY);
    if (count > 0)
        qsort (names, count, sizeof *names, names_compare);
    *ret_names = base_take (names);
    *ret_count = count;
    return 0;
}
