/* SPDX-License-Identifier: MPL-2.0 */
/*  node/host.h - the commands on a host itself, with or without broker or running manager

    They read and change only the root. Output goes to standard output, errors go into error. */

#ifndef NODE_HOST_H
#define NODE_HOST_H

#include <stdbool.h>

#include "root/root.h"

/*  Prints stable, previous, the trial, and what the manager remembers. json: one object. Returns 0 or an
    error. */
int node_host_status (const struct root *root, bool json, struct base_error *error);

/*  Prints the journal for a person. json: the entries as an array. */
int node_host_why (const struct root *root, bool json, struct base_error *error);

/*  Reverts to the previous version and holds it. A running manager follows through its launcher. ret_name:
    the workspace that is now stable. ret_held: whether the hold could be written. Repeating an interrupted
    revert completes that revert. ROOT_E_UNSYNCED: everything is done, but the disk did not confirm that it
    survives a power cut. */
int node_host_revert (const struct root *root, char ret_name[ROOT_NAME_SIZE], bool *ret_running,
                      bool *ret_held, struct base_error *error);

int node_host_quarantine_list (const struct root *root, bool json, struct base_error *error);

/*  release: 64 hexadecimal characters, or at least the first 6 of them; NULL: all. */
int node_host_quarantine_clear (const struct root *root, const char *release, unsigned *ret_count,
                                struct base_error *error);

#endif
