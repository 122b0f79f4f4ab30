/* SPDX-License-Identifier: MPL-2.0 */
/*  ctl/screen.c - lines on a terminal that are redrawn in place */

#include "ctl/screen.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "ctl/text.h"

void ctl_screen_deinit (struct ctl_screen *screen)
{
    base_assert (screen);
    screen->lines = base_list_free (screen->lines);
}

void ctl_screen_measure (struct ctl *ctl)
{
    base_assert (ctl && ctl->out);
    struct winsize size;
    if (ctl->terminal && ioctl (fileno (ctl->out), TIOCGWINSZ, &size) == 0) {
        ctl->width = size.ws_col;
        ctl->height = size.ws_row;
    }
}

/*  The line as drawn: escaped and cut. On the heap; NULL if memory is out. */
static char *line_cut (const char *line, size_t width)
{
    base_assert (line);
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream (&text, &size);
    if (!memory)
        return NULL;
    ctl_line_put (memory, line, width);
    if (fclose (memory) == 0)
        return text;
    free (text);
    return NULL;
}

static char **lines_cut (char *const *lines, size_t width)
{
    char **cut = NULL;
    for (; lines && *lines; lines++) {
        base_cleanup (base_free_p) char *text = line_cut (*lines, width);
        if (!text || base_list_append (&cut, text) != 0)
            return base_list_free (cut);
    }
    return cut;
}

void ctl_screen_draw (struct ctl *ctl, struct ctl_screen *screen, char *const *lines)
{
    base_assert (ctl && screen);
    base_cleanup (base_buffer_deinit) struct base_buffer text = {.size = 0};
    size_t before = base_list_count (screen->lines);
    char **cut = lines_cut (lines, ctl->width);
    if (!cut)
        return;
    /*  Terminals differ in how they wrap old lines when they are resized: clear the screen. */
    if (before && (screen->width != ctl->width || screen->height != ctl->height)) {
        (void) base_buffer_append_text (&text, "\033[H\033[2J");
        screen->lines = base_list_free (screen->lines);
        before = 0;
    }
    if (before)
        (void) base_buffer_printf (&text, "\033[%zuA", before);
    bool changed = !before;
    for (size_t i = 0; cut[i]; i++) {
        bool same = i < before && strcmp (cut[i], screen->lines[i]) == 0;
        changed |= !same;
        (void) base_buffer_printf (&text, "%s%s\n", same ? "" : cut[i], same ? "" : "\033[K");
    }
    changed |= before > base_list_count (cut);
    if (before > base_list_count (cut))
        (void) base_buffer_append_text (&text, "\033[J");
    if (changed) {
        (void) fwrite (text.data, 1, text.size, ctl->out);
        (void) fflush (ctl->out);
    }
    base_list_free (screen->lines);
    screen->lines = cut;
    screen->width = ctl->width;
    screen->height = ctl->height;
}
