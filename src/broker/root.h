/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/root.h - the directory of a broker or a content peer */

#ifndef BROKER_ROOT_H
#define BROKER_ROOT_H

#include "base/error.h"

/*  Opens a root and locks it for this process. A missing directory is created with mode 0700. The caller
    owns both descriptors; closing ret_lock releases the lock. Returns 0, -errno or BROKER_E_LOCKED. */
int broker_root_open (const char *path, int *ret_root, int *ret_lock, struct base_error *error);

#endif
