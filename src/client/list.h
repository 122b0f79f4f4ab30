/* SPDX-License-Identifier: MPL-2.0 */
/*  client/list.h - requests whose answers are lists: all pages become one array */

#ifndef CLIENT_LIST_H
#define CLIENT_LIST_H

#include "client/client.h"

/*  Where a list's members are in its request and answer. */
struct client_list {
    const struct wire_record *request, *item;
    size_t after, wait_ms;             /* in the request; wait_ms 0: it cannot wait */
    size_t items, n_items, more, next; /* in the answer */
};

#define CLIENT_LIST_OF(request_, answer_, item_, ...)                                                        \
    {                                                                                                        \
        .request = &wire_##request_##_record, .item = &wire_##item_##_record,                                \
        .after = offsetof (struct wire_##request_, after),                                                   \
        .items = offsetof (struct wire_##answer_, answer_),                                                  \
        .n_items = offsetof (struct wire_##answer_, n_##answer_),                                            \
        .more = offsetof (struct wire_##answer_, more), .next = offsetof (struct wire_##answer_, next),      \
        __VA_ARGS__                                                                                          \
    }

/*  A list under construction. Null value: all zero. The items are an array of the list's records, on the heap:
    the caller owns it. */
struct client_items {
    void *items;
    size_t count;
    uint64_t revision; /* the lowest of all pages: a change made meanwhile is returned again next time */
};
void client_items_deinit (const struct client_list *list, struct client_items *items);

/*  Requests all pages, and appends their items. wait_ms: how long the first answer may wait. what: as in
    client_ask. Returns 0 or -errno with client->error filled in; the items then stay as they are. */
int client_list_ask (noded_client *client, const struct client_list *list, void *request, uint64_t wait_ms,
                     const char *what, struct client_items *items);

#endif
