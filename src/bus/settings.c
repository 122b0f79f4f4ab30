/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/settings.c - ZPL files, on czmq's zconfig

    zconfig reports few details of an error, prints them on standard output, and cuts long lines; and it
    cannot always read what it saved. So every line is checked here before zconfig parses it, and the text is
    formatted here. */

#include "bus/settings.h"

#include <ctype.h>
#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/text.h"

enum {
    FILE_MOST = 1024 * 1024,
    LINE_MOST = 1000, /* zconfig's own buffer has 1024 */
    VALUE_MOST = 900,
    NAME_MOST = 80,
    DEPTH_MOST = 8,
    INDENT = 4,
};

struct bus_settings {
    zconfig_t *root;
};

struct bus_settings *bus_settings_free (struct bus_settings *settings)
{
    if (settings)
        zconfig_destroy (&settings->root);
    free (settings);
    return NULL;
}

static struct bus_settings *settings_wrap (zconfig_t *root)
{
    struct bus_settings *settings = root ? calloc (1, sizeof *settings) : NULL;
    if (!settings) {
        zconfig_destroy (&root);
        return NULL;
    }
    settings->root = root;
    return settings;
}

struct bus_settings *bus_settings_new (void)
{
    return settings_wrap (zconfig_new ("root", NULL));
}

static bool character_is_of_name (char c)
{
    return isalnum ((unsigned char) c) || (c && strchr ("$-_@.&+", c));
}

/*  Returns the error of a line, or NULL. *level is the level of the previous item, and becomes that of this
    one. */
static const char *line_check (const char *line, int *level)
{
    size_t indent = strspn (line, " ");
    const char *at = line + indent;
    if (*at == '\0' || *at == '#')
        return NULL;
    if (*at == '\t')
        return "a tab is not allowed: indent by four spaces";

    const char *name = at;
    while (character_is_of_name (*at))
        at++;
    if (at == name)
        return "a name may contain letters, digits and $-_@.&+";
    if (at - name > NAME_MOST)
        return "a name has at most 80 characters";
    if (indent % INDENT != 0)
        return "indent by four spaces for each level";
    int found = (int) (indent / INDENT);
    if (found > *level + 1 || found >= DEPTH_MOST)
        return "indented too far for the line above";
    *level = found;

    at += strspn (at, " \t");
    if (*at == '\0' || *at == '#')
        return NULL;
    if (*at != '=')
        return "expected '=' after the name";
    at++;
    at += strspn (at, " \t");
    if (*at != '"' && *at != '\'')
        return *at == '#' ? "a value that begins with # needs quotes" : NULL;
    const char *end = strchr (at + 1, *at);
    if (!end)
        return "the quote is not closed";
    end++;
    end += strspn (end, " \t");
    return *end == '\0' || *end == '#' ? NULL : "unexpected text after the closing quote";
}

static int text_check (const char *path, char *text, size_t size, struct base_error *error)
{
    int level = -1, number = 0;
    if (memchr (text, '\0', size))
        return base_error_set (error, -EINVAL, "%s: the file contains a NUL byte", path);
    for (char *line = text; line;) {
        char *end = strchr (line, '\n');
        size_t length = end ? (size_t) (end - line) : strlen (line);
        number++;
        const char *wrong = "the line is too long (1000 bytes at most)";
        if (length <= LINE_MOST) {
            char copy[LINE_MOST + 1];
            memcpy (copy, line, length);
            if (length > 0 && copy[length - 1] == '\r')
                length--;
            copy[length] = '\0';
            wrong = line_check (copy, &level);
        }
        if (wrong)
            return base_error_set (error, -EINVAL, "%s, line %d: %s", path, number, wrong);
        line = end ? end + 1 : NULL;
    }
    return 0;
}

