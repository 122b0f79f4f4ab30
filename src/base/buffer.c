/* SPDX-License-Identifier: MPL-2.0 */
/*  base/buffer.c - growth and formatting of a byte buffer */

#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void base_buffer_deinit (struct base_buffer *buffer)
{
    base_assert (buffer);
    free (buffer->data);
    *buffer = (struct base_buffer){0};
}

int base_buffer_reserve (struct base_buffer *buffer, size_t size)
{
    base_assert (buffer);
    base_assert (buffer->size <= buffer->capacity);
    if (size > SIZE_MAX / 4 || buffer->size > SIZE_MAX / 4)
        return -ENOMEM;
    size_t wanted = buffer->size + size;
    if (wanted <= buffer->capacity)
        return 0;
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity < wanted)
        capacity *= 2;
    uint8_t *data = realloc (buffer->data, capacity);
    if (!data)
        return -ENOMEM;
    buffer->data = data;
    buffer->capacity = capacity;
    return 0;
}

int base_buffer_append (struct base_buffer *buffer, const void *data, size_t size)
{
    base_assert (buffer);
    base_assert (data || size == 0);
    if (size == 0)
        return 0;
    int r = base_buffer_reserve (buffer, size);
    if (r < 0)
        return r;
    memcpy (buffer->data + buffer->size, data, size);
    buffer->size += size;
    return 0;
}

int base_buffer_append_text (struct base_buffer *buffer, const char *text)
{
    base_assert (buffer);
    base_assert (text);
    return base_buffer_append (buffer, text, strlen (text));
}

int base_buffer_printf (struct base_buffer *buffer, const char *format, ...)
{
    base_assert (buffer);
    base_assert (format);
    va_list arguments;
    va_start (arguments, format);
    int length = vsnprintf (NULL, 0, format, arguments);
    va_end (arguments);
    if (length < 0)
        return -ENOMEM;
    int r = base_buffer_reserve (buffer, (size_t) length + 1);
    if (r < 0)
        return r;
    va_start (arguments, format);
    (void) vsnprintf ((char *) buffer->data + buffer->size, (size_t) length + 1, format, arguments);
    va_end (arguments);
    buffer->size += (size_t) length;
    return 0;
}

char *base_buffer_take_text (struct base_buffer *buffer)
{
    base_assert (buffer);
    if (base_buffer_append (buffer, "", 1))
        return NULL;
    char *text = (char *) buffer->data;
    *buffer = (struct base_buffer){0};
    return text;
}
