/* SPDX-License-Identifier: MPL-2.0 */
/*  disk/disk.h - durable files, links and directories

    All renames, links and removals of the project use these functions. Paths are relative to a directory
    descriptor, so that no depth of a root can exceed PATH_MAX. Descriptors are never consumed unless stated.

    A call that returns 0 has made its change durable: it syncs the data before the rename and the directory
    after it. After a failed fsync the temporary file is discarded, never synced again. If the process is
    killed between any two system calls, the old or the new state is on disk, and at most a hidden leftover
    ".tmp.*" beside it. */

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

/*  The system calls that change or sync something, with the results of the calls of these names. Tests
    replace them to fail, delay or interrupt any call. */
struct disk_ops {
    int (*openat) (void *context, int directory, const char *path, int flags, mode_t mode);
    ssize_t (*write) (void *context, int fd, const void *data, size_t size);
    ssize_t (*pwrite) (void *context, int fd, const void *data, size_t size, off_t offset);
    int (*fsync) (void *context, int fd);
    int (*fallocate) (void *context, int fd, off_t size);
    int (*clone) (void *context, int from, int to); /* reflink: the files share blocks until one is written */
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
    DISK_E_DIGEST = 1, /* the data does not match the digest and was discarded */
    DISK_E_SOURCE,     /* the source of a copy cannot be read */
};

/*  Real system calls. */
extern const struct disk disk_system;

/*  Real system calls without syncs, for data that is worthless after a crash. */
extern const struct disk disk_unsynced;

/*  Real system calls that only read: each call that would change something fails with EROFS. For commands that
    only look at a root. */
extern const struct disk disk_read_only;

/*  Appends a whole regular file to the buffer. Returns 0, -EFBIG if it is larger than most bytes, or
    another -errno. */
int disk_file_read (const struct disk *disk, int directory, const char *path, size_t most,
                    struct base_buffer *buffer);

/*  Copies a file into an empty one that is open for reading and writing. Shares blocks (reflink) if the file
    system can, which needs neither space nor time; otherwise copies the bytes. Never makes a hard link. Syncs
    nothing. Returns 0 and the digest of the copy, DISK_E_SOURCE if the source cannot be read (errno says
    why), or -errno. */
int disk_file_copy (const struct disk *disk, int from, int to, struct base_digest *ret_digest);

/*  Writes all data to a descriptor, also through short writes. Syncs nothing. Returns 0 or -errno. */
int disk_write_all (const struct disk *disk, int fd, const void *data, size_t size);

/*  Replaces a file by one that holds size bytes. */
int disk_file_write (const struct disk *disk, int directory, const char *path, mode_t mode, const void *data,
                     size_t size, struct base_error *error);

/*  A record to append. Pointers are read only during the call. */
struct disk_line {
    const void *data; /* ends with a newline */
    size_t size;
    mode_t mode;  /* of the file, if it is missing and is created */
    bool durable; /* synced */
};

/*  Appends one record. If a crash left a line without a newline, that line is closed first. */
int disk_file_append (const struct disk *disk, int directory, const char *path, const struct disk_line *line,
                      struct base_error *error);

/*  Makes a symbolic link to target, or replaces the existing one. */
int disk_link_replace (const struct disk *disk, int directory, const char *path, const char *target,
                       struct base_error *error);

/*  Makes the link under a temporary name, durably. disk_rename alone is then the switch and needs
    no space. */
int disk_link_prepare (const struct disk *disk, int directory, const char *temporary, const char *target,
                       struct base_error *error);

/*  Reads the target of a link. Returns 0, -ENOENT if there is none, -ENAMETOOLONG, or another -errno. */
int disk_link_read (int directory, const char *path, char *ret_target, size_t size);

/*  Renames a file and syncs both directories. */
int disk_rename (const struct disk *disk, int directory, const char *from, const char *to,
                 struct base_error *error);

/*  Removes a file or link and syncs its directory. Returns -ENOENT if there is none. */
int disk_unlink (const struct disk *disk, int directory, const char *path);

/*  Makes a directory if none exists, and syncs its parent. */
int disk_directory_make (const struct disk *disk, int directory, const char *path, mode_t mode,
                         struct base_error *error);

/*  Removes a directory tree. Does not follow links and does not enter mounts, bind mounts included: returns
    -EBUSY for these, also for the directory itself. Clears modes and attributes that forbid removal. An entry
    that cannot be removed does not keep the others. Not synced: the tree was renamed to a hidden name before,
    or is scratch. Returns 0 if there is none. */
int disk_tree_remove (const struct disk *disk, int directory, const char *path, struct base_error *error);

/*  When unfinished work is to be given up: soon after any thread sets *stop (NULL: never), or when
    CLOCK_BOOTTIME reaches boot_ms (0: never). */
struct disk_until {
    const atomic_bool *stop;
    uint64_t boot_ms;
};

/*  Whether the limit is reached. until NULL: never. */
bool disk_until_over (const struct disk_until *until);

