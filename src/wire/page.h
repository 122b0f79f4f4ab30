/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/page.h - limits how much of a list goes into one answer */

#ifndef WIRE_PAGE_H
#define WIRE_PAGE_H

#include "wire/wire.h"

enum { WIRE_PAGE_BYTES = 60 * 1024, WIRE_PAGE_COUNT = 512 };

/*  A contract code: the page has no room for the item. */
enum { WIRE_PAGE_FULL = 1 };

/*  A list under construction: an array of records of one type, on the heap. */
struct wire_page {
    const struct wire_record *record;
    void *items;
    size_t count;
    size_t bytes; /* packed */
};

/*  Moves an item into the page and leaves the item null. Returns 0, -errno, or WIRE_PAGE_FULL: the item then
    stays the caller's. The first item always fits. */
int wire_page_add (struct wire_page *page, void *item);

/*  Frees the items. */
void wire_page_deinit (struct wire_page *page);

#endif
