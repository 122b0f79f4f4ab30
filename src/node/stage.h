/* SPDX-License-Identifier: MPL-2.0 */
/*  node/stage.h - builds the workspace of a release from what is on this host */

#ifndef NODE_STAGE_H
#define NODE_STAGE_H

#include "identity/self.h"

/*  Takes each file from the downloads in blobs, or else copies it from a retained workspace; adds the
    start files of this version; seals the workspace; removes the used blobs from blobs. Returns 0 with the
    name of the workspace, which is complete and durable. Otherwise there is no workspace: ROOT_E_DAMAGED if a
    file is missing, unreadable or damaged, so that it must be downloaded, or -errno. Logs nothing, for a
    thread. */
int node_stage (const struct root *root, struct disk_blobs *blobs, const struct identity_running *running,
                const struct wire_installed *installed, const struct base_buffer *document,
                char ret_name[ROOT_NAME_SIZE], struct base_error *error);

#endif
