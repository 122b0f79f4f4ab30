/* SPDX-License-Identifier: MPL-2.0 */
/*  base/text.c - UTF-8, numbers, time spans, lists of strings and Base64 */

#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"

int base_text_copy (char *field, size_t size, const char *text)
{
    base_assert (field && size > 0);
    base_assert (text);
    size_t length = strlen (text);
    if (length >= size)
        return -ENAMETOOLONG;
    memcpy (field, text, length + 1);
    return 0;
}

char *base_text_printf (const char *format, ...)
{
    base_assert (format);
    char *text = NULL;
    va_list arguments;
    va_start (arguments, format);
    int length = vasprintf (&text, format, arguments);
    va_end (arguments);
    return length < 0 ? NULL : text;
}

bool base_text_is_utf8 (const void *data, size_t size)
{
    base_assert (data || size == 0);
    const uint8_t *at = data;
    const uint8_t *end = at + size;
    while (at < end) {
        uint8_t c = *at++;
        size_t more;
        uint32_t point, least;
        if (c == 0)
            return false;
        if (c < 0x80)
            continue;
        if (c >= 0xC2 && c <= 0xDF) {
            more = 1;
            point = c & 0x1F;
            least = 0x80;
        } else if ((c & 0xF0) == 0xE0) {
            more = 2;
            point = c & 0x0F;
            least = 0x800;
        } else if (c >= 0xF0 && c <= 0xF4) {
            more = 3;
            point = c & 0x07;
            least = 0x10000;
        } else
            return false;
        if ((size_t) (end - at) < more)
            return false;
        while (more--) {
            if ((*at & 0xC0) != 0x80)
                return false;
            point = point << 6 | (*at++ & 0x3F);
        }
        if (point < least || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
            return false;
    }
    return true;
}

size_t base_text_character (const char *text, uint32_t *ret_number)
{
    base_assert (text);
    base_assert (ret_number);
    const unsigned char *at = (const unsigned char *) text;
    size_t length = *at < 0x80 ? 1 : *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : *at >= 0xc2 ? 2 : 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if (length == 0 || !base_text_is_utf8 (text, length))
        return 0;
    uint32_t number = length == 1 ? *at : *at & (0x7fU >> length);
    for (size_t i = 1; i < length; i++)
        number = number << 6 | (at[i] & 0x3f);
    *ret_number = number;
    return length;
}

bool base_text_is_plain (uint32_t number)
{
    return number >= 0x20 && !(number >= 0x7f && number < 0xa0) && number != 0x061c && number != 0xfeff &&
           !(number >= 0x200b && number <= 0x200f) && !(number >= 0x2028 && number <= 0x202e) &&
           !(number >= 0x2060 && number <= 0x206f);
}

char *base_text_plain_json (const char *json)
{
    base_assert (json);
    base_cleanup (base_buffer_deinit) struct base_buffer plain = {.size = 0};
    int r = base_buffer_reserve (&plain, strlen (json) + 1);
    while (*json && r == 0) {
        uint32_t number = 0;
        size_t length = base_text_character (json, &number);
        /* Unescaped control characters occur only between tokens; strings contain none. */
        if (length == 0)
            r = base_buffer_append_text (&plain, "?");
        else if (number < 0x20 || base_text_is_plain (number))
            r = base_buffer_append (&plain, json, length);
        else
            r = base_buffer_printf (&plain, "\\u%04x", (unsigned) number);
        json += length ? length : 1;
    }
    return r == 0 ? base_buffer_take_text (&plain) : NULL;
}

void base_text_clean (char *text)
{
    base_assert (text);
    for (char *at = text; *at;) {
        size_t length = 1, left = strlen (at);
        while (length < 4 && length < left && !base_text_is_utf8 (at, length))
            length++;
        if (base_text_is_utf8 (at, length))
            at += length;
        else
            *at++ = '?';
    }
}

int base_text_parse_u64 (const char *text, uint64_t max, uint64_t *ret_number)
{
    base_assert (text);
    base_assert (ret_number);
    uint64_t number = 0;
    if (!*text)
        return -EINVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        uint64_t digit = (uint64_t) (*text - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return -ERANGE;
        number = number * 10 + digit;
    }
    if (number > max)
        return -ERANGE;
    *ret_number = number;
    return 0;
}

bool base_text_take_number (const char *text, const char *key, int base, uint64_t *ret_number,
                            const char **ret_rest)
{
    base_assert (text && key);
    base_assert (base == 10 || base == 16);
    base_assert (ret_number);
    size_t length = strlen (key);
    char *end;
    if (strncmp (text, key, length) != 0 || text[length] != ' ' ||
        !isxdigit ((unsigned char) text[length + 1]))
        return false;
    errno = 0;
    unsigned long long number = strtoull (text + length + 1, &end, base);
    if (errno || end == text + length + 1 || (*end && *end != '\n'))
        return false;
    *ret_number = number;
    if (ret_rest)
        *ret_rest = *end ? end + 1 : end;
    return true;
}

int base_text_parse_span_ms (const char *text, uint64_t *ret_ms)
{
    base_assert (text);
    base_assert (ret_ms);
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"", 1000}};
    static const uint64_t most = 10ULL * 366 * 24 * 3600000;
    size_t length = strspn (text, "0123456789");
    char number[24];
    if (length == 0 || length >= sizeof number)
        return length ? -ERANGE : -EINVAL;
    memcpy (number, text, length);
    number[length] = '\0';
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp (text + length, units[i].unit) != 0)
            continue;
        uint64_t count;
        int r = base_text_parse_u64 (number, most / units[i].ms, &count);
        if (r < 0)
            return r;
        *ret_ms = count * units[i].ms;
        return 0;
    }
    return -EINVAL;
}

