/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/page.c - limits how much of a list goes into one answer */

#include "wire/page.h"

#include <errno.h>

#include "base/cleanup.h"

int wire_page_add (struct wire_page *page, void *item)
{
    base_cleanup (base_buffer_deinit) struct base_buffer packed = {.size = 0};
    size_t size = wire_record_size (page->record);
    void *items;
    int r;

    if (page->count == WIRE_PAGE_COUNT)
        return WIRE_PAGE_FULL;
    r = wire_pack (page->record, item, &packed, NULL);
    if (r != 0)
        return r < 0 ? r : -EBADMSG;
    if (page->count > 0 && page->bytes + packed.size > WIRE_PAGE_BYTES)
        return WIRE_PAGE_FULL;
    items = reallocarray (page->items, page->count + 1, size);
    if (!items)
        return -ENOMEM;
    page->items = items;
    memcpy ((char *) items + page->count * size, item, size);
    memset (item, 0, size);
    page->count++;
    page->bytes += packed.size;
    return 0;
}

void wire_page_deinit (struct wire_page *page)
{
    for (size_t i = 0; i < page->count; i++)
        wire_deinit (page->record, (char *) page->items + i * wire_record_size (page->record));
    free (page->items);
    *page = (struct wire_page){.record = page->record};
}
