/* SPDX-License-Identifier: MPL-2.0 */
/*  start/view.h - a mount namespace in which a root is read-only, except for one directory

    Protects a parent's root from a faulty candidate, not from a malicious one: a process that may mount can
    undo it. */

#ifndef START_VIEW_H
#define START_VIEW_H

#include "base/error.h"

/*  Applies to this process and its later children; other mount namespaces do not change. Both paths are
    absolute; writable is below root. Returns 0, or -errno if the host does not allow it; then everything is
    as writable as before. */
int start_view_close (const char *root, const char *writable, struct base_error *error);

#endif
