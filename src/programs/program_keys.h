/*  programs/program_keys.h - CURVE keys from settings

    A server has

        curve
            secret-key-file = FILE      a certificate as zcert_save_secret writes it,
            secret-key = Z85            or the keys themselves
            public-key = Z85
            allow = Z85                 a client's public key; may come many times

    A client has its own pair in the same way, and the server's public key as server-key. */

#ifndef PROGRAMS_PROGRAM_KEYS_H
#define PROGRAMS_PROGRAM_KEYS_H

#include "base/error.h"
#include "bus/settings.h"
#include "bus/socket.h"

struct program_keys {
    bool configured; /* the settings have any; else bus is all empty */
    struct bus_keys bus;
    char **allowed; /* bus.allowed points here */
};

/*  What is read, NULL-terminated, and the text above for --help. */
extern const char *const program_keys_settings[];
extern const char program_keys_help[];

/*  settings may be NULL. Release with program_keys_deinit. Returns 0 or -errno. */
int program_keys_read (const struct bus_settings *settings, bool is_server, struct program_keys *ret_keys,
                       struct base_error *error);
void program_keys_deinit (struct program_keys *keys);

#endif
