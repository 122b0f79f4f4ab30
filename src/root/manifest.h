/* SPDX-License-Identifier: MPL-2.0 */
/*  root/manifest.h - the list of a workspace's files with their digests, in the format of `sha256sum -c`

    Needs neither JSON nor msgpack, because the launcher uses it. File names with a backslash or newline are
    escaped as sha256sum does. */

#ifndef ROOT_MANIFEST_H
#define ROOT_MANIFEST_H

#include "root/verified.h"

/*  Makes the manifest of all files below a directory, except the manifest itself, in byte order of their
    paths. Returns ROOT_E_DAMAGED for anything that is neither regular file nor directory. verified (NULL:
    none) avoids reading files that were read since boot. */
int root_manifest_make (int workspace, struct root_verified *verified, struct base_buffer *buffer,
                        struct base_error *error);

/*  Checks that every listed file exists with its digest and that no unlisted file exists. Returns 0,
    ROOT_E_NONE (no manifest), ROOT_E_DAMAGED with the first difference, or -errno. root: its cache of
    verified digests is used and updated; NULL: every file is read. */
int root_manifest_verify (const struct root *root, int workspace, struct base_error *error);

/*  Reads the digest of a file. Returns 0 or -errno; -ECANCELED ends the comparison. */
struct root_manifest_reader {
    int (*digest) (void *context, int fd, struct base_digest *ret_digest);
    void *context;
};

/*  The same with another reader, for example a slower one. Changes nothing on disk. */
int root_manifest_verify_by (const struct root_manifest_reader *reader, int workspace,
                             struct base_error *error);

/*  The digest of a path in a manifest. Returns 0, ROOT_E_NONE, ROOT_E_DAMAGED or -ENOMEM. */
int root_manifest_find (const struct base_buffer *manifest, const char *path, struct base_digest *ret_digest);

#endif
