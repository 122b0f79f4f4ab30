/*  broker/page.h - how much of a list goes into one answer */

#ifndef BROKER_PAGE_H
#define BROKER_PAGE_H

#include "wire/wire.h"

enum { BROKER_PAGE_BYTES = 60 * 1024, BROKER_PAGE_COUNT = 512 };

/*  A list in the making: an array of one record on the heap. */
struct broker_page {
    const struct wire_record *record;
    void *items;
    size_t count;
    size_t bytes; /* packed */
};

/*  Takes an item over into the page, and leaves the item null. Returns 0, -errno, or 1 where the page is
    full: the item is then still the caller's. The first item always finds room. */
int broker_page_add (struct broker_page *page, void *item);

/*  Frees what is in it. */
void broker_page_deinit (struct broker_page *page);

#endif
