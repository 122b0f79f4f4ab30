/* SPDX-License-Identifier: MPL-2.0 */
/*  wire/check.h - checks msgpack bytes before the msgpack library reads them

    The library allocates for a count as soon as it has read the header: five bytes can request 100 GB. Here
    every count is compared with the bytes that remain, the nesting with WIRE_DEPTH_MOST and the whole with
    WIRE_FRAME_MOST, without allocating. */

#ifndef WIRE_CHECK_H
#define WIRE_CHECK_H

#include <stddef.h>

/*  Returns NULL if size bytes are exactly one well-formed msgpack value, else a phrase that names the
    fault. */
const char *wire_check (const void *data, size_t size);

#endif
