/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/copy.c - copies a file by reflink, else block by block */

#include "disk/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"

enum { BLOCK_SIZE = 256 * 1024 };

int disk_file_copy (const struct disk *disk, int from, int to, struct base_digest *ret_digest)
{
    base_assert (disk && disk->ops);
    base_assert (from >= 0 && to >= 0 && from != to);
    base_assert (ret_digest);
    if (disk->ops->clone (disk->context, from, to) == 0)
        return base_digest_of_fd (to, ret_digest, NULL);
    base_cleanup (base_free_p) uint8_t *block = malloc (BLOCK_SIZE);
    if (!block)
        return -ENOMEM;
    struct base_hash hash;
    base_hash_init (&hash);
    for (off_t offset = 0;;) {
        ssize_t got = pread (from, block, BLOCK_SIZE, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return DISK_E_SOURCE;
        if (got == 0)
            break;
        int r = disk_write_all (disk, to, block, (size_t) got);
        if (r < 0)
            return r;
        base_hash_update (&hash, block, (size_t) got);
        offset += got;
    }
    *ret_digest = base_hash_final (&hash);
    /*  Writeback starts while the next file is copied, so the sync at the end has less to wait for. Not for
        unsynced disks: most of their files are removed before they would be written. */
    if (disk->ops != disk_unsynced.ops)
        (void) sync_file_range (to, 0, 0, SYNC_FILE_RANGE_WRITE);
    return 0;
}