static int file_read (const char *path, struct base_buffer *buffer, struct base_error *error)
{
    base_cleanup (base_close_p) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat (fd, &status) < 0)
        return base_error_errno (error, -errno, "cannot read %s", path);
    if (!S_ISREG (status.st_mode))
        return base_error_set (error, -EINVAL, "cannot read %s: it is not a regular file", path);
    for (;;) {
        if (base_buffer_reserve (buffer, 4096) < 0)
            return base_error_errno (error, -ENOMEM, "cannot read %s", path);
        ssize_t n = read (fd, buffer->data + buffer->size, 4096);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return base_error_errno (error, -errno, "cannot read %s", path);
        if (n > 0)
            buffer->size += (size_t) n;
        if (buffer->size > FILE_MOST)
            return base_error_set (error, -EINVAL, "%s is not a settings file: it is larger than 1 MiB",
                                   path);
    }
}

static int items_copy (zconfig_t *from, zconfig_t *to)
{
    int r = 0;
    for (zconfig_t *item = zconfig_child (from); item && r == 0; item = zconfig_next (item)) {
        zconfig_t *copy = zconfig_new (zconfig_name (item), to);
        if (!copy)
            return -ENOMEM;
        if (zconfig_value (item))
            zconfig_set_value (copy, "%s", zconfig_value (item));
        r = items_copy (item, copy);
    }
    return r;
}

static bool item_is_section (zconfig_t *item, const char *name)
{
    const char *value = zconfig_value (item);
    return strcmp (zconfig_name (item), name) == 0 && (!value || !*value);
}

/*  Merges repeated sections: zconfig searches below the first one alone. */
static int sections_merge (zconfig_t *parent)
{
    int r = 0;
    for (zconfig_t *item = zconfig_child (parent); item && r == 0; item = zconfig_next (item)) {
        zconfig_t *first = zconfig_child (parent);
        while (first != item && !item_is_section (first, zconfig_name (item)))
            first = zconfig_next (first);
        if (first != item && zconfig_child (item))
            r = items_copy (item, first);
    }
    for (zconfig_t *item = zconfig_child (parent); item && r == 0; item = zconfig_next (item))
        r = sections_merge (item);
    return r;
}

int bus_settings_load (const char *path, struct bus_settings **ret_settings, struct base_error *error)
{
    base_assert (path && ret_settings);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    int r = file_read (path, &buffer, error);
    if (r < 0)
        return r;
    size_t size = buffer.size;
    base_cleanup (base_free_p) char *text = base_buffer_take_text (&buffer);
    if (!text)
        return base_error_errno (error, -ENOMEM, "cannot read %s", path);
    r = text_check (path, text, size, error);
    if (r < 0)
        return r;

    zconfig_t *root = zconfig_str_load (text);
    if (!root)
        return base_error_set (error, -EINVAL, "%s is not a ZPL file", path);
    if (sections_merge (root) != 0) {
        zconfig_destroy (&root);
        return base_error_errno (error, -ENOMEM, "cannot read %s", path);
    }
    struct bus_settings *settings = settings_wrap (root);
    if (!settings)
        return base_error_errno (error, -ENOMEM, "cannot read %s", path);
    *ret_settings = settings;
    return 0;
}

const char *bus_settings_get (const struct bus_settings *settings, const char *path)
{
    base_assert (settings && path);
    zconfig_t *item = zconfig_locate (settings->root, path);
    return item && !zconfig_child (item) ? zconfig_value (item) : NULL;
}

char **bus_settings_get_all (const struct bus_settings *settings, const char *path)
{
    base_assert (settings && path);
    const char *slash = strrchr (path, '/');
    zconfig_t *section = settings->root;
    if (slash) {
        base_cleanup (base_free_p) char *parent = strndup (path, (size_t) (slash - path));
        section = parent ? zconfig_locate (settings->root, parent) : NULL;
    }
    const char *key = slash ? slash + 1 : path;

    char **list = NULL;
    for (zconfig_t *item = section ? zconfig_child (section) : NULL; item; item = zconfig_next (item))
        if (strcmp (zconfig_name (item), key) == 0 && !zconfig_child (item) && zconfig_value (item) &&
            base_list_append (&list, zconfig_value (item)) < 0)
            return base_list_free (list);
    return list;
}

