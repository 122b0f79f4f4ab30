/* SPDX-License-Identifier: MPL-2.0 */
/*  root/manifest.c - makes, compares and searches manifests */

#include "root/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/directory.h"
#include "base/text.h"

enum { DEPTH_MOST = 32, FILES_MOST = 8192, MANIFEST_MOST = 4 * 1024 * 1024 };

/*  Grows by doubling; base_list_append would reallocate for each file. */
struct paths {
    char **items;
    size_t count;
    size_t capacity;
};

static void paths_deinit (struct paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free (paths->items[i]);
    free (paths->items);
    *paths = (struct paths){0};
}

static int paths_add (struct paths *paths, char *path)
{
    if (!path)
        return -ENOMEM;
    if (paths->count == paths->capacity) {
        size_t capacity = paths->capacity ? 2 * paths->capacity : 32;
        char **items = realloc (paths->items, capacity * sizeof *items);
        if (!items) {
            free (path);
            return -ENOMEM;
        }
        paths->items = items;
        paths->capacity = capacity;
    }
    paths->items[paths->count++] = path;
    return 0;
}

static int paths_compare (const void *a, const void *b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

/*  Adds all files below a directory. Consumes fd. prefix is empty or ends with a slash. */
static int paths_collect (int fd, const char *prefix, unsigned depth, struct paths *paths,
                          struct base_error *error)
{
    base_cleanup (base_directory_close_p) DIR *directory = base_directory_list (fd);
    if (!directory)
        return base_error_errno (error, -errno, "cannot read the directory %s", prefix);
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir (directory);
        if (!entry)
            return errno ? base_error_errno (error, -errno, "cannot read the directory %s", prefix) : 0;
        const char *name = entry->d_name;
        if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0 ||
            (depth == 0 && strcmp (name, ROOT_MANIFEST) == 0))
            continue;
        struct stat status;
        if (fstatat (fd, name, &status, AT_SYMLINK_NOFOLLOW))
            return base_error_errno (error, -errno, "cannot stat %s%s", prefix, name);
        int r;
        if (S_ISREG (status.st_mode)) {
            r = paths_add (paths, base_text_printf ("%s%s", prefix, name));
            if (r == 0 && paths->count > FILES_MOST)
                return base_error_set (error, ROOT_E_DAMAGED, "there are more than %d files", FILES_MOST);
        } else if (S_ISDIR (status.st_mode)) {
            if (depth == DEPTH_MOST)
                return base_error_set (error, ROOT_E_DAMAGED, "%s%s is too deep", prefix, name);
            int below = openat (fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (below < 0)
                return base_error_errno (error, -errno, "cannot open the directory %s%s", prefix, name);
            base_cleanup (base_free_p) char *longer = base_text_printf ("%s%s/", prefix, name);
            if (!longer)
                (void) close (below);
            r = longer ? paths_collect (below, longer, depth + 1, paths, error) : -ENOMEM;
        } else
            return base_error_set (error, ROOT_E_DAMAGED, "%s%s is neither file nor directory", prefix, name);
        if (r == -ENOMEM)
            return base_error_errno (error, r, "cannot list the files");
        if (r)
            return r;
    }
}

/*  Escapes a path as sha256sum does. *ret_escaped: the line must begin with a backslash. */
static int path_escape (const char *path, struct base_buffer *buffer, bool *ret_escaped)
{
    *ret_escaped = false;
    int r = 0;
    for (; *path && r == 0; path++) {
        const char *escaped = *path == '\\' ? "\\\\" : *path == '\n' ? "\\n" : *path == '\r' ? "\\r" : NULL;
        if (escaped)
            *ret_escaped = true;
        r = escaped ? base_buffer_append_text (buffer, escaped) : base_buffer_append (buffer, path, 1);
    }
    return r;
}

static int line_append (struct base_buffer *buffer, const struct base_digest *digest, const char *path)
{
    base_cleanup (base_buffer_deinit) struct base_buffer name = {0};
    bool escaped;
    char text[BASE_DIGEST_TEXT];
    int r = path_escape (path, &name, &escaped);
    if (r < 0)
        return r;
    return base_buffer_printf (buffer, "%s%s  %.*s\n", escaped ? "\\" : "", base_digest_format (digest, text),
                               (int) name.size, (char *) name.data);
}

