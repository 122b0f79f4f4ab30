/*  broker/partials.h - uploads that nobody goes on with: what is left of them on disk

    They are kept for a resume, and are the first to go: by age, by number, and where an upload needs the room. */

#ifndef BROKER_PARTIALS_H
#define BROKER_PARTIALS_H

#include <time.h>

#include "disk/disk.h"

enum { BROKER_PARTIALS_MOST = 256 };

/*  What is left alone: uploads that go on. */
struct broker_partials_kept {
    bool (*is_kept) (void *context, const struct base_digest *digest);
    void *context;
};

/*  Removes what is older than before, and the oldest beyond BROKER_PARTIALS_MOST. */
void broker_partials_collect (struct disk_blobs *blobs, const struct broker_partials_kept *kept,
                              time_t before);

/*  Removes the oldest until so many bytes of the disk are free. Returns whether they are. *ret_free: how many are. */
bool broker_partials_make_room (struct disk_blobs *blobs, const struct broker_partials_kept *kept,
                                uint64_t bytes, uint64_t *ret_free);

/*  Bytes of the disk that a partial content has already; 0: there is none. */
uint64_t broker_partials_allocated (struct disk_blobs *blobs, const struct base_digest *digest);

/*  Gives back what is reserved of it beyond what is there. */
void broker_partials_shrink (struct disk_partial *partial);

#endif
