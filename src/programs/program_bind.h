/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/program_bind.h - the address that a serving program binds to, and whether it may */

#ifndef PROGRAMS_PROGRAM_BIND_H
#define PROGRAMS_PROGRAM_BIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bus/endpoint.h"
#include "bus/keys.h"

/*  Formats "tcp://ADDRESS:PORT". Port 0 picks a free one. An address with colons is put into brackets.
    "ipc://PATH" becomes ipc://PATH/NAME, whatever the port. Returns 0 or -EINVAL. */
int program_bind_endpoint (const char *address, uint64_t port, const char *name,
                           char ret_endpoint[BUS_ENDPOINT_SIZE], struct base_error *error);

/*  Formats all four endpoints of a broker, on the ports from base on. base 0: any free ports, not in a
    row. */
int program_bind_endpoints (const char *address, uint64_t base, struct bus_endpoints *ret_endpoints,
                            struct base_error *error);

/*  Without keys, only ipc is allowed, unless insecure is set: every local user reaches loopback. Returns 0, or
    -EPERM with a sentence that says what to do. */
int program_bind_check (const char *address, bool has_keys, bool insecure, struct base_error *error);

/*  Makes the table of who may connect, for a program whose clients are in its settings: with keys the allowed
    ones, on every channel; over ipc without keys root and the user of this process. *ret_admission NULL:
    everybody (TCP without keys). The caller owns it. Returns 0 or -errno. */
int program_bind_admission (const char *address, const struct bus_keyring *keys,
                            struct bus_admission **ret_admission, struct base_error *error);

/*  Raises the soft limit of open files to the hard limit. Returns the limit that then applies. */
uint64_t program_files_raise (void);

/*  Returns how many connections fit into a limit of open files. The rest is for the program itself: its
    sockets, records, blobs that are served, and connections that arrive faster than others are ended. libzmq
    spins when no descriptor is left. */
unsigned program_connections (uint64_t files);

#endif
