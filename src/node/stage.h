/*  node/stage.h - builds the workspace of a release from what is on this host */

#ifndef NODE_STAGE_H
#define NODE_STAGE_H

#include "node/self.h"

/*  Copies what a retained workspace has, takes the rest from contents, adds the start files of this version, and
    seals. Contents that were used are removed from the store. The workspace exists, complete and durable, when
    this returns 0; nothing does otherwise. ROOT_E_DAMAGED where a file is not here, cannot be read or has rotted:
    it has to be downloaded. */
int node_stage (const struct root *root, struct disk_blobs *contents, const struct node_self *self,
                const struct wire_installed *installed, char ret_name[ROOT_NAME_SIZE],
                struct base_error *error);

#endif