/*  As disk_tree_remove, but returns -ECANCELED when until (NULL: never) is reached; the tree is then
    partly removed. */
int disk_tree_remove_until (const struct disk *disk, int directory, const char *path,
                            const struct disk_until *until, struct base_error *error);

/*  Free bytes and inodes that this user can use on the file system of a directory. */
int disk_space (int directory, uint64_t *ret_bytes, uint64_t *ret_inodes);

/*  Blobs: files named by their SHA-256. XX/DIGEST is complete, partial/DIGEST is unfinished, trash/ and
    damaged/ hold blobs put aside. */

struct disk_blobs {
    const struct disk *disk;
    int fd; /* of the store's directory; owned */
};

/*  Opens the store in a directory, and makes the directory if it is missing. Removes nothing. */
int disk_blobs_open (const struct disk *disk, int directory, const char *path, struct disk_blobs *ret_blobs,
                     struct base_error *error);
void disk_blobs_deinit (struct disk_blobs *blobs);

/*  Opens a complete blob for reading. The caller owns the descriptor. Returns 0 or -ENOENT. */
int disk_blobs_get (struct disk_blobs *blobs, const struct base_digest *digest, int *ret_fd,
                    uint64_t *ret_size);

/*  Number of leading bytes of an unfinished blob; 0 if there are none. */
uint64_t disk_blobs_partial_size (struct disk_blobs *blobs, const struct base_digest *digest);

/*  Opens an unfinished blob of size bytes for writing and reserves its space. Existing bytes are kept and
    hashed; partial->offset is their number. Returns 0 or -errno; for -ENOSPC the error states the needed and
    the free space. */
struct disk_partial {
    struct disk_blobs *blobs;
    int fd;
    struct base_digest digest;
    uint64_t size;
    uint64_t offset;       /* bytes present, contiguous from 0 */
    struct base_hash hash; /* of these bytes */
};

int disk_partial_open (struct disk_blobs *blobs, const struct base_digest *digest, uint64_t size,
                       struct disk_partial *ret_partial, struct base_error *error);

/*  The same, but returns -ECANCELED soon after any thread sets *stop. */
int disk_partial_open_until (struct disk_blobs *blobs, const struct base_digest *digest, uint64_t size,
                             const atomic_bool *stop, struct disk_partial *ret_partial,
                             struct base_error *error);

/*  Appends at partial->offset and updates the hash. */
int disk_partial_write (struct disk_partial *partial, const void *data, size_t size,
                        struct base_error *error);

/*  Completes a blob whose bytes are all present: compares the digest, syncs, renames into place. The partial
    is null afterwards. If the digest does not match, discards the file and returns DISK_E_DIGEST. */
int disk_partial_finish (struct disk_partial *partial, struct base_error *error);

/*  Closes; the bytes are kept for a resume. Null value: fd -1, or all zero after finish. */
void disk_partial_deinit (struct disk_partial *partial);

/*  Removes a blob, complete or unfinished. Returns 0 if there is none. */
int disk_blobs_remove (struct disk_blobs *blobs, const struct base_digest *digest);

/*  Removes unfinished blobs last written before `before` (seconds, wall clock): they reserve their whole size
    although nothing resumes them. None of them may be open. */
void disk_blobs_collect (struct disk_blobs *blobs, time_t before);

/*  Finds the first complete blob after `after` (NULL: from the start) in the order of names. Returns 0,
    -ENOENT, or another -errno. */
int disk_blobs_next (struct disk_blobs *blobs, const struct base_digest *after,
                     struct base_digest *ret_digest, uint64_t *ret_size);

/*  Blobs put aside, not removed: trash/DIGEST is unused, damaged/DIGEST does not match its name. Each move is
    one rename, which replaces a blob of the same name. */
enum disk_aside { DISK_TRASH, DISK_DAMAGED };

/*  Puts a complete blob aside. stamp: seconds, set as the file's modification time; 0: time unchanged. */
int disk_aside_put (struct disk_blobs *blobs, enum disk_aside aside, const struct base_digest *digest,
                    time_t stamp);

/*  Takes a blob back from the trash: it is complete again, and its time is now. Returns 0, -ENOENT or
    another -errno. */
int disk_aside_take_back (struct disk_blobs *blobs, const struct base_digest *digest);

/*  Removes a blob that was put aside. Returns 0 if there is none. */
int disk_aside_remove (struct disk_blobs *blobs, enum disk_aside aside, const struct base_digest *digest);

bool disk_aside_has (struct disk_blobs *blobs, enum disk_aside aside, const struct base_digest *digest);

/*  Calls each for every blob put aside. Stops at a non-zero return and returns it. */
int disk_aside_each (struct disk_blobs *blobs, enum disk_aside aside,
                     int (*each) (void *context, const struct base_digest *digest, const struct stat *status),
                     void *context);

/*  Calls each for every complete blob. Stops at a non-zero return and returns it. */
int disk_blobs_each (struct disk_blobs *blobs,
                     int (*each) (void *context, const struct base_digest *digest, uint64_t size),
                     void *context);

#endif
