/*  root/manifest.h - the list of a workspace's files and their digests, in the form that `sha256sum -c`
    reads

    Needs neither JSON nor msgpack: the launcher uses it. File names with a backslash or newline are
    escaped as sha256sum does. */

#ifndef ROOT_MANIFEST_H
#define ROOT_MANIFEST_H

#include "root/verified.h"

/*  Makes the text for all files below a directory except the manifest itself, in byte order of their
    paths. Only regular files and directories may be there: ROOT_E_DAMAGED otherwise. verified (NULL: none)
    spares reading what was read since boot. */
int root_manifest_make (int workspace, struct root_verified *verified, struct base_buffer *buffer,
                        struct base_error *error);

/*  Compares: every listed file is there with its digest, and no file is there that is not listed. Returns
    0, ROOT_E_NONE (no manifest), ROOT_E_DAMAGED with the first difference, -errno. root: whose list of
    verified files is used and kept; NULL: every file is read. */
int root_manifest_verify (const struct root *root, int workspace, struct base_error *error);

/*  Who reads a file's digest. Returns 0 or -errno; -ECANCELED ends the comparison. */
struct root_manifest_reader {
    int (*digest) (void *context, int fd, struct base_digest *ret_digest);
    void *context;
};

/*  The same, read by somebody else: more slowly, say. Changes nothing on disk. */
int root_manifest_verify_by (const struct root_manifest_reader *reader, int workspace,
                             struct base_error *error);

/*  The digest that a manifest's text gives for a path. Returns 0, ROOT_E_NONE, ROOT_E_DAMAGED or -ENOMEM. */
int root_manifest_find (const struct base_buffer *manifest, const char *path, struct base_digest *ret_digest);

#endif
