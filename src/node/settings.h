/*  node/settings.h - with which settings a node manager runs

    node.zpl decides. Where it is missing or cannot be used, the node goes on with the settings with which it
    last reached its origin, of which var/ keeps a copy: a slip in a file must not take a node from its
    fleet. Without either there is nobody to ask for updates: then node_settings_wait. In both cases node.zpl
    is looked at from time to time, and what was mended is taken up without help. */

#ifndef NODE_SETTINGS_H
#define NODE_SETTINGS_H

#include "node/config.h"

enum node_settings {
    NODE_SETTINGS_OWN,  /* node.zpl's */
    NODE_SETTINGS_KEPT, /* those with which the origin was last reached */
    NODE_SETTINGS_NONE  /* config has its defaults */
};

enum { NODE_SETTINGS_LOOK_MS = 2000 };

/*  Loads what can be used into an initialized config. ret_wrong: why node.zpl cannot, where that is so. */
enum node_settings node_settings_load (struct node_config *config, struct base_error *ret_wrong);

/*  Whether node.zpl, as it is now, can be used. Returns 0, or -errno with a sentence. */
int node_settings_check (const char *root, struct base_error *error);

/*  Keeps node.zpl as what the origin was reached with. As well as it can be. */
void node_settings_keep (const struct root *root);

/*  Says in log and journal that node.zpl cannot be used, and what is done instead. asked: somebody wants it
    to be read anew, while the manager runs. */
void node_settings_tell (const struct root *root, enum node_settings settings, bool asked, const char *wrong);

/*  Says there that it can be used, and is taken up by a start. */
void node_settings_taken (const struct root *root);

/*  Runs without an origin until node.zpl can be used: ready for its launcher, deaf to all but signals.
    Returns the exit status. launcher: writing end of the pipe to it, or -1. */
int node_settings_wait (const struct node_config *config, int launcher, const char *wrong);

#endif
