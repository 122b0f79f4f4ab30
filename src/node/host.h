/* SPDX-License-Identifier: MPL-2.0 */
/*  node/host.h - the commands on a host itself, with or without broker or running manager

    They read and change only the root, which must be open. Output is printed on standard output. Each returns
    0, -errno or a ROOT_E_ code, with a sentence in error. json: print the records of schemas/ as JSON. */

#ifndef NODE_HOST_H
#define NODE_HOST_H

#include <stdbool.h>

#include "root/root.h"

/*  Prints stable, previous, the trial and the order state. json: one object. Returns ROOT_E_DAMAGED, after
    printing, if stable is dangling. */
int node_host_status (const struct root *root, bool json, struct base_error *error);

/*  Prints the last entries of the journal. json: an array. */
int node_host_why (const struct root *root, bool json, struct base_error *error);

/*  Reverts to the previous version and holds it. A running manager is ended, and its launcher starts that
    version. ret_name: the workspace that is now stable. ret_running: whether a manager runs. ret_held:
    whether the hold could be written. Repeating an interrupted revert completes it. Returns ROOT_E_UNSYNCED
    if everything is done, but the disk did not confirm that it survives a power cut. */
int node_host_revert (const struct root *root, char ret_name[ROOT_NAME_SIZE], bool *ret_running,
                      bool *ret_held, struct base_error *error);

/*  Prints the quarantined releases. json: an array. */
int node_host_quarantine_list (const struct root *root, bool json, struct base_error *error);

/*  Clears the quarantine of one release. release: 64 hexadecimal characters, or at least the first 6 of them;
    NULL: all releases. ret_count: number of cleared releases. Returns ROOT_E_NONE if release is not exactly
    one quarantined release. */
int node_host_quarantine_clear (const struct root *root, const char *release, unsigned *ret_count,
                                struct base_error *error);

#endif
