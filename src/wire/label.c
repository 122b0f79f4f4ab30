/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/label.c - rules of labels beyond their schema */

#include "wire/label.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"

enum { NAME_MOST = 64, VALUE_MOST = 128, GROUP_MOST = 64 };

static bool letter_or_digit (char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool text_is_made_of (const char *text, const char *further, size_t most)
{
    size_t size = 0;
    if (!letter_or_digit (*text))
        return false;
    for (; text[size]; size++)
        if (size == most || !(letter_or_digit (text[size]) || strchr (further, text[size])))
            return false;
    return true;
}

static bool name_is_among (const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp (name, *names) == 0)
            return true;
    return false;
}

/*  A value must fit between the double quotes of a selector. */
static bool value_is_valid (const char *value)
{
    size_t size = strnlen (value, VALUE_MOST + 1);
    if (size == 0 || size > VALUE_MOST || !base_text_is_utf8 (value, size))
        return false;
    for (; *value; value++)
        if ((unsigned char) *value < 0x20 || *value == 0x7f || *value == '"')
            return false;
    return true;
}

int wire_label_check (const char *name, const char *value, enum wire_label_side side,
                      struct base_error *error)
{
    base_assert (name);
    static const char *const facts[] = {"id", "platform", "kernel", "version", NULL};
    static const char *const words[] = {"and", "or", "not", NULL};
    if (!text_is_made_of (name, "._-/", NAME_MOST))
        return base_error_set (
            error, -EINVAL,
            "the label %.80s: a name has 1 to %d letters, digits, '.', '_', '-' or '/', and"
            " begins with a letter or digit",
            name, NAME_MOST);
    if (name_is_among (name, facts))
        return base_error_set (error, -EINVAL,
                               "the label %s: the node reports this fact itself; choose another name", name);
    if (name_is_among (name, words))
        return base_error_set (error, -EINVAL,
                               "the label %s: this is a keyword of selectors; choose another name", name);
    if (!value)
        return 0;
    if (!value_is_valid (value))
        return base_error_set (error, -EINVAL,
                               "the label %s: a value has 1 to %d bytes of text without double quotes and"
                               " control characters",
                               name, VALUE_MOST);
    if (side == WIRE_LABEL_AT_NODE && strcmp (name, "group") == 0 &&
        !text_is_made_of (value, "._-:", GROUP_MOST))
        return base_error_set (error, -EINVAL,
                               "the label group = %s: a group has 1 to %d letters, digits, '.', '_', '-' or"
                               " ':', since announcements carry it",
                               value, GROUP_MOST);
    return 0;
}
