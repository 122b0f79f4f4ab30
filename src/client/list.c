/* SPDX-License-Identifier: MPL-2.0 */
/*  client/list.c - requests whose answers are lists: all pages become one array */

#include "client/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/*  More than any fleet has: a broker must not make its client grow without bound. */
enum { ITEMS_MOST = 4 * 1000 * 1000 };

void client_items_deinit (const struct client_list *list, struct client_items *items)
{
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
    if (!next || (after && strcmp (after, next) == 0))
        return base_error_set (
            &client->error, -EPROTO,
            "cannot %s: the broker's list continues, but the answer has no valid continuation", what);
    return 0;
}

/*  Requests one page. *ret_next: where the next one begins, on the heap; NULL: this was the last one. */
static int page_ask (noded_client *client, const struct client_list *list, void *request, uint64_t wait_ms,
                     const char *what, struct client_items *items, char **ret_next)
{
    const struct wire_record *record = wire_record_answer (list->request);
    base_cleanup (base_free_p) void *answer = calloc (1, wire_record_size (record));
    struct wire_answer head;
    if (!answer)
        return client_out_of_memory (client);
    int rc = client_ask (client, list->request, request, wait_ms, what, answer);
    if (rc != 0)
        return rc;
    memcpy (&head, answer, sizeof head);
    char **next = member_of (answer, list->next), **after = member_of (request, list->after);
    *ret_next = NULL;
    if (*(bool *) member_of (answer, list->more))
        rc = page_check (client, *after, *next, what);
    if (rc == 0) {
        int moved = items_move (list, answer, items);
        if (moved == -E2BIG)
            rc = base_error_set (&client->error, -EPROTO,
                                 "cannot %s: the broker's list has more than %d items", what, ITEMS_MOST);
        else if (moved != 0)
            rc = client_out_of_memory (client);
    }
    if (rc == 0 && (!items->revision || head.revision < items->revision))
        items->revision = head.revision;
    if (rc == 0 && *(bool *) member_of (answer, list->more))
        *ret_next = base_take (*next);
    wire_deinit (record, answer);
    return rc;
}

int client_list_ask (noded_client *client, const struct client_list *list, void *request, uint64_t wait_ms,
                     const char *what, struct client_items *items)
{
    base_cleanup (base_free_p) char *after = NULL;
    int rc = 0;
    for (bool more = true; more && rc == 0;) {
        char *next = NULL;
        *(char **) member_of (request, list->after) = after;
        if (list->wait_ms)
            *(uint64_t *) member_of (request, list->wait_ms) = wait_ms;
        rc = page_ask (client, list, request, wait_ms, what, items, &next);
        wait_ms = 0; /* only the first page waits */
        free (after);
        after = next;
        more = after;
    }
    *(char **) member_of (request, list->after) = NULL;
    return rc;
}
