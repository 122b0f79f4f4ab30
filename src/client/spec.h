/* SPDX-License-Identifier: MPL-2.0 */
/*  client/spec.h - the spec of a rollout, read from settings in text form

    noded/client.h lists the names and their values. */

#ifndef CLIENT_SPEC_H
#define CLIENT_SPEC_H

#include "wire/wire.h"

struct client_spec {
    struct wire_rollout rollout; /* owned */
    char *release;               /* as given: a digest or its first digits; NULL: the newest. Owned */
};

/*  settings: NAME=VALUE; file: a ZPL file with the same names, or NULL. A setting takes precedence over the
    file. A name that neither contains gets its default. Returns 0, or -errno with the error filled in. */
int client_spec_read (const char *const *settings, size_t n_settings, const char *file,
                      struct client_spec *ret_spec, struct base_error *error);
void client_spec_deinit (struct client_spec *spec);

#endif
