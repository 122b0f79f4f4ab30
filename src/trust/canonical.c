/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/canonical.c - writes OLPC canonical JSON */

#include "trust/canonical.h"

#include <errno.h>
#include <inttypes.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "trust/errors.h"

static int canonical_value (const json_t *value, unsigned depth, struct base_buffer *buffer,
                            struct base_error *error);

static int canonical_string (const char *text, struct base_buffer *buffer)
{
    if (base_buffer_append_text (buffer, "\""))
        return -ENOMEM;
    while (*text) {
        size_t plain = strcspn (text, "\"\\");
        if (base_buffer_append (buffer, text, plain))
            return -ENOMEM;
        text += plain;
        if (*text) {
            char escaped[2] = {'\\', *text++};
            if (base_buffer_append (buffer, escaped, sizeof escaped))
                return -ENOMEM;
        }
    }
    return base_buffer_append_text (buffer, "\"");
}

static int canonical_array (const json_t *array, unsigned depth, struct base_buffer *buffer,
                            struct base_error *error)
{
    int r = base_buffer_append_text (buffer, "[");
    for (size_t i = 0; r == 0 && i < json_array_size (array); i++) {
        if (i)
            r = base_buffer_append_text (buffer, ",");
        if (r == 0)
            r = canonical_value (json_array_get (array, i), depth, buffer, error);
    }
    return r ? r : base_buffer_append_text (buffer, "]");
}

static int key_compare (const void *a, const void *b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static int canonical_object (const json_t *object, unsigned depth, struct base_buffer *buffer,
                             struct base_error *error)
{
    size_t count = json_object_size (object), filled = 0;
    base_cleanup (base_free_p) const char **names = calloc (count ? count : 1, sizeof *names);
    if (!names)
        return -ENOMEM;
    const char *name;
    json_t *value;
    /*  jansson iterates over objects that are not const, but changes nothing. */
    json_object_foreach ((json_t *) (uintptr_t) object, name, value)
    {
        base_assert (filled < count && value);
        names[filled++] = name;
    }
    base_assert (filled == count);
    qsort (names, count, sizeof *names, key_compare);
    int r = base_buffer_append_text (buffer, "{");
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (i)
            r = base_buffer_append_text (buffer, ",");
        if (r == 0)
            r = canonical_string (names[i], buffer);
        if (r == 0)
            r = base_buffer_append_text (buffer, ":");
        if (r == 0)
            r = canonical_value (json_object_get (object, names[i]), depth, buffer, error);
    }
    return r ? r : base_buffer_append_text (buffer, "}");
}

static int canonical_value (const json_t *value, unsigned depth, struct base_buffer *buffer,
                            struct base_error *error)
{
    base_assert (value);
    if (depth == TRUST_DEPTH_MOST)
        return base_error_set (error, TRUST_E_FORMAT, "objects and arrays are nested more than %d deep",
                               TRUST_DEPTH_MOST);
    switch (json_typeof (value)) {
    case JSON_OBJECT:
        return canonical_object (value, depth + 1, buffer, error);
    case JSON_ARRAY:
        return canonical_array (value, depth + 1, buffer, error);
    case JSON_STRING:
        return canonical_string (json_string_value (value), buffer);
    case JSON_INTEGER:
        return base_buffer_printf (buffer, "%" PRIi64, (int64_t) json_integer_value (value));
    case JSON_TRUE:
        return base_buffer_append_text (buffer, "true");
    case JSON_FALSE:
        return base_buffer_append_text (buffer, "false");
    case JSON_NULL:
        return base_buffer_append_text (buffer, "null");
    case JSON_REAL:
        break;
    }
    return base_error_set (error, TRUST_E_FORMAT, "a number is no integer");
}

int trust_canonical_write (const json_t *value, struct base_buffer *buffer, struct base_error *error)
{
    base_assert (value && buffer);
    size_t size = buffer->size;
    int r = canonical_value (value, 0, buffer, error);
    if (r)
        buffer->size = size;
    return r == -ENOMEM ? base_error_set (error, -ENOMEM, "no memory for the canonical form") : r;
}
