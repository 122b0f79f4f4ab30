/*  start/say.h - one line on standard error for each decision */

#ifndef START_SAY_H
#define START_SAY_H

/*  "start: TEXT". Never blocks: what standard error cannot take at once is lost, since a supervisor that
    stopped reading must not stop the launcher too. Control characters become '?'. */
__attribute__ ((format (printf, 1, 2))) void start_say (const char *format, ...);

#endif
