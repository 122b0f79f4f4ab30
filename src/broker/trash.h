/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trash.h - blobs that nothing needs: kept for a while before they are deleted

    A blob that no record needs is renamed into the trash, and restored when it is needed again. It is deleted
    only if three conditions hold: the disk is short of space, the blob has been in the trash for keep_ms, and
    this process has run for first_ms. The oldest is deleted first. So an operator has time to notice records
    that are wrong. Only time in which a broker runs counts, by CLOCK_BOOTTIME: setting the clock of the host
    never empties the trash. Each change is logged. */

#ifndef BROKER_TRASH_H
#define BROKER_TRASH_H

#include "disk/disk.h"

struct broker_trash_rules {
    uint64_t keep_ms, first_ms;
    uint64_t free; /* bytes: the disk is short of space if less is free */
};

#define BROKER_TRASH_RULES                                                                                   \
    ((struct broker_trash_rules){.keep_ms = UINT64_C (7) * 24 * 3600 * 1000,                                 \
                                 .first_ms = UINT64_C (3600) * 1000,                                         \
                                 .free = UINT64_C (1) << 30})

struct broker_trash {
    struct disk_blobs *blobs;
    struct broker_trash_rules rules;
    uint64_t clock_ms;   /* time that broker processes have run over these blobs */
    uint64_t ticked_ms;  /* boot time up to which clock_ms is counted */
    uint64_t started_ms; /* boot time */
    uint64_t saved_ms, looked_ms;
};

/*  blobs must outlive the trash. */
void broker_trash_init (struct broker_trash *trash, struct disk_blobs *blobs, uint64_t now_ms);
void broker_trash_deinit (struct broker_trash *trash);

/*  Moves a complete blob to the trash. Returns 0, -ENOENT, or another -errno, which is logged. now_ms (in all
    functions): since boot. */
int broker_trash_put (struct broker_trash *trash, const struct base_digest *digest, uint64_t now_ms);

/*  Restores a blob from the trash. Returns 0, -ENOENT if it is not there, or another -errno. */
int broker_trash_take_back (struct broker_trash *trash, const struct base_digest *digest);

/*  Deletes blobs as described above until `bytes` of the disk are free. One call deletes at most 1024 blobs
    and lists the trash at most four times, because it runs in the loop. */
void broker_trash_make_room (struct broker_trash *trash, uint64_t bytes, uint64_t now_ms);

/*  To be called every few seconds. */
void broker_trash_tick (struct broker_trash *trash, uint64_t now_ms);

#endif
