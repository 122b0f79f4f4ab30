/*  broker/trash.h - blobs that nothing needs: kept, and deleted last

    What no record needs goes into the trash by a rename, and comes back from there once something asks for it.
    It is deleted, the oldest first, only when all of this holds: the disk is short of space, it has lain there
    for `keep`, and this process has run for `first`. Records that are wrong so delete nothing before somebody
    could notice. How long it has lain there is counted in time during which the broker ran, by CLOCK_BOOTTIME:
    no clock that can be set empties the trash. Each change is logged. */

#ifndef BROKER_TRASH_H
#define BROKER_TRASH_H

#include "disk/disk.h"

struct broker_trash_rules {
    uint64_t keep_ms, first_ms;
    uint64_t free; /* bytes of the disk: less is short */
};

#define BROKER_TRASH_RULES                                                                                   \
    ((struct broker_trash_rules){.keep_ms = UINT64_C (7) * 24 * 3600 * 1000,                                 \
                                 .first_ms = UINT64_C (3600) * 1000,                                         \
                                 .free = UINT64_C (1) << 30})

struct broker_trash {
    struct disk_blobs *blobs;
    struct broker_trash_rules rules;
    uint64_t clock_ms;   /* time that broker processes have run over these blobs */
    uint64_t ticked_ms;  /* boot time up to which it is counted */
    uint64_t started_ms; /* boot time */
    uint64_t saved_ms, looked_ms;
};

/*  blobs must outlive it. */
void broker_trash_init (struct broker_trash *trash, struct disk_blobs *blobs, uint64_t now_ms);
void broker_trash_deinit (struct broker_trash *trash);

int broker_trash_put (struct broker_trash *trash, const struct base_digest *digest, uint64_t now_ms);

/*  Brings a blob back. Returns 0 or -ENOENT. */
int broker_trash_take_back (struct broker_trash *trash, const struct base_digest *digest);

/*  Deletes what may be deleted until so many bytes are free; at most 1024 blobs in one call, for which it
    looks through the trash four times: it is called in the loop. */
void broker_trash_make_room (struct broker_trash *trash, uint64_t bytes, uint64_t now_ms);

/*  To be called every few seconds. */
void broker_trash_tick (struct broker_trash *trash, uint64_t now_ms);

#endif
