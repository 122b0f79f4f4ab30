/*  disk/disk.h - durable files, links and directories

    Everything that is renamed, linked or removed in this project goes through here. Paths are relative to
    a directory descriptor, so that no depth of a root can exceed PATH_MAX; descriptors are never consumed
    unless said.

    A call that returns 0 has made its change durable: the data is synced before the rename, the directory
    after it. After a failed fsync the temporary file is discarded, never synced again. Killed between any
    two system calls, the old or the new state is there, and at most a hidden leftover named ".tmp.*"
    beside it. */

#ifndef DISK_DISK_H
#define DISK_DISK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/error.h"

/*  The system calls that change or sync something; a test may fail, delay or cut any. Same results as the
    calls of that name. */
struct disk_ops {
    int (*openat) (void *context, int directory, const char *path, int flags, mode_t mode);
    ssize_t (*write) (void *context, int fd, const void *data, size_t size);
    ssize_t (*pwrite) (void *context, int fd, const void *data, size_t size, off_t offset);
    int (*fsync) (void *context, int fd);
    int (*fallocate) (void *context, int fd, off_t size);
    int (*clone) (void *context, int from, int to); /* both files share blocks until one is written to */
    int (*renameat) (void *context, int from_directory, const char *from, int to_directory, const char *to);
    int (*exchangeat) (void *context, int directory, const char *one, const char *other);
    int (*linkat) (void *context, int from_directory, const char *from, int to_directory, const char *to);
    int (*symlinkat) (void *context, const char *target, int directory, const char *path);
    int (*unlinkat) (void *context, int directory, const char *path, int flags);
    int (*mkdirat) (void *context, int directory, const char *path, mode_t mode);
};

struct disk {
    const struct disk_ops *ops;
    void *context;
};

/*  Contract codes of this room. */
enum {
    DISK_E_DIGEST = 1, /* the content is not what its name says; it has been discarded */
    DISK_E_SOURCE,     /* what was to be copied cannot be read */
};

/*  The kernel. */
extern const struct disk disk_system;

/*  The kernel without its syncs: for what means nothing after a crash. */
extern const struct disk disk_unsynced;

/*  The kernel without its changes: each call that would change something fails with EROFS. For commands that only
    look at a root which a manager serves. */
extern const struct disk disk_read_only;

/*  Reads a whole regular file of at most most bytes. Returns 0, -errno, -EFBIG where it is larger. Appends
    to the buffer. */
int disk_file_read (const struct disk *disk, int directory, const char *path, size_t most,
                    struct base_buffer *buffer);

/*  Fills an empty file, open for reading and writing, with what another one holds: by sharing its blocks where
    the file system can, so that the copy costs neither space nor time, else by copying. Never by a second name
    for the same file. Syncs nothing. Returns 0 with the digest of what the copy holds, DISK_E_SOURCE where the
    source could not be read (errno says why), or -errno. */
int disk_file_copy (const struct disk *disk, int from, int to, struct base_digest *ret_digest);

/*  Writes all of the data to a descriptor, through short writes; syncs nothing. Returns 0 or -errno. */
int disk_write_all (const struct disk *disk, int fd, const void *data, size_t size);

/*  Replaces a file by size bytes. */
int disk_file_write (const struct disk *disk, int directory, const char *path, mode_t mode, const void *data,
                     size_t size, struct base_error *error);

/*  Appends one record to a file, made with mode where it is missing, and syncs it where it is to be
    durable. What a crash left without a closing newline is closed first. data must end with a newline. */
int disk_file_append (const struct disk *disk, int directory, const char *path, mode_t mode, const void *data,
                      size_t size, bool durable, struct base_error *error);

/*  Makes a symbolic link point to target, replacing one that is there. */
int disk_link_replace (const struct disk *disk, int directory, const char *path, const char *target,
                       struct base_error *error);

/*  Prepares the link under a temporary name, durably, so that disk_rename alone is the switch (and needs
    no space). */
int disk_link_prepare (const struct disk *disk, int directory, const char *temporary, const char *target,
                       struct base_error *error);

/*  Reads a link's target. Returns 0, -errno (-ENOENT: none), or -ENAMETOOLONG. */
int disk_link_read (int directory, const char *path, char *ret_target, size_t size);

/*  Renames within a directory and syncs it. */
int disk_rename (const struct disk *disk, int directory, const char *from, const char *to,
                 struct base_error *error);

/*  Removes a file or link and syncs its directory. -ENOENT where there is none. */
int disk_unlink (const struct disk *disk, int directory, const char *path);

/*  Makes a directory where none is, and syncs. */
int disk_directory_make (const struct disk *disk, int directory, const char *path, mode_t mode,
                         struct base_error *error);

/*  Removes a directory with all below it; links are not followed, mounts (bind mounts too) not entered: -EBUSY, for the
    directory itself, too. Modes and attributes that forbid it are cleared. What cannot be removed keeps nothing else.
    Not synced: what is removed was renamed to a hidden name before, or is scratch. 0 where there is none. */
int disk_tree_remove (const struct disk *disk, int directory, const char *path, struct base_error *error);

/*  When work ends that is not through: soon after *stop (NULL: never) was set, from whatever thread, or behind that
    time of CLOCK_BOOTTIME (0: never). */
