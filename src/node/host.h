/*  node/host.h - the commands on a host itself, with or without broker or running manager

    They read and change the root alone. Output goes to standard output, errors into error. */

#ifndef NODE_HOST_H
#define NODE_HOST_H

#include <stdbool.h>

#include "root/root.h"

/*  What stable, previous and a trial are, and what the manager remembers. json: one object. Returns 0 or
    an error. */
int node_host_status (const struct root *root, bool json, struct base_error *error);

/*  The journal, told for a person; json: the entries as an array. */
int node_host_why (const struct root *root, bool json, struct base_error *error);

/*  Goes back to the previous version and holds it there. A running manager is made to follow by its
    launcher. ret_name: the workspace that is stable now. ret_held: whether the hold could be written down.
    Typed again after it was cut short it completes the same revert. ROOT_E_UNSYNCED: all of it is done, and the
    disk did not say that it would survive a power cut. */
int node_host_revert (const struct root *root, char ret_name[ROOT_NAME_SIZE], bool *ret_running,
                      bool *ret_held, struct base_error *error);

int node_host_quarantine_list (const struct root *root, bool json, struct base_error *error);

/*  release: 64 hexadecimal characters or at least 6 of its beginning; NULL: all. */
int node_host_quarantine_clear (const struct root *root, const char *release, unsigned *ret_count,
                                struct base_error *error);

#endif
