/* SPDX-License-Identifier: MPL-2.0 */
/*  node/stage.h - builds the workspace of a release from what is on this host */

#ifndef NODE_STAGE_H
#define NODE_STAGE_H

#include "identity/self.h"

/*  Takes each file from the downloads in contents, or else copies it from a retained workspace; adds the
    start files of this version; seals the workspace. Blobs that were used are removed from contents. On 0 the
    workspace exists, complete and durable; otherwise there is no workspace. ROOT_E_DAMAGED: a file is not
    here, is unreadable or damaged, and must be downloaded. */
int node_stage (const struct root *root, struct disk_blobs *contents, const struct identity_running *running,
                const struct wire_installed *installed, const struct base_buffer *document,
                char ret_name[ROOT_NAME_SIZE], struct base_error *error);

#endif
