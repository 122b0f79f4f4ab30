/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/entry.h - the parent directory and the last component of a path; private to this room */

#ifndef DISK_ENTRY_H
#define DISK_ENTRY_H

#include "disk/disk.h"

enum { DISK_TEMPORARY_SIZE = 32 };

struct disk_entry {
    int fd;           /* of the directory */
    int owned;        /* the same, to be closed; -1 if the caller owns it */
    const char *leaf; /* points into path */
};

#define DISK_ENTRY_NULL ((struct disk_entry){.fd = -1, .owned = -1})

/*  Returns 0 or -errno; path must outlive the entry. */
int disk_entry_find (const struct disk *disk, int directory, const char *path, struct disk_entry *ret_entry);
void disk_entry_deinit (struct disk_entry *entry);

/*  Syncs a directory, so that changes of its names are durable. Returns 0 or -errno. */
int disk_directory_sync (const struct disk *disk, int fd);

/*  Makes a new file name: ".tmp." and 16 random hexadecimal characters. Returns text. */
const char *disk_temporary (char text[DISK_TEMPORARY_SIZE]);

#endif
