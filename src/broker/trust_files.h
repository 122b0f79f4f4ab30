/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/trust_files.h - ROOT/trust: the metadata files of signed releases, by role and version

        N.root.json  N.targets.json  N.ROLE.json  N.snapshot.json   written once, except to repair a damaged one
        timestamp.json                                              replaced: it decides which of the others are current
        log                                                         broker/trust_log.h
        keys/                                                       broker/trust_keys.h

    A role's name becomes part of a file name only as trust_name_file quotes it. Files that are not named like this are
    left alone. Nothing is removed. The directory is made when the first file is written. */

#ifndef BROKER_TRUST_FILES_H
#define BROKER_TRUST_FILES_H

#include "disk/disk.h"
#include "trust/name.h"

#define BROKER_TRUST_DIRECTORY "trust"

struct broker_trust_files {
    const struct disk *disk;
    int root; /* of the broker; not owned */
    int fd;   /* of ROOT/trust; owned. -1: there is none yet */
};

/*  Returns 0 also if there is no directory yet, or -errno. root must stay open. */
int broker_trust_files_open (struct broker_trust_files *files, const struct disk *disk, int root,
                             struct base_error *error);
void broker_trust_files_deinit (struct broker_trust_files *files);

/*  Whether text is the name of a role: a top-level one, or one that a delegation may have. */
bool broker_trust_is_role (const char *text);

/*  Appends a whole file; version is 0 for timestamp only. Returns 0, -ENOENT, -EFBIG (more than most bytes), or another
    -errno. */
int broker_trust_files_read (const struct broker_trust_files *files, const char *role, uint64_t version,
                             size_t most, struct base_buffer *buffer, struct base_error *error);

/*  Makes the bytes durable under their name. Writes nothing if the file has them already. */
int broker_trust_files_write (struct broker_trust_files *files, const char *role, uint64_t version,
                              const void *data, size_t size, struct base_error *error);

/*  Any other file of the directory, such as "log": the same. */
int broker_trust_files_put (struct broker_trust_files *files, const char *name, mode_t mode, const void *data,
                            size_t size, struct base_error *error);
int broker_trust_files_get (const struct broker_trust_files *files, const char *name, size_t most,
                            struct base_buffer *buffer, struct base_error *error);

/*  Makes ROOT/trust and, if it is not NULL, a directory in it. */
int broker_trust_files_make (struct broker_trust_files *files, const char *directory,
                             struct base_error *error);

/*  A file that is there, whatever it contains. */
struct broker_trust_name {
    char role[TRUST_NAME_TEXT];
    uint64_t version;
};

/*  Lists the files that have a version, sorted by role, then version. The caller frees *ret_names. */
int broker_trust_files_list (const struct broker_trust_files *files, struct broker_trust_name **ret_names,
                             size_t *ret_count, struct base_error *error);

#endif
