/*  disk/attributes.h - immutable and append-only files (chattr +i, +a), which not even root can rename or remove */

#ifndef DISK_ATTRIBUTES_H
#define DISK_ATTRIBUTES_H

#include <stdbool.h>

/*  Whether a file or directory is one of these. */
bool disk_attributes_are_locked (int directory, const char *path);

/*  Makes it one that can be changed. errno stays. Returns whether something was changed. */
bool disk_attributes_clear (int directory, const char *path);
bool disk_attributes_clear_fd (int fd);

#endif
