/* SPDX-License-Identifier: MPL-2.0 */
/*  start/launch.h - starts the right version of a root and acts on its end */

#ifndef START_LAUNCH_H
#define START_LAUNCH_H

/*  Serves the root that this program's workspace lies in. Returns the exit status. Does not return if another
    version's launcher takes over in this process. */
int start_launch (void);

#endif