int bus_settings_each (const struct bus_settings *settings, const char *section, bus_settings_item *each,
                       void *context)
{
    base_assert (settings && section && each);
    zconfig_t *parent = zconfig_locate (settings->root, section);
    int r = 0;
    for (zconfig_t *item = parent ? zconfig_child (parent) : NULL; item && r == 0; item = zconfig_next (item))
        r = each (context, zconfig_name (item), zconfig_child (item) ? NULL : zconfig_value (item));
    return r;
}

static bool path_is_valid (const char *path)
{
    if (!character_is_of_name (path[0]))
        return false;
    size_t length = 0, depth = 1;
    for (const char *c = path; *c; c++) {
        if (*c == '/') {
            depth++;
            length = 0;
            if (!character_is_of_name (c[1]))
                return false;
        } else if (!character_is_of_name (*c) || ++length > NAME_MOST)
            return false;
    }
    return depth <= DEPTH_MOST;
}

int bus_settings_put (struct bus_settings *settings, const char *path, const char *value)
{
    base_assert (settings && path && value);
    if (!path_is_valid (path) || strlen (value) > VALUE_MOST || (strchr (value, '"') && strchr (value, '\'')))
        return -EINVAL;
    for (const char *c = value; *c; c++)
        if (iscntrl ((unsigned char) *c))
            return -EINVAL;
    zconfig_put (settings->root, path, value);
    return 0;
}

static bool path_is_known (const char *const *known, const char *path)
{
    for (; *known; known++) {
        size_t length = strlen (*known);
        bool all_below = length > 0 && (*known)[length - 1] == '/';
        if (all_below ? strncmp (*known, path, length) == 0 : strcmp (*known, path) == 0)
            return true;
    }
    return false;
}

static void items_check (zconfig_t *item, const char *prefix, const char *const *known,
                         void (*unknown) (void *context, const char *path), void *context)
{
    for (item = zconfig_child (item); item; item = zconfig_next (item)) {
        base_cleanup (base_free_p) char *path =
            base_text_printf ("%s%s%s", prefix, *prefix ? "/" : "", zconfig_name (item));
        if (!path)
            return;
        if (zconfig_child (item))
            items_check (item, path, known, unknown, context);
        else if (!path_is_known (known, path))
            unknown (context, path);
    }
}

void bus_settings_check (const struct bus_settings *settings, const char *const *known,
                         void (*unknown) (void *context, const char *path), void *context)
{
    base_assert (settings && known && unknown);
    items_check (settings->root, "", known, unknown, context);
}

static int items_format (zconfig_t *item, int level, struct base_buffer *buffer)
{
    base_assert (level >= 0 && buffer);
    int r = 0;
    for (item = zconfig_child (item); item && r == 0; item = zconfig_next (item)) {
        const char *value = zconfig_value (item);
        if (zconfig_child (item)) {
            r = base_buffer_printf (buffer, "%*s%s\n", level * INDENT, "", zconfig_name (item));
            if (r == 0)
                r = items_format (item, level + 1, buffer);
        } else if (value) {
            const char *quote = strchr (value, '"') ? "'" : "\"";
            r = base_buffer_printf (buffer, "%*s%s = %s%s%s\n", level * INDENT, "", zconfig_name (item),
                                    quote, value, quote);
        }
    }
    return r;
}

char *bus_settings_format (const struct bus_settings *settings)
{
    base_assert (settings);
    base_cleanup (base_buffer_deinit) struct base_buffer buffer = {0};
    return items_format (settings->root, 0, &buffer) < 0 ? NULL : base_buffer_take_text (&buffer);
}
