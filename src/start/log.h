/* SPDX-License-Identifier: MPL-2.0 */
/*  start/log.h - log lines of the launcher on standard error, one for each decision */

#ifndef START_LOG_H
#define START_LOG_H

/*  Writes "start: TEXT". Never blocks: output that standard error cannot take at once is lost, so that a
    supervisor that stopped reading does not stop the launcher. Control characters become '?'. */
__attribute__ ((format (printf, 1, 2))) void start_log (const char *format, ...);

#endif
