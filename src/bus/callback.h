/* SPDX-License-Identifier: MPL-2.0 */
/*  bus/callback.h - how a program reports to the manager that started it (schemas/callback.def)

    The manager hands out an endpoint, where it has a PULL socket, and a nonce. It sends no answer. */

#ifndef BUS_CALLBACK_H
#define BUS_CALLBACK_H

#include "bus/endpoint.h"
#include "wire/wire.h"

#define BUS_CALLBACK_VARIABLE "NODED_READY"

struct bus_callback {
    char endpoint[BUS_ENDPOINT_SIZE];
    char nonce[65];
};

/*  Parses the variable's value, "ENDPOINT NONCE". Returns 0 or -EINVAL with a sentence. */
int bus_callback_parse (const char *text, struct bus_callback *ret_callback, struct base_error *error);

/*  Fills in a program's report, except nonce and digests: arguments and environment (NULL-terminated) in
    their order, as far as a frame has room. A variable without room is reported by its mark: init may give an
    environment that is larger than any frame, and the manager compares marks with what should be there.
    ret_ready points into the arguments given here; free it with bus_callback_ready_deinit. Returns 0 or
    -ENOMEM. */
int bus_callback_ready (const char *version, char **args, char **env, struct wire_ready *ret_ready);
void bus_callback_ready_deinit (struct wire_ready *ready);

/*  The mark of a variable (NAME=VALUE): the first 16 hexadecimal digits of its SHA-256. The caller owns it.
    Returns NULL if memory is exhausted. */
char *bus_callback_mark (const char *entry);

/*  For a program that has no loop: connects, sends, and waits until libzmq has taken the message. Returns 0,
    -ETIMEDOUT if no peer accepted it in time, -EINVAL if the message violates its schema or the endpoint is
    invalid, or another -errno; all with a sentence. */
int bus_callback_deliver (const struct bus_callback *callback, const struct wire_record *record,
                          const void *message, uint64_t timeout_ms, struct base_error *error);

#endif
