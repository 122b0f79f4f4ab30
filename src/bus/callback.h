/*  bus/callback.h - how a program tells the manager that started it (schemas/callback.def)

    The manager gives out an endpoint, where it has a PULL socket, and a nonce. Nothing is answered. */

#ifndef BUS_CALLBACK_H
#define BUS_CALLBACK_H

#include "bus/endpoint.h"
#include "wire/wire.h"

#define BUS_CALLBACK_VARIABLE "NODED_READY"

struct bus_callback {
    char endpoint[BUS_ENDPOINT_SIZE];
    char nonce[65];
};

/*  The variable's value, "ENDPOINT NONCE". Returns 0 or -EINVAL with a sentence. */
int bus_callback_parse (const char *text, struct bus_callback *ret_callback, struct base_error *error);

/*  What a program says of itself, but for its nonce and digests: arguments and environment (NULL-terminated)
    as far as a frame has room, the first ones first. Variables that have none are told by their marks: init
    may give an environment that is larger than any frame, and whoever knows what should be there can still
    tell. It points to all that is given. Returns 0 or -ENOMEM. */
int bus_callback_ready (const char *version, char **args, char **env, struct wire_ready *ret_ready);
void bus_callback_ready_deinit (struct wire_ready *ready);

/*  What stands for a variable (NAME=VALUE) without room: on the heap for the caller, or NULL. */
char *bus_callback_mark (const char *entry);

/*  For a program that has no loop: connects, sends, and waits until the message is on its way. Returns 0,
    -ETIMEDOUT where nobody took it in time, -EINVAL where the message breaks its schema or the endpoint is
    none, or another -errno; all with a sentence. */
int bus_callback_deliver (const struct bus_callback *callback, const struct wire_record *record,
                          const void *message, uint64_t timeout_ms, struct base_error *error);

#endif
