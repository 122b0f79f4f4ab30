/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/prefix.c - fuzz target for a prefix frame, followed by the frame that it announces */

#include "test/fuzz/target.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const struct wire_record *record = NULL;
    size_t prefix = size < WIRE_PREFIX_SIZE ? size : WIRE_PREFIX_SIZE;
    int rc = wire_prefix_read (data, prefix, &record);
    fuzz_assert (rc == 0 || (rc == WIRE_E_FOREIGN && !record));
    fuzz_assert (prefix == size || wire_prefix_read (data, size, &record) == WIRE_E_FOREIGN);
    if (rc)
        return 0;
    uint8_t again[WIRE_PREFIX_SIZE];
    wire_prefix (record, again);
    fuzz_assert (wire_record_of (data[3]) == record &&
                 (again[3] == data[3] || record == &wire_request_record)); /* a request of unknown type */
    void *message = fuzz_message (record);
    if (wire_unpack (record, data + prefix, size - prefix, message, NULL) == 0)
        fuzz_round_trip (record, message);
    free (message);
    return 0;
}
