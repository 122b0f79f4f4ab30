/* SPDX-License-Identifier: MPL-2.0 */
/*  node/host_trust.h - the trust root of a host: pinned, shown and checked by its commands, with or without broker or
    running manager */

#ifndef NODE_HOST_TRUST_H
#define NODE_HOST_TRUST_H

#include <stdbool.h>

#include "root/root.h"

/*  Checks a file that is to be pinned: root metadata, signed by its own keys. An expired one is accepted, because its
    successors may not be. Returns 0, or an error with a sentence. */
int node_host_trust_check_file (const char *file, struct base_error *error);

/*  Pins the root metadata in a file. Needs neither broker nor manager; a running manager reads the pinned root at its next
    update, so it is not restarted. ret_running: whether one runs; ret_changed: whether another root was pinned before, or
    none. Returns 0, or an error with a sentence; then nothing is changed. */
int node_host_trust_pin (const struct root *root, const char *file, bool *ret_running, bool *ret_changed,
                         struct base_error *error);

/*  Prints the pinned root, the one in force, what is stored of the other roles, the least release-counters, and why the
    last checks failed. Returns ROOT_E_NONE, without a sentence, if no root is pinned (and says so), or an error with a
    sentence. */
int node_host_trust_show (const struct root *root, struct base_error *error);

/*  Prints the lines of `noded status` about it. */
void node_host_trust_print (const struct root *root);

/*  For `noded verify`: calls found for everything in trust/ that is not signed as it should be. Returns whether there was
    something. */
bool node_host_trust_verify (const struct root *root, void (*found) (void *context, const char *text),
                             void *context);

#endif
