/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/name.c - names of roles, and of their files */

#include "trust/name.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/text.h"

bool trust_name_is_plain (const char *text, size_t most)
{
    base_assert (text);
    size_t size = strlen (text);
    if (size == 0 || size > most)
        return false;
    while (*text) {
        uint32_t number;
        size_t length = base_text_character (text, &number);
        if (length == 0 || !base_text_is_plain (number))
            return false;
        text += length;
    }
    return true;
}

bool trust_name_is_delegated (const char *name)
{
    static const char *const top[] = {"root", "timestamp", "snapshot", "targets", "mirrors"};
    for (size_t i = 0; i < sizeof top / sizeof *top; i++)
        if (strcmp (name, top[i]) == 0)
            return false;
    return trust_name_is_plain (name, TRUST_NAME_MOST);
}

static bool is_unreserved (char character)
{
    return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
           (character >= '0' && character <= '9') || character == '.' || character == '_' ||
           character == '-' || character == '~';
}

const char *trust_name_file (const char *name, uint64_t version, char text[TRUST_FILE_TEXT])
{
    base_assert (name && strlen (name) <= TRUST_NAME_MOST);
    size_t at = 0;
    if (version)
        at = (size_t) snprintf (text, TRUST_FILE_TEXT, "%" PRIu64 ".", version);
    for (; *name; name++)
        if (is_unreserved (*name))
            text[at++] = *name;
        else
            at += (size_t) snprintf (text + at, TRUST_FILE_TEXT - at, "%%%02X", (uint8_t) *name);
    base_assert (at + sizeof ".json" <= TRUST_FILE_TEXT);
    (void) snprintf (text + at, TRUST_FILE_TEXT - at, ".json");
    return text;
}
