/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/check.c - checks msgpack bytes before the msgpack library reads them */

#include "wire/check.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"
#include "wire/wire.h"

struct walk {
    const uint8_t *at;
    const uint8_t *end;
    size_t left[WIRE_DEPTH_MOST + 1]; /* values still to come at each level */
    unsigned depth;
};

/*  The meaning of a value's first byte: how many bytes of a length or count follow, and what that number
    counts. */
struct head {
    uint8_t number_size; /* bytes of the number after the first byte; 0: the first byte contains it */
    bool container;
    uint8_t each;  /* values in an item of a container */
    uint8_t extra; /* bytes that are not counted: the type of an ext */
    size_t number; /* bytes of payload, or items */
};

static bool head_read (uint8_t byte, struct head *head)
{
    *head = (struct head){0};
    if (byte <= 0x7f || byte >= 0xe0) /* fixint */
        return true;
    if (byte <= 0x8f) { /* fixmap */
        *head = (struct head){.container = true, .each = 2, .number = byte & 0x0f};
        return true;
    }
    if (byte <= 0x9f) { /* fixarray */
        *head = (struct head){.container = true, .each = 1, .number = byte & 0x0f};
        return true;
    }
    if (byte <= 0xbf) { /* fixstr */
        head->number = byte & 0x1f;
        return true;
    }
    static const struct head heads[] = {
        [0xc0 - 0xc0] = {.number = 0}, /* nil */
        [0xc2 - 0xc0] = {.number = 0}, /* false, true */
        [0xc3 - 0xc0] = {.number = 0},
        [0xc4 - 0xc0] = {.number_size = 1}, /* bin */
        [0xc5 - 0xc0] = {.number_size = 2},
        [0xc6 - 0xc0] = {.number_size = 4},
        [0xc7 - 0xc0] = {.number_size = 1, .extra = 1}, /* ext */
        [0xc8 - 0xc0] = {.number_size = 2, .extra = 1},
        [0xc9 - 0xc0] = {.number_size = 4, .extra = 1},
        [0xca - 0xc0] = {.number = 4}, /* float */
        [0xcb - 0xc0] = {.number = 8},
        [0xcc - 0xc0] = {.number = 1}, /* uint */
        [0xcd - 0xc0] = {.number = 2},
        [0xce - 0xc0] = {.number = 4},
        [0xcf - 0xc0] = {.number = 8},
        [0xd0 - 0xc0] = {.number = 1}, /* int */
        [0xd1 - 0xc0] = {.number = 2},
        [0xd2 - 0xc0] = {.number = 4},
        [0xd3 - 0xc0] = {.number = 8},
        [0xd4 - 0xc0] = {.number = 1, .extra = 1}, /* fixext */
        [0xd5 - 0xc0] = {.number = 2, .extra = 1},
        [0xd6 - 0xc0] = {.number = 4, .extra = 1},
        [0xd7 - 0xc0] = {.number = 8, .extra = 1},
        [0xd8 - 0xc0] = {.number = 16, .extra = 1},
        [0xd9 - 0xc0] = {.number_size = 1}, /* str */
        [0xda - 0xc0] = {.number_size = 2},
        [0xdb - 0xc0] = {.number_size = 4},
        [0xdc - 0xc0] = {.number_size = 2, .container = true, .each = 1}, /* array */
        [0xdd - 0xc0] = {.number_size = 4, .container = true, .each = 1},
        [0xde - 0xc0] = {.number_size = 2, .container = true, .each = 2}, /* map */
        [0xdf - 0xc0] = {.number_size = 4, .container = true, .each = 2},
    };
    if (byte == 0xc1)
        return false;
    *head = heads[byte - 0xc0];
    return true;
}

static const char *walk_value (struct walk *walk)
{
    struct head head;
    if (walk->at == walk->end)
        return "ends too early";
    if (!head_read (*walk->at++, &head))
        return "has a byte that starts no value";
    if ((size_t) (walk->end - walk->at) < head.number_size)
        return "ends too early";
    for (unsigned i = 0; i < head.number_size; i++)
        head.number = head.number << 8 | *walk->at++;
    size_t remain = (size_t) (walk->end - walk->at);
    if (!head.container) {
        if (remain < head.extra || remain - head.extra < head.number)
            return "ends too early";
        walk->at += head.extra + head.number;
        return NULL;
    }
    /*  Every item takes at least a byte, so a count beyond the bytes that remain cannot be true. */
    if (head.number > remain / head.each)
        return "declares more items than it has bytes";
    if (walk->depth == WIRE_DEPTH_MOST)
        return "is nested too deep";
    walk->left[++walk->depth] = head.number * head.each;
    return NULL;
}

const char *wire_check (const void *data, size_t size)
{
    base_assert (data || size == 0);
    struct walk walk = {.at = data, .end = (const uint8_t *) data + size, .left = {1}};
    if (size > WIRE_FRAME_MOST)
        return "is larger than a frame may be";
    for (;;) {
        while (walk.left[walk.depth] == 0) {
            if (walk.depth-- == 0)
                return walk.at == walk.end ? NULL : "continues after its end";
        }
        walk.left[walk.depth]--;
        const char *fault = walk_value (&walk);
        if (fault)
            return fault;
    }
}
