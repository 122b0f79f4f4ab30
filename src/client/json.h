/* SPDX-License-Identifier: MPL-2.0 */
/*  client/json.h - writing JSON line by line

    The form is that of noded/client.h: a list has one object a line. Absent values are written, too. */

#ifndef CLIENT_JSON_H
#define CLIENT_JSON_H

#include "wire/wire.h"

/*  An array under construction. Null value: all zero. failed: memory was exhausted; later calls do
    nothing. */
struct client_json {
    struct base_buffer text;
    size_t count;
    bool failed;
};

void client_json_deinit (struct client_json *json);

/*  Appends an object: any record in the form of wire/wire.h, or a node in its own form. */
void client_json_record (struct client_json *json, const struct wire_record *record, const void *message);
void client_json_node (struct client_json *json, const struct wire_node *node, const char *application);

/*  Returns the whole array; caller owns, json is null afterwards. NULL if memory was exhausted. */
char *client_json_take (struct client_json *json);

#endif