struct disk_until {
    const atomic_bool *stop;
    uint64_t boot_ms;
};

/*  Whether that is now. until may be NULL: never. */
bool disk_until_over (const struct disk_until *until);

/*  As disk_tree_remove, but ends with -ECANCELED, and some of the tree removed, where until (NULL: never) says so. */
int disk_tree_remove_until (const struct disk *disk, int directory, const char *path,
                            const struct disk_until *until, struct base_error *error);

/*  Free bytes and inodes for this user on the file system of a directory. */
int disk_space (int directory, uint64_t *ret_bytes, uint64_t *ret_inodes);

/*  contents: files named by their SHA-256: XX/DIGEST complete, partial/DIGEST under way, trash/ and damaged/
    out of the way */

struct disk_blobs {
    const struct disk *disk;
    int fd; /* of the directory; owned */
};

/*  Opens the store in a directory, made where it is missing. Removes nothing. */
int disk_blobs_open (const struct disk *disk, int directory, const char *path, struct disk_blobs *ret_blobs,
                     struct base_error *error);
void disk_blobs_deinit (struct disk_blobs *blobs);

/*  A complete content for reading. Returns 0 with a descriptor for the caller, or -ENOENT. */
int disk_blobs_get (struct disk_blobs *blobs, const struct base_digest *digest, int *ret_fd,
                    uint64_t *ret_size);

/*  How many leading bytes of a content under way are here; 0 where none. */
uint64_t disk_blobs_partial_size (struct disk_blobs *blobs, const struct base_digest *digest);

/*  Opens the partial content of digest (size bytes in the end) for writing, its space reserved. Returns 0,
    -errno, -ENOSPC with an error that names what is needed and what is free. What is there already stays
    and is hashed: partial->offset bytes. */
struct disk_partial {
    struct disk_blobs *blobs;
    int fd;
    struct base_digest digest;
    uint64_t size;
    uint64_t offset;       /* bytes that are here, contiguous from 0 */
    struct base_hash hash; /* over them */
};

int disk_partial_open (struct disk_blobs *blobs, const struct base_digest *digest, uint64_t size,
                       struct disk_partial *ret_partial, struct base_error *error);

/*  The same, but ends with -ECANCELED soon after *stop was set, from whatever thread. */
int disk_partial_open_until (struct disk_blobs *blobs, const struct base_digest *digest, uint64_t size,
                             const atomic_bool *stop, struct disk_partial *ret_partial,
                             struct base_error *error);

/*  Appends at partial->offset and hashes. */
int disk_partial_write (struct disk_partial *partial, const void *data, size_t size,
                        struct base_error *error);

/*  All bytes are here: compares the digest, syncs, renames into place; the partial is null afterwards. A
    digest that does not fit discards the file and returns DISK_E_DIGEST. */
int disk_partial_finish (struct disk_partial *partial, struct base_error *error);

/*  Closes; what is here stays for a resume. Null value: fd -1, or all zero after finish. */
void disk_partial_deinit (struct disk_partial *partial);

/*  Removes a content, complete or partial. 0 where there is none. */
int disk_blobs_remove (struct disk_blobs *blobs, const struct base_digest *digest);

/*  Removes what was begun, and was not written to since `before` (seconds of the wall clock): nobody comes
    back for it, and its whole length is reserved. Nothing of it may be open. */
void disk_blobs_collect (struct disk_blobs *blobs, time_t before);

/*  The first complete content behind `after` (NULL: of all), in the order of their names. Returns 0,
    -ENOENT, or another -errno. */
int disk_blobs_next (struct disk_blobs *blobs, const struct base_digest *after,
                     struct base_digest *ret_digest, uint64_t *ret_size);

/*  What is out of the way, and still there: trash/DIGEST, which nothing needed, and damaged/DIGEST, whose bytes
    are not what its name says. Each is a rename; one of the same name that lay there is replaced. */
enum disk_aside { DISK_TRASH, DISK_DAMAGED };

/*  Puts a complete content there. stamp: seconds, which the file carries as its time; 0: it keeps its own. */
int disk_aside_put (struct disk_blobs *blobs, enum disk_aside aside, const struct base_digest *digest,
                    time_t stamp);

/*  Brings one back from the trash: a complete content again, with the time of now. Returns 0, -ENOENT or
    another -errno. */
int disk_aside_take_back (struct disk_blobs *blobs, const struct base_digest *digest);

/*  Removes one for good. 0 where there is none. */
int disk_aside_remove (struct disk_blobs *blobs, enum disk_aside aside, const struct base_digest *digest);

bool disk_aside_has (struct disk_blobs *blobs, enum disk_aside aside, const struct base_digest *digest);

/*  Calls each for all that is there. Stops at a non-zero return and returns it. */
int disk_aside_each (struct disk_blobs *blobs, enum disk_aside aside,
                     int (*each) (void *context, const struct base_digest *digest, const struct stat *status),
                     void *context);

/*  Calls each for every complete content. Stops at a non-zero return and returns it. */
int disk_blobs_each (struct disk_blobs *blobs,
                     int (*each) (void *context, const struct base_digest *digest, uint64_t size),
                     void *context);

#endif
