/*  broker/root.h - the directory of a broker or a content peer */

#ifndef BROKER_ROOT_H
#define BROKER_ROOT_H

#include "base/error.h"

/*  Opens a root, made with mode 0700 where it is missing, and locks it for this process. The caller owns
    both descriptors; the lock lives as long as its own. Returns 0, -errno or BROKER_E_LOCKED. */
int broker_root_open (const char *path, int *ret_root, int *ret_lock, struct base_error *error);

#endif
