/* SPDX-License-Identifier: MPL-2.0 */
/*  identity/settings.h - chooses the settings that a node manager runs with

    The settings come from node.zpl. The file may have been written for another version: an unknown key is
    ignored, and a value that cannot be used has its default.

    Essential are id, origin and keys. If one of them is unusable, or the file is missing or damaged, the node
    uses the copy in var/ of the file with which the origin was last reached. What is still missing comes from
    a record of what this workspace used last. So neither a typing error nor a revert separates a node from
    its fleet. A misspelt name below curve/ makes the keys unusable, and the previous ones stay in use.

    Settings with keys are never replaced by settings without: if node.zpl has keys, usable or not, nothing
    without keys is used instead of it.

    Without essential settings there is no origin to ask for updates: then node_settings_wait
    (node/settings_wait.h) runs. In both cases the node checks node.zpl from time to time and loads it when it
    is corrected.

    Usable settings that reach no origin are on trial like a version. After the time trial/confirm the node
    returns to the kept settings. It tries node.zpl again after six times trial/confirm, or after once
    trial/confirm if the kept settings reach no origin either. A file that was changed is tried at once. */

#ifndef IDENTITY_SETTINGS_H
#define IDENTITY_SETTINGS_H

#include "identity/config.h"

enum identity_settings {
    IDENTITY_SETTINGS_OWN,  /* from node.zpl */
    IDENTITY_SETTINGS_KEPT, /* those with which the origin was last reached */
    IDENTITY_SETTINGS_BACK, /* the same: node.zpl is usable, but no origin was reached with it */
    IDENTITY_SETTINGS_NONE  /* config has its defaults */
};

enum { IDENTITY_SETTINGS_LOOK_MS = 2000, IDENTITY_SETTINGS_AGAIN = 6 };

/*  Loads the usable settings into an initialized config. ret_wrong: why node.zpl is not used, if so. */
enum identity_settings identity_settings_load (struct identity_config *config, struct base_error *ret_wrong);

/*  Lists what this version cannot use of node.zpl as it is now: one sentence each, values before unknown
    keys. The caller frees ret_texts with base_list_free. Returns as identity_settings_check. */
int identity_settings_faults (const char *root, char ***ret_texts, struct base_error *error);

/*  Checks that every value of node.zpl as it is now can be used. Returns 0, or -errno with a sentence. */
int identity_settings_check (const char *root, struct base_error *error);

/*  Returns the digest of node.zpl as it is now; null if it cannot be read. */
struct base_digest identity_settings_digest (const char *root);

/*  Keeps a copy of node.zpl as the settings with which the origin was reached, if the file still is the one
    that was loaded. A failure is only logged. */
void identity_settings_keep (const struct root *root, const struct base_digest *loaded);

/*  Records the essential settings that reached the origin, for this workspace. A failure is only logged. */
void identity_settings_used (const struct root *root, const struct identity_config *config);

/*  No origin was reached with node.zpl: makes the next start use the kept settings. Returns 0, or ROOT_E_NONE
    if there are no kept settings, they are the same, or only node.zpl has keys. */
int identity_settings_give_up (const struct root *root);

/*  Returns whether node.zpl as it is now was given up. */
bool identity_settings_given_up (const char *root);

/*  Makes the next start try node.zpl again. */
void identity_settings_retry (const struct root *root);

/*  Reports in log and journal that node.zpl cannot be used, and what is done instead. asked: a reload was
    requested while the manager runs. wrong: why it cannot be used. */
void identity_settings_log (const struct root *root, enum identity_settings settings, bool asked,
                            const char *wrong);

/*  Reports in log and journal that node.zpl is valid, and that a restart loads it. */
void identity_settings_taken (const struct root *root);

#endif
