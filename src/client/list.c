/* SPDX-License-Identifier: MPL-2.0 */
/*  client/list.c - requests whose answers are lists: all pages become one array */

#include "client/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cleanup.h"

/*  More than any fleet has: a broker must not make its client grow without bound. */
enum { ITEMS_MOST = 4 * 1000 * 1000 };

void client_items_deinit (const struct client_list *list, struct client_items *items)
{
    base_assert (list && list->item);
    base_assert (items);
    base_assert (items->items || items->count == 0);
    for (size_t i = 0; i < items->count; i++)
        wire_deinit (list->item, (char *) items->items + i * wire_record_size (list->item));
    free (items->items);
    *items = (struct client_items){.count = 0};
}

static void *member_of (void *message, size_t offset)
{
    return (char *) message + offset;
}

/*  Moves the items of an answer to the end of the list. */
static int items_move (const struct client_list *list, void *answer, struct client_items *items)
{
    base_assert (items->items || items->count == 0);
    base_assert (items->count <= ITEMS_MOST);
    void **from = member_of (answer, list->items);
    size_t *count = member_of (answer, list->n_items), size = wire_record_size (list->item);
    if (*count == 0)
        return 0;
    if (items->count + *count > ITEMS_MOST)
        return -E2BIG;
    void *grown = reallocarray (items->items, items->count + *count, size);
    if (!grown)
        return -ENOMEM;
    memcpy ((char *) grown + items->count * size, *from, *count * size);
    items->items = grown;
    items->count += *count;
    free (*from);
    *from = NULL;
    *count = 0;
    return 0;
}

/*  A list that does not advance would be requested without end. */
static int page_check (noded_client *client, const char *after, const char *next, const char *what)
{
    base_assert (what);
    if (!next || (after && strcmp (after, next) == 0))
        return base_error_set (
            &client->error, -EPROTO,
            "cannot %s: the broker's list continues, but the answer has no valid continuation", what);
    return 0;
}

/*  Moves the items of a page to the list. */
static int page_take (noded_client *client, const struct client_list *list, void *request, const char *what,
                      void *answer, struct client_items *items, char **ret_next)
{
    base_assert (answer);
    base_assert (ret_next);
    struct wire_answer head;
    memcpy (&head, answer, sizeof head);
    char **next = member_of (answer, list->next), **after = member_of (request, list->after);
    bool more = *(bool *) member_of (answer, list->more);
    if (more) {
        int r = page_check (client, *after, *next, what);
        if (r < 0)
            return r;
    }
    int r = items_move (list, answer, items);
    if (r == -E2BIG)
        return base_error_set (&client->error, -EPROTO, "cannot %s: the broker's list has more than %d items",
                               what, ITEMS_MOST);
    if (r < 0)
        return client_out_of_memory (client);
    if (!items->revision || head.revision < items->revision)
        items->revision = head.revision;
    *ret_next = more ? base_take (*next) : NULL;
    return 0;
}

/*  Requests one page. *ret_next: where the next one begins, on the heap; NULL: this was the last one. */
static int page_ask (noded_client *client, const struct client_list *list, void *request, uint64_t wait_ms,
                     const char *what, struct client_items *items, char **ret_next)
{
    base_assert (list->request && list->item);
    base_assert (ret_next);
    const struct wire_record *record = wire_record_answer (list->request);
    base_cleanup (base_free_p) void *answer = calloc (1, wire_record_size (record));
    if (!answer)
        return client_out_of_memory (client);
    int r = client_ask (client, list->request, request, wait_ms, what, answer);
    if (r < 0)
        return r;
    r = page_take (client, list, request, what, answer, items, ret_next);
    wire_deinit (record, answer);
    return r;
}

int client_list_ask (noded_client *client, const struct client_list *list, void *request, uint64_t wait_ms,
                     const char *what, struct client_items *items)
{
    base_assert (list && list->request && list->item);
    base_assert (request && what);
    base_assert (items);
    base_cleanup (base_free_p) char *after = NULL;
    int r;
    do {
        char *next = NULL;
        *(char **) member_of (request, list->after) = after;
        if (list->wait_ms)
            *(uint64_t *) member_of (request, list->wait_ms) = wait_ms;
        r = page_ask (client, list, request, wait_ms, what, items, &next);
        wait_ms = 0; /* only the first page waits */
        free (after);
        after = next;
    } while (r == 0 && after);
    *(char **) member_of (request, list->after) = NULL;
    return r;
}
