/* SPDX-License-Identifier: MPL-2.0 */
/*  test/fuzz/json.c - fuzz target for the JSON decoder

    The first byte chooses a record, the rest is JSON. An accepted message must be the same after a round trip
    through either form, MessagePack and JSON. */

#include "base/cleanup.h"
#include "test/fuzz/target.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct wire_record *record = fuzz_record (data[0]);
    void *message = fuzz_message (record);
    struct base_error error = {0};
    int rc = wire_json_parse (record, (const char *) data + 1, size - 1, message, &error);
    fuzz_assert (rc == 0 || rc == WIRE_E_MALFORMED || rc == WIRE_E_TOO_LARGE);
    fuzz_assert (rc == 0 || *error.text);
    if (rc == 0)
        fuzz_round_trip (record, message);
    fuzz_assert (fuzz_is_null (record, message));
    free (message);
    return 0;
}
