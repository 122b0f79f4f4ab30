/* SPDX-License-Identifier: MPL-2.0 */
/*  root/verified.h - cache of the digests of files read since boot

    Every start verifies a workspace, and most of the cost of a start is reading files. If inode, size and
    ctime of a file are the same as when it was last read, it has the same digest: no system call sets a
    ctime. A file is not added if it changed so shortly before it was read that a second change could have
    left the same ctime. (A page mapped for writing earlier could still change unseen until the kernel writes
    it back; nothing maps files of a workspace like that.)

    The cache is in var/verified and is valid for one boot. If it is missing, damaged or of another boot, all
    files are read again. */

#ifndef ROOT_VERIFIED_H
#define ROOT_VERIFIED_H

#include <time.h>

#include "root/root.h"

struct root_verified_file {
    uint64_t device, inode, size;
    struct timespec changed;
    struct base_digest digest;
    bool used; /* since the list was loaded; kept in preference to unused ones */
};

/*  Null value: all zero, an empty list that root_verified_save does not write. */
struct root_verified {
    char boot[40]; /* boot ID; empty: unknown, and nothing is cached */
    struct root_verified_file *files;
    size_t count, capacity;
    bool changed;
};

/*  Loads the cache. Cannot fail: the list is empty then. */
void root_verified_load (const struct root *root, struct root_verified *ret_verified);

/*  The digest of an open file, from the list or by reading the file. verified NULL: by reading. Returns 0 or
    -errno; -EFBIG for a file with a hole of more than 1 GiB, which is not read. */
int root_verified_digest (struct root_verified *verified, int fd, struct base_digest *ret_digest);

/*  Reading files from this size on takes longer than waiting for a clock tick. */
enum { ROOT_VERIFIED_LARGE = 4 * 1024 * 1024 };

/*  Adds a large file without reading it: the caller has just written, copied, renamed or linked content with
    this digest. Waits until the ctime has settled. Smaller files are skipped. */
void root_verified_note (struct root_verified *verified, int fd, const struct base_digest *digest);

/*  Looks up the digest of an open file. Returns whether the list has the file in its current state. */
bool root_verified_knows (struct root_verified *verified, int fd, struct base_digest *ret_digest);

/*  Writes the list if it has changed. Syncs nothing and cannot fail. */
void root_verified_save (const struct root *root, struct root_verified *verified);

/*  If r says that the disk is full, removes the cache, whose space is enough for a note that must not be
    lost. Returns whether it was removed, so that another attempt makes sense. */
bool root_verified_make_room (const struct root *root, int r);

void root_verified_deinit (struct root_verified *verified);

#endif
