/*  base/text.h - strings and lists of strings */

#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*  Copies text into a field of size bytes. Returns 0, or -ENAMETOOLONG and leaves the field untouched. */
int base_text_copy (char *field, size_t size, const char *text);

/*  What format makes, on the heap. Returns NULL where memory is out; the caller owns it. */
__attribute__ ((format (printf, 1, 2))) char *base_text_printf (const char *format, ...);

/*  Well-formed UTF-8 (no surrogates, no overlong forms). A NUL byte counts as ill-formed. */
bool base_text_is_utf8 (const void *data, size_t size);

/*  The character that text begins with. Returns its bytes; 0 where that is no UTF-8, or the end. */
size_t base_text_character (const char *text, uint32_t *ret_number);

/*  Whether a terminal does no more with a character than show it: no control of C0 or C1, no mark that turns the
    direction of writing, no separator of lines, nothing without a width. All others are below 0x10000. */
bool base_text_is_plain (uint32_t number);

/*  The same JSON with such characters in its strings as \uXXXX, on the heap. Returns NULL where memory is out; the
    caller owns it. */
char *base_text_plain_json (const char *json);

/*  Makes what came from elsewhere, or was cut, fit for messages: what is no UTF-8 becomes question marks. */
void base_text_clean (char *text);

/*  The number, in base 10 or 16, behind a key and one space at the beginning of text ("mark 12"), up to the end of the
    line. Returns whether there is one; *ret_rest (may be NULL) is what follows. */
bool base_text_take_number (const char *text, const char *key, int base, uint64_t *ret_number,
                            const char **ret_rest);

/*  A decimal number without sign, at most max. Returns 0, -EINVAL or -ERANGE. */
int base_text_parse_u64 (const char *text, uint64_t max, uint64_t *ret_number);

/*  A time span: a decimal number with ms, s, m or h behind it ("250ms", "10m"); a bare number is seconds.
    Returns 0, -EINVAL or -ERANGE (more than 10 years). */
int base_text_parse_span_ms (const char *text, uint64_t *ret_ms);

/*  A NULL-terminated list on the heap that owns its strings. base_list_free (NULL) does nothing. Returns
    NULL. */
char **base_list_free (char **list);
char **base_list_copy (char *const *list, size_t count);
size_t base_list_count (char *const *list);

/*  Appends a copy of text, growing the list; *list may be NULL. Returns 0 or -ENOMEM. */
int base_list_append (char ***list, const char *text);

/*  The same where the caller keeps the count, which grows by one: a list of many does not count itself each time. */
int base_list_append_next (char ***list, size_t *count, const char *text);

/*  Base64 (RFC 4648, padded). Appends. Returns 0, -ENOMEM, or -EINVAL for text that is no base64. */
int base_base64_encode (const void *data, size_t size, struct base_buffer *buffer);
int base_base64_decode (const char *text, struct base_buffer *buffer);

#endif
