/*  test/bad/bad_filler.c - fills the file system that its root lies on */

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"
#include "node/node.h"
#include "root/root.h"

__typeof__ (node_run) __real_node_run, __wrap_node_run;

int __wrap_node_run (struct node_config *config, enum node_settings settings, const char *wrong)
{
    static char piece[1 << 16];
    char *path = base_text_printf ("%s/" ROOT_VAR "/full", config->root);
    int fd = config->depth == NODE_DEPTH_MINTED ? open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    while (fd >= 0 && write (fd, piece, sizeof piece) > 0)
        continue;
    free (path);
    return __real_node_run (config, settings, wrong);
}
