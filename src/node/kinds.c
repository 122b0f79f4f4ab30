/* SPDX-License-Identifier: MPL-2.0 */
/*  node/kinds.c - the applications of this node manager */

#include "node/kind.h"

const struct node_kind *const *node_kinds (void)
{
    static const struct node_kind *const kinds[] = {&node_kind_manager, NULL};
    return kinds;
}
