/*  disk/place.h - the directory that a path's last part lies in; for this room alone */

#ifndef DISK_PLACE_H
#define DISK_PLACE_H

#include "disk/disk.h"

enum { DISK_TEMPORARY_SIZE = 32 };

struct disk_place {
    int fd;           /* of the directory */
    int owned;        /* the same, to be closed; -1 where it is the caller's */
    const char *leaf; /* within path */
};

#define DISK_PLACE_NULL ((struct disk_place){.fd = -1, .owned = -1})

/*  Returns 0 or -errno; path must outlive the place. */
int disk_place_find (const struct disk *disk, int directory, const char *path, struct disk_place *ret_place);
void disk_place_deinit (struct disk_place *place);

/*  Makes the changes to a directory's names durable. Returns 0 or -errno. */
int disk_directory_sync (const struct disk *disk, int fd);

/*  A name that no file has: ".tmp." and randomness. Returns text. */
const char *disk_temporary (char text[DISK_TEMPORARY_SIZE]);

#endif
