/* SPDX-License-Identifier: MPL-2.0 */
/*  base/buffer.h - a byte buffer that grows

    Null value: all zero. The buffer owns its data. */

#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct base_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

void base_buffer_deinit (struct base_buffer *buffer);

/*  Makes room for size more bytes. Returns 0 or -ENOMEM. */
int base_buffer_reserve (struct base_buffer *buffer, size_t size);

/*  Appends size bytes. Returns 0 or -ENOMEM; on failure the buffer is unchanged. */
int base_buffer_append (struct base_buffer *buffer, const void *data, size_t size);
int base_buffer_append_text (struct base_buffer *buffer, const char *text);

/*  Appends formatted text without a closing NUL. Returns 0 or -ENOMEM. */
__attribute__ ((format (printf, 2, 3))) int base_buffer_printf (struct base_buffer *buffer,
                                                                const char *format, ...);

/*  Appends a NUL (not counted in size) and returns the data as a string, which the caller owns. The buffer is
    null afterwards. Returns NULL if out of memory. */
char *base_buffer_take_text (struct base_buffer *buffer);

#endif
