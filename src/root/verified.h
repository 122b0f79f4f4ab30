/*  root/verified.h - digests of files that have been read since boot

    A workspace is verified at every start, and most of what a start costs is to read it. A file that has
    the inode, size and change time which it had when it was read last has the digest that it had then: no
    call sets a change time. It is not taken for unchanged where it changed so shortly before it was read
    that a second change could have left the same time. (A page that was mapped for writing before could
    still change unseen until the kernel writes it back; nobody maps a workspace's files so.)

    The list is kept in var/verified, for one boot. It is a cache: what is missing, damaged or of another
    boot only makes everything be read again. */

#ifndef ROOT_VERIFIED_H
#define ROOT_VERIFIED_H

#include <time.h>

#include "root/root.h"

#define ROOT_VERIFIED ROOT_VAR "/verified"

struct root_verified_file {
    uint64_t device, inode, size;
    struct timespec changed;
    struct base_digest digest;
    bool used; /* since the list was loaded: outlives those that were not */
};

/*  Null value: all zero, which is an empty list that root_verified_save leaves unwritten. */
struct root_verified {
    char boot[40]; /* the kernel's name of this boot; empty: there is none, and nothing is kept */
    struct root_verified_file *files;
    size_t count, capacity;
    bool changed;
};

/*  Cannot fail: the list is empty then. */
void root_verified_load (const struct root *root, struct root_verified *ret_verified);

/*  The digest of what fd refers to, from the list or by reading it. verified NULL: by reading it. Returns 0
    or -errno; -EFBIG for a file with a hole of more than a gigabyte, which is not read. */
int root_verified_digest (struct root_verified *verified, int fd, struct base_digest *ret_digest);

/*  Files that take longer to read than a tick of the clock to wait for. */
enum { ROOT_VERIFIED_LARGE = 4 * 1024 * 1024 };

/*  Takes a large file in without reading it: the caller has just written, copied, renamed or linked what has
    that digest. Waits until its change time has settled; smaller ones are left out. */
void root_verified_note (struct root_verified *verified, int fd, const struct base_digest *digest);

/*  The digest of a file that is in the list as it is now. Returns whether it is. */
bool root_verified_knows (struct root_verified *verified, int fd, struct base_digest *ret_digest);

/*  Writes the list where it has changed, and syncs nothing. Cannot fail either. */
void root_verified_save (const struct root *root, struct root_verified *verified);

/*  Removes the list, where an error says that the disk is full: it only saves time, and its place is enough for a
    note that must not get lost. Returns whether that made room, so that trying again makes sense. */
bool root_verified_make_room (const struct root *root, int rc);

void root_verified_deinit (struct root_verified *verified);

#endif
