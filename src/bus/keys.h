/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/keys.h - CURVE keys from settings

    A server has

        curve
            secret-key-file = FILE      a certificate as zcert_save_secret writes it,
            secret-key = Z85            or the keys themselves
            public-key = Z85
            allow = Z85                 a client's public key; may be repeated

    A client has its own key pair in the same way, and the server's public key as server-key; that of a
    separate content peer is content-key.

    Settings with anything below curve/ are never read as settings without keys: an unknown name, an empty
    section or a file that is missing is an error. */

#ifndef BUS_KEYS_H
#define BUS_KEYS_H

#include "base/error.h"
#include "bus/admission.h"
#include "bus/settings.h"
#include "bus/socket.h"

struct bus_keyring {
    bool configured; /* the settings contain keys; else bus is all empty */
    struct bus_keys bus;
    char **allowed; /* server: public keys of clients in Z85, NULL-terminated, owned; NULL: none */
};

/*  The names of the settings that are read, NULL-terminated, and their text for --help. */
extern const char *const bus_keys_settings[];
extern const char bus_keys_help[];

/*  Reads the keys of a server or a client. settings NULL: there are none. The caller frees ret_keys with
    bus_keyring_deinit. Returns 0, or -errno with a sentence. */
int bus_keyring_read (const struct bus_settings *settings, bool is_server, struct bus_keyring *ret_keys,
                      struct base_error *error);
void bus_keyring_deinit (struct bus_keyring *keys);

/*  The keys with which a client connects to the content channel. */
struct bus_keys bus_keys_for_content (const struct bus_keys *keys);

/*  For a server whose settings name its clients: admits the allowed keys to these channels, and no others
    (bus_admission_replace). Returns 0, or -errno with a sentence. */
int bus_keyring_admit (const struct bus_keyring *keys, struct bus_admission *admission, unsigned channels,
                       struct base_error *error);

#endif
