/* SPDX-License-Identifier: MPL-2.0 */
/*  base/text.h - strings and lists of strings */

#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*  Copies text into a field of size bytes. Returns 0, or -ENAMETOOLONG with the field unchanged. */
int base_text_copy (char *field, size_t size, const char *text);

/*  Formatted text on the heap; the caller owns it. Returns NULL if out of memory. */
__attribute__ ((format (printf, 1, 2))) char *base_text_printf (const char *format, ...);

/*  Whether text begins with a prefix. */
bool base_text_begins (const char *text, const char *prefix);

/*  Whether data is well-formed UTF-8, without surrogates, overlong forms and NUL bytes. */
bool base_text_is_utf8 (const void *data, size_t size);

/*  Decodes the first character of text. Returns its length in bytes, or 0 at the end of text or for
    invalid UTF-8. */
size_t base_text_character (const char *text, uint32_t *ret_number);

/*  Whether a character is safe on a terminal: no control character (C0, C1), no direction mark, no line
    separator and no zero-width character. All unsafe characters are below 0x10000. */
bool base_text_is_plain (uint32_t number);

/*  Copies JSON and replaces unsafe characters in its strings by \uXXXX. The caller owns the result. Returns
    NULL if out of memory. */
char *base_text_plain_json (const char *json);

/*  Replaces bytes that are not valid UTF-8 by question marks, for text that is foreign or was cut. */
void base_text_clean (char *text);

/*  Parses "KEY NUMBER" at the beginning of text, up to the end of the line ("mark 12"); base is 10 or 16.
    Returns whether text has this form. *ret_rest (may be NULL) is the next line. */
bool base_text_take_number (const char *text, const char *key, int base, uint64_t *ret_number,
                            const char **ret_rest);

/*  Parses a decimal number without sign, at most max. Returns 0, -EINVAL or -ERANGE. */
int base_text_parse_u64 (const char *text, uint64_t max, uint64_t *ret_number);

/*  Parses a time span: a decimal number with the unit ms, s, m or h ("250ms", "10m"), or a bare number of
    seconds. Returns 0, -EINVAL or -ERANGE (more than 10 years). */
int base_text_parse_span_ms (const char *text, uint64_t *ret_ms);

/*  A NULL-terminated list on the heap that owns its strings. base_list_free accepts NULL and returns NULL. */
char **base_list_free (char **list);
static inline void base_list_free_p (char ***list) /* for base_cleanup */
{
    (void) base_list_free (*list);
}
char **base_list_copy (char *const *list, size_t count);

/*  The same list with the type that execve has, for a callee that only reads the texts. */
char *const *base_list_const (const char *const *list);

size_t base_list_count (char *const *list);

/*  Appends a copy of text; *list may be NULL. Returns 0 or -ENOMEM. */
int base_list_append (char ***list, const char *text);

/*  The same, but the caller keeps the count, which grows by one: long lists are not counted again
    each time. */
int base_list_append_next (char ***list, size_t *count, const char *text);

/*  Sorts a list (NULL: none) in byte order. */
void base_list_sort (char **list);

/*  Base64 (RFC 4648, padded), appended to buffer. Returns 0, -ENOMEM, or -EINVAL for invalid text. */
int base_base64_encode (const void *data, size_t size, struct base_buffer *buffer);
int base_base64_decode (const char *text, struct base_buffer *buffer);

#endif
