/*  start/view.h - a mount name space in which a root cannot be written to, but for one directory

    Keeps a candidate that goes wrong from its parent's root. It is no wall against one that means harm: who
    may mount may undo it. */

#ifndef START_VIEW_H
#define START_VIEW_H

#include "base/error.h"

/*  For this process and what it starts from now on; nothing reaches the name space of others. Both are
    absolute paths, writable below root. Returns 0, or -errno where the host does not allow it, and
    everything is as writable as before. */
int start_view_close (const char *root, const char *writable, struct base_error *error);

#endif
