/* SPDX-License-Identifier: MPL-2.0 */
/*  node/launcher.h - the bytes of the launcher program that this version puts into each workspace that it
    stages */

#ifndef NODE_LAUNCHER_H
#define NODE_LAUNCHER_H

#include <stddef.h>

extern const unsigned char node_launcher_begin[], node_launcher_end[];

static inline size_t node_launcher_size (void)
{
    return (size_t) (node_launcher_end - node_launcher_begin);
}

#endif
