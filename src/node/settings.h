/*  node/settings.h - with which settings a node manager runs

    node.zpl decides. It may have been written for another version: a key that is not known is ignored, a value
    that cannot be used has its default. What is essential - id, origin, keys - is then, and where the file is
    missing or damaged all is, what the origin was last reached with, of which var/ keeps a copy, or else what
    this workspace used last, of which it keeps a copy of its own: neither a slip in a file nor a revert takes a
    node from its fleet. Keys are used as they were where a name below curve/ is misspelt. Without all that there is nobody to ask for updates: then node_settings_wait. In both cases node.zpl
    is looked at from time to time, and what was mended is taken up without help.

    Settings that can be used and reach no origin are on trial like a version: after trial/confirm the node
    goes back to those that it keeps, and tries node.zpl again after six times as long, or after once where
    those do not reach an origin either. A file that was written meanwhile is tried at once. */

#ifndef NODE_SETTINGS_H
#define NODE_SETTINGS_H

#include "node/config.h"

enum node_settings {
    NODE_SETTINGS_OWN,  /* node.zpl's */
    NODE_SETTINGS_KEPT, /* those with which the origin was last reached */
    NODE_SETTINGS_BACK, /* the same: node.zpl can be used, and no origin was reached with it */
    NODE_SETTINGS_NONE  /* config has its defaults */
};

enum { NODE_SETTINGS_LOOK_MS = 2000, NODE_SETTINGS_AGAIN = 6 };

/*  Loads what can be used into an initialized config. ret_wrong: why node.zpl cannot, where that is so. */
enum node_settings node_settings_load (struct node_config *config, struct base_error *ret_wrong);

/*  What this version cannot use of node.zpl, as it is now: a sentence each, values before keys that are not known.
    Free with base_list_free. Returns as node_settings_check does. */
int node_settings_faults (const char *root, char ***ret_texts, struct base_error *error);

/*  Whether every value of node.zpl, as it is now, can be used. Returns 0, or -errno with a sentence. */
int node_settings_check (const char *root, struct base_error *error);

/*  What node.zpl is now; null where it cannot be read. */
struct base_digest node_settings_digest (const char *root);

/*  Keeps node.zpl as what the origin was reached with, where it is still what was loaded. As well as it can
    be. */
void node_settings_keep (const struct root *root, const struct base_digest *loaded);

/*  Keeps what is essential of the settings that reached the origin, for this workspace. */
void node_settings_used (const struct root *root, const struct node_config *config);

/*  No origin was reached with node.zpl: the next start is to go back to the settings that are kept.
    Returns 0, or ROOT_E_NONE where none are kept that differ. */
int node_settings_give_up (const struct root *root);

/*  Whether that is so of node.zpl as it is now. */
bool node_settings_given_up (const char *root);

/*  The next start is to try node.zpl again. */
void node_settings_retry (const struct root *root);

/*  Says in log and journal that node.zpl cannot be used, and what is done instead. asked: somebody wants it
    to be read anew, while the manager runs. */
void node_settings_tell (const struct root *root, enum node_settings settings, bool asked, const char *wrong);

/*  Says there that it can be used, and is taken up by a start. */
void node_settings_taken (const struct root *root);

/*  Runs without an origin until node.zpl can be used: ready for its launcher, deaf to all but signals.
    Returns the exit status. launcher: writing end of the pipe to it, or -1. */
int node_settings_wait (const struct node_config *config, int launcher, const char *wrong);

#endif
