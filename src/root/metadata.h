/* SPDX-License-Identifier: MPL-2.0 */
/*  root/metadata.h - the signed metadata that a node keeps, and the least release-counter of each application

    If a person has pinned a trust root, the directory trust/ of the node's root exists:

        trust/pinned.json           the root metadata as it was pinned
        trust/SET/roots/N.json      its verified successors, as they were received
        trust/SET/roles/ROLE.json   the last trusted file of each other role, as it was received
        trust/SET/floors            the least release-counters
        trust/SET/fault.NAME        why the last check of a release of an application failed

    SET is the digest of pinned.json. So the files of a pinned root are never taken for those of another one, and to pin
    another root is one rename. pinned.json is only ever written by a person's command.

    Files are bytes here. Whether they are trusted is judged by room trust, each time they are read. Nothing in trust/
    decides a start. Reading writes nothing. Every change survives kill -9 between any two system calls. */

#ifndef ROOT_METADATA_H
#define ROOT_METADATA_H

#include "root/root.h"
#include "wire/wire.h"

enum {
    ROOT_METADATA_FILE_MOST = 224,  /* bytes of the name of a file of a role */
    ROOT_METADATA_FILES_MOST = 256, /* files of roles that are kept */
};

#define ROOT_METADATA_PINNED_MOST (512u * 1024) /* bytes of the pinned file */

/*  The files of the pinned root. Null value: all zero. Owns nothing. */
struct root_metadata {
    const struct root *root;
    struct base_digest pinned; /* of pinned.json */
};

/*  Whether a trust root is pinned, or was: then no release is accepted that it does not verify. */
bool root_metadata_is_pinned (const struct root *root);

/*  Opens the files of the pinned root, and appends that root. Returns 0; ROOT_E_NONE: none is pinned; ROOT_E_DAMAGED:
    there was one, and it cannot be read; or -errno. With a sentence, which says what to do. */
int root_metadata_open (const struct root *root, struct root_metadata *ret_metadata,
                        struct base_buffer *ret_pinned, struct base_error *error);

/*  Pins a root: replaces the pinned file, which makes the files of the one before meaningless, and removes those. The same
    bytes again: changes nothing. Returns 0 or -errno; ROOT_E_UNSYNCED is not returned: pinning again is safe. */
int root_metadata_pin (const struct root *root, const void *data, size_t size, struct base_error *error);

/*  Reads the successor of the pinned root with this version. Returns 0, ROOT_E_NONE, ROOT_E_DAMAGED (no file, or more than
    most bytes) or -errno. */
int root_metadata_read_root (const struct root_metadata *metadata, uint64_t version, size_t most,
                             struct base_buffer *ret_bytes);
int root_metadata_write_root (const struct root_metadata *metadata, uint64_t version, const void *data,
                              size_t size, struct base_error *error);

/*  The same for the file of another role. A name that is not one of room trust's (letters, digits, . _ - ~ %; ends in
    .json) is -EINVAL. If there are too many files, writing removes those of delegated roles: what the snapshot says of
    them keeps them from going back. */
int root_metadata_read_role (const struct root_metadata *metadata, const char *file, size_t most,
                             struct base_buffer *ret_bytes);
int root_metadata_write_role (const struct root_metadata *metadata, const char *file, const void *data,
                              size_t size, struct base_error *error);
/*  A missing file is no error. */
int root_metadata_remove_role (const struct root_metadata *metadata, const char *file,
                               struct base_error *error);

/*  The least release-counter of an application; 0: none. A record that cannot be read is set aside, and the counter is 0
    then; *ret_lost (may be NULL) says so. Returns 0 or -errno. */
int root_floor_read (const struct root_metadata *metadata, const char *application, uint64_t *ret_counter,
                     bool *ret_lost, struct base_error *error);
/*  A release on trial was verified: if it is confirmed, its counter is the least. */
int root_floor_note (const struct root_metadata *metadata, const char *application,
                     const struct base_digest *release, uint64_t counter, struct base_error *error);
/*  A release is confirmed. If it was noted, raises the counter; never lowers it. Repeating it changes nothing. */
int root_floor_raise (const struct root_metadata *metadata, const char *application,
                      const struct base_digest *release, struct base_error *error);
/*  All of them. The caller owns the record. Returns 0 or ROOT_E_NONE. */
int root_floor_list (const struct root_metadata *metadata, struct wire_floors *ret_floors);

/*  Why the last check of a release of an application failed. Reading returns 0 (the caller owns the message) or ROOT_E_NONE. */
int root_fault_write (const struct root_metadata *metadata, const struct wire_trust_fault *fault,
                      struct base_error *error);
int root_fault_read (const struct root_metadata *metadata, const char *application,
                     struct wire_trust_fault *ret_fault);
int root_fault_remove (const struct root_metadata *metadata, const char *application);

/*  Calls each for every directory below trust/, with its path in the root. For this room. */
void root_metadata_directories_each (const struct root *root, void (*each) (void *context, const char *path),
                                     void *context);

#endif