static int manifest_make (const struct root_manifest_reader *reader, int workspace,
                          struct base_buffer *buffer, struct base_error *error)
{
    int fd = openat (workspace, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return base_error_errno (error, -errno, "cannot open the workspace");
    base_cleanup (paths_deinit) struct paths paths = {0};
    int r = paths_collect (fd, "", 0, &paths, error);
    if (r)
        return r;
    if (paths.count)
        qsort (paths.items, paths.count, sizeof *paths.items, paths_compare);
    size_t before = buffer->size;
    for (size_t i = 0; i < paths.count && r == 0; i++) {
        struct base_digest digest;
        base_cleanup (base_close_p) int file =
            openat (workspace, paths.items[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        r = file < 0 ? -errno : reader->digest (reader->context, file, &digest);
        if (r == 0)
            r = line_append (buffer, &digest, paths.items[i]);
        if (r)
            (void) base_error_errno (error, r, "cannot read %s", paths.items[i]);
    }
    if (r)
        buffer->size = before;
    return r;
}

static int verified_digest (void *verified, int fd, struct base_digest *ret_digest)
{
    return root_verified_digest (verified, fd, ret_digest);
}

int root_manifest_make (int workspace, struct root_verified *verified, struct base_buffer *buffer,
                        struct base_error *error)
{
    base_assert (workspace >= 0);
    base_assert (buffer);
    const struct root_manifest_reader reader = {.digest = verified_digest, .context = verified};
    return manifest_make (&reader, workspace, buffer, error);
}

/*  comparison: both texts are sorted by path, so one pass over both finds the first difference */

struct line {
    const char *text;
    size_t length;    /* without the newline */
    const char *path; /* escaped as in the text; NULL: end of the text, or malformed line */
    size_t path_length;
};

static struct line line_next (const char **at, const char *end)
{
    struct line line = {.text = *at};
    if (*at >= end)
        return line;
    const char *newline = memchr (*at, '\n', (size_t) (end - *at));
    line.length = (size_t) ((newline ? newline : end) - *at);
    *at = newline ? newline + 1 : end;
    size_t head = (line.length > 0 && line.text[0] == '\\' ? 1 : 0) + BASE_DIGEST_TEXT - 1 + 2;
    if (newline && line.length > head) {
        line.path = line.text + head;
        line.path_length = line.length - head;
    }
    return line;
}

static int difference_name (const struct base_buffer *listed, const struct base_buffer *found,
                            struct base_error *error)
{
    const char *listed_at = (const char *) listed->data, *listed_end = listed_at + listed->size;
    const char *found_at = (const char *) found->data, *found_end = found_at + found->size;
    for (;;) {
        bool listed_over = listed_at >= listed_end, found_over = found_at >= found_end;
        if (listed_over && found_over)
            return base_error_set (error, ROOT_E_DAMAGED, "the manifest is damaged");
        struct line a = line_next (&listed_at, listed_end);
        struct line b = line_next (&found_at, found_end);
        if (a.length == b.length && !listed_over && !found_over && memcmp (a.text, b.text, a.length) == 0)
            continue;
        if (!listed_over && !a.path)
            return base_error_set (error, ROOT_E_DAMAGED, "the manifest is damaged");
        if (listed_over)
            return base_error_set (error, ROOT_E_DAMAGED, "%.*s is not in the manifest", (int) b.path_length,
                                   b.path);
        if (found_over)
            return base_error_set (error, ROOT_E_DAMAGED, "%.*s is missing", (int) a.path_length, a.path);
        if (a.path_length == b.path_length && memcmp (a.path, b.path, a.path_length) == 0)
            return base_error_set (error, ROOT_E_DAMAGED, "%.*s does not match the manifest",
                                   (int) a.path_length, a.path);
        size_t shorter = a.path_length < b.path_length ? a.path_length : b.path_length;
        int order = memcmp (a.path, b.path, shorter);
        if (order < 0 || (order == 0 && a.path_length < b.path_length))
            return base_error_set (error, ROOT_E_DAMAGED, "%.*s is missing", (int) a.path_length, a.path);
        return base_error_set (error, ROOT_E_DAMAGED, "%.*s is not in the manifest", (int) b.path_length,
                               b.path);
    }
}

int root_manifest_verify_by (const struct root_manifest_reader *reader, int workspace,
                             struct base_error *error)
{
    base_assert (reader && reader->digest);
    base_assert (workspace >= 0);
    base_cleanup (base_buffer_deinit) struct base_buffer listed = {0};
    base_cleanup (base_buffer_deinit) struct base_buffer found = {0};
    int r = disk_file_read (&disk_system, workspace, ROOT_MANIFEST, MANIFEST_MOST, &listed);
    if (r == -ENOENT)
        return base_error_set (error, ROOT_E_NONE, "no manifest");
    if (r == -EFBIG || r == -EISDIR || r == -EINVAL)
        return base_error_set (error, ROOT_E_DAMAGED, "the manifest is damaged");
    if (r < 0)
        return base_error_errno (error, r, "cannot read the manifest");
    r = manifest_make (reader, workspace, &found, error);
    if (r)
        return r;
    if (listed.size == found.size &&
        (!found.data || !listed.data || memcmp (listed.data, found.data, found.size) == 0))
        return 0;
    return difference_name (&listed, &found, error);
}

int root_manifest_verify (const struct root *root, int workspace, struct base_error *error)
{
    base_assert (!root || root_is_open (root));
    base_assert (workspace >= 0);
    base_cleanup (root_verified_deinit) struct root_verified verified = {.boot = ""};
    const struct root_manifest_reader reader = {.digest = verified_digest,
                                                .context = root ? &verified : NULL};
    if (root)
        root_verified_load (root, &verified);
    int r = root_manifest_verify_by (&reader, workspace, error);
    if (root && r >= 0)
        root_verified_save (root, &verified);
    return r;
}

int root_manifest_find (const struct base_buffer *manifest, const char *path, struct base_digest *ret_digest)
{
    base_assert (manifest);
    base_assert (path);
    base_assert (ret_digest);
    base_cleanup (base_buffer_deinit) struct base_buffer name = {0};
    bool escaped;
    int r = path_escape (path, &name, &escaped);
    if (r < 0)
        return r;
    const char *at = (const char *) manifest->data, *end = at + manifest->size;
    while (at < end) {
        struct line line = line_next (&at, end);
        if (!line.path || !name.data || line.path_length != name.size ||
            memcmp (line.path, name.data, name.size) != 0)
            continue;
        char digest[BASE_DIGEST_TEXT];
        memcpy (digest, line.path - 2 - (BASE_DIGEST_TEXT - 1), BASE_DIGEST_TEXT - 1);
        digest[BASE_DIGEST_TEXT - 1] = '\0';
        return base_digest_parse (digest, ret_digest) ? ROOT_E_DAMAGED : 0;
    }
    return ROOT_E_NONE;
}
