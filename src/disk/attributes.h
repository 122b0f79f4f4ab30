/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/attributes.h - the attributes immutable and append-only (chattr +i, +a)

    Not even root can rename or remove a file that has one of them. */

#ifndef DISK_ATTRIBUTES_H
#define DISK_ATTRIBUTES_H

#include <stdbool.h>

/*  Whether a file or directory has one of them. */
bool disk_attributes_are_locked (int directory, const char *path);

/*  Clears them. Preserves errno. Returns whether anything was changed. */
bool disk_attributes_clear (int directory, const char *path);
bool disk_attributes_clear_fd (int fd);

#endif
