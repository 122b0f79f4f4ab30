/* SPDX-License-Identifier: MPL-2.0 */
/*  root/metadata_file.h - paths below trust/; private to this room */

#ifndef ROOT_METADATA_FILE_H
#define ROOT_METADATA_FILE_H

#include "root/metadata.h"

enum {
    ROOT_TRUST_PATH_SIZE =
        sizeof ROOT_TRUST + BASE_DIGEST_TEXT + sizeof ROOT_TRUST_ROLES + ROOT_METADATA_FILE_MOST + 16
};

/*  The path of a name in the files of the pinned root; empty: their directory. Returns path. */
const char *root_trust_path (const struct root_metadata *metadata, const char *name,
                             char path[ROOT_TRUST_PATH_SIZE]);

/*  Writes a file, and makes the directory (empty: that of the set) that it is in. What is in the way is set aside. */
int root_trust_write (const struct root_metadata *metadata, const char *directory, const char *path,
                      const void *data, size_t size, struct base_error *error);

#endif
