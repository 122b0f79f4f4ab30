/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/text.c - texts for messages */

#include "wire/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/*  What a message owns came from the heap, so it is not constant. The cast by way of an integer says that the
    const is removed on purpose; nothing else in the tree does it for messages. */
void wire_text_give (const char **field, char *text)
{
    free ((void *) (uintptr_t) *field);
    *field = text;
}

char **wire_texts_own (const char *const *texts)
{
    return (char **) (uintptr_t) texts;
}

void wire_text_free (const char **field)
{
    wire_text_give (field, NULL);
}

int wire_text_set (const char **field, const char *text)
{
    char *copy = text ? strdup (text) : NULL;

    if (text && !copy)
        return -ENOMEM;
    wire_text_give (field, copy);
    return 0;
}

/*  Replaces each byte of a cut character by '?' and keeps the text after it. */
static void text_repair (char *text)
{
    size_t size = strlen (text);

    for (size_t at = 0; at < size;) {
        size_t length = 1;
        while (length <= 4 && at + length <= size && !base_text_is_utf8 (text + at, length))
            length++;
        if (length > 4 || at + length > size) {
            text[at] = '?';
            length = 1;
        }
        at += length;
    }
}

char *wire_reason_v (const char *format, va_list arguments)
{
    char reason[WIRE_REASON_MOST + 1];

    (void) vsnprintf (reason, sizeof reason, format, arguments);
    if (!base_text_is_utf8 (reason, strlen (reason)))
        text_repair (reason);
    return strdup (reason);
}

char *wire_reason (const char *format, ...)
{
    va_list arguments;
    char *reason;

    va_start (arguments, format);
    reason = wire_reason_v (format, arguments);
    va_end (arguments);
    return reason;
}

int wire_status_set (enum wire_status *status, const char **reason, enum wire_status value,
                     const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    *status = value;
    wire_text_give (reason, wire_reason_v (format, arguments));
    va_end (arguments);
    return *reason ? 0 : -ENOMEM;
}
