/*  client/spec.h - what a rollout is to do, from settings as people write them

    The names and their values stand in noded/client.h. */

#ifndef CLIENT_SPEC_H
#define CLIENT_SPEC_H

#include "wire/wire.h"

struct client_spec {
    struct wire_rollout rollout; /* owned */
    char *release;               /* as given: a digest or the beginning of one; NULL: the newest. Owned */
};

/*  settings: NAME=VALUE; file: a ZPL file with the same names, or NULL. A setting goes before the file's.
    What is given nowhere gets its default. Returns 0, or -errno with the error filled. */
int client_spec_read (const char *const *settings, size_t n_settings, const char *file,
                      struct client_spec *ret_spec, struct base_error *error);
void client_spec_deinit (struct client_spec *spec);

#endif