char **base_list_free (char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free (list[i]);
    free (list);
    return NULL;
}

char **base_list_copy (char *const *list, size_t count)
{
    base_assert (list || count == 0);
    char **copy = calloc (count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = strdup (list[i]);
        if (!copy[i])
            return base_list_free (copy);
    }
    return copy;
}

char *const *base_list_const (const char *const *list)
{
    return (char *const *) (uintptr_t) list; /* by way of an integer: the const is removed on purpose */
}

size_t base_list_count (char *const *list)
{
    size_t count = 0;
    while (list && list[count])
        count++;
    return count;
}

int base_list_append (char ***list, const char *text)
{
    base_assert (list && text);
    size_t count = base_list_count (*list);
    return base_list_append_next (list, &count, text);
}

int base_list_append_next (char ***list, size_t *count, const char *text)
{
    base_assert (list && count);
    base_assert (*list || *count == 0);
    base_assert (text);
    char *copy = strdup (text);
    char **grown = copy ? realloc (*list, (*count + 2) * sizeof *grown) : NULL;
    if (!grown) {
        free (copy);
        return -ENOMEM;
    }
    grown[(*count)++] = copy;
    grown[*count] = NULL;
    *list = grown;
    return 0;
}

bool base_text_begins (const char *text, const char *prefix)
{
    base_assert (text && prefix);
    return strncmp (text, prefix, strlen (prefix)) == 0;
}

static int texts_compare (const void *a, const void *b)
{
    return strcmp (*(char *const *) a, *(char *const *) b);
}

void base_list_sort (char **list)
{
    if (list && list[0])
        qsort (list, base_list_count (list), sizeof *list, texts_compare);
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base_base64_encode (const void *data, size_t size, struct base_buffer *buffer)
{
    base_assert (data || size == 0);
    base_assert (buffer);
    const uint8_t *at = data;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t) at[i] << 16;
        if (left > 1)
            group |= (uint32_t) at[i + 1] << 8;
        if (left > 2)
            group |= at[i + 2];
        char quad[4] = {base64[group >> 18], base64[group >> 12 & 63],
                        left > 1 ? base64[group >> 6 & 63] : '=', left > 2 ? base64[group & 63] : '='};
        int r = base_buffer_append (buffer, quad, sizeof quad);
        if (r < 0)
            return r;
    }
    return 0;
}

int base_base64_decode (const char *text, struct base_buffer *buffer)
{
    base_assert (text);
    base_assert (buffer);
    size_t length = strlen (text);
    if (length % 4)
        return -EINVAL;
    for (size_t i = 0; i < length; i += 4) {
        uint32_t group = 0;
        size_t padding = 0;
        for (size_t j = 0; j < 4; j++) {
            const char *found = text[i + j] == '=' ? NULL : strchr (base64, text[i + j]);
            if (!found) {
                if (text[i + j] != '=' || i + 4 != length || j < 2)
                    return -EINVAL;
                padding++;
            } else if (padding)
                return -EINVAL;
            group = group << 6 | (found ? (uint32_t) (found - base64) : 0);
        }
        uint8_t bytes[3] = {(uint8_t) (group >> 16), (uint8_t) (group >> 8), (uint8_t) group};
        int r = base_buffer_append (buffer, bytes, 3 - padding);
        if (r < 0)
            return r;
    }
    return 0;
}
