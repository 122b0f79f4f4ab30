/*  programs/program_bind.h - where a serving program binds, and whether it may */

#ifndef PROGRAMS_PROGRAM_BIND_H
#define PROGRAMS_PROGRAM_BIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "bus/endpoint.h"

/*  "tcp://ADDRESS:PORT". Port 0 picks a free one; an address with colons is put into brackets;
    "ipc://PATH" goes to ipc://PATH/NAME whatever the port. Returns 0 or -EINVAL. */
int program_bind_endpoint (const char *address, uint64_t port, const char *name,
                           char ret_endpoint[BUS_ENDPOINT_SIZE], struct base_error *error);

/*  All four of a broker, on the ports from base on. base 0: any free ones, not in a row. */
int program_bind_endpoints (const char *address, uint64_t base, struct bus_endpoints *ret_endpoints,
                            struct base_error *error);

/*  Without keys, only this host may be listened to, unless somebody says that it is meant. Returns 0 or
    -EPERM with a sentence that says what to do. */
int program_bind_check (const char *address, bool has_keys, bool insecure, struct base_error *error);

/*  Raises the soft limit of open files to the hard one. Returns the limit that holds then. */
uint64_t program_files_raise (void);

/*  How many connections fit into so many open files, beside the program's own: its sockets, records, contents
    that are served, and those that come faster than others are ended. Where files are out, libzmq spins. */
unsigned program_connections (uint64_t files);

#endif
