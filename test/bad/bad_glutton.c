/*  test/bad/bad_glutton.c - takes memory until the kernel kills it */

#include <stdlib.h>
#include <string.h>

#include "node/node.h"

enum { PIECE = 4 << 20, PIECES_MOST = 1024 }; /* where nothing stops it, it stops by itself */

int __real_node_run (struct node_config *config);

int __wrap_node_run (struct node_config *config)
{
    for (int i = 0; config->depth == NODE_DEPTH_MINTED && i < PIECES_MOST; i++) {
        volatile char *piece = malloc (PIECE);
        for (size_t at = 0; piece && at < PIECE; at += 4096)
            piece[at] = 1;
    }
    return __real_node_run (config);
}
