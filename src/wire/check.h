/*  wire/check.h - looks over msgpack bytes before the msgpack library sees them

    The library allocates for a count as soon as it has read the header: five bytes can ask for 100 GB.
    Here every count is held against the bytes that remain, nesting against WIRE_DEPTH_MOST and the whole
    against WIRE_FRAME_MOST, without allocating. */

#ifndef WIRE_CHECK_H
#define WIRE_CHECK_H

#include <stddef.h>

/*  Returns NULL where size bytes are exactly one well-formed msgpack value, else a phrase that says what
    is wrong. */
const char *wire_check (const void *data, size_t size);

#endif
