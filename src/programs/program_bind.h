/* SPDX-License-Identifier: MPL-2.0 */
/*  programs/program_bind.h - the address that a serving program binds to, and whether it may */

#ifndef PROGRAMS_PROGRAM_BIND_H
#define PROGRAMS_PROGRAM_BIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bus/endpoint.h"

/*  Formats "tcp://ADDRESS:PORT". Port 0 picks a free one. An address with colons is put into brackets.
    "ipc://PATH" becomes ipc://PATH/NAME, whatever the port. Returns 0 or -EINVAL. */
int program_bind_endpoint (const char *address, uint64_t port, const char *name,
                           char ret_endpoint[BUS_ENDPOINT_SIZE], struct base_error *error);

/*  Formats all four endpoints of a broker, on the ports from base on. base 0: any free ports, not in a
    row. */
int program_bind_endpoints (const char *address, uint64_t base, struct bus_endpoints *ret_endpoints,
                            struct base_error *error);

/*  Without keys, only an address of this host is allowed, unless insecure is set. Returns 0, or -EPERM with a
    sentence that says what to do. */
int program_bind_check (const char *address, bool has_keys, bool insecure, struct base_error *error);

/*  Raises the soft limit of open files to the hard limit. Returns the limit that then applies. */
uint64_t program_files_raise (void);

/*  Returns how many connections fit into a limit of open files. The rest is for the program itself: its
    sockets, records, blobs that are served, and connections that arrive faster than others are ended. libzmq
    spins when no descriptor is left. */
unsigned program_connections (uint64_t files);

#endif
