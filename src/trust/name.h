/* SPDX-License-Identifier: MPL-2.0 */
/*  trust/name.h - names of roles, and of their files

    A role's name is text that somebody else chose. It never becomes a path as it is: in a file name, and in what is
    fetched, every byte but A-Z a-z 0-9 . _ - ~ is written as %XX. So one name has one file, in one directory. */

#ifndef TRUST_NAME_H
#define TRUST_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRUST_NAME_MOST = 64, /* bytes of a role's name */
    TRUST_NAME_TEXT = TRUST_NAME_MOST + 1,
    TRUST_FILE_TEXT = 3 * TRUST_NAME_MOST + 32, /* of the longest file name, with its NUL */
};

/*  Whether text is 1 to most bytes of UTF-8 that may be shown on a terminal. */
bool trust_name_is_plain (const char *text, size_t most);

/*  Whether a delegation may have this name: 1 to TRUST_NAME_MOST bytes of UTF-8 without control characters, and not the
    name of a top-level role. */
bool trust_name_is_delegated (const char *name);

/*  Writes "NAME.json" (version 0) or "VERSION.NAME.json" with name quoted. Returns text. */
const char *trust_name_file (const char *name, uint64_t version, char text[TRUST_FILE_TEXT]);

#endif
