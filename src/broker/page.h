/* SPDX-License-Identifier: MPL-2.0 */
/*  broker/page.h - limits how much of a list goes into one answer */

#ifndef BROKER_PAGE_H
#define BROKER_PAGE_H

#include "wire/wire.h"

enum { BROKER_PAGE_BYTES = 60 * 1024, BROKER_PAGE_COUNT = 512 };

/*  A list under construction: an array of records of one type, on the heap. */
struct broker_page {
    const struct wire_record *record;
    void *items;
    size_t count;
    size_t bytes; /* packed */
};

/*  Moves an item into the page and leaves the item null. Returns 0, -errno, or 1 if the page is full: the
    item then stays the caller's. The first item always fits. */
int broker_page_add (struct broker_page *page, void *item);

/*  Frees the items. */
void broker_page_deinit (struct broker_page *page);

#endif
