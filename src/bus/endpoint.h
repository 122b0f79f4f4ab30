/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/endpoint.h - the endpoints of an origin's four channels */

#ifndef BUS_ENDPOINT_H
#define BUS_ENDPOINT_H

#include <stdbool.h>

#include "base/error.h"

enum { BUS_ENDPOINT_SIZE = 320 };

struct bus_endpoints {
    char announce[BUS_ENDPOINT_SIZE];
    char control[BUS_ENDPOINT_SIZE];
    char content[BUS_ENDPOINT_SIZE];
    char events[BUS_ENDPOINT_SIZE];
};

/*  "HOST", "HOST:PORT", "[V6]:PORT" (PORT: the first of the four; default 7670) become
    tcp://HOST:PORT..PORT+3; "ipc://PATH" becomes ipc://PATH/announce and so on. Returns 0 or -EINVAL with a
    sentence that shows the accepted forms. */
int bus_endpoints_parse (const char *text, struct bus_endpoints *ret_endpoints, struct base_error *error);

/*  The endpoint of a content peer: "HOST", "HOST:PORT" or "[V6]:PORT" (default 7672) becomes tcp://HOST:PORT;
    a complete endpoint is copied. Returns 0 or -EINVAL with a sentence. */
int bus_content_parse (const char *text, char ret_endpoint[BUS_ENDPOINT_SIZE], struct base_error *error);

/*  Whether an address to bind is a loopback address. */
bool bus_address_is_loopback (const char *address);

#endif
