/*  client/json.h - writing JSON line by line

    The form is that of noded/client.h: a list has one object a line. Values that are absent are written
    all the same. */

#ifndef CLIENT_JSON_H
#define CLIENT_JSON_H

#include "wire/wire.h"

/*  An array in the making. Null value: all zero. failed: memory was out; everything after it does nothing. */
struct client_json {
    struct base_buffer text;
    size_t count;
    bool failed;
};

void client_json_deinit (struct client_json *json);

/*  Appends an object: any record as wire/wire.h writes it, or a node in its own form. */
void client_json_record (struct client_json *json, const struct wire_record *record, const void *message);
void client_json_node (struct client_json *json, const struct wire_node *node, const char *application);

/*  The whole array, for the caller; json is null afterwards. NULL where memory was out. */
char *client_json_take (struct client_json *json);

#endif
