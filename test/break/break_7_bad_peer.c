/* SPDX-License-Identifier: MPL-2.0 */
/*  test/break/break_7_bad_peer.c - a broker that ends if it cannot decode a message */

#include <stdlib.h>

#include "wire/wire.h"

int __real_wire_unpack (const struct wire_record *record, const void *data, size_t size, void *ret_message,
                        struct base_error *error);

int __wrap_wire_unpack (const struct wire_record *record, const void *data, size_t size, void *ret_message,
                        struct base_error *error)
{
    int rc = __real_wire_unpack (record, data, size, ret_message, error);
    if (rc)
        abort ();
    return rc;
}
