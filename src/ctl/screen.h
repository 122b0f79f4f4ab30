/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/screen.h - lines on a terminal that are redrawn in place

    Only changed lines are written, with one write, to avoid flicker. If the terminal's size changes, all
    lines are redrawn. */

#ifndef CTL_SCREEN_H
#define CTL_SCREEN_H

#include "ctl/ctl.h"

/*  Null value: all zero. */
struct ctl_screen {
    char **lines; /* as drawn, cut to the width */
    size_t width, height;
};

void ctl_screen_deinit (struct ctl_screen *screen);

/*  Reads the size of the terminal into ctl->width and ctl->height. Does nothing without a terminal. */
void ctl_screen_measure (struct ctl *ctl);

/*  Draws the lines, escaped and cut to the width. lines: NULL-terminated, not consumed. */
void ctl_screen_draw (struct ctl *ctl, struct ctl_screen *screen, char *const *lines);

#endif
