/* SPDX-License-Identifier: MPL-2.0 */
/*  test/bad/bad_glutton.c - allocates memory until the kernel kills it */

#include <stdlib.h>
#include <string.h>

#include "node/node.h"

enum { PIECE = 4 << 20, PIECES_MOST = 1024 }; /* at most 4 GiB, if nothing kills it */

__typeof__ (node_run) __real_node_run, __wrap_node_run;

int __wrap_node_run (struct identity_config *config, enum identity_settings settings, const char *wrong)
{
    for (int i = 0; config->depth == IDENTITY_DEPTH_MINTED && i < PIECES_MOST; i++) {
        volatile char *piece = malloc (PIECE);
        for (size_t at = 0; piece && at < PIECE; at += 4096)
            piece[at] = 1;
    }
    return __real_node_run (config, settings, wrong);
}
