/*  start/launch.h - which version is started, and what its end means */

#ifndef START_LAUNCH_H
#define START_LAUNCH_H

/*  Serves the root that this program's workspace lies in. Returns the exit status; does not return where
    another version's launcher takes over in this process. */
int start_launch (void);

#endif
