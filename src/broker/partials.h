/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/partials.h - abandoned uploads: their partial files on disk

    They are kept for a resume. They are deleted before anything else: when they are old, when there are too
    many, and when an upload needs the space. */

#ifndef BROKER_PARTIALS_H
#define BROKER_PARTIALS_H

#include <time.h>

#include "disk/disk.h"

enum { BROKER_PARTIALS_MOST = 256 };

/*  Which partial files to keep: those of uploads in progress. */
struct broker_partials_kept {
    bool (*is_kept) (void *context, const struct base_digest *digest);
    void *context;
};

/*  Removes files that were last written before `before` (seconds, wall clock), and the oldest beyond
    BROKER_PARTIALS_MOST. */
void broker_partials_collect (struct disk_blobs *blobs, const struct broker_partials_kept *kept,
                              time_t before);

/*  Removes the oldest until `bytes` of the disk are free. Returns whether they are, or cannot be counted.
    *ret_free: bytes free now. */
bool broker_partials_make_room (struct disk_blobs *blobs, const struct broker_partials_kept *kept,
                                uint64_t bytes, uint64_t *ret_free);

/*  Returns the bytes of the disk that the partial file uses; 0: there is none. */
uint64_t broker_partials_allocated (struct disk_blobs *blobs, const struct base_digest *digest);

/*  Releases the space that is reserved beyond the received bytes. */
void broker_partials_shrink (struct disk_partial *partial);

#endif
