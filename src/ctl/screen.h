/*  ctl/screen.h - lines on a terminal that are drawn again in their place

    Only lines that have changed are written, in one piece, so that nothing flickers. A terminal whose size
    changes is drawn anew. */

#ifndef CTL_SCREEN_H
#define CTL_SCREEN_H

#include "ctl/ctl.h"

/*  Null value: all zero. */
struct ctl_screen {
    char **lines; /* as drawn, cut to the width */
    size_t width, height;
};

void ctl_screen_deinit (struct ctl_screen *screen);

/*  Learns the size of the terminal that ctl->out is. */
void ctl_screen_measure (struct ctl *ctl);

/*  Shows the lines, which are escaped and cut. */
void ctl_screen_draw (struct ctl *ctl, struct ctl_screen *screen, char *const *lines);

#endif
