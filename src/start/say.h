/* SPDX-License-Identifier: MPL-2.0 */
/*  start/say.h - log lines of the launcher on standard error, one for each decision */

#ifndef START_SAY_H
#define START_SAY_H

/*  Writes "start: TEXT". Never blocks: output that standard error cannot take at once is lost, so that a
    supervisor that stopped reading does not stop the launcher. Control characters become '?'. */
__attribute__ ((format (printf, 1, 2))) void start_say (const char *format, ...);

#endif
